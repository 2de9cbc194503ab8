//! Has other nodes stand in for those of a graph: where a live run is rendered again, for cameras,
//! keyboards and sound devices.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use crate::error::NodeError;
use crate::graph::{Graph, GraphNode};
use crate::io::Io;
use crate::node::{Build, Check, Flow};
use crate::packet::{Note, Packet, Payload, Performance};
use crate::param::Change;
use crate::registry::{AnyNode, AnyProcessor, NodeKind};
use crate::time::Time;

/// How long before its time a packet is sent live, so that whoever plays it is in time.
const AHEAD: Time = Time::from_nanos(30_000_000);

/// What a node sends in place of its own work: when, from which of its outputs, and what.
pub type Played = (Time, usize, Payload);

impl Graph {
    /// The nodes, in the order of the patch: id and kind.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        let nodes = self.nodes.iter();
        nodes.map(|node| (node.id.as_str(), node.descriptor.kind.as_ref()))
    }

    /// The wires between ports and into parameters: the id of the sender and its output, the id of
    /// the reader and its input.
    pub fn wires(&self) -> impl Iterator<Item = [&str; 4]> {
        self.wires.iter().map(|wire| {
            let (from, to) = (&self.nodes[wire.from], &self.nodes[wire.to]);
            [
                from.id.as_str(),
                from.descriptor.outputs[wire.output].name.as_ref(),
                to.id.as_str(),
                to.descriptor.input_name(wire.input),
            ]
        })
    }

    /// The number of the output `name` of the node called `id`.
    pub fn output(&self, id: &str, name: &str) -> Option<usize> {
        let node = self.nodes.iter().find(|node| node.id == id)?;
        let mut outputs = node.descriptor.outputs.iter();
        outputs.position(|port| port.name == name)
    }

    /// The live values of a node by name: those that an edit may change while it plays.
    pub fn live_values(&self, id: &str) -> impl Iterator<Item = (&str, &Value)> {
        self.values_of(id, true)
    }

    /// The other values of a node by name: an edit of them has it begin again.
    pub fn fixed_values(&self, id: &str) -> impl Iterator<Item = (&str, &Value)> {
        self.values_of(id, false)
    }

    fn values_of(&self, id: &str, are_live: bool) -> impl Iterator<Item = (&str, &Value)> {
        let node = self.nodes.iter().find(|node| node.id == id);
        node.into_iter().flat_map(move |node| {
            let params = node.descriptor.params.iter();
            let wanted = params.filter(move |param| (param.change == Change::Live) == are_live);
            wanted.filter_map(|param| {
                let name = param.name.as_ref();
                Some((name, node.values.get(name)?))
            })
        })
    }

    /// Has the node called `id` take all that comes and send nothing.
    pub fn silence(&mut self, id: &str) {
        self.play_instead(id, Vec::new(), Time::ZERO);
    }

    /// Has the node called `id` send `played`, which is in order, up to `end`, whatever comes in.
    pub fn play_instead(&mut self, id: &str, played: Vec<Played>, end: Time) {
        if let Some(node) = self.nodes.iter_mut().find(|node| node.id == id) {
            node.node = Box::new(Player { played, end });
            let descriptor = &mut node.descriptor;
            // It knows its end.
            (descriptor.endless, descriptor.ended_by) = (false, None);
            // Files are neither read nor written.
            descriptor.params.clear();
            node.values.clear();
            let ports = descriptor.inputs.len();
            self.drop_values_of(id, ports);
        }
    }

    /// Has a node of another kind do the work of the one called `id`, with these values; what is left
    /// out has its default. Its inputs are the first of that node's; wires into others, and into
    /// parameters, go. One of the same kind only gets the values.
    ///
    /// # Errors
    /// Its ports are others, or it does not take the values.
    pub fn exchange(
        &mut self,
        id: &str,
        kind: &NodeKind,
        values: &serde_json::Map<String, Value>,
    ) -> Result<(), NodeError> {
        let Some(node) = self.nodes.iter_mut().find(|node| node.id == id) else {
            return Ok(());
        };
        let declared = kind.descriptor();
        let ports = declared.inputs.len();
        let begin_alike = (declared.inputs.iter().zip(&node.descriptor.inputs))
            .all(|(its, own)| its.port_type == own.port_type);
        if ports > node.inputs.len() || !begin_alike || declared.outputs.len() != node.outputs.len()
        {
            let why = format!("`{}` has other ports than `{id}`", declared.kind);
            return Err(NodeError::internal(why));
        }
        let mut all = serde_json::Map::new();
        for param in &declared.params {
            let name = param.name.as_ref();
            let value = values.get(name).or(param.default.as_ref());
            let value = value.cloned().unwrap_or_default();
            param.admits(&value).map_err(|why| {
                NodeError::internal(format!("`{name}` of `{}`: {why}", declared.kind))
            })?;
            all.insert(name.to_owned(), value);
        }
        node.node = kind.node(Value::Object(all.clone()))?;
        node.edition = kind.edition();
        node.values = all;
        if node.descriptor.kind == declared.kind {
            return Ok(());
        }
        node.typed = values.keys().cloned().collect();
        node.descriptor = declared.clone();
        node.inputs.truncate(ports);
        node.wires.truncate(ports);
        node.sources.truncate(ports);
        self.drop_values_of(id, ports);
        Ok(())
    }

    /// Leaves out the wires into parameters of a node with so many inputs: they are another's now.
    fn drop_values_of(&mut self, id: &str, ports: usize) {
        let nodes = &self.nodes;
        (self.wires).retain(|wire| nodes[wire.to].id != id || wire.input < ports);
    }
}

