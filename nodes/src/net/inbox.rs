//! What has come over a connection and waits for its node. Of pictures, latents and controls only
//! the newest waits; events and notes wait in their order.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::wire::{Content, Stamp};

/// Events and groups of notes that may wait.
const ROOM: usize = 8_192;

/// Something that came.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Came {
    Content(Stamp, Content),
    /// The connection broke: what sounded does so no more.
    Break,
}

/// What waits.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    newest: [Option<(Stamp, Content)>; 3],
    queue: VecDeque<Came>,
}

impl Inbox {
    /// Something has come. Returns whether there was room.
    pub(super) fn put(&self, stamp: Stamp, content: Content) -> bool {
        let mut state = self.lock();
        let slot = match content {
            Content::Picture(_) => 0,
            Content::Latent(_) => 1,
            Content::Control(_) => 2,
            Content::Event(_) | Content::Notes(_) => {
                let has_room = state.queue.len() < ROOM;
                if has_room {
                    state.queue.push_back(Came::Content(stamp, content));
                } else {
                    // An end may be lost with it: better that all ends.
                    state.queue.clear();
                    state.queue.push_back(Came::Break);
                }
                self.changed.notify_one();
                return has_room;
            }
        };
        state.newest[slot] = Some((stamp, content));
        self.changed.notify_one();
        true
    }

    /// The connection broke.
    pub(super) fn break_off(&self) {
        self.lock().queue.push_back(Came::Break);
        self.changed.notify_one();
    }

    /// The next that came; waits for it, `patience` at most.
    pub(super) fn next(&self, patience: Duration) -> Option<Came> {
        let until = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            if let Some(came) = state.queue.pop_front() {
                return Some(came);
            }
            let newest = state.newest.iter_mut().rev().find_map(Option::take);
            if let Some((stamp, content)) = newest {
                return Some(Came::Content(stamp, content));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use score_engine::Event;

    use super::*;

    const STAMP: Stamp = Stamp {
        due: 0,
        captured: 0,
    };

    fn event() -> Content {
        Content::Event(Arc::new(Event {
            name: "cut".to_owned(),
            strength: 1.0,
        }))
    }

    #[test]
    fn the_newest_control_and_every_event_come_out_and_no_room_is_a_break() {
        let inbox = Inbox::default();
        assert!(inbox.put(STAMP, Content::Control(0.1)) && inbox.put(STAMP, event()));
        assert!(inbox.put(STAMP, Content::Control(0.2)));
        let soon = Duration::from_millis(1);
        assert_eq!(inbox.next(soon), Some(Came::Content(STAMP, event())));
        assert_eq!(
            inbox.next(soon),
            Some(Came::Content(STAMP, Content::Control(0.2)))
        );
        assert_eq!(inbox.next(soon), None);
        for _ in 0..ROOM {
            assert!(inbox.put(STAMP, event()));
        }
        assert!(!inbox.put(STAMP, event()));
        assert_eq!(
            (inbox.next(soon), inbox.next(soon)),
            (Some(Came::Break), None)
        );
    }
}
