//! Music from codes: the decoder nodes, their models, melodies in files, and a plan for the bars to
//! come.

mod accompaniment;
mod arrangement;
mod drum_decoder;
mod drum_fill;
mod drums;
mod encoder;
mod explore;
mod figure;
mod fill;
mod fitting;
mod grid;
mod harmony;
mod kit;
mod live_decoder;
mod melody;
mod music_decoder;
mod music_encoder;
mod music_model;
mod notation;
mod offline_decoder;
mod pacing;
mod pitch_range;
mod planner;
mod player;
mod pulse;
mod remembered;
mod scale_walk;
mod shape;
pub mod sheet;
mod stream;
mod theme;
mod thin_out;
pub mod tiles;
mod tokens;
mod touch;
mod tune_encoder;
mod tune_model;
mod voice;

use score_engine::Registry;

pub use explore::{interpolate, sample};
pub use harmony::{Chord, ChordModel, Family, Moods, NO_CHORD, NotAChord, START, TOKENS};
pub use melody::Melody;
pub use music_encoder::{ReadBars, read_bars, reads_notes};
pub use music_model::{KeyAndChords, MusicModel};
pub use notation::has_lilypond;
pub use planner::{Forecast, Likely};
pub use stream::{Asked, Setting, Strand, Stream, Under};
pub use tokens::{MelodyNote, notes, tokens};
pub use tune_model::{TuneModel, Tunes};

pub(crate) fn register(registry: &mut Registry) {
    #[cfg(feature = "onnx")]
    registry.add::<accompaniment::Accompaniment>();
    #[cfg(feature = "onnx")]
    registry.add::<accompaniment::BassLine>();
    registry.add::<accompaniment::ChordPad>();
    registry.add::<arrangement::Arrangement>();
    #[cfg(feature = "onnx")]
    registry.add::<drum_decoder::DrumDecoder>();
    registry.add::<drum_fill::DrumFill>();
    registry.add::<harmony::ChordTrack>();
    registry.add::<harmony::ChordsIn>();
    #[cfg(feature = "onnx")]
    registry.add::<harmony::Harmony>();
    #[cfg(feature = "onnx")]
    registry.add::<music_decoder::MusicDecoder>();
    #[cfg(feature = "onnx")]
    registry.add::<music_encoder::MusicEncoder>();
    registry.add::<notation::SheetMusic>();
    #[cfg(feature = "onnx")]
    registry.add::<planner::Planner>();
    #[cfg(feature = "onnx")]
    registry.add::<stream::StreamDecoder>();
    registry.add::<scale_walk::ScaleWalk>();
    registry.add::<thin_out::ThinOut>();
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
