//! Notices a device that stops calling without an error.

use std::time::{Duration, Instant};

/// How long a working device may stop calling. Sound servers pause for a while when they are
/// reconfigured.
const STILL: Duration = Duration::from_millis(1500);

/// How long a device may take to begin.
const BEGINNING: Duration = Duration::from_secs(6);

/// Watches a counter that a device's callback drives.
#[derive(Debug)]
pub(crate) struct Watchdog {
    count: u64,
    since: Instant,
    /// At how many looks the counter had moved.
    moves: u32,
}

impl Watchdog {
    /// Watches a counter from now on, from 0.
    pub(crate) fn new() -> Self {
        Watchdog {
            count: 0,
            since: Instant::now(),
            moves: 0,
        }
    }

    /// Whether the device still works, its counter being at `count` now.
    pub(crate) fn is_alive(&mut self, count: u64) -> bool {
        if count != self.count {
            self.count = count;
            self.since = Instant::now();
            self.moves = self.moves.saturating_add(1);
        }
        // A sound server fills its buffer at once and may then take its time to begin: PulseAudio's
        // null sink first plays out up to two seconds of silence.
        let patience = if self.moves > 1 { STILL } else { BEGINNING };
        self.since.elapsed() < patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(looks: &[u64], ago: Duration) -> bool {
        let mut watchdog = Watchdog::new();
        for count in looks {
            watchdog.is_alive(*count);
        }
        watchdog.since = Instant::now().checked_sub(ago).unwrap();
        watchdog.is_alive(looks.last().copied().unwrap_or(0))
    }

    #[test]
    fn a_device_that_only_filled_its_buffer_may_take_as_long_to_begin_as_one_that_did_nothing() {
        let (soon, late) = (Duration::from_secs(2), Duration::from_secs(7));
        for looks in [&[][..], &[3], &[3, 3, 3]] {
            assert!(watched(looks, soon) && !watched(looks, late));
        }
        assert!(!watched(&[3, 4], soon));
    }
}
