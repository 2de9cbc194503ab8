//! Joins several streams of one type.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use score_engine::{
    Anything, Build, Check, Descriptor, Flow, InputPort, Io, Node, NodeError, Note, OutputPort,
    Packet, Params, Payload, Performance, PortType, Processor,
};

const IN: InputPort<Anything> = InputPort::new(0, "in", "what is joined").many();
const OUT: OutputPort<Anything> = OutputPort::new(0, "out", "all of it");

/// `merge`.
#[derive(Clone, Params)]
pub(crate) struct Merge {}

impl Node for Merge {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("flow", "merge", "Joins several streams into one")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "cuts": cut_detector(),
                    "bar": every(every: beats(4)),
                    "both": merge(),
                    "hit": accent(pitch: 49),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> cuts.frames", "cuts.cut -> both -> hit -> notes", "bar -> both"]"#,
            )
            .details(
                "For every type but sound, which `mixer` adds up: whatever comes in on any wire goes out, in the order of \
                 time. A key that two wires hold comes up when both have let it go, and is struck anew by the second. Of \
                 numbers the latest counts; `combine` makes one of several.",
            )
            .input(IN)
            .output(OUT)
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        if check.input_type(IN) == Some(&PortType::Audio) {
            let help = "put a `mixer` in its place, which adds sounds up";
            check.refuse("", "`merge` does not join sounds", Some(help.to_owned()));
        }
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Joining {
            down: BTreeMap::new(),
        }))
    }
}

struct Joining {
    /// The wires that hold a key, by channel and pitch.
    down: BTreeMap<(u8, u8), BTreeSet<usize>>,
}

impl Processor<Merge> for Joining {
    fn process(&mut self, _params: &Merge, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if let Some(packet) = self.joined(input.wire, input.packet) {
                io.send_packet(OUT.index(), packet)?;
            }
        }
        Ok(Flow::Continue)
    }
}

impl Joining {
    /// What goes out when `packet` comes in; `None`: nothing.
    fn joined(&mut self, wire: usize, packet: Packet) -> Option<Packet> {
        let (changes, notes) = match &packet.payload {
            Payload::Notes(notes) => (None, notes),
            Payload::Performance(performance) => (Some(&performance.changes), &performance.notes),
            _ => return Some(packet),
        };
        let mut joined = Vec::with_capacity(notes.len());
        for note in notes.iter() {
            self.join(wire, note, &mut joined);
        }
        let payload = match changes {
            _ if joined.as_slice() == &**notes => return Some(packet),
            Some(changes) => Payload::Performance(Arc::new(Performance {
                changes: changes.clone(),
                notes: joined.into(),
            })),
            None if joined.is_empty() => return None,
            None => Payload::Notes(joined.into()),
        };
        Some(Packet { payload, ..packet })
    }

    fn join(&mut self, wire: usize, note: &Note, joined: &mut Vec<Note>) {
        let (channel, pitch) = (note.channel(), note.pitch());
        let holders = self.down.entry((channel, pitch)).or_default();
        match note {
            Note::On { .. } => {
                if holders.iter().any(|holder| *holder != wire) {
                    joined.push(Note::Off { channel, pitch });
                }
                holders.insert(wire);
                joined.push(*note);
            }
            Note::Off { .. } => {
                holders.remove(&wire);
                if holders.is_empty() {
                    self.down.remove(&(channel, pitch));
                    joined.push(*note);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{AudioBlock, Time};
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, events, told};

    #[test]
    fn what_comes_on_any_wire_goes_out_in_the_order_of_time() {
        let outputs = alike(|| {
            Harness::<Merge>::new(json!({}))
                .feed(
                    "in",
                    PortType::Event,
                    events(&[(1.0, 0.1), (3.0, 0.1)]),
                    at(4.0),
                )
                .feed(
                    "in",
                    PortType::Event,
                    events(&[(0.5, 0.2), (3.0, 0.2)]),
                    at(9.0),
                )
        });
        let wanted = [(500, 0.2), (1000, 0.1), (3000, 0.1), (3000, 0.2)];
        assert_eq!(told(&outputs, "out"), wanted);
        assert_eq!(outputs.end("out"), Some(at(9.0)));
    }

    #[test]
    fn a_key_that_two_wires_hold_comes_up_when_both_have_let_it_go() {
        let on = |velocity| Note::On {
            channel: 0,
            pitch: 60,
            velocity,
        };
        let off = Note::Off {
            channel: 0,
            pitch: 60,
        };
        let wire = |notes: &[(f64, Note)]| -> Vec<(Time, Payload)> {
            let notes = notes.iter();
            notes
                .map(|(time, note)| (at(*time), Payload::Notes([*note].into())))
                .collect()
        };
        let outputs = alike(|| {
            Harness::<Merge>::new(json!({}))
                .feed(
                    "in",
                    PortType::Notes,
                    wire(&[(0.0, on(0.25)), (2.0, off)]),
                    at(5.0),
                )
                .feed(
                    "in",
                    PortType::Notes,
                    wire(&[(1.0, on(0.5)), (3.0, off)]),
                    at(5.0),
                )
        });
        let found: Vec<(f64, Vec<Note>)> = (outputs.packets("out").iter())
            .map(|packet| (packet.time.seconds(), packet.notes().unwrap().to_vec()))
            .collect();
        let wanted = [
            (0.0, vec![on(0.25)]),
            (1.0, vec![off, on(0.5)]),
            (3.0, vec![off]),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn sounds_are_refused_with_what_to_do() {
        let block = AudioBlock {
            rate: 4,
            channels: 1,
            samples: vec![0.0; 4],
        };
        let fed = vec![(at(0.0), Payload::Audio(Arc::new(block)))];
        let harness = Harness::<Merge>::new(json!({}));
        let why = harness
            .feed("in", PortType::Audio, fed, at(1.0))
            .run()
            .unwrap_err();
        assert!(why.advice().unwrap().contains("mixer"), "{why}");
    }
}
