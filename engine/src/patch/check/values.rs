//! Reads the values that a node gets: from the patch, from outside of it, and by default.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Checker;
use super::scope::Scope;
use crate::descriptor::Descriptor;
use crate::diagnostic::did_you_mean;
use crate::param::{Change, Param, ParamType};
use crate::patch::params::{Unfit, convert};
use crate::patch::tree::{Name, Spot, Tree};
use crate::transport_params::TRANSPORT;

/// A value that a parameter gets.
struct Given {
    /// The value itself, which `use` may have brought from elsewhere.
    tree: Tree,
    /// Where the parameter is given.
    spot: Spot,
    /// The `let` value that it is, where it is one.
    origin: Option<String>,
}

impl Checker<'_> {
    /// Reads the parameters of node `id` from the patch and from outside, and fills in the
    /// defaults.
    pub(super) fn read_params(
        &mut self,
        scope: &Scope,
        id: &str,
        descriptor: &Descriptor,
        fields: &[(Name, Tree)],
        kind_spot: Spot,
    ) -> (serde_json::Map<String, Value>, BTreeMap<String, Spot>) {
        let mut given: BTreeMap<String, Given> = BTreeMap::new();
        for (name, value) in fields.iter().filter(|(name, _)| !name.text.is_empty()) {
            let origin = self.origin(scope, value).map(str::to_owned);
            let tree = self.resolve(scope, value);
            let spot = value.spot;
            let one = Given { tree, spot, origin };
            if given.insert(name.text.clone(), one).is_some() {
                let message = format!("`{}` stands here twice", name.text);
                self.report(name.spot, message, None);
            }
            self.know_param(descriptor, &name.text, name.spot);
        }
        for set in self.settings_of(id) {
            let is_known = descriptor
                .params
                .iter()
                .any(|param| param.name == set.param);
            let why = || format!("`{}` has no parameter `{}`", descriptor.kind, set.param);
            if !is_known && self.leave_out(&set, &why()) {
                continue;
            }
            let own = given.get(&set.param).map(|given| given.tree.spot);
            self.override_with(&set, own);
            if let Some(param) = self.know_param(descriptor, &set.param, set.param_spot) {
                let takes_text = matches!(param.param_type, ParamType::Text | ParamType::File(_));
                let tree = set.tree(takes_text, &mut self.texts);
                let spot = tree.spot;
                let origin = set.origin;
                given.insert(set.param, Given { tree, spot, origin });
            }
        }
        let mut values = serde_json::Map::new();
        let mut spots = BTreeMap::new();
        for param in &descriptor.params {
            let name = param.name.to_string();
            match (given.get(&name), &param.default) {
                (Some(given), _) => {
                    spots.insert(name.clone(), given.tree.spot);
                    match convert(param, &given.tree, |source| self.texts.folder(source)) {
                        Ok(Some(value)) => {
                            // One run has one transport: that of the patch that is run.
                            let is_transport = id == scope.id(TRANSPORT);
                            let steers = param.change == Change::Live
                                && (!is_transport || scope.prefix.is_empty());
                            if let Some(origin) = given.origin.as_deref().filter(|_| steers) {
                                self.named.drives(origin, id, &name);
                            }
                            values.insert(name, value);
                        }
                        Ok(None) => {}
                        Err(unfit) => self.refuse(id, given, unfit),
                    }
                }
                (None, Some(default)) => drop(values.insert(name, default.clone())),
                // One that could not be read may be it, and was complained of.
                (None, None) if fields.iter().any(|(name, _)| name.text.is_empty()) => {}
                (None, None) => {
                    let help = Some(format!("{name}: {}", param.summary));
                    let message = format!("`{}` needs `{name}`", descriptor.kind);
                    self.report(kind_spot, message, help);
                }
            }
        }
        (values, spots)
    }

    /// Complains of a value; where `use` brought it, says where to.
    fn refuse(&mut self, id: &str, given: &Given, unfit: Unfit) {
        let Unfit { message, mut help } = unfit;
        if given.tree.spot != given.spot && !self.texts.is_full() {
            let used = format!("`{id}` uses it at {}", self.texts.place(given.spot));
            help = Some(match help {
                Some(help) => format!("{help} {used}"),
                None => used,
            });
        }
        self.report(given.tree.spot, message, help);
    }

    fn know_param(&mut self, descriptor: &Descriptor, name: &str, spot: Spot) -> Option<Param> {
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
}
