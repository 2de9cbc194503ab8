//! The beat of a file of notes, which may begin while a run plays.

use std::sync::Arc;

use score_engine::{Build, LiveClock, Time, Transport};

/// The run's beat, in the time of a file that begins at some time of the run.
#[derive(Clone)]
pub(crate) struct FileBeat {
    /// The run's latest transport.
    run: Transport,
    /// The same in the file's time.
    own: Transport,
    /// The run's time at which the file begins, once it is known.
    begins: Option<Time>,
    clock: Option<Arc<LiveClock>>,
}

impl FileBeat {
    /// That of a file which has the run's own time.
    pub(crate) fn of_run(build: &Build<'_>) -> Self {
        FileBeat {
            run: build.transport.clone(),
            own: build.transport.clone(),
            begins: Some(Time::ZERO),
            clock: build.clock.cloned(),
        }
    }

    /// That of a file which begins with its node, and its beat with it.
    pub(crate) fn of_node(build: &Build<'_>) -> Self {
        if build.with_run {
            return Self::of_run(build);
        }
        FileBeat {
            own: from_zero(build.transport),
            begins: None,
            ..Self::of_run(build)
        }
    }

    /// The transport in the file's time.
    pub(crate) fn transport(&self) -> &Transport {
        &self.own
    }

    /// The run's time at which the file begins: `now`, if that is not known yet.
    pub(crate) fn begin(&mut self, now: Time) -> Time {
        *self.begins.get_or_insert(now)
    }

    /// The file's time at a time of the run; before the file begins it is negative.
    pub(crate) fn time(&self, run: Time) -> Time {
        run - self.begins.unwrap_or(run)
    }

    /// Goes over to another transport of the run. Returns from when on, in the file's time; `None`:
    /// it is the same.
    pub(crate) fn go_over(&mut self, transport: &Transport) -> Option<Time> {
        if *transport == self.run {
            return None;
        }
        let moved = transport.anchor != self.run.anchor;
        let clock = self.clock.as_ref().filter(|_| !moved);
        let since = clock.map_or(transport.anchor.0, |clock| clock.now());
        let since = self.time(since).max(Time::ZERO);
        let anchor = match moved {
            // The file may have a beat of its own, which goes on.
            true => (since, self.own.clock_position(since)),
            false => self.own.anchor,
        };
        self.run = transport.clone();
        self.own = Transport {
            anchor,
            ..transport.clone()
        };
        Some(since)
    }

    /// Begins again for a file that begins at `now`.
    pub(crate) fn restart(&mut self, now: Time) {
        self.begins = Some(now);
        self.own = from_zero(&self.run);
    }
}

/// The transport of a file whose beat begins with it.
fn from_zero(run: &Transport) -> Transport {
    Transport {
        anchor: (Time::ZERO, 0.0),
        ..run.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_begins_later_has_a_beat_of_its_own_that_follows_the_runs_tempo() {
        let at = Time::from_seconds;
        let run = Transport::default();
        let mut beat = FileBeat {
            own: from_zero(&run),
            run: run.clone(),
            begins: Some(at(10.0)),
            clock: None,
        };
        assert_eq!(beat.time(at(11.0)), at(1.0));
        let slow = Transport {
            tempo: 60.0,
            ..run.clone()
        };
        // After two seconds of the file, in which four quarter notes have passed.
        let slow = run.going_over_to(&slow, at(12.0));
        assert_eq!(beat.go_over(&slow), Some(at(2.0)));
        assert_eq!(beat.go_over(&slow), None);
        assert_eq!(beat.transport().clock_position(at(3.0)), 5.0);
        beat.restart(at(20.0));
        assert_eq!(beat.time(at(21.0)), at(1.0));
        assert_eq!(beat.transport().clock_position(at(1.0)), 1.0);
    }
}
