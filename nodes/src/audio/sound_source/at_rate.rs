//! A file's sound at a wanted rate, any number of frames at a time.

use score_engine::NodeError;
use score_fourier::Resampler;

use super::SoundSource;

/// Sound being read from a file, resampled where it has another rate.
pub(crate) struct SoundAtRate {
    /// `None` after its end.
    source: Option<Box<dyn SoundSource>>,
    resampler: Option<Resampler>,
    /// Decoded and not yet taken, interleaved stereo.
    ready: Vec<f32>,
}

impl SoundAtRate {
    /// The sound of `source` at `rate` frames a second.
    ///
    /// # Errors
    /// One of the rates is impossible.
    pub(crate) fn new(source: Box<dyn SoundSource>, rate: u32) -> Result<Self, NodeError> {
        Ok(SoundAtRate {
            resampler: Resampler::new(source.rate(), rate)?,
            source: Some(source),
            ready: Vec::new(),
        })
    }

    /// The next `frames` frames, interleaved stereo; fewer at the end, and none after it.
    ///
    /// # Errors
    /// The file is damaged or cut off.
    pub(crate) fn take(&mut self, frames: usize) -> Result<Vec<f32>, NodeError> {
        let count = self.waiting(frames)? * 2;
        Ok(self.ready.drain(..count).collect())
    }

    /// How many of the next `frames` frames there are: all but at the end.
    ///
    /// # Errors
    /// The file is damaged or cut off.
    pub(crate) fn waiting(&mut self, frames: usize) -> Result<usize, NodeError> {
        while self.ready.len() < frames * 2 {
            let Some(source) = &mut self.source else {
                break;
            };
            match (source.next()?, &mut self.resampler) {
                (Some(samples), Some(resampler)) => resampler.push(&samples, &mut self.ready)?,
                (Some(mut samples), None) => self.ready.append(&mut samples),
                (None, resampler) => {
                    self.source = None;
                    if let Some(resampler) = resampler {
                        resampler.finish(&mut self.ready)?;
                    }
                }
            }
        }
        Ok((self.ready.len() / 2).min(frames))
    }
}
