//! Walks at random through a scale, as dense as a control says.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardUniform};
use score_engine::{
    Build, Descriptor, Flow, Io, Length, Node, NodeError, Note, Param, Payload, Port, PortType,
    Processor, Time, Transport, Value,
};
use serde::Deserialize;

use super::scale;
use super::voice::sixteenth_from;
use crate::live;

const DENSITY: usize = 0;

const NOTES: usize = 0;

/// Live a note leaves this long before it sounds, in seconds.
const AHEAD: f64 = 0.005;

/// The density from which on a place of the bar has a note: its first beat, the other beats, the eighths between
/// them, and the sixteenths between those.
const PLACES: [f64; 4] = [0.0, 0.2, 0.45, 0.75];

/// How far `freedom` 1 moves these densities, up or down.
const FREEDOM: f64 = 0.5;

/// `scale_walk`.
#[derive(Deserialize)]
pub(crate) struct ScaleWalk {
    scale: String,
    tonic: u8,
    octaves: u8,
    step: u8,
    freedom: f64,
    threshold: f64,
    hold: Length,
    velocity: f64,
    channel: u8,
}

impl Node for ScaleWalk {
    fn descriptor() -> Descriptor {
        Descriptor::new("music", "scale_walk", "Walks at random through a scale, as dense as a control says")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "motion": motion(smooth: 0.3),
                    "cuts": cut_detector(),
                    "tune": scale_walk(scale: minor_pentatonic, tonic: 45),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> motion -> tune.density", "film -> cuts", "cuts.cut -> tune.accent", "tune -> notes"]"#,
            )
            .details(
                "No model: notes lie on sixteenths, and `density` fills the bar from its strong places to its weak \
                 ones. A little gives the first beat of each bar, 0.2 every beat, 0.45 the eighths, 0.75 the \
                 sixteenths; `freedom` blurs these by chance, from the patch's seed. Below `threshold` there is \
                 silence. Each note lies at most `step` degrees of the scale from the last, and the walk turns round \
                 at the ends of its range. An `accent`, such as a cut, sounds at the next sixteenth whatever the \
                 density: the walk leaps to the nearest tonic, struck as hard as the event is strong.\n\n\
                 Density from motion and strength from changes of the picture are the two rhythmic ties of Di et al., \
                 Video Background Music Generation with Controllable Music Transformer (2021), here without a model.",
            )
            .input(Port::new("density", PortType::Control, "how many notes, 0 none to 1 every sixteenth"))
            .input(Port::new("accent", PortType::Event, "a note at the next sixteenth, as strong as the event").optional())
            .output(Port::new("notes", PortType::Notes, "the melody, one note at a time"))
            .param(Param::choice("scale", &scale::NAMES, "the keys that are used").default("pentatonic").live())
            .param(Param::integer("tonic", (0, 120), "the lowest key, MIDI's number; 60 is middle C").default(57).live())
            .param(Param::integer("octaves", (1, 6), "range of the walk").default(2).live())
            .param(Param::integer("step", (1, 14), "most degrees of the scale from note to note").default(2).live())
            .param(Param::number("freedom", (0.0, 1.0), "how much chance decides where notes lie").default(0.3).live())
            .param(Param::number("threshold", (0.0, 1.0), "density below which there is silence").default(0.03).live())
            .param(Param::length("hold", (0.0, 60.0), "how long a note sounds where no other follows").default(1.0).live())
            .param(Param::number("velocity", (0.01, 1.0), "how hard notes are struck that are no accents").default(0.6).live())
            .param(Param::integer("channel", (0, 15), "MIDI channel, counted from 0").default(0))
            .follows_tempo()
            .urgent()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let walk = Walk {
            hold: self.hold.at(build.transport),
            velocity: self.velocity as f32,
            freedom: self.freedom,
            threshold: self.threshold,
            step: i64::from(self.step),
            channel: self.channel,
            range: Range {
                scale: self.scale.clone(),
                tonic: self.tonic,
                octaves: self.octaves,
            },
            ladder: scale::ladder(&self.scale, self.tonic, self.octaves),
            rng: build.rng(),
            transport: build.transport.clone(),
            degree: None,
            density: 0.0,
            accent: None,
            sounding: None,
        };
        let next = build.clock.is_none().then_some(0);
        Ok(Box::new(Walking { walk, next }))
    }
}

/// The keys that the walk may reach.
struct Range {
    scale: String,
    tonic: u8,
    octaves: u8,
}

