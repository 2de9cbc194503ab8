//! What a patch has for whoever plays it: cues, what recalls them, controllers for its live
//! values, and opening hours.

use serde::{Deserialize, Serialize};

use crate::curve::Curve;
use crate::hours::Hours;
use crate::length::Length;
use crate::param::Span;
use crate::preset::PresetValue;

/// What a patch has for whoever plays it, beside its presets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Show {
    /// Its cues, in the order of the patch.
    pub cues: Vec<Cue>,
    /// The parameters that no preset and no cue changes: node and parameter.
    pub recall_safe: Vec<(String, String)>,
    /// What recalls presets and cues by MIDI.
    pub recalls: Vec<Recall>,
    /// The MIDI controllers that set live values.
    pub controllers: Vec<Controller>,
    /// Its `let` values that live parameters use, in the order of the patch.
    #[serde(default)]
    pub named: Vec<NamedValue>,
    /// When it is heard; `None`: always.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hours: Option<Hours>,
}

/// A value of `let` that live parameters use: one knob for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedValue {
    /// Its name; of an included patch, behind the include's id: `low.wet`. A value that only
    /// stands for another, `loud: use(level)`, is part of that one.
    pub name: String,
    /// The live parameters that have it, in the order of the patch.
    pub targets: Vec<NamedTarget>,
    /// Whether it stands elsewhere too: in a list, a preset, or for what is not live. There it
    /// changes only when it is written into the patch.
    pub is_used_elsewhere: bool,
}

/// A live parameter whose value is one of `let`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedTarget {
    /// The node's id, or `transport`.
    pub node: String,
    /// The parameter.
    pub param: String,
}

/// Live values that are recalled in a time, one cue after another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cue {
    /// Its name.
    pub name: String,
    /// The preset whose values it has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub preset: Option<String>,
    /// All its values: those of its preset, and those that stand in the cue itself.
    pub values: Vec<PresetValue>,
    /// How long numbers take to get there.
    pub time: Length,
    /// How fast they go on the way.
    pub curve: Curve,
    /// When it starts, once it is called.
    pub start: CueStart,
    /// What follows.
    pub then: CueThen,
    /// Which cue comes next, by its number; `None`: it is the last.
    pub next: Option<usize>,
}

/// When a cue starts, once it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CueStart {
    /// At once.
    Now,
    /// On the next beat.
    Beat,
    /// At the beginning of the next bar.
    Bar,
    /// With the next event of an output.
    Event {
        /// The node's id.
        node: String,
        /// Its output.
        output: String,
    },
}

/// What follows a cue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CueThen {
    /// The next comes when somebody says GO.
    Go,
    /// The next comes as soon as this one is done.
    Follow,
    /// The next comes so long after this one has started.
    Wait(Length),
}

/// A message of MIDI that recalls something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recall {
    /// The port, as `midi_in` calls it.
    pub port: String,
    /// The only channel that counts, from 0; `None`: all do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<u8>,
    /// The message.
    pub message: RecallMessage,
    /// What it recalls.
    pub recalls: Recalled,
}

/// A message of MIDI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecallMessage {
    /// A program change to this program, from 0.
    Program(u8),
    /// The beginning of a note of this pitch.
    Note(u8),
}

/// What is recalled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recalled {
    /// A preset, in this time.
    Preset(String, Length),
    /// A cue.
    Cue(String),
    /// The cue that comes next: GO.
    Go,
}

/// A MIDI controller that sets a live value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Controller {
    /// The node's id, or `transport`.
    pub node: String,
    /// The parameter.
    pub param: String,
    /// The port, as `midi_in` calls it.
    pub port: String,
    /// The only channel that counts, from 0; `None`: all do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<u8>,
    /// The controller's number, 0 to 119.
    pub number: u8,
    /// What its lowest and its highest place stand for, where the parameter is a number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub span: Option<Span>,
    /// Whether it has no effect until it has passed the value that holds.
    pub pickup: bool,
}

impl Show {
    /// Whether the patch has nothing of it.
    pub fn is_empty(&self) -> bool {
        *self == Show::default()
    }

    /// The MIDI ports that it listens to, each once.
    pub fn ports(&self) -> Vec<&str> {
        let recalls = self.recalls.iter().map(|recall| recall.port.as_str());
        let controllers = self.controllers.iter().map(|one| one.port.as_str());
        let mut ports: Vec<&str> = recalls.chain(controllers).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }
}
