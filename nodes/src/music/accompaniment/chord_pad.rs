//! Holds the chords, as strings or a pad do.

use score_engine::{
    Build, Check, Custom, Descriptor, InputPort, Node, NodeError, Note, OutputPort, Params,
    Processor,
};

use super::super::harmony::Following;
use super::super::pacing::Pacing;
use super::super::pitch_range::check_octave;
use super::accompaniment_node::EXAMPLE;
use super::padding::Padding;
use super::sounding::Sounding;
use crate::chords::Chords;

pub(super) const CHORDS: InputPort<Custom<Chords>> =
    Chords::input(0, "chords", "the chords to hold");
pub(super) const HELD: OutputPort<Note> = OutputPort::new(0, "notes", "the held notes");

/// `chord_pad`.
#[derive(Clone, Params)]
pub(crate) struct ChordPad {
    /// how many notes sound
    #[param(live, range = 1..=6, default = 3)]
    pub(super) voices: usize,
    /// the lowest key, MIDI's number; 60 is middle C
    #[param(live, range = 0..=115, span = 36.0..=72.0, default = 55)]
    pub(super) lowest: u8,
    /// the highest key
    #[param(live, range = 12..=127, span = 60.0..=96.0, default = 74)]
    pub(super) highest: u8,
    /// how hard notes are struck
    #[param(live, range = 0.01..=1.0, default = 0.45)]
    pub(super) velocity: f32,
    /// MIDI channel, counted from 0
    #[param(live, range = 0..=15, default = 3)]
    pub(super) channel: u8,
}

impl Node for ChordPad {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "music",
            "chord_pad",
            "Holds the chords, each voice going to the nearest tone",
        )
        .example(EXAMPLE)
        .details(
            "For strings, a choir or a pad. Each chord is held until the next. A tone that \
             both have stays; the other voices go the shortest way to the new chord's tones \
             within `lowest` and `highest`. No model.",
        )
        .input(CHORDS)
        .output(HELD)
        .in_bars()
        .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        check_octave(check, self.lowest, self.highest);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let padding = Padding {
            chords: Following::default(),
            sounding: Sounding::default(),
            voiced: None,
        };
        Ok(Box::new(Pacing::new(padding, build)))
    }
}
