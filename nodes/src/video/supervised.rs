//! What the threads share that keep a program running, and how they wait for each other.

use std::process::Child;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a killed program is waited for. One that hangs inside a driver cannot be killed; it is
/// left behind rather than hang the run as well.
pub(super) const REAP: Duration = Duration::from_secs(1);

/// Ends a program, which does `what`, for the log; whether it has ended.
pub(super) fn stop(child: &mut Child, what: &str) -> bool {
    // Fails only when the program is gone already.
    let _ = child.kill();
    let until = Instant::now() + REAP;
    let mut pause = Duration::from_micros(200);
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() >= until {
            tracing::warn!(
                "the program {} that {what} cannot be ended: it hangs in a device's driver",
                child.id()
            );
            return false;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    true
}

/// A state that tells whether the program is still needed.
pub(super) trait Stops {
    /// Whether it is not.
    fn stops(&self) -> bool;
}

/// What the threads share that keep a program running.
#[derive(Debug, Default)]
pub(super) struct Supervised<S> {
    state: Mutex<S>,
    changed: Condvar,
}

impl<S> Supervised<S> {
    pub(super) fn new(state: S) -> Self {
        Supervised {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, S> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all who wait.
    pub(super) fn wake(&self) {
        self.changed.notify_all();
    }

    /// Waits until something changes, `longest` at most.
    pub(super) fn wait<'a>(
        &self,
        state: MutexGuard<'a, S>,
        longest: Duration,
    ) -> MutexGuard<'a, S> {
        let waited = self.changed.wait_timeout(state, longest);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl<S: Stops> Supervised<S> {
    /// Waits `pause`, or until the program is no longer needed; says whether it still is.
    pub(super) fn rest(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut state = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.stops() || left.is_zero() {
                return !state.stops();
            }
            state = self.wait(state, left);
        }
    }
}
