//! Plays as much of a part as a level says.

use std::collections::BTreeSet;

use score_engine::{
    Build, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, Note, OutputPort, Params,
    Performance, Processor, Time, Transport,
};

const LEVEL: InputPort<Control> = InputPort::new(0, "level", "0 to 1");
const PART: InputPort<Note> = InputPort::new(1, "notes", "the part");
const PLAYED: OutputPort<Note> = OutputPort::new(0, "notes", "what is played of it");

/// How much a place in the bar counts: its beginning, its middle, other beats, eighths, sixteenths.
const PLACES: [f32; 5] = [1.0, 0.9, 0.8, 0.55, 0.3];

/// How much a note counts more that is struck as hard as can be.
const HARD: f32 = 0.2;

/// A beat of 9/8 and 12/8, in quarter notes.
const DOTTED: f64 = 1.5;

/// A note this near to a sixteenth is on it, in quarter notes.
const ON_GRID: f64 = 0.125;

/// `thin_out`.
#[derive(Clone, Params)]
pub(crate) struct ThinOut {
    /// the part rests below this level
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    from: f32,
    /// from this level on every note is played
    #[param(live, range = 0.0..=1.0, default = 0.8)]
    all: f32,
    /// how much softer notes are at level 0
    #[param(live, range = 0.0..=1.0, default = 0.4)]
    dynamics: f32,
}

impl Node for ThinOut {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("music", "thin_out", "Plays as much of a part as a level says")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "motion": motion(gain: 8),
                    "tune": scale_walk(),
                    "played": thin_out(from: 0.2),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> motion -> tune -> played.notes", "motion -> played.level", "played -> notes"]"#,
            )
            .details(
                "At a level of `all` and above every note is played. Below it those are left out \
                 first that count least: notes between the beats before those on beats, and soft \
                 ones before hard ones. Below `from` the part rests: what sounds ends, and what \
                 begins is left out. Notes are softer by `dynamics` of what the level lacks. \
                 Pedals and controllers pass.",
            )
            .input(LEVEL)
            .input(PART)
            .output(PLAYED)
            .in_bars()
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Thinning {
            transport: build.transport.clone(),
            level: 1.0,
            sounding: BTreeSet::new(),
        }))
    }
}

struct Thinning {
    transport: Transport,
    level: f32,
    /// Channel and pitch of what sounds.
    sounding: BTreeSet<(u8, u8)>,
}

impl Thinning {
    /// How much a note counts that begins at `time`.
    fn weight(&self, time: Time, velocity: f32) -> f32 {
        let bar = self.transport.sixteenths_per_bar() as f64 / 4.0;
        let metre = self.transport.metre;
        let (beat, has_middle) = match metre.dotted_beats() {
            // 6/8 is known by its eighths.
            Some(beats) if beats > 2 => (DOTTED, beats.is_multiple_of(2)),
            _ => (4.0 / f64::from(metre.1.max(1)), true),
        };
        let place = self.transport.position(time).rem_euclid(bar);
        let on = |step: f64| {
            let off = place.rem_euclid(step);
            off.min(step - off) < ON_GRID
        };
        let [first, middle, beats, eighths, others] = PLACES;
        let place = if place < ON_GRID || bar - place < ON_GRID {
            first
        } else if has_middle && on(bar / 2.0) {
            middle
        } else if on(beat) {
            beats
        } else if on(0.5) {
            eighths
        } else {
            others
        };
        place + HARD * (velocity - 0.5)
    }

    /// The note as it is played, if it is.
    fn play(&mut self, params: &ThinOut, time: Time, note: Note) -> Option<Note> {
        match note {
            Note::On {
                channel,
                pitch,
                velocity,
            } => {
                let share = if params.all > 0.0 {
                    self.level / params.all
                } else {
                    1.0
                };
                let counts = share >= 1.0 || self.weight(time, velocity) >= 1.0 - share;
                if self.level < params.from || !counts {
                    return None;
                }
                self.sounding.insert((channel, pitch));
                let velocity = velocity * (1.0 - params.dynamics * (1.0 - self.level));
                Some(Note::On {
                    channel,
                    pitch,
                    velocity: velocity.clamp(0.01, 1.0),
                })
            }
            Note::Off { channel, pitch } => self.sounding.remove(&(channel, pitch)).then_some(note),
        }
    }

    /// Ends what sounds.
    fn rest(&mut self, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        let ends: Vec<Note> = std::mem::take(&mut self.sounding)
            .into_iter()
            .map(|(channel, pitch)| Note::Off { channel, pitch })
            .collect();
        if ends.is_empty() {
            return Ok(());
        }
        io.send(PLAYED, time, ends)
    }
}

