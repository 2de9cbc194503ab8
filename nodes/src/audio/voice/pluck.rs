//! A plucked string: a burst of noise goes round a delay line (Karplus and Strong 1983).

use std::f32::consts::TAU;

use super::frequency;
use super::noise::Noise;

/// Time in which the lowest string falls by 60 dB, in seconds; it halves every two octaves.
const DECAY: f32 = 8.0;

/// The key of that string: a cello's C.
const LOWEST: f32 = 36.0;

/// No string falls silent faster by itself, in seconds.
const SHORTEST_DECAY: f32 = 0.4;

/// Time in which a string under the player's finger falls by 60 dB, in seconds.
const DAMPED_DECAY: f32 = 0.2;

/// Time in which the finger comes down, in seconds.
const FINGER: f32 = 0.006;

/// The line's own gain stays below 1, or what rounding adds would never fade.
const MAX_GAIN: f32 = 0.9998;

/// A string that sounds. Its loop is the delay line, a two-point mean that dulls it, and an
/// all-pass filter that delays by the part of a sample that the line cannot (Jaffe and Smith 1983,
/// whose formulas these are).
pub(super) struct PluckedString {
    line: Vec<f32>,
    position: usize,
    gain: f32,
    /// Where the gain goes: a jump would be heard at every turn of the line.
    target_gain: f32,
    gain_follow: f32,
    damped_gain: f32,
    /// Share of the earlier sample in the mean: 0 leaves the string bright, 0.5 dulls it most.
    blend: f32,
    earlier: f32,
    all_pass: f32,
    all_pass_input: f32,
    all_pass_output: f32,
    /// Level of the fundamental, which outlives the harmonics, and its factors for a sample.
    level: f32,
    fall: f32,
    damped_fall: f32,
}

impl PluckedString {
    /// Plucks the string of key `pitch`; a soft `velocity` leaves it duller.
    pub(super) fn new(pitch: u8, velocity: f32, rate: f32, seed: u32) -> Self {
        // The highest keys at low rates are out of tune rather than out of the line.
        let frequency = frequency(pitch).min(rate / 4.0);
        let omega = TAU * frequency / rate;
        let blend = 0.5 - 0.35 * velocity;
        let (cosine, sine) = (1.0 - blend + blend * omega.cos(), blend * omega.sin());
        let mean_delay = sine.atan2(cosine) / omega;
        let mean_gain = cosine.hypot(sine);

        let delay = rate / frequency - mean_delay;
        // The all-pass filter is at its best when it delays by about one sample.
        let length = (delay - 0.3).floor().max(1.0);
        let part = delay - length;
        let all_pass = ((1.0 - part) * omega / 2.0).sin() / ((1.0 + part) * omega / 2.0).sin();

        let decay = (DECAY * ((LOWEST - f32::from(pitch)) / 24.0).exp2()).max(SHORTEST_DECAY);
        let round = |seconds: f32| 10f32.powf(-3.0 / (frequency * seconds));
        let gain = (round(decay) / mean_gain).min(MAX_GAIN);
        let damped_gain = gain.min(round(DAMPED_DECAY));
        let fall = |gain: f32| (gain * mean_gain).powf(frequency / rate);
        PluckedString {
            line: burst(length as usize, velocity, seed),
            position: 0,
            gain,
            target_gain: gain,
            gain_follow: 1.0 - super::fall(FINGER, rate),
            damped_gain,
            blend,
            earlier: 0.0,
            all_pass,
            all_pass_input: 0.0,
            all_pass_output: 0.0,
            level: 1.0,
            fall: fall(gain),
            damped_fall: fall(damped_gain),
        }
    }

    /// The next sample.
    pub(super) fn next(&mut self) -> f32 {
        let Some(place) = self.line.get_mut(self.position) else {
            return 0.0;
        };
        let sample = *place;
        self.gain += self.gain_follow * (self.target_gain - self.gain);
        let mean = self.gain * ((1.0 - self.blend) * sample + self.blend * self.earlier);
        self.earlier = sample;
        self.all_pass_output = self.all_pass * (mean - self.all_pass_output) + self.all_pass_input;
        self.all_pass_input = mean;
        *place = self.all_pass_output;
        self.position += 1;
        if self.position == self.line.len() {
            self.position = 0;
        }
        self.level *= self.fall;
        sample
    }

    /// Lays a finger on the string.
    pub(super) fn release(&mut self) {
        self.target_gain = self.damped_gain;
        self.fall = self.damped_fall;
    }

    /// Its level, 0 to 1.
    pub(super) fn level(&self) -> f32 {
        self.level
    }
}

/// Where the string is plucked, as a part of its length, and how much of the burst is noise.
const PLUCKED: f32 = 0.31;
const ROUGH: f32 = 0.3;

