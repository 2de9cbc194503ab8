//! Listens to sound in tests: how loud it is, which frequencies are in it, and how its level moves.

use std::f64::consts::TAU;

/// Frames a second of everything that is listened to.
pub(crate) const RATE: usize = 48_000;

/// The loudness of interleaved stereo as EBU R 128 has it (ITU-R BS.1770-4, its filters for 48,000 Hz), in LUFS.
pub(crate) fn loudness(stereo: &[f32]) -> f64 {
    let sides = [0, 1].map(|side| weighted(stereo.iter().skip(side).step_by(2)));
    let (block, hop) = (RATE * 4 / 10, RATE / 10);
    let mut powers = Vec::new();
    let mut from = 0;
    while from + block <= sides[0].len() {
        let power = |side: &Vec<f64>| {
            side[from..from + block].iter().map(|s| s * s).sum::<f64>() / block as f64
        };
        powers.push(power(&sides[0]) + power(&sides[1]));
        from += hop;
    }
    let level = |power: f64| -0.691 + 10.0 * power.max(1e-15).log10();
    let mean = |powers: &[f64]| powers.iter().sum::<f64>() / powers.len().max(1) as f64;
    powers.retain(|power| level(*power) > -70.0);
    let gate = level(mean(&powers)) - 10.0;
    powers.retain(|power| level(*power) > gate);
    level(mean(&powers))
}

/// One side behind the two filters that hear as an ear in front of a head does.
fn weighted<'a>(samples: impl Iterator<Item = &'a f32>) -> Vec<f64> {
    let head = [
        1.535_124_859_586_97,
        -2.691_696_189_406_38,
        1.198_392_810_852_85,
        -1.690_659_293_182_41,
        0.732_480_774_215_85,
    ];
    let ear = [1.0, -2.0, 1.0, -1.990_047_454_833_98, 0.990_072_250_366_21];
    let samples = samples.map(|sample| f64::from(*sample));
    filtered(filtered(samples, head).into_iter(), ear)
}

fn filtered(samples: impl Iterator<Item = f64>, [b0, b1, b2, a1, a2]: [f64; 5]) -> Vec<f64> {
    let (mut one, mut two) = (0.0, 0.0);
    samples
        .map(|sample| {
            let out = b0 * sample + one;
            one = b1 * sample - a1 * out + two;
            two = b2 * sample - a2 * out;
            out
        })
        .collect()
}

/// The level of the sine of `frequency` in `samples`, as its peak; a Hann window keeps its neighbours out.
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
