//! How far the other computer's clock is from this one's, from pings: the one that came back
//! soonest is believed, since it had the least to wait anywhere.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a ping is believed, in nanoseconds: clocks drift by a few millionths, some hundredths
/// of a millisecond in this time.
const MEMORY: i64 = 20_000_000_000;

/// Pings that are remembered: twice a second, and some more at first.
const MOST: usize = 64;

/// Nanoseconds by this computer's clock, which never goes back and counts from an arbitrary time.
pub(super) fn now() -> i64 {
    of(Instant::now())
}

/// An instant by the same clock.
pub(super) fn of(instant: Instant) -> i64 {
    let zero = zero();
    let nanos = |of: Duration| i64::try_from(of.as_nanos()).unwrap_or(i64::MAX);
    match instant.checked_duration_since(zero) {
        Some(since) => nanos(since),
        None => -nanos(zero.duration_since(instant)),
    }
}

/// The instant of a time by the same clock.
pub(super) fn instant(nanos: i64) -> Instant {
    let distance = Duration::from_nanos(nanos.unsigned_abs());
    let instant = match nanos < 0 {
        true => zero().checked_sub(distance),
        false => zero().checked_add(distance),
    };
    instant.unwrap_or_else(Instant::now)
}

fn zero() -> Instant {
    static ZERO: OnceLock<Instant> = OnceLock::new();
    *ZERO.get_or_init(Instant::now)
}

/// What is known of the other clock.
#[derive(Debug, Default)]
pub(super) struct Offset {
    /// When each ping came back, how long it was on its way, and what it said of the clocks.
    pings: VecDeque<(i64, i64, i64)>,
}

impl Offset {
    /// A ping has come back at `now`: it left at `sent`, and came and was answered at these times of
    /// the other clock.
    pub(super) fn add(&mut self, sent: i64, (came, left): (i64, i64), now: i64) {
        let Some(trip) = now.checked_sub(sent).zip(left.checked_sub(came)) else {
            return;
        };
        let (Some(round), Some(offset)) =
            (trip.0.checked_sub(trip.1), between(sent, came, left, now))
        else {
            return;
        };
        // A clock that lies gains nothing by it.
        if round < 0 {
            return;
        }
        self.pings.push_back((now, round, offset));
        let is_old = |(at, ..): &(i64, i64, i64)| now - at > MEMORY;
        while self.pings.len() > MOST || self.pings.front().is_some_and(is_old) {
            self.pings.pop_front();
        }
    }

    fn best(&self) -> Option<&(i64, i64, i64)> {
        self.pings.iter().min_by_key(|(_, round, _)| *round)
    }

    /// What the other clock shows more than this one, in nanoseconds.
    pub(super) fn nanos(&self) -> Option<i64> {
        self.best().map(|(.., offset)| *offset)
    }

    /// The shortest way there and back, in nanoseconds.
    pub(super) fn round_trip(&self) -> Option<i64> {
        self.best().map(|(_, round, _)| *round)
    }
}

/// The mean of what the way there and the way back say.
fn between(sent: i64, came: i64, left: i64, now: i64) -> Option<i64> {
    let there = came.checked_sub(sent)?;
    let back = left.checked_sub(now)?;
    Some(there / 2 + back / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soonest_ping_is_believed_and_an_old_one_forgotten() {
        let mut offset = Offset::default();
        assert_eq!(offset.nanos(), None);
        // The other clock is 1000 ahead; the way there takes 10, the way back 90 once, then 10.
        offset.add(0, (1010, 1010), 100);
        assert_eq!(
            (offset.nanos(), offset.round_trip()),
            (Some(960), Some(100))
        );
        offset.add(200, (1210, 1215), 225);
        assert_eq!(
            (offset.nanos(), offset.round_trip()),
            (Some(1000), Some(20))
        );
        offset.add(300, (9999, 1000), 400);
        offset.add(i64::MIN, (i64::MAX, i64::MIN), i64::MAX);
        let later = 225 + MEMORY + 1;
        offset.add(later - 50, (later + 975, later + 975), later);
        assert_eq!(offset.round_trip(), Some(50));
    }

    #[test]
    fn instants_before_the_first_are_times_too() {
        let first = now();
        assert!(now() >= first);
        assert_eq!(of(zero() - Duration::from_nanos(5)), -5);
        assert_eq!([-5, 0, 7].map(|nanos| of(instant(nanos))), [-5, 0, 7]);
    }
}
