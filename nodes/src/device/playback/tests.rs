//! Playback at a device that is called by hand, with a clock that is set by hand.

use std::sync::atomic::AtomicI64;

use score_engine::{AudioBlock, Counters};

use super::*;
use crate::device::counters::{PlaybackCounters, read};

const RATE: u32 = 48_000;
const BLOCK: usize = 512;

/// Frames that the device asks for at first, twice: several of its blocks.
const FIRST: usize = 1_200;

/// A clock that a test sets, in frames, and that keeps what it was told.
#[derive(Clone, Default)]
struct Hand {
    now: Arc<AtomicI64>,
    told: Arc<AtomicI64>,
}

impl MasterClock for Hand {
    fn now(&self) -> Time {
        Time::from_nanos(self.now.load(Ordering::SeqCst))
    }

    fn steer(&self, time: Time) {
        self.told.store(time.nanos(), Ordering::SeqCst);
    }

    fn set_lead(&self, _lead: Time) {}
}

struct Stage {
    feed: Feed,
    playback: Playback<Hand>,
    clock: Hand,
    shared: Arc<Shared>,
    /// What the device played, left.
    heard: Vec<f32>,
}

impl Stage {
    fn new() -> Self {
        let form = PlaybackForm {
            rate: RATE,
            channels: 2,
            block: BLOCK as u32,
            latency: 3,
        };
        let (clock, shared) = (Hand::default(), Arc::new(Shared::new(&Counters::default())));
        let (feed, mut playback) = ring(form, clock.clone(), shared.clone());
        shared.running.store(true, Ordering::SeqCst);
        // As a device does that begins.
        for _ in 0..2 {
            let mut out = vec![9.0f32; 2 * FIRST];
            playback.fill(&mut out);
            assert!(out.iter().all(|sample| *sample == 0.0));
        }
        Stage {
            feed,
            playback,
            clock,
            shared,
            heard: Vec::new(),
        }
    }

    /// A 1 kHz tone, block `number` of it.
    fn push(&mut self, number: u64) {
        let start = number * BLOCK as u64;
        let samples = (start..start + BLOCK as u64)
            .map(tone)
            .flat_map(|sample| [sample, -sample])
            .collect();
        self.push_samples(start, samples);
    }

    fn push_samples(&mut self, start: u64, samples: Vec<f32>) {
        let block = AudioBlock {
            rate: RATE,
            channels: 2,
            samples,
        };
        self.feed.push(start, &block);
    }

    /// The device asks for `frames` frames; then its clock has moved on by as many.
    fn call(&mut self, frames: usize) {
        let mut out = vec![9.0f32; frames * 2];
        self.playback.fill(&mut out);
        self.heard.extend(out.iter().step_by(2));
        let after = self.clock.now.load(Ordering::SeqCst) + nanos(frames as i64, RATE);
        self.clock.now.store(after, Ordering::SeqCst);
    }

    fn counter(&self, of: impl Fn(&PlaybackCounters) -> u64) -> u64 {
        of(&self.shared.counters)
    }
}

fn tone(frame: u64) -> f32 {
    (frame as f32 * std::f32::consts::TAU * 1000.0 / RATE as f32).sin() * 0.8
}

/// The largest step between neighbours of a 1 kHz tone at 0.8, with room for its fade.
const STEP: f32 = 0.8 * 0.131 + 0.01;

fn largest_step(heard: &[f32]) -> f32 {
    heard
        .windows(2)
        .fold(0.0, |most, pair| most.max((pair[1] - pair[0]).abs()))
}

/// Plays `blocks` blocks of a live run at device calls of 256 frames; blocks in `missing` never
/// come.
fn play(blocks: u64, missing: std::ops::Range<u64>) -> Stage {
    let mut stage = Stage::new();
    for number in 0..blocks {
        // Block n is made when the clock has reached its end.
        stage.call(256);
        stage.call(256);
        if !missing.contains(&number) {
            stage.push(number);
        }
    }
    stage
}

