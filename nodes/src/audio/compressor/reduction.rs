//! By how much sound of a level is turned down, and how fast.

use super::super::amplitude;
use super::super::insert::slow_glide;
use super::super::ramp::Ramp;

/// What is quieter than this counts as silence, −120 dB.
const SILENCE: f32 = 1e-6;

/// What is louder than this, 60 dB above full scale, is a mistake that is to be forgotten soon.
const ABSURD: f32 = 1e3;

/// What a compressor is set to; levels in dB, times in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) threshold: f32,
    pub(super) ratio: f32,
    pub(super) knee: f32,
    pub(super) attack: f32,
    pub(super) release: f32,
    pub(super) makeup: f32,
    pub(super) mix: f32,
}

/// By how much a steady `level` is turned down, all in dB: not at all below the knee, by the whole
/// ratio above it, and in it along a parabola between both.
pub(super) fn wanted(level: f32, threshold: f32, ratio: f32, knee: f32) -> f32 {
    let over = level - threshold;
    let excess = if 2.0 * over.abs() < knee {
        (over + knee / 2.0).powi(2) / (2.0 * knee)
    } else {
        over.max(0.0)
    };
    excess * (1.0 - 1.0 / ratio.max(1.0))
}

/// A compressor's gain from frame to frame.
pub(super) struct Reduction {
    rate: f32,
    threshold: Ramp,
    /// The share of the excess that is left, which glides evenly where the ratio would not.
    slope: Ramp,
    knee: Ramp,
    makeup: Ramp,
    mix: Ramp,
    /// The share of its way that the reduction goes in a frame.
    attack: f32,
    release: f32,
    /// The reduction that falls slowly, and the one that also rises slowly, in dB.
    held: f32,
    now: f32,
}

impl Reduction {
    /// Turns nothing down yet.
    pub(super) fn new(setting: Setting, rate: u32) -> Self {
        let length = slow_glide(rate);
        let mut reduction = Reduction {
            rate: rate.max(1) as f32,
            threshold: Ramp::new(setting.threshold, length),
            slope: Ramp::new(1.0 / setting.ratio.max(1.0), length),
            knee: Ramp::new(setting.knee, length),
            makeup: Ramp::new(amplitude(f64::from(setting.makeup)), length),
            mix: Ramp::new(setting.mix, length),
            attack: 1.0,
            release: 1.0,
            held: 0.0,
            now: 0.0,
        };
        reduction.set(setting);
        reduction
    }

    /// Goes over to other values.
    pub(super) fn set(&mut self, setting: Setting) {
        self.threshold.set(setting.threshold);
        self.slope.set(1.0 / setting.ratio.max(1.0));
        self.knee.set(setting.knee);
        self.makeup.set(amplitude(f64::from(setting.makeup)));
        self.mix.set(setting.mix);
        let share = |seconds: f32| 1.0 - (-1.0 / (seconds * self.rate).max(0.1)).exp();
        (self.attack, self.release) = (share(setting.attack), share(setting.release));
    }

    /// By how much it turns down now, in dB.
    pub(super) fn decibels(&self) -> f32 {
        self.now
    }

    /// Turns the next frame down, where `level` is the peak that counts.
    pub(super) fn apply(&mut self, level: f32, frame: &mut [f32]) {
        let level = 20.0 * level.clamp(SILENCE, ABSURD).log10();
        let (threshold, knee) = (self.threshold.next(), self.knee.next());
        let wanted = wanted(level, threshold, 1.0 / self.slope.next().max(1e-6), knee);
        // A peak is held and let go slowly; only then the attack, so that it is not shortened by
        // the release of each period.
        self.held = wanted.max(self.held + self.release * (wanted - self.held));
        self.now += self.attack * (self.held - self.now);
        if self.now < SILENCE && self.held < SILENCE {
            (self.held, self.now) = (0.0, 0.0);
        }
        let turned = match self.now {
            0.0 => 1.0,
            now => amplitude(f64::from(-now)),
        };
        let (makeup, mix) = (self.makeup.next(), self.mix.next());
        let gain = 1.0 + mix * (turned * makeup - 1.0);
        for sample in frame {
            *sample = (*sample * gain).clamp(f32::MIN, f32::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_knee_joins_both_sides_of_the_threshold_without_a_corner() {
        let at = |level| wanted(level, -20.0, 4.0, 10.0);
        assert_eq!((at(-40.0), at(-25.0)), (0.0, 0.0));
        assert!((at(-15.0) - 3.75).abs() < 1e-5 && (at(0.0) - 15.0).abs() < 1e-5);
        let slopes: Vec<f32> = (0..300)
            .map(|n| -30.0 + n as f32 * 0.1)
            .map(|level| at(level + 0.1) - at(level))
            .collect();
        assert!(
            slopes
                .windows(2)
                .all(|pair| (pair[1] - pair[0]).abs() < 0.002)
        );
        assert!((wanted(-19.9, -20.0, 2.0, 0.0) - 0.05).abs() < 1e-4);
    }
}