/// A melody as far as it has come.
struct Walk {
    hold: Time,
    velocity: f32,
    freedom: f64,
    threshold: f64,
    step: i64,
    channel: u8,
    range: Range,
    ladder: Vec<u8>,
    rng: ChaCha8Rng,
    transport: Transport,
    /// Where on the ladder the last note was.
    degree: Option<usize>,
    density: f64,
    /// How strong the accent is that has not sounded yet.
    accent: Option<f32>,
    /// The key that is down, and when it comes up at the latest.
    sounding: Option<(u8, Time)>,
}

impl Walk {
    /// What happens at sixteenth `place`, counted from the start.
    fn at(&mut self, place: u64) -> Vec<Note> {
        let time = self.transport.sixteenth(place);
        let channel = self.channel;
        // Drawn at every place, so that what one place does with it changes nothing for the next.
        let chance: f64 = StandardUniform.sample(&mut self.rng);
        let step: f64 = StandardUniform.sample(&mut self.rng);
        let needed = self.needed(place) + self.freedom * FREEDOM * (chance - 0.5);
        let is_dense = self.density > 0.0 && self.density >= self.threshold.max(needed);
        let accent = self.accent.take();
        let begins = accent.is_some() || is_dense;
        let mut notes = Vec::new();
        if let Some((pitch, _)) = self.sounding.filter(|(_, until)| begins || *until <= time) {
            notes.push(Note::Off { channel, pitch });
            self.sounding = None;
        }
        if !begins {
            return notes;
        }
        let degree = match accent {
            Some(_) => self.tonic(),
            None => self.stepped(step),
        };
        let Some(pitch) = self.ladder.get(degree).copied() else {
            return notes;
        };
        let strength = accent.unwrap_or(0.0);
        let velocity = self.velocity + (1.0 - self.velocity) * strength;
        notes.push(Note::On {
            channel,
            pitch,
            velocity,
        });
        self.degree = Some(degree);
        self.sounding = Some((pitch, time + self.hold));
        notes
    }

    /// The density that a place needs.
    fn needed(&self, place: u64) -> f64 {
        let sixteenth = place % self.transport.sixteenths_per_bar();
        let beat = u64::from(16 / self.transport.metre.1.clamp(1, 16));
        let level = match sixteenth {
            0 => 0,
            _ if sixteenth.is_multiple_of(beat.max(2)) => 1,
            _ if sixteenth.is_multiple_of(2) => 2,
            _ => 3,
        };
        PLACES[level]
    }

    /// The degree that a draw from 0 to 1 leads to.
    fn stepped(&self, draw: f64) -> usize {
        let last = self.ladder.len().saturating_sub(1) as i64;
        let Some(degree) = self.degree else {
            // The first note is a tonic in the middle.
            return self.tonic();
        };
        let width = (2 * self.step + 1) as f64;
        let step = (draw * width) as i64 - self.step;
        let mut degree = degree as i64 + step;
        // At its ends the walk turns round.
        if degree < 0 {
            degree = -degree;
        }
        if degree > last {
            degree = 2 * last - degree;
        }
        degree.clamp(0, last) as usize
    }

    /// The tonic nearest to where the walk is.
    fn tonic(&self) -> usize {
        let degrees = scale::keys(&self.range.scale).len();
        let here = self.degree.unwrap_or(self.ladder.len() / 2);
        let nearest = (here + degrees / 2) / degrees * degrees;
        nearest.min(self.ladder.len().saturating_sub(1))
    }

    /// Ends what sounds.
    fn close(&mut self) -> Vec<Note> {
        let channel = self.channel;
        let end = |(pitch, _)| Note::Off { channel, pitch };
        self.sounding.take().map(end).into_iter().collect()
    }
}

/// Walks along the transport's sixteenths.
struct Walking {
    walk: Walk,
    /// The next sixteenth to decide, counted from the start; live, `None` before the first call.
    next: Option<u64>,
}

impl Walking {
    /// Decides every sixteenth before `end`.
    fn go_on(&mut self, io: &mut Io<'_>, end: Time) -> Result<(), NodeError> {
        let mut place = self.next.unwrap_or(0);
        while self.walk.transport.sixteenth(place) < end && !io.stop_requested() {
            let notes = self.walk.at(place);
            let time = self.walk.transport.sixteenth(place);
            place += 1;
            self.next = Some(place);
            send(io, time, notes)?;
        }
        Ok(())
    }

