//! The log of a take: its .jsonl, line by line.

use std::collections::BTreeMap;
use std::path::Path;

use score_engine::{Curve, NodeError, Time, Transport, Value};
use serde::Deserialize;

/// What steered a take. All times count from its beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// The time of the run at which the take begins.
    pub begins: Time,
    /// The transport that it begins with.
    pub transport: Transport,
    /// The mark in its files, which says what wrote them.
    pub mark: Value,
    /// Controls: when, the number of the wire, the value.
    pub controls: Vec<(Time, u64, f32)>,
    /// Events: when, the number of the wire, the name, the strength.
    pub events: Vec<(Time, u64, String, f32)>,
    /// What hands set.
    pub set: Vec<Set>,
    /// Each patch that played.
    pub revisions: Vec<Revised>,
    /// When it ended; `None`: it was cut off.
    pub end: Option<Time>,
    /// The first line that could not be read, and how many could not.
    pub damaged: Option<(usize, usize)>,
}

/// A value that a hand set or released.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// When.
    pub time: Time,
    /// The node's id, or `transport`.
    pub node: String,
    /// The parameter.
    pub param: String,
    /// The value; `None`: it was released.
    pub value: Option<Value>,
    /// How long it takes to get there, in seconds.
    pub glide: f64,
    /// How fast it goes on the way.
    pub curve: Curve,
}

/// A patch that played from some time on.
#[derive(Clone, Debug, PartialEq)]
pub struct Revised {
    /// From when on.
    pub time: Time,
    /// Its number: 1 for the patch that the run began with.
    pub number: u64,
    /// What the patch says, word for word.
    pub patch: String,
    /// What the patches say that it includes, by the names of their files.
    pub included: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct First {
    format: u32,
    #[serde(default)]
    score: Value,
    transport: Transport,
    #[serde(default)]
    begins: f64,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    time: f64,
    control: Option<u64>,
    value: Option<f32>,
    event: Option<u64>,
    name: Option<String>,
    strength: Option<f32>,
    steered: Option<Steered>,
    revision: Option<Revision>,
    end: Option<f64>,
    notes: Option<String>,
}

#[derive(Deserialize)]
struct Steered {
    node: String,
    param: String,
    value: Option<Value>,
    #[serde(default)]
    glide: f64,
    #[serde(default)]
    curve: Curve,
}

#[derive(Deserialize)]
struct Revision {
    number: u64,
    patch: String,
    #[serde(default)]
    included: BTreeMap<String, String>,
}

impl Log {
    /// Reads the lines of a log, whose file is at `path`. A line that cannot be read is left out:
    /// the last of a take that a power cut ended may be half.
    ///
    /// # Errors
    /// The first line is not that of a take.
    pub fn read(text: &[u8], path: &Path) -> Result<Self, NodeError> {
        let mut lines = text.split(|byte| *byte == b'\n');
        let first: First = lines
            .next()
            .and_then(|line| serde_json::from_slice(line).ok())
            .ok_or_else(|| {
                let why = format!("`{}` is not the log of a take", path.display());
                NodeError::input(why)
                    .help("it begins with a line that says `format` and `transport`")
            })?;
        if first.format != 1 {
            let why = format!("`{}` is a take of format {}", path.display(), first.format);
            return Err(NodeError::input(why).help("this program reads format 1; use a newer one"));
        }
        let mut log = Log {
            begins: Time::from_seconds(first.begins),
            transport: first.transport,
            mark: first.score,
            controls: Vec::new(),
            events: Vec::new(),
            set: Vec::new(),
            revisions: Vec::new(),
            end: None,
            damaged: None,
        };
        for (number, line) in (2..).zip(lines).filter(|(_, line)| !line.is_empty()) {
            let is_read = serde_json::from_slice(line).is_ok_and(|line| log.hear(line));
            if !is_read {
                log.damaged.get_or_insert((number, 0)).1 += 1;
            }
        }
        Ok(log)
    }

    /// `false`: the line says nothing that is known.
    fn hear(&mut self, line: Line) -> bool {
        let time = Time::from_seconds(line.time);
        match line {
            Line {
                control: Some(wire),
                value: Some(value),
                ..
            } => self.controls.push((time, wire, value)),
            Line {
                event: Some(wire),
                name: Some(name),
                strength,
                ..
            } => (self.events).push((time, wire, name, strength.unwrap_or(1.0))),
            Line {
                steered: Some(set), ..
            } => self.set.push(Set {
                time,
                node: set.node,
                param: set.param,
                value: set.value.filter(|value| !value.is_null()),
                glide: set.glide,
                curve: set.curve,
            }),
            Line {
                revision: Some(revision),
                ..
            } => self.revisions.push(Revised {
                time,
                number: revision.number,
                patch: revision.patch,
                included: revision.included,
            }),
            Line { end: Some(end), .. } => self.end = Some(Time::from_seconds(end)),
            // The next file of notes.
            Line { notes: Some(_), .. } => {}
            _ => return false,
        }
        true
    }

    /// How long the take lasts: to its end, or where it was cut off, to the last thing that the
    /// log knows; [`super::Take::length`] asks the other files too.
    pub fn length(&self) -> Time {
        let controls = self.controls.iter().map(|(time, ..)| *time);
        let events = self.events.iter().map(|(time, ..)| *time);
        let set = self.set.iter().map(|set| set.time);
        let revisions = self.revisions.iter().map(|revised| revised.time);
        let last = controls.chain(events).chain(set).chain(revisions).max();
        (self.end.or(last)).unwrap_or(Time::ZERO)
    }
}
