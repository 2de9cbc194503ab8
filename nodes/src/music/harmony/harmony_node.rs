//! Makes the chords of the music from the codes of its bars.

use std::path::PathBuf;

use score_engine::{
    Build, Check, Descriptor, KeyChoice, Node, NodeError, Param, Port, PortType, Processor, Value,
};
use serde::Deserialize;

use super::chord_model::ChordModel;
use super::composing::Composing;
use super::progression::{Home, Progression, Taste};
use super::steps::Steps;
use super::theme_chords::ThemeChords;
use super::unfolding::Unfolding;
use crate::chords::Chords;
use crate::live;
use crate::model::{Manifest, Task, require_codes};
use crate::music::theme;

pub(super) const LATENT: usize = 0;
pub(super) const CUT: usize = 1;
pub(super) const CLOSE: usize = 2;
pub(super) const BRIGHTNESS: usize = 3;
pub(super) const TENSION: usize = 4;
pub(super) const RATE: usize = 5;
pub(super) const PHRASE: usize = 6;

pub(super) const CHORDS: usize = 0;

/// The moods' names as parameters, in the order of the model.
const MOODS: [&str; 3] = ["brightness", "tension", "rate"];

/// `harmony`.
#[derive(Deserialize)]
pub(crate) struct Harmony {
    model: String,
    temperature: f32,
    brightness: Option<f32>,
    tension: Option<f32>,
    rate: Option<f32>,
    cadence: u64,
    theme: Option<PathBuf>,
    theme_scene: Option<String>,
}

impl Node for Harmony {
    fn descriptor() -> Descriptor {
        let mood = |name: &'static str, summary: &'static str| {
            Param::number(name, (-2.5, 2.5), summary)
                .unit("standard deviations")
                .optional()
                .live()
        };
        let wish = |name: &'static str, summary: &'static str| {
            Port::new(name, PortType::Control, summary).optional()
        };
        Descriptor::new(
            "music",
            "harmony",
            "Makes the chords that melody, accompaniment and bass follow",
        )
        .example(EXAMPLE)
        .details(DETAILS)
        .input(Port::new(
            "latent",
            PortType::Latent(None),
            "the code of each bar",
        ))
        .input(
            Port::new(
                "cut",
                PortType::Event,
                "where scenes end: phrases close before them",
            )
            .optional(),
        )
        .input(
            Port::new(
                "close",
                PortType::Event,
                "a close is wanted: at the next bar line that is a bar away",
            )
            .optional(),
        )
        .input(wish(
            "brightness",
            "how bright: 0 minor chords, 0.5 as songs have them, 1 major",
        ))
        .input(wish(
            "tension",
            "how tense: 0 plain triads, 1 sevenths and chords from outside the key",
        ))
        .input(wish("rate", "how often chords change: 0 seldom, 1 often"))
        .input(theme::port())
        .output(Port::new(
            "chords",
            Chords::port_type(),
            "the chords, in the transport's key",
        ))
        .param(Param::text("model", "name of a chord model").default("harmony"))
        .param(
            Param::number(
                "temperature",
                (0.0, 2.0),
                "how freely chords are drawn; 0: always the likeliest",
            )
            .default(0.9)
            .live(),
        )
        .param(mood(
            "brightness",
            "how bright the next bars are; left out: as the code says",
        ))
        .param(mood("tension", "how tense"))
        .param(mood("rate", "how often chords change"))
        .param(
            Param::integer(
                "cadence",
                (0, 64),
                "from close to close, at least; 0: only the end of the piece closes",
            )
            .unit("bars")
            .default(8)
            .live(),
        )
        .param(theme::file(
            "a tune, .mid, under which chords come that fit it",
        ))
        .param(theme::scene())
        .in_bars()
        .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings)
            .and_then(|manifest| Ok(manifest.model(&self.model, Task::Harmony)?.latent));
        require_codes(check, &self.model, dimension);
        theme::check(check, self.theme.as_deref(), self.theme_scene.as_deref());
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let theme = theme::load(build, self.theme.as_deref(), self.theme_scene.as_deref())?;
        let choice = build.transport.key.unwrap_or(KeyChoice::Auto);
        let home = Home {
            // A key that nobody chose is the theme's own.
            choice: match (choice, &theme) {
                (KeyChoice::Auto, Some((theme, _))) => KeyChoice::Of(theme.key),
                (choice, _) => choice,
            },
            seed: build.transport.seed,
        };
        let taste = Taste {
            temperature: self.temperature,
            moods: [self.brightness, self.tension, self.rate],
            cadence: self.cadence,
        };
        let model = ChordModel::load(build.settings, &self.model)?;
        let steps = Steps::new(build.transport);
        let mut progression = Progression::new(model, steps, home, taste, build.rng());
        progression.theme = theme.map(|(theme, statements)| ThemeChords::new(theme, statements));
        if build.clock.is_some() {
            return Ok(Box::new(Unfolding::new(progression)));
        }
        Ok(Box::new(Composing::new(progression)))
    }
}

