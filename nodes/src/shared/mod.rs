//! What `score-evaluation` takes of the nodes beside their public modules: no part of the library's
//! promises.

pub mod key;
pub mod rank;

pub use crate::chords::Chords;

/// MIDI files as they are found.
pub mod midi {
    pub use crate::midi::reading::content;
    pub use crate::midi::smf::{Division, File, Flaws, Item, Track};
    pub use crate::midi::strokes::{Place, Stroke, strokes};
}
