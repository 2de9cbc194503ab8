//! Holds the chords, as strings or a pad do.

use score_engine::{Build, Check, Descriptor, Node, NodeError, Param, Port, PortType, Processor};
use serde::Deserialize;

use super::super::harmony::Following;
use super::super::pacing::Pacing;
use super::super::voice::Chunk;
use super::accompaniment_node::EXAMPLE;
use super::padding::Padding;
use super::sounding::Sounding;
use crate::chords::Chords;

/// The narrowest range that holds a chord of four tones.
const NARROWEST: u8 = 12;

/// `chord_pad`.
#[derive(Deserialize)]
pub(crate) struct ChordPad {
    voices: usize,
    lowest: u8,
    highest: u8,
    velocity: f32,
    channel: u8,
}

impl Node for ChordPad {
    fn descriptor() -> Descriptor {
        Descriptor::new("music", "chord_pad", "Holds the chords, each voice going to the nearest tone")
            .example(EXAMPLE)
            .details(
                "For strings, a choir or a pad. Each chord is held until the next. A tone that both have stays; the other \
                 voices go the shortest way to the new chord's tones within `lowest` and `highest`. No model.",
            )
            .input(Port::new("chords", Chords::port_type(), "the chords to hold"))
            .output(Port::new("notes", PortType::Notes, "the held notes"))
            .param(Param::integer("voices", (1, 6), "how many notes sound").default(3).live())
            .param(Param::integer("lowest", (0, 115), "the lowest key, MIDI's number; 60 is middle C").default(55).live())
            .param(Param::integer("highest", (12, 127), "the highest key").default(74).live())
            .param(Param::number("velocity", (0.01, 1.0), "how hard notes are struck").default(0.45).live())
            .param(Param::integer("channel", (0, 15), "MIDI channel, counted from 0").default(3))
            .in_bars()
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.highest < self.lowest.saturating_add(NARROWEST) {
            check.refuse(
                "highest",
                format!(
                    "from {} to {} there is no octave",
                    self.lowest, self.highest
                ),
                Some("`highest` lies at least 12 above `lowest`".to_owned()),
            );
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let padding = Padding {
            chords: Following::default(),
            voices: self.voices,
            range: (self.lowest, self.highest),
            velocity: self.velocity,
            sounding: Sounding::new(self.channel),
        };
        Ok(Box::new(Pacing::new(padding, Chunk::bar(build.transport))))
    }
}
