//! Says what could not be taken, without filling the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two lines in the log.
const EVERY: Duration = Duration::from_secs(10);

/// What could not be taken. The first is said at once, and of those that follow soon only how many
/// they were.
#[derive(Default)]
pub struct Complaints(Mutex<Held>);

#[derive(Default)]
struct Held {
    said: Option<Instant>,
    unsaid: u64,
}

impl Complaints {
    /// Says it of what came by OSC, or counts it.
    pub fn say(&self, what: impl FnOnce() -> String) {
        self.say_of("OSC", what);
    }

    /// Says it of `whom`, or counts it.
    pub fn say_of(&self, whom: &str, what: impl FnOnce() -> String) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.said.is_some_and(|said| said.elapsed() < EVERY) {
            held.unsaid += 1;
            return;
        }
        held.said = Some(Instant::now());
        let more = std::mem::take(&mut held.unsaid);
        drop(held);
        let what = what();
        match more {
            0 => tracing::warn!("{whom}: {what}"),
            more => tracing::warn!("{whom}: {what} (and {more} others since the last such line)"),
        }
    }
}
