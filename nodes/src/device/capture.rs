//! What runs in the callback of a sound input, and how its frames become blocks of the run.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;

use cpal::{FromSample, Sample};
use rtrb::{Consumer, Producer, RingBuffer};
use score_engine::{Counters, LiveClock, Time};

use super::counters::add;
use super::playback::Segment;

/// A distance from the clock that is a jump or a drift that has added up, in nanoseconds.
const RESYNC: i64 = 20_000_000;

/// How much sound the ring holds, in seconds.
const RING_SECONDS: f64 = 0.5;

/// Segments of sound that the ring holds at most.
const SEGMENTS: usize = 4096;

/// A gap longer than this, in seconds, is left out and not filled with silence: the clock has
/// jumped, because the computer slept.
const LONGEST_GAP: u32 = 1;

/// Counters of one sound input, among the node's figures in the run's status, over all openings of
/// its device.
#[derive(Debug)]
pub struct CaptureCounters {
    /// `callbacks`: calls of the device.
    pub callbacks: Arc<AtomicU64>,
    /// `resyncs`: how often listening was set to the clock's time again.
    pub resyncs: Arc<AtomicU64>,
    /// `overflowed_frames`: frames left out because nobody took them in time.
    pub overflowed_frames: Arc<AtomicU64>,
    /// `missing_frames`: frames that did not come in time and were sent as silence.
    pub missing_frames: Arc<AtomicU64>,
}

impl CaptureCounters {
    /// Counters among `figures`.
    pub fn of(figures: &Counters) -> Self {
        CaptureCounters {
            callbacks: figures.counter("callbacks"),
            resyncs: figures.counter("resyncs"),
            overflowed_frames: figures.counter("overflowed_frames"),
            missing_frames: figures.counter("missing_frames"),
        }
    }
}

/// The device's side of the ring.
pub(crate) struct Capture {
    samples: Producer<f32>,
    segments: Producer<Segment>,
    channels: usize,
    rate: u32,
    clock: Arc<LiveClock>,
    counters: Arc<CaptureCounters>,
    reader: Arc<OnceLock<Thread>>,
    /// The frame of the run that comes next.
    position: Option<u64>,
}

/// The node's side of the ring.
pub(crate) struct Captured {
    samples: Consumer<f32>,
    segments: Consumer<Segment>,
    pub(crate) channels: usize,
}

/// Both ends of a ring between a device with `channels` channels and a node.
pub(crate) fn ring(
    rate: u32,
    channels: u16,
    clock: Arc<LiveClock>,
    counters: Arc<CaptureCounters>,
    reader: Arc<OnceLock<Thread>>,
) -> (Capture, Captured) {
    let channels = usize::from(channels.max(1));
    let frames = (f64::from(rate) * RING_SECONDS) as usize;
    let (samples_in, samples_out) = RingBuffer::new(frames * channels);
    let (segments_in, segments_out) = RingBuffer::new(SEGMENTS);
    let capture = Capture {
        samples: samples_in,
        segments: segments_in,
        channels,
        rate,
        clock,
        counters,
        reader,
        position: None,
    };
    let captured = Captured {
        samples: samples_out,
        segments: segments_out,
        channels,
    };
    (capture, captured)
}

impl Capture {
    /// Takes what the device recorded. Neither allocates nor locks.
    pub(crate) fn take<T: Sample>(&mut self, heard: &[T])
    where
        f32: FromSample<T>,
    {
        add(&self.counters.callbacks, 1);
        let frames = heard.len() / self.channels;
        // The last frame was heard now.
        let length = Time::from_samples(frames as u64, self.rate);
        let start = self.clock.now() - length;
        let position = match self.position {
            Some(position) => {
                let expected = Time::from_samples(position, self.rate);
                if (expected - start).nanos().abs() < RESYNC {
                    position
                } else {
                    self.counters.resyncs.fetch_add(1, Ordering::Relaxed);
                    start.to_samples(self.rate)
                }
            }
            None => start.to_samples(self.rate),
        };
        self.position = Some(position + frames as u64);
        // Samples whose segment found no room would be taken for those of the next.
        let has_room = frames > 0 && self.segments.slots() > 0;
        let chunk = has_room
            .then(|| self.samples.write_chunk_uninit(frames * self.channels).ok())
            .flatten();
        match chunk {
            Some(chunk) => {
                chunk.fill_from_iter(heard.iter().map(|sample| f32::from_sample(*sample)));
                // There is room: only this side puts segments in.
                let _ = self.segments.push(Segment {
                    start: position,
                    frames,
                    last: false,
                });
            }
            None => add(&self.counters.overflowed_frames, frames as u64),
        }
        // Waking a thread is one call of the system that does not wait.
        if let Some(reader) = self.reader.get() {
            reader.unpark();
        }
    }
}

