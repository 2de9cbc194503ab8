//! The side chain: how loud it is at each frame.

use std::collections::VecDeque;

use score_engine::AudioBlock;

/// A side chain that has missed this many blocks is not waited for.
const PATIENCE: u64 = 8;

/// So much of it is kept at most, in seconds: it may be ahead of the sound.
const MOST: u64 = 4;

/// The levels of the side chain that are still to be asked for.
pub(super) struct Key {
    /// The frame of the first level.
    from: u64,
    levels: VecDeque<f32>,
    /// The level that was asked for last, and for how many frames it counts where none came.
    last: f32,
    left: u64,
    /// Frames of a block of the run.
    block: u64,
    most: usize,
}

impl Key {
    /// Nothing came yet.
    pub(super) fn new(rate: u32, block: u32) -> Self {
        Key {
            from: 0,
            levels: VecDeque::new(),
            last: 0.0,
            left: 0,
            block: u64::from(block.max(1)),
            most: (MOST * u64::from(rate)) as usize,
        }
    }

    /// Takes a block that begins at frame `from`. What lies between it and the one before is
    /// silence.
    pub(super) fn hear(&mut self, from: u64, block: &AudioBlock) {
        let end = self.from + self.levels.len() as u64;
        let gap = from.saturating_sub(end);
        let mut skipped = 0;
        if self.levels.is_empty() || gap > self.most as u64 {
            self.levels.clear();
            self.from = from;
        } else {
            self.levels.extend(std::iter::repeat_n(0.0, gap as usize));
            skipped = end.saturating_sub(from) as usize;
        }
        let channels = usize::from(block.channels.max(1));
        let peak = |frame: &[f32]| {
            let sizes = frame.iter().map(|sample| sample.abs());
            sizes.filter(|size| size.is_finite()).fold(0.0, f32::max)
        };
        let frames = block.samples.chunks_exact(channels).skip(skipped);
        self.levels.extend(frames.map(peak));
        let over = self.levels.len().saturating_sub(self.most);
        self.levels.drain(..over);
        self.from += over as u64;
    }

    /// Whether all before the frame `end` is known, or is not waited for any more.
    pub(super) fn reaches(&self, end: u64) -> bool {
        let reached = self.from + self.levels.len() as u64;
        reached >= end || (self.levels.is_empty() && end > self.from + PATIENCE * self.block)
    }

    /// The level at `frame`; frames are asked for in their order.
    pub(super) fn level(&mut self, frame: u64) -> f32 {
        let passed = frame.saturating_sub(self.from) as usize;
        if frame >= self.from && !self.levels.is_empty() {
            let gone = passed.min(self.levels.len());
            self.levels.drain(..gone);
            self.from += gone as u64;
        }
        match self.levels.front() {
            Some(level) if frame >= self.from => {
                (self.last, self.left) = (*level, self.block);
            }
            _ if self.left > 0 => self.left -= 1,
            _ => self.last = 0.0,
        }
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(level: f32, frames: usize) -> AudioBlock {
        AudioBlock {
            rate: 48_000,
            channels: 2,
            samples: [level, -0.01].repeat(frames),
        }
    }

    #[test]
    fn each_frame_has_its_level_and_gaps_are_silence() {
        let mut key = Key::new(48_000, 4);
        key.hear(10, &block(0.5, 4));
        key.hear(16, &block(0.25, 2));
        assert!(key.reaches(18) && !key.reaches(19));
        assert_eq!(key.level(9), 0.0);
        let levels: Vec<f32> = (10..18).map(|frame| key.level(frame)).collect();
        assert_eq!(levels, [0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.25, 0.25]);
    }

    #[test]
    fn where_nothing_came_the_last_level_counts_for_a_block() {
        let mut key = Key::new(48_000, 4);
        key.hear(0, &block(0.5, 4));
        let levels: Vec<f32> = (0..10).map(|frame| key.level(frame)).collect();
        assert_eq!(levels[3..], [0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0]);
        assert!(!key.reaches(20) && key.reaches(60));
    }

    #[test]
    fn what_overlaps_or_runs_ahead_stays_bounded() {
        let mut key = Key::new(100, 4);
        key.hear(0, &block(0.5, 8));
        key.hear(4, &block(0.25, 8));
        assert_eq!((key.level(7), key.level(8)), (0.5, 0.25));
        for number in 0..1_000 {
            key.hear(12 + number * 8, &block(0.1, 8));
        }
        assert!(key.levels.len() <= 400);
        key.hear(u64::MAX / 2, &block(f32::NAN, 8));
        assert!(key.levels.len() <= 400);
    }
}
