//! Sees pictures of any size, one at a time.

use score_engine::{Frame, NodeError};

use super::listed::ListedEncoder;
use super::shrink::average_into;
use crate::model::Manifest;

/// Sees pictures: their codes, one at a time.
pub(crate) struct Seer {
    encoder: ListedEncoder,
    /// The pixels of the picture that was seen last, kept for their memory.
    pixels: Vec<u8>,
}

impl Seer {
    /// Opens the encoder of the picture model called `name`.
    ///
    /// # Errors
    /// There is no such model, or it cannot be loaded.
    pub(crate) fn open(manifest: &Manifest, name: &str) -> Result<Self, NodeError> {
        Ok(Seer {
            encoder: ListedEncoder::open(manifest, name)?,
            pixels: Vec::new(),
        })
    }

    /// The code of a picture of any size.
    ///
    /// # Errors
    /// The model fails.
    pub(crate) fn see(&mut self, frame: &Frame) -> Result<Vec<f32>, NodeError> {
        self.pixels.clear();
        average_into(frame, self.encoder.picture(), &mut self.pixels);
        let code = self.encoder.encode(&self.pixels, 1)?;
        let is_whole = code.len() == self.encoder.dimension();
        if !is_whole || !code.iter().all(|component| component.is_finite()) {
            return Err(NodeError::model(
                "the encoder gave something that is not a latent of its dimension",
            ));
        }
        Ok(code)
    }
}

#[cfg(test)]
#[cfg(feature = "onnx")]
mod tests {
    use super::*;
    use crate::testing::settings;

    #[test]
    fn a_picture_has_the_code_of_what_it_shows_whatever_its_size() {
        let manifest = Manifest::of(&settings()).unwrap();
        let mut seer = Seer::open(&manifest, "eye").unwrap();
        let mut code = |colour: [u8; 3], (width, height): (u32, u32)| {
            let pixels = colour.repeat((width * height) as usize);
            let frame = Frame::rgb(width, height, pixels).unwrap();
            seer.see(&frame).unwrap()
        };
        let (warm, cold) = ([220, 140, 60], [20, 40, 120]);
        let wanted = code(warm, (64, 64));
        for size in [(13, 200), (320, 180), (1, 1)] {
            assert_eq!(code(warm, size), wanted, "{size:?}");
        }
        assert_ne!(code(cold, (64, 64)), wanted);
    }
}
