//! Plays the keys that are down one after the other.

use std::collections::VecDeque;
use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardUniform};
use score_engine::{
    Build, Choice, Descriptor, Flow, InputPort, Io, Node, NodeError, Note, OutputPort, Params,
    Processor, Time, Transport,
};

use super::later::{Act, Later};
use super::{HIGHEST, Key};
use crate::horizon::Horizon;

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "the keys");
const PLAYED: OutputPort<Note> = OutputPort::new(0, "notes", "one note after the other");

/// So many keys are played.
const MOST_KEYS: usize = 128;

/// So many notes wait for their time, live.
const MOST_COMING: usize = 4096;

/// Live, a step is decided this long before its time, in seconds: after the notes of that time have
/// come, which leave their node earlier.
const DECIDED: f64 = 0.003;

/// A key that goes down so soon after a step that nothing played is played at once, in seconds and
/// as a share of the step.
const LATE: (f64, f64) = (0.05, 0.5);

/// Live, steps that are later than this are left out, as after a computer has slept, in seconds.
const LOST: f64 = 0.25;

/// A note lasts at least this long.
const SHORTEST: Time = Time::from_nanos(1_000_000);

/// Two places nearer than this are one, in steps.
const SAME: f64 = 1e-6;

/// In which order keys are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Order {
    Up,
    Down,
    UpDown,
    Random,
    Played,
}

/// `arpeggio`.
#[derive(Clone, Params)]
pub(crate) struct Arpeggio {
    /// in which order keys are played
    #[param(live, default = Order::Up)]
    order: Order,
    /// from step to step: 0.25 is a sixteenth
    #[param(
        live, range = 0.03125..=16.0, span = 0.125..=1.0, log, unit = "quarter notes", default = 0.25
    )]
    rate: f64,
    /// how much of a step a note lasts
    #[param(live, range = 0.05..=1.0, default = 0.8)]
    gate: f64,
    /// through how many octaves
    #[param(live, range = 1..=5, default = 1)]
    octaves: u8,
    /// play on when the keys have come up, until others go down
    #[param(live, default = false)]
    latch: bool,
}

impl Node for Arpeggio {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("notes", "arpeggio", "Plays the keys that are down one after the other")
            .example(
                r#"transport: (tempo: 110, key: "E minor"),
                nodes: {
                    "tune": midi_input_file(path: "tune.mid"),
                    "hands": chord(tones: seventh),
                    "steps": arpeggio(order: up_down, octaves: 2),
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "motion": motion(),
                    "bells": synth(voice: bell),
                    "sound": audio_file(path: "film.wav"),
                },
                wires: [
                    "tune -> hands -> steps -> bells -> sound",
                    "film -> motion",
                    ("motion -> steps.rate", range(from: 1, to: 0.125)),
                ]"#,
            )
            .details(
                "Steps lie on the transport's grid, counted from its start, with its swing and its tempo: a new `rate` \
                 goes on with the next step of its own grid. `up_down` plays neither end twice. `random` is drawn from \
                 the patch's seed. `played` keeps the order in which keys went down. With several `octaves` the keys \
                 are played again an octave higher each time, or lower from the top with `down`. A note is as hard as its key was struck, and on its \
                 channel. Where keys change, the pattern goes on from where it is; after a rest it begins anew. Keys \
                 that go down a little late, at most 50 ms and half a step, still get the step that has begun, if it was \
                 empty.\n\nChords for it come from hands (`midi_in`), a file, `chord_pad` or `chord`.",
            )
            .input(NOTES)
            .output(PLAYED)
            .in_bars()
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Stepping {
            horizon: Horizon::new(build),
            transport: build.transport.clone(),
            rng: build.rng(),
            coming: VecDeque::new(),
            keys: Vec::new(),
            last: None,
            is_turned: false,
            rate: self.rate,
            late: None,
            count: 0,
            struck: 0,
            later: Later::default(),
        }))
    }
}

/// A key that is played.
#[derive(Clone, Copy, Debug)]
struct Held {
    key: Key,
    velocity: f32,
    captured: Instant,
    /// Whether it is down; with `latch` it may have come up.
    is_down: bool,
}

