//! Reads what steers the patch by MIDI: controllers for live values, and messages that recall.

use std::collections::BTreeSet;

use super::Checker;
use super::fields::Form;
use super::scope::Scope;
use crate::length::Length;
use crate::limits::MAX_CONTROLLERS;
use crate::patch::tree::{Name, Shape, Tree};
use crate::patch::wires::read_range;
use crate::show::{Controller, Recall, RecallMessage, Recalled};
use crate::transport_params::TRANSPORT;

/// The highest MIDI channel, counted from 0.
const MAX_CHANNEL: i64 = 15;

/// The highest number of a controller; those above it end notes.
const MAX_NUMBER: i64 = 119;

/// The highest program, and the highest pitch.
const MAX_DATA: i64 = 127;

/// How the range of a controller is written.
const RANGE: [&str; 3] = ["from", "to", "curve"];

const CONTROLLER: Form = Form {
    what: "a controller",
    looks: "\"node.parameter\": (port: \"PORT\", number: 7)",
    fields: &["port", "channel", "number", "from", "to", "curve", "pickup"],
};

const RECALL: Form = Form {
    what: "a recall",
    looks: "(port: \"PORT\", program: 3, preset: \"calm\")",
    fields: &[
        "port", "channel", "program", "note", "preset", "glide", "cue",
    ],
};

