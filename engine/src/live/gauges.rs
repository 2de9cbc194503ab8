//! What a live node's thread reports: its state, and how long its calls take.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

/// What a live node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum NodeState {
    /// Opens what it needs; it has not run yet.
    Preparing,
    /// Runs, or waits for something to do.
    Running,
    /// Has failed and restarts in a moment.
    Restarting,
    /// Has failed too often; it restarts when the patch changes.
    Failed,
    /// Has come to its end.
    Ended,
    /// Runs, and waits for something that is not there, such as a camera.
    Waiting,
}

const STATES: [NodeState; 6] = [
    NodeState::Preparing,
    NodeState::Running,
    NodeState::Restarting,
    NodeState::Failed,
    NodeState::Ended,
    NodeState::Waiting,
];

/// Call times are counted in classes of a quarter of an octave, from a microsecond to a minute.
const CLASSES: usize = 104;
const CLASSES_PER_OCTAVE: f64 = 4.0;

/// Nobody is in a call.
const AT_REST: i64 = -1;

/// The figures of one node, written by its thread and read by anybody.
#[derive(Debug)]
pub(super) struct Gauges {
    epoch: Instant,
    state: AtomicU8,
    /// When the call that is under way began, in nanoseconds since `epoch`.
    since: AtomicI64,
    busy: AtomicU64,
    /// Since when the call waits for somebody else, in nanoseconds since `epoch`.
    idle: AtomicI64,
    /// How long calls have waited for others, in nanoseconds.
    waited: AtomicU64,
    failures: AtomicU64,
    lost: AtomicBool,
    classes: [AtomicU64; CLASSES],
}

impl Gauges {
    pub(super) fn new() -> Self {
        Gauges {
            epoch: Instant::now(),
            state: AtomicU8::new(NodeState::Preparing as u8),
            since: AtomicI64::new(AT_REST),
            busy: AtomicU64::new(0),
            idle: AtomicI64::new(0),
            waited: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            classes: [const { AtomicU64::new(0) }; CLASSES],
        }
    }

    pub(super) fn set_state(&self, state: NodeState) {
        self.state.store(state as u8, Ordering::Release);
    }

    pub(super) fn state(&self) -> NodeState {
        let state = usize::from(self.state.load(Ordering::Acquire));
        STATES.get(state).copied().unwrap_or(NodeState::Ended)
    }

    pub(super) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Something that the node should have kept is lost.
    pub(super) fn set_lost(&self) {
        self.lost.store(true, Ordering::Release);
    }

    pub(super) fn has_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Measures a call of the node's own code.
    pub(super) fn measure<T>(&self, call: impl FnOnce() -> T) -> T {
        let (started, waited) = (Instant::now(), self.waited.load(Ordering::Relaxed));
        self.begin(started);
        let result = call();
        self.since.store(AT_REST, Ordering::Release);
        let waited = self.waited.load(Ordering::Relaxed) - waited;
        let nanos = nanos(started.elapsed()).saturating_sub(waited);
        self.busy.fetch_add(nanos, Ordering::Relaxed);
        self.classes[class(nanos)].fetch_add(1, Ordering::Relaxed);
        result
    }

    /// Within a call: waits for somebody else, which is not the node's own work.
    pub(super) fn wait<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.set_idle(true);
        let result = wait();
        self.set_idle(false);
        result
    }

    /// The same, begun and ended by two calls.
    pub(super) fn set_idle(&self, idle: bool) {
        let at = Instant::now();
        let now = self.since_epoch(at);
        if idle {
            self.since.store(AT_REST, Ordering::Release);
            self.idle.store(now, Ordering::Relaxed);
        } else {
            let waited = now - self.idle.load(Ordering::Relaxed);
            self.waited
                .fetch_add(u64::try_from(waited).unwrap_or(0), Ordering::Relaxed);
            self.begin(at);
        }
    }

    /// Nothing is under way any more, however the last call ended: by a panic too.
    pub(super) fn set_at_rest(&self) {
        self.since.store(AT_REST, Ordering::Release);
    }

    fn begin(&self, at: Instant) {
        self.since.store(self.since_epoch(at), Ordering::Release);
    }

    fn since_epoch(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.epoch);
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    }

    /// How long the call that is under way has taken.
    pub(super) fn in_call(&self) -> Option<Duration> {
        let since = u64::try_from(self.since.load(Ordering::Acquire)).ok()?;
        Some(
            self.epoch
                .elapsed()
                .saturating_sub(Duration::from_nanos(since)),
        )
    }

    /// All calls so far.
    pub(super) fn calls(&self) -> Calls {
        Calls {
            busy: Duration::from_nanos(self.busy.load(Ordering::Relaxed)),
            classes: std::array::from_fn(|class| self.classes[class].load(Ordering::Relaxed)),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The class of a call that took `nanos` nanoseconds.
fn class(nanos: u64) -> usize {
    let micros = (nanos as f64 / 1000.0).max(1.0);
    ((micros.log2() * CLASSES_PER_OCTAVE) as usize).min(CLASSES - 1)
}

/// The calls that a node has had, by how long they took.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    busy: Duration,
    classes: [u64; CLASSES],
}

impl Default for Calls {
    fn default() -> Self {
        Calls {
            busy: Duration::ZERO,
            classes: [0; CLASSES],
        }
    }
}

impl Calls {
    /// Those that came after `earlier`.
    pub(super) fn since(&self, earlier: &Calls) -> Calls {
        Calls {
            busy: self.busy.saturating_sub(earlier.busy),
            classes: std::array::from_fn(|class| {
                self.classes[class].saturating_sub(earlier.classes[class])
            }),
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    pub(super) fn busy(&self) -> Duration {
        self.busy
    }

    /// What 95 of 100 calls stay below, to a quarter of an octave.
    pub(super) fn p95(&self) -> Duration {
        let count = self.count();
        let mut left = count - count / 20;
        for (class, calls) in self.classes.iter().enumerate() {
            if *calls >= left && count > 0 {
                let micros = ((class + 1) as f64 / CLASSES_PER_OCTAVE).exp2();
                return Duration::from_secs_f64(micros * 1e-6);
            }
            left -= calls;
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_95th_percentile_is_right_to_a_quarter_of_an_octave() {
        let gauges = Gauges::new();
        for index in 0..100u64 {
            let micros = if index < 94 { 100 } else { 5_000 };
            gauges.classes[class(micros * 1000)].fetch_add(1, Ordering::Relaxed);
        }
        let p95 = gauges.calls().p95().as_secs_f64();
        assert!((5e-3..6e-3).contains(&p95), "{p95}");
        let calm = gauges.calls().since(&gauges.calls());
        assert_eq!((calm.count(), calm.p95()), (0, Duration::ZERO));
    }

    #[test]
    fn a_call_under_way_is_seen() {
        let gauges = Gauges::new();
        assert!(gauges.in_call().is_none());
        gauges.measure(|| assert!(gauges.in_call().is_some()));
        assert!(gauges.in_call().is_none());
        gauges.measure(|| {
            gauges.wait(|| {
                std::thread::sleep(Duration::from_millis(20));
                assert!(gauges.in_call().is_none(), "it waits for somebody else");
            });
            assert!(gauges.in_call().is_some());
        });
        assert_eq!(gauges.calls().count(), 2);
        assert!(gauges.calls().busy() < Duration::from_millis(15));
    }
}
