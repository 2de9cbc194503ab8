//! Sines that fade, each at its own rate: what a struck or plucked body sounds like.

use std::f32::consts::TAU;

/// A partial of a body as it is struck.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partial {
    /// Hz.
    pub(super) frequency: f32,
    pub(super) level: f32,
    /// Time in which it falls to 1/e, in seconds.
    pub(super) decay: f32,
    /// Where in its turn it begins, 0 to 1.
    pub(super) phase: f32,
}

/// Samples after which partials that cannot be heard any more are left out.
const LOOK: u32 = 512;

/// A partial below this is left out: −90 dB.
const INAUDIBLE: f32 = 3e-5;

/// The share of the sample rate above which there are no partials, so that none folds back.
const ROOM: f32 = 0.45;

/// A bank of partials. Each is a vector that turns and shrinks by one complex multiplication a sample.
pub(super) struct Partials {
    rate: f32,
    partials: Vec<Partial>,
    real: Vec<f32>,
    imaginary: Vec<f32>,
    cosine: Vec<f32>,
    sine: Vec<f32>,
    until_look: u32,
}

impl Partials {
    /// Those of `partials` that fit below half the sample rate, with all their levels together `level` at most.
    pub(super) fn new(partials: impl Iterator<Item = Partial>, level: f32, rate: f32) -> Self {
        let mut partials: Vec<Partial> = partials
            .filter(|partial| partial.frequency < ROOM * rate && partial.level.abs() > 1e-4)
            .collect();
        // The last that can be heard are the first in the list.
        partials.sort_by(|a, b| b.decay.total_cmp(&a.decay));
        let power: f32 = partials.iter().map(|p| p.level * p.level).sum();
        let scale = level / power.sqrt().max(1e-6);
        for partial in &mut partials {
            partial.level *= scale;
        }
        let mut bank = Partials {
            rate,
            real: (partials.iter())
                .map(|p| p.level * (TAU * p.phase).cos())
                .collect(),
            imaginary: (partials.iter())
                .map(|p| p.level * (TAU * p.phase).sin())
                .collect(),
            cosine: vec![0.0; partials.len()],
            sine: vec![0.0; partials.len()],
            partials,
            until_look: LOOK,
        };
        bank.bend(1.0);
        bank
    }

    /// Bends all of them by a factor.
    pub(super) fn bend(&mut self, factor: f32) {
        for (index, partial) in self.partials.iter().enumerate() {
            let shrink = super::fall(partial.decay, self.rate);
            let (sine, cosine) = (TAU * partial.frequency * factor / self.rate).sin_cos();
            self.cosine[index] = shrink * cosine;
            self.sine[index] = shrink * sine;
        }
    }

    /// The next sample.
    pub(super) fn next(&mut self) -> f32 {
        self.until_look -= 1;
        if self.until_look == 0 {
            self.until_look = LOOK;
            self.drop_inaudible();
        }
        let mut sum = 0.0;
        let turns = self.cosine.iter().zip(&self.sine);
        let vectors = self.real.iter_mut().zip(&mut self.imaginary);
        for ((real, imaginary), (cosine, sine)) in vectors.zip(turns) {
            let turned = *real * cosine - *imaginary * sine;
            *imaginary = *real * sine + *imaginary * cosine;
            *real = turned;
            sum += *imaginary;
        }
        sum
    }

    fn drop_inaudible(&mut self) {
        while let (Some(real), Some(imaginary)) = (self.real.last(), self.imaginary.last()) {
            if real.hypot(*imaginary) > INAUDIBLE {
                return;
            }
            let left = self.real.len() - 1;
            self.partials.truncate(left);
            for list in [
                &mut self.real,
                &mut self.imaginary,
                &mut self.cosine,
                &mut self.sine,
            ] {
                list.truncate(left);
            }
        }
    }

    /// Their level together.
    pub(super) fn level(&self) -> f32 {
        let vectors = self.real.iter().zip(&self.imaginary);
        vectors.map(|(a, b)| a * a + b * b).sum::<f32>().sqrt()
    }
}
