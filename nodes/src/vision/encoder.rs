//! Encoders, which turn a batch of pictures into codes.

use score_engine::NodeError;

use crate::model::Picture;
use crate::seeing::ListedEncoder;

/// Turns a batch of pictures into codes.
pub(super) trait Encoder: Send {
    /// The size of picture that it takes.
    fn picture(&self) -> Picture;

    /// The codes of `count` pictures, one after another; `pixels` are RGB bytes, row by row.
    ///
    /// # Errors
    /// The model fails.
    fn encode(&mut self, pixels: &[u8], count: usize) -> Result<Vec<f32>, NodeError>;
}

impl Encoder for ListedEncoder {
    fn picture(&self) -> Picture {
        ListedEncoder::picture(self)
    }

    fn encode(&mut self, pixels: &[u8], count: usize) -> Result<Vec<f32>, NodeError> {
        ListedEncoder::encode(self, pixels, count)
    }
}
