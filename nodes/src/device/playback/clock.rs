//! The clock that playback steers.

use std::sync::Arc;

use score_engine::{LiveClock, Time};

/// The clock that playback steers; tests have one that they set.
pub trait MasterClock: Send {
    /// The time now.
    fn now(&self) -> Time;
    /// The device says that it is `time` now.
    fn steer(&self, time: Time);
    /// The device says how much later than its time a thing is heard.
    fn set_lead(&self, lead: Time);
}

impl MasterClock for Arc<LiveClock> {
    fn now(&self) -> Time {
        LiveClock::now(self)
    }

    fn steer(&self, time: Time) {
        LiveClock::steer(self, time);
    }

    fn set_lead(&self, lead: Time) {
        LiveClock::set_lead(self, lead);
    }
}
