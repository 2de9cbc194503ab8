//! Up to what time a stream is known.

use crate::time::Time;

/// Before what time nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watermark {
    /// Nothing before this time will come.
    At(Time),
    /// Nothing more will come at all. Later than every time.
    End,
}

impl Watermark {
    /// Whether nothing before `time` will come.
    pub fn has_reached(self, time: Time) -> bool {
        self >= Watermark::At(time)
    }

    /// The watermark as one time; [`Time::MAX`] is the end.
    pub fn time(self) -> Time {
        match self {
            Watermark::At(time) => time,
            Watermark::End => Time::MAX,
        }
    }
}

impl From<Time> for Watermark {
    /// [`Time::MAX`] is the end.
    fn from(time: Time) -> Self {
        match time {
            Time::MAX => Watermark::End,
            time => Watermark::At(time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_later_than_every_time_and_survives_the_way_through_a_time() {
        let latest = Watermark::At(Time::from_nanos(i64::MAX - 1));
        assert!(latest < Watermark::End);
        assert!(latest.has_reached(latest.time()) && !latest.has_reached(Time::MAX));
        assert!(Watermark::End.has_reached(Time::MAX));
        for watermark in [Watermark::At(Time::ZERO), latest, Watermark::End] {
            assert_eq!(Watermark::from(watermark.time()), watermark);
        }
    }
}
