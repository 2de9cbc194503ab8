//! Reads the presets.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use super::scope::Scope;
use crate::descriptor::Descriptor;
use crate::diagnostic::steers;
use crate::limits::{MAX_PRESET_VALUES, MAX_PRESETS};
use crate::live_param::live_param;
use crate::param::Param;
use crate::patch::tree::{Shape, Spot, Tree};
use crate::preset::{Preset, PresetValue};
use crate::transport_params::{DECLARED, TRANSPORT, TransportParams};

/// What has values of nodes: a preset or a cue, by its place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueSet {
    Preset(usize),
    Cue(usize),
}

/// Where a value of a preset or a cue stands.
pub(super) struct PresetSpot {
    pub(super) of: ValueSet,
    pub(super) node: String,
    pub(super) param: String,
    pub(super) spot: Spot,
}

/// Why `what`, such as a preset, cannot be called `name`, and what a name is; `None`: it can.
pub(crate) fn unfit_name(what: &str, name: &str) -> Option<(String, &'static str)> {
    let is_odd = |c: char| c == '.' || c == '\n' || c == '\t' || steers(c);
    let is_unfit = name.is_empty() || name.trim() != name || name.contains(is_odd);
    is_unfit.then(|| {
        let help = "a name is not empty, and has no point in it and no space around it";
        let message = format!("`{}` cannot be the name of {what}", name.escape_debug());
        (message, help)
    })
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
            let Some(name) = self.name_of("a preset", key) else {
                continue;
            };
            if let Some(first) = known.get(name) {
                let first = self.texts.place_from(*first, key.spot);
                let message = format!("two presets are called `{name}`; the first is at {first}");
                self.report(key.spot, message, None);
                continue;
            }
            known.insert(name, key.spot);
            let within = format!("the preset `{name}`");
            let of = Some(ValueSet::Preset(self.presets.len()));
            let values = self.read_live_values(scope, ("a preset", &within, of), values);
            self.presets.push(Preset {
                name: scope.id(name),
                values,
            });
        }
    }

    /// The name that `key` gives to `what`, such as a preset; `None` where it cannot be one, which
    /// was complained of.
    pub(super) fn name_of<'t>(&mut self, what: &str, key: &'t Tree) -> Option<&'t str> {
        let Shape::Text(name) = &key.shape else {
            if key.shape != Shape::Broken {
                let message = format!("the name of {what} is text in quotes");
                self.report(key.spot, message, None);
            }
            return None;
        };
        match unfit_name(what, name) {
            None => Some(name),
            Some((message, help)) => {
                self.report(key.spot, message, Some(help.to_owned()));
                None
            }
        }
    }

    /// Reads live values of nodes, which `what` has, a preset or a cue; `within` and `of` say which,
    /// unless it is not kept.
    pub(super) fn read_live_values(
        &mut self,
        scope: &Scope,
        (what, within, of): (&str, &str, Option<ValueSet>),
        value: &Tree,
    ) -> Vec<PresetValue> {
        let Shape::Map(entries) = &value.shape else {
            if value.shape != Shape::Broken {
                let what = if what == "a cue" { "`set`" } else { what };
                let message = format!("{what} looks like `{{\"node.parameter\": value}}`");
                self.report(value.spot, message, None);
            }
            return Vec::new();
        };
        if entries.len() > MAX_PRESET_VALUES {
            let message = format!("more than {MAX_PRESET_VALUES} values in {within}");
            self.refuse_size(value.spot, message);
            return Vec::new();
        }
        let mut values = Vec::with_capacity(entries.len());
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for (key, value) in entries {
            let Shape::Text(target) = &key.shape else {
                if key.shape != Shape::Broken {
                    let message = format!("a value of {what} is written \"node.parameter\": value");
                    self.report(key.spot, message, None);
                }
                continue;
            };
            if !known.insert(target) {
                self.report(key.spot, format!("`{target}` stands here twice"), None);
                continue;
            }
            values.extend(self.read_live_value(scope, (what, of), (target, key.spot), value));
        }
        values
    }

    fn read_live_value(
        &mut self,
        scope: &Scope,
        (what, of): (&str, Option<ValueSet>),
        (target, spot): (&str, Spot),
        value: &Tree,
    ) -> Option<PresetValue> {
        let (node, param) = self.live_target(scope, what, (target, spot))?;
        let is_transport = node == TRANSPORT;
        let given = self.resolve(scope, value);
        let value = self.field(scope, &param, &given)?;
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
        self.preset_spots.extend(of.map(|of| PresetSpot {
            of,
            node: node.clone(),
            param: param.clone(),
            spot: given.spot,
        }));
        Some(PresetValue { node, param, value })
    }

    /// The node and the live parameter that `target` names, for `what` is said to have it; `None`:
    /// there is none, which was complained of.
    pub(super) fn live_target<'t>(
        &mut self,
        scope: &Scope,
        what: &str,
        (target, spot): (&'t str, Spot),
    ) -> Option<(&'t str, Param)> {
        let Some((node, param)) = target.rsplit_once('.') else {
            let help = format!("write \"{target}.parameter\"");
            let message = format!("`{target}` names no parameter");
            self.report(spot, message, Some(help));
            return None;
        };
        let param = match node == TRANSPORT {
            true => self.live_param(what, (node, &DECLARED), param, spot)?,
            false => {
                let descriptor = self.descriptor_in(scope, node, spot)?;
                self.live_param(what, (node, &descriptor), param, spot)?
            }
        };
        Some((node, param))
    }

    /// What the node declares that the patch of `scope` calls `node`; `None`: it has none, which
    /// was complained of, here or where the node is.
    pub(super) fn descriptor_in(
        &mut self,
        scope: &Scope,
        node: &str,
        spot: Spot,
    ) -> Option<Descriptor> {
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
        what: &str,
        (node, descriptor): (&str, &Descriptor),
        name: &str,
        spot: Spot,
    ) -> Option<Param> {
        match live_param(
            descriptor,
            node,
            name,
            &format!("{what} has live values only"),
        ) {
            Ok(param) => Some(param.clone()),
            Err(none) => {
                self.report(spot, none.message, none.help);
                None
            }
        }
    }
}
