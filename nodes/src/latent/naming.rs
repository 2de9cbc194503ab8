//! The names that nodes read pictures' codes by: a picture model's own, and those in a file.

use std::path::{Path, PathBuf};

use score_engine::{Check, InputPort, Latent, NodeError, Settings};

use crate::model::{Manifest, Task};
use crate::names::{Kind, Name, Names};

/// A model's names, and those of a file of the artist's own, which come first.
pub(super) struct Naming {
    model: Names,
    own: Option<Names>,
}

impl Naming {
    /// Reads both.
    ///
    /// # Errors
    /// There is no such picture model, it has no names, or the file is broken or of other codes.
    pub(super) fn load(
        settings: &Settings,
        model: &str,
        own: Option<&Path>,
    ) -> Result<Self, NodeError> {
        let (_, naming) = Naming::of(settings, model)?;
        match own {
            Some(own) => naming.with(own),
            None => Ok(naming),
        }
    }

    /// Reads those of a model, and gives the manifest that lists it.
    fn of(settings: &Settings, model: &str) -> Result<(Manifest, Self), NodeError> {
        let manifest = Manifest::of(settings)?;
        manifest.model(model, Task::Picture)?;
        let names = Names::of_manifest(&manifest, model)?;
        let naming = Naming {
            model: names,
            own: None,
        };
        Ok((manifest, naming))
    }

    /// The same, with those of a file.
    fn with(mut self, path: &Path) -> Result<Self, NodeError> {
        let own = Names::read(path)?;
        own.require(self.dimension(), path)?;
        self.own = Some(own);
        Ok(self)
    }

    /// Components of the codes.
    pub(super) fn dimension(&self) -> usize {
        self.model.mean.len()
    }

    /// The middle of the model's codes.
    pub(super) fn mean(&self) -> &[f32] {
        &self.model.mean
    }

    /// The direction called `name`.
    ///
    /// # Errors
    /// There is none. The advice lists those that there are.
    pub(super) fn find(&self, name: &str) -> Result<&Name, NodeError> {
        let own = self.own.as_ref().and_then(|own| own.names.get(name));
        own.map_or_else(|| self.model.find(name), Ok)
    }

    /// The direction that a node's parameter `name` chooses: if it is left out, the first of the
    /// file's, else `usual`.
    ///
    /// # Errors
    /// There is none of that name.
    pub(super) fn chosen(&self, name: Option<&str>, usual: &str) -> Result<&Name, NodeError> {
        let first = self.own.as_ref().and_then(|own| own.names.keys().next());
        self.find(name.or(first.map(String::as_str)).unwrap_or(usual))
    }

    /// The model's own direction called `name`, if it is of this kind.
    pub(super) fn of_model(&self, name: &str, kind: Option<Kind>) -> Option<&Name> {
        let found = self.model.names.get(name)?;
        kind.is_none_or(|kind| found.kind == kind).then_some(found)
    }
}

/// Reads the names for a node that is checked. What cannot be read is refused, each at the
/// parameter that names it, and so are codes of another dimension.
pub(super) fn checked(
    check: &mut Check<'_>,
    input: InputPort<Latent>,
    model: &str,
    own: Option<&PathBuf>,
) -> Option<Naming> {
    let (manifest, alone) = match Naming::of(check.settings, model) {
        Ok(found) => found,
        Err(error) => {
            check.refuse_for("model", &error);
            return None;
        }
    };
    check.require_dimension(input, alone.dimension(), &format!("the model `{model}`"));
    let Some(path) = own else {
        return Some(alone);
    };
    if !check.require_file("own", path, "file with names") {
        return None;
    }
    let naming = match alone.with(path) {
        Ok(naming) => naming,
        Err(error) => {
            check.refuse_for("own", &error);
            return None;
        }
    };
    let own = naming.own.as_ref();
    if own.is_some_and(|own| !own.is_of(&manifest, model)) {
        let what = format!(
            "`{}` was taught with another version of the model `{model}`",
            path.display()
        );
        let help = "teach it again with `score tag --new`".to_owned();
        check.warn("own", what, Some(help));
    }
    Some(naming)
}
