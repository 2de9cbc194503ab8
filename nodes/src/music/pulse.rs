//! When sixteenths are decided in a live run.

use std::ops::Range;

use score_engine::Time;

use super::grid::Grid;

/// A note leaves this long before the earliest that it may sound, in seconds: enough for a step of
/// the model and a hop along a wire, and little against the sixteenth that a cut may have to wait.
pub(super) const AHEAD: f64 = 0.008;

/// Counts the sixteenths that are decided, each a little before it begins.
pub(super) struct Pulse {
    /// How long before, in seconds.
    pub(super) ahead: f64,
    /// The next one, counted from the start; `None` before the first call.
    next: Option<u64>,
}

impl Pulse {
    pub(super) fn new(ahead: f64) -> Self {
        Pulse { ahead, next: None }
    }

    /// The sixteenths to decide at the clock's time `now`. What was missed is not caught up with.
    pub(super) fn due(&mut self, grid: &Grid, now: Time) -> Range<u64> {
        let mut first = self.next.unwrap_or_else(|| grid.sixteenth_from(now));
        if grid.time_of(first + 1) <= now {
            first = grid.sixteenth_from(now);
        }
        let soon = now + Time::from_seconds(self.ahead);
        let mut next = first;
        while grid.time_of(next) <= soon {
            next += 1;
        }
        self.next = Some(next);
        first..next
    }

    /// The next sixteenth to decide; 0 before the first call.
    pub(super) fn next(&self) -> u64 {
        self.next.unwrap_or_default()
    }

    /// When the next sixteenth is to be decided.
    pub(super) fn wake(&self, grid: &Grid) -> Time {
        grid.time_of(self.next()) - Time::from_seconds(self.ahead)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Transport;

    use super::*;
    use crate::music::LAYOUT;

    #[test]
    fn each_sixteenth_is_decided_once_a_little_before_and_missed_ones_are_left_out() {
        let grid = Grid::new(&Transport::default(), &LAYOUT);
        let mut pulse = Pulse::new(0.01);
        let mut due = |seconds: f64| pulse.due(&grid, Time::from_seconds(seconds));
        assert_eq!(due(0.0), 0..1);
        assert_eq!(due(0.05), 1..1);
        // A sixteenth lasts an eighth of a second.
        assert_eq!(due(0.116), 1..2);
        assert_eq!(due(1.0), 8..9);
        assert_eq!(pulse.wake(&grid), Time::from_seconds(9.0 / 8.0 - 0.01));
    }
}
