//! A sound as one channel, in overlapping stretches on one grid, however long its blocks are.

use score_engine::{AudioBlock, Io, Time, Watermark};

use crate::audio::tame::tame;

/// Sound that has not come for this long has stopped, in seconds.
const STOPPED: f64 = 0.5;

/// The mean of a frame's channels; what is not a number is silence.
pub(super) fn mono(frame: &[f32]) -> f32 {
    let sum: f32 = frame.iter().map(|sample| tame(*sample)).sum();
    sum / frame.len().max(1) as f32
}

/// The latest of a sound, handed out as a window each time that a whole number of hops has passed
/// since the start of the run.
pub(super) struct Hearing {
    rate: u32,
    length: usize,
    hop: u64,
    /// The latest samples: a window's, and those that came after it.
    recent: Vec<f32>,
    /// The frame after the latest sample; `None`: nothing sounds.
    at: Option<u64>,
    /// The first frame of the sound.
    began: u64,
}

impl Hearing {
    /// Windows of `length` samples, one every `hop`.
    pub(super) fn new(rate: u32, length: usize, hop: usize) -> Self {
        Hearing {
            rate: rate.max(1),
            length,
            hop: hop.max(1) as u64,
            recent: Vec::new(),
            at: None,
            began: 0,
        }
    }

    /// Windows of another length from now on; what was heard stays.
    pub(super) fn set_length(&mut self, length: usize) {
        let missing = length.saturating_sub(self.recent.len());
        self.recent.splice(0..0, std::iter::repeat_n(0.0, missing));
        self.length = length;
    }

    /// Hears a block at `time`, and gives `each` window whose end has come with the frame after
    /// it. What came before the sound was silence, and so is a gap in it.
    pub(super) fn hear(
        &mut self,
        time: Time,
        block: &AudioBlock,
        mut each: impl FnMut(u64, &[f32]),
    ) {
        let from = time.to_samples(self.rate);
        let at = self.at.unwrap_or(from);
        let gap = from.saturating_sub(at);
        if self.at.is_none() || gap > self.length as u64 + self.hop {
            self.recent.clear();
            self.recent.resize(self.length, 0.0);
            self.began = from;
            self.at = Some(from);
        } else {
            let silence = std::iter::repeat_n(0.0, gap as usize);
            self.extend(silence, &mut each);
        }
        let channels = usize::from(block.channels.max(1));
        let known = at.saturating_sub(from) as usize;
        let frames = block.samples.chunks_exact(channels).skip(known);
        self.extend(frames.map(mono), &mut each);
    }

    fn extend(&mut self, samples: impl Iterator<Item = f32>, each: &mut impl FnMut(u64, &[f32])) {
        let before = self.recent.len();
        self.recent.extend(samples);
        let start = self.at.unwrap_or(0);
        let end = start + (self.recent.len() - before) as u64;
        let mut window = (start / self.hop + 1) * self.hop;
        while window <= end {
            let last = before + (window - start) as usize;
            if let Some(samples) = last
                .checked_sub(self.length)
                .and_then(|first| self.recent.get(first..last))
            {
                each(window, samples);
            }
            window += self.hop;
        }
        let old = self.recent.len().saturating_sub(self.length);
        self.recent.drain(..old);
        self.at = Some(end);
    }

    /// The first frame of the sound that goes on.
    pub(super) fn began(&self) -> u64 {
        self.began
    }

    /// The frame after the latest sample; `None`: nothing sounds.
    pub(super) fn at(&self) -> Option<u64> {
        self.at
    }

    /// Whether the sound goes on no more, though nobody said that it ends: then all is forgotten.
    /// Returns the frame after its last, once.
    pub(super) fn stops(&mut self, io: &Io<'_>) -> Option<u64> {
        let at = self.at?;
        let Watermark::At(reached) = io.reached() else {
            return None;
        };
        let last = Time::from_samples(at, self.rate);
        if reached < last + Time::from_seconds(STOPPED) {
            return None;
        }
        self.at = None;
        Some(at)
    }

    /// When to look whether the sound has stopped.
    pub(super) fn look_again(&self) -> Option<Time> {
        let last = Time::from_samples(self.at?, self.rate);
        Some(last + Time::from_seconds(STOPPED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::tame::LOUDEST;

    fn block(from: u64, samples: &[f32]) -> (Time, AudioBlock) {
        let block = AudioBlock {
            rate: 48_000,
            channels: 1,
            samples: samples.to_vec(),
        };
        (Time::from_samples(from, 48_000), block)
    }

    /// The windows of these blocks: the frame after each, and its samples.
    fn windows(blocks: &[(u64, Vec<f32>)]) -> Vec<(u64, Vec<f32>)> {
        let mut hearing = Hearing::new(48_000, 4, 3);
        let mut windows = Vec::new();
        for (from, samples) in blocks {
            let (time, block) = block(*from, samples);
            hearing.hear(time, &block, |end, window| {
                windows.push((end, window.to_vec()))
            });
        }
        windows
    }

    #[test]
    fn windows_lie_on_one_grid_however_the_sound_is_cut() {
        let samples: Vec<f32> = (5..25).map(|n| n as f32).collect();
        let whole = windows(&[(5, samples.clone())]);
        assert_eq!(whole[0], (6, vec![0.0, 0.0, 0.0, 5.0]));
        assert_eq!(whole[1], (9, vec![5.0, 6.0, 7.0, 8.0]));
        assert_eq!(whole[6], (24, vec![20.0, 21.0, 22.0, 23.0]));
        let cut = samples.chunks(2).enumerate();
        let cut: Vec<_> = cut
            .map(|(n, part)| (5 + 2 * n as u64, part.to_vec()))
            .collect();
        assert_eq!(windows(&cut), whole);
    }

    #[test]
    fn a_gap_is_silence_and_after_a_long_one_the_sound_begins_anew() {
        let short = windows(&[(0, vec![1.0; 3]), (5, vec![2.0; 1])]);
        assert_eq!(short.last(), Some(&(6, vec![1.0, 0.0, 0.0, 2.0])));
        let long = windows(&[(0, vec![1.0; 3]), (100_002, vec![2.0; 3])]);
        assert_eq!(long[1..], [(100_005, vec![0.0, 2.0, 2.0, 2.0])]);
        let twice = windows(&[(0, vec![1.0; 6]), (3, vec![2.0; 6])]);
        assert_eq!(twice.last(), Some(&(9, vec![1.0, 2.0, 2.0, 2.0])));
    }

    #[test]
    fn what_is_not_a_number_is_silence() {
        assert_eq!(mono(&[f32::NAN, 0.5]), 0.25);
        assert_eq!(mono(&[f32::INFINITY]), 0.0);
        assert_eq!(mono(&[f32::MAX, f32::MAX]), LOUDEST);
    }
}
