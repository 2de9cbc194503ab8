//! Tones by frequency modulation with two operators (Chowning 1973).

use std::f32::consts::TAU;

use super::envelope::Envelope;
use super::fall;
use super::sine::sine;

/// A voice's numbers; times in seconds.
pub(super) struct Numbers {
    /// Modulator's frequency against the carrier's.
    ratio: f32,
    /// Depth of modulation at full velocity.
    index: f32,
    /// Time in which the depth falls to 1/e.
    fade: f32,
    attack: f32,
    /// Time in which the level falls to 1/e of its way to `sustain`.
    decay: f32,
    sustain: f32,
    /// Time in which a released note falls to 1/e.
    release: f32,
    /// Factor for the note's frequency.
    octave: f32,
}

/// The short bright attack of a tine is a high modulator that fades at once.
pub(super) const ELECTRIC_PIANO: Numbers = Numbers {
    ratio: 1.0,
    index: 1.4,
    fade: 0.5,
    attack: 0.003,
    decay: 1.6,
    sustain: 0.0,
    release: 0.12,
    octave: 1.0,
};

/// An inharmonic ratio rings like a bell.
pub(super) const GLASS: Numbers = Numbers {
    ratio: 3.51,
    index: 1.8,
    fade: 0.9,
    attack: 0.002,
    decay: 2.2,
    sustain: 0.0,
    release: 0.8,
    octave: 1.0,
};

/// Two octaves down, bright only as it begins.
pub(super) const BASS: Numbers = Numbers {
    ratio: 1.0,
    index: 2.4,
    fade: 0.25,
    attack: 0.004,
    decay: 0.9,
    sustain: 0.25,
    release: 0.08,
    octave: 0.25,
};

/// A ratio a little off beats slowly.
pub(super) const PAD: Numbers = Numbers {
    ratio: 2.003,
    index: 0.7,
    fade: 4.0,
    attack: 0.25,
    decay: 3.0,
    sustain: 0.7,
    release: 0.9,
    octave: 1.0,
};

/// A carrier that a modulator bends.
pub(super) struct Tone {
    carrier: f32,
    modulator: f32,
    carrier_step: f32,
    modulator_step: f32,
    /// What bends both steps.
    bend: f32,
    depth: f32,
    depth_fade: f32,
    envelope: Envelope,
}

impl Tone {
    /// Begins a tone of `frequency` Hz at `rate` samples a second.
    pub(super) fn new(numbers: &Numbers, frequency: f32, velocity: f32, rate: f32) -> Self {
        let frequency = frequency * numbers.octave;
        // What lies above half the sample rate would fold back; high notes are modulated less.
        let room = (1.0 - frequency * (numbers.ratio + 1.0) / rate).clamp(0.0, 1.0);
        Tone {
            carrier: 0.0,
            modulator: 0.0,
            carrier_step: frequency / rate,
            modulator_step: frequency * numbers.ratio / rate,
            bend: 1.0,
            depth: numbers.index * velocity * room,
            depth_fade: fall(numbers.fade, rate),
            envelope: Envelope::new(
                numbers.attack,
                numbers.decay,
                numbers.sustain,
                numbers.release,
                rate,
            ),
        }
    }

    /// The next samples, at most a block. Within it the depth falls in a straight line, so that no
    /// sample waits for the one before and several are worked out at once.
    pub(super) fn render(&mut self, samples: &mut [f32]) {
        self.envelope.fill(samples);
        let count = samples.len() as f32;
        let depth = self.depth / TAU;
        self.depth *= self.depth_fade.powf(count);
        let slope = (self.depth / TAU - depth) / count.max(1.0);
        let carrier_step = self.carrier_step * self.bend;
        let modulator_step = self.modulator_step * self.bend;
        for (number, sample) in (0i32..).zip(samples.iter_mut()) {
            let number = number as f32;
            let modulator = sine(self.modulator + number * modulator_step);
            let bent = (depth + number * slope) * modulator;
            *sample *= sine(self.carrier + number * carrier_step + bent);
        }
        self.carrier = (self.carrier + count * carrier_step).fract();
        self.modulator = (self.modulator + count * modulator_step).fract();
    }

    /// Bends its frequency by a factor.
    pub(super) fn bend(&mut self, factor: f32) {
        self.bend = factor;
    }

    /// Lets the tone fade.
    pub(super) fn release(&mut self) {
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
