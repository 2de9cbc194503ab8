//! Sines that fade, each at its own rate: what a struck or plucked body sounds like.

use std::f32::consts::TAU;

use super::BLOCK;

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

/// Partials that go through a block together.
const TOGETHER: usize = 8;

/// A bank of partials. Each is a vector that turns and shrinks by one complex multiplication a
/// sample.
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
    /// Those of `partials` that fit below half the sample rate, with all their levels together
    /// `level` at most.
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

    /// The next samples.
    pub(super) fn render(&mut self, samples: &mut [f32]) {
        let mut left = samples;
        while !left.is_empty() {
            let count = left.len().min(self.until_look as usize).min(BLOCK);
            let (now, later) = left.split_at_mut(count);
            self.turn(now);
            left = later;
            self.until_look -= count as u32;
            if self.until_look == 0 {
                self.until_look = LOOK;
                self.drop_inaudible();
            }
        }
    }

    /// The next samples, at most a block: some partials at a time go through all of them, so that
    /// they stay in registers.
    fn turn(&mut self, samples: &mut [f32]) {
        let mut sums = [[0.0; TOGETHER]; BLOCK];
        for from in (0..self.real.len()).step_by(TOGETHER) {
            let to = (from + TOGETHER).min(self.real.len());
            let some = |list: &[f32]| -> [f32; TOGETHER] {
                let mut some = [0.0; TOGETHER];
                some[..to - from].copy_from_slice(&list[from..to]);
                some
            };
            let (mut real, mut imaginary) = (some(&self.real), some(&self.imaginary));
            let (cosine, sine) = (some(&self.cosine), some(&self.sine));
            for (sums, _) in sums.iter_mut().zip(samples.iter()) {
                for n in 0..TOGETHER {
                    let turned = real[n] * cosine[n] - imaginary[n] * sine[n];
                    imaginary[n] = real[n] * sine[n] + imaginary[n] * cosine[n];
                    real[n] = turned;
                    sums[n] += imaginary[n];
                }
            }
            self.real[from..to].copy_from_slice(&real[..to - from]);
            self.imaginary[from..to].copy_from_slice(&imaginary[..to - from]);
        }
        for (sample, sums) in samples.iter_mut().zip(&sums) {
            *sample = sums.iter().sum();
        }
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
