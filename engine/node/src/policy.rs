//! What a wire does when its reader is late.

use serde::{Deserialize, Serialize};

/// What a wire does when its reader is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    /// Only the newest packet waits.
    Latest,
    /// Up to n packets wait; the oldest makes room for a new one.
    DropOldest(usize),
    /// Up to n packets wait; then the sender does.
    Block(usize),
}

impl Policy {
    /// How many packets may wait.
    #[doc(hidden)]
    pub fn capacity(self) -> usize {
        match self {
            Policy::Latest => 1,
            Policy::DropOldest(capacity) | Policy::Block(capacity) => capacity.max(1),
        }
    }

    /// The lossless policy that a wire with this one has offline: of at least the same size.
    #[doc(hidden)]
    pub fn lossless(self) -> Self {
        match self {
            Policy::Latest => Policy::Block(OFFLINE_CAPACITY),
            Policy::DropOldest(capacity) | Policy::Block(capacity) => {
                Policy::Block(capacity.max(OFFLINE_CAPACITY))
            }
        }
    }
}

/// Packets that wait on a wire offline at first: enough that threads seldom wait for each other,
/// and little memory even for frames.
const OFFLINE_CAPACITY: usize = 16;