struct Stepping {
    horizon: Horizon,
    transport: Transport,
    rng: ChaCha8Rng,
    /// Notes whose turn among the steps has not come.
    coming: VecDeque<(Time, Instant, Note)>,
    /// In the order in which they went down.
    keys: Vec<Held>,
    /// The place on the grid of the latest step that was played or passed by, in quarter notes.
    last: Option<f64>,
    /// Whether the rate has become another one.
    is_turned: bool,
    rate: f64,
    /// When a step is played that began before its keys.
    late: Option<Time>,
    /// Steps played since the pattern began.
    count: usize,
    /// Notes played, by which they are told apart.
    struck: u64,
    later: Later<u64>,
}

impl Stepping {
    /// The place of the next step.
    fn next_place(&self, params: &Arpeggio) -> f64 {
        let rate = params.rate.max(f64::MIN_POSITIVE);
        match self.last {
            Some(last) => ((last / rate + SAME).floor() + 1.0) * rate,
            None => 0.0,
        }
    }

    /// When the next step is played, while there are keys.
    fn next_step(&self, params: &Arpeggio) -> Option<Time> {
        if self.keys.is_empty() {
            return None;
        }
        let next = || self.transport.time_at(self.next_place(params));
        Some(self.late.unwrap_or_else(next))
    }

    /// Does in its order what has come and what steps are played: those before `until`, and that
    /// at this time where it is `included`.
    fn go_on(&mut self, params: &Arpeggio, until: Time, included: bool) {
        loop {
            let note = self.coming.front().map(|(time, ..)| *time);
            let step = self.next_step(params);
            match (note, step) {
                (Some(note), Some(step)) if note > step && self.coming.len() < MOST_COMING => {
                    // In a render what comes later is known only when all before is.
                    if self.horizon.is_open() && !is_due(step, until, included) {
                        return;
                    }
                    self.play(params, step);
                }
                (Some(_), _) => {
                    if let Some((time, captured, note)) = self.coming.pop_front() {
                        self.hear(params, time, captured, note);
                    }
                }
                (None, Some(step)) if is_due(step, until, included) => self.play(params, step),
                _ => return,
            }
        }
    }

    /// A key goes down or comes up.
    fn hear(&mut self, params: &Arpeggio, time: Time, captured: Instant, note: Note) {
        let key = (note.channel(), note.pitch());
        let known = self.keys.iter().position(|held| held.key == key);
        let Note::On { velocity, .. } = note else {
            match known {
                Some(known) if params.latch => self.keys[known].is_down = false,
                Some(known) => {
                    self.keys.remove(known);
                }
                None => {}
            }
            return;
        };
        let held = Held {
            key,
            velocity,
            captured,
            is_down: true,
        };
        if self.keys.iter().all(|held| !held.is_down) {
            // Keys that were only kept make room for others.
            if self.keys.is_empty() {
                self.begin(params, time);
            }
            self.keys.clear();
        } else if let Some(known) = known {
            self.keys[known] = held;
            return;
        }
        if self.keys.len() < MOST_KEYS {
            self.keys.push(held);
        }
    }

    /// Keys go down after a rest.
    fn begin(&mut self, params: &Arpeggio, time: Time) {
        self.count = 0;
        self.late = None;
        let rate = params.rate.max(f64::MIN_POSITIVE);
        let begun = (self.transport.position(time) / rate + SAME).floor() * rate;
        if self.last.is_some_and(|last| last > begun - SAME * rate) {
            // That step was played, before the rest.
            return;
        }
        let since = time - self.transport.time_at(begun);
        let (seconds, share) = LATE;
        let latest = self.transport.time_at(begun + share * rate) - self.transport.time_at(begun);
        self.last = Some(begun);
        if since <= latest.min(Time::from_seconds(seconds)) {
            self.late = Some(time.max(self.transport.time_at(begun)));
        }
    }

