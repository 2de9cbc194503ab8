//! When the periods of JACK's server begin, on the run's clock.

use jack::Frames;
use score_engine::Time;

/// The share of the distance to the clock that each period corrects.
const CORRECTION: i64 = 32;

/// A distance to the clock, in nanoseconds, that is a jump.
const JUMP: i64 = 20_000_000;

/// The clock's time at the start of each period, freed from the jitter with which periods are
/// handled: what lies within one then lies on its frame.
#[derive(Debug, Default)]
pub(crate) struct PeriodTime {
    /// When the next period starts, in nanoseconds.
    next: Option<i64>,
}

impl PeriodTime {
    /// The time at which a period of `frames` frames starts, handled when the clock says `now`.
    pub(crate) fn start(&mut self, now: Time, frames: Frames, rate: u32) -> i64 {
        let now = now.nanos();
        let start = match self.next {
            Some(next) if (now - next).abs() < JUMP => next + (now - next) / CORRECTION,
            _ => now,
        };
        self.next = Some(start + Time::from_samples(u64::from(frames), rate).nanos());
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_evenly_long_although_they_are_handled_with_jitter() {
        let mut periods = PeriodTime::default();
        let length = Time::from_samples(256, 48_000).nanos();
        let mut last = None;
        for number in 0..2_000i64 {
            // Up to 1 ms late, in a pattern without a rhythm.
            let late = number * number * 7919 % 1_000_000;
            let start = periods.start(Time::from_nanos(number * length + late), 256, 48_000);
            if let Some(last) = last.replace(start).filter(|_| number > 200) {
                let error: i64 = start - last - length;
                assert!(error.abs() < 35_000, "{number}: {error}");
            }
        }
    }

    #[test]
    fn a_jump_of_the_clock_is_followed_at_once() {
        let mut periods = PeriodTime::default();
        periods.start(Time::ZERO, 256, 48_000);
        let later = Time::from_seconds(3.0);
        assert_eq!(periods.start(later, 256, 48_000), later.nanos());
    }
}