impl Captured {
    /// The next segment: where it begins on the run's time line, and its samples.
    pub(crate) fn next(&mut self) -> Option<(u64, Vec<f32>)> {
        let segment = self.segments.pop().ok()?;
        let mut samples = vec![0.0; segment.frames * self.channels];
        self.samples.pop_entire_slice(&mut samples).ok()?;
        Some((segment.start, samples))
    }
}

/// Makes blocks on the run's grid from segments at any position.
pub(crate) struct Assembly {
    block: u64,
    channels: usize,
    /// The first frame of the block being filled.
    at: u64,
    /// Samples from there on; what has not come is silence.
    samples: Vec<f32>,
    /// The frame after the last one that came.
    known: u64,
    /// The longest gap that is filled with silence, in frames.
    longest_gap: u64,
    counters: Arc<CaptureCounters>,
}

impl Assembly {
    /// Blocks of `block` frames of sound at `rate` frames a second, from frame `from` on, which is
    /// moved to the next edge of a block.
    pub(crate) fn new(
        (rate, block): (u32, u32),
        channels: usize,
        from: u64,
        counters: Arc<CaptureCounters>,
    ) -> Self {
        let block = u64::from(block.max(1));
        Assembly {
            block,
            channels,
            at: from.div_ceil(block) * block,
            samples: Vec::new(),
            known: 0,
            longest_gap: u64::from(LONGEST_GAP) * u64::from(rate),
            counters,
        }
    }

    /// Goes on with the block that `frame` lies in, where a gap before it is too long.
    fn leave_out_gap(&mut self, frame: u64) {
        if frame.saturating_sub(self.at.max(self.known)) > self.longest_gap {
            self.at = frame - frame % self.block;
            self.samples.clear();
        }
    }

    /// Lays a segment in its place; what lies before the block being filled came too late.
    pub(crate) fn lay(&mut self, start: u64, samples: &[f32]) {
        self.leave_out_gap(start);
        let frames = samples.len() / self.channels;
        let late = self.at.saturating_sub(start).min(frames as u64) as usize;
        let first = (start.max(self.at) - self.at) as usize;
        let end = first + frames - late;
        self.known = self.known.max(start + frames as u64);
        if self.samples.len() < end * self.channels {
            self.samples.resize(end * self.channels, 0.0);
        }
        self.samples[first * self.channels..end * self.channels]
            .copy_from_slice(&samples[late * self.channels..]);
    }

    /// The next block and its first frame, once all of it has come or none of it can be waited for
    /// any longer: `due` is the frame up to which nothing may be late.
    pub(crate) fn next(&mut self, due: u64) -> Option<(u64, Vec<f32>)> {
        self.leave_out_gap(due);
        let end = self.at + self.block;
        if self.known < end {
            if due < end {
                return None;
            }
            let missing = end - self.known.max(self.at);
            add(&self.counters.missing_frames, missing);
        }
        let length = self.block as usize * self.channels;
        if self.samples.len() < length {
            self.samples.resize(length, 0.0);
        }
        let rest = self.samples.split_off(length);
        let block = std::mem::replace(&mut self.samples, rest);
        let start = std::mem::replace(&mut self.at, end);
        Some((start, block))
    }

