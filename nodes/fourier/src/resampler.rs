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

#[cfg(test)]
mod tests {
    use super::*;

    /// `samples` on both sides through a resampler, in stretches of 700 frames; the left side comes
    /// back.
    fn resample(from: u32, to: u32, samples: &[f32]) -> Vec<f32> {
        let mut resampler = Resampler::new(from, to).unwrap().unwrap();
        let mut ready = Vec::new();
        for stretch in samples.chunks(700) {
            let stereo: Vec<f32> = stretch.iter().flat_map(|sample| [*sample; 2]).collect();
            resampler.push(&stereo, &mut ready).unwrap();
        }
        resampler.finish(&mut ready).unwrap();
        ready.iter().step_by(2).copied().collect()
    }

    #[test]
    fn the_length_is_exact_for_any_length_and_any_two_rates() {
        for (from, to) in [
            (44_100, 48_000),
            (96_000, 48_000),
            (8_000, 44_100),
            (44_101, 48_000),
        ] {
            for frames in [0, 1, 699, 1_029, 20_000] {
                let expected = (f64::from(to) * frames as f64 / f64::from(from)).round() as usize;
                assert_eq!(
                    resample(from, to, &vec![0.1; frames]).len(),
                    expected,
                    "{from} {to}"
                );
            }
        }
    }

    #[test]
    fn a_click_stays_at_its_time() {
        for (from, to) in [(44_100, 48_000), (96_000, 48_000), (22_050, 48_000)] {
            let mut samples = vec![0.0; 20_000];
            samples[10_000] = 1.0;
            let resampled = resample(from, to, &samples);
            let peak = (0..resampled.len())
                .max_by(|a, b| resampled[*a].total_cmp(&resampled[*b]))
                .unwrap();
            let expected = (10_000.0 * f64::from(to) / f64::from(from)).round() as usize;
            assert!(
                peak.abs_diff(expected) <= 1,
                "{from} to {to}: {peak} for {expected}"
            );
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_filtered_away() {
        let turn = std::f64::consts::TAU * 30_000.0 / 96_000.0;
        let samples: Vec<f32> = (0..96_000)
            .map(|n| (turn * f64::from(n)).sin() as f32)
            .collect();
        let resampled = resample(96_000, 48_000, &samples);
        let loudest = resampled[2_000..46_000]
            .iter()
            .fold(0.0f32, |peak, s| peak.max(s.abs()));
        assert!(loudest < 1e-4, "{loudest}");
    }
}
