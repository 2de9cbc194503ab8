//! Which block of sound is rendered next, and when.

use score_engine::{Flow, Io, Time, Transport, Watermark};

/// A live node that is more blocks late than this continues from now: what it missed could no
/// longer be heard.
const MISSED: u64 = 8;

/// The blocks of a node's sound, one after another on the run's grid.
pub(crate) struct Blocks {
    rate: u32,
    /// Frames of a whole block.
    size: u64,
    /// The first frame that was not rendered.
    at: u64,
    /// Whether the run ends: all of its sound is rendered then, however late.
    ends: bool,
    begun: bool,
}

impl Blocks {
    /// The blocks of a node that begins, in a run that ends or not.
    pub(crate) fn new(transport: &Transport, ends: bool) -> Self {
        Blocks {
            rate: transport.sample_rate,
            size: u64::from(transport.block.max(1)),
            at: 0,
            ends,
            begun: false,
        }
    }

    /// The first frame that was not rendered.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Frames of a whole block.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// When the next block begins.
    pub(crate) fn time(&self) -> Time {
        Time::from_samples(self.at, self.rate)
    }

    /// Counts `frames` frames as rendered.
    pub(crate) fn pass(&mut self, frames: u64) {
        self.at += frames;
    }

    /// Goes on to the block of the grid that `frame` lies in, where that is a later one.
    pub(crate) fn skip_to(&mut self, frame: u64) {
        if frame >= self.at + self.size {
            self.at = frame - frame % self.size;
        }
    }

    /// Whether all is known that sounds in the next block: in a render by the watermark, live once
    /// its end has come. Live, the first block is the one that is under way, and what was
    /// missed by far is left out.
    pub(crate) fn is_due(&mut self, io: &Io<'_>) -> bool {
        // Once nothing more comes, `finish` knows the end that is meant.
        let Watermark::At(reached) = io.reached() else {
            return false;
        };
        let reached = reached.to_samples(self.rate);
        if !self.ends {
            let current = reached - reached % self.size;
            if !self.begun || self.at + MISSED * self.size < current {
                self.at = current;
            }
            self.begun = true;
        }
        self.at + self.size <= reached
    }

    /// Asks for a call when the next block has ended.
    pub(crate) fn wake(&self) -> Flow {
        Flow::WakeAt(Time::from_samples(self.at + self.size, self.rate))
    }

    /// Frames of the next block of a sound that ends with the frame before `end`; `None`: nothing
    /// is left.
    pub(crate) fn up_to(&self, end: u64) -> Option<u64> {
        let left = end.saturating_sub(self.at);
        (left > 0).then_some(left.min(self.size))
    }

    /// For `finish`: frames of the next block up to where the inputs ended; `None`: nothing is
    /// left. Live, what follows the last whole block is left out.
    pub(crate) fn rest(&self, io: &Io<'_>) -> Option<u64> {
        if !self.ends || io.stop_requested() {
            return None;
        }
        self.up_to(io.end().unwrap_or(Time::ZERO).to_samples(self.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks() -> Blocks {
        let transport = Transport {
            block: 256,
            ..Transport::default()
        };
        Blocks::new(&transport, true)
    }

    #[test]
    fn the_last_block_is_as_long_as_the_sound() {
        let mut blocks = blocks();
        let mut lengths = Vec::new();
        while let Some(frames) = blocks.up_to(600) {
            lengths.push(frames);
            blocks.pass(frames);
        }
        assert_eq!(lengths, [256, 256, 88]);
        assert_eq!(blocks.up_to(500), None, "a sound that became shorter");
    }

    #[test]
    fn what_is_skipped_are_whole_blocks() {
        let mut blocks = blocks();
        for (to, at) in [(255, 0), (256, 256), (1_000, 768), (800, 768)] {
            blocks.skip_to(to);
            assert_eq!(blocks.at(), at, "{to}");
        }
    }
}
