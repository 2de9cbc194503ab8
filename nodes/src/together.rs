//! Packets of one time from several wires, answered once.

use score_engine::{Flow, Io, Time, Watermark};

/// When a node answers that has one answer to all that came with one time: once nothing more of
/// that time can come, so that a render does not depend on which wire was first. Live that is at
/// once, and again for what comes late.
#[derive(Debug, Default)]
pub(crate) struct Together {
    /// The time of what came and is not answered yet.
    pending: Option<Time>,
    /// The latest time that was answered; no answer has an earlier one.
    answered: Time,
}

impl Together {
    /// Something with `time` is there and about to be taken: gives the time of what came before it
    /// and has to be answered first.
    pub(crate) fn before(&mut self, time: Time) -> Option<Time> {
        let pending = self.pending.filter(|pending| *pending < time)?;
        self.answer(pending)
    }

    /// Something with `time` was taken.
    pub(crate) fn take(&mut self, time: Time) {
        let time = time.max(self.answered);
        self.pending = Some(self.pending.map_or(time, |pending| pending.max(time)));
    }

    /// The time of what has to be answered now that nothing more is there.
    pub(crate) fn due(&mut self, io: &Io<'_>) -> Option<Time> {
        let pending = self.pending?;
        (io.reached() > Watermark::At(pending)).then_some(())?;
        self.answer(pending)
    }

    /// The time of what has to be answered at the end.
    pub(crate) fn rest(&mut self) -> Option<Time> {
        let pending = self.pending?;
        self.answer(pending)
    }

    fn answer(&mut self, pending: Time) -> Option<Time> {
        self.pending = None;
        self.answered = pending;
        Some(pending)
    }

    /// See [`score_engine::Processor::earliest_pending`].
    pub(crate) fn pending(&self) -> Option<Time> {
        self.pending
    }

    /// What the node wants next: to be called once what is pending can be answered.
    pub(crate) fn flow(&self) -> Flow {
        match self.pending {
            Some(pending) => Flow::WakeAt(pending + Time::from_nanos(1)),
            None => Flow::Continue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_one_time_is_answered_once_and_never_with_an_earlier_one() {
        let at = Time::from_nanos;
        let mut together = Together::default();
        assert_eq!(together.before(at(0)), None);
        together.take(at(0));
        assert_eq!(together.before(at(0)), None);
        together.take(at(0));
        assert_eq!(together.before(at(5)), Some(at(0)));
        together.take(at(5));
        assert_eq!(together.flow(), Flow::WakeAt(at(6)));
        assert_eq!(together.rest(), Some(at(5)));
        assert_eq!(together.rest(), None);
        assert_eq!(together.flow(), Flow::Continue);
        // Late, as only a live wire is.
        assert_eq!(together.before(at(2)), None);
        together.take(at(2));
        assert_eq!(together.pending(), Some(at(5)));
    }
}
