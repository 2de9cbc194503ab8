//! Lets notes last until the next.

use std::collections::BTreeMap;

use score_engine::{
    Build, Descriptor, Flow, InputPort, Io, Length, Node, NodeError, Note, OutputPort, Params,
    Processor, Time, Transport,
};

use super::note_map::NoteMap;
use super::{Key, send_on};
use crate::horizon::Horizon;

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "the notes");
const JOINED: OutputPort<Note> = OutputPort::new(0, "notes", "the same, each until the next");

/// Notes of a channel that begin within this time are a chord, in seconds.
const TOGETHER: f64 = 0.03;

/// `legato`.
#[derive(Clone, Params)]
pub(crate) struct Legato {
    /// how long a note sounds into the next
    #[param(live, range = 0.0..=10.0, span = 0.0..=0.5, default = Length::Seconds(0.0))]
    overlap: Length,
    /// how long a note sounds on at most when no other follows
    #[param(live, range = 0.0..=600.0, span = 0.1..=8.0, log, default = Length::Beats(4.0))]
    hold: Length,
    /// end a note at the next one although its key is down
    #[param(live, default = false)]
    mono: bool,
}

impl Node for Legato {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("notes", "legato", "Lets each note last until the next")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "tune.mid"),
                    "joined": legato(overlap: 0.05, hold: beats(2)),
                    "strings": synth(voice: strings),
                    "sound": audio_file(path: "tune.wav"),
                },
                wires: ["tune -> joined -> strings -> sound"]"#,
            )
            .details(
                "Each channel is a part of its own. When a key comes up its note sounds on until the next note of the \
                 part begins, and `overlap` longer, but at most for `hold`. Notes that begin within 30 ms of the first \
                 are a chord, which the next chord ends. A key that is still down when the next note begins keeps \
                 sounding until it comes up; with `mono` it ends there too, so that one note or chord sounds at a \
                 time. A key that is struck again begins anew. Pedals, bends and controllers pass.",
            )
            .input(NOTES)
            .output(JOINED)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Joining {
            horizon: Horizon::new(build),
            times: Times::of(self, build.transport),
            chords: BTreeMap::new(),
            held: BTreeMap::new(),
            map: NoteMap::default(),
        }))
    }
}

/// Lengths at the present tempo.
#[derive(Clone, Copy)]
struct Times {
    overlap: Time,
    hold: Time,
}

impl Times {
    fn of(params: &Legato, transport: &Transport) -> Self {
        Times {
            overlap: params.overlap.at(transport),
            hold: params.hold.at(transport),
        }
    }
}

struct Joining {
    horizon: Horizon,
    times: Times,
    /// When the latest note or chord of each channel began.
    chords: BTreeMap<u8, Time>,
    /// What sounds.
    held: BTreeMap<Key, Held>,
    map: NoteMap<Key>,
}

/// A note that sounds.
#[derive(Clone, Copy)]
struct Held {
    began: Time,
    /// When its key came up.
    up: Option<Time>,
    /// When the next note of its part began.
    next: Option<Time>,
}

impl Held {
    /// When it ends, as far as that is known.
    fn ends(&self, times: Times, is_mono: bool) -> Option<Time> {
        let alone = self.up.map(|up| up + times.hold);
        let joined = self.next.map(|next| next + times.overlap);
        let sooner = alone.into_iter().chain(joined).min();
        let end = match (is_mono, self.up) {
            (true, _) => sooner?,
            // Never before its key comes up.
            (false, Some(up)) => sooner?.max(up),
            (false, None) => return None,
        };
        Some(end.max(self.began))
    }
}

impl Joining {
    /// The note that ends first, and when.
    fn first(&self, params: &Legato) -> Option<(Time, Key)> {
        let ends = self.held.iter().filter_map(|(key, held)| {
            let end = held.ends(self.times, params.mono)?;
            Some((end, *key))
        });
        ends.min()
    }

    /// Ends what ends by `until`, and nothing before `earliest`.
    fn end(
        &mut self,
        params: &Legato,
        io: &mut Io<'_>,
        (earliest, until): (Time, Time),
    ) -> Result<(), NodeError> {
        while let Some((end, key)) = self.first(params).filter(|(end, _)| *end <= until) {
            self.held.remove(&key);
            let mut sent = Vec::new();
            self.map.end(&key, &mut sent);
            io.send(JOINED, end.max(earliest), sent)?;
        }
        Ok(())
    }

    /// A note begins at `time`: what sounds of its part lasts until then.
    fn begin(&mut self, (channel, pitch): Key, time: Time) {
        let together = Time::from_seconds(TOGETHER);
        let began = self.chords.get(&channel).copied();
        if began.is_none_or(|began| time - began > together) {
            self.chords.insert(channel, time);
            let part = (channel, 0)..=(channel, u8::MAX);
            for (_, held) in self.held.range_mut(part) {
                held.next.get_or_insert(time);
            }
        }
        let held = Held {
            began: time,
            up: None,
            next: None,
        };
        self.held.insert((channel, pitch), held);
    }
}

