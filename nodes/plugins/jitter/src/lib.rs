//! A plugin for SCORE!: `jitter`, which plays notes a little late and unevenly, as a hand does.

use std::collections::{BTreeMap, VecDeque};

use score_plugin::rand::RngExt;
use score_plugin::{
    Build, ChaCha8Rng, Descriptor, Flow, InputPort, Io, Length, Node, NodeError, Note, OutputPort,
    Params, Processor, Time, Transport,
};

score_plugin::export!(Jitter);

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "the notes");
const PLAYED: OutputPort<Note> = OutputPort::new(0, "notes", "the same, as a hand would play them");

/// The softest note: MIDI has no velocity of zero.
const SOFTEST: f64 = 1.0 / 127.0;

/// `jitter`.
#[derive(Clone, Params)]
pub struct Jitter {
    /// how late a note may be
    #[param(live, range = 0.0..=1.0, default = Length::Seconds(0.03))]
    late: Length,
    /// how much softer a note may be: 1 down to the softest
    #[param(live, range = 0.0..=1.0, default = 0.3)]
    dynamics: f64,
}

impl Node for Jitter {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("plugin", "jitter", "Plays notes a little late and unevenly")
            .details(
                "Each note begins late by chance, and ends late by as much, so that it lasts as long as it did. The \
                 same patch plays the same every time; another `seed` of the transport plays otherwise.",
            )
            .input(NOTES)
            .output(PLAYED)
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Playing {
            late: self.late.at(build.transport),
            random: build.rng(),
            keys: BTreeMap::new(),
            held: VecDeque::new(),
        }))
    }
}

/// What a key did last.
struct Key {
    /// How late the note that it plays is.
    late: Time,
    /// When it last goes down or up.
    last: Time,
}

struct Playing {
    /// How late a note may be.
    late: Time,
    random: ChaCha8Rng,
    /// By channel and pitch.
    keys: BTreeMap<(u8, u8), Key>,
    /// What is not due yet, the earliest at the front.
    held: VecDeque<(Time, Note)>,
}

impl Playing {
    /// Plays `note`, which was meant for `time`, when its time comes, softer by as much as
    /// `dynamics` allows.
    fn hold(&mut self, time: Time, note: Note, dynamics: f64) {
        let of = (note.channel(), note.pitch());
        let (at, note) = match note {
            Note::On {
                channel,
                pitch,
                velocity,
            } => {
                let late = self.random.random_range(0..=self.late.nanos().max(0));
                // A key that is still down from a note that is later must come up first.
                let last = self.keys.get(&of).map_or(time, |key| key.last);
                let at = (time + Time::from_nanos(late)).max(last);
                let key = Key {
                    late: at - time,
                    last: at,
                };
                self.keys.insert(of, key);
                let softer = 1.0 - dynamics * self.random.random_range(0.0..1.0);
                let velocity = (f64::from(velocity) * softer).max(SOFTEST) as f32;
                let on = Note::On {
                    channel,
                    pitch,
                    velocity,
                };
                (at, on)
            }
            // It ends as late as it began, whatever `late` is by now.
            Note::Off { .. } => match self.keys.get_mut(&of) {
                Some(key) => {
                    key.last = time + key.late;
                    (key.last, note)
                }
                None => (time, note),
            },
        };
        let place = self.held.partition_point(|(other, _)| *other <= at);
        self.held.insert(place, (at, note));
    }

    /// Sends all whose time has come by `time`, in order.
    fn release(&mut self, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        while let Some((at, note)) = self.held.front().copied().filter(|(at, _)| *at <= time) {
            self.held.pop_front();
            io.send(PLAYED, at, vec![note])?;
        }
        Ok(())
    }
}