/// `length` samples between −1 and 1 without a mean, which would push the string aside: the corner
/// of a string that is let go, rough by noise. Noise alone has most of its strength in partials
/// that are gone before they are heard as a tone.
fn burst(length: usize, velocity: f32, seed: u32) -> Vec<f32> {
    let mut noise = Noise::new(seed);
    // A soft finger makes few high partials: those above this number are dulled.
    let partials = 2.0 + 14.0 * velocity * velocity;
    let follow = 1.0 - (-TAU * partials / length.max(1) as f32).exp();
    let corner = (PLUCKED * length as f32) as usize;
    let raw: Vec<f32> = (0..length)
        .map(|n| {
            let side = if n < corner {
                1.0
            } else {
                -PLUCKED / (1.0 - PLUCKED)
            };
            side + ROUGH * noise.next()
        })
        .collect();
    let mut burst = raw.clone();
    // Three times round, so that the end joins the beginning.
    let mut smooth = 0.0;
    for _ in 0..3 {
        for (sample, raw) in burst.iter_mut().zip(&raw) {
            smooth += follow * (raw - smooth);
            *sample = smooth;
        }
    }
    let mean = burst.iter().sum::<f32>() / length.max(1) as f32;
    burst.iter_mut().for_each(|sample| *sample -= mean);
    let peak = burst
        .iter()
        .fold(1e-6f32, |peak, sample| peak.max(sample.abs()));
    burst.iter_mut().for_each(|sample| *sample /= peak);
    burst
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pluck(pitch: u8, velocity: f32, rate: f32, samples: usize) -> Vec<f32> {
        let mut string = PluckedString::new(pitch, velocity, rate, 7);
        (0..samples).map(|_| string.next()).collect()
    }

    /// The phase of `samples` at `frequency`, in turns; a Hann window keeps the neighbours out.
    fn phase(samples: &[f32], frequency: f64, rate: f64) -> f64 {
        let turn = std::f64::consts::TAU;
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            let window = 0.5 - 0.5 * (turn * n as f64 / samples.len() as f64).cos();
            let angle = turn * frequency * n as f64 / rate;
            real += f64::from(*sample) * window * angle.cos();
            imaginary -= f64::from(*sample) * window * angle.sin();
        }
        imaginary.atan2(real) / turn
    }

    /// By how many cents the string is out of tune: how far its phase turns against a pure tone's
    /// in 8 periods.
    fn cents_off(pitch: u8, velocity: f32, rate: f64) -> f64 {
        let expected = 440.0 * ((f64::from(pitch) - 69.0) / 12.0).exp2();
        let window = (12.0 * rate / expected) as usize;
        let distance = (8.0 * rate / expected).round() as usize;
        let start = window / 2;
        let samples = pluck(pitch, velocity, rate as f32, start + window + distance);
        let before = phase(&samples[start..start + window], expected, rate);
        let after = phase(&samples[start + distance..], expected, rate);
        let seconds = distance as f64 / rate;
        let turned = after - before - expected * seconds;
        let hertz = (turned - turned.round()) / seconds;
        1200.0 * (1.0 + hertz / expected).log2()
    }

    #[test]
    fn every_key_is_in_tune_within_five_cents() {
        for rate in [44_100.0, 48_000.0] {
            for (pitch, velocity) in (36..=96).flat_map(|pitch| [(pitch, 1.0), (pitch, 0.2)]) {
                let cents = cents_off(pitch, velocity, rate);
                assert!(cents.abs() < 5.0, "key {pitch} at {rate} Hz: {cents} cents");
            }
        }
    }

    /// The lag from `from` to `to` at which `samples` are most like themselves.
    fn likest_lag(samples: &[f32], from: usize, to: usize) -> usize {
        let likeness = |lag: usize| -> f32 {
            samples
                .iter()
                .zip(&samples[lag..samples.len() - to + lag])
                .map(|(a, b)| a * b)
                .sum()
        };
        (from..to)
            .max_by(|a, b| likeness(*a).total_cmp(&likeness(*b)))
            .unwrap()
    }

    #[test]
    fn the_string_repeats_once_a_period_and_not_an_octave_off() {
        for pitch in [36, 57, 69, 84] {
            let period = 48_000.0 / frequency(pitch);
            let lag = likest_lag(
                &pluck(pitch, 1.0, 48_000.0, 8_000),
                (period * 0.4) as usize,
                (period * 1.8) as usize,
            );
            assert!(
                (lag as f32 - period).abs() <= 1.0,
                "key {pitch}: {lag} for {period}"
            );
        }
    }

    #[test]
    fn a_soft_pluck_is_duller() {
        let steepness = |velocity| {
            let samples = pluck(57, velocity, 48_000.0, 9_600);
            let steps = samples.windows(2).map(|pair| (pair[1] - pair[0]).powi(2));
            let power: f32 = samples.iter().map(|sample| sample * sample).sum();
            (steps.sum::<f32>() / power).sqrt()
        };
        let (soft, hard) = (steepness(0.2), steepness(1.0));
        assert!(soft * 1.6 < hard, "{soft} {hard}");
    }

    #[test]
    fn no_key_at_any_rate_grows_or_breaks() {
        for rate in [8_000.0, 48_000.0, 192_000.0] {
            for (pitch, velocity) in (0..128).flat_map(|pitch| [(pitch, 1.0), (pitch, 0.0)]) {
                let samples = pluck(pitch, velocity, rate, rate as usize / 4);
                let peak = samples
                    .iter()
                    .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
                assert!(
                    peak.is_finite() && peak < 1.5,
                    "key {pitch} at {rate} Hz: {peak}"
                );
            }
        }
    }
}
