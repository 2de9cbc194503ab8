//! How long to wait before the next try.

use std::time::Duration;

/// Tries come ever further apart, up to `longest`.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits `first` after the first failure, and twice as long after each further one, `longest`
    /// at most.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Backoff {
            first,
            longest,
            next: first,
        }
    }

    /// How long to wait after a try that went well for `worked`. A try that went well for longer
    /// than the longest wait clears the record; one that fails after a moment does not, or a
    /// device that gives one picture and goes away would be opened without rest.
    pub(crate) fn after(&mut self, worked: Duration) -> Duration {
        if worked > self.longest {
            self.next = self.first;
        }
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(100);

    #[test]
    fn tries_come_ever_further_apart_and_a_good_one_clears_the_record() {
        let mut backoff = Backoff::new(MOMENT, MOMENT * 5);
        let waits: Vec<_> = (0..5).map(|_| backoff.after(MOMENT)).collect();
        assert_eq!(
            waits,
            [MOMENT, MOMENT * 2, MOMENT * 4, MOMENT * 5, MOMENT * 5]
        );
        assert_eq!(backoff.after(MOMENT * 6), MOMENT);
    }
}
