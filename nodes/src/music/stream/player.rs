//! Plays the model, sixteenth after sixteenth: what a render and a live run share.

use rand_chacha::ChaCha8Rng;
use score_engine::{NodeError, Note, Value};

use super::super::shape::Shape;
use super::super::voice::Voice;
use super::asking::Asking;
use super::model::{Strand, Stream};
use crate::live;

/// The named components of a code, the first ones.
pub(super) const KNOBS: [&str; 4] = ["density", "register", "range", "syncopation"];

/// How much harder a note is struck that was asked to stand out.
const STRESS: f32 = 1.25;

/// A loaded model, how it plays, and the music so far.
pub(super) struct Player {
    pub(super) stream: Stream,
    pub(super) strand: Strand,
    pub(super) asking: Asking,
    pub(super) voice: Voice,
    pub(super) shape: Shape,
    /// What stands in for the code's named components.
    pub(super) knobs: [Option<f32>; KNOBS.len()],
    pub(super) temperature: f32,
    pub(super) rng: ChaCha8Rng,
    /// The code that holds.
    pub(super) code: Option<Vec<f32>>,
}

impl Player {
    /// From the next sixteenth on `code` holds.
    pub(super) fn follow(&mut self, code: Vec<f32>) -> Result<(), NodeError> {
        if code.len() != self.stream.dimension() {
            return Err(NodeError::internal("a code of another dimension arrived"));
        }
        self.code = Some(self.shape.apply(code));
        Ok(())
    }

    /// What is played at sixteenth `place`, counted from the start; with `cut` a note begins there, whatever was played.
    /// Silent until there is a code.
    pub(super) fn step(&mut self, place: u64, cut: bool) -> Result<Vec<Note>, NodeError> {
        let (asked, accent) = self.asking.now(cut);
        let Some(mut code) = self.code.clone() else {
            return Ok(Vec::new());
        };
        for (component, knob) in code.iter_mut().zip(self.knobs) {
            *component = knob.unwrap_or(*component);
        }
        let (_, sixteenth) = self.voice.chunk.place(place);
        let token = self.stream.go_on(
            &mut self.strand,
            (sixteenth, cut),
            &code,
            &asked,
            (self.temperature, &mut self.rng),
        )?;
        let mut notes = self.voice.say(Some(token), cut, sixteenth);
        for note in &mut notes {
            if let Note::On { velocity, .. } = note
                && accent
            {
                *velocity = (*velocity * STRESS).min(1.0);
            }
        }
        Ok(notes)
    }

    /// Takes a new value of a live parameter.
    pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        if let Some(knob) = KNOBS.iter().position(|knob| *knob == name) {
            self.knobs[knob] = match value {
                Value::Null => None,
                value => Some(live::number(name, value)? as f32),
            };
            return Ok(());
        }
        let number = live::number(name, value)? as f32;
        match name {
            "temperature" => self.temperature = number,
            "gain" => self.shape.gain = number,
            "velocity" => self.voice.velocity = number,
            _ => return Err(live::not_live(name)),
        }
        Ok(())
    }
}
