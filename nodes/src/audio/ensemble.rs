//! Notes of built-in voices that sound together.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use score_engine::{ChannelChange, Note};

use super::strip::Strip;
use super::voice::{Sounding, Voice};

/// More notes than this at once are more than anyone tells apart; the quietest gives way.
const MAX_SOUNDING: usize = 32;

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
        if let Note::On { velocity, .. } = note {
            if self.sounding.len() >= MAX_SOUNDING {
                let quietest = (0..self.sounding.len()).min_by(|a, b| {
                    self.sounding[*a]
                        .loudness()
                        .total_cmp(&self.sounding[*b].loudness())
                });
                quietest.map(|index| self.sounding.swap_remove(index));
            }
            let mut sounding = Sounding::new(
                self.voices[usize::from(note.channel() & 0x0F)],
                (note.channel(), note.pitch()),
                velocity.clamp(0.0, 1.0),
                self.rate,
                self.rng.next_u32(),
            );
            if let Some(strip) = self.strips.get(usize::from(note.channel())) {
                sounding.bend(strip.pitch());
            }
            self.sounding.push(sounding);
        }
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
