//! The model of two clocks: a code for each bar, and what is asked at each sixteenth, to music that
//! goes on and on.

mod asking;
mod guiding;
mod live_player;
mod model;
mod offline_player;
mod own_theme;
mod player;
mod recall;
mod stream_decoder;
#[cfg(test)]
mod tests;

pub use model::{Asked, Setting, Strand, Stream, Under};
pub(super) use stream_decoder::StreamDecoder;