#[test]
fn a_frame_is_heard_exactly_the_lead_after_its_time() {
    let stage = play(40, 0..0);
    let lead = 3 * BLOCK;
    assert_eq!(stage.counter(|c| read(&c.lead_frames)), lead as u64);
    let fade = 300;
    for frame in [fade, 1_000, 10_000] {
        let heard = stage.heard[frame + lead];
        assert!(
            (heard - tone(frame as u64)).abs() < 1e-4,
            "{frame}: {heard}"
        );
    }
    assert_eq!(stage.counter(|c| read(&c.dropouts)), 0);
    assert_eq!(stage.counter(|c| read(&c.late_frames)), 0);
    assert!(stage.heard[..lead].iter().all(|sample| *sample == 0.0));
}

#[test]
fn the_clock_is_told_the_frame_that_is_played_and_the_lead_and_moves_by_less_than_a_block_at_the_start()
 {
    let mut stage = Stage::new();
    let start = Time::from_seconds(12.3);
    stage.clock.now.store(start.nanos(), Ordering::SeqCst);
    stage.call(256);
    let told = stage.clock.told.load(Ordering::SeqCst);
    let back = start.nanos() - told;
    assert!((0..nanos(BLOCK as i64, RATE)).contains(&back), "{back}");
    let frame = Time::from_nanos(told).to_samples(RATE);
    assert_eq!(frame % BLOCK as u64, 0);
    stage.call(256);
    let later = stage.clock.told.load(Ordering::SeqCst);
    assert!((later - told - nanos(256, RATE)).abs() <= 1, "{later}");
}

#[test]
fn a_gap_fades_out_and_in_without_a_click_and_is_counted_once() {
    let stage = play(40, 20..22);
    assert_eq!(stage.counter(|c| read(&c.dropouts)), 1);
    assert_eq!(stage.counter(|c| read(&c.missing_frames)), 2 * BLOCK as u64);
    let step = largest_step(&stage.heard);
    assert!(step < STEP, "{step}");
    let middle = (21 + 3) * BLOCK;
    assert_eq!(stage.heard[middle], 0.0);
    // Afterwards every frame is in its place again.
    let frame = 25 * BLOCK;
    assert!((stage.heard[frame + 3 * BLOCK] - tone(frame as u64)).abs() < 1e-4);
}

#[test]
fn a_gap_shorter_than_the_fade_makes_no_click_either() {
    let mut stage = Stage::new();
    for call in 0..200u64 {
        stage.call(256);
        let start = call * 256;
        // Of every fifth segment the first 40 frames are missing.
        let from = if call % 5 == 4 { start + 40 } else { start };
        let samples: Vec<f32> = (from..start + 256)
            .flat_map(|frame| [tone(frame); 2])
            .collect();
        stage.push_samples(from, samples);
    }
    assert!(stage.counter(|c| read(&c.dropouts)) > 30);
    let step = largest_step(&stage.heard);
    assert!(step < 2.0 * STEP, "{step}");
}

#[test]
fn blocks_that_come_too_late_are_left_out_and_what_follows_keeps_its_place() {
    let mut stage = Stage::new();
    for number in 0..40u64 {
        stage.call(256);
        stage.call(256);
        match number {
            10..15 => {}
            15 => (10..=15).for_each(|late| stage.push(late)),
            _ => stage.push(number),
        }
    }
    assert!(stage.counter(|c| read(&c.late_frames)) >= 2 * BLOCK as u64);
    assert!(largest_step(&stage.heard) < STEP);
    let frame = 20 * BLOCK;
    assert!((stage.heard[frame + 3 * BLOCK] - tone(frame as u64)).abs() < 1e-4);
}

#[test]
fn a_block_sent_twice_is_heard_once() {
    let mut stage = Stage::new();
    for number in 0..20u64 {
        stage.call(256);
        stage.call(256);
        stage.push(number);
        stage.push(number);
    }
    assert_eq!(stage.counter(|c| read(&c.late_frames)), 20 * BLOCK as u64);
    assert!(largest_step(&stage.heard) < STEP);
}

#[test]
fn a_device_that_stood_still_goes_on_at_the_clocks_time() {
    let mut stage = play(20, 0..0);
    // For 200 ms the device does not call, and everything else goes on.
    let stall = 200_000_000;
    stage.clock.now.fetch_add(stall, Ordering::SeqCst);
    for number in 20..20 + 19 {
        stage.push(number);
    }
    let now = stage.clock.now.load(Ordering::SeqCst);
    stage.call(256);
    let told = stage.clock.told.load(Ordering::SeqCst);
    assert!(
        (0..nanos(BLOCK as i64, RATE)).contains(&(now - told)),
        "{told} {now}"
    );
    assert_eq!(stage.counter(|c| read(&c.resyncs)), 1);
    for number in 39..60 {
        stage.call(512);
        stage.push(number);
    }
    assert!(largest_step(&stage.heard) < STEP);
}

