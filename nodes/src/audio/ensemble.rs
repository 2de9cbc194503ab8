//! Notes of a built-in voice that sound together.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use score_engine::Note;

use super::voice::{Sounding, Voice};

/// More notes than this at once are more than anyone tells apart; the quietest gives way.
const MAX_SOUNDING: usize = 32;

/// All that sounds.
pub(crate) struct Ensemble {
    voice: Voice,
    rate: u32,
    rng: ChaCha8Rng,
    sounding: Vec<Sounding>,
}

impl Ensemble {
    /// Silence at `rate` samples a second.
    pub(crate) fn new(voice: Voice, rate: u32, rng: ChaCha8Rng) -> Self {
        Ensemble {
            voice,
            rate,
            rng,
            sounding: Vec::new(),
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
            self.sounding.push(Sounding::new(
                self.voice,
                (note.channel(), note.pitch()),
                velocity.clamp(0.0, 1.0),
                self.rate,
                self.rng.next_u32(),
            ));
        }
    }

    /// Adds what sounds to interleaved stereo `samples`.
    pub(crate) fn render(&mut self, samples: &mut [f32]) {
        self.sounding.retain_mut(|note| note.render(samples));
    }
}
