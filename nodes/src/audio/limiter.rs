//! Keeps sound below full scale, gently.

/// Up to this level, −3 dB, nothing changes.
const KNEE: f32 = 0.708;

/// The time in which the level that is held falls to half, in seconds.
const RELEASE: f32 = 0.08;

/// A peak limiter without delay for all channels together, so that the picture between them does
/// not move. The level rises with the peaks at once and falls slowly; above the knee it approaches full
/// scale and never reaches it.
pub(crate) struct Limiter {
    level: f32,
    /// The factor by which the level falls in a frame.
    fall: f32,
}

impl Limiter {
    /// At `rate` frames a second.
    pub(crate) fn new(rate: u32) -> Self {
        Limiter {
            level: 0.0,
            fall: (-1.0 / (RELEASE * rate.max(1) as f32)).exp2(),
        }
    }

    /// The next frame, limited.
    pub(crate) fn limit(&mut self, mut frame: [f32; 2]) -> [f32; 2] {
        self.limit_all(&mut frame);
        frame
    }

    /// Limits the next frame, of any number of channels.
    pub(crate) fn limit_all(&mut self, frame: &mut [f32]) {
        let peak = frame
            .iter()
            .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        self.level = peak.min(f32::MAX).max(self.level * self.fall);
        if self.level <= KNEE {
            // Tiny numbers cost a hundred times as long to compute with.
            if self.level < 1e-15 {
                self.level = 0.0;
            }
            return;
        }
        let room = 1.0 - KNEE;
        let limited = KNEE + room * (1.0 - (-(self.level - KNEE) / room).exp());
        let gain = limited / self.level;
        for sample in frame {
            // Rounding may be one step too much.
            *sample = (sample.clamp(f32::MIN, f32::MAX) * gain).clamp(-1.0, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(level: f32, frames: usize) -> impl Iterator<Item = f32> {
        (0..frames).map(move |n| level * (n as f32 * 0.05).sin())
    }

    #[test]
    fn below_the_knee_not_a_bit_changes() {
        let mut limiter = Limiter::new(48_000);
        for sample in sine(0.7, 10_000) {
            assert_eq!(limiter.limit([sample, -sample]), [sample, -sample]);
        }
    }

    #[test]
    fn however_loud_it_is_it_stays_within_full_scale_and_does_not_jump() {
        for level in [0.9, 2.0, 100.0, f32::MAX] {
            let mut limiter = Limiter::new(48_000);
            let mut last = 0.0;
            for sample in sine(level, 10_000) {
                let [left, right] = limiter.limit([sample, 0.0]);
                assert!(left.abs() <= 1.0 && right == 0.0, "{level}");
                // The sine's own steepest step is 0.05 of its level; while the level rises at once,
                // below the knee.
                assert!(level > 2.0 || (left - last).abs() < 0.11, "{level}");
                last = left;
            }
        }
        let [left, right] = Limiter::new(48_000).limit([f32::INFINITY, -1.0]);
        assert!(left > 0.99 && left <= 1.0 && right.abs() < 1e-30);
    }

    #[test]
    fn after_a_loud_moment_the_level_comes_back() {
        let mut limiter = Limiter::new(48_000);
        limiter.limit([8.0, 8.0]);
        let first = limiter.limit([0.5, 0.5])[0];
        for _ in 0..48_000 {
            limiter.limit([0.5, 0.5]);
        }
        assert!(first < 0.2 && limiter.limit([0.5, 0.5]) == [0.5, 0.5]);
    }
}
