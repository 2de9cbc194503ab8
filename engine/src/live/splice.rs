//! Crossfades from the sound of one wire to another's.

use std::sync::Arc;

use crate::packet::{AudioBlock, Packet, Payload};
use crate::time::Time;
use crate::wire::{Received, Signal, WireReceiver};

/// By how much times of the same frame may differ, since times are rounded.
const TOLERANCE: Time = Time::from_nanos(10);

/// How long, in seconds, the new wire waits for an old one that has fallen silent and not ended:
/// its node hangs, or the computer is busy.
pub(super) const PATIENCE: f64 = 0.25;

/// What the reader of a wire has heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Where it ends.
    pub(super) until: Time,
    /// Its last frame.
    pub(super) last: Vec<f32>,
}

impl Heard {
    /// Takes notice of a block at `time`.
    pub(super) fn hear(&mut self, time: Time, block: &AudioBlock) {
        self.until = time + Time::from_samples(block.frames() as u64, block.rate);
        let channels = usize::from(block.channels.max(1));
        self.last.clear();
        let last = block.samples.len().saturating_sub(channels);
        self.last.extend_from_slice(&block.samples[last..]);
    }
}

/// The end of an old wire, faded out while a new one is faded in. Until the new one has sound the
/// old one is heard. Both are taken to have their blocks on one grid, as live sound has.
#[derive(Debug)]
pub(super) struct Splice {
    old: Option<WireReceiver>,
    old_head: Option<Packet>,
    new_head: Option<Packet>,
    /// The length of the fade and how much of it has passed, in seconds.
    length: f64,
    passed: f64,
    begun: bool,
    /// The last frame that was heard, where the old wire broke off.
    held: Option<Vec<f32>>,
}

/// What a look at both wires gave.
pub(super) enum Joined {
    /// A block to hand to the reader.
    Block(Packet),
    /// Nothing yet.
    Nothing,
    /// The new wire is alone from here on; its next packet, where it was taken already.
    Over(Option<Packet>),
    /// The sender of the new wire has failed and restarts.
    Lost,
    /// The new wire has ended.
    Ended(Time),
}

impl Splice {
    pub(super) fn new(old: WireReceiver, length: f64) -> Self {
        Splice {
            old: Some(old),
            old_head: None,
            new_head: None,
            length,
            passed: 0.0,
            begun: false,
            held: None,
        }
    }

    /// Another wire takes the new one's place; `false`: too late, the new one is heard already.
    pub(super) fn wait_for_another(&mut self) -> bool {
        self.new_head = None;
        !self.begun
    }

    /// The old wire, while its next block is waited for.
    pub(super) fn awaited_old(&self) -> Option<&WireReceiver> {
        self.old.as_ref().filter(|_| self.old_head.is_none())
    }

    /// Whether the new wire's next block is waited for.
    pub(super) fn awaits_new(&self) -> bool {
        self.new_head.is_none()
    }

    /// When the block of the new wire that has come goes on without one of the old wire.
    pub(super) fn patience_ends(&self) -> Option<Time> {
        let new = (self.new_head.as_ref()).filter(|_| self.awaited_old().is_some())?;
        Some(new.time + Time::from_seconds(PATIENCE))
    }

    /// The next block; `heard` is what the reader has, `now` the clock's time.
    pub(super) fn next(&mut self, new: &mut WireReceiver, heard: &Heard, now: Time) -> Joined {
        if let Some(told) = self.fill(new, heard.until) {
            return told;
        }
        match (self.old_head.take(), self.new_head.take()) {
            (Some(old), Some(new)) if frame(&old) < frame(&new) => {
                self.new_head = Some(new);
                Joined::Block(old)
            }
            (Some(old), None) if !self.begun => Joined::Block(old),
            (old, Some(new)) => self.join(old, new, heard, now),
            (old, None) => {
                self.old_head = old;
                Joined::Nothing
            }
        }
    }

