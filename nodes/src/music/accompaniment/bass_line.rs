//! Plays the bass of the chords.

use score_engine::{Build, Check, Descriptor, Node, NodeError, Params, Processor};

use super::accompaniment_node::EXAMPLE;
use super::player::{self, Setup, Weaves};
use super::weaving::Hands;

/// Semitones from a piano's bass down to a bass's.
const OCTAVE: u8 = 12;

/// `bass_line`.
#[derive(Clone, Params)]
pub(crate) struct BassLine {
    #[param(nested)]
    setup: Setup,
    /// an octave lower than a piano's left hand
    #[param(live, default = true)]
    octave: bool,
    /// MIDI channel, counted from 0
    #[param(live, range = 0..=15, default = 2)]
    channel: u8,
}

impl Weaves for BassLine {
    fn setup(&self) -> &Setup {
        &self.setup
    }

    fn hands(&self) -> Hands {
        Hands::Bass(if self.octave { OCTAVE } else { 0 })
    }

    fn channel(&self) -> u8 {
        self.channel
    }
}

impl Node for BassLine {
    fn descriptor() -> Descriptor {
        player::ported(
            Descriptor::of::<Self>(
                "music",
                "bass_line",
                "Plays the bass of the chords, by a latent",
            )
            .example(EXAMPLE)
            .details(
                "The bass of the patterns that `accompaniment` plays, by the same model: roots \
                 above all where chords change, fifths, thirds and octaves between. Wired to \
                 the same latents and chords, both play together. `octave` puts it into an \
                 instrument's range, 24 to 48; without, it lies where a piano's left hand \
                 does.",
            ),
        )
        .in_bars()
        .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        self.setup.check(check);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        player::build(self, build)
    }
}
