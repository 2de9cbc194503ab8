//! When nodes send that send by themselves: sources that go by a grid, and what moves on between
//! two packets. A render and a live run send the same.

use score_engine::{Io, Length, Time, Transport, Watermark};

/// How far a live source may be behind before it leaves out what it has missed.
const LATE: Time = Time::from_nanos(500_000_000);

/// A source that is there so soon after the run began begins with it.
const BEGINNING: Time = Time::from_nanos(100_000_000);

/// When a source begins that is there at `now`: with the run, in a render or soon after its
/// beginning, else at once.
pub(crate) fn begins(ends: bool, now: Time) -> Time {
    match ends || now < BEGINNING {
        true => Time::ZERO,
        false => now,
    }
}

/// Times in equal steps, on the transport's grid or by the clock, counted from the start of the
/// run.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    /// Between two times.
    step: Length,
    /// From the start to the first.
    offset: Length,
    transport: Transport,
}

impl Grid {
    pub(crate) fn new(step: Length, offset: Length, transport: &Transport) -> Self {
        Grid {
            step,
            offset,
            transport: transport.clone(),
        }
    }

    /// So many times a second.
    pub(crate) fn of_rate(rate: f64, transport: &Transport) -> Self {
        Self::new(Length::Seconds(1.0 / rate), Length::Seconds(0.0), transport)
    }

    /// The time with this number.
    fn time(&self, number: f64) -> Time {
        let offset = |in_beats: bool| match (self.offset, in_beats) {
            (Length::Beats(beats), true) => beats,
            (Length::Seconds(seconds), false) => seconds,
            (Length::Beats(beats), false) => self.transport.beats(beats).seconds(),
            (Length::Seconds(seconds), true) => seconds * self.transport.tempo / 60.0,
        };
        match self.step {
            Length::Beats(beats) => self.transport.time_at(number * beats + offset(true)),
            Length::Seconds(seconds) => Time::from_seconds(number * seconds + offset(false)),
        }
    }

    /// The first of the times that is no earlier than `from`.
    pub(crate) fn first(&self, from: Time) -> Time {
        let from = from.max(Time::ZERO);
        let steps = match self.step {
            Length::Beats(beats) => self.transport.position(from) / beats,
            Length::Seconds(seconds) => from.seconds() / seconds,
        };
        let first = self.time(0.0);
        let offset = match self.step {
            Length::Beats(beats) => self.transport.position(first) / beats,
            Length::Seconds(seconds) => first.seconds() / seconds,
        };
        // By rounding it may be one more or less.
        let number = (steps - offset).floor() - 1.0;
        let times = (0..8).map(|more| self.time(number + f64::from(more)));
        let mut times = times.filter(|time| *time >= from);
        times.next().unwrap_or(Time::MAX)
    }
}

/// What a source does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send what this time brings.
    Send(Time),
    /// Wait for this time.
    Wait(Time),
    /// It has come to its end.
    End(Time),
}

/// Where a source stands on its grid.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// Whether the run ends by itself: what is due is sent as fast as it is taken.
    ends: bool,
    /// From when on nothing was sent yet; `None`: it has not begun.
    from: Option<Time>,
}

impl Course {
    pub(crate) fn new(ends: bool) -> Self {
        Course { ends, from: None }
    }

    /// Goes on to what comes next; `end` is when the source ends in a render.
    pub(crate) fn next(&mut self, io: &Io<'_>, grid: &Grid, end: Option<Time>) -> Next {
        self.next_at(io.now(), grid, end)
    }

    fn next_at(&mut self, now: Time, grid: &Grid, end: Option<Time>) -> Next {
        const JUST_AFTER: Time = Time::from_nanos(1);
        let start = if self.ends { Time::ZERO } else { now };
        let mut next = grid.first(*self.from.get_or_insert(start));
        if !self.ends && next + LATE < now {
            self.from = Some(now);
            next = grid.first(now);
        }
        match end {
            Some(end) if self.ends && next >= end => Next::End(end),
            _ if !self.ends && next > now => Next::Wait(next),
            _ => {
                self.from = Some(next + JUST_AFTER);
                Next::Send(next)
            }
        }
    }
}

/// Whether a node with inputs may do now what it has put off until `time`. In a render what comes
/// in at that very time is seen first, as it is live.
pub(crate) fn has_passed(io: &Io<'_>, ends: bool, time: Time) -> bool {
    match io.reached() {
        Watermark::At(reached) if ends => time < reached,
        Watermark::At(reached) => time <= reached,
        // What is left is sent at the end, which `finish` knows.
        Watermark::End => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn times(grid: &Grid, from: f64) -> Vec<f64> {
        let mut time = at(from);
        let mut times = Vec::new();
        for _ in 0..3 {
            time = grid.first(time);
            times.push(time.seconds());
            time = time + Time::from_nanos(1);
        }
        times
    }

    #[test]
    fn a_grid_counts_from_the_start_of_the_run() {
        let transport = Transport::default();
        let grid = |step, offset| Grid::new(step, offset, &transport);
        let beats = grid(Length::Beats(1.0), Length::Beats(0.5));
        assert_eq!(times(&beats, 0.0), [0.25, 0.75, 1.25]);
        assert_eq!(times(&beats, 0.75), [0.75, 1.25, 1.75]);
        let late = grid(Length::Seconds(0.5), Length::Seconds(1.2));
        assert_eq!(times(&late, 0.0), [0.2, 0.7, 1.2]);
        let mixed = grid(Length::Beats(2.0), Length::Seconds(0.25));
        assert_eq!(times(&mixed, 3.0), [3.25, 4.25, 5.25]);
        let thirds = Grid::of_rate(3.0, &transport);
        let far = thirds.first(at(1e6));
        assert_eq!(far, at(1e6));
        assert!(thirds.first(far + Time::from_nanos(1)) > far);
    }

    #[test]
    fn a_source_begins_with_the_run_unless_it_comes_later() {
        assert_eq!(begins(false, at(0.09)), Time::ZERO);
        assert_eq!(begins(false, at(0.11)), at(0.11));
        assert_eq!(begins(true, at(9.0)), Time::ZERO);
    }

    #[test]
    fn a_live_source_waits_for_its_time_and_leaves_out_what_it_has_missed() {
        let grid = Grid::of_rate(10.0, &Transport::default());
        let mut course = Course::new(false);
        assert_eq!(course.next_at(at(5.05), &grid, None), Next::Wait(at(5.1)));
        assert_eq!(course.next_at(at(5.103), &grid, None), Next::Send(at(5.1)));
        assert_eq!(course.next_at(at(5.35), &grid, None), Next::Send(at(5.2)));
        assert_eq!(course.next_at(at(9.05), &grid, None), Next::Wait(at(9.1)));
    }

    #[test]
    fn a_source_in_a_render_sends_at_once_and_ends_when_it_should() {
        let grid = Grid::of_rate(2.0, &Transport::default());
        let mut course = Course::new(true);
        let sent = [0.0, 0.5].map(|seconds| Next::Send(at(seconds)));
        let next = [(); 2].map(|()| course.next_at(Time::ZERO, &grid, Some(at(1.0))));
        assert_eq!(next, sent);
        assert_eq!(
            course.next_at(Time::ZERO, &grid, Some(at(1.0))),
            Next::End(at(1.0))
        );
    }
}
