//! When a failed node restarts, and when it is given up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How failed nodes are restarted.
#[derive(Clone, Copy, Debug)]
pub struct RestartPolicy {
    /// How long the first restart waits; each further one twice as long as the one before.
    pub first: Duration,
    /// How long a restart waits at most.
    pub longest: Duration,
    /// After more failures than this within `window`, the node stays failed until the patch
    /// changes.
    pub most: usize,
    /// How far back failures count.
    pub window: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        RestartPolicy {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(10),
            most: 8,
            window: Duration::from_secs(60),
        }
    }
}

/// The failures of one node.
#[derive(Debug)]
pub(super) struct Restarts {
    policy: RestartPolicy,
    failures: VecDeque<Instant>,
}

impl Restarts {
    pub(super) fn new(policy: RestartPolicy) -> Self {
        Restarts {
            policy,
            failures: VecDeque::new(),
        }
    }

    /// How long a restart waits at most.
    pub(super) fn longest(&self) -> Duration {
        self.policy.longest
    }

    /// The node has failed `now`: how long to wait before it restarts; `None` when it has failed
    /// too often.
    pub(super) fn next(&mut self, now: Instant) -> Option<Duration> {
        let window = self.policy.window;
        self.failures
            .retain(|failure| now.saturating_duration_since(*failure) < window);
        self.failures.push_back(now);
        let before = self.failures.len() - 1;
        (before < self.policy.most).then(|| {
            let factor = 1u32.checked_shl(before as u32).unwrap_or(u32::MAX);
            self.policy
                .first
                .saturating_mul(factor)
                .min(self.policy.longest)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_restart_waits_twice_as_long_until_there_are_too_many() {
        let mut restarts = Restarts::new(RestartPolicy {
            first: Duration::from_millis(100),
            longest: Duration::from_millis(300),
            most: 4,
            window: Duration::from_secs(60),
        });
        let now = Instant::now();
        let waits: Vec<_> = (0..6).map(|_| restarts.next(now)).collect();
        let millis = |wait| Some(Duration::from_millis(wait));
        assert_eq!(
            waits,
            [
                millis(100),
                millis(200),
                millis(300),
                millis(300),
                None,
                None
            ]
        );
    }

    /// As of a run that is kept alive, with a disk that is full for an hour; by a clock of the test's
    /// own.
    #[test]
    fn what_fails_for_an_hour_is_tried_each_minute_where_nothing_is_given_up() {
        let mut restarts = Restarts::new(RestartPolicy {
            longest: Duration::from_secs(300),
            most: usize::MAX,
            ..RestartPolicy::default()
        });
        let (start, hour) = (Instant::now(), Duration::from_secs(3_600));
        let (mut passed, mut tries) = (Duration::ZERO, 0);
        while passed < hour {
            let wait = restarts.next(start + passed).unwrap();
            assert!(wait < Duration::from_secs(60), "{wait:?} after {passed:?}");
            passed += wait;
            tries += 1;
        }
        assert!(tries < 1_000, "{tries} times in an hour");
        assert!(restarts.failures.len() < 20, "what is long past is kept");
    }

    #[test]
    fn failures_long_past_are_forgotten() {
        let policy = RestartPolicy::default();
        let mut restarts = Restarts::new(policy);
        let start = Instant::now();
        for _ in 0..20 {
            restarts.next(start);
        }
        assert_eq!(restarts.next(start + policy.window), Some(policy.first));
    }
}