/// Takes a new value of a live parameter.
pub(super) fn set(taste: &mut Taste, name: &str, value: &Value) -> Result<(), NodeError> {
    if let Some(mood) = MOODS.iter().position(|mood| *mood == name) {
        taste.moods[mood] = live::optional(name, value)?;
        return Ok(());
    }
    let number = live::number(name, value)?;
    match name {
        "temperature" => taste.temperature = number as f32,
        "cadence" => taste.cadence = number.max(0.0) as u64,
        _ => return Err(live::not_live(name)),
    }
    Ok(())
}

/// A patch with chords, for the nodes that have a part in it.
pub(crate) const EXAMPLE: &str = r#"transport: (tempo: 96, key: "auto", seed: 3),
    nodes: {
        "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
        "eye": frame_encoder(model: "eye"),
        "map": latent_map(whiten: whole_film),
        "cuts": cut_detector(),
        "plan": planner(),
        "chords": harmony(cadence: 8),
        "tune": stream_decoder(),
        "notes": midi_file(path: "film.mid"),
    },
    wires: [
        "film -> eye -> map -> plan -> chords -> tune -> notes",
        "plan -> tune",
        "film -> cuts",
        "cuts.cut -> plan.cut",
        "cuts.cut -> chords.cut",
        "cuts.cut -> tune.cut",
    ]"#;

const DETAILS: &str = "Chords change on half bars (in 3/4, 6/8 and 9/8 on bars). Each comes from what is likely after the chords \
    before, and from the code of its bar; the key is the transport's. Without one there, or with `\"auto\"`, the seed \
    draws the tonic, and the mode is minor where `brightness`, or the first code, is below 0. A bar whose code comes \
    again, as `planner` lets it when a scene returns, brings its chords back.\n\n\
    Phrases close on the tonic. In a render the cuts and the end are known ahead: a phrase closes before a cut that \
    lies at least `cadence` bars after the close before, and the piece closes with its last whole bar. Live nobody \
    knows the next cut: every `cadence` bars a phrase closes, and where `close` asks for it. In a render `close` counts as \
     a cut does.\n\n\
    What comes along `brightness`, `tension` and `rate` is −2 to 2 for a control of 0 to 1, and is added to the parameter of \
    the same name.\n\n\
    With a `theme` chords fit that tune where it is played, as the notes in its file say, and are the same whenever it \
    comes; `stream_decoder` with the same `theme` plays it. With `\"auto\"` the key is the tune's. Where phrases begin \
    comes along `phrase`, from `planner`; without, the tune is taken to begin with the first bar.\n\n\
    Live, a chord is decided a sixteenth before it sounds; after a cut, another one begins with the next beat.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_places_of_the_inputs() {
        let descriptor = Harmony::descriptor();
        let named = [
            (LATENT, "latent"),
            (CUT, "cut"),
            (CLOSE, "close"),
            (BRIGHTNESS, MOODS[0]),
            (TENSION, MOODS[1]),
            (RATE, MOODS[2]),
            (PHRASE, "phrase"),
        ];
        assert_eq!(named.len(), descriptor.inputs.len());
        for (place, name) in named {
            assert_eq!(descriptor.inputs[place].name, name);
        }
    }
}
