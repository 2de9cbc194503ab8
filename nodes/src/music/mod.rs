//! Music from codes: the decoder node, the melody model itself, and its melodies in files.

mod explore;
mod melody;
mod music_decoder;
pub mod sheet;
mod stepping;
mod tokens;
mod voice;

use score_engine::Registry;

pub use explore::{interpolate, sample};
pub use melody::{Melody, slerp};
pub use tokens::{MelodyNote, notes, tokens};

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<music_decoder::MusicDecoder>();
}
