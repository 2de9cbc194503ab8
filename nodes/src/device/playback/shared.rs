//! What the node and its callbacks share.

use std::sync::atomic::AtomicBool;

use score_engine::Counters;

use crate::device::counters::PlaybackCounters;

/// What the node and its callbacks share, over all openings of the device.
#[derive(Debug)]
pub struct Shared {
    /// The counters.
    pub counters: PlaybackCounters,
    /// The run has begun, so that the clock counts.
    pub running: AtomicBool,
    /// The node goes away: fade out.
    pub closing: AtomicBool,
    /// The last frame was played.
    pub finished: AtomicBool,
}

impl Shared {
    /// Nothing was played yet; the counters are among `figures`.
    pub fn new(figures: &Counters) -> Self {
        Shared {
            counters: PlaybackCounters::of(figures),
            running: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            finished: AtomicBool::new(false),
        }
    }
}
