//! Reads the presets.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use super::scope::Scope;
use crate::descriptor::Descriptor;
use crate::diagnostic::steers;
use crate::limits::{MAX_PRESET_VALUES, MAX_PRESETS};
use crate::live_param::live_param;
use crate::param::Param;
use crate::patch::params::convert;
use crate::patch::tree::{Shape, Spot, Tree};
use crate::preset::{Preset, PresetValue};
use crate::transport_params::{DECLARED, TRANSPORT, TransportParams};

/// Where a value of a preset stands.
pub(super) struct PresetSpot {
    /// Which preset, by its place among all.
    pub(super) preset: usize,
    pub(super) node: String,
    pub(super) param: String,
    pub(super) spot: Spot,
}

impl Checker<'_> {
    /// Reads the presets of a patch whose nodes and parts are known.
    pub(super) fn read_presets(&mut self, scope: &Scope, value: &Tree) {
        let Shape::Map(entries) = &value.shape else {
            if value.shape != Shape::Broken {
                let message = "`presets` looks like `{\"name\": {\"node.parameter\": value}}`";
                self.report(value.spot, message, None);
            }
            return;
        };
        let mut known: BTreeMap<&str, Spot> = BTreeMap::new();
        for (key, values) in entries {
            if self.presets.len() >= MAX_PRESETS {
                let message = format!("more than {MAX_PRESETS} presets");
                return self.refuse_size(key.spot, message);
            }
            let Some(name) = self.preset_name(key) else {
                continue;
            };
            if let Some(first) = known.get(name) {
                let first = self.texts.place_from(*first, key.spot);
                let message = format!("two presets are called `{name}`; the first is at {first}");
                self.report(key.spot, message, None);
                continue;
            }
            known.insert(name, key.spot);
            let values = self.read_preset(scope, name, values);
            self.presets.push(Preset {
                name: scope.id(name),
                values,
            });
        }
    }

    /// The name that `key` gives to a preset; `None` where it cannot be one, which was complained
    /// of.
    fn preset_name<'t>(&mut self, key: &'t Tree) -> Option<&'t str> {
        let Shape::Text(name) = &key.shape else {
            if key.shape != Shape::Broken {
                self.report(key.spot, "the name of a preset is text in quotes", None);
            }
            return None;
        };
        let is_odd = |c: char| c == '.' || c == '\n' || c == '\t' || steers(c);
        if name.is_empty() || name.trim() != name || name.contains(is_odd) {
            let help = "a name is not empty, and has no point in it and no space around it";
            let message = format!("`{}` cannot be the name of a preset", name.escape_debug());
            self.report(key.spot, message, Some(help.to_owned()));
            return None;
        }
        Some(name)
    }

    fn read_preset(&mut self, scope: &Scope, name: &str, value: &Tree) -> Vec<PresetValue> {
        let Shape::Map(entries) = &value.shape else {
            if value.shape != Shape::Broken {
                let message = "a preset looks like `{\"node.parameter\": value}`";
                self.report(value.spot, message, None);
            }
            return Vec::new();
        };
        if entries.len() > MAX_PRESET_VALUES {
            let message = format!("more than {MAX_PRESET_VALUES} values in the preset `{name}`");
            self.refuse_size(value.spot, message);
            return Vec::new();
        }
        let mut values = Vec::with_capacity(entries.len());
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for (key, value) in entries {
            let Shape::Text(target) = &key.shape else {
                if key.shape != Shape::Broken {
                    let message = "a value of a preset is written \"node.parameter\": value";
                    self.report(key.spot, message, None);
                }
                continue;
            };
            if !known.insert(target) {
                self.report(key.spot, format!("`{target}` stands here twice"), None);
                continue;
            }
            values.extend(self.read_preset_value(scope, target, key.spot, value));
        }
        values
    }

    fn read_preset_value(
        &mut self,
        scope: &Scope,
        target: &str,
        spot: Spot,
        value: &Tree,
    ) -> Option<PresetValue> {
        let Some((node, param)) = target.rsplit_once('.') else {
            let help = format!("write \"{target}.parameter\"");
            let message = format!("`{target}` names no parameter");
            self.report(spot, message, Some(help));
            return None;
        };
        let is_transport = node == TRANSPORT;
        let param = match is_transport {
            true => self.live_param(node, &DECLARED, param, spot)?,
            false => {
                let descriptor = self.descriptor_in(scope, node, spot)?;
                self.live_param(node, &descriptor, param, spot)?
            }
        };
        let given = self.resolve(scope, value);
        let value = match convert(&param, &given, |source| self.texts.folder(source)) {
            Ok(value) => value?,
            Err(unfit) => {
                self.report(given.spot, unfit.message, unfit.help);
                return None;
            }
        };
        if let Err(message) = param.admits(&value) {
            self.report(given.spot, message, None);
            return None;
        }
        let param = param.name.into_owned();
        if is_transport {
            let values = [(param.clone(), value.clone())].into_iter().collect();
            let impossible = TransportParams::of(&values).map(|params| params.transport().1);
            for wrong in impossible.into_iter().flatten() {
                self.report(given.spot, wrong.message, wrong.help);
            }
            // One run has one transport: a part's own values hold only where it is run itself.
            if !scope.prefix.is_empty() {
                return None;
            }
        }
        let node = match is_transport {
            true => node.to_owned(),
            false => scope.id(node),
        };
        self.preset_spots.push(PresetSpot {
            preset: self.presets.len(),
            node: node.clone(),
            param: param.clone(),
            spot: given.spot,
        });
        Some(PresetValue { node, param, value })
    }

    /// What the node declares that the patch of `scope` calls `node`; `None`: it has none, which
    /// was complained of, here or where the node is.
    fn descriptor_in(&mut self, scope: &Scope, node: &str, spot: Spot) -> Option<Descriptor> {
        let id = scope.id(node);
        if let Some(draft) = self.drafts.iter().find(|draft| draft.id == id) {
            return draft.descriptor.clone();
        }
        let is_unread = self.parts.iter().any(|part| {
            let within = id.strip_prefix(&part.id);
            part.broken && within.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        if is_unread {
            return None;
        }
        let help = match self.parts.iter().any(|part| part.id == id) {
            true => Some(format!(
                "`{node}` is an included patch: write \"{node}.NODE.parameter\""
            )),
            false => {
                let ids = self.drafts.iter().map(|draft| draft.id.as_str());
                let ids = ids.filter_map(|id| id.strip_prefix(&scope.prefix));
                self.near(node, ids.chain([TRANSPORT]))
            }
        };
        self.report(spot, format!("there is no node `{node}`"), help);
        None
    }

    /// The live parameter `name` of the node called `node`.
    fn live_param(
        &mut self,
        node: &str,
        descriptor: &Descriptor,
        name: &str,
        spot: Spot,
    ) -> Option<Param> {
        match live_param(descriptor, node, name, "a preset has live values only") {
            Ok(param) => Some(param.clone()),
            Err(none) => {
                self.report(spot, none.message, none.help);
                None
            }
        }
    }
}
