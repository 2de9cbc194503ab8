//! What a text may name whose writer may not name everything: one that comes from a page, say.

use std::path::Path;

use serde_json::{Map, Value};

use super::Checker;
use crate::descriptor::Descriptor;
use crate::patch::Source;
use crate::patch::tree::Spot;

/// Decides what a text may name, before anything that it names is opened, and what stands in files
/// that are edited and not saved yet.
pub trait Admission {
    /// What stands in the file of an included patch, where that is edited and not saved yet.
    fn edited(&self, file: &Path) -> Option<String> {
        let _ = file;
        None
    }

    /// Whether an included patch may be read.
    ///
    /// # Errors
    /// Why not.
    fn part(&self, file: &Path) -> Result<(), String>;

    /// Whether a file that is included, and was read, may be quoted in what is said of it. Whether
    /// it is a patch, so that it can be read and has a `format`, is known by then.
    fn may_quote(&self, file: &Path, is_patch: bool) -> bool;

    /// What of the values of a node is not allowed: the parameter, or `None` for the kind, and why.
    /// Paths are absolute.
    fn node(&self, kind: &Descriptor, values: &Map<String, Value>)
    -> Vec<(Option<String>, String)>;

    /// A node has a kind that is not in the registry, which is reported.
    fn unknown_kind(&self, kind: &str);
}

impl Checker<'_> {
    /// Whether a node may have these values; what it may not have is reported.
    pub(super) fn admit_node(
        &mut self,
        kind: &Descriptor,
        values: &Map<String, Value>,
        spot: impl Fn(Option<&str>) -> Spot,
    ) -> bool {
        let Some(admission) = self.admission else {
            return true;
        };
        let refused = admission.node(kind, values);
        let is_admitted = refused.is_empty();
        for (param, why) in refused {
            self.report(spot(param.as_deref()), why, None);
        }
        is_admitted
    }

    /// What stands in the file of an included patch, where that is edited and not saved yet.
    pub(super) fn edited_part(&self, file: &Path, name: &str) -> Option<Source> {
        let text = self.admission?.edited(file)?;
        let folder = file.parent().unwrap_or(Path::new("")).to_path_buf();
        Some(Source::text(name, &text, folder))
    }

    /// Whether a file may be quoted; `None`: what stands in it cannot be read as text.
    pub(super) fn may_quote(&self, file: &Path, source: Option<&Source>) -> bool {
        self.admission
            .is_none_or(|admission| admission.may_quote(file, source.is_some_and(Source::is_patch)))
    }
}