    /// Live, decides what is due; when to call again.
    fn play(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let transport = self.walk.transport.clone();
        let now = io.now();
        let mut next = self.next.unwrap_or_else(|| sixteenth_from(&transport, now));
        // What was missed is not caught up with.
        if transport.sixteenth(next + 1) <= now {
            next = sixteenth_from(&transport, now);
        }
        self.next = Some(next);
        let ahead = Time::from_seconds(AHEAD);
        self.go_on(io, now + ahead + Time::from_nanos(1))?;
        let next = self.next.unwrap_or(next);
        Ok(Flow::WakeAt(transport.sixteenth(next) - ahead))
    }
}

impl Processor for Walking {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if !io.is_live() {
                self.go_on(io, input.packet.time)?;
            }
            if input.port == DENSITY {
                let density = f64::from(*input.packet.control()?);
                self.walk.density = if density.is_nan() { 0.0 } else { density };
            } else {
                let strength = input.packet.event()?.strength;
                let strength = if strength.is_nan() {
                    0.0
                } else {
                    strength.clamp(0.0, 1.0)
                };
                let stronger = self
                    .walk
                    .accent
                    .map_or(strength, |other| other.max(strength));
                self.walk.accent = Some(stronger);
            }
        }
        if io.is_live() {
            return self.play(io);
        }
        // After the last input the watermark is the end of all time; `finish` knows the end that is meant.
        if io.end().is_none() && io.time() != Time::MAX {
            self.go_on(io, io.time())?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(Time::ZERO);
        let end = if io.is_live() { io.now().max(end) } else { end };
        if !io.is_live() {
            self.go_on(io, end)?;
        }
        let notes = self.walk.close();
        send(io, end, notes)
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.next.map(|next| self.walk.transport.sixteenth(next))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        let walk = &mut self.walk;
        match name {
            "scale" => {
                walk.range.scale = value.as_str().unwrap_or_default().to_owned();
            }
            "tonic" => walk.range.tonic = live::number(name, value)?.clamp(0.0, 120.0) as u8,
            "octaves" => walk.range.octaves = live::number(name, value)?.clamp(1.0, 6.0) as u8,
            "step" => walk.step = live::number(name, value)?.clamp(1.0, 14.0) as i64,
            "freedom" => walk.freedom = live::number(name, value)?,
            "threshold" => walk.threshold = live::number(name, value)?,
            "hold" => walk.hold = live::length(name, value, &walk.transport)?,
            "velocity" => walk.velocity = live::number(name, value)? as f32,
            _ => return Err(live::not_live(name)),
        }
        let range = &walk.range;
        walk.ladder = scale::ladder(&range.scale, range.tonic, range.octaves);
        Ok(())
    }
}

