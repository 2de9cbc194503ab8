//! Plays chords as a pianist does.

use score_engine::{Build, Check, Descriptor, Node, NodeError, Param, Processor};
use serde::Deserialize;

use super::player::{self, Setup};
use super::weaving::Hands;

/// `accompaniment`.
#[derive(Deserialize)]
pub(crate) struct Accompaniment {
    #[serde(flatten)]
    setup: Setup,
    bass: bool,
}

impl Node for Accompaniment {
    fn descriptor() -> Descriptor {
        player::declared(
            Descriptor::new("music", "accompaniment", "Plays the chords in patterns of a piano, by a code")
                .example(EXAMPLE)
                .details(
                    "A pattern of two bars comes from a code, by a model of pop songs' pianos: which tones of the chord are \
                     struck when, over a bass. The same code on other chords is the same pattern. It holds for `hold` bars, \
                     or until a cut; a code that returns brings its pattern back. How hard and how long notes sound comes \
                     from a second model, of how those pianos were played.\n\n\
                     What comes along `density`, `register` and `energy` goes before the parameters of the same names: a \
                     control of 0 to 1 is −2 to 2 there. With `bass: false` the bass is left to `bass_line`.\n\n\
                     Where the piece closes, the whole chord is struck and rings.",
                ),
        )
        .param(Param::flag("bass", "play the bass as well").default(true))
        .param(Param::integer("channel", (0, 15), "MIDI channel, counted from 0").default(1))
        .in_bars()
        .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        self.setup.check(check);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let hands = if self.bass { Hands::Both } else { Hands::Upper };
        self.setup.build(hands, build)
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
