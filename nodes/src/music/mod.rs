//! Music from codes: the decoder node, the melody model itself, and its melodies in files.

mod decoding;
mod drums;
mod explore;
mod melody;
mod music_decoder;
mod scale;
mod scale_walk;
pub mod sheet;
mod stepping;
mod tokens;
mod voice;

use score_engine::Registry;

pub use explore::{interpolate, sample};
pub use melody::Melody;
pub use tokens::{MelodyNote, notes, tokens};

pub(crate) fn register(registry: &mut Registry) {
    registry.add::<music_decoder::MusicDecoder>();
    registry.add::<scale_walk::ScaleWalk>();
}

/// The layout of the melody model that ships, for tests.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) const LAYOUT: crate::model::Music = crate::model::Music {
    steps: 32,
    steps_per_bar: 16,
    tokens: 90,
    lowest_pitch: 21,
    start_token: 90,
    drums: false,
};
