//! The model of two clocks: a code for each bar, and what is asked at each sixteenth, to music that
//! goes on and on.

mod asking;
mod guiding;
mod model;
mod own_theme;
mod player;
mod recall;
mod offline_player;
mod stream_decoder;
mod live_player;
#[cfg(test)]
mod tests;

pub use model::{Asked, Setting, Strand, Stream, Under};
pub(super) use stream_decoder::StreamDecoder;