impl GraphNode {
    /// Puts something around the node's own code.
    pub(crate) fn wrap(&mut self, around: impl FnOnce(Box<dyn AnyNode>) -> Box<dyn AnyNode>) {
        let own = std::mem::replace(&mut self.node, Box::new(Nobody));
        self.node = around(own);
    }
}

/// In the place of a node for as long as it is taken out.
struct Nobody;

impl AnyNode for Nobody {
    fn check(&self, _check: &mut Check<'_>) {}

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError> {
        Err(NodeError::internal("there is no node"))
    }
}

/// Sends what was recorded.
struct Player {
    played: Vec<Played>,
    end: Time,
}

impl AnyNode for Player {
    fn check(&self, _check: &mut Check<'_>) {}

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError> {
        Ok(Box::new(Playing {
            left: self.played.iter().cloned().collect(),
            end: self.end,
            is_source: build.inputs.iter().all(Option::is_none),
            is_live: build.clock.is_some(),
            // The first notes of a run lie before its first call.
            is_late: build.clock.is_some() && !build.with_run,
        }))
    }
}

struct Playing {
    left: VecDeque<Played>,
    end: Time,
    is_source: bool,
    is_live: bool,
    /// It begins while the run plays, and has yet to leave out what others have played.
    is_late: bool,
}

impl Playing {
    /// Leaves out what lies before `now`, and of notes that began there their ends too.
    fn skip_to(&mut self, now: Time) {
        let mut begun = Begun::default();
        for (time, port, payload) in std::mem::take(&mut self.left) {
            if time < now {
                begun.hear(port, &payload);
            } else if let Some(payload) = begun.without_their_ends(port, payload) {
                self.left.push_back((time, port, payload));
            }
        }
    }

