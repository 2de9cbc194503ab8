//! Chords: what they are, where they come from, and who follows them.

mod chord;
mod chord_model;
mod chords_in;
mod composing;
mod following;
mod form;
mod harmony_node;
mod progression;
mod steps;
#[cfg(test)]
mod tests;
mod unfolding;

pub use chord::{Chord, Family, NO_CHORD, NotAChord, START, TOKENS};
pub use chord_model::{ChordModel, Moods};
pub(super) use chords_in::ChordsIn;
pub(super) use following::Following;
pub(super) use harmony_node::Harmony;
pub(crate) use steps::Steps;
