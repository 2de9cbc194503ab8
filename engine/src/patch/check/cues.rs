//! Reads the cues, and which parameters none of them changes.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use super::fields::Form;
use super::presets::ValueSet;
use super::scope::Scope;
use crate::curve::Curve;
use crate::length::Length;
use crate::limits::{MAX_CUES, MAX_CURVE, MAX_PRESET_VALUES};
use crate::patch::tree::{Shape, Spot, Tree};
use crate::port::PortType;
use crate::preset::PresetValue;
use crate::show::{Cue, CueStart, CueThen};
use crate::transport_params::TRANSPORT;

/// What `score cue` understands as something else than the name of a cue.
const RESERVED: [&str; 4] = ["go", "next", "list", "stop"];

/// How an output for cuts is called.
const CUT: &str = "cut";

const CUE: Form = Form {
    what: "a cue",
    looks: "(name: \"storm\", preset: \"loud\", time: 8, start: bar)",
    fields: &[
        "name", "preset", "set", "time", "curve", "start", "then", "next",
    ],
};

/// The next cue that is named, and where.
type Next = Option<(String, Spot)>;

impl Checker<'_> {
    /// Reads the cues of a patch whose presets are known.
    pub(super) fn read_cues(&mut self, scope: &Scope, value: &Tree) {
        let mut cues: Vec<Cue> = Vec::new();
        let mut named: Vec<Next> = Vec::new();
        let mut known: BTreeMap<String, Spot> = BTreeMap::new();
        let looks = format!("[{}]", CUE.looks);
        for item in self.items("cues", &looks, value) {
            if cues.len() >= MAX_CUES {
                return self.refuse_size(item.spot, format!("more than {MAX_CUES} cues"));
            }
            // Those of a part are not kept.
            let of = (scope.prefix.is_empty()).then_some(ValueSet::Cue(cues.len()));
            let Some((cue, name, next)) = self.read_cue(scope, of, item) else {
                continue;
            };
            if let Some(first) = known.get(&cue.name) {
                let first = self.texts.place_from(*first, name);
                let message = format!(
                    "two cues are called `{}`; the first is at {first}",
                    cue.name
                );
                self.report(name, message, None);
                continue;
            }
            known.insert(cue.name.clone(), name);
            cues.push(cue);
            named.push(next);
        }
        let names: Vec<String> = cues.iter().map(|cue| cue.name.clone()).collect();
        let count = cues.len();
        for (number, (cue, next)) in cues.iter_mut().zip(named).enumerate() {
            cue.next = Some(number + 1).filter(|next| *next < count);
            let Some((wanted, spot)) = next else { continue };
            cue.next = names.iter().position(|name| *name == wanted);
            if cue.next.is_none() {
                let help = self.near(&wanted, names.iter().map(String::as_str));
                self.report(spot, format!("there is no cue `{wanted}`"), help);
            }
        }
        // One run has one list of cues: that of the patch that is run.
        if scope.prefix.is_empty() {
            self.show.cues = cues;
        }
    }

    /// Reads a cue; with where its name stands, and the cue that it names as the next.
    fn read_cue(
        &mut self,
        scope: &Scope,
        of: Option<ValueSet>,
        value: &Tree,
    ) -> Option<(Cue, Spot, Next)> {
        let fields = self.fields(&CUE, value)?;
        let Some(key) = fields.get("name") else {
            let help = Some("name: what `score cue NAME` and others call it".to_owned());
            self.report(value.spot.first(), "a cue needs `name`", help);
            return None;
        };
        let name = self.name_of("a cue", key)?.to_owned();
        if RESERVED.contains(&name.as_str()) {
            let help = format!("`score cue {name}` means something else");
            let message = format!("`{name}` cannot be the name of a cue");
            self.report(key.spot, message, Some(help));
            return None;
        }
        let preset = fields
            .get("preset")
            .and_then(|preset| Some((self.text_field(scope, "preset", preset)?, preset.spot)));
        let mut values = match &preset {
            Some((preset, spot)) => self.values_of(scope, preset, *spot),
            None => Vec::new(),
        };
        if let Some(set) = fields.get("set") {
            let within = format!("the cue `{name}`");
            let values_in_place = self.read_live_values(scope, ("a cue", &within, of), set);
            for value in values_in_place {
                // What stands in the cue itself counts more.
                values.retain(|known| (&known.node, &known.param) != (&value.node, &value.param));
                values.push(value);
            }
        }
        if values.len() > MAX_PRESET_VALUES {
            let message = format!("more than {MAX_PRESET_VALUES} values in the cue `{name}`");
            self.refuse_size(value.spot, message);
            return None;
        }
        if preset.is_none() && !fields.contains_key("set") && !fields.contains_key("preset") {
            let help = "`preset: \"NAME\"`, `set: {\"node.parameter\": value}`, or both".to_owned();
            let message = format!("the cue `{name}` has no values");
            self.report(value.spot.first(), message, Some(help));
        }
        let time = fields.get("time");
        let time = time.and_then(|time| self.length_field(scope, "time", time));
        let curve = fields
            .get("curve")
            .and_then(|curve| self.read_curve(scope, curve));
        let start = fields
            .get("start")
            .and_then(|start| self.read_start(scope, start));
        let then = fields
            .get("then")
            .and_then(|then| self.read_then(scope, then));
        let next = fields
            .get("next")
            .and_then(|next| Some((self.text_field(scope, "next", next)?, next.spot)));
        let cue = Cue {
            name,
            preset: preset.map(|(preset, _)| preset),
            values,
            time: time.unwrap_or(Length::Seconds(0.0)),
            curve: curve.unwrap_or_default(),
            start: start.unwrap_or(CueStart::Now),
            then: then.unwrap_or(CueThen::Go),
            next: None,
        };
        Some((cue, key.spot, next))
    }

    /// The values of the preset that a patch calls `name`.
    fn values_of(&mut self, scope: &Scope, name: &str, spot: Spot) -> Vec<PresetValue> {
        let id = scope.id(name);
        match self.presets.iter().find(|preset| preset.name == id) {
            Some(preset) => preset.values.clone(),
            None => {
                self.no_preset(scope, name, spot);
                Vec::new()
            }
        }
    }

    /// Says that the patch has no preset `name`.
    pub(super) fn no_preset(&mut self, scope: &Scope, name: &str, spot: Spot) {
        let names = self.presets.iter().map(|preset| preset.name.as_str());
        let names: Vec<&str> = names
            .filter_map(|name| name.strip_prefix(&scope.prefix))
            .collect();
        let help = self.near(name, names.iter().copied()).or_else(|| {
            let few = !names.is_empty() && names.len() <= 20;
            few.then(|| format!("it has {}", names.join(", ")))
        });
        let help = help.or_else(|| {
            let none = names.is_empty();
            none.then(|| "write it into `presets: {…}`".to_owned())
        });
        self.report(spot, format!("there is no preset `{name}`"), help);
    }

    fn read_curve(&mut self, scope: &Scope, value: &Tree) -> Option<Curve> {
        let given = self.resolve(scope, value);
        let number = match &given.shape {
            Shape::Word(word) if word == "linear" => return Some(Curve::Linear),
            Shape::Word(word) if word == "smooth" => return Some(Curve::Smooth),
            Shape::Number(number) => Some(*number),
            Shape::Integer(number) => Some(*number as f64),
            Shape::Broken => return None,
            _ => None,
        };
        let least = 1.0 / MAX_CURVE;
        let power = number.filter(|power| (least..=MAX_CURVE).contains(power));
        if power.is_none() {
            let message = format!(
                "`curve` is linear, smooth, or a power from {least} to {MAX_CURVE} (2 begins slowly)"
            );
            self.report(given.spot, message, None);
        }
        power.map(Curve::Power)
    }

    fn read_start(&mut self, scope: &Scope, value: &Tree) -> Option<CueStart> {
        let given = self.resolve(scope, value);
        match &given.shape {
            Shape::Word(word) if word == "now" => return Some(CueStart::Now),
            Shape::Word(word) if word == "beat" => return Some(CueStart::Beat),
            Shape::Word(word) if word == "bar" => return Some(CueStart::Bar),
            Shape::Word(word) if word == CUT => return self.cuts(scope, given.spot),
            Shape::Tuple(Some(name), items) if name.text == "on" => {
                if let [
                    Tree {
                        shape: Shape::Text(end),
                        spot,
                    },
                ] = items.as_slice()
                {
                    return self.event_output(scope, end, *spot);
                }
            }
            Shape::Broken => return None,
            _ => {}
        }
        let message = "`start` is now, beat, bar, cut, or on(\"node.output\")";
        self.report(given.spot, message, None);
        None
    }

    /// The one output of the patch that is called `cut`; in a part, the one of that part.
    fn cuts(&mut self, scope: &Scope, spot: Spot) -> Option<CueStart> {
        let with_cuts = self.drafts.iter().filter(|draft| {
            if !draft.id.starts_with(&scope.prefix) {
                return false;
            }
            let mut outputs = (draft.descriptor.iter()).flat_map(|kind| &kind.outputs);
            outputs.any(|port| port.name == CUT && port.port_type == PortType::Event)
        });
        let ids: Vec<String> = with_cuts.map(|draft| draft.id.clone()).collect();
        let help = match ids.as_slice() {
            [node] => {
                return Some(CueStart::Event {
                    node: node.clone(),
                    output: CUT.to_owned(),
                });
            }
            [] => "a `cut_detector` has such an output; on(\"node.output\") takes any event"
                .to_owned(),
            [first, ..] => {
                let first = first.strip_prefix(&scope.prefix).unwrap_or(first);
                format!("say which: on(\"{first}.{CUT}\")")
            }
        };
        // A node that could not be read may be it.
        if self.drafts.iter().all(|draft| draft.descriptor.is_some()) {
            let message = match ids.is_empty() {
                true => format!("no node has an output `{CUT}`"),
                false => format!("{} nodes have an output `{CUT}`", ids.len()),
            };
            self.report(spot, message, Some(help));
        }
        None
    }

    /// The output that `end` names, which gives events.
    fn event_output(&mut self, scope: &Scope, end: &str, spot: Spot) -> Option<CueStart> {
        let is_node = self.drafts.iter().any(|draft| draft.id == scope.id(end));
        let (node, wanted) = match end.rsplit_once('.').filter(|_| !is_node) {
            Some((node, output)) => (node, Some(output)),
            None => (end, None),
        };
        let descriptor = self.descriptor_in(scope, node, spot)?;
        let events = descriptor.outputs.iter();
        let events: Vec<&str> = events
            .filter(|port| matches!(port.port_type, PortType::Event | PortType::Any))
            .map(|port| port.name.as_ref())
            .collect();
        let found = match (wanted, events.as_slice()) {
            (Some(wanted), _) => events.iter().find(|name| **name == wanted),
            (None, [first, ..]) => Some(first),
            (None, []) => None,
        };
        if let Some(output) = found {
            return Some(CueStart::Event {
                node: scope.id(node),
                output: (*output).to_owned(),
            });
        }
        let help = match events.is_empty() {
            true => format!("`{node}` gives no events"),
            false => format!("it has {}", events.join(", ")),
        };
        let message = match wanted {
            Some(wanted) => format!("`{node}` has no output `{wanted}` for events"),
            None => format!("`{node}` has no output for events"),
        };
        self.report(spot, message, Some(help));
        None
    }

    fn read_then(&mut self, scope: &Scope, value: &Tree) -> Option<CueThen> {
        let given = self.resolve(scope, value);
        match &given.shape {
            Shape::Word(word) if word == "go" => Some(CueThen::Go),
            Shape::Word(word) if word == "follow" => Some(CueThen::Follow),
            Shape::Tuple(Some(name), items) if name.text == "wait" && items.len() == 1 => {
                let length = self.length_field(scope, "wait", &items[0])?;
                Some(CueThen::Wait(length))
            }
            Shape::Broken => None,
            _ => {
                let message = "`then` is go, follow, or wait(TIME), as wait(8) or wait(beats(16))";
                self.report(given.spot, message, None);
                None
            }
        }
    }

    /// Reads which parameters no preset and no cue changes.
    pub(super) fn read_recall_safe(&mut self, scope: &Scope, value: &Tree) {
        let mut known = BTreeSet::new();
        for item in self.items("recall_safe", "[\"node.parameter\"]", value) {
            let given = self.resolve(scope, item);
            let Shape::Text(target) = &given.shape else {
                if given.shape != Shape::Broken {
                    self.report(
                        given.spot,
                        "a parameter is named in quotes: \"node.parameter\"",
                        None,
                    );
                }
                continue;
            };
            if !known.insert(target.clone()) {
                self.report(given.spot, format!("`{target}` stands here twice"), None);
                continue;
            }
            let found = self.live_target(scope, "a preset", (target, given.spot));
            let Some((node, param)) = found else { continue };
            // One run has one transport.
            if node == TRANSPORT && !scope.prefix.is_empty() {
                continue;
            }
            let node = match node {
                TRANSPORT => node.to_owned(),
                node => scope.id(node),
            };
            self.show.recall_safe.push((node, param.name.into_owned()));
        }
    }
}
