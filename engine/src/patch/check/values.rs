//! Reads the values that a node gets: from the patch, from the command line, and by default.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Checker;
use crate::descriptor::{Descriptor, Param, ParamType};
use crate::diagnostic::did_you_mean;
use crate::patch::Override;
use crate::patch::params::{Unfit, convert};
use crate::patch::syntax::parse_from;
use crate::patch::tree::{Name, Shape, Spot, Tree};

impl Checker<'_> {
    /// Reads the parameters of node `id` from the patch and the overrides, and fills in the defaults.
    pub(super) fn read_params(
        &mut self,
        id: &str,
        descriptor: &Descriptor,
        fields: &[(Name, Tree)],
        kind_spot: &Spot,
    ) -> (serde_json::Map<String, Value>, BTreeMap<String, Spot>) {
        let mut given: BTreeMap<&str, (Spot, Tree)> = BTreeMap::new();
        for (name, tree) in fields {
            if name.text.is_empty() {
                continue;
            }
            if given
                .insert(&name.text, (tree.spot, tree.clone()))
                .is_some()
            {
                self.report(
                    name.spot,
                    format!("`{}` stands here twice", name.text),
                    None,
                );
            }
            self.know_param(descriptor, &name.text, name.spot);
        }
        for (index, set) in self
            .overrides
            .iter()
            .enumerate()
            .filter(|(_, set)| set.node == id)
        {
            let name_at = set.node.len() + 1;
            let name_spot = Spot {
                source: index + 1,
                start: name_at,
                end: name_at + set.param.len(),
            };
            if let Some(param) = self.know_param(descriptor, &set.param, name_spot) {
                let spot = Spot {
                    source: index + 1,
                    start: set.value_at,
                    end: set.text.len(),
                };
                let tree = self.override_value(&param, set, spot);
                given.insert(&set.param, (spot, tree));
            }
        }
        let mut values = serde_json::Map::new();
        let mut spots = BTreeMap::new();
        for param in &descriptor.params {
            match (given.get(param.name.as_ref()), &param.default) {
                (Some((spot, tree)), _) => {
                    spots.insert(param.name.to_string(), *spot);
                    match convert(param, tree, self.texts.folder(spot.source)) {
                        Ok(Some(value)) => drop(values.insert(param.name.to_string(), value)),
                        Ok(None) => {}
                        Err(Unfit { message, help }) => self.report(*spot, message, help),
                    }
                }
                (None, Some(default)) => {
                    drop(values.insert(param.name.to_string(), default.clone()))
                }
                (None, None) => {
                    let help = Some(format!("{}: {}", param.name, param.summary));
                    self.report(
                        *kind_spot,
                        format!("`{}` needs `{}`", descriptor.kind, param.name),
                        help,
                    );
                }
            }
        }
        (values, spots)
    }

    pub(super) fn know_param(
        &mut self,
        descriptor: &Descriptor,
        name: &str,
        spot: Spot,
    ) -> Option<Param> {
        let param = descriptor
            .params
            .iter()
            .find(|param| param.name == name)
            .cloned();
        if param.is_none() {
            let names = descriptor.params.iter().map(|param| param.name.as_ref());
            let help = did_you_mean(name, names.clone()).or_else(|| {
                let names: Vec<&str> = names.collect();
                (!names.is_empty()).then(|| format!("it has {}", names.join(", ")))
            });
            self.report(
                spot,
                format!("`{}` has no parameter `{name}`", descriptor.kind),
                help,
            );
        }
        param
    }

    /// An override's value. Text and paths may stand without quotes.
    pub(super) fn override_value(&mut self, param: &Param, set: &Override, spot: Spot) -> Tree {
        let text = &set.text[set.value_at..];
        if matches!(param.param_type, ParamType::Text | ParamType::File(_))
            && !text.starts_with('"')
        {
            return Tree {
                spot,
                shape: Shape::Text(text.to_owned()),
            };
        }
        let parsed = parse_from(spot.source, &set.text, set.value_at);
        for mistake in parsed.mistakes {
            self.report(mistake.spot, mistake.message, None);
        }
        parsed.tree
    }
}
