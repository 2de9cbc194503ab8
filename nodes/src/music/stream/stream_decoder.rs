//! Turns a code for each bar, and what is asked at each sixteenth, into a melody that goes on.

use std::path::PathBuf;

use score_engine::{
    Build, Check, Descriptor, KeyChoice, Mode, Node, NodeError, Param, Port, PortType, Processor,
};
use serde::Deserialize;

use super::super::harmony::{Following, Steps};
use super::super::shape::Shape;
use super::super::theme;
use super::super::touch::{Part, TOUCH, Touch};
use super::super::voice::{Chunk, Voice};
use super::asking::Asking;
use super::guiding::Guide;
use super::model::Stream;
use super::own_theme::OwnTheme;
use super::player::Player;
use super::recall::Recall;
use super::rendering::Rendering;
use super::streaming::Streaming;
use crate::chords::Chords;
use crate::controls::{Controls, EXAMPLE};
use crate::model::{Manifest, Task, require_codes};

pub(super) const LATENT: usize = 0;
pub(super) const CUT: usize = 1;
pub(super) const CONTROLS: usize = 2;
pub(super) const ONSET: usize = 3;
pub(super) const DENSITY: usize = 4;
pub(super) const REGISTER: usize = 5;
pub(super) const CONTOUR: usize = 6;
pub(super) const NOVELTY: usize = 7;
pub(super) const CHORDS: usize = 8;
pub(super) const PHRASE: usize = 9;

/// A melody has at least so many semitones, so that every chord has its tones within.
const NARROWEST: u8 = 12;

/// Far from where the notes' random numbers begin.
const TOUCHING: u128 = 1 << 60;

/// `stream_decoder`.
#[derive(Deserialize)]
pub(crate) struct StreamDecoder {
    model: String,
    temperature: f32,
    density: Option<f32>,
    register: Option<f32>,
    range: Option<f32>,
    syncopation: Option<f32>,
    lowest: u8,
    highest: u8,
    gain: f32,
    normalise: bool,
    velocity: f32,
    looseness: f32,
    dynamics: f32,
    channel: u8,
    theme: Option<PathBuf>,
    theme_scene: Option<String>,
}

impl Node for StreamDecoder {
    fn descriptor() -> Descriptor {
        let knob = |name: &'static str, summary: &'static str| {
            Param::number(name, (-4.0, 4.0), summary)
                .unit("standard deviations")
                .optional()
                .live()
        };
        let asks = |name: &'static str, summary: &'static str| {
            Port::new(name, PortType::Control, summary).optional()
        };
        Descriptor::new(
            "music",
            "stream_decoder",
            "Turns codes, and what is asked from moment to moment, into a melody that goes on",
        )
            .example(EXAMPLE)
        .details(DETAILS)
        .input(Port::new("latent", PortType::Latent(None), "the code of each bar"))
        .input(Port::new("cut", PortType::Event, "a note and the new code at the next sixteenth").optional())
        .input(Port::new("controls", Controls::port_type(), "what is asked for, of `visual_controls`").optional())
        .input(Port::new("onset", PortType::Event, "asks for a note at the next sixteenth; of strength 0.5 and more, one that stands out").optional())
        .input(asks("density_ahead", "asks for notes in the bar to come: 0 none, 1 one on every sixteenth"))
        .input(asks("register_ahead", "asks for a height in the bar to come: 0 is MIDI 36, 1 MIDI 96"))
        .input(asks("contour", "asks for a way: 0 an octave down, 0.5 level, 1 an octave up"))
        .input(asks("novelty", "asks for bars that repeat, 0, up to ones like none of the last eight, 1"))
        .input(Port::new("chords", Chords::port_type(), "the chords that the melody follows").optional())
        .input(theme::port())
        .output(Port::new("notes", PortType::Notes, "the melody, one note at a time"))
        .param(Param::text("model", "name of a stream model").default("stream"))
        .param(Param::number("temperature", (0.0, 4.0), "how freely tokens are drawn; 0: always the likeliest").default(0.7).live())
        .param(knob("density", "how many notes, in place of the code's first component"))
        .param(knob("register", "how high, in place of the second"))
        .param(knob("range", "from the lowest to the highest note of a bar, in place of the third"))
        .param(knob("syncopation", "how much against the beat, in place of the fourth"))
        .param(Param::integer("lowest", (0, 115), "with a key or chords: the lowest note, MIDI's number; 60 is middle C").default(0))
        .param(Param::integer("highest", (12, 127), "with a key or chords: the highest note").default(127))
        .param(Param::number("gain", (0.0, 10.0), "factor for the code").default(1.0).live())
        .param(Param::flag("normalise", "bring the code to the usual length").default(true))
        .param(Param::number("velocity", (0.01, 1.0), "how hard notes are struck").default(0.8).live())
        .param(Param::number("looseness", (0.0, 2.0), "with chords: how freely velocities are played; 0: a machine, 1: a player").default(1.0).live())
        .param(Param::number("dynamics", (0.0, 2.0), "with chords: how much velocities differ; 1: as players do it").default(1.0).live())
        .param(Param::integer("channel", (0, 15), "MIDI channel, counted from 0").default(0))
        .param(theme::file("a tune, .mid, that is played first and returns with its scene"))
        .param(theme::scene())
        .in_bars()
        .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings).and_then(|manifest| {
            let lead = manifest.model(&self.model, Task::Lead);
            Ok(lead
                .or_else(|_| manifest.model(&self.model, Task::Stream))?
                .latent)
        });
        require_codes(check, &self.model, dimension);
        if self.highest < self.lowest.saturating_add(NARROWEST) {
            let why = format!(
                "from {} to {} there is no octave",
                self.lowest, self.highest
            );
            let help = "`highest` lies at least 12 above `lowest`".to_owned();
            check.refuse("highest", why, Some(help));
        }
        theme::check(check, self.theme.as_deref(), self.theme_scene.as_deref());
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let stream = Stream::load(build.settings, &self.model)?;
        let layout = *stream.layout();
        let steps = Steps::new(build.transport);
        let manner = (self.looseness, self.dynamics);
        let follows = build.is_wired("chords");
        let touch = match follows {
            true => Some(Touch::load(build.settings, TOUCH, Part::Melody, manner)?),
            false => None,
        };
        // A stream of its own, so that the notes do not depend on how they are struck.
        let mut touching = build.rng();
        touching.set_word_pos(TOUCHING);
        let range = self.lowest..=self.highest;
        let theme = theme::load(build, self.theme.as_deref(), self.theme_scene.as_deref())?
            .map(|theme| OwnTheme::new(theme, range.clone(), layout));
        let player = Player {
            strand: stream.begin(),
            guide: Guide {
                key: match (build.transport.key, &theme) {
                    // A key that nobody chose is the theme's own.
                    (Some(KeyChoice::Auto), Some(theme)) => Some(theme.key()),
                    (key, _) => key.map(|key| key.key(build.transport.seed, Mode::Major)),
                },
                metre: steps.metre(),
                layout,
                leads: stream.leads(),
                range,
            },
            theme,
            chords: follows.then(Following::default),
            recall: Recall::default(),
            touch,
            manner,
            touching,
            code_is_new: false,
            ended: false,
            told_left: false,
            stream,
            asking: Asking::new(build.is_wired("cut")),
            voice: Voice::new(
                Chunk::bar(build.transport),
                &layout,
                self.channel,
                self.velocity,
            ),
            shape: Shape {
                noise: Vec::new(),
                gain: self.gain,
                normalise: self.normalise,
            },
            knobs: [self.density, self.register, self.range, self.syncopation],
            temperature: self.temperature,
            rng: build.rng(),
            code: None,
        };
        if build.clock.is_some() {
            return Ok(Box::new(Streaming::new(player)));
        }
        Ok(Box::new(Rendering::new(player)))
    }
}