impl Checker<'_> {
    /// Reads the MIDI controllers that set live values.
    pub(super) fn read_controllers(&mut self, scope: &Scope, value: &Tree) {
        let Shape::Map(entries) = &value.shape else {
            if value.shape != Shape::Broken {
                let message = format!("`controllers` looks like `{{{}}}`", CONTROLLER.looks);
                self.report(value.spot, message, None);
            }
            return;
        };
        let mut controllers = Vec::new();
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for (key, value) in entries {
            if controllers.len() >= MAX_CONTROLLERS {
                let message = format!("more than {MAX_CONTROLLERS} controllers");
                return self.refuse_size(key.spot, message);
            }
            let Shape::Text(target) = &key.shape else {
                if key.shape != Shape::Broken {
                    let message = format!("a controller is written `{}`", CONTROLLER.looks);
                    self.report(key.spot, message, None);
                }
                continue;
            };
            if !known.insert(target) {
                self.report(key.spot, format!("`{target}` stands here twice"), None);
                continue;
            }
            controllers.extend(self.read_controller(scope, (target, key), value));
        }
        // One run has one player: a part's own controllers hold where it is run itself.
        if scope.prefix.is_empty() {
            self.show.controllers = controllers;
        }
    }

    fn read_controller(
        &mut self,
        scope: &Scope,
        (target, key): (&str, &Tree),
        value: &Tree,
    ) -> Option<Controller> {
        let found = self.live_target(scope, "a controller", (target, key.spot));
        let fields = self.fields(&CONTROLLER, value)?;
        let port = fields.get("port").copied();
        let port = self.port_field(scope, port, value);
        let channel = self.channel_field(scope, fields.get("channel").copied())?;
        let number = match fields.get("number") {
            Some(number) => self.whole_field(scope, ("number", (0, MAX_NUMBER)), number),
            None => {
                let help = "number: the controller's, which `score learn` finds".to_owned();
                self.report(
                    value.spot.first(),
                    "a controller needs `number`",
                    Some(help),
                );
                None
            }
        };
        let pickup = match fields.get("pickup") {
            Some(pickup) => self.flag_field(scope, "pickup", pickup)?,
            None => true,
        };
        let (node, param) = found?;
        if !param.is_input() {
            let message = format!("`{target}` is text or a list, which no controller sets");
            self.report(key.spot, message, None);
            return None;
        }
        let given: Vec<(Name, Tree)> = (RANGE.iter())
            .filter_map(|name| {
                let tree = *fields.get(name)?;
                let named = Name {
                    spot: tree.spot,
                    text: (*name).to_owned(),
                };
                Some((named, self.resolve(scope, tree)))
            })
            .collect();
        if given.iter().any(|(_, tree)| tree.shape == Shape::Broken) {
            return None;
        }
        let range = match given.is_empty() {
            true => None,
            false => match read_range(value.spot, &given) {
                Ok(range) => Some(range),
                Err(mistake) => {
                    self.report(mistake.spot, mistake.message, None);
                    return None;
                }
            },
        };
        let example = "(port: \"PORT\", number: 7, from: 0, to: 1)";
        let span = self.span_of(&param, target, (range, value.spot), example)?;
        Some(Controller {
            node: match node {
                TRANSPORT => node.to_owned(),
                node => scope.id(node),
            },
            param: param.name.into_owned(),
            port: port?,
            channel,
            number: number?,
            span,
            pickup,
        })
    }

    /// The MIDI port that an entry names.
    fn port_field(&mut self, scope: &Scope, port: Option<&Tree>, entry: &Tree) -> Option<String> {
        let help = "port: as `score devices` prints it, `virtual`, or `JACK`".to_owned();
        let Some(tree) = port else {
            self.report(entry.spot.first(), "`port` is missing", Some(help));
            return None;
        };
        let port = self.text_field(scope, "port", tree)?;
        if port.trim().is_empty() {
            self.report(tree.spot, "the port has no name", Some(help));
            return None;
        }
        Some(port)
    }

    /// The channel that an entry names, where it does; `None`: it cannot be read.
    fn channel_field(&mut self, scope: &Scope, channel: Option<&Tree>) -> Option<Option<u8>> {
        match channel {
            Some(channel) => {
                let read = self.whole_field(scope, ("channel", (0, MAX_CHANNEL)), channel);
                read.map(Some)
            }
            None => Some(None),
        }
    }

    /// Reads the messages of MIDI that recall presets and cues of a patch whose own are known.
    pub(super) fn read_recalls(&mut self, scope: &Scope, value: &Tree) {
        let mut recalls = Vec::new();
        let looks = format!("[{}]", RECALL.looks);
        for item in self.items("recall", &looks, value) {
            if recalls.len() >= MAX_CONTROLLERS {
                let message = format!("more than {MAX_CONTROLLERS} recalls");
                return self.refuse_size(item.spot, message);
            }
            recalls.extend(self.read_recall(scope, item));
        }
        if scope.prefix.is_empty() {
            self.show.recalls = recalls;
        }
    }

    fn read_recall(&mut self, scope: &Scope, value: &Tree) -> Option<Recall> {
        let fields = self.fields(&RECALL, value)?;
        let port = fields.get("port").copied();
        let port = self.port_field(scope, port, value);
        let channel = self.channel_field(scope, fields.get("channel").copied())?;
        let message = match (fields.get("program"), fields.get("note")) {
            (Some(program), None) => self
                .whole_field(scope, ("program", (0, MAX_DATA)), program)
                .map(RecallMessage::Program),
            (None, Some(note)) => self
                .whole_field(scope, ("note", (0, MAX_DATA)), note)
                .map(RecallMessage::Note),
            _ => {
                let message = "a recall has either `program` or `note`, from 0 to 127";
                self.report(value.spot.first(), message, None);
                None
            }
        };
        let glide = match fields.get("glide") {
            Some(glide) => self.length_field(scope, "glide", glide)?,
            None => Length::Seconds(0.0),
        };
        if let (Some(glide), None) = (fields.get("glide"), fields.get("preset")) {
            let help = "a cue has its own `time`".to_owned();
            self.report(glide.spot, "`glide` belongs to a preset", Some(help));
        }
        let recalls = match (fields.get("preset"), fields.get("cue")) {
            (Some(preset), None) => {
                let name = self.text_field(scope, "preset", preset)?;
                let id = scope.id(&name);
                if !self.presets.iter().any(|known| known.name == id) {
                    self.no_preset(scope, &name, preset.spot);
                    return None;
                }
                Recalled::Preset(id, glide)
            }
            (None, Some(cue)) => self.recalled_cue(scope, cue)?,
            _ => {
                let message = "a recall has either `preset` or `cue`";
                let help = "`cue: go` is the cue that comes next".to_owned();
                self.report(value.spot.first(), message, Some(help));
                return None;
            }
        };
        Some(Recall {
            port: port?,
            channel,
            message: message?,
            recalls,
        })
    }

    /// The cue that a recall names, or GO.
    fn recalled_cue(&mut self, scope: &Scope, value: &Tree) -> Option<Recalled> {
        let given = self.resolve(scope, value);
        let is_go = matches!(&given.shape, Shape::Word(word) if word == "go");
        if is_go {
            return Some(Recalled::Go);
        }
        let name = self.text_field(scope, "cue", value)?;
        // A part's cues are checked, and not kept.
        let names = self.show.cues.iter().map(|cue| cue.name.clone());
        let names: Vec<String> = names.collect();
        if scope.prefix.is_empty() && !names.contains(&name) {
            let help = self.near(&name, names.iter().map(String::as_str));
            let help = help.or_else(|| Some("`cue: go` is the cue that comes next".to_owned()));
            self.report(given.spot, format!("there is no cue `{name}`"), help);
            return None;
        }
        Some(Recalled::Cue(name))
    }
}
