//! Sounds that play at once.

use std::sync::Arc;

use score_engine::{ChannelChange, Note};

use super::super::ramp::Ramp;
use super::super::strip::{Gains, Strip};
use super::kit::{Kit, Sound, Turns, Wish};

/// How long a sound fades that gives way to another, in seconds.
const GIVES_WAY: f32 = 0.005;

/// The most sounds that fade out beside those that play.
const FADING: usize = 64;

/// How notes are played.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    pub(super) tags: Vec<String>,
    pub(super) first_key: u8,
    pub(super) reach: u8,
    pub(super) one_shot: bool,
    /// How much the velocity counts, 0 to 1.
    pub(super) dynamics: f32,
    /// In frames.
    pub(super) attack: u32,
    pub(super) release: u32,
    /// Sounds at once.
    pub(super) voices: usize,
}

/// A sound that plays.
struct Voice {
    sound: Arc<Sound>,
    channel: u8,
    pitch: u8,
    /// Where it is, in frames, and how far it goes in a frame of the run, without bend.
    at: f64,
    step: f64,
    level: f32,
    envelope: Ramp,
    /// Whether its key is down and its end waited for.
    is_held: bool,
    /// It fades out to make room.
    gives_way: bool,
}

impl Voice {
    fn fade(&mut self, frames: u32) {
        let mut envelope = Ramp::new(self.envelope.value(), frames);
        envelope.set(0.0);
        self.envelope = envelope;
        self.is_held = false;
    }

    /// The sound between two of its frames.
    fn sample(&self) -> [f32; 2] {
        let place = self.at as usize;
        let part = (self.at - place as f64) as f32;
        let frames = &self.sound.frames;
        let frame = |index: Option<usize>| {
            let frame = index.and_then(|index| frames.get(index));
            frame.copied().unwrap_or_default()
        };
        let here = frame(Some(place));
        if part == 0.0 {
            return here;
        }
        let (before, next, after) = (
            frame(place.checked_sub(1)),
            frame(Some(place + 1)),
            frame(Some(place + 2)),
        );
        // A cubic through both neighbours, with the slopes of the lines between their own (Catmull
        // and Rom).
        std::array::from_fn(|side| {
            let (a, b, c, d) = (before[side], here[side], next[side], after[side]);
            let cubic = 0.5 * (d - a) + 1.5 * (b - c);
            let square = a - 2.5 * b + 2.0 * c - 0.5 * d;
            let line = 0.5 * (c - a);
            ((cubic * part + square) * part + line) * part + b
        })
    }

    /// Adds it to interleaved stereo `samples`. `false`: it is over.
    fn render(&mut self, samples: &mut [f32], gains: Option<&Gains>, bend: f64) -> bool {
        let step = self.step * bend;
        for (number, frame) in samples.chunks_exact_mut(2).enumerate() {
            if self.at >= self.sound.frames.len() as f64 {
                return false;
            }
            let gain = match gains {
                Some(Gains::Moving(gains)) => gains.get(number).copied().unwrap_or([1.0; 2]),
                Some(Gains::Flat(gain)) => *gain,
                None => [1.0; 2],
            };
            let level = self.level * self.envelope.next();
            let heard = self.sample();
            for side in 0..2 {
                frame[side] += heard[side] * level * gain[side];
            }
            self.at += step;
        }
        !self.envelope.is_at(0.0) && self.at < self.sound.frames.len() as f64
    }
}

/// All that plays.
pub(super) struct Player {
    kit: Arc<Kit>,
    manner: Manner,
    rate: u32,
    /// The oldest first.
    voices: Vec<Voice>,
    strips: Vec<Strip>,
    turns: Turns,
    /// Notes for which there was no sound.
    missing: u64,
}

impl Player {
    /// Silence at `rate` frames a second.
    pub(super) fn new(kit: Arc<Kit>, manner: Manner, rate: u32) -> Self {
        Player {
            kit,
            manner,
            rate,
            voices: Vec::new(),
            strips: vec![Strip::new(rate); 16],
            turns: Turns::new(),
            missing: 0,
        }
    }

    /// Notes that begin from now on are played so.
    pub(super) fn set(&mut self, manner: Manner) {
        self.manner = manner;
    }

