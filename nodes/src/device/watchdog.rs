//! Notices a device that has fallen silent without a word.

use std::time::{Duration, Instant};

/// How long a device that worked may stand still. Sound servers pause for a while when they are rearranged.
const STILL: Duration = Duration::from_millis(1500);

/// How long a device may take to begin.
const BEGINNING: Duration = Duration::from_secs(6);

/// Watches a counter that a device's callback drives.
#[derive(Debug)]
pub(crate) struct Watchdog {
    count: u64,
    since: Instant,
    begun: bool,
}

impl Watchdog {
    /// Watches from now on a counter that stands at 0.
    pub(crate) fn new() -> Self {
        Watchdog {
            count: 0,
            since: Instant::now(),
            begun: false,
        }
    }

    /// Whether the device still works, its counter being at `count` now.
    pub(crate) fn is_alive(&mut self, count: u64) -> bool {
        if count != self.count {
            self.count = count;
            self.since = Instant::now();
            self.begun = true;
        }
        let patience = if self.begun { STILL } else { BEGINNING };
        self.since.elapsed() < patience
    }
}
