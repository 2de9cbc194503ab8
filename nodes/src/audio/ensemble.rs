//! Notes of built-in voices that sound together.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use score_engine::{ChannelChange, Note};

use super::strip::Strip;
use super::voice::{Sounding, Voice};
use super::within;

/// More notes than this at once are more than anyone tells apart; the quietest gives way.
const MAX_SOUNDING: usize = 32;

/// How long a note that is held takes to go over to another voice, in seconds.
const CROSSFADE: f32 = 0.1;

/// All that sounds.
pub(crate) struct Ensemble {
    /// That of each channel.
    voices: [Voice; 16],
    rate: u32,
    rng: ChaCha8Rng,
    sounding: Vec<Sounding>,
    /// What was done to each channel.
    strips: Vec<Strip>,
}

impl Ensemble {
    /// Silence at `rate` samples a second; each channel plays its own of `voices`.
    pub(crate) fn new(voices: [Voice; 16], rate: u32, rng: ChaCha8Rng) -> Self {
        Ensemble {
            voices,
            rate,
            rng,
            sounding: Vec::new(),
            strips: vec![Strip::new(rate); 16],
        }
    }

    /// Begins or ends a note.
    pub(crate) fn play(&mut self, note: Note) {
        for sounding in &mut self.sounding {
            sounding.hear(note);
        }
        if let Note::On {
            channel,
            pitch,
            velocity,
        } = note
        {
            let begun = self.begun(channel, pitch, within(velocity, (0.0, 1.0), 0.0));
            self.add(begun);
        }
    }

    /// From now on each channel plays its own of `voices`. Notes whose keys are down go over to
    /// them, drums apart: what is struck is not held.
    pub(crate) fn set_voices(&mut self, voices: [Voice; 16]) {
        let before = std::mem::replace(&mut self.voices, voices);
        let frames = (CROSSFADE * self.rate as f32) as u32;
        let changes = |channel: u8| {
            let channel = usize::from(channel & 0x0F);
            before[channel] != voices[channel] && voices[channel] != Voice::DrumKit
        };
        let held = (self.sounding.iter_mut())
            .filter(|sounding| sounding.is_held() && changes(sounding.channel()));
        let handed_over: Vec<(u8, (u8, f32))> = held
            .map(|sounding| (sounding.channel(), sounding.hand_over(frames)))
            .collect();
        for (channel, (pitch, velocity)) in handed_over {
            let mut begun = self.begun(channel, pitch, velocity);
            begun.take_over(frames);
            self.add(begun);
        }
    }

    /// A note of the channel's voice.
    fn begun(&mut self, channel: u8, pitch: u8, velocity: f32) -> Sounding {
        let voice = self.voices[usize::from(channel & 0x0F)];
        let seed = self.rng.next_u32();
        let mut begun = Sounding::new(voice, (channel, pitch), velocity, self.rate, seed);
        if let Some(strip) = self.strips.get(usize::from(channel)) {
            begun.bend(strip.pitch());
        }
        begun
    }

    fn add(&mut self, begun: Sounding) {
        if self.sounding.len() >= MAX_SOUNDING {
            let quietest = (0..self.sounding.len()).min_by(|a, b| {
                self.sounding[*a]
                    .loudness()
                    .total_cmp(&self.sounding[*b].loudness())
            });
            quietest.map(|index| self.sounding.swap_remove(index));
        }
        self.sounding.push(begun);
    }

    /// Does something to a channel. Returns whether the voice can do it.
    pub(crate) fn change(&mut self, change: ChannelChange) -> bool {
        let channel = change.channel();
        let Some(strip) = self.strips.get_mut(usize::from(channel)) else {
            return false;
        };
        let is_followed = strip.change(change);
        let on_it = (self.sounding.iter_mut()).filter(|sounding| sounding.channel() == channel);
        let mut is_silent = true;
        for sounding in on_it {
            is_silent = false;
            sounding.bend(strip.pitch());
        }
        if is_silent {
            strip.settle();
        }
        let is_bend = matches!(change, ChannelChange::Bend { .. });
        is_followed && (!is_bend || self.voices[usize::from(channel & 0x0F)].can_bend())
    }

    /// Adds what sounds to interleaved stereo `samples`.
    pub(crate) fn render(&mut self, samples: &mut [f32]) {
        let frames = samples.len() / 2;
        let gains: Vec<_> = (self.strips.iter_mut())
            .map(|strip| strip.gains(frames))
            .collect();
        self.sounding.retain_mut(|note| {
            let gains = gains.get(usize::from(note.channel()));
            note.render(samples, gains)
        });
    }
}
