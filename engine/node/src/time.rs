//! Media time, and the metre.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A point in media time, or a distance between two: whole nanoseconds since the start of the run.
///
/// Nanoseconds name every sample of every usual rate exactly: [`Time::from_samples`] followed by
/// [`Time::to_samples`] is the identity below 500 MHz.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    /// The start of the run.
    pub const ZERO: Time = Time(0);
    /// Later than every time that occurs.
    pub const MAX: Time = Time(i64::MAX);

    /// The time `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: i64) -> Self {
        Time(nanos)
    }

    /// The time `seconds` after the start, rounded to the nanosecond; what lies beyond the range
    /// becomes its end, and NaN becomes zero.
    pub fn from_seconds(seconds: f64) -> Self {
        Time((seconds * NANOS_PER_SECOND as f64).round() as i64)
    }

    /// The time at which sample `index` of a stream of `rate` samples per second begins.
    pub fn from_samples(index: u64, rate: u32) -> Self {
        let nanos = (i128::from(index) * i128::from(NANOS_PER_SECOND) + i128::from(rate) / 2)
            / i128::from(rate.max(1));
        Time(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// The sample of a stream of `rate` samples per second that begins nearest to this time.
    pub fn to_samples(self, rate: u32) -> u64 {
        let scaled =
            i128::from(self.0.max(0)) * i128::from(rate) + i128::from(NANOS_PER_SECOND / 2);
        u64::try_from(scaled / i128::from(NANOS_PER_SECOND)).unwrap_or(u64::MAX)
    }

    /// Nanoseconds since the start.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Seconds since the start.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }
}

impl Add for Time {
    type Output = Time;
    fn add(self, other: Time) -> Time {
        Time(self.0.saturating_add(other.0))
    }
}

impl Sub for Time {
    type Output = Time;
    fn sub(self, other: Time) -> Time {
        Time(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.seconds())
    }
}

/// Beats in a bar and the note value that is a beat: `(4, 4)`, `(6, 8)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metre(pub u32, pub u32);

impl Metre {
    /// Whether music is written in it: 1 to 32 beats, each a whole note to a sixteenth.
    pub fn is_usual(self) -> bool {
        (1..=32).contains(&self.0) && self.1.is_power_of_two() && self.1 <= 16
    }

    /// The dotted quarters in a bar of compound time, such as 6/8, 9/8 and 12/8: beats that are
    /// divided in three.
    pub fn dotted_beats(self) -> Option<u32> {
        let Metre(beats, unit) = self;
        (unit == 8 && beats >= 6 && beats.is_multiple_of(3)).then_some(beats / 3)
    }
}

impl fmt::Display for Metre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_sample_has_a_time_of_its_own(index in 0u64..10_000_000_000, rate in 1u32..400_000) {
            prop_assert_eq!(Time::from_samples(index, rate).to_samples(rate), index);
        }
    }

    /// A frame more is a frame more, and no nanosecond is lost on the way, after 400 days.
    #[test]
    fn frames_are_counted_exactly_after_400_days() {
        let days = 400 * 86_400u64;
        for rate in [8_000, 44_100, 48_000, 96_000, 192_000] {
            let start = days * u64::from(rate);
            assert_eq!(
                Time::from_samples(start, rate),
                Time::from_seconds(days as f64)
            );
            for index in start..start + 100_000 {
                assert_eq!(Time::from_samples(index, rate).to_samples(rate), index);
            }
        }
    }

    #[test]
    fn three_eighths_are_a_beat_in_compound_time_alone() {
        let beats = |beats, unit| Metre(beats, unit).dotted_beats();
        assert_eq!(
            [beats(6, 8), beats(9, 8), beats(12, 8)],
            [Some(2), Some(3), Some(4)]
        );
        assert_eq!(
            [beats(4, 4), beats(3, 8), beats(7, 8), beats(6, 4)],
            [None; 4]
        );
    }
}