fn send(io: &mut Io<'_>, time: Time, notes: Vec<Note>) -> Result<(), NodeError> {
    match notes.is_empty() {
        true => Ok(()),
        false => io.send(NOTES, time, Payload::Notes(notes.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use score_engine::Event;
    use score_engine::harness::{Harness, Outputs};
    use serde_json::{Value, json};

    use super::*;

    fn at(seconds: f64) -> Time {
        Time::from_seconds(seconds)
    }

    fn event(strength: f32) -> Payload {
        Payload::Event(Arc::new(Event {
            name: "cut".to_owned(),
            strength,
        }))
    }

    /// Eight seconds, four bars at 120 a minute, of these densities from these times on.
    fn played(params: Value, densities: &[(f64, f32)], accents: &[(f64, f32)]) -> Outputs {
        let densities = densities
            .iter()
            .map(|(time, density)| (at(*time), Payload::Control(*density)));
        let accents = accents
            .iter()
            .map(|(time, strength)| (at(*time), event(*strength)));
        Harness::<ScaleWalk>::new(params)
            .feed("density", PortType::Control, densities.collect(), at(8.0))
            .feed("accent", PortType::Event, accents.collect(), at(8.0))
            .run()
            .unwrap()
    }

    /// The sixteenth, key and velocity of every note; requires that each ends before the next begins, and the last.
    fn begun(outputs: &Outputs) -> Vec<(u64, u8, f32)> {
        let mut sounding = None;
        let mut begun = Vec::new();
        for packet in outputs.packets("notes") {
            for note in packet.notes().unwrap().iter() {
                match *note {
                    Note::On {
                        pitch, velocity, ..
                    } => {
                        assert_eq!(sounding.replace(pitch), None);
                        begun.push((
                            (packet.time.seconds() * 8.0).round() as u64,
                            pitch,
                            velocity,
                        ));
                    }
                    Note::Off { pitch, .. } => assert_eq!(sounding.take(), Some(pitch)),
                }
            }
        }
        assert_eq!(sounding, None);
        begun
    }

    fn places(outputs: &Outputs) -> Vec<u64> {
        begun(outputs).iter().map(|(place, _, _)| *place).collect()
    }

    #[test]
    fn density_fills_the_bar_from_its_strong_places_to_its_weak_ones() {
        let strict = json!({ "freedom": 0 });
        let count = |density| played(strict.clone(), &[(0.0, density)], &[]);
        assert_eq!(places(&count(0.1)), [0, 16, 32, 48]);
        assert_eq!(places(&count(0.3)).len(), 16);
        assert_eq!(places(&count(0.5)).len(), 32);
        assert_eq!(places(&count(1.0)).len(), 64);
    }

    #[test]
    fn with_freedom_more_density_is_still_more_notes() {
        let counts: Vec<usize> = [0.1, 0.3, 0.5, 0.7, 0.9]
            .map(|density| places(&played(json!({}), &[(0.0, density)], &[])).len())
            .into();
        assert!(
            counts.windows(2).all(|pair| pair[0] < pair[1]),
            "{counts:?}"
        );
    }

    #[test]
    fn what_does_not_move_is_silent_and_so_is_what_is_no_number() {
        let silent = |density| places(&played(json!({}), &[(0.0, density)], &[]));
        assert_eq!(silent(0.0), [0; 0]);
        assert_eq!(silent(0.02), [0; 0]);
        assert_eq!(silent(f32::NAN), [0; 0]);
        let woken = played(
            json!({ "freedom": 0 }),
            &[(0.0, 0.0), (4.0, 0.3), (6.0, 0.0)],
            &[],
        );
        assert_eq!(places(&woken), [32, 36, 40, 44]);
        // The last note sounds for a second, and not until the end.
        let last = woken.packets("notes").last().unwrap();
        assert_eq!(last.time, at(6.5));
    }

    #[test]
    fn an_accent_sounds_at_the_next_sixteenth_on_the_tonic_as_hard_as_it_is_strong() {
        let outputs = played(
            json!({ "velocity": 0.4 }),
            &[(0.0, 0.0)],
            &[(1.01, 1.0), (3.0, 0.5)],
        );
        let heard = begun(&outputs);
        let told: Vec<(u64, i32)> = heard
            .iter()
            .map(|(place, _, velocity)| (*place, (velocity * 100.0).round() as i32))
            .collect();
        assert_eq!(told, [(9, 100), (24, 70)]);
        assert!(
            heard.iter().all(|(_, pitch, _)| pitch % 12 == 57 % 12),
            "{heard:?}"
        );
    }

    #[test]
    fn the_walk_keeps_to_its_scale_its_range_and_its_step() {
        let params = json!({ "scale": "minor", "tonic": 50, "octaves": 1, "step": 1 });
        let heard = begun(&played(params, &[(0.0, 1.0)], &[]));
        let ladder = scale::ladder("minor", 50, 1);
        let degrees: Vec<usize> = heard
            .iter()
            .map(|(_, pitch, _)| ladder.iter().position(|key| key == pitch).unwrap())
            .collect();
        assert!(
            degrees
                .windows(2)
                .all(|pair| pair[0].abs_diff(pair[1]) <= 1),
            "{degrees:?}"
        );
        let reached: std::collections::BTreeSet<&usize> = degrees.iter().collect();
        assert!(reached.len() > 3, "{degrees:?}");
    }

    #[test]
    fn live_notes_lie_on_sixteenths_and_leave_just_before_them() {
        let densities = (0..100).map(|n| {
            let time = at(f64::from(n) / 25.0);
            (time, time, Payload::Control(0.9))
        });
        let outputs = Harness::<ScaleWalk>::new(json!({}))
            .feed_live("density", PortType::Control, densities.collect(), at(4.0))
            .set_live(at(2.0), "scale", "chromatic")
            .play_live()
            .unwrap();
        assert!(begun(&outputs).len() > 16);
        let packets = outputs.packets("notes");
        let last = packets.len() - 1;
        for (packet, sent) in packets[..last].iter().zip(outputs.sent("notes")) {
            let ahead = (packet.time - *sent).seconds();
            assert!((0.0..=AHEAD + 1e-6).contains(&ahead), "{ahead} s ahead");
            let sixteenth = packet.time.seconds() * 8.0;
            assert!((sixteenth - sixteenth.round()).abs() < 1e-6);
        }
    }
}
