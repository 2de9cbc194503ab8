//! An organ with drawbars and a slowly turning loudspeaker.

use std::f32::consts::TAU;

use super::noise::Noise;
use super::sine::sine;
use super::{SILENCE, fall, frequency};

/// The drawbars that are out: frequency by the key's, and level. 16′, 8′, 5⅓′, 4′, 2⅔′, 2′, 1⅓′,
/// 1′.
const DRAWBARS: [(f32, f32); 8] = [
    (0.5, 0.5),
    (1.0, 1.0),
    (1.5, 0.25),
    (2.0, 0.55),
    (3.0, 0.4),
    (4.0, 0.3),
    (6.0, 0.1),
    (8.0, 0.16),
];

/// Time in which a key most of the way opens or closes, in seconds; it does so without a corner.
const KEY: f32 = 0.003;

/// The loudspeaker: turns a second, how far it moves the pitch in cents, and how far the level.
const TURNS: f32 = 5.8;
const CENTS: f32 = 4.0;
const SWELL: f32 = 0.06;

/// Samples from one setting of the loudspeaker to the next.
const SETTING: u32 = 16;

/// A note.
pub(super) struct Tone {
    rate: f32,
    frequency: f32,
    bend: f32,
    phases: [f32; 8],
    steps: [f32; 8],
    levels: [f32; 8],
    turn: f32,
    swell: f32,
    until_setting: u32,
    /// How far the key is open, and the same a little later, which is what is heard.
    opening: f32,
    level: f32,
    follow: f32,
    released: bool,
}

impl Tone {
    /// Begins key `pitch`.
    pub(super) fn new(pitch: u8, rate: f32, seed: u32) -> Self {
        let mut noise = Noise::new(seed);
        (0..8).for_each(|_| {
            noise.next();
        });
        let frequency = frequency(pitch);
        Tone {
            rate,
            frequency,
            bend: 1.0,
            // Generators that turn all the time: a key finds them anywhere.
            phases: std::array::from_fn(|_| noise.next() * 0.5 + 0.5),
            steps: [0.0; 8],
            // As on the organ, what would lie too high comes an octave lower.
            levels: DRAWBARS.map(|(ratio, level)| match ratio * frequency < 0.4 * rate {
                true => level,
                false => 0.0,
            }),
            turn: noise.next() * 0.5 + 0.5,
            swell: 1.0,
            until_setting: 0,
            opening: 0.0,
            level: 0.0,
            follow: 1.0 - fall(KEY, rate),
            released: false,
        }
    }

    /// The next sample.
    pub(super) fn next(&mut self) -> f32 {
        if self.until_setting == 0 {
            self.settle();
        }
        self.until_setting -= 1;
        let target = if self.released { 0.0 } else { 1.0 };
        self.opening += self.follow * (target - self.opening);
        self.level += self.follow * (self.opening - self.level);
        let mut sum = 0.0;
        for ((phase, step), level) in self.phases.iter_mut().zip(self.steps).zip(self.levels) {
            sum += level * sine(*phase);
            *phase += step;
            if *phase >= 1.0 {
                *phase -= 1.0;
            }
        }
        sum * self.swell * self.level
    }

    fn settle(&mut self) {
        self.until_setting = SETTING;
        self.turn = (self.turn + TURNS * SETTING as f32 / self.rate).fract();
        let sine = (TAU * self.turn).sin();
        self.swell = 1.0 + SWELL * sine;
        let moved = self.frequency * self.bend * (CENTS * sine / 1_200.0).exp2();
        for (step, (ratio, _)) in self.steps.iter_mut().zip(DRAWBARS) {
            *step = (ratio * moved / self.rate).min(0.49);
        }
    }

    /// Bends its frequency by a factor.
    pub(super) fn bend(&mut self, factor: f32) {
        self.bend = factor;
    }

    /// Lets the key go.
    pub(super) fn release(&mut self) {
        self.released = true;
    }

    /// Whether it has not faded away.
    pub(super) fn sounds(&self) -> bool {
        !self.released || self.level > SILENCE
    }

    /// Its level, 0 to 1.
    pub(super) fn level(&self) -> f32 {
        self.level
    }
}
