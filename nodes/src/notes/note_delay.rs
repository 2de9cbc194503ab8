//! Echoes notes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use score_engine::{
    Build, Descriptor, Flow, InputPort, Io, Length, Node, NodeError, Note, OutputPort, Params,
    Processor, Time, Transport,
};

use super::later::{Act, Later};
use super::{Key, SOFTEST, folded};
use crate::horizon::Horizon;
use crate::midi::PERCUSSION;

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "the notes");
const ECHOED: OutputPort<Note> = OutputPort::new(0, "notes", "the notes and their echoes");

/// So many notes have echoes at once.
const MOST: usize = 4096;

/// The shortest way from an echo to the next.
const SHORTEST: Time = Time::from_nanos(1_000_000);

/// `note_delay`.
#[derive(Clone, Params)]
pub(crate) struct NoteDelay {
    /// time from a note to its echo, and from echo to echo
    #[param(live, range = 0.001..=60.0, span = 0.05..=2.0, log, default = Length::Beats(0.75))]
    time: Length,
    /// how hard the first echo is struck, of the note's velocity
    #[param(live, range = 0.0..=1.0, default = 0.7)]
    level: f32,
    /// how hard each further echo is struck, of the one before
    #[param(live, range = 0.0..=1.0, default = 0.6)]
    feedback: f32,
    /// how many echoes a note has at most
    #[param(live, range = 0..=32, default = 8)]
    echoes: u32,
    /// how much higher each echo is than the one before
    #[param(live, range = -24..=24, span = -12.0..=12.0, unit = "semitones", default = 0)]
    pitch: i32,
    /// whether the notes themselves pass
    #[param(live, default = true)]
    dry: bool,
}

impl Node for NoteDelay {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("notes", "note_delay", "Echoes notes")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "tune.mid"),
                    "echo": note_delay(time: beats(0.75), feedback: 0.5),
                    "bells": synth(voice: bell),
                    "sound": audio_file(path: "echoes.wav"),
                },
                wires: ["tune -> echo -> bells -> sound"]"#,
            )
            .details(
                "An echo lasts as long as its note did, and is struck anew: unlike the sound effect `delay` it can \
                 change its pitch, be recorded as MIDI and sound on another instrument. A `time` in beats goes along \
                 the transport's grid, with its swing and its changes of tempo. The first echo is struck with `level` of \
                 the note's velocity, each further one with `feedback` of the one before, until it would be softer than \
                 MIDI's softest note or `echoes` have sounded. New values count from the next echo on, a new `time` from \
                 the one after that. Echoes end with the notes' wire. Drums, on channel 9, keep their pitch.",
            )
            .input(NOTES)
            .output(ECHOED)
            .in_bars()
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Echoing {
            horizon: Horizon::new(build),
            transport: build.transport.clone(),
            down: BTreeMap::new(),
            sources: BTreeMap::new(),
            coming: BTreeSet::new(),
            drawn: 0,
            later: Later::default(),
        }))
    }
}

struct Echoing {
    horizon: Horizon,
    transport: Transport,
    /// Which note each key that is down plays.
    down: BTreeMap<Key, u64>,
    /// The notes that are down or have echoes to come, by number.
    sources: BTreeMap<u64, Source>,
    /// When the next echo of each comes.
    coming: BTreeSet<(Time, u64)>,
    /// Numbers given to notes and strokes.
    drawn: u64,
    later: Later<u64>,
}

/// A note that is echoed.
struct Source {
    key: Key,
    began: Time,
    /// How long its key was down, once it has come up.
    length: Option<Time>,
    /// Of the latest echo, or of the note.
    velocity: f32,
    echoes: u32,
    captured: Instant,
    /// Whether another echo comes.
    goes_on: bool,
    /// Strokes whose end is not known yet, and when they began.
    open: Vec<(u64, Time)>,
}

