//! Plays chords as a pianist does.

use score_engine::{Build, Check, Descriptor, Node, NodeError, Params, Processor};

use super::player::{self, Setup, Weaves};
use super::weaving::Hands;

/// `accompaniment`.
#[derive(Clone, Params)]
pub(crate) struct Accompaniment {
    #[param(nested)]
    setup: Setup,
    /// play the bass as well
    #[param(live, default = true)]
    bass: bool,
    /// MIDI channel, counted from 0
    #[param(live, range = 0..=15, default = 1)]
    channel: u8,
}

impl Weaves for Accompaniment {
    fn setup(&self) -> &Setup {
        &self.setup
    }

    fn hands(&self) -> Hands {
        if self.bass { Hands::Both } else { Hands::Upper }
    }

    fn channel(&self) -> u8 {
        self.channel
    }
}

impl Node for Accompaniment {
    fn descriptor() -> Descriptor {
        player::ported(
            Descriptor::of::<Self>(
                "music",
                "accompaniment",
                "Plays the chords in patterns of a piano, by a latent",
            )
            .example(EXAMPLE)
            .details(
                "A pattern of two bars comes from a latent, by a model of pop songs' pianos: \
                 which tones of the chord are struck when, over a bass. The same latent on other \
                 chords is the same pattern. It holds for `hold` bars, or until a cut; a latent \
                 that returns brings its pattern back. How hard and how long notes sound comes \
                 from a second model, of how those pianos were played.\n\n\
                 What comes along `density`, `register` and `energy` goes before the \
                 parameters of the same names: a control of 0 to 1 is −2 to 2 there. With \
                 `bass: false` the bass is left to `bass_line`.\n\n\
                 Where the piece closes, the whole chord is struck and rings.",
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

/// A patch with an accompaniment, for the nodes that have a part in it.
pub(super) const EXAMPLE: &str = r#"transport: (tempo: 92, key: "D minor", seed: 2),
    nodes: {
        "codes": latent_random(dimension: 64),
        "chords": chords_in(chords: "| Dm | Bb | F | C |"),
        "piano": accompaniment(bass: false),
        "bass": bass_line(),
        "strings": chord_pad(),
        "notes": midi_file(path: "chords.mid"),
    },
    wires: [
        "codes -> piano -> notes",
        "codes -> bass -> notes",
        "chords -> piano",
        "chords -> bass",
        "chords -> strings -> notes",
    ]"#;
