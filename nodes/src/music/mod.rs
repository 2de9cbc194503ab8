//! Music from codes: the decoder node, and the melody model itself.

mod melody;
mod music_decoder;
mod tokens;

use score_engine::Registry;

pub use melody::{Melody, slerp};
pub use tokens::{MelodyNote, notes, tokens};

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<music_decoder::MusicDecoder>();
}