    /// Takes from both wires what comes next.
    fn fill(&mut self, new: &mut WireReceiver, heard: Time) -> Option<Joined> {
        while self.old_head.is_none() {
            match self.old.as_mut().map(WireReceiver::try_receive) {
                Some(Received::Signal(Signal::Packet(packet))) => self.old_head = Some(packet),
                Some(Received::Signal(_)) => {}
                Some(Received::Ended(_) | Received::Broken) => self.old = None,
                Some(Received::Empty) | None => break,
            }
        }
        while self.new_head.is_none() {
            match new.try_receive() {
                // The old wire's block of this time has been heard.
                Received::Signal(Signal::Packet(packet)) if packet.time + TOLERANCE < heard => {}
                Received::Signal(Signal::Packet(packet)) => self.new_head = Some(packet),
                Received::Signal(Signal::Watermark(_)) => {}
                Received::Signal(Signal::Lost) => return Some(Joined::Lost),
                Received::Ended(time) => return Some(Joined::Ended(time)),
                Received::Broken => return Some(Joined::Ended(heard)),
                Received::Empty => break,
            }
        }
        None
    }

    /// A block of the new wire has come, and perhaps one of the old.
    fn join(&mut self, old: Option<Packet>, new: Packet, heard: &Heard, now: Time) -> Joined {
        let Ok(block) = new.audio().cloned() else {
            return Joined::Over(Some(new));
        };
        let seconds = block.frames() as f64 / f64::from(block.rate.max(1));
        if old.is_none() && self.old.is_some() {
            let ahead = (now - new.time).seconds();
            if ahead < PATIENCE {
                self.new_head = Some(new);
                return Joined::Nothing;
            }
        }
        let partner = old.as_ref().filter(|old| frame(old) == frame(&new));
        let partner = partner.and_then(|old| old.audio().ok());
        let held = match partner {
            Some(_) => &[],
            // What was heard last is all there is to go over from.
            None => {
                let passed = &mut self.passed;
                self.held
                    .get_or_insert_with(|| {
                        *passed = 0.0;
                        heard.last.clone()
                    })
                    .as_slice()
            }
        };
        let mixed = crossfade(
            partner.map(Arc::as_ref),
            held,
            &block,
            self.passed / self.length,
            seconds / self.length,
        );
        // An old block of a later time waits for its turn.
        self.old_head = old.filter(|old| frame(old) > frame(&new));
        self.begun = true;
        self.passed += seconds;
        Joined::Block(Packet {
            payload: Payload::Audio(Arc::new(mixed)),
            ..new
        })
    }

    /// Whether the new wire is alone from here on.
    pub(super) fn is_over(&self) -> bool {
        self.passed >= self.length
    }

    /// What was taken from the new wire and not handed on.
    pub(super) fn rest(self) -> Option<Packet> {
        self.new_head
    }
}

/// The frame that a block begins with.
fn frame(packet: &Packet) -> u64 {
    let rate = packet.audio().map_or(1, |block| block.rate);
    packet.time.to_samples(rate)
}