impl Processor<Jitter> for Playing {
    fn process(&mut self, params: &Jitter, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            for note in input.read(NOTES)?.iter() {
                self.hold(input.packet.time, *note, params.dynamics);
            }
        }
        // Live, what is late is sent when its time has come. In a render it is sent when nothing
        // earlier can come.
        self.release(io, io.reached().time())?;
        Ok(match self.held.front() {
            Some((at, _)) => Flow::WakeAt(*at),
            None => Flow::Continue,
        })
    }

    // The inputs have ended: what is held is sent with the times that it has, after the end if need
    // be.
    fn finish(&mut self, _params: &Jitter, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.release(io, Time::MAX)
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.held.front().map(|(at, _)| *at)
    }

    // A length in beats is another time at another tempo.
    fn changed(&mut self, params: &Jitter, transport: &Transport) -> Result<(), NodeError> {
        self.late = params.late.at(transport);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_plugin::harness::{Harness, Outputs};
    use score_plugin::{Payload, PortType};
    use serde_json::json;

    use super::*;

    fn on(pitch: u8) -> Note {
        Note::On {
            channel: 0,
            pitch,
            velocity: 0.8,
        }
    }

    fn off(pitch: u8) -> Note {
        Note::Off { channel: 0, pitch }
    }

    fn at(seconds: f64) -> Time {
        Time::from_seconds(seconds)
    }

    /// A node whose notes may be `late` seconds late, and that is given `notes`; they end after two
    /// seconds.
    fn played(late: f64, notes: &[(f64, Note)]) -> Harness<Jitter> {
        let packets = notes.iter();
        let packets = packets.map(|(time, note)| (at(*time), Payload::Notes([*note].into())));
        Harness::new(json!({ "late": { "seconds": late } })).feed(
            "notes",
            PortType::Notes,
            packets.collect(),
            at(2.0),
        )
    }

    fn came(outputs: &Outputs) -> Vec<(Time, Note)> {
        let packets = outputs.packets("notes").iter();
        packets
            .flat_map(|packet| {
                let notes = packet.notes().unwrap().iter();
                notes.map(|note| (packet.time, *note)).collect::<Vec<_>>()
            })
            .collect()
    }

    /// When the key of `pitch` goes down and comes up.
    fn times(notes: &[(Time, Note)], pitch: u8) -> (Time, Time) {
        let time = |down: bool| {
            let mut notes = notes.iter();
            let is_meant =
                |note: &Note| note.pitch() == pitch && matches!(note, Note::On { .. }) == down;
            notes.find(|(_, note)| is_meant(note)).unwrap().0
        };
        (time(true), time(false))
    }

    #[test]
    fn a_note_is_late_by_chance_and_lasts_as_long_as_it_did() {
        let mut notes: Vec<(f64, Note)> = (0..20u8)
            .flat_map(|index| {
                let begins = f64::from(index) * 0.05;
                [(begins, on(40 + index)), (begins + 0.4, off(40 + index))]
            })
            .collect();
        notes.sort_by(|one, other| one.0.total_cmp(&other.0));
        for outputs in [
            played(0.1, &notes).run().unwrap(),
            played(0.1, &notes).play_live().unwrap(),
        ] {
            let came = came(&outputs);
            let mut lateness: Vec<Time> = Vec::new();
            for index in 0..20u8 {
                let (down, up) = times(&came, 40 + index);
                let late = down - at(f64::from(index) * 0.05);
                assert!(late >= Time::ZERO && late <= at(0.1), "{late}");
                assert!(((up - down).seconds() - 0.4).abs() < 1e-6);
                lateness.push(late);
            }
            lateness.sort();
            lateness.dedup();
            assert!(lateness.len() > 15, "{lateness:?}");
        }
    }

    // As docs/plugins.md shows it.
    #[test]
    fn the_guides_test_of_notes_holds() -> Result<(), NodeError> {
        let (on, off) = (on(60), off(60));
        let played = vec![
            (Time::from_seconds(0.0), Payload::Notes([on].into())),
            (Time::from_seconds(0.5), Payload::Notes([off].into())),
        ];
        let outputs = Harness::<Jitter>::new(json!({ "late": { "seconds": 0.1 } }))
            .feed("notes", PortType::Notes, played, Time::from_seconds(2.0))
            .run()?;
        let first = &outputs.packets("notes")[0];
        assert!(first.time <= Time::from_seconds(0.1));
        assert_eq!(first.notes()?.len(), 1);
        Ok(())
    }

    #[test]
    fn the_same_seed_plays_the_same_live_and_in_a_render() {
        let notes = [(0.0, on(60)), (0.5, off(60)), (0.5, on(64)), (1.0, off(64))];
        let rendered = came(&played(0.2, &notes).run().unwrap());
        let live = came(&played(0.2, &notes).play_live().unwrap());
        assert_eq!(rendered, live);
        assert_ne!(rendered[0], (at(0.0), on(60)));
    }

    #[test]
    fn a_key_comes_up_before_it_goes_down_again() {
        let notes: Vec<(f64, Note)> = (0..60)
            .flat_map(|index| {
                let begins = f64::from(index) * 0.03;
                [(begins, on(60)), (begins + 0.03, off(60))]
            })
            .collect();
        let came = came(&played(0.5, &notes).run().unwrap());
        assert_eq!(came.len(), 120);
        for (index, (time, note)) in came.iter().enumerate() {
            assert_eq!(matches!(note, Note::On { .. }), index % 2 == 0);
            assert!(index == 0 || came[index - 1].0 <= *time);
        }
    }

    #[test]
    fn what_is_late_when_the_notes_end_is_still_played() {
        let notes = [(1.9, on(60)), (2.0, off(60))];
        let rendered = came(&played(1.0, &notes).run().unwrap());
        assert_eq!(rendered.len(), 2);
        let live = came(&played(1.0, &notes).play_live().unwrap());
        assert_eq!(rendered, live);
    }

    #[test]
    fn a_note_ends_as_late_as_it_began_though_late_was_turned_meanwhile() {
        let notes = [(0.0, on(60)), (0.5, off(60)), (1.0, on(62)), (1.5, off(62))];
        let outputs = played(0.2, &notes)
            .set_live(at(0.25), "late", json!({ "seconds": 0.0 }))
            .play_live()
            .unwrap();
        let came = came(&outputs);
        let (down, up) = times(&came, 60);
        assert!(down > Time::ZERO && up - down == at(0.5), "{down} {up}");
        assert_eq!(times(&came, 62), (at(1.0), at(1.5)));
    }

    #[test]
    fn dynamics_make_notes_softer_and_never_silent() {
        let notes: Vec<(f64, Note)> = (0..30u8)
            .map(|index| (f64::from(index) * 0.01, on(40 + index)))
            .collect();
        let outputs = played(0.0, &notes)
            .set_live(Time::ZERO, "dynamics", 1.0)
            .play_live()
            .unwrap();
        // Keys that are still down when the notes end come up then.
        let velocities = came(&outputs)
            .into_iter()
            .filter_map(|(_, note)| match note {
                Note::On { velocity, .. } => Some(velocity),
                Note::Off { .. } => None,
            });
        let velocities: Vec<f32> = velocities.collect();
        assert_eq!(velocities.len(), 30);
        assert!(
            velocities
                .iter()
                .all(|velocity| (0.007..=0.8).contains(velocity))
        );
        let softest = velocities.iter().copied().fold(1.0, f32::min);
        assert!(softest < 0.4, "{softest}");
    }
}