    fn send(&mut self, io: &mut Io<'_>) -> Result<bool, NodeError> {
        let Some((time, port, payload)) = self.left.pop_front() else {
            return Ok(false);
        };
        let packet = Packet {
            time,
            captured: Instant::now(),
            payload,
        };
        io.send_packet(port, packet)?;
        Ok(true)
    }
}

impl AnyProcessor for Playing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        io.end_at(self.end);
        while io.take().is_some() {}
        if std::mem::take(&mut self.is_late) {
            self.skip_to(io.now());
        }
        if self.is_live {
            // As a live node does: each packet shortly before its time.
            let due = io.now() + AHEAD;
            while self.left.front().is_some_and(|(time, ..)| *time <= due) {
                self.send(io)?;
            }
            return Ok(match self.left.front() {
                Some((time, ..)) => Flow::WakeAt(*time - AHEAD),
                None if self.is_source => Flow::Done,
                None => Flow::Continue,
            });
        }
        if !self.is_source {
            return Ok(Flow::Continue);
        }
        Ok(match self.send(io)? {
            true => Flow::Continue,
            false => Flow::Done,
        })
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        io.end_at(self.end);
        if !self.is_live {
            while self.send(io)? {}
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.left.front().map(|(time, ..)| *time)
    }
}

/// Notes that began in what is left out: output, channel and pitch.
#[derive(Default)]
struct Begun(BTreeSet<(usize, u8, u8)>);

impl Begun {
    /// This is left out.
    fn hear(&mut self, port: usize, payload: &Payload) {
        for note in notes_of(payload) {
            match *note {
                Note::On { channel, pitch, .. } => self.0.insert((port, channel, pitch)),
                Note::Off { channel, pitch } => self.0.remove(&(port, channel, pitch)),
            };
        }
    }

    /// What is left of a packet that is sent; `None`: nothing.
    fn without_their_ends(&mut self, port: usize, payload: Payload) -> Option<Payload> {
        if self.0.is_empty() {
            return Some(payload);
        }
        let own = notes_of(&payload);
        let is_sent = |note: &Note| match *note {
            // Its next end is its own.
            Note::On { channel, pitch, .. } => {
                self.0.remove(&(port, channel, pitch));
                true
            }
            Note::Off { channel, pitch } => !self.0.remove(&(port, channel, pitch)),
        };
        let notes: Vec<Note> = own.iter().copied().filter(is_sent).collect();
        if notes.len() == own.len() {
            return Some(payload);
        }
        match payload {
            Payload::Performance(performance) => {
                let changes = performance.changes.clone();
                let notes = notes.into();
                Some(Payload::Performance(Arc::new(Performance {
                    changes,
                    notes,
                })))
            }
            _ => (!notes.is_empty()).then(|| Payload::Notes(notes.into())),
        }
    }
}

fn notes_of(payload: &Payload) -> &[Note] {
    match payload {
        Payload::Notes(notes) => notes,
        Payload::Performance(performance) => &performance.notes,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(pitch: u8) -> Note {
        Note::On {
            channel: 0,
            pitch,
            velocity: 0.5,
        }
    }

    fn off(pitch: u8) -> Note {
        Note::Off { channel: 0, pitch }
    }

    #[test]
    fn who_begins_late_plays_neither_what_was_played_nor_the_ends_of_notes_that_began_then() {
        let at = |seconds: f64, notes: &[Note]| {
            let time = Time::from_seconds(seconds);
            (time, 0, Payload::Notes(notes.into()))
        };
        let mut playing = Playing {
            left: VecDeque::from([
                at(0.5, &[on(60), on(62), on(64)]),
                at(0.9, &[off(62)]),
                at(1.0, &[off(60), on(60)]),
                at(1.5, &[off(64)]),
                at(2.0, &[off(60)]),
            ]),
            end: Time::from_seconds(3.0),
            is_source: true,
            is_live: true,
            is_late: true,
        };
        playing.skip_to(Time::from_seconds(1.0));
        let left: Vec<(f64, Vec<Note>)> = (playing.left.iter())
            .map(|(time, _, payload)| (time.seconds(), notes_of(payload).to_vec()))
            .collect();
        assert_eq!(left, [(1.0, vec![on(60)]), (2.0, vec![off(60)])]);
    }
}
