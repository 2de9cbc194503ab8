//! Media time and musical time.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

use crate::key::KeyChoice;
use crate::tempi::Tempi;

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

    /// The time `seconds` after the start, rounded to the nanosecond; what is not finite becomes zero.
    pub fn from_seconds(seconds: f64) -> Self {
        Time((seconds * NANOS_PER_SECOND as f64).round() as i64)
    }

    /// The time at which sample `index` of a stream of `rate` samples a second begins.
    pub fn from_samples(index: u64, rate: u32) -> Self {
        let nanos = (i128::from(index) * i128::from(NANOS_PER_SECOND) + i128::from(rate) / 2)
            / i128::from(rate.max(1));
        Time(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// The sample of a stream of `rate` samples a second that begins nearest to this time.
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

/// Tempo, metre and seed of a run, and the form of its sound: what all nodes share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transport {
    /// Quarter notes a minute.
    pub tempo: f64,
    /// Beats in a bar and the note value that is a beat.
    pub metre: Metre,
    /// The key of the music; `None`: every node plays as it does by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyChoice>,
    /// Where all randomness of the run comes from; each node draws its own stream.
    pub seed: u64,
    /// Samples a second of all sound in the graph, Hz.
    pub sample_rate: u32,
    /// Frames in a block of sound.
    pub block: u32,
    /// A time, and the position in quarter notes that belongs to it: the start and 0, until the tempo of a live run
    /// changes.
    #[serde(default)]
    pub anchor: (Time, f64),
    /// Tempi that follow one another, in place of the one: those that fit a film. Lengths in beats go by `tempo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tempi: Option<Tempi>,
    /// Whether a render chooses tempi with which the film's cuts fall on beats.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fit_cuts: bool,
}

impl Default for Transport {
    fn default() -> Self {
        Transport {
            tempo: 120.0,
            metre: Metre(4, 4),
            key: None,
            seed: 0,
            sample_rate: 48_000,
            block: 512,
            anchor: (Time::ZERO, 0.0),
            tempi: None,
            fit_cuts: false,
        }
    }
}

impl Transport {
    /// The same from `time` on at another tempo: the position at `time` stays what it was.
    pub(crate) fn with_tempo_from(&self, time: Time, tempo: f64) -> Self {
        Transport {
            tempo,
            anchor: (time, self.position(time)),
            tempi: None,
            ..self.clone()
        }
    }

    /// How long `beats` quarter notes last.
    pub fn beats(&self, beats: f64) -> Time {
        Time::from_seconds(beats * 60.0 / self.tempo)
    }

    /// The time so many quarter notes after `time`, or before it.
    pub fn after(&self, time: Time, beats: f64) -> Time {
        let fitted = self.tempi.as_ref().and_then(|tempi| {
            let position = tempi.position(time)?;
            tempi.time(position + beats)
        });
        fitted.unwrap_or_else(|| time + self.beats(beats))
    }

    /// The time at which sixteenth note `index` (counted from the start) begins.
    ///
    /// Computed from the start each time, so that rounding does not add up.
    pub fn sixteenth(&self, index: u64) -> Time {
        let position = index as f64 / 4.0;
        let fitted = self.tempi.as_ref().and_then(|tempi| tempi.time(position));
        fitted.unwrap_or_else(|| self.anchor.0 + self.beats(position - self.anchor.1))
    }

    /// Sixteenth notes in a bar, at least one.
    pub fn sixteenths_per_bar(&self) -> u64 {
        u64::from(self.metre.0 * 16 / self.metre.1.max(1)).max(1)
    }

    /// The position of `time` in quarter notes from the start.
    pub fn position(&self, time: Time) -> f64 {
        let fitted = self.tempi.as_ref().and_then(|tempi| tempi.position(time));
        fitted
            .unwrap_or_else(|| self.anchor.1 + (time - self.anchor.0).seconds() * self.tempo / 60.0)
    }
}

/// A length of time as a patch writes it: plain seconds, or `beats(n)`, which follows the tempo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// Seconds.
    Seconds(f64),
    /// Quarter notes at the transport's tempo.
    Beats(f64),
}

impl Length {
    /// This length at the transport's tempo.
    pub fn at(self, transport: &Transport) -> Time {
        match self {
            Length::Seconds(seconds) => Time::from_seconds(seconds),
            Length::Beats(beats) => transport.beats(beats),
        }
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

    #[test]
    fn a_bar_of_six_eight_has_twelve_sixteenths() {
        let transport = Transport {
            metre: Metre(6, 8),
            ..Transport::default()
        };
        assert_eq!(transport.sixteenths_per_bar(), 12);
    }

    #[test]
    fn sixteenths_do_not_drift_from_the_tempo() {
        let transport = Transport {
            tempo: 97.3,
            ..Transport::default()
        };
        let after_an_hour = transport.sixteenth(97 * 60 * 4);
        assert!((after_an_hour.seconds() - 97.0 * 60.0 * 60.0 / 97.3).abs() < 1e-6);
    }

    #[test]
    fn a_new_tempo_goes_on_from_where_the_old_one_was() {
        let slow = Transport {
            tempo: 60.0,
            ..Transport::default()
        };
        let fast = slow.with_tempo_from(Time::from_seconds(3.5), 120.0);
        assert!((fast.position(Time::from_seconds(3.5)) - 3.5).abs() < 1e-9);
        // The sixteenth at position 4 was half a second away at the old tempo.
        assert!((fast.sixteenth(16).seconds() - 3.75).abs() < 1e-9);
    }
}