const DETAILS: &str = "The melody goes on across bars and scenes: the model remembers what it has played. Each bar follows \
    its own code, the mean of those within it; a bar without one keeps the last, and until the first there is silence. \
    After a `cut` the next sixteenth begins a note, and the codes from the cut on hold at once. `normalise` brings the \
    mean to the length that codes have, √dimension.\n\n\
    What comes along `controls`, or along the inputs of single ones, is asked for from the next sixteenth on, until \
    something else is; what no wire asks for the model is free in. A single input goes before `controls`: a MIDI \
    knob on `density_ahead` takes the notes out of the picture's hands and leaves it the rest. What is asked for goes \
    before the code.\n\n\
    With `chords` wired the melody follows them: the models `lead` and `lead_transformer` were taught to, and any other \
    keeps to the scale and the chord, on strong places rather to the chord. With chords, or with a key in the transport, \
    no note lies outside the scale but those of the chord. A bar whose code and chords come again is played again, every \
    third time with another end; \
    the piece's last note is the tonic, and rings.\n\n\
    With a `theme` the tune of that MIDI file is what the first scene's phrase plays, note for note on sixteenths, and what \
    returns with that scene, every third time with other ends of its bars. The melody is the file's highest part of one \
    voice, else the highest line of all its notes; drums do not count. It is moved to the key of `chords`, or of the \
    transport, and by octaves to between `lowest` and `highest`; with `key: \"auto\"` the music is in the tune's own key. \
    `harmony` with the same `theme` finds chords for it. Where phrases begin comes along `phrase`, from `planner`; without, \
    the tune begins with the first bar, and its bars return with their codes. A tune shorter than the phrase goes on as the \
    model would; of a longer one what the phrase has bars for is played. `theme_scene` gives it to another scene's phrases, \
    by their letter in the sheet music.\n\n\
    The parameters `density`, `register`, `range` and `syncopation` are knobs: 0 is what tunes have in the mean, 2 \
    more than nearly all, −2 less. Left out, the code says it.\n\n\
    `stream` knows bars of 4/4: shorter ones leave its last sixteenths out, longer ones say its last beat again. The models \
    that follow chords know 3/4 and 6/8 as well, and play a bar of 12/8 as two of 6/8.\n\n\
    Live, each sixteenth is decided just before it sounds. A bar follows the code that is the newest when it begins; \
    after a `cut`, the first code from the cut on holds at the next sixteenth.";

#[cfg(test)]
mod tests {
    use score_engine::Registry;

    use super::*;

    #[test]
    fn the_constants_are_the_places_of_the_inputs() {
        let descriptor = StreamDecoder::descriptor();
        let named = [
            (LATENT, "latent"),
            (CUT, "cut"),
            (CONTROLS, "controls"),
            (ONSET, "onset"),
            (DENSITY, "density_ahead"),
            (REGISTER, "register_ahead"),
            (CONTOUR, "contour"),
            (NOVELTY, "novelty"),
            (CHORDS, "chords"),
            (PHRASE, "phrase"),
        ];
        assert_eq!(named.len(), descriptor.inputs.len());
        for (place, name) in named {
            assert_eq!(descriptor.inputs[place].name, name);
        }
        let mut registry = Registry::new();
        registry.add::<StreamDecoder>();
        assert!(registry.kind("stream_decoder").is_some());
    }
}
