//! When pictures are due that follow one another at a rate.

use score_engine::Time;

/// The times at which pictures are due. The rate may change while they run: another one counts from
/// the picture that was sent last.
pub(super) struct Ticks {
    /// The time of tick 0.
    from: Time,
    /// Which tick is next.
    next: u64,
    /// Ticks a second; 0: only tick 0.
    rate: f64,
}

impl Ticks {
    /// Ticks that begin at `from`.
    pub(super) fn new(from: Time, rate: f64) -> Self {
        Ticks {
            from,
            next: 0,
            rate,
        }
    }

    fn time(&self, number: u64) -> Option<Time> {
        match number {
            0 => Some(self.from),
            _ if self.rate > 0.0 => Some(self.from + Time::from_seconds(number as f64 / self.rate)),
            _ => None,
        }
    }

    /// When the next is due.
    pub(super) fn due(&self) -> Option<Time> {
        self.time(self.next)
    }

    /// The one that was due is over.
    pub(super) fn pass(&mut self) {
        self.next += 1;
    }

    /// Leaves out those that were due before another that has been due by `now`; says how many.
    pub(super) fn skip_to(&mut self, now: Time) -> u64 {
        let newest = (now - self.from).seconds() * self.rate;
        // Times are whole nanoseconds.
        let newest = (newest + 1e-6).max(0.0) as u64;
        let skipped = newest.saturating_sub(self.next);
        self.next += skipped;
        skipped
    }

    /// The rate from now on.
    pub(super) fn set_rate(&mut self, rate: f64) {
        if rate == self.rate {
            return;
        }
        if let Some(last) = self.next.checked_sub(1) {
            self.from = self.time(last).unwrap_or(self.from);
            self.next = 1;
        }
        self.rate = rate;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn another_rate_counts_from_what_was_sent_last() {
        let mut ticks = Ticks::new(at(1.0), 4.0);
        for wanted in [1.0, 1.25, 1.5] {
            assert_eq!(ticks.due(), Some(at(wanted)));
            ticks.pass();
        }
        ticks.set_rate(1.0);
        assert_eq!(ticks.due(), Some(at(2.5)));
        ticks.set_rate(0.0);
        assert_eq!(ticks.due(), None);
        ticks.set_rate(2.0);
        assert_eq!(ticks.due(), Some(at(2.0)));
    }

    #[test]
    fn what_is_late_is_left_out_but_for_the_newest() {
        let mut ticks = Ticks::new(at(0.0), 10.0);
        assert_eq!(ticks.skip_to(at(0.05)), 0);
        assert_eq!(ticks.skip_to(at(0.35)), 3);
        assert_eq!(ticks.due(), Some(at(0.3)));
        ticks.pass();
        assert_eq!(ticks.skip_to(at(0.35)), 0);
        assert_eq!(ticks.skip_to(at(0.4)), 0);
        assert_eq!(ticks.due(), Some(at(0.4)));
    }
}