/// `new` faded in over `old`, or over a frame that is held; `from` is the share of the fade that
/// has passed, `share` the block's. Straight lines: what both have in common keeps its level.
fn crossfade(
    old: Option<&AudioBlock>,
    held: &[f32],
    new: &AudioBlock,
    from: f64,
    share: f64,
) -> AudioBlock {
    let channels = usize::from(new.channels.max(1));
    let old = old.filter(|old| (old.rate, old.channels) == (new.rate, new.channels));
    let frames = new.frames().max(1) as f64;
    let mut samples = new.samples.clone();
    for (index, sample) in samples.iter_mut().enumerate() {
        let place = from + share * (index / channels) as f64 / frames;
        let weight = place.clamp(0.0, 1.0) as f32;
        let before = match old {
            Some(old) => old.samples.get(index),
            None => held.get(index % channels),
        };
        *sample = *sample * weight + before.copied().unwrap_or(0.0) * (1.0 - weight);
    }
    AudioBlock { samples, ..*new }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Instant;

    use super::*;
    use crate::policy::Policy;
    use crate::wire::{WireSender, wire};

    const BLOCK: usize = 48;
    const RATE: u32 = 48_000;

    /// Sends the block of this number, a millisecond long, in which every sample is `level`.
    pub(in super::super) fn send(sender: &mut WireSender, index: u64, level: f32) {
        let packet = Packet {
            time: Time::from_samples(index * BLOCK as u64, RATE),
            captured: Instant::now(),
            payload: Payload::Audio(Arc::new(AudioBlock {
                rate: RATE,
                channels: 1,
                samples: vec![level; BLOCK],
            })),
        };
        sender.try_send(Signal::Packet(packet)).unwrap();
    }

    /// Everything that comes out, with the time up to which sound was heard kept.
    fn hear(splice: &mut Splice, new: &mut WireReceiver, heard: &mut Heard, now: f64) -> Vec<f32> {
        let mut samples = Vec::new();
        while !splice.is_over() {
            let Joined::Block(packet) = splice.next(new, heard, Time::from_seconds(now)) else {
                break;
            };
            assert!(packet.time >= heard.until, "a block came twice");
            heard.hear(packet.time, packet.audio().unwrap());
            samples.extend(&packet.audio().unwrap().samples);
        }
        samples
    }

    #[test]
    fn the_old_sound_goes_over_into_the_new_without_a_step() {
        let (mut old_sender, old) = wire("old".into(), Policy::Block(64));
        let (mut new_sender, mut new) = wire("new".into(), Policy::Block(64));
        for index in 0..20 {
            send(&mut old_sender, index, 1.0);
        }
        // The new sound begins at the third block.
        for index in 3..20 {
            send(&mut new_sender, index, -1.0);
        }
        let mut splice = Splice::new(old, 0.004);
        let mut heard = Heard::default();
        let samples = hear(&mut splice, &mut new, &mut heard, 0.02);
        assert!(splice.is_over());
        assert!(samples[..3 * BLOCK].iter().all(|sample| *sample == 1.0));
        assert!(samples[samples.len() - 1] < -0.95);
        let step = samples
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max);
        assert!(
            step <= 2.0 / (0.004 * RATE as f32) * 1.01,
            "a step of {step}"
        );
    }

    #[test]
    fn sound_that_the_reader_has_is_not_heard_again() {
        let (mut old_sender, old) = wire("old".into(), Policy::Block(64));
        let (mut new_sender, mut new) = wire("new".into(), Policy::Block(64));
        for index in 5..12 {
            send(&mut old_sender, index, 1.0);
        }
        for index in 0..12 {
            send(&mut new_sender, index, 1.0);
        }
        let mut heard = Heard {
            until: Time::from_samples(5 * BLOCK as u64, RATE),
            last: vec![1.0],
        };
        let mut splice = Splice::new(old, 0.004);
        let samples = hear(&mut splice, &mut new, &mut heard, 0.02);
        assert!(samples.iter().all(|sample| (sample - 1.0).abs() < 1e-6));
    }

    #[test]
    fn an_old_wire_that_fell_silent_does_not_hold_the_new_one_up() {
        let (old_sender, old) = wire("old".into(), Policy::Block(64));
        let (mut new_sender, mut new) = wire("new".into(), Policy::Block(64));
        for index in 0..8 {
            send(&mut new_sender, index, 1.0);
        }
        let mut splice = Splice::new(old, 0.004);
        let mut heard = Heard {
            until: Time::ZERO,
            last: vec![-1.0],
        };
        assert!(
            hear(&mut splice, &mut new, &mut heard, 0.001).is_empty(),
            "it waits a little"
        );
        let samples = hear(&mut splice, &mut new, &mut heard, 1.0);
        assert!(splice.is_over() && samples[0] == -1.0 && samples[BLOCK * 4 - 1] > 0.95);
        drop(old_sender);
    }
}