impl Echoing {
    fn number(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    /// When the echo comes of what sounds at `time`.
    fn echo_of(&self, time: Time, params: &NoteDelay) -> Time {
        let echo = match params.time {
            Length::Beats(beats) => self.transport.after(time, beats),
            seconds => time + seconds.at(&self.transport),
        };
        echo.max(time + SHORTEST)
    }

    fn begin(
        &mut self,
        params: &NoteDelay,
        key: Key,
        velocity: f32,
        (time, captured): (Time, Instant),
    ) {
        self.end(key, time);
        let mut open = Vec::new();
        if params.dry {
            let owner = self.number();
            let begin = Act::Begin {
                owner,
                note: key,
                velocity,
            };
            self.later.plan(time, captured, begin);
            open.push((owner, time));
        }
        let source = self.number();
        let goes_on = self.coming.len() < MOST;
        if goes_on {
            self.coming.insert((self.echo_of(time, params), source));
        }
        let began = Source {
            key,
            began: time,
            length: None,
            velocity,
            echoes: 0,
            captured,
            goes_on,
            open,
        };
        self.sources.insert(source, began);
        self.down.insert(key, source);
    }

    /// The key comes up.
    fn end(&mut self, key: Key, time: Time) {
        let Some(number) = self.down.remove(&key) else {
            return;
        };
        let Some(source) = self.sources.get_mut(&number) else {
            return;
        };
        let length = time - source.began;
        source.length = Some(length);
        for (owner, began) in std::mem::take(&mut source.open) {
            let end = (began + length).max(time);
            self.later.plan(end, source.captured, Act::End(owner));
        }
        if !source.goes_on {
            self.sources.remove(&number);
        }
    }

    /// Plays every echo that comes before `until`; at that time, where it is `included`.
    fn go_on(&mut self, params: &NoteDelay, until: Time, included: bool) {
        while let Some((time, number)) = self.coming.first().copied()
            && (time < until || included && time == until)
        {
            self.coming.pop_first();
            self.echo(params, time, number);
        }
    }

    fn echo(&mut self, params: &NoteDelay, time: Time, number: u64) {
        let owner = self.number();
        let next = self.echo_of(time, params);
        let Some(source) = self.sources.get_mut(&number) else {
            return;
        };
        source.echoes += 1;
        source.velocity *= match source.echoes {
            1 => params.level,
            _ => params.feedback,
        };
        source.goes_on = source.echoes <= params.echoes && source.velocity >= SOFTEST;
        if source.goes_on {
            let (channel, pitch) = source.key;
            let higher = params.pitch.saturating_mul(source.echoes as i32);
            let pitch = match channel {
                PERCUSSION => pitch,
                _ => folded(i32::from(pitch) + higher),
            };
            let begin = Act::Begin {
                owner,
                note: (channel, pitch),
                velocity: source.velocity,
            };
            self.later.plan(time, source.captured, begin);
            match source.length {
                Some(length) => {
                    let end = Act::End(owner);
                    self.later.plan(time + length, source.captured, end);
                }
                None => source.open.push((owner, time)),
            }
            self.coming.insert((next, number));
        } else if source.length.is_some() {
            self.sources.remove(&number);
        }
    }
}

impl Processor<NoteDelay> for Echoing {
    fn process(&mut self, params: &NoteDelay, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, captured) = (input.packet.time, input.packet.captured);
            self.go_on(params, time, true);
            for change in input.packet.changes() {
                self.later.plan(time, captured, Act::Change(*change));
            }
            for note in input.read(NOTES)?.iter() {
                let key = (note.channel(), note.pitch());
                match *note {
                    Note::On { velocity, .. } => {
                        self.begin(params, key, velocity, (time, captured));
                    }
                    Note::Off { .. } => self.end(key, time),
                }
            }
        }
        if let Some(reach) = self.horizon.reach(io) {
            self.go_on(params, reach, true);
            self.later.release(io, ECHOED, reach)?;
        }
        let ahead = self.horizon.ahead();
        let next = self.earliest_pending();
        Ok(next.map_or(Flow::Continue, |next| Flow::WakeAt(next - ahead)))
    }

    fn finish(&mut self, params: &NoteDelay, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = self.horizon.end(io);
        self.go_on(params, end, false);
        self.later.finish(io, ECHOED, end)
    }

    fn earliest_pending(&self) -> Option<Time> {
        let echo = self.coming.first().map(|(time, _)| *time);
        self.later.next().into_iter().chain(echo).min()
    }

    fn changed(&mut self, _params: &NoteDelay, transport: &Transport) -> Result<(), NodeError> {
        self.transport = transport.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Swing, SwingNotes};
    use serde_json::{Value, json};

    use super::super::test_notes::{Line, at, bent, both, feed_until, lines};
    use super::*;

    /// What is played of a note of 100 ms, until 2 s.
    fn echoed(params: Value) -> Vec<Line> {
        let notes: &[Line] = &[(0, 60, 80), (100, 60, 0)];
        both(|| feed_until(Harness::<NoteDelay>::new(params.clone()), notes, 2000))
    }

    #[test]
    fn each_echo_is_softer_by_the_feedback_and_as_long_as_the_note() {
        let params = json!({ "time": { "seconds": 0.5 }, "level": 0.5, "feedback": 0.25 });
        let wanted: &[Line] = &[
            (0, 60, 80),
            (100, 60, 0),
            (500, 60, 40),
            (600, 60, 0),
            (1000, 60, 10),
            (1100, 60, 0),
            (1500, 60, 3),
            (1600, 60, 0),
        ];
        assert_eq!(echoed(params), wanted, "the next would be too soft");
        let fifths = json!({
            "time": { "beats": 1 }, "feedback": 1, "level": 1, "echoes": 2, "pitch": 7, "dry": false,
        });
        let wanted = [(500, 67, 80), (600, 67, 0), (1000, 74, 80), (1100, 74, 0)];
        assert_eq!(echoed(fifths), wanted);
        assert_eq!(echoed(json!({ "echoes": 0 })), [(0, 60, 80), (100, 60, 0)]);
        assert_eq!(echoed(json!({ "level": 0.0, "dry": false })), []);
        assert_eq!(
            bent(|| Harness::<NoteDelay>::new(json!({})), "notes"),
            [at(700)]
        );
    }

    #[test]
    fn a_note_that_is_held_longer_than_the_delay_overlaps_its_echoes_on_one_key() {
        let params = json!({ "time": { "seconds": 0.5 }, "level": 1, "feedback": 1, "echoes": 2 });
        let notes: &[Line] = &[(0, 60, 80), (700, 60, 0)];
        let found = both(|| feed_until(Harness::<NoteDelay>::new(params.clone()), notes, 3000));
        // The first echo begins while the note sounds, and the second while the first does.
        let wanted: &[Line] = &[
            (0, 60, 80),
            (500, 60, 0),
            (500, 60, 80),
            (1000, 60, 0),
            (1000, 60, 80),
            (1700, 60, 0),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn echoes_in_beats_lie_on_a_grid_that_swings() {
        let swinging = Transport {
            swing: Swing {
                share: 0.75,
                of: SwingNotes::Eighths,
            },
            ..Transport::default()
        };
        let params = json!({ "time": { "beats": 0.5 }, "level": 1, "feedback": 1, "echoes": 3 });
        let notes: &[Line] = &[(0, 60, 80), (50, 60, 0)];
        let found = both(|| {
            let harness = Harness::<NoteDelay>::new(params.clone());
            feed_until(harness.transport(swinging.clone()), notes, 2000)
        });
        let struck = found.iter().filter(|(.., velocity)| *velocity > 0);
        let struck: Vec<i64> = struck.map(|(time, ..)| *time).collect();
        assert_eq!(struck, [0, 375, 500, 875]);
    }

    #[test]
    fn what_sounds_when_the_notes_end_ends_then() {
        let params = json!({ "time": { "seconds": 0.3 }, "level": 1, "feedback": 1 });
        let notes: &[Line] = &[(0, 60, 80), (200, 60, 0)];
        let found = both(|| feed_until(Harness::<NoteDelay>::new(params.clone()), notes, 1000));
        assert_eq!(found[found.len() - 2..], [(900, 60, 80), (1000, 60, 0)]);
    }

    #[test]
    fn live_echoes_leave_ahead_of_their_time_and_follow_new_values() {
        let params = json!({ "time": { "seconds": 0.5 }, "level": 1, "feedback": 1, "echoes": 4 });
        let notes: &[Line] = &[(0, 60, 80), (100, 60, 0)];
        let harness = feed_until(Harness::<NoteDelay>::new(params), notes, 3000)
            .set_live(at(700), "time", json!({ "seconds": 0.2 }))
            .set_live(at(1100), "pitch", 12);
        let outputs = harness.play_live().unwrap();
        let found = lines(&outputs, "notes");
        let struck = found.iter().filter(|(.., velocity)| *velocity > 0);
        let struck: Vec<(i64, u8)> = struck.map(|(time, pitch, _)| (*time, *pitch)).collect();
        assert_eq!(
            struck,
            [(0, 60), (500, 60), (1000, 60), (1200, 96), (1400, 108)]
        );
        let packets = outputs.packets("notes").iter();
        for (packet, sent) in packets.zip(outputs.sent("notes")).skip(2) {
            assert_eq!(packet.time - *sent, at(8));
        }
    }
}
