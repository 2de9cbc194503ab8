//! What runs in a sound device's callback. It takes frames out of a ring and does nothing that may
//! wait: no lock, no allocation, no log.

mod clock;
mod shared;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cpal::{FromSample, Sample};
use rtrb::{Consumer, RingBuffer};
use score_engine::{LiveClock, Time};

pub use self::clock::MasterClock;
pub use self::shared::Shared;
use super::counters::add;
use super::feed::Feed;

/// How long sound takes to fade where it breaks off, and to come back: too short to be heard as a
/// fade, long enough not to click.
const FADE_SECONDS: f64 = 0.005;

/// A distance from the clock that is a jump and not jitter, in nanoseconds: the device stood still.
/// Below the distance at which the clock itself would jump.
const RESYNC: i64 = 40_000_000;

/// How much silence a device gets at first, in seconds; at least four blocks. Sound servers fill a
/// buffer of several of their blocks at once when they begin, PipeWire now and then a second time:
/// that says nothing of how much they will ask for at a time, nor of when it is heard.
const FILL_SECONDS: f64 = 0.05;

/// How much sound the ring holds at least, in seconds.
const RING_SECONDS: f64 = 0.5;

/// Segments of sound that the ring holds at most.
const SEGMENTS: usize = 4096;

/// Frames in the ring that belong together: where they belong on the run's time line, and how many
/// they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    /// The first frame, counted from the start of the run.
    pub(crate) start: u64,
    /// Frames in the ring.
    pub(crate) frames: usize,
    /// Nothing will follow.
    pub(crate) last: bool,
}

/// The form in which a device plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaybackForm {
    /// Frames a second, Hz: the transport's.
    pub rate: u32,
    /// Channels of the device.
    pub channels: u16,
    /// Frames in a block of the run.
    pub block: u32,
    /// How many blocks (the device's or the run's, whichever is larger) a sound is heard after its
    /// time.
    pub latency: u32,
}

/// The device's side of the ring: hands out the frames of the run, one after another.
pub struct Playback<C = Arc<LiveClock>> {
    samples: Consumer<f32>,
    segments: Consumer<Segment>,
    current: Option<Segment>,
    clock: C,
    shared: Arc<Shared>,
    form: PlaybackForm,
    /// The frame of the run that is handed out next, once playing has begun. Before the run's
    /// start: negative.
    position: Option<i64>,
    /// The largest number of frames that the device asked for at a time.
    largest: usize,
    lead: i64,
    /// The next frame of what plays, before its fade.
    frame: Vec<f32>,
    /// What was played when the sound broke off, and how much of it is still heard.
    ghost: Vec<f32>,
    ghost_level: f32,
    /// The last frame handed out.
    last: Vec<f32>,
    /// How much of the sound is heard: below 1 while it comes back.
    level: f32,
    step: f32,
    /// Frames that the device is yet to ask for before it counts as playing.
    filling: usize,
    begun: bool,
    ended: bool,
}

/// Both ends of a ring between a node and a device of the given form.
pub fn ring<C: MasterClock>(
    form: PlaybackForm,
    clock: C,
    shared: Arc<Shared>,
) -> (Feed, Playback<C>) {
    let channels = usize::from(form.channels.max(1));
    let blocks = 16 * form.block as usize;
    let frames = blocks.max((f64::from(form.rate) * RING_SECONDS) as usize);
    // A whole number of frames: no frame is torn where the ring begins again.
    let (samples_in, samples_out) = RingBuffer::new(frames * channels);
    let (segments_in, segments_out) = RingBuffer::new(SEGMENTS);
    shared.counters.forget_reserve();
    let feed = Feed::new(samples_in, segments_in, channels, shared.clone());
    let playback = Playback {
        samples: samples_out,
        segments: segments_out,
        current: None,
        clock,
        shared,
        form,
        position: None,
        largest: 0,
        lead: 0,
        frame: vec![0.0; channels],
        ghost: vec![0.0; channels],
        ghost_level: 0.0,
        last: vec![0.0; channels],
        level: 0.0,
        step: (1.0 / (f64::from(form.rate.max(1)) * FADE_SECONDS).max(1.0)) as f32,
        filling: ((f64::from(form.rate) * FILL_SECONDS) as usize).max(4 * form.block as usize),
        begun: false,
        ended: false,
    };
    (feed, playback)
}

