//! What a sound device's callback did, counted where nothing may wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use score_engine::Counters;

/// Counters of one sound output, among the node's own figures in the run's status. The callback
/// writes them, anybody may read them while it plays. They are kept when the device goes away and
/// comes back.
#[derive(Debug)]
pub struct PlaybackCounters {
    /// `open`: 1 while a device plays.
    pub is_open: Arc<AtomicU64>,
    /// `openings`: how often a device was opened; more than 1: it went away and came back.
    pub openings: Arc<AtomicU64>,
    /// `callbacks`: calls of the device.
    pub callbacks: Arc<AtomicU64>,
    /// `dropouts`: how often sound broke off that should have gone on.
    pub dropouts: Arc<AtomicU64>,
    /// `missing_frames`: frames of silence that the dropouts put in.
    pub missing_frames: Arc<AtomicU64>,
    /// `late_frames`: frames that came after they should have been heard, and were left out.
    pub late_frames: Arc<AtomicU64>,
    /// `overflowed_frames`: frames left out because the device had stood still and the ring was
    /// full.
    pub overflowed_frames: Arc<AtomicU64>,
    /// `resyncs`: how often the device was so far ahead or behind that playback jumped to the
    /// clock's time.
    pub resyncs: Arc<AtomicU64>,
    /// `device_block`: frames that the device asks for at a time, the largest number so far.
    pub device_block: Arc<AtomicU64>,
    /// `lead_frames`: frames between a sound's time and when it is handed to the device.
    pub lead_frames: Arc<AtomicU64>,
    /// `latency_microseconds`: from when a block comes to the node until its first frame leaves
    /// the device's buffer.
    pub latency: Arc<AtomicU64>,
    /// `least_reserve_frames`: frames that lay ready after the scarcest call so far, from the
    /// first sound of an opening on: what was left of the lead.
    pub least_reserve: Arc<AtomicU64>,
}

impl PlaybackCounters {
    /// Counters among `figures`.
    pub fn of(figures: &Counters) -> Self {
        let counters = PlaybackCounters {
            is_open: figures.counter("open"),
            openings: figures.counter("openings"),
            callbacks: figures.counter("callbacks"),
            dropouts: figures.counter("dropouts"),
            missing_frames: figures.counter("missing_frames"),
            late_frames: figures.counter("late_frames"),
            overflowed_frames: figures.counter("overflowed_frames"),
            resyncs: figures.counter("resyncs"),
            device_block: figures.counter("device_block"),
            lead_frames: figures.counter("lead_frames"),
            latency: figures.counter("latency_microseconds"),
            least_reserve: figures.counter("least_reserve_frames"),
        };
        // Before the first sound the status must not show an empty ring.
        counters.forget_reserve();
        counters
    }

    /// Starts to measure the reserve again.
    pub(crate) fn forget_reserve(&self) {
        self.least_reserve
            .store(Counters::UNKNOWN, Ordering::Relaxed);
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
