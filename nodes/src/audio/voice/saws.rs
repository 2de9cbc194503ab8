//! Saw waves through a low-pass filter: bowed strings and a lead.

use std::f32::consts::{PI, TAU};

use super::envelope::Envelope;
use super::frequency;
use super::noise::Noise;

/// Samples from one setting of vibrato and filter to the next.
const SETTING: u32 = 16;

/// The numbers of an instrument; times in seconds, frequencies in Hz.
pub(super) struct Numbers {
    /// How far each saw is out of tune, in cents.
    detuned: &'static [f32],
    attack: f32,
    decay: f32,
    sustain: f32,
    release: f32,
    /// Vibrato: how fast, how far in cents, and how long until it is whole.
    vibrato: (f32, f32, f32),
    /// The filter's cutoff: what it is at least, and by how many harmonics it moves with the note.
    cutoff: (f32, f32),
    /// How many times higher it begins, at full velocity, and the time in which that falls to 1/e.
    sweep: (f32, f32),
    /// What the filter lets ring at its cutoff: 1.4 nothing, less more.
    damping: f32,
}

/// A section of players, each with a bow of her own: none quite in tune, none at once.
pub(super) const STRINGS: Numbers = Numbers {
    detuned: &[-8.0, -3.0, 4.0, 9.0],
    attack: 0.13,
    decay: 1.0,
    sustain: 0.9,
    release: 0.16,
    vibrato: (5.2, 5.0, 0.5),
    cutoff: (1_100.0, 2.2),
    sweep: (0.6, 0.6),
    damping: 1.3,
};

/// A voice to play a tune with: at once there, bright as it begins, with vibrato on long notes.
pub(super) const LEAD: Numbers = Numbers {
    detuned: &[-4.0, 5.0],
    attack: 0.006,
    decay: 0.35,
    sustain: 0.75,
    release: 0.07,
    vibrato: (5.6, 9.0, 0.6),
    cutoff: (500.0, 3.0),
    sweep: (1.6, 0.25),
    damping: 0.9,
};

/// A saw without the corner that would fold back (Välimäki and Huovilainen 2007).
struct Saw {
    phase: f32,
    step: f32,
    tune: f32,
    /// Where its vibrato is, 0 to 1.
    turn: f32,
}

impl Saw {
    fn next(&mut self) -> f32 {
        let (phase, step) = (self.phase, self.step);
        let corner = if phase < step {
            let t = phase / step;
            t + t - t * t - 1.0
        } else if phase > 1.0 - step {
            let t = (phase - 1.0) / step;
            t * t + t + t + 1.0
        } else {
            0.0
        };
        self.phase += step;
        if self.phase >= 1.0 {
            self.phase -= 1.0;
        }
        2.0 * phase - 1.0 - corner
    }
}

/// A rise without corners at 0 and 1 (smoothstep).
fn round(level: f32) -> f32 {
    level * level * (3.0 - 2.0 * level)
}

/// A note.
pub(super) struct Tone {
    numbers: &'static Numbers,
    rate: f32,
    frequency: f32,
    velocity: f32,
    bend: f32,
    saws: Vec<Saw>,
    envelope: Envelope,
    /// Samples since it began, and until the next setting.
    age: u32,
    until_setting: u32,
    /// The filter's numbers and state (Zavalishin 2012).
    slope: f32,
    scale: f32,
    low: f32,
    band: f32,
    /// What is slow, taken away.
    rest: f32,
}

impl Tone {
    /// Begins key `pitch`.
    pub(super) fn new(
        numbers: &'static Numbers,
        pitch: u8,
        velocity: f32,
        rate: f32,
        seed: u32,
    ) -> Self {
        let mut noise = Noise::new(seed);
        // The first of it is the seed and no chance yet.
        (0..8).for_each(|_| {
            noise.next();
        });
        let saws = numbers.detuned.iter().map(|cents| Saw {
            phase: noise.next() * 0.5 + 0.5,
            step: 0.0,
            tune: (cents / 1_200.0).exp2(),
            turn: noise.next() * 0.5 + 0.5,
        });
        Tone {
            numbers,
            rate,
            frequency: frequency(pitch),
            velocity,
            bend: 1.0,
            saws: saws.collect(),
            envelope: Envelope::new(
                numbers.attack,
                numbers.decay,
                numbers.sustain,
                numbers.release,
                rate,
            ),
            age: 0,
            until_setting: 0,
            slope: 0.0,
            scale: 0.0,
            low: 0.0,
            band: 0.0,
            rest: 0.0,
        }
    }

    /// The next sample.
    pub(super) fn next(&mut self) -> f32 {
        if self.until_setting == 0 {
            self.settle();
        }
        self.until_setting -= 1;
        self.age = self.age.saturating_add(1);
        self.envelope.step();
        let count = self.saws.len() as f32;
        let saw = self.saws.iter_mut().map(Saw::next).sum::<f32>() / count.sqrt();
        let high = (saw - (self.numbers.damping + self.slope) * self.band - self.low) * self.scale;
        let band = self.slope * high + self.band;
        self.band = self.slope * high + band;
        let low = self.slope * band + self.low;
        self.low = self.slope * band + low;
        self.rest += 0.002 * (low - self.rest);
        let level = self.envelope.level();
        // The beginning is round: a straight line would have a corner.
        let shape = match self.envelope.attacks() {
            true => round(level),
            false => level,
        };
        (low - self.rest) * shape
    }

    /// Sets vibrato and filter.
    fn settle(&mut self) {
        self.until_setting = SETTING;
        let numbers = self.numbers;
        let seconds = self.age as f32 / self.rate;
        let (speed, cents, whole) = numbers.vibrato;
        let depth = cents * (seconds / whole).min(1.0);
        let highest = 0.4 * self.rate;
        let frequency = self.frequency * self.bend;
        for saw in &mut self.saws {
            saw.turn = (saw.turn + speed * SETTING as f32 / self.rate).fract();
            let vibrato = (depth * (TAU * saw.turn).sin() / 1_200.0).exp2();
            saw.step = (frequency * saw.tune * vibrato).min(highest) / self.rate;
        }
        let (least, harmonics) = numbers.cutoff;
        let (sweep, time) = numbers.sweep;
        let bright = 0.45 + 0.55 * self.velocity;
        let swept = 1.0 + sweep * self.velocity * (-seconds / time).exp();
        let cutoff = ((least + harmonics * frequency) * bright * swept).min(0.3 * self.rate);
        self.slope = (PI * cutoff / self.rate).tan();
        self.scale = 1.0 / (1.0 + self.slope * (self.slope + numbers.damping));
    }

    /// Bends its frequency by a factor.
    pub(super) fn bend(&mut self, factor: f32) {
        self.bend = factor;
    }

    /// Lets it fade.
    pub(super) fn release(&mut self) {
        if self.envelope.attacks() {
            // It goes on from where it is heard.
            self.envelope.go_on_from(round(self.envelope.level()));
        }
        self.envelope.release();
    }

    /// Whether it has not faded away.
    pub(super) fn sounds(&self) -> bool {
        self.envelope.sounds()
    }

    /// Its level, 0 to 1.
    pub(super) fn level(&self) -> f32 {
        self.envelope.level()
    }
}
