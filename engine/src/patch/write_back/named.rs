//! Finds the line of a `let` value.

use super::{Anatomy, LET, Nodes, ValueChange, WriteBack, Written};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::param::Param;
use crate::patch::tree::{Shape, Tree};

impl<'t> Nodes<'t> {
    /// What the patch gives for the `let` of the patch that it includes as `part`.
    pub(super) fn given_let(&self, part: &str) -> Option<(&'t Tree, Anatomy<'t>)> {
        let (_, entry) = self.parts.get(part)?;
        let Shape::Struct(_, fields) = &entry.shape else {
            return None;
        };
        let found = fields.iter().find(|(name, _)| name.text == LET)?;
        Some((&found.1, Anatomy::of_transport(found)?))
    }
}

impl<'t> WriteBack<'t> {
    /// Where the `let` value goes that is declared as `param`.
    pub(super) fn named_change(
        &self,
        written: &'t Written,
        param: &'t Param,
    ) -> Result<ValueChange<'t>, Diagnostic> {
        let part = written.node.strip_suffix(LET);
        let part = part.and_then(|part| part.strip_suffix('.'));
        let (section, anatomy) = match part {
            None => {
                let found = self.nodes.lets;
                let anatomy = found.and_then(Anatomy::of_transport);
                match found.zip(anatomy) {
                    Some(((_, tree), anatomy)) => (tree, anatomy),
                    None => return Err(self.no_let(written, None)),
                }
            }
            Some(part) => match self.nodes.given_let(part) {
                Some(found) => found,
                None => return Err(self.no_let(written, Some(part))),
            },
        };
        let mut given = anatomy.given(&param.name);
        let Some((name, tree)) = given.next() else {
            return Err(self.no_let(written, part));
        };
        if given.next().is_some() {
            let message = format!("`{}` stands here twice", param.name);
            return Err(self.mistake(name.spot, message, "remove one"));
        }
        self.change_of(written, param, (section, Some(tree)), tree.spot)
    }

    fn no_let(&self, written: &Written, part: Option<&str>) -> Diagnostic {
        let name = &written.param;
        let start = self.tree.spot.first();
        let Some(part) = part else {
            let names = self.nodes.lets.and_then(Anatomy::of_transport);
            let names = names.map_or(&[][..], |anatomy| anatomy.fields);
            let help = did_you_mean(name, names.iter().map(|(name, _)| name.text.as_str()))
                .unwrap_or_else(|| "it may have another name since; look at `let`".to_owned());
            let message = format!("no `let` value is called `{name}`");
            return self.mistake(start, message, help);
        };
        let spot = self.nodes.parts.get(part).map_or(start, |(spot, _)| *spot);
        let message = format!("`{name}` stands in the patch that is included as `{part}`");
        let help = format!("write the value there, or here as `let: ({name}: …)` beside `patch`");
        self.mistake(spot, message, help)
    }
}