impl Processor<ThinOut> for Thinning {
    fn process(&mut self, params: &ThinOut, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, captured) = (input.packet.time, input.packet.captured);
            if input.is(LEVEL) {
                let level = *input.read(LEVEL)?;
                self.level = if level.is_nan() {
                    1.0
                } else {
                    level.clamp(0.0, 1.0)
                };
                if self.level < params.from {
                    self.rest(io, time)?;
                }
                continue;
            }
            let mut played = Vec::new();
            for note in input.read(PART)?.iter() {
                played.extend(self.play(params, time, *note));
            }
            let changes = input.packet.changes();
            if !changes.is_empty() {
                let performance = Performance {
                    changes: changes.to_vec(),
                    notes: played.into(),
                };
                io.send_captured(PLAYED, time, captured, performance)?;
            } else if !played.is_empty() {
                io.send_captured(PLAYED, time, captured, played)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, _params: &ThinOut, transport: &Transport) -> Result<(), NodeError> {
        self.transport = transport.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Metre, Payload, PortType};
    use serde_json::json;

    use super::*;
    use crate::testing::at;

    /// A bar of sixteenths at 120, at the level given; when each note that is played begins, and
    /// how many do not end.
    fn played(level: f32, from: f64) -> (Vec<f64>, usize) {
        let notes = (0..32).map(|n| {
            let (channel, pitch) = (0, 60 + (n % 7) as u8);
            let note = if n % 2 == 0 {
                Note::On {
                    channel,
                    pitch,
                    velocity: 0.5,
                }
            } else {
                Note::Off {
                    channel,
                    pitch: 60 + ((n - 1) % 7) as u8,
                }
            };
            (at(f64::from(n) / 16.0), Payload::Notes([note].into()))
        });
        let level = vec![(at(0.0), Payload::Control(level))];
        let outputs = Harness::<ThinOut>::new(json!({ "from": from }))
            .feed("level", PortType::Control, level, at(2.0))
            .feed("notes", PortType::Notes, notes.collect(), at(2.0))
            .run()
            .unwrap();
        let (mut begun, mut open) = (Vec::new(), 0);
        for packet in outputs.packets("notes") {
            for note in packet.notes().unwrap().iter() {
                match note {
                    Note::On { .. } => {
                        begun.push(packet.time.seconds() * 8.0);
                        open += 1;
                    }
                    Note::Off { .. } => open -= 1,
                }
            }
        }
        (begun, open)
    }

    #[test]
    fn the_lower_the_level_the_fewer_notes_and_those_on_beats_stay() {
        assert_eq!(played(1.0, 0.0).0.len(), 16);
        assert_eq!(
            played(0.45, 0.0).0,
            [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]
        );
        assert_eq!(played(0.2, 0.0).0, [0.0, 4.0, 8.0, 12.0]);
        assert_eq!(played(0.0, 0.0).0, [0.0]);
        assert_eq!(played(0.1, 0.2).0, [] as [f64; 0]);
        for level in [0.0, 0.2, 0.45, 1.0] {
            assert_eq!(played(level, 0.0).1, 0, "every note ends");
        }
    }

    #[test]
    fn in_a_new_metre_its_own_beats_stay() {
        let notes = (0..32).map(|n| {
            let (channel, pitch, velocity) = (0, 60, 0.5);
            let note = Note::On {
                channel,
                pitch,
                velocity,
            };
            let time = at(f64::from(n) / 4.0);
            (time, time, Payload::Notes([note].into()))
        });
        let level = vec![(at(0.0), at(0.0), Payload::Control(0.0))];
        let outputs = Harness::<ThinOut>::new(json!({}))
            .feed_live("level", PortType::Control, level, at(8.0))
            .feed_live("notes", PortType::Notes, notes.collect(), at(8.0))
            .retime(
                at(4.1),
                Transport {
                    metre: Metre(3, 4),
                    ..Transport::default()
                },
            )
            .play_live()
            .unwrap();
        let begins = |note: &Note| matches!(note, Note::On { .. });
        let played = outputs.packets("notes").iter();
        let times: Vec<f64> = played
            .filter(|packet| packet.notes().unwrap().iter().any(begins))
            .map(|packet| packet.time.seconds())
            .collect();
        assert_eq!(times, [0.0, 2.0, 4.0, 4.5, 6.0, 7.5]);
    }

    #[test]
    fn a_part_that_comes_to_rest_ends_what_sounds() {
        let note = Note::On {
            channel: 0,
            pitch: 60,
            velocity: 0.5,
        };
        let level = vec![
            (at(0.0), Payload::Control(1.0)),
            (at(1.0), Payload::Control(0.0)),
        ];
        let outputs = Harness::<ThinOut>::new(json!({ "from": 0.3 }))
            .feed("level", PortType::Control, level, at(2.0))
            .feed(
                "notes",
                PortType::Notes,
                vec![(at(0.5), Payload::Notes([note].into()))],
                at(2.0),
            )
            .run()
            .unwrap();
        let ends = outputs.packets("notes").last().unwrap();
        assert_eq!(
            (ends.time, ends.notes().unwrap()[0]),
            (
                at(1.0),
                Note::Off {
                    channel: 0,
                    pitch: 60
                }
            )
        );
    }
}
