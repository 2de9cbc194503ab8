//! Which clock of another program or machine a live run follows.

use crate::time::Time;

/// The clocks that a live run can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, score_derive::NodeChoice)]
pub enum FollowedClock {
    /// MIDI clock: tempo and position in beats.
    MidiClock,
    /// MIDI timecode: position in seconds; the tempo is the patch's.
    Timecode,
    /// The transport of JACK's server.
    Jack,
    /// Somebody who taps the beat on a MIDI key, pad or pedal.
    Tap,
    /// The transport of a DAW, through a plug-in in it.
    Daw,
}

impl FollowedClock {
    /// Whether it comes through a MIDI port.
    pub fn has_port(self) -> bool {
        !matches!(self, FollowedClock::Jack | FollowedClock::Daw)
    }

    /// What becomes of the music where the patch does not say it. Timecode has no message that says
    /// stop: it just ends.
    pub fn when_lost(self) -> WhenLost {
        match self {
            FollowedClock::Timecode => WhenLost::Stop,
            _ => WhenLost::PlayOn,
        }
    }
}

/// What becomes of the music when nothing comes from the clock, and before anything has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, score_derive::NodeChoice)]
pub enum WhenLost {
    /// It plays on at the last tempo.
    PlayOn,
    /// It stops until the clock is back.
    Stop,
}

/// A clock that a live run follows, as the patch says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Follow {
    /// The kind of clock.
    pub clock: FollowedClock,
    /// The MIDI port through which it comes; empty where it needs none.
    pub port: String,
    /// What becomes of the music when nothing comes from it.
    pub when_lost: WhenLost,
    /// How much later than the clock the music is heard.
    pub offset: Time,
    /// The timecode at which the first bar begins: hours, minutes, seconds, frames.
    pub timecode_start: [u8; 4],
    /// The only MIDI note or controller that taps; `None`: all do.
    pub tap_number: Option<u8>,
}
