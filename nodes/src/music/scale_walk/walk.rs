//! A melody that walks through a scale: what happens at each sixteenth.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardUniform};
use score_engine::{Key, Length, Note, Time, Transport};

use super::ScaleWalk;
use super::scale;

/// The density from which on a place of the bar has a note: its first beat, the other beats, the
/// eighths between them, and the sixteenths between those.
const PLACES: [f64; 4] = [0.0, 0.2, 0.45, 0.75];

/// How far `freedom` 1 moves these densities, up or down.
const FREEDOM: f64 = 0.5;

/// A melody as far as it has come.
pub(super) struct Walk {
    hold: Time,
    /// The key of the music, where it has one.
    key: Option<Key>,
    /// The keys that the walk may reach.
    ladder: Vec<u8>,
    rng: ChaCha8Rng,
    transport: Transport,
    /// Where on the ladder the last note was.
    degree: Option<usize>,
    pub(super) density: f64,
    /// How strong the accent is that has not sounded yet.
    pub(super) accent: Option<f32>,
    /// Channel and pitch of the key that is down, and when it comes up at the latest.
    sounding: Option<(u8, u8, Time)>,
}

impl Walk {
    pub(super) fn new(params: &ScaleWalk, transport: &Transport, rng: ChaCha8Rng) -> Self {
        let mut walk = Walk {
            hold: Time::ZERO,
            key: None,
            ladder: Vec::new(),
            rng,
            transport: transport.clone(),
            degree: None,
            density: 0.0,
            accent: None,
            sounding: None,
        };
        walk.choose(params, transport);
        walk
    }

    /// Computes what follows from the parameters and the transport.
    pub(super) fn choose(&mut self, params: &ScaleWalk, transport: &Transport) {
        self.hold = params.hold.at(transport);
        if let (Length::Beats(_), Some((.., until))) = (params.hold, &mut self.sounding) {
            *until = transport.time_at(self.transport.position(*until));
        }
        self.key = (transport.key).map(|key| key.key(transport.seed, params.scale.mode()));
        self.ladder = match self.key {
            Some(key) => scale::ladder_in(key, params.scale, params.tonic, params.octaves),
            None => scale::ladder(params.scale, params.tonic, params.octaves),
        };
        self.transport = transport.clone();
    }

    /// How many of the ladder's keys an octave has.
    fn degrees(&self, params: &ScaleWalk) -> usize {
        match (self.key, self.ladder.first()) {
            (Some(_), Some(lowest)) => {
                let within = self.ladder.iter().filter(|pitch| **pitch < lowest + 12);
                within.count().max(1)
            }
            _ => params.scale.keys().len(),
        }
    }

    /// What happens at sixteenth `place`, counted from the start.
    pub(super) fn play(&mut self, params: &ScaleWalk, place: u64) -> Vec<Note> {
        let time = self.transport.sixteenth(place);
        // Drawn at every place, so that what one place does with it changes nothing for the next.
        let chance: f64 = StandardUniform.sample(&mut self.rng);
        let step: f64 = StandardUniform.sample(&mut self.rng);
        let needed = self.needed(place) + params.freedom * FREEDOM * (chance - 0.5);
        let is_dense = self.density > 0.0 && self.density >= params.threshold.max(needed);
        let accent = self.accent.take();
        let begins = accent.is_some() || is_dense;
        let mut notes = Vec::new();
        let sounding = self
            .sounding
            .take_if(|(.., until)| begins || *until <= time);
        if let Some((channel, pitch, _)) = sounding {
            notes.push(Note::Off { channel, pitch });
        }
        if !begins {
            return notes;
        }
        let degree = match accent {
            Some(_) => self.tonic(params),
            None => self.stepped(params, step),
        };
        let Some(pitch) = self.ladder.get(degree).copied() else {
            return notes;
        };
        let strength = accent.unwrap_or(0.0);
        let velocity = params.velocity + (1.0 - params.velocity) * strength;
        let channel = params.channel;
        notes.push(Note::On {
            channel,
            pitch,
            velocity,
        });
        self.degree = Some(degree);
        self.sounding = Some((channel, pitch, time + self.hold));
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
    fn stepped(&self, params: &ScaleWalk, draw: f64) -> usize {
        let last = self.ladder.len().saturating_sub(1) as i64;
        let Some(degree) = self.degree else {
            // The first note is a tonic in the middle.
            return self.tonic(params);
        };
        let most = i64::from(params.step);
        let width = (2 * most + 1) as f64;
        let step = (draw * width) as i64 - most;
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
    fn tonic(&self, params: &ScaleWalk) -> usize {
        let degrees = self.degrees(params);
        let here = self.degree.unwrap_or(self.ladder.len() / 2);
        let nearest = (here + degrees / 2) / degrees * degrees;
        nearest.min(self.ladder.len().saturating_sub(1))
    }

    /// Ends what sounds.
    pub(super) fn end(&mut self) -> Vec<Note> {
        let end = |(channel, pitch, _)| Note::Off { channel, pitch };
        self.sounding.take().map(end).into_iter().collect()
    }
}