impl Processor<Legato> for Joining {
    fn process(&mut self, params: &Legato, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let earliest = self.horizon.changed_at(io);
        while let Some(input) = io.take() {
            let packet = &input.packet;
            let time = packet.time;
            // What ended meanwhile leaves before what comes.
            self.end(params, io, (earliest.min(time), time))?;
            let mut sent = Vec::new();
            for note in input.read(NOTES)?.iter() {
                let key = (note.channel(), note.pitch());
                match *note {
                    Note::On { velocity, .. } => {
                        self.begin(key, time);
                        self.map.begin(key, &[(key, velocity)], time, &mut sent);
                    }
                    Note::Off { .. } => {
                        if let Some(held) = self.held.get_mut(&key) {
                            held.up.get_or_insert(time);
                        }
                    }
                }
            }
            send_on(io, JOINED, packet, packet.changes().to_vec(), sent)?;
        }
        if let Some(reach) = self.horizon.reach(io) {
            self.end(params, io, (earliest, reach))?;
        }
        let ahead = self.horizon.ahead();
        let next = self.first(params).map(|(end, _)| Flow::WakeAt(end - ahead));
        Ok(next.unwrap_or(Flow::Continue))
    }

    fn finish(&mut self, params: &Legato, io: &mut Io<'_>) -> Result<(), NodeError> {
        let (earliest, end) = (self.horizon.changed_at(io), self.horizon.end(io));
        self.end(params, io, (earliest.min(end), end))?;
        for (time, notes) in self.map.end_all(end) {
            io.send(JOINED, time, notes)?;
        }
        Ok(())
    }

    fn changed(&mut self, params: &Legato, transport: &Transport) -> Result<(), NodeError> {
        self.times = Times::of(params, transport);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::super::test_notes::{Line, at, bent, both, feed_until, lines};
    use super::*;

    fn joined(params: Value, notes: &[Line]) -> Vec<Line> {
        both(|| feed_until(Harness::<Legato>::new(params.clone()), notes, 5000))
    }

    /// Three notes with rests between them.
    const NOTES: &[Line] = &[
        (0, 60, 50),
        (200, 60, 0),
        (500, 62, 50),
        (700, 62, 0),
        (1000, 64, 50),
        (1200, 64, 0),
    ];

    #[test]
    fn a_note_lasts_until_the_next_and_the_last_as_long_as_hold_says() {
        let wanted: &[Line] = &[
            (0, 60, 50),
            (500, 62, 50),
            (500, 60, 0),
            (1000, 64, 50),
            (1000, 62, 0),
            (3200, 64, 0),
        ];
        assert_eq!(joined(json!({}), NOTES), wanted);
        let short = joined(json!({ "hold": { "seconds": 0.1 } }), NOTES);
        let ends = short.iter().filter(|(.., velocity)| *velocity == 0);
        assert_eq!(
            ends.map(|(time, ..)| *time).collect::<Vec<_>>(),
            [300, 800, 1300]
        );
        assert_eq!(
            bent(|| Harness::<Legato>::new(json!({})), "notes"),
            [at(700)]
        );
    }

    #[test]
    fn notes_overlap_by_as_much_as_is_said() {
        let found = joined(json!({ "overlap": { "seconds": 0.1 } }), NOTES);
        assert_eq!(found[1..3], [(500, 62, 50), (600, 60, 0)]);
    }

    #[test]
    fn chords_end_with_the_next_chord_and_a_key_that_is_struck_again_begins_anew() {
        let notes: &[Line] = &[
            (0, 60, 50),
            (20, 64, 50),
            (100, 64, 0),
            (110, 60, 0),
            (500, 60, 50),
            (510, 65, 50),
            (600, 60, 0),
            (600, 65, 0),
        ];
        let wanted: &[Line] = &[
            (0, 60, 50),
            (20, 64, 50),
            (500, 60, 0),
            (500, 60, 50),
            (500, 64, 0),
            (510, 65, 50),
            (2600, 60, 0),
            (2600, 65, 0),
        ];
        assert_eq!(joined(json!({}), notes), wanted);
    }

    #[test]
    fn a_key_that_stays_down_sounds_on_unless_one_note_sounds_at_a_time() {
        let notes: &[Line] = &[(0, 60, 50), (500, 62, 50), (900, 60, 0), (1000, 62, 0)];
        let wanted = [(0, 60, 50), (500, 62, 50), (900, 60, 0), (3000, 62, 0)];
        assert_eq!(joined(json!({}), notes), wanted);
        let mono = joined(json!({ "mono": true }), notes);
        assert_eq!(
            mono,
            [(0, 60, 50), (500, 62, 50), (500, 60, 0), (3000, 62, 0)]
        );
    }

    #[test]
    fn what_a_hand_turns_holds_for_notes_that_sound() {
        let harness = || feed_until(Harness::<Legato>::new(json!({})), NOTES, 5000);
        let shorter = harness().set_live(at(2000), "hold", json!({ "seconds": 0.0 }));
        let found = lines(&shorter.play_live().unwrap(), "notes");
        assert_eq!(found.last(), Some(&(2000, 64, 0)));
        let faster = Transport {
            tempo: 240.0,
            ..Transport::default()
        };
        let found = lines(
            &harness().retime(at(1500), faster).play_live().unwrap(),
            "notes",
        );
        assert_eq!(found.last(), Some(&(2200, 64, 0)));
    }
}
