//! A loaded music model and how it plays, whichever node does.

use rand_chacha::ChaCha8Rng;
use score_engine::{Build, NodeError, Processor, Value};

use super::decoding::Decoding;
use super::melody::{Melody, Said};
use super::shape::Shape;
use super::stepping::Stepping;
use super::voice::Voice;
use crate::live;

pub(super) const LATENT: usize = 0;
pub(super) const CHORDS: usize = 2;

/// A loaded model and how it plays.
pub(super) struct Player {
    pub(super) melody: Melody,
    pub(super) rng: ChaCha8Rng,
    pub(super) temperature: f32,
    pub(super) shape: Shape,
    pub(super) voice: Voice,
}

impl Player {
    /// What the model says of every step of a stretch.
    pub(super) fn decode(&mut self, code: &[f32]) -> Result<Vec<Said>, NodeError> {
        let mut phrase = self.melody.begin(code)?;
        (0..self.melody.layout().steps)
            .map(|_| {
                self.melody
                    .say(&mut phrase, self.temperature, &mut self.rng)
            })
            .collect()
    }

    /// A processor that plays: as the clock goes where there is one, else stretch by stretch.
    pub(super) fn processor(self, build: &Build<'_>) -> Box<dyn Processor> {
        if build.clock.is_some() {
            return Box::new(Stepping::new(self));
        }
        Box::new(Decoding::new(self))
    }

    /// Takes a new value of a live parameter.
    pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        let number = live::number(name, value)? as f32;
        match (name, &mut self.voice.kit) {
            ("temperature", _) => self.temperature = number,
            ("gain", _) => self.shape.gain = number,
            ("velocity", _) => self.voice.velocity = number,
            ("looseness", Some(kit)) => kit.looseness = number,
            ("dynamics", Some(kit)) => kit.dynamics = number,
            _ => return Err(live::not_live(name)),
        }
        Ok(())
    }
}
