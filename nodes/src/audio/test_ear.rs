//! Listens to sound in tests: how loud it is, which frequencies are in it, and how its level moves.

use std::f64::consts::TAU;

use ebur128::{EbuR128, Mode};

/// Frames a second of everything that is listened to.
pub(crate) const RATE: usize = 48_000;

/// The loudness of interleaved stereo by EBU R 128, in LUFS.
pub(crate) fn loudness(stereo: &[f32]) -> f64 {
    let mut meter = EbuR128::new(2, RATE as u32, Mode::I).unwrap();
    meter.add_frames_f32(stereo).unwrap();
    meter.loudness_global().unwrap()
}

/// The level of the sine of `frequency` in `samples`, as its peak; a Hann window keeps its
/// neighbours out.
pub(crate) fn level_at(samples: &[f32], frequency: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    let step = TAU * frequency / RATE as f64;
    for (n, sample) in samples.iter().enumerate() {
        let window = 1.0 - (TAU * n as f64 / samples.len() as f64).cos();
        let (sine, cosine) = (step * n as f64).sin_cos();
        real += f64::from(*sample) * window * cosine;
        imaginary += f64::from(*sample) * window * sine;
    }
    2.0 * real.hypot(imaginary) / samples.len() as f64
}

/// The root of the mean square.
pub(crate) fn rms(samples: &[f32]) -> f64 {
    let power: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    (power / samples.len().max(1) as f64).sqrt()
}

/// A factor in decibels.
pub(crate) fn decibels(factor: f64) -> f64 {
    20.0 * factor.max(1e-12).log10()
}