    /// Notes that begin from now on play sounds of `kit`.
    pub(super) fn take_up(&mut self, kit: Arc<Kit>) {
        self.kit = kit;
    }

    /// Notes for which there was no sound.
    pub(super) fn missing(&self) -> u64 {
        self.missing
    }

    /// Begins or ends a note.
    pub(super) fn play(&mut self, note: Note) {
        let (channel, pitch) = (note.channel(), note.pitch());
        let release = self.manner.release;
        let same =
            |voice: &&mut Voice| voice.is_held && (voice.channel, voice.pitch) == (channel, pitch);
        (self.voices.iter_mut())
            .filter(same)
            .for_each(|voice| voice.fade(release));
        if let Note::On { velocity, .. } = note {
            self.begin(channel, pitch.min(127), velocity);
        }
    }

    fn begin(&mut self, channel: u8, pitch: u8, velocity: f32) {
        let hard = (velocity.clamp(0.0, 1.0) * 127.0).round().max(1.0);
        let manner = &self.manner;
        let wish = Wish {
            pitch,
            velocity: hard as u8,
            tags: &manner.tags,
            first_key: manner.first_key,
            reach: manner.reach,
        };
        let Some(sound) = self.kit.choose(wish, &mut self.turns).cloned() else {
            self.missing += 1;
            return;
        };
        let away = sound
            .key
            .map_or(0.0, |key| f64::from(pitch) - f64::from(key));
        let share = (hard / f32::from(sound.velocity)).min(1.0);
        let mut envelope = match manner.attack {
            0 => Ramp::new(1.0, 1),
            attack => Ramp::new(0.0, attack),
        };
        envelope.set(1.0);
        let voice = Voice {
            channel,
            pitch,
            at: 0.0,
            step: (away / 12.0).exp2(),
            level: sound.gain * (1.0 + manner.dynamics * (share - 1.0)),
            envelope,
            is_held: !sound.one_shot.unwrap_or(manner.one_shot),
            gives_way: false,
            sound,
        };
        self.make_room();
        self.voices.push(voice);
    }

    /// Lets the sound give way that is missed least, until there is room for another: one whose key
    /// is up, then the softest, then the oldest.
    fn make_room(&mut self) {
        let frames = (GIVES_WAY * self.rate as f32).max(1.0) as u32;
        let count = |voices: &[Voice]| voices.iter().filter(|voice| !voice.gives_way).count();
        while count(&self.voices) >= self.manner.voices.max(1) {
            let playing = self.voices.iter().enumerate();
            let playing = playing.filter(|(_, voice)| !voice.gives_way);
            let least = playing.min_by(|(_, one), (_, other)| {
                let loudness = |voice: &Voice| voice.level * voice.envelope.value();
                (one.is_held.cmp(&other.is_held)).then(loudness(one).total_cmp(&loudness(other)))
            });
            let Some(index) = least.map(|(index, _)| index) else {
                return;
            };
            self.voices[index].fade(frames);
            self.voices[index].gives_way = true;
        }
        while self.voices.len() > self.manner.voices + FADING {
            let fading = self.voices.iter().position(|voice| voice.gives_way);
            self.voices.remove(fading.unwrap_or(0));
        }
    }

    /// Does something to a channel.
    pub(super) fn change(&mut self, change: ChannelChange) {
        let channel = change.channel();
        if let Some(strip) = self.strips.get_mut(usize::from(channel)) {
            strip.change(change);
            if self.voices.iter().all(|voice| voice.channel != channel) {
                strip.settle();
            }
        }
    }

    /// Adds what sounds to interleaved stereo `samples`.
    pub(super) fn render(&mut self, samples: &mut [f32]) {
        let frames = samples.len() / 2;
        let strips: Vec<(Gains, f64)> = (self.strips.iter_mut())
            .map(|strip| (strip.gains(frames), f64::from(strip.pitch())))
            .collect();
        self.voices.retain_mut(|voice| {
            let strip = strips.get(usize::from(voice.channel));
            let bend = strip.map_or(1.0, |(_, bend)| *bend);
            voice.render(samples, strip.map(|(gains, _)| gains), bend)
        });
    }
}