    /// Goes on with the first step at `time` or after it.
    fn pass_by(&mut self, params: &Arpeggio, time: Time) {
        let rate = params.rate.max(f64::MIN_POSITIVE);
        let first = (self.transport.position(time) / rate - SAME).ceil();
        let before = (first - 1.0) * rate;
        self.last = Some(self.last.map_or(before, |last| last.max(before)));
    }

    /// Plays the step at `time`.
    fn play(&mut self, params: &Arpeggio, time: Time) {
        let place = match (self.late.take(), self.last) {
            (Some(_), Some(last)) => last,
            _ => self.next_place(params),
        };
        self.last = Some(place);
        if !params.latch {
            self.keys.retain(|held| held.is_down);
        }
        let draw: f64 = StandardUniform.sample(&mut self.rng);
        let Some((held, pitch)) = self.choose(params, draw) else {
            return;
        };
        self.count = self.count.wrapping_add(1);
        let (captured, before) = (held.captured, self.struck);
        self.struck += 1;
        let gate = params.gate.clamp(0.0, 1.0) * params.rate;
        let end = self.transport.time_at(place + gate).max(time + SHORTEST);
        // At another tempo the note before may not have ended.
        self.later.plan(time, captured, Act::End(before));
        let begin = Act::Begin {
            owner: self.struck,
            note: (held.key.0, pitch),
            velocity: held.velocity,
        };
        self.later.plan(time, captured, begin);
        self.later.plan(end, captured, Act::End(self.struck));
    }

    /// The key whose turn it is, and the pitch at which it is played.
    fn choose(&self, params: &Arpeggio, draw: f64) -> Option<(Held, u8)> {
        let mut keys = self.keys.clone();
        if params.order != Order::Played {
            keys.sort_by_key(|held| (held.key.1, held.key.0));
        }
        let octaves = (0..params.octaves).flat_map(|octave| {
            let keys = keys.iter();
            keys.filter_map(move |held| {
                let pitch = u32::from(held.key.1) + 12 * u32::from(octave);
                let pitch = u8::try_from(pitch).ok().filter(|pitch| *pitch <= HIGHEST)?;
                Some((*held, pitch))
            })
        });
        let notes: Vec<(Held, u8)> = octaves.collect();
        let count = notes.len();
        let last = count.checked_sub(1)?;
        let number = match params.order {
            Order::Up | Order::Played => self.count % count,
            Order::Down => last - self.count % count,
            Order::UpDown => {
                let turn = self.count % (2 * last).max(1);
                if turn > last { 2 * last - turn } else { turn }
            }
            Order::Random => ((draw * count as f64) as usize).min(last),
        };
        notes.get(number).copied()
    }
}

fn is_due(step: Time, until: Time, included: bool) -> bool {
    step < until || (included && step == until)
}

impl Processor<Arpeggio> for Stepping {
    fn process(&mut self, params: &Arpeggio, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let is_open = self.horizon.is_open();
        let since = self.horizon.changed_at(io);
        let lost = Time::from_seconds(LOST);
        let step = self.next_step(params);
        let is_lost = is_open && step.is_some_and(|step| since - step > lost);
        if std::mem::take(&mut self.is_turned) || is_lost {
            self.pass_by(params, since);
        }
        while let Some(input) = io.take() {
            let (time, captured) = (input.packet.time, input.packet.captured);
            for change in input.packet.changes() {
                self.later.plan(time, captured, Act::Change(*change));
            }
            for note in input.read(NOTES)?.iter() {
                let place = self.coming.partition_point(|(other, ..)| *other <= time);
                self.coming.insert(place, (time, captured, *note));
            }
        }
        // In a render notes may still come at the very time that is known.
        let decided = match is_open {
            true => Time::from_seconds(DECIDED),
            false => Time::ZERO,
        };
        let ahead = self.horizon.ahead();
        if let Some(reach) = self.horizon.reach(io) {
            self.go_on(params, reach - ahead + decided, is_open);
            self.later.release(io, PLAYED, reach)?;
        }
        let step = self.next_step(params).map(|step| step - decided);
        let sent = self.later.next().map(|next| next - ahead);
        let wake = step.into_iter().chain(sent).min();
        Ok(wake.map_or(Flow::Continue, Flow::WakeAt))
    }

