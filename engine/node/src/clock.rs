//! The time of a live run.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Instant;

use crate::time::Time;

/// One of the device's reports corrects this fraction, as `1 / CORRECTION`, of the difference to
/// its time: callbacks come with jitter, the device's rate hardly changes.
const CORRECTION: i64 = 16;

/// A difference to the sound device's time that is a jump, not drift, in nanoseconds: the device
/// was opened, or stood still.
const JUMP: i64 = 50_000_000;

/// The clock of a live run: it begins at zero when the nodes start, goes with the system's
/// monotonic clock, and follows the sound device's time where there is one. It never goes back.
/// Reading and steering it neither lock nor allocate, so that the sound device's callback may.
#[derive(Debug)]
pub struct LiveClock {
    /// When the clock was created; `None`: it stands still unless it is moved.
    epoch: Option<Instant>,
    /// What is added to the time since `epoch`, in nanoseconds.
    offset: AtomicI64,
    /// The latest time that anybody saw, in nanoseconds.
    latest: AtomicI64,
    steered: AtomicBool,
    /// How much later than its time a sound is heard, in nanoseconds.
    lead: AtomicI64,
}

impl Default for LiveClock {
    fn default() -> Self {
        Self::new()
    }
}

impl LiveClock {
    /// A clock that begins now.
    pub fn new() -> Self {
        Self::since(Some(Instant::now()))
    }

    /// A clock that stands still until it is moved, for tests.
    #[doc(hidden)]
    pub fn standing() -> Self {
        Self::since(None)
    }

    fn since(epoch: Option<Instant>) -> Self {
        LiveClock {
            epoch,
            offset: AtomicI64::new(0),
            latest: AtomicI64::new(0),
            steered: AtomicBool::new(false),
            lead: AtomicI64::new(0),
        }
    }

    /// Begins at zero now; before anybody has looked.
    #[doc(hidden)]
    pub fn restart(&self) {
        self.offset.store(-self.elapsed(), Ordering::Release);
        self.latest.store(0, Ordering::Release);
    }

    /// The time now. While a sound device catches up, it stands still.
    pub fn now(&self) -> Time {
        let now = self.elapsed() + self.offset.load(Ordering::Acquire);
        Time::from_nanos(self.latest.fetch_max(now, Ordering::AcqRel).max(now))
    }

    /// Moves the clock on to `time`.
    #[doc(hidden)]
    pub fn move_to(&self, time: Time) {
        let offset = time.nanos() - self.elapsed();
        self.offset.store(offset, Ordering::Release);
    }

    /// Nanoseconds since `epoch`.
    fn elapsed(&self) -> i64 {
        let elapsed = self.epoch.map_or(0, |epoch| epoch.elapsed().as_nanos());
        i64::try_from(elapsed).unwrap_or(i64::MAX)
    }

    /// The sound device says that it is `time` now. Called once a callback; the clock follows
    /// smoothly, and at once when it is far off.
    pub fn steer(&self, time: Time) {
        let offset = self.offset.load(Ordering::Acquire);
        let difference = time.nanos() - (self.elapsed() + offset);
        let first = !self.steered.swap(true, Ordering::AcqRel);
        let correction = if first || difference.abs() > JUMP {
            difference
        } else {
            difference / CORRECTION
        };
        self.offset.store(offset + correction, Ordering::Release);
    }

    /// How much later than its time a thing is heard: what happens at time t sounds when the clock
    /// says t + lead. Zero where no sound device plays. MIDI that goes out follows it, so that
    /// it agrees with the sound.
    pub fn lead(&self) -> Time {
        Time::from_nanos(self.lead.load(Ordering::Acquire))
    }

    /// The sound device says how much later than its time a thing is heard.
    pub fn set_lead(&self, lead: Time) {
        self.lead.store(lead.nanos(), Ordering::Release);
    }

    /// Whether a sound device steers the clock.
    pub fn is_steered(&self) -> bool {
        self.steered.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_follows_the_device_and_never_goes_back() {
        let clock = LiveClock::new();
        clock.steer(Time::from_seconds(5.0));
        let ahead = clock.now();
        assert!(ahead.seconds() >= 5.0 && clock.is_steered());
        clock.steer(Time::from_seconds(1.0));
        assert!(clock.now() >= ahead);
    }

    #[test]
    fn a_standing_clock_goes_only_when_it_is_moved() {
        let clock = LiveClock::standing();
        assert_eq!(clock.now(), Time::ZERO);
        clock.move_to(Time::from_seconds(2.0));
        assert_eq!(clock.now(), Time::from_seconds(2.0));
        clock.move_to(Time::from_seconds(1.0));
        assert_eq!(clock.now(), Time::from_seconds(2.0), "it goes back");
    }

    #[test]
    fn a_small_difference_is_put_right_little_by_little() {
        let clock = LiveClock::new();
        clock.steer(Time::from_seconds(1.0));
        let (before, wall) = (clock.now(), clock.elapsed());
        let wanted = clock.elapsed() + clock.offset.load(Ordering::Acquire) + 10_000_000;
        clock.steer(Time::from_nanos(wanted));
        let gone = (clock.now() - before).nanos() - (clock.elapsed() - wall);
        assert!(gone < 5_000_000, "{gone} ns at once");
    }
}
