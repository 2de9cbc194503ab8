//! Plays notes a little unevenly, as a hand does.

use std::collections::BTreeMap;
use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use score_engine::{
    Build, Descriptor, Flow, InputPort, Io, Length, Node, NodeError, Note, OutputPort, Params,
    Processor, Time, Transport,
};

use super::later::{Act, Later};
use super::{Key, velocity};
use crate::horizon::Horizon;

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "the notes");
const PLAYED: OutputPort<Note> = OutputPort::new(0, "notes", "the same, as a hand plays them");

/// So many standard deviations make the whole of what a parameter allows.
const WHOLE: f64 = 2.0;

/// `humanise`.
#[derive(Clone, Params)]
pub(crate) struct Humanise {
    /// how late a note may be
    #[param(live, range = 0.0..=1.0, span = 0.0..=0.1, default = Length::Seconds(0.02))]
    timing: Length,
    /// how much softer or harder a note may be, of its own velocity
    #[param(live, range = 0.0..=1.0, default = 0.15)]
    velocity: f64,
    /// how much of its unevenness each note takes over from the one before
    #[param(live, range = 0.0..=1.0, default = 0.5)]
    drift: f64,
}

impl Node for Humanise {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("notes", "humanise", "Plays notes a little unevenly, as a hand does")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "tune.mid"),
                    "hand": humanise(timing: 0.03, velocity: 0.2),
                    "piano": synth(voice: electric_piano),
                    "sound": audio_file(path: "tune.wav"),
                },
                wires: ["tune -> hand -> piano -> sound"]"#,
            )
            .details(
                "Each note is late by chance, at most by `timing` and mostly by about half of it, and ends as late as \
                 it began, so that it lasts as long as it did. Nobody can be early live: to be even on average, send \
                 the other parts half of `timing` later. With a `drift` of 0 each note is uneven for itself; towards 1 \
                 a player hurries and drags over several notes. The same seed of the transport plays the same.",
            )
            .input(NOTES)
            .output(PLAYED)
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Playing {
            horizon: Horizon::new(build),
            timing: self.timing.at(build.transport),
            rng: build.rng(),
            uneven: [0.0; 2],
            keys: BTreeMap::new(),
            later: Later::default(),
        }))
    }
}

struct Playing {
    horizon: Horizon,
    /// How late a note may be.
    timing: Time,
    rng: ChaCha8Rng,
    /// How uneven the latest note was in time and velocity, in standard deviations.
    uneven: [f64; 2],
    keys: BTreeMap<Key, Stroke>,
    later: Later<Key>,
}

/// What a key did last.
struct Stroke {
    /// How late its note is.
    late: Time,
    /// When it goes down or comes up last.
    last: Time,
}

impl Playing {
    /// How uneven the next note is in time and velocity: −1 to 1.
    fn draw(&mut self, drift: f64) -> [f64; 2] {
        let fresh = (1.0 - drift * drift).max(0.0).sqrt();
        for uneven in &mut self.uneven {
            let chance: f64 = StandardNormal.sample(&mut self.rng);
            *uneven = drift * *uneven + fresh * chance;
        }
        self.uneven.map(|uneven| (uneven / WHOLE).clamp(-1.0, 1.0))
    }

    /// Plans a note that was meant for `time`.
    fn plan(&mut self, params: &Humanise, time: Time, captured: Instant, note: Note) {
        let key = (note.channel(), note.pitch());
        let Note::On {
            velocity: meant, ..
        } = note
        else {
            // It ends as late as it began, whatever `timing` is by now.
            if let Some(stroke) = self.keys.get_mut(&key) {
                stroke.last = (time + stroke.late).max(stroke.last);
                self.later.plan(stroke.last, captured, Act::End(key));
            }
            return;
        };
        let [timing, force] = self.draw(params.drift);
        let late = self.timing.seconds() * (1.0 + timing) / 2.0;
        let last = self.keys.get(&key).map(|stroke| stroke.last);
        let at = (time + Time::from_seconds(late)).max(last.unwrap_or(time));
        let stroke = Stroke {
            late: at - time,
            last: at,
        };
        self.keys.insert(key, stroke);
        let force = 1.0 + params.velocity * force;
        let begin = Act::Begin {
            owner: key,
            note: key,
            velocity: velocity(meant * force as f32),
        };
        self.later.plan(at, captured, begin);
    }
}

