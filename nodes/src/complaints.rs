//! Says what could not be taken or sent over the network, without filling the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two lines in the log.
const EVERY: Duration = Duration::from_secs(10);

/// What could not be taken or sent. The first is said at once, and of those that follow soon only
/// how many they were.
pub struct Complaints {
    of: &'static str,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    said: Option<Instant>,
    unsaid: u64,
}

impl Complaints {
    /// Nothing yet, of whom each line of the log will name.
    pub fn of(of: &'static str) -> Self {
        Complaints {
            of,
            held: Mutex::default(),
        }
    }

    /// Says it, or counts it.
    pub fn say(&self, what: impl FnOnce() -> String) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.said.is_some_and(|said| said.elapsed() < EVERY) {
            held.unsaid += 1;
            return;
        }
        held.said = Some(Instant::now());
        let more = std::mem::take(&mut held.unsaid);
        drop(held);
        let (whom, what) = (self.of, what());
        match more {
            0 => tracing::warn!("{whom}: {what}"),
            more => tracing::warn!("{whom}: {what} (and {more} others since the last such line)"),
        }
    }
}