#[test]
fn a_device_that_takes_more_at_a_time_gets_a_longer_lead() {
    let mut stage = Stage::new();
    stage.call(2048);
    assert_eq!(stage.counter(|c| read(&c.lead_frames)), 3 * 2048);
    assert_eq!(stage.counter(|c| read(&c.device_block)), 2048);
}

#[test]
fn what_a_device_asks_for_first_is_silent_and_makes_no_lead() {
    let stage = Stage::new();
    assert_eq!(stage.counter(|c| read(&c.device_block)), 0);
    assert!(stage.playback.position.is_none());
    let stage = play(20, 0..0);
    assert_eq!(stage.counter(|c| read(&c.device_block)), 256);
}

#[test]
fn the_end_is_no_dropout_and_closing_fades() {
    let mut stage = play(20, 0..0);
    stage.feed.end(20 * BLOCK as u64);
    for _ in 0..20 {
        stage.call(256);
    }
    assert_eq!(stage.counter(|c| read(&c.dropouts)), 0);
    assert!(stage.shared.finished.load(Ordering::SeqCst));
    assert_eq!(stage.heard.last(), Some(&0.0));
    assert!(largest_step(&stage.heard) < STEP);

    let mut stage = play(20, 0..0);
    stage.shared.closing.store(true, Ordering::SeqCst);
    stage.call(512);
    assert_eq!(stage.counter(|c| read(&c.dropouts)), 0);
    assert_eq!(stage.heard.last(), Some(&0.0));
    assert!(largest_step(&stage.heard) < STEP);
}

#[test]
fn a_ring_that_overflows_drops_whole_blocks_and_says_so() {
    let mut stage = Stage::new();
    for number in 0..200 {
        stage.push(number);
    }
    assert!(stage.counter(|c| read(&c.overflowed_frames)) > 0);
    for _ in 0..400 {
        stage.call(256);
    }
    assert!(largest_step(&stage.heard) < STEP);
}

#[test]
fn every_form_of_samples_gets_the_same_sound() {
    let mut stage = Stage::new();
    stage.push_samples(0, vec![0.5; 4096 * 2]);
    let mut out = vec![0i16; 4096 * 2];
    stage.playback.fill(&mut out);
    // The lead is three times the 4096 frames asked for: nothing yet.
    assert!(out.iter().all(|sample| *sample == 0));
    for _ in 0..3 {
        let block = nanos(4096, RATE);
        stage.clock.now.fetch_add(block, Ordering::SeqCst);
        stage.playback.fill(&mut out);
    }
    assert_eq!(out[4095 * 2], 16_384);
}

#[test]
fn one_channel_goes_to_both_sides_and_two_come_together_on_one() {
    let form = |channels| PlaybackForm {
        rate: RATE,
        channels,
        block: 16,
        latency: 2,
    };
    let block = |channels, samples: &[f32]| AudioBlock {
        rate: RATE,
        channels,
        samples: samples.to_vec(),
    };
    let mapped = |to, block: &AudioBlock| {
        let (mut feed, mut playback) = ring(
            form(to),
            Hand::default(),
            Arc::new(Shared::new(&Counters::default())),
        );
        feed.push(0, block);
        let count = playback.samples.slots();
        let mut samples = vec![0.0; count];
        playback.samples.pop_entire_slice(&mut samples).unwrap();
        samples
    };
    assert_eq!(mapped(4, &block(1, &[0.5])), [0.5, 0.5, 0.0, 0.0]);
    assert_eq!(mapped(1, &block(2, &[0.5, -0.1])), [0.2]);
    assert_eq!(mapped(2, &block(2, &[f32::NAN, 7.0])), [0.0, 1.0]);
    assert_eq!(mapped(2, &block(3, &[0.1, 0.2, 0.3])), [0.1, 0.2]);
}
