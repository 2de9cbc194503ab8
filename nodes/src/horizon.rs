//! Up to where a node knows what comes, in a render and live.

use score_engine::{Build, Io, Time, Watermark};

/// Live, a note leaves this long before its time, in seconds: a hop along a wire later it is still
/// in time for the block of sound in which it begins.
const AHEAD: f64 = 0.008;

/// Up to where what is planned may be sent, and from when on something unplanned may still be.
#[derive(Debug)]
pub(crate) struct Horizon {
    /// Whether all that comes in is known sooner or later, as in a render.
    ends: bool,
    /// Up to where everything was known at the end of the last call.
    known: Time,
}

impl Horizon {
    pub(crate) fn new(build: &Build<'_>) -> Self {
        Horizon {
            ends: build.ends,
            known: Time::ZERO,
        }
    }

    /// How long before its time something leaves.
    pub(crate) fn ahead(&self) -> Time {
        match self.ends {
            true => Time::ZERO,
            false => Time::from_seconds(AHEAD),
        }
    }

    /// What is planned up to this time leaves now; `None` once nothing more comes in, when
    /// `finish` knows the end that is meant. To be asked after everything that is due was taken.
    pub(crate) fn reach(&mut self, io: &Io<'_>) -> Option<Time> {
        match io.reached() {
            Watermark::At(known) => {
                self.known = known;
                Some(known + self.ahead())
            }
            Watermark::End => None,
        }
    }

    /// The time of what has just changed in the node itself, such as a parameter: in a render up to
    /// where the last call knew everything, since the value came then; live by the clock.
    pub(crate) fn changed_at(&self, io: &Io<'_>) -> Time {
        match self.ends {
            true => self.known,
            false => io.now(),
        }
    }

    /// Up to where everything was known at the end of the last call: in a render, what changes
    /// before the next one changes then.
    pub(crate) fn known(&self) -> Time {
        self.known
    }

    /// When the inputs ended, and nothing before what was known already.
    pub(crate) fn end(&self, io: &Io<'_>) -> Time {
        let end = io.end().unwrap_or(Time::ZERO);
        match self.ends {
            true => end.max(self.known),
            false => end,
        }
    }

    /// Whether this is a run without an end.
    pub(crate) fn is_open(&self) -> bool {
        !self.ends
    }
}
