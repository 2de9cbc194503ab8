//! Changes the sample rate of stereo sound, block by block.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};
use score_node::NodeError;

/// Frames that are transformed at once, about: longer cuts closer to the highest frequency that
/// both rates hold.
const CHUNK: usize = 1024;

/// A resampler with the Fourier transform, and what it has not yet given.
pub struct Resampler {
    fft: Fft<f32>,
    from: u32,
    to: u32,
    pending: Vec<f32>,
    /// Samples still to be left out at the start, where the filter only fills.
    skip: usize,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// From rate `from` to rate `to`, both in Hz; `None` where they are equal.
    ///
    /// # Errors
    /// A rate is 0.
    pub fn new(from: u32, to: u32) -> Result<Option<Self>, NodeError> {
        if from == to {
            return Ok(None);
        }
        let window = WindowFunction::BlackmanHarris2;
        let (input, output) = (from as usize, to as usize);
        let fft = Fft::new_custom(input, output, CHUNK, 1, 2, window, FixedSync::Both)
            .map_err(|error| NodeError::internal(format!("no resampler can be made ({error})")))?;
        Ok(Some(Resampler {
            skip: fft.output_delay() * 2,
            fft,
            from,
            to,
            pending: Vec::new(),
            taken: 0,
            given: 0,
        }))
    }

    /// Takes interleaved stereo `samples` and appends what is ready to `ready`.
    ///
    /// # Errors
    /// None that is known; the library may refuse.
    pub fn push(&mut self, samples: &[f32], ready: &mut Vec<f32>) -> Result<(), NodeError> {
        self.taken += samples.len() as u64 / 2;
        self.pending.extend_from_slice(samples);
        self.work(ready)
    }

    /// Appends what is left: all in all as long as what was taken, to the nearest frame.
    ///
    /// # Errors
    /// As [`Resampler::push`].
    pub fn finish(&mut self, ready: &mut Vec<f32>) -> Result<(), NodeError> {
        let (from, to) = (u128::from(self.from), u128::from(self.to));
        let total = (u128::from(self.taken) * to + from / 2) / from;
        let missing = |given: u64| total.saturating_sub(u128::from(given)) as usize * 2;
        let mut rest = Vec::new();
        let already = self.given;
        while missing(already) > rest.len() {
            let length = self.fft.input_frames_next() * 2;
            self.pending.resize(length, 0.0);
            self.work(&mut rest)?;
        }
        rest.truncate(missing(already));
        ready.append(&mut rest);
        Ok(())
    }

    fn work(&mut self, ready: &mut Vec<f32>) -> Result<(), NodeError> {
        let frames = self.fft.input_frames_next();
        let mut start = 0;
        while let Some(chunk) = self.pending.get(start..start + frames * 2) {
            let refuse = |error: String| NodeError::internal(format!("resampling fails: {error}"));
            let chunk = InterleavedSlice::new(chunk, 2, frames)
                .map_err(|error| refuse(error.to_string()))?;
            let output = self
                .fft
                .process(&chunk, None)
                .map_err(|error| refuse(error.to_string()))?;
            let output = output.take_data();
            let skipped = self.skip.min(output.len());
            self.skip -= skipped;
            self.given += (output.len() - skipped) as u64 / 2;
            ready.extend_from_slice(&output[skipped..]);
            start += frames * 2;
        }
        self.pending.drain(..start);
        Ok(())
    }
}
