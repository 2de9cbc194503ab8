//! Chords: what they are, where they come from, and who follows them.

mod chord;
mod chord_model;
mod chord_pieces;
mod chord_track;
mod chords_in;
mod chords_under;
mod following;
mod form;
mod harmony_node;
mod heard_chords;
mod lead_sheet;
mod live_harmony;
mod offline_harmony;
mod played_chords;
mod progression;
mod recognising;
mod steps;
#[cfg(test)]
mod tests;
mod theme_chords;

pub use chord::{Chord, Family, NO_CHORD, NotAChord, START, TOKENS};
pub use chord_model::{ChordModel, Moods};
pub(super) use chord_pieces::ChordPieces;
pub(super) use chord_track::ChordTrack;
pub(super) use chords_in::{ChordsIn, fitting};
pub(super) use chords_under::ChordsUnder;
pub(super) use following::Following;
pub(super) use harmony_node::Harmony;
pub(super) use heard_chords::{chords_of, key_of, no_chords};
pub(super) use lead_sheet::symbol;
pub(crate) use steps::Steps;