/// What comes next at the place that is played.
enum Next {
    /// This many frames are in the ring.
    Sound(usize),
    /// This many frames are missing.
    Nothing(usize),
}

impl<C: MasterClock> Playback<C> {
    /// Fills the device's buffer of interleaved samples. Neither allocates, locks nor waits.
    pub fn fill<T: Sample + FromSample<f32>>(&mut self, out: &mut [T]) {
        let channels = self.frame.len();
        let frames = out.len() / channels;
        add(&self.shared.counters.callbacks, 1);
        let filling = self.filling > 0;
        self.filling = self.filling.saturating_sub(frames);
        if filling || !self.shared.running.load(Ordering::Acquire) {
            out.fill(T::EQUILIBRIUM);
            return;
        }
        let mut position = self.synchronise(frames);
        let closing = self.shared.closing.load(Ordering::Acquire);
        let mut out = out.chunks_exact_mut(channels);
        let mut left = frames;
        while left > 0 {
            let next = if closing {
                Next::Nothing(left)
            } else {
                self.next(position, left)
            };
            match next {
                Next::Sound(count) => {
                    self.sound(count, &mut out);
                    position += count as i64;
                    left -= count;
                }
                Next::Nothing(count) => {
                    self.nothing(count, closing, &mut out);
                    position += count as i64;
                    left -= count;
                }
            }
        }
        self.position = Some(position);
        if self.begun && !self.ended {
            let ready = (self.samples.slots() / channels) as u64;
            let least = &self.shared.counters.least_reserve;
            least.fetch_min(ready, Ordering::Relaxed);
        }
    }

    /// Steers the clock by what is played now; jumps where they are far apart. Returns the frame to
    /// play next.
    fn synchronise(&mut self, frames: usize) -> i64 {
        if frames > self.largest {
            self.largest = frames;
            let block = self.largest.max(self.form.block as usize) as i64;
            self.lead = block * i64::from(self.form.latency);
            self.clock
                .set_lead(Time::from_nanos(nanos(self.lead, self.form.rate)));
            let counters = &self.shared.counters;
            counters
                .device_block
                .store(self.largest as u64, Ordering::Relaxed);
            counters
                .lead_frames
                .store(self.lead.unsigned_abs(), Ordering::Relaxed);
            // A block comes when its last frame's time has come, and what the device took it plays
            // one block later.
            let wait = self.lead - i64::from(self.form.block) + self.largest as i64;
            let micros = nanos(wait, self.form.rate) / 1000;
            counters
                .latency
                .store(micros.unsigned_abs(), Ordering::Relaxed);
        }
        let now = self.clock.now();
        let (lead, rate) = (self.lead, self.form.rate);
        let heard = |position: i64| nanos(position + lead, rate);
        let position = match self.position {
            Some(position) if (heard(position) - now.nanos()).abs() < RESYNC => position,
            before => {
                if before.is_some() {
                    add(&self.shared.counters.resyncs, 1);
                    self.break_off(self.begun && !self.ended);
                }
                let now = now.to_samples(self.form.rate);
                let ideal = i64::try_from(now).unwrap_or(i64::MAX / 2) - self.lead;
                // On the edge of a block, which is made when its end has come: so it is there a
                // whole number of blocks before it is needed. The clock falls back
                // by less than a block.
                let block = i64::from(self.form.block.max(1));
                ideal.div_euclid(block) * block
            }
        };
        self.clock.steer(Time::from_nanos(heard(position)));
        position
    }