impl Processor<Humanise> for Playing {
    fn process(&mut self, params: &Humanise, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, captured) = (input.packet.time, input.packet.captured);
            for change in input.packet.changes() {
                self.later.plan(time, captured, Act::Change(*change));
            }
            for note in input.read(NOTES)?.iter() {
                self.plan(params, time, captured, *note);
            }
        }
        if let Some(reach) = self.horizon.reach(io) {
            self.later.release(io, PLAYED, reach)?;
        }
        let ahead = self.horizon.ahead();
        let next = self.later.next().map(|next| Flow::WakeAt(next - ahead));
        Ok(next.unwrap_or(Flow::Continue))
    }

    fn finish(&mut self, _params: &Humanise, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = self.horizon.end(io);
        self.later.finish(io, PLAYED, end)
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.later.next()
    }

    fn changed(&mut self, params: &Humanise, transport: &Transport) -> Result<(), NodeError> {
        self.timing = params.timing.at(transport);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::super::test_notes::{Line, at, bent, both, feed, feed_until, lines};
    use super::*;

    /// Notes of 200 ms, one every quarter second, on a key each.
    fn steady(count: u8) -> Vec<Line> {
        let notes = (0..count).flat_map(|number| {
            let begins = i64::from(number) * 250;
            [(begins, 30 + number, 50), (begins + 200, 30 + number, 0)]
        });
        notes.collect()
    }

    /// How late each of the steady notes is, in milliseconds, and its velocity; it lasts 200 ms.
    fn played(params: Value) -> Vec<(i64, i32)> {
        let found = both(|| {
            feed_until(
                Harness::<Humanise>::new(params.clone()),
                &steady(60),
                20_000,
            )
        });
        let of = |pitch: u8| {
            let mut notes = found.iter().filter(move |(_, other, _)| *other == pitch);
            (*notes.next().unwrap(), *notes.next().unwrap())
        };
        let notes = (0..60).map(|number| {
            let (on, end) = of(30 + number);
            assert!((end.0 - on.0 - 200).abs() <= 1, "{on:?} {end:?}");
            (on.0 - i64::from(number) * 250, on.2)
        });
        notes.collect()
    }

    #[test]
    fn each_note_is_late_by_chance_and_lasts_as_long_as_it_did() {
        let even = json!({ "timing": { "seconds": 0.0 }, "velocity": 0.0 });
        assert!(played(even).iter().all(|note| *note == (0, 50)));
        let notes = played(json!({ "timing": { "seconds": 0.04 }, "velocity": 0.4, "drift": 0 }));
        let late: Vec<i64> = notes.iter().map(|(late, _)| *late).collect();
        assert!(late.iter().all(|late| (0..=40).contains(late)), "{late:?}");
        let mean = late.iter().sum::<i64>() as f64 / 60.0;
        assert!((mean - 20.0).abs() < 4.0, "{mean}");
        let force: Vec<i32> = notes.iter().map(|(_, force)| *force).collect();
        assert!(
            force.iter().all(|force| (30..=70).contains(force)),
            "{force:?}"
        );
        assert!(force.iter().any(|force| *force < 45) && force.iter().any(|force| *force > 55));
    }

    #[test]
    fn with_drift_neighbours_are_late_alike() {
        let mean_step = |drift: f64| {
            let params = json!({ "timing": { "seconds": 0.1 }, "drift": drift });
            let notes = played(params);
            let steps = notes.windows(2).map(|pair| (pair[0].0 - pair[1].0).abs());
            steps.sum::<i64>() as f64 / 59.0
        };
        let (alone, drifting) = (mean_step(0.0), mean_step(0.95));
        assert!(drifting < alone / 2.0, "{drifting} {alone}");
    }

    #[test]
    fn a_key_that_is_struck_again_comes_up_first() {
        let notes: Vec<Line> = (0..80)
            .flat_map(|number| [(number * 20, 60, 50), (number * 20 + 20, 60, 0)])
            .collect();
        let timing = json!({ "timing": { "seconds": 0.5 } });
        let found = both(|| feed_until(Harness::<Humanise>::new(timing.clone()), &notes, 4000));
        assert_eq!(found.len(), 160);
        for (number, pair) in found.chunks(2).enumerate() {
            assert!(pair[0].2 > 0 && pair[1].2 == 0, "{number}: {pair:?}");
        }
        assert!(found.is_sorted_by_key(|(time, ..)| *time));
    }

    #[test]
    fn what_is_still_held_back_when_the_notes_end_ends_with_them() {
        let notes: &[Line] = &[(0, 60, 50), (999, 60, 0), (999, 62, 50), (1000, 62, 0)];
        let late = json!({ "timing": { "seconds": 0.9 }, "velocity": 0 });
        let found = both(|| feed(Harness::<Humanise>::new(late.clone()), notes));
        let [(begins, 60, 50), (1000, 60, 0)] = found[..] else {
            panic!("{found:?}");
        };
        assert!(begins > 0 && begins < 1000);
        assert_eq!(
            bent(|| Harness::<Humanise>::new(json!({})), "notes"),
            [at(700)]
        );
    }

    #[test]
    fn a_note_ends_as_late_as_it_began_though_timing_was_turned_meanwhile() {
        let notes: &[Line] = &[(0, 60, 50), (500, 60, 0), (1000, 62, 50), (1500, 62, 0)];
        let late = json!({ "timing": { "seconds": 0.2 }, "velocity": 0 });
        let harness = feed_until(Harness::<Humanise>::new(late), notes, 3000).set_live(
            at(250),
            "timing",
            json!({ "seconds": 0.0 }),
        );
        let found = lines(&harness.play_live().unwrap(), "notes");
        let late = found[0].0;
        assert!(late > 0, "{found:?}");
        let wanted = [
            (late, 60, 50),
            (500 + late, 60, 0),
            (1000, 62, 50),
            (1500, 62, 0),
        ];
        assert_eq!(found, wanted);
    }
}
