//! What a node counts for whoever watches: dropouts, false alarms, a device's latency.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A node's own figures, by name.
#[derive(Debug, Default)]
pub struct Counters(Mutex<BTreeMap<&'static str, Arc<AtomicU64>>>);

impl Counters {
    /// The figure called `name`, 0 at first. It may be set from anywhere, a sound device's callback too.
    pub fn counter(&self, name: &'static str) -> Arc<AtomicU64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(name)
            .or_default()
            .clone()
    }

    /// All figures as they are now.
    pub fn read(&self) -> BTreeMap<&'static str, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(name, figure)| (*name, figure.load(Ordering::Relaxed)))
            .collect()
    }
}