    /// Looks into the ring for the frame `position`; leaves out what came too late.
    fn next(&mut self, position: i64, left: usize) -> Next {
        let channels = self.frame.len();
        loop {
            let Some(segment) = &mut self.current else {
                match self.segments.pop() {
                    Ok(segment) => self.current = Some(segment),
                    Err(_) => return Next::Nothing(left),
                }
                continue;
            };
            let ahead = i64::try_from(segment.start).unwrap_or(i64::MAX) - position;
            if ahead > 0 {
                let wait = usize::try_from(ahead).unwrap_or(usize::MAX);
                return Next::Nothing(left.min(wait));
            }
            if segment.last {
                self.ended = true;
                self.shared.finished.store(true, Ordering::Release);
                return Next::Nothing(left);
            }
            let late = usize::try_from(-ahead)
                .unwrap_or(usize::MAX)
                .min(segment.frames);
            if late > 0 {
                discard(&mut self.samples, late * channels);
                add(&self.shared.counters.late_frames, late as u64);
                segment.start += late as u64;
                segment.frames -= late;
            }
            if segment.frames == 0 {
                self.current = None;
                continue;
            }
            if late == 0 || segment.start as i64 == position {
                return Next::Sound(left.min(segment.frames));
            }
        }
    }

    /// Plays `count` frames out of the ring.
    fn sound<'a, T: Sample + FromSample<f32> + 'a>(
        &mut self,
        count: usize,
        out: &mut impl Iterator<Item = &'a mut [T]>,
    ) {
        let channels = self.frame.len();
        let Ok(chunk) = self.samples.read_chunk(count * channels) else {
            // The samples are written before their segment is announced.
            return self.nothing(count, false, out);
        };
        self.begun = true;
        let (first, second) = chunk.as_slices();
        let frames = first
            .chunks_exact(channels)
            .chain(second.chunks_exact(channels));
        // The frames come first: a pair is begun only while there is one.
        for (frame, out) in frames.zip(out.by_ref()) {
            self.level = (self.level + self.step).min(1.0);
            self.ghost_level = (self.ghost_level - self.step).max(0.0);
            for (channel, out) in out.iter_mut().enumerate() {
                let sample = frame[channel] * self.level + self.ghost[channel] * self.ghost_level;
                self.last[channel] = sample;
                *out = T::from_sample(sample);
            }
        }
        chunk.commit_all();
        if let Some(segment) = &mut self.current {
            segment.start += count as u64;
            segment.frames -= count;
        }
    }

    /// Plays `count` missing frames: what was heard last fades away.
    fn nothing<'a, T: Sample + FromSample<f32> + 'a>(
        &mut self,
        count: usize,
        wanted: bool,
        out: &mut impl Iterator<Item = &'a mut [T]>,
    ) {
        let expected = self.begun && !self.ended && !wanted;
        self.break_off(expected);
        if expected {
            add(&self.shared.counters.missing_frames, count as u64);
        }
        for out in out.by_ref().take(count) {
            self.ghost_level = (self.ghost_level - self.step).max(0.0);
            for (channel, out) in out.iter_mut().enumerate() {
                let sample = self.ghost[channel] * self.ghost_level;
                self.last[channel] = sample;
                *out = T::from_sample(sample);
            }
        }
    }
}

impl<C> Playback<C> {
    /// The sound ends here, unless it has already: what was heard last begins to fade.
    fn break_off(&mut self, is_dropout: bool) {
        if self.level == 0.0 {
            return;
        }
        self.ghost.copy_from_slice(&self.last);
        self.ghost_level = 1.0;
        self.level = 0.0;
        if is_dropout {
            add(&self.shared.counters.dropouts, 1);
        }
    }
}

/// Takes `samples` samples out of the ring and forgets them.
fn discard(ring: &mut Consumer<f32>, samples: usize) {
    if let Ok(chunk) = ring.read_chunk(samples) {
        chunk.commit_all();
    }
}

/// The time of frame `frames`, before the run's start too, in nanoseconds.
fn nanos(frames: i64, rate: u32) -> i64 {
    let time = Time::from_samples(frames.unsigned_abs(), rate).nanos();
    if frames < 0 { -time } else { time }
}

#[cfg(test)]
mod tests;
