//! Plays the bass of the chords.

use score_engine::{Build, Check, Descriptor, Node, NodeError, Param, Processor};
use serde::Deserialize;

use super::accompaniment_node::EXAMPLE;
use super::player::{self, Setup};
use super::weaving::Hands;

/// Semitones from a piano's bass down to a bass's.
const OCTAVE: u8 = 12;

/// `bass_line`.
#[derive(Deserialize)]
pub(crate) struct BassLine {
    #[serde(flatten)]
    setup: Setup,
    octave: bool,
}

impl Node for BassLine {
    fn descriptor() -> Descriptor {
        player::declared(
            Descriptor::new("music", "bass_line", "Plays the bass of the chords, by a code")
                .example(EXAMPLE)
                .details(
                    "The bass of the patterns that `accompaniment` plays, by the same model: roots above all where chords \
                     change, fifths, thirds and octaves between. Wired to the same codes and chords, both play \
                     together. `octave` puts it into an instrument's range, 24 to 48; without, it lies where a piano's left hand does.",
                ),
        )
        .param(Param::flag("octave", "an octave lower than a piano's left hand").default(true))
        .param(Param::integer("channel", (0, 15), "MIDI channel, counted from 0").default(2))
        .in_bars()
        .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        self.setup.check(check);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let hands = Hands::Bass(if self.octave { OCTAVE } else { 0 });
        self.setup.build(hands, build)
    }
}