    /// The frame after the last block sent.
    pub(crate) fn end(&self) -> u64 {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters() -> Arc<CaptureCounters> {
        Arc::new(CaptureCounters::of(&Counters::default()))
    }

    fn assembly() -> Assembly {
        Assembly::new((1_000, 4), 1, 1, counters())
    }

    #[test]
    fn segments_of_any_length_become_whole_blocks_on_the_grid() {
        let mut assembly = assembly();
        let samples: Vec<f32> = (0..30).map(|n| n as f32).collect();
        let (mut at, mut blocks) = (0, Vec::new());
        for length in [3, 7, 1, 11, 8] {
            assembly.lay(at as u64, &samples[at..at + length]);
            at += length;
            while let Some((start, block)) = assembly.next(0) {
                blocks.push((start, block));
            }
        }
        assert_eq!(blocks.len(), 6);
        for (number, (start, block)) in blocks.iter().enumerate() {
            let first = 4 * (number + 1);
            assert_eq!(*start, first as u64);
            assert_eq!(block[..], samples[first..first + 4]);
        }
    }

    #[test]
    fn what_does_not_come_in_time_is_silence_and_what_comes_late_is_left_out() {
        let mut assembly = assembly();
        assembly.lay(4, &[1.0, 1.0]);
        assert_eq!(assembly.next(7), None);
        assert_eq!(assembly.next(8), Some((4, vec![1.0, 1.0, 0.0, 0.0])));
        assembly.lay(6, &[2.0; 4]);
        assembly.lay(10, &[3.0; 2]);
        assert_eq!(assembly.next(0), Some((8, vec![2.0, 2.0, 3.0, 3.0])));
        assert_eq!(assembly.counters.missing_frames.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_day_that_the_computer_slept_is_left_out() {
        let day = 24 * 3_600 * 1_000;
        let mut assembly = assembly();
        assembly.lay(4, &[1.0; 4]);
        assert_eq!(assembly.next(0), Some((4, vec![1.0; 4])));
        assembly.lay(day + 2, &[2.0; 6]);
        assert!(assembly.samples.len() < 100);
        assert_eq!(assembly.next(0), Some((day, vec![0.0, 0.0, 2.0, 2.0])));
        assert_eq!(assembly.next(0), Some((day + 4, vec![2.0; 4])));
        // The same without a device.
        assert_eq!(assembly.next(2 * day), None);
        assert_eq!(assembly.end(), 2 * day);
    }

    #[test]
    fn a_ring_that_is_full_of_short_calls_leaves_whole_calls_out() {
        let (clock, counters) = (Arc::new(LiveClock::new()), counters());
        // Half a second is 6,000 calls of 16 frames, more than there is room for.
        let (mut capture, mut captured) = ring(192_000, 1, clock, counters.clone(), Arc::default());
        for call in 0..5_000 {
            capture.take(&[call as f32; 16]);
        }
        let overflowed = counters.overflowed_frames.load(Ordering::Relaxed);
        assert_eq!(overflowed, 16 * (5_000 - SEGMENTS as u64));
        for call in 0..SEGMENTS {
            assert_eq!(captured.next().unwrap().1, [call as f32; 16]);
        }
        assert!(captured.next().is_none());
        capture.take(&[0.5; 16]);
        assert_eq!(captured.next().unwrap().1, [0.5; 16]);
    }

    #[test]
    fn what_the_device_heard_has_the_time_at_which_it_was_heard() {
        let clock = Arc::new(LiveClock::new());
        clock.steer(Time::from_seconds(10.0));
        let counters = counters();
        let (mut capture, mut captured) = ring(48_000, 2, clock, counters.clone(), Arc::default());
        capture.take(&[i16::MAX; 512]);
        capture.take(&[0i16; 512]);
        let (start, samples) = captured.next().unwrap();
        let age = Time::from_seconds(10.0) - Time::from_samples(start, 48_000);
        assert!(age.seconds() < 256.0 / 48_000.0 + 1e-4, "{age}");
        assert!(samples.iter().all(|sample| *sample > 0.99));
        let (next, samples) = captured.next().unwrap();
        assert_eq!((next, samples.len()), (start + 256, 512));
        assert!(captured.next().is_none());
    }
}
