//! Knows which live parameters have their values from which `let` values.

use std::collections::BTreeMap;

use crate::show::{NamedTarget, NamedValue};

/// What uses each `let` value, by its name behind the ids of the parts that it is in.
#[derive(Default)]
pub(super) struct Named(BTreeMap<String, Uses>);

#[derive(Default)]
struct Uses {
    /// How many values stand before it.
    order: usize,
    targets: Vec<NamedTarget>,
    /// How many `use(name)` mean it, those aside by which another `let` value only stands for it.
    count: usize,
}

impl Named {
    /// A `let` value is called `name`.
    pub(super) fn declare(&mut self, name: String) {
        let order = self.0.len();
        self.0.entry(name).or_insert(Uses {
            order,
            ..Uses::default()
        });
    }

    /// A `use` means the value called `origin`.
    pub(super) fn count(&mut self, origin: &str) {
        if let Some(uses) = self.0.get_mut(origin) {
            uses.count += 1;
        }
    }

    /// That `use` was another name for the value.
    pub(super) fn discount(&mut self, origin: &str) {
        if let Some(uses) = self.0.get_mut(origin) {
            uses.count = uses.count.saturating_sub(1);
        }
    }

    /// The live parameter has the value called `origin`.
    pub(super) fn drives(&mut self, origin: &str, node: &str, param: &str) {
        if let Some(uses) = self.0.get_mut(origin) {
            let (node, param) = (node.to_owned(), param.to_owned());
            uses.targets.push(NamedTarget { node, param });
        }
    }

    /// Those that any live parameter has, in the order of the patch.
    pub(super) fn into_values(self) -> Vec<NamedValue> {
        let mut used: Vec<(String, Uses)> = (self.0.into_iter())
            .filter(|(_, uses)| !uses.targets.is_empty())
            .collect();
        used.sort_by_key(|(_, uses)| uses.order);
        used.into_iter()
            .map(|(name, uses)| NamedValue {
                name,
                is_used_elsewhere: uses.count > uses.targets.len(),
                targets: uses.targets,
            })
            .collect()
    }
}