    fn finish(&mut self, params: &Arpeggio, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = self.horizon.end(io);
        self.go_on(params, end, false);
        self.later.finish(io, PLAYED, end)
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.later.next()
    }

    fn changed(&mut self, params: &Arpeggio, transport: &Transport) -> Result<(), NodeError> {
        self.transport = transport.clone();
        self.is_turned |= params.rate != self.rate;
        self.rate = params.rate;
        if !params.latch {
            self.keys.retain(|held| held.is_down);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Swing, SwingNotes};
    use serde_json::{Value, json};

    use super::super::test_notes::{Line, at, bent, both, feed_early, lines};
    use super::*;

    /// Three keys from 0 to 1 s, of which the middle one goes down first.
    const CHORD: &[Line] = &[
        (0, 64, 50),
        (0, 60, 40),
        (0, 67, 60),
        (1000, 60, 0),
        (1000, 64, 0),
        (1000, 67, 0),
    ];

    /// When notes are struck, in milliseconds, and which.
    fn struck(found: &[Line]) -> Vec<(i64, u8)> {
        let begun = found.iter().filter(|(.., velocity)| *velocity > 0);
        begun.map(|(time, pitch, _)| (*time, *pitch)).collect()
    }

    /// What is struck of the keys in a render and live, by pitch, until 1.99 s.
    fn pitches(params: Value) -> Vec<u8> {
        let found = both(|| feed_early(Harness::<Arpeggio>::new(params.clone()), CHORD, 1990));
        struck(&found).into_iter().map(|(_, pitch)| pitch).collect()
    }

    #[test]
    fn each_step_of_the_grid_plays_the_next_key_for_its_share_of_the_step() {
        let found = both(|| feed_early(Harness::<Arpeggio>::new(json!({})), CHORD, 1990));
        let wanted: &[Line] = &[
            (0, 60, 40),
            (100, 60, 0),
            (125, 64, 50),
            (225, 64, 0),
            (250, 67, 60),
            (350, 67, 0),
            (375, 60, 40),
            (475, 60, 0),
        ];
        assert_eq!(found[..8], *wanted);
        // The keys come up at 1 s: that step has none.
        assert_eq!(struck(&found).last(), Some(&(875, 64)));
        let tied = json!({ "gate": 1.0, "rate": 0.5 });
        let found = both(|| feed_early(Harness::<Arpeggio>::new(tied.clone()), CHORD, 1990));
        assert_eq!(
            found[..4],
            [(0, 60, 40), (250, 60, 0), (250, 64, 50), (500, 64, 0)]
        );
        assert_eq!(
            bent(|| Harness::<Arpeggio>::new(json!({})), "notes"),
            [at(700)]
        );
    }

    #[test]
    fn keys_are_played_in_the_order_that_is_said() {
        let order = |order: &str| pitches(json!({ "order": order }));
        assert_eq!(order("up"), [60, 64, 67, 60, 64, 67, 60, 64]);
        assert_eq!(order("down"), [67, 64, 60, 67, 64, 60, 67, 64]);
        assert_eq!(order("up_down"), [60, 64, 67, 64, 60, 64, 67, 64]);
        assert_eq!(order("played"), [64, 60, 67, 64, 60, 67, 64, 60]);
        let octaves = pitches(json!({ "octaves": 2 }));
        assert_eq!(octaves, [60, 64, 67, 72, 76, 79, 60, 64]);
        let random = order("random");
        assert_eq!(random, order("random"), "by the seed");
        assert!(random.iter().all(|pitch| [60, 64, 67].contains(pitch)) && random.len() == 8);
        assert!(random != order("up") && random != order("down"));
    }

    #[test]
    fn a_key_that_is_a_little_late_gets_its_step_and_a_later_one_the_next() {
        let late = |time: i64| {
            let notes = [(time, 60, 50), (900, 60, 0)];
            let params = json!({ "rate": 1.0 });
            struck(&both(|| {
                feed_early(Harness::<Arpeggio>::new(params.clone()), &notes, 990)
            }))
        };
        assert_eq!(late(500), [(500, 60)]);
        assert_eq!(late(530), [(530, 60)]);
        assert_eq!(late(560), []);
        assert_eq!(late(490), [(500, 60)]);
        // Not the same step twice.
        let again = [(0, 60, 50), (20, 60, 0), (30, 62, 50), (300, 62, 0)];
        let found = both(|| feed_early(Harness::<Arpeggio>::new(json!({})), &again, 390));
        assert_eq!(struck(&found), [(0, 60), (125, 62), (250, 62)]);
    }

    #[test]
    fn steps_swing_with_the_grid() {
        let swinging = Transport {
            swing: Swing {
                share: 0.75,
                of: SwingNotes::Eighths,
            },
            ..Transport::default()
        };
        let found = both(|| {
            let harness = Harness::<Arpeggio>::new(json!({ "rate": 0.5 }));
            feed_early(harness.transport(swinging.clone()), CHORD, 1990)
        });
        let times: Vec<i64> = struck(&found).into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, [0, 375, 500, 875]);
    }

