//! What a sound device's callback did, counted where nothing may wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use score_engine::Counters;

/// Counters of one sound output. The callback writes them, anybody may read them while it plays. They go on when the
/// device goes away and comes back.
#[derive(Debug, Default)]
pub struct PlaybackCounters {
    /// Whether a device plays now.
    pub is_open: AtomicBool,
    /// How often a device was opened; more than 1: it went away and came back.
    pub openings: Arc<AtomicU64>,
    /// Calls of the device.
    pub callbacks: AtomicU64,
    /// Frames that the device asked for.
    pub frames: AtomicU64,
    /// How often sound broke off that should have gone on.
    pub dropouts: Arc<AtomicU64>,
    /// Frames of silence that the dropouts put in.
    pub missing_frames: Arc<AtomicU64>,
    /// Frames that came after they should have been heard, and were left out.
    pub late_frames: Arc<AtomicU64>,
    /// Frames left out because the device had stood still and the ring was full.
    pub overflowed_frames: AtomicU64,
    /// How often the device ran ahead or behind so far that playing began anew at the clock's time.
    pub resyncs: AtomicU64,
    /// Frames that the device asks for at a time, the largest number so far.
    pub device_block: AtomicU64,
    /// Frames between a sound's time and when it is handed to the device.
    pub lead_frames: AtomicU64,
    /// Frames that lay ready after the scarcest call so far: what was left of the lead. Counts from the first sound of
    /// an opening.
    pub least_reserve: AtomicU64,
}

impl PlaybackCounters {
    /// Counters at zero.
    pub fn new() -> Self {
        PlaybackCounters {
            least_reserve: AtomicU64::new(u64::MAX),
            ..Self::default()
        }
    }

    /// Counters at zero of which the node's own figures are some.
    pub fn of(figures: &Counters) -> Self {
        PlaybackCounters {
            openings: figures.counter("openings"),
            dropouts: figures.counter("dropouts"),
            missing_frames: figures.counter("missing_frames"),
            late_frames: figures.counter("late_frames"),
            ..Self::new()
        }
    }

    /// Frames that lay ready after the scarcest call; `None` before anything was played.
    pub fn reserve(&self) -> Option<u64> {
        Some(self.least_reserve.load(Ordering::Relaxed)).filter(|frames| *frames != u64::MAX)
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

/// Reads a counter.
pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
