//! What a node reports of itself: its own figures (dropouts, false alarms, a device's latency), and
//! what it waits for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A node's own figures, by name, and its condition.
#[derive(Debug, Default)]
pub struct Counters {
    figures: Mutex<BTreeMap<&'static str, Arc<AtomicU64>>>,
    condition: Mutex<Condition>,
}

/// What keeps a node from its work, and what did last.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// What it waits for, in words, and since when: a camera that is not there.
    pub waits: Option<(String, Instant)>,
    /// What went wrong last, which may be over.
    pub last_error: Option<String>,
    /// When that was, or when it was tried again in vain.
    pub erred: Option<Instant>,
}

impl Condition {
    fn err(&mut self, why: String) {
        self.last_error = Some(why);
        self.erred = Some(Instant::now());
    }
}

impl Counters {
    /// A figure that is not known yet; [`Counters::read`] leaves it out.
    pub const UNKNOWN: u64 = u64::MAX;

    /// The figure called `name`, 0 at first. It may be set from anywhere, a sound device's callback
    /// too.
    pub fn counter(&self, name: &'static str) -> Arc<AtomicU64> {
        self.figures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(name)
            .or_default()
            .clone()
    }

    /// All figures as they are now, but for those that are not known yet.
    pub fn read(&self) -> BTreeMap<&'static str, u64> {
        self.figures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(name, figure)| (*name, figure.load(Ordering::Relaxed)))
            .filter(|(_, figure)| *figure != Self::UNKNOWN)
            .collect()
    }

    /// The node waits for something that it cannot work without, such as a camera's first picture.
    /// It has waited since it first said so, whatever the reason was then. Not for a sound
    /// device's callback.
    pub fn wait_for(&self, reason: impl Into<String>) {
        let reason = reason.into();
        let mut condition = self.lock();
        let since = condition.waits.take().map(|(_, since)| since);
        condition.waits = Some((reason, since.unwrap_or_else(Instant::now)));
    }

    /// The same, because something went wrong: a camera is gone.
    pub fn lack(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.lock().err(reason.clone());
        self.wait_for(reason);
    }

    /// The node has what it waited for.
    pub fn go_on(&self) {
        self.lock().waits = None;
    }

    /// The node has failed.
    pub fn fail(&self, why: impl Into<String>) {
        let mut condition = self.lock();
        condition.err(why.into());
        condition.waits = None;
    }

    /// What keeps the node from its work now, and what did last.
    pub fn condition(&self) -> Condition {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Condition> {
        self.condition
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_is_not_known_yet_is_left_out() {
        let counters = Counters::default();
        let reserve = counters.counter("least_reserve_frames");
        reserve.store(Counters::UNKNOWN, Ordering::Relaxed);
        counters.counter("dropouts").fetch_add(1, Ordering::Relaxed);
        assert_eq!(counters.read(), BTreeMap::from([("dropouts", 1)]));
        reserve.fetch_min(96, Ordering::Relaxed);
        assert_eq!(counters.read()["least_reserve_frames"], 96);
    }

    #[test]
    fn a_node_has_waited_since_it_first_said_so_and_its_last_error_stays() {
        let counters = Counters::default();
        counters.lack("no camera is connected");
        let (_, since) = counters.condition().waits.unwrap();
        counters.lack("no picture for 2.0 s");
        assert_eq!(
            counters.condition().waits,
            Some(("no picture for 2.0 s".to_owned(), since))
        );
        counters.go_on();
        let condition = counters.condition();
        assert_eq!(condition.waits, None);
        assert!(condition.erred.is_some_and(|erred| erred >= since));
        assert_eq!(
            condition.last_error.as_deref(),
            Some("no picture for 2.0 s")
        );
    }
}
