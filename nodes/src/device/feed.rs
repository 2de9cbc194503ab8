//! The node's side of the ring to a sound device: puts blocks in their place on the run's time
//! line.

use std::sync::Arc;

use rtrb::Producer;
use score_engine::AudioBlock;

use super::counters::add;
use super::playback::{Segment, Shared};

/// Puts blocks into the ring, each where it belongs.
pub struct Feed {
    samples: Producer<f32>,
    segments: Producer<Segment>,
    channels: usize,
    shared: Arc<Shared>,
    /// The first frame that has not been put in.
    next: u64,
    ended: bool,
}

impl Feed {
    pub(crate) fn new(
        samples: Producer<f32>,
        segments: Producer<Segment>,
        channels: usize,
        shared: Arc<Shared>,
    ) -> Self {
        Feed {
            samples,
            segments,
            channels,
            shared,
            next: 0,
            ended: false,
        }
    }

    /// Puts in `block`, whose first frame is frame `start` of the run. What was put in already is
    /// left out of it; what is missing before it is heard as silence. One channel goes to the first
    /// two of the device, further ones to their own; a device of one channel plays the mean.
    /// Samples beyond full scale are clipped; what is not a number is silence.
    pub fn push(&mut self, start: u64, block: &AudioBlock) {
        let from = usize::from(block.channels.max(1));
        let late = self.next.saturating_sub(start).min(block.frames() as u64);
        if late > 0 {
            add(&self.shared.counters.late_frames, late);
        }
        let frames = block.frames() - late as usize;
        if frames == 0 || self.ended {
            return;
        }
        let length = frames * self.channels;
        let room = self.samples.slots() >= length && self.segments.slots() > 1;
        let Some(chunk) = room
            .then(|| self.samples.write_chunk_uninit(length).ok())
            .flatten()
        else {
            add(&self.shared.counters.overflowed_frames, frames as u64);
            return;
        };
        let to = self.channels;
        let samples = block.samples[late as usize * from..]
            .chunks_exact(from)
            .flat_map(|frame| (0..to).map(|channel| placed(frame, channel, to)));
        chunk.fill_from_iter(samples);
        let start = start + late;
        self.next = start + frames as u64;
        // There is room: only this side puts segments in.
        let _ = self.segments.push(Segment {
            start,
            frames,
            last: false,
        });
    }

    /// Says that nothing follows the frame before `end`.
    pub fn end(&mut self, end: u64) {
        self.ended = true;
        let _ = self.segments.push(Segment {
            start: end,
            frames: 0,
            last: true,
        });
    }

    /// Whether the device's side is gone.
    pub fn is_abandoned(&self) -> bool {
        self.samples.is_abandoned()
    }
}

/// The sample of `frame` that a device of `channels` channels plays on `channel`.
fn placed(frame: &[f32], channel: usize, channels: usize) -> f32 {
    let sample = match (frame.len(), channels) {
        (1, _) if channel < 2 => frame[0],
        (from, 1) => frame.iter().sum::<f32>() / from as f32,
        _ => frame.get(channel).copied().unwrap_or(0.0),
    };
    if sample.is_finite() {
        sample.clamp(-1.0, 1.0)
    } else {
        0.0
    }
}
