//! What is played under a melody: textures of a piano, a bass line, and chords that only hold.

mod accompaniment_node;
mod bass_line;
mod chord_pad;
mod drawing;
mod padding;
mod player;
mod slots;
mod sounding;
#[cfg(test)]
mod tests;
mod texture;
mod texture_pieces;
mod weaving;

pub(super) use accompaniment_node::Accompaniment;
pub(super) use bass_line::BassLine;
pub(super) use chord_pad::ChordPad;
pub(super) use texture_pieces::TexturePieces;
