//! What came over the network and waits for its time: messages of bundles, packets of another run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Items that wait for their time.
const MOST: usize = 4_096;

/// How much memory they may take together, in bytes.
const MOST_BYTES: usize = 16 << 20;

/// What waits for its time, and no more than fits.
#[derive(Debug)]
pub struct Waiting<T> {
    items: BTreeMap<(Instant, u64), Item<T>>,
    /// How many there were, so that those of one time keep their order.
    number: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Item<T> {
    item: T,
    bytes: usize,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Waiting {
            items: BTreeMap::new(),
            number: 0,
            bytes: 0,
        }
    }
}

impl<T> Waiting<T> {
    /// Lets `item`, which takes so many bytes, wait until `at`. Returns whether there is room.
    pub fn put(&mut self, at: Instant, item: T, bytes: usize) -> bool {
        if self.items.len() >= MOST || self.bytes.saturating_add(bytes) > MOST_BYTES {
            return false;
        }
        self.number += 1;
        self.bytes += bytes;
        self.items.insert((at, self.number), Item { item, bytes });
        true
    }

    /// Takes what is due by `now`.
    pub fn due(&mut self, now: Instant) -> Vec<T> {
        let later = self.items.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut self.items, later).into_values();
        due.map(|item| {
            self.bytes -= item.bytes;
            item.item
        })
        .collect()
    }

    /// How long until the next is due.
    pub fn next(&self, now: Instant) -> Option<Duration> {
        let ((at, _), _) = self.items.first_key_value()?;
        Some(at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_wait_for_their_time_in_order_and_no_more_than_fit() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        let later = now + Duration::from_secs(1);
        for (at, name) in [(later, "c"), (now, "a"), (now, "b")] {
            assert!(waiting.put(at, name, 1));
        }
        assert_eq!(waiting.due(now), ["a", "b"]);
        assert_eq!(waiting.next(now), Some(Duration::from_secs(1)));
        assert_eq!(waiting.due(later), ["c"]);
        for _ in 0..MOST {
            assert!(waiting.put(now, "d", 1));
        }
        assert!(!waiting.put(now, "d", 1));
        assert_eq!(waiting.due(now).len(), MOST);
        assert!(waiting.put(later, "large", MOST_BYTES));
        assert!(!waiting.put(later, "one byte", 1));
        assert_eq!(waiting.due(later), ["large"]);
        assert!(waiting.put(later, "one byte", 1));
    }
}
