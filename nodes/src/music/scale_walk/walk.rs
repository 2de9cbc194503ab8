//! A melody that walks through a scale: what happens at each sixteenth.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardUniform};
use score_engine::{Key, Note, Time, Transport};

use super::scale;

/// The density from which on a place of the bar has a note: its first beat, the other beats, the eighths between
/// them, and the sixteenths between those.
const PLACES: [f64; 4] = [0.0, 0.2, 0.45, 0.75];

/// How far `freedom` 1 moves these densities, up or down.
const FREEDOM: f64 = 0.5;

/// The keys that the walk may reach.
pub(super) struct Range {
    pub(super) scale: String,
    pub(super) tonic: u8,
    pub(super) octaves: u8,
    /// The key of the music, where it has one.
    pub(super) key: Option<Key>,
}

impl Range {
    /// The keys themselves.
    pub(super) fn ladder(&self) -> Vec<u8> {
        match self.key {
            Some(key) => scale::ladder_in(key, &self.scale, self.tonic, self.octaves),
            None => scale::ladder(&self.scale, self.tonic, self.octaves),
        }
    }

    /// How many of them an octave has.
    fn degrees(&self, ladder: &[u8]) -> usize {
        match (self.key, ladder.first()) {
            (Some(_), Some(lowest)) => {
                let within = ladder.iter().filter(|pitch| **pitch < lowest + 12);
                within.count().max(1)
            }
            _ => scale::keys(&self.scale).len(),
        }
    }
}

/// A melody as far as it has come.
pub(super) struct Walk {
    pub(super) hold: Time,
    pub(super) velocity: f32,
    pub(super) freedom: f64,
    pub(super) threshold: f64,
    pub(super) step: i64,
    pub(super) channel: u8,
    pub(super) range: Range,
    pub(super) ladder: Vec<u8>,
    pub(super) rng: ChaCha8Rng,
    pub(super) transport: Transport,
    /// Where on the ladder the last note was.
    pub(super) degree: Option<usize>,
    pub(super) density: f64,
    /// How strong the accent is that has not sounded yet.
    pub(super) accent: Option<f32>,
    /// The key that is down, and when it comes up at the latest.
    pub(super) sounding: Option<(u8, Time)>,
}

impl Walk {
    /// What happens at sixteenth `place`, counted from the start.
    pub(super) fn play(&mut self, place: u64) -> Vec<Note> {
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
        let degrees = self.range.degrees(&self.ladder);
        let here = self.degree.unwrap_or(self.ladder.len() / 2);
        let nearest = (here + degrees / 2) / degrees * degrees;
        nearest.min(self.ladder.len().saturating_sub(1))
    }

    /// Ends what sounds.
    pub(super) fn end(&mut self) -> Vec<Note> {
        let channel = self.channel;
        let end = |(pitch, _)| Note::Off { channel, pitch };
        self.sounding.take().map(end).into_iter().collect()
    }
}
