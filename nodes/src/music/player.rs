//! A loaded music model and how it plays, whichever node does.

use rand_chacha::ChaCha8Rng;
use score_engine::{
    Build, Custom, Event, InputPort, Latent, NodeError, Note, OutputPort, Processor,
};

use super::live_decoder::LiveDecoder;
use super::melody::{Melody, Said};
use super::offline_decoder::OfflineDecoder;
use super::shape::{Shape, Shaping};
use super::voice::{Manner, Voice};
use crate::chords::Chords;

/// The inputs of every node that plays such a model; chords are a melody's alone.
pub(super) const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent");
pub(super) const CUT: InputPort<Event> =
    InputPort::new(1, "cut", "begins a new phrase at the next sixteenth").optional();
pub(super) const CHORDS: InputPort<Custom<Chords>> =
    Chords::input(2, "chords", "the chords that it is brought to").optional();

/// The parameters of a node that plays such a model.
pub(super) trait Plays {
    /// Where it plays to.
    const NOTES: OutputPort<Note>;

    /// How freely tokens are drawn.
    fn temperature(&self) -> f32;

    /// What is done to a code.
    fn shaping(&self) -> Shaping;

    /// How notes are struck, where the model is one of drums or not.
    fn manner(&self, drums: bool) -> Manner;
}

/// A loaded model and how it plays.
pub(super) struct Player {
    pub(super) melody: Melody,
    pub(super) rng: ChaCha8Rng,
    pub(super) shape: Shape,
    pub(super) voice: Voice,
}

impl Player {
    /// How notes are struck.
    pub(super) fn manner(&self, params: &impl Plays) -> Manner {
        params.manner(self.melody.layout().drums)
    }

    /// What the model says of every step of a segment.
    pub(super) fn decode(
        &mut self,
        code: &[f32],
        temperature: f32,
    ) -> Result<Vec<Said>, NodeError> {
        let mut phrase = self.melody.begin(code)?;
        (0..self.melody.layout().steps)
            .map(|_| self.melody.say(&mut phrase, temperature, &mut self.rng))
            .collect()
    }

    /// A processor that plays: in a run that ends segment by segment, else by the clock.
    pub(super) fn processor<P: Plays + 'static>(
        self,
        params: &P,
        build: &Build<'_>,
    ) -> Box<dyn Processor<P>> {
        if !build.ends {
            return Box::new(LiveDecoder::new(self));
        }
        let manner = self.manner(params);
        Box::new(OfflineDecoder::new(self, manner))
    }
}
