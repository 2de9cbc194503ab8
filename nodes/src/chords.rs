//! Which chord sounds, in which key, and what comes next: one packet on a wire.

use score_engine::{Key, NodeError, Packet};
use serde::{Deserialize, Serialize};

use crate::custom::travels;
use crate::music::Chord;

/// The chord from the packet's time on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chords {
    /// The key that the music is in.
    pub key: Key,
    /// The chord that sounds; `None`: none does.
    pub chord: Option<Chord>,
    /// Whether it is struck now: it is another one than before, or begins a phrase.
    pub fresh: bool,
    /// The chord after it, and in how many sixteenths from the packet's time it comes; `None`
    /// where that is not known.
    pub next: Option<(Chord, u32)>,
    /// In how many sixteenths the phrase closes, where that is known: its last note begins then.
    pub close: Option<u32>,
    /// Whether the piece closes there, not only a phrase.
    pub last: bool,
}

travels!(Chords, "Chords");

impl Chords {
    /// The name of the type of a port that they travel through.
    pub const PORT: &'static str = Self::TYPE;

    /// Those in `packet`.
    ///
    /// # Errors
    /// There is something else in it, which a checked patch rules out.
    pub fn of(packet: &Packet) -> Result<Self, NodeError> {
        packet.custom().copied()
    }

    /// The same, `later` sixteenths on.
    pub(crate) fn after(mut self, later: u32) -> Self {
        self.fresh &= later == 0;
        self.next = self
            .next
            .and_then(|(chord, ahead)| Some((chord, ahead.checked_sub(later)?)));
        self.close = self.close.and_then(|close| close.checked_sub(later));
        self
    }
}
