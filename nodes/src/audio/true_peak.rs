//! The peaks of sound between its samples, which a player's filter will make of them (ITU-R
//! BS.1770, annex 2).

use std::f64::consts::PI;

/// Samples on either side that a point in between is made of.
const SIDE: usize = 6;
const TAPS: usize = 2 * SIDE;

/// Points between two samples.
const POINTS: usize = 3;

/// How many frames late a peak is known.
pub(crate) const DELAY: usize = SIDE;

/// Takes frame after frame and gives the largest value between two of them.
pub(crate) struct TruePeak {
    /// For each point, the share of each sample, the oldest first.
    shares: [[f32; TAPS]; POINTS],
    /// Where all the latest samples are smaller than this, nothing between them matters.
    least: f32,
    /// How many frames in a row were.
    quiet: usize,
    /// The latest samples of each channel, twice in a row, so that they always lie side by side.
    heard: Vec<[f32; 2 * TAPS]>,
    at: usize,
}

impl TruePeak {
    /// For frames of `channels` channels; only peaks above `matters` are needed.
    pub(crate) fn new(channels: usize, matters: f32) -> Self {
        TruePeak {
            // The shares of a point add up to less than 2, whatever their signs.
            least: matters / 2.0,
            quiet: 0,
            shares: std::array::from_fn(|point| shares((point + 1) as f64 / (POINTS + 1) as f64)),
            heard: vec![[0.0; 2 * TAPS]; channels],
            at: 0,
        }
    }

    /// Only peaks above `matters` matter from now on.
    pub(crate) fn set_matters(&mut self, matters: f32) {
        self.least = matters / 2.0;
        self.quiet = 0;
    }

    /// Hears a frame; the largest size of the sound between the two frames that came [`DELAY`] and
    /// [`DELAY`] − 1 before, or 0 where it does not matter.
    pub(crate) fn hear(&mut self, frame: impl Iterator<Item = f32>) -> f32 {
        let at = self.at;
        self.at = if at + 1 < TAPS { at + 1 } else { 0 };
        let mut is_quiet = true;
        for (heard, sample) in self.heard.iter_mut().zip(frame) {
            heard[at] = sample;
            heard[at + TAPS] = sample;
            is_quiet &= sample.abs() < self.least;
        }
        self.quiet = if is_quiet { self.quiet + 1 } else { 0 };
        if self.quiet >= TAPS {
            return 0.0;
        }
        let mut peak = 0.0f32;
        for heard in &self.heard {
            let latest = &heard[at + 1..=at + TAPS];
            for shares in &self.shares {
                let products = shares
                    .iter()
                    .zip(latest)
                    .map(|(share, heard)| share * heard);
                peak = peak.max(products.sum::<f32>().abs());
            }
        }
        peak
    }
}

/// The share of each sample at a point that lies `fraction` of the way behind the sixth: a sinc
/// under a raised cosine.
fn shares(fraction: f64) -> [f32; TAPS] {
    let place = (SIDE - 1) as f64 + fraction;
    let share = |tap: usize| {
        let away = place - tap as f64;
        let sinc = (PI * away).sin() / (PI * away);
        sinc * (PI * away / TAPS as f64).cos().powi(2)
    };
    let sum: f64 = (0..TAPS).map(share).sum();
    std::array::from_fn(|tap| (share(tap) / sum) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_between_two_samples_is_heard() {
        // A quarter of the rate, sampled an eighth of a turn aside: each sample is 0.707 of the
        // peak.
        let tone = |n: usize| (PI / 2.0 * n as f64 + PI / 4.0).sin() as f32;
        let mut meter = TruePeak::new(2, 0.9);
        let peaks = (0..200).map(|n| meter.hear([tone(n), 0.0].into_iter()));
        let peak = peaks.skip(TAPS).fold(0.0, f32::max);
        assert!((peak - 1.0).abs() < 0.02, "{peak}");
    }

    #[test]
    fn the_shares_of_a_point_add_up_to_less_than_two() {
        for point in 1..=POINTS {
            let shares = shares(point as f64 / (POINTS + 1) as f64);
            assert!(shares.iter().map(|share| share.abs()).sum::<f32>() < 2.0);
            assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn a_peak_is_told_as_late_as_promised() {
        let mut meter = TruePeak::new(1, 0.5);
        let told: Vec<f32> = (0..30)
            .map(|n| meter.hear([if n == 10 || n == 11 { 1.0 } else { 0.0 }].into_iter()))
            .collect();
        let loudest = (0..30).max_by(|a, b| told[*a].total_cmp(&told[*b]));
        assert_eq!(loudest, Some(10 + DELAY));
    }
}
