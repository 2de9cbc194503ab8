//! Asks every node what only it can know.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value;

use super::Checker;
use super::presets::ValueSet;
use crate::node::{Check, Subject};
use crate::patch::tree::Spot;
use crate::port::{Arity, PortType};

impl Checker<'_> {
    /// Asks every node, sources first, so that each knows what arrives.
    pub(super) fn ask_nodes(&mut self) {
        if self.has_cycle {
            return;
        }
        let graph = self.petgraph(|_| true);
        let Ok(order) = petgraph::algo::toposort(&graph, None) else {
            return;
        };
        for index in order.into_iter().map(|node| graph[node]) {
            self.ask_node(index);
        }
    }

    pub(super) fn ask_node(&mut self, index: usize) {
        let Some(descriptor) = self.drafts[index].descriptor.clone() else {
            return;
        };
        let mut arriving = vec![None; descriptor.inputs.len()];
        let (mut misfits, mut unlike) = (Vec::new(), Vec::new());
        let mut open: Vec<(Spot, PortType, usize)> = Vec::new();
        for joined in self.joined.iter().filter(|joined| joined.wire.to == index) {
            let port_type = self.drafts[joined.wire.from].outputs[joined.wire.output].clone();
            // Wires into parameters carry what was joined by its type already.
            let Some(port) = descriptor.inputs.get(joined.wire.input) else {
                continue;
            };
            if port.port_type == PortType::Any {
                open.push((joined.spot, port_type.clone(), joined.wire.input));
                // Of codes, the dimension counts that is known.
                if arriving[joined.wire.input].is_some() && port_type == PortType::Latent(None) {
                    continue;
                }
                arriving[joined.wire.input] = Some(port_type);
                continue;
            }
            let fits = port_type.fits(&port.port_type);
            if !fits {
                misfits.push((joined.spot, port_type.clone(), joined.wire.input));
            }
            let before = arriving[joined.wire.input].replace(port_type.clone());
            if let Some(before) = before.filter(|before| !port_type.fits(before))
                && fits
                && port.arity == Arity::Many
            {
                unlike.push((joined.spot, port_type, before, joined.wire.input));
            }
        }
        for (spot, port_type, before, input) in unlike {
            let (id, port) = (&self.drafts[index].id, &descriptor.inputs[input].name);
            let message =
                format!("`{id}.{port}` has {before} from another wire, but {port_type} arrives");
            let help = match before {
                PortType::Latent(Some(dimension)) => Some(format!(
                    "put `latent_map(dimension: {dimension})` between them"
                )),
                _ => None,
            };
            self.report(spot, message, help);
        }
        for (spot, port_type, input) in misfits {
            let port = &descriptor.inputs[input];
            let message = format!(
                "`{}.{}` takes {}, but {port_type} arrives",
                self.drafts[index].id, port.name, port.port_type
            );
            self.report(spot, message, None);
        }
        // What comes first into ports of any type decides; all others carry the same.
        let carried = open.first().map(|(_, port_type, _)| port_type.clone());
        for (spot, port_type, input) in open {
            let Some(carried) = carried.as_ref().filter(|carried| !port_type.fits(carried)) else {
                continue;
            };
            let message = format!(
                "{carried} comes into `{}.{}` already, but {port_type} arrives",
                self.drafts[index].id, descriptor.inputs[input].name
            );
            self.report(spot, message, None);
        }
        self.drafts[index].inputs = arriving.clone();
        self.drafts[index].outputs = descriptor.output_types(&arriving);
        let Some(node) = self.drafts[index].node.take() else {
            return;
        };
        let mut check = Check {
            transport: &self.transport,
            settings: self.settings,
            presets: Some(&self.preset_names),
            cues: Some(&self.cue_names),
            inputs: &arriving,
            outputs: self.drafts[index].outputs.clone(),
            problems: Vec::new(),
            warnings: Vec::new(),
            resources: Vec::new(),
        };
        node.check(&mut check);
        let (outputs, problems, resources) = (check.outputs, check.problems, check.resources);
        let warnings = check.warnings;
        self.drafts[index].outputs = outputs;
        self.drafts[index].node = Some(node);
        for problem in problems {
            let spot = self.spot_of(index, &problem.subject);
            self.report(spot, problem.message, problem.help);
        }
        for warning in warnings {
            let spot = self.spot_of(index, &warning.subject);
            match self.settings.is_strict() {
                true => self.report(spot, warning.message, warning.help),
                false => self.texts.warn(spot, warning.message, warning.help),
            }
        }
        for (resource, param) in resources {
            let draft = &self.drafts[index];
            let spot = *param
                .and_then(|param| draft.param_spots.get(&param))
                .unwrap_or(&draft.kind_spot);
            self.claims.push((resource, index, spot));
        }
    }

    /// Asks every node what it says of the values that presets and cues have for it: it may refuse what its
    /// declaration admits.
    pub(super) fn ask_nodes_of_presets(&mut self) {
        // What is wrong with a node already is no preset's mistake.
        if self.texts.has_mistakes() {
            return;
        }
        let mut groups: BTreeMap<(ValueSet, String), BTreeMap<String, Spot>> = BTreeMap::new();
        for one in std::mem::take(&mut self.preset_spots) {
            let group = groups.entry((one.of, one.node)).or_default();
            group.insert(one.param, one.spot);
        }
        let mut asked = BTreeSet::new();
        for ((of, node), spots) in groups {
            let Some(index) = self.drafts.iter().position(|draft| draft.id == node) else {
                // The transport's values are known to be possible.
                continue;
            };
            let mut values = self.drafts[index].values.clone();
            let set = match of {
                ValueSet::Preset(number) => self.presets.get(number).map(|one| &one.values),
                ValueSet::Cue(number) => self.show.cues.get(number).map(|one| &one.values),
            };
            for value in set.into_iter().flatten().filter(|value| value.node == node) {
                values.insert(value.param.clone(), value.value.clone());
            }
            let is_new = asked.insert((index, Value::Object(values.clone()).to_string()));
            if is_new && values != self.drafts[index].values {
                self.ask_with(index, values, &spots);
            }
        }
    }

    /// Asks the node of a draft what it says of other values, some of which stand at `spots`.
    fn ask_with(
        &mut self,
        index: usize,
        values: serde_json::Map<String, Value>,
        spots: &BTreeMap<String, Spot>,
    ) {
        let draft = &self.drafts[index];
        let first = *spots.values().next().unwrap_or(&draft.kind_spot);
        let kind = draft.descriptor.as_ref().map(|declared| &*declared.kind);
        let Some(kind) = kind.and_then(|kind| self.registry.kind(kind)) else {
            return;
        };
        let at = |param: Option<&str>| param.and_then(|name| spots.get(name)).copied();
        let at = |param: Option<&str>| at(param).unwrap_or(first);
        if !self.admit_node(kind.descriptor(), &values, at) {
            return;
        }
        let draft = &self.drafts[index];
        let problems = match kind.node(Value::Object(values.clone())) {
            Ok(node) => {
                let mut check = Check {
                    transport: &self.transport,
                    settings: self.settings,
                    presets: Some(&self.preset_names),
                    cues: Some(&self.cue_names),
                    inputs: &draft.inputs,
                    outputs: draft.outputs.clone(),
                    problems: Vec::new(),
                    warnings: Vec::new(),
                    resources: Vec::new(),
                };
                node.check(&mut check);
                check.problems
            }
            Err(error) => {
                let message = format!(
                    "`{}` does not take these values together: {error}",
                    draft.id
                );
                return self.report(first, message, None);
            }
        };
        for problem in problems {
            let spot = match &problem.subject {
                Subject::Param(name) => spots.get(name).copied(),
                Subject::Within(name, range) => spots.get(name).map(|spot| {
                    let value = values.get(name).and_then(Value::as_str);
                    self.within(*spot, value.unwrap_or_default(), range.clone())
                }),
                Subject::Input(_) => None,
            };
            self.report(spot.unwrap_or(first), problem.message, problem.help);
        }
    }

    /// What in the patch a node's own problem points at.
    fn spot_of(&self, index: usize, subject: &Subject) -> Spot {
        let draft = &self.drafts[index];
        let spot = match subject {
            Subject::Param(name) => draft.param_spots.get(name).cloned(),
            Subject::Within(name, range) => (draft.param_spots.get(name)).map(|spot| {
                let value = draft.values.get(name).and_then(Value::as_str);
                self.within(*spot, value.unwrap_or_default(), range.clone())
            }),
            Subject::Input(input) => self
                .joined
                .iter()
                .find(|joined| (joined.wire.to, joined.wire.input) == (index, *input))
                .map(|joined| joined.spot),
        };
        spot.unwrap_or(draft.kind_spot)
    }

    /// Where `range` of a text's value stands; the whole text where it is written in another way
    /// than plainly between quotes.
    fn within(&self, spot: Spot, value: &str, range: Range<usize>) -> Spot {
        let written = self.texts.text(spot.source).get(spot.range());
        let is_plain = written.and_then(|text| text.get(1..=value.len())) == Some(value);
        if !is_plain || value.get(range.clone()).is_none() {
            return spot;
        }
        Spot {
            start: spot.start + 1 + range.start,
            end: spot.start + 1 + range.end,
            ..spot
        }
    }
}
