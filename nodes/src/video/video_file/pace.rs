//! Where a film is at which time, at a speed that may change while it plays.

use score_engine::Time;

/// Where a film is at which time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// A time, and the position in the film that shows then.
    from: Time,
    position: Time,
    /// 1: as it was made.
    speed: f64,
}

impl Pace {
    /// The film begins at `from`.
    pub(super) fn new(from: Time, speed: f64) -> Self {
        Pace {
            from,
            position: Time::ZERO,
            speed,
        }
    }

    pub(super) fn speed(self) -> f64 {
        self.speed
    }

    /// When `position` shows.
    pub(super) fn time(self, position: Time) -> Time {
        self.from + shown(position - self.position, self.speed)
    }

    /// What shows at `time`.
    pub(super) fn position(self, time: Time) -> Time {
        self.position + shown(time - self.from, 1.0 / self.speed)
    }

    /// The same until `position` shows, and at another speed from then on.
    pub(super) fn with_speed_from(self, position: Time, speed: f64) -> Self {
        Pace {
            from: self.time(position),
            position,
            speed,
        }
    }
}

/// How long `length` of a film lasts at `speed`.
fn shown(length: Time, speed: f64) -> Time {
    if speed == 1.0 {
        return length;
    }
    Time::from_seconds(length.seconds() / speed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_speed_goes_on_from_where_the_film_is() {
        let at = Time::from_seconds;
        let pace = Pace::new(at(1.0), 2.0);
        assert_eq!(pace.time(at(3.0)), at(2.5));
        let slow = pace.with_speed_from(pace.position(at(2.0)), 0.5);
        assert_eq!(slow.position(at(2.0)), at(2.0));
        assert_eq!(slow.time(at(3.0)), at(4.0));
        assert_eq!(slow.position(at(4.0)), at(3.0));
    }
}
