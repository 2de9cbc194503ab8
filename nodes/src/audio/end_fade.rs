//! Lets the sound of a render fade before its end, where it would be cut off at full level: that
//! clicks.

use std::collections::VecDeque;

use score_engine::{Build, Time};

/// How long the sound fades, in seconds. By the third power of what is left, so that the last 50 ms
/// lie 65 dB lower.
const LENGTH: f64 = 0.6;

/// Sound whose last 50 ms stay below this, −50 dBFS, has ended by itself and is left as it is.
pub(crate) const SILENT: f32 = 0.003_16;
pub(crate) const LAST: f64 = 0.05;

/// How the end of a sound of known length fades.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve {
    /// Frames of the sound, and of the fade.
    total: u64,
    length: f32,
}

impl Curve {
    /// Of a sound of `total` frames at `rate` frames a second; of a short one the last half fades.
    pub(crate) fn of(total: u64, rate: u32) -> Self {
        let length = (LENGTH * f64::from(rate)) as u64;
        Curve {
            total,
            length: length.min(total / 2).max(1) as f32,
        }
    }

    /// Turns the frame at `index` down as far as its place asks.
    pub(crate) fn scale(&self, index: u64, frame: &mut [f32]) {
        let left = self.total.saturating_sub(1 + index) as f32 / self.length;
        if left < 1.0 {
            frame.iter_mut().for_each(|sample| *sample *= left.powi(3));
        }
    }
}

/// The latest blocks of a stereo sound, held back until it is known whether the sound ends with
/// them.
pub(crate) struct EndFade {
    rate: u32,
    /// Frames that are held back: none where the run has no end.
    length: usize,
    held: VecDeque<(Time, Vec<f32>)>,
    /// Frames held back.
    frames: usize,
}

impl EndFade {
    /// For the sound of a run. Where it has no end, all passes at once.
    pub(crate) fn new(build: &Build<'_>) -> Self {
        Self::at(build.transport.sample_rate, build.ends)
    }

    fn at(rate: u32, ends: bool) -> Self {
        EndFade {
            rate,
            length: if ends { count(LENGTH, rate) } else { 0 },
            held: VecDeque::new(),
            frames: 0,
        }
    }

    /// Takes a block of left and right in turn, and gives those that are far enough from it to be
    /// no part of the end.
    pub(crate) fn pass(&mut self, time: Time, samples: Vec<f32>) -> Vec<(Time, Vec<f32>)> {
        self.frames += samples.len() / 2;
        self.held.push_back((time, samples));
        let mut free = Vec::new();
        while let Some(first) = self.held.front()
            && self.frames - first.1.len() / 2 >= self.length
        {
            self.frames -= first.1.len() / 2;
            free.extend(self.held.pop_front());
        }
        free
    }

    /// The sound has ended: gives the blocks that were held back.
    pub(crate) fn finish(&mut self) -> Vec<(Time, Vec<f32>)> {
        let mut blocks: Vec<(Time, Vec<f32>)> = self.held.drain(..).collect();
        let total = std::mem::take(&mut self.frames);
        let last = total.min(count(LAST, self.rate));
        let peak = blocks
            .iter()
            .flat_map(|(_, samples)| samples)
            .skip((total - last) * 2)
            .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        if peak < SILENT {
            return blocks;
        }
        let curve = Curve::of(total as u64, self.rate);
        let frames = blocks
            .iter_mut()
            .flat_map(|(_, samples)| samples.chunks_exact_mut(2));
        for (index, frame) in frames.enumerate() {
            curve.scale(index as u64, frame);
        }
        blocks
    }

    /// When the earliest block begins that is held back.
    pub(crate) fn earliest(&self) -> Option<Time> {
        self.held.front().map(|(time, _)| *time)
    }
}

fn count(seconds: f64, rate: u32) -> usize {
    (seconds * f64::from(rate)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes of `frames` frames that `sound` makes, in blocks of 256.
    fn pass(frames: usize, sound: impl Fn(usize) -> f32) -> Vec<f32> {
        let mut fade = EndFade::at(48_000, true);
        let mut passed = Vec::new();
        for start in (0..frames).step_by(256) {
            let block = (start..(start + 256).min(frames)).flat_map(|n| [sound(n); 2]);
            let time = Time::from_samples(start as u64, 48_000);
            passed.extend(fade.pass(time, block.collect()));
            assert!(fade.earliest() <= Some(time));
        }
        passed.extend(fade.finish());
        let times = passed.windows(2).all(|pair| pair[0].0 < pair[1].0);
        assert!(times && fade.earliest().is_none());
        passed
            .into_iter()
            .flat_map(|(_, samples)| samples)
            .collect()
    }

    #[test]
    fn sound_that_would_be_cut_off_fades_and_lasts_as_long() {
        for frames in [48_000, 20_000, 3_000] {
            let sound = |n: usize| (n as f32 * 0.05).sin();
            let passed = pass(frames, sound);
            assert_eq!(passed.len(), frames * 2);
            assert_eq!(passed[..frames / 2], pass(frames * 2, sound)[..frames / 2]);
            let end = &passed[passed.len() - 2_400.min(frames / 12)..];
            assert!(end.iter().all(|sample| sample.abs() < SILENT), "{frames}");
            let steps = passed.windows(3).map(|three| (three[2] - three[0]).abs());
            assert!(steps.fold(0.0, f32::max) < 0.06);
        }
    }

    #[test]
    fn sound_that_has_ended_by_itself_passes_bit_by_bit() {
        let sound = |n: usize| {
            if n < 40_000 {
                (n as f32 * 0.05).sin()
            } else {
                0.001
            }
        };
        let whole: Vec<f32> = (0..48_000).flat_map(|n| [sound(n); 2]).collect();
        assert_eq!(pass(48_000, sound), whole);
    }

    #[test]
    fn where_the_run_has_no_end_every_block_passes_at_once() {
        let mut fade = EndFade::at(48_000, false);
        let block = (Time::ZERO, vec![1.0; 512]);
        assert_eq!(fade.pass(block.0, block.1.clone()), [block]);
        assert!(fade.earliest().is_none() && fade.finish().is_empty());
    }
}
