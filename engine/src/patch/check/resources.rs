//! Looks for things that two nodes want.

use serde_json::Value;

use super::Checker;
use crate::node::Resource;
use crate::param::{FileRole, ParamType};

impl Checker<'_> {
    /// Two nodes may not write one file, nor one write what another reads, nor share what they
    /// claim.
    pub(super) fn check_resources(&mut self) {
        let mut read = Vec::new();
        for (index, draft) in self.drafts.iter().enumerate() {
            let Some(descriptor) = &draft.descriptor else {
                continue;
            };
            for param in &descriptor.params {
                let ParamType::File(role) = param.param_type else {
                    continue;
                };
                let Some(path) = draft
                    .values
                    .get(param.name.as_ref())
                    .and_then(Value::as_str)
                else {
                    continue;
                };
                let spot = *draft
                    .param_spots
                    .get(param.name.as_ref())
                    .unwrap_or(&draft.kind_spot);
                match role {
                    FileRole::Write => self.claims.push((Resource(path.to_owned()), index, spot)),
                    FileRole::Read => read.push((path.to_owned(), draft.id.clone())),
                }
            }
        }
        let mut problems = Vec::new();
        for (later, (resource, node, spot)) in self.claims.iter().enumerate() {
            let other = self.claims[..later]
                .iter()
                .find(|(earlier, _, _)| earlier == resource);
            if let Some((_, other, _)) = other.filter(|(_, other, _)| other != node) {
                let message = format!(
                    "`{}` and `{}` both want {}",
                    self.drafts[*other].id, self.drafts[*node].id, resource.0
                );
                problems.push((*spot, message));
            }
            if let Some((_, reader)) = read.iter().find(|(path, _)| *path == resource.0) {
                let message = format!(
                    "`{}` would overwrite what `{reader}` reads: {}",
                    self.drafts[*node].id, resource.0
                );
                problems.push((*spot, message));
            }
        }
        for (spot, message) in problems {
            self.report(spot, message, Some("give each its own".to_owned()));
        }
    }
}