    #[test]
    fn latched_keys_play_on_until_others_go_down() {
        let notes: &[Line] = &[(0, 60, 50), (50, 60, 0), (510, 65, 50), (600, 65, 0)];
        let params = json!({ "latch": true });
        let found = both(|| feed_early(Harness::<Arpeggio>::new(params.clone()), notes, 990));
        let wanted = [60, 60, 60, 60, 60, 65, 65, 65];
        let pitches: Vec<u8> = struck(&found).into_iter().map(|(_, pitch)| pitch).collect();
        assert_eq!(pitches, wanted);
        let released = feed_early(Harness::<Arpeggio>::new(params), notes, 990).set_live(
            at(700),
            "latch",
            false,
        );
        let found = lines(&released.play_live().unwrap(), "notes");
        assert_eq!(struck(&found).last(), Some(&(625, 65)));
    }

    #[test]
    fn live_steps_are_sent_ahead_and_a_new_rate_goes_on_with_its_own_grid() {
        let notes: &[Line] = &[(0, 60, 50), (2900, 60, 0)];
        let outputs = feed_early(
            Harness::<Arpeggio>::new(json!({ "rate": 4.0 })),
            notes,
            4000,
        )
        .set_live(at(1100), "rate", 0.5)
        .set_live(at(1900), "rate", 1.0)
        .play_live()
        .unwrap();
        let found = lines(&outputs, "notes");
        let times: Vec<i64> = struck(&found).into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, [0, 1250, 1500, 1750, 2000, 2500]);
        let packets = outputs.packets("notes").iter().zip(outputs.sent("notes"));
        let begins = packets.filter(|(packet, _)| {
            let notes = packet.notes().unwrap();
            notes.iter().any(|note| matches!(note, Note::On { .. }))
        });
        for (packet, sent) in begins.skip(1) {
            assert_eq!(packet.time - *sent, at(3));
        }
    }

    #[test]
    fn a_tempo_that_changes_moves_the_steps_and_hangs_no_note() {
        let notes: &[Line] = &[(0, 60, 50), (2900, 60, 0)];
        let params = json!({ "rate": 1.0, "gate": 1.0 });
        let slow = Transport {
            tempo: 60.0,
            ..Transport::default()
        };
        let fast = Transport {
            tempo: 240.0,
            ..Transport::default()
        };
        let found = feed_early(Harness::<Arpeggio>::new(params), notes, 3500)
            .transport(slow)
            .retime(at(500), fast);
        let found = lines(&found.play_live().unwrap(), "notes");
        let times: Vec<i64> = struck(&found).into_iter().map(|(time, _)| time).collect();
        // Half a beat was left at 500 ms.
        assert_eq!(times[..4], [0, 625, 875, 1125]);
        assert_eq!(found[1], (625, 60, 0), "ended for the next step");
    }
}
