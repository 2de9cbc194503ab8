//! Turns a code for each bar, and what is asked at each sixteenth, into a melody that goes on.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use score_engine::{
    Build, Check, Control, Custom, Descriptor, Event, InputPort, Latent, Node, NodeError, Note,
    OutputPort, Params, Processor,
};

use super::super::grid::Grid;
use super::super::harmony::Following;
use super::super::pitch_range::check_octave;
use super::super::shape::{Shape, Shaping};
use super::super::theme;
use super::super::touch::{Part, TOUCH, Touch};
use super::super::voice::{Manner, Voice};
use super::asking::Asking;
use super::guiding::Guide;
use super::live_player::LivePlayer;
use super::model::Stream;
use super::offline_player::OfflinePlayer;
use super::own_theme::OwnTheme;
use super::player::Player;
use super::recall::Recall;
use crate::chords::Chords;
use crate::controls::{Controls, EXAMPLE};
use crate::model::{Manifest, Task, require_codes};

pub(super) const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent of each bar");
pub(super) const CUT: InputPort<Event> =
    InputPort::new(1, "cut", "a note and the new latent at the next sixteenth").optional();
pub(super) const CONTROLS: InputPort<Custom<Controls>> =
    Controls::input(2, "controls", "what is asked for, of `visual_controls`").optional();
pub(super) const ONSET: InputPort<Event> = InputPort::new(
    3,
    "onset",
    "asks for a note at the next sixteenth; of strength 0.5 and more, one that stands out",
)
.optional();
pub(super) const DENSITY: InputPort<Control> = InputPort::new(
    4,
    "density_ahead",
    "asks for notes in the bar to come: 0 none, 1 one on every sixteenth",
)
.optional();
pub(super) const REGISTER: InputPort<Control> = InputPort::new(
    5,
    "register_ahead",
    "asks for a height in the bar to come: 0 is MIDI 36, 1 MIDI 96",
)
.optional();
pub(super) const CONTOUR: InputPort<Control> = InputPort::new(
    6,
    "contour",
    "asks for a way: 0 an octave down, 0.5 level, 1 an octave up",
)
.optional();
pub(super) const NOVELTY: InputPort<Control> = InputPort::new(
    7,
    "novelty",
    "asks for bars that repeat, 0, up to ones like none of the last eight, 1",
)
.optional();
pub(super) const CHORDS: InputPort<Custom<Chords>> =
    Chords::input(8, "chords", "the chords that the melody follows").optional();
pub(super) const PHRASE: InputPort<Event> = theme::phrases(9);
pub(super) const NOTES: OutputPort<Note> =
    OutputPort::new(0, "notes", "the melody, one note at a time");

/// Far from where the notes' random numbers begin.
const TOUCHING: u128 = 1 << 60;

/// `stream_decoder`.
#[derive(Clone, Params)]
pub(crate) struct StreamDecoder {
    /// name of a stream model
    #[param(
        rebuild = "a model is loaded when its node is built",
        default = "stream"
    )]
    model: String,
    /// how freely tokens are drawn; 0: always the likeliest
    #[param(live, range = 0.0..=4.0, span = 0.0..=1.5, default = 0.7)]
    pub(super) temperature: f32,
    /// how many notes, in place of the latent's first component
    #[param(live, range = -4.0..=4.0, span = -2.0..=2.0, unit = "standard deviations")]
    density: Option<f32>,
    /// how high, in place of the second
    #[param(live, range = -4.0..=4.0, span = -2.0..=2.0, unit = "standard deviations")]
    register: Option<f32>,
    /// from the lowest to the highest note of a bar, in place of the third
    #[param(live, range = -4.0..=4.0, span = -2.0..=2.0, unit = "standard deviations")]
    range: Option<f32>,
    /// how much against the beat, in place of the fourth
    #[param(live, range = -4.0..=4.0, span = -2.0..=2.0, unit = "standard deviations")]
    syncopation: Option<f32>,
    /// with a key or chords: the lowest note, MIDI's number; 60 is middle C
    #[param(live, range = 0..=115, span = 36.0..=72.0, default = 0)]
    pub(super) lowest: u8,
    /// with a key or chords: the highest note
    #[param(live, range = 12..=127, span = 60.0..=96.0, default = 127)]
    pub(super) highest: u8,
    /// factor for the latent
    #[param(live, range = 0.0..=10.0, span = 0.0..=2.0, default = 1.0)]
    gain: f32,
    /// bring the latent to the usual length
    #[param(live, default = true)]
    normalise: bool,
    /// how hard notes are struck
    #[param(live, range = 0.01..=1.0, default = 0.8)]
    pub(super) velocity: f32,
    /// with chords: how freely velocities are played; 0: a machine, 1: a player
    #[param(live, range = 0.0..=2.0, default = 1.0)]
    looseness: f32,
    /// with chords: how much velocities differ; 1: as players do it
    #[param(live, range = 0.0..=2.0, default = 1.0)]
    dynamics: f32,
    /// MIDI channel, counted from 0
    #[param(live, range = 0..=15, default = 0)]
    channel: u8,
    /// a tune, .mid, that is played first and returns with its scene
    #[param(rebuild = "the file is read once", content = Notes)]
    theme: Option<PathBuf>,
    #[param(live, summary = theme::SCENE_SUMMARY)]
    theme_scene: Option<String>,
}

impl StreamDecoder {
    /// What stands in for the code's named components, the first ones.
    pub(super) fn knobs(&self) -> [Option<f32>; 4] {
        [self.density, self.register, self.range, self.syncopation]
    }

    /// The pitches within which the melody lies.
    pub(super) fn pitches(&self) -> RangeInclusive<u8> {
        self.lowest..=self.highest
    }

    /// What is done to a code.
    pub(super) fn shaping(&self) -> Shaping {
        Shaping {
            noise: 0.0,
            gain: self.gain,
            normalise: self.normalise,
        }
    }

    /// How notes are struck, but for a player's touch.
    pub(super) fn manner(&self) -> Manner {
        Manner {
            velocity: self.velocity,
            channel: self.channel,
            kit: None,
        }
    }

    /// The phrases that have the theme, where they are named.
    pub(super) fn scene(&self) -> Option<&str> {
        self.theme_scene.as_deref()
    }

    /// Looseness and dynamics of a player's touch.
    pub(super) fn touch(&self) -> (f32, f32) {
        (self.looseness, self.dynamics)
    }
}

impl Node for StreamDecoder {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "music",
            "stream_decoder",
            "Turns latents, and what is asked from moment to moment, into a melody that goes on",
        )
        .example(EXAMPLE)
        .details(DETAILS)
        .input(CODE)
        .input(CUT)
        .input(CONTROLS)
        .input(ONSET)
        .input(DENSITY)
        .input(REGISTER)
        .input(CONTOUR)
        .input(NOVELTY)
        .input(CHORDS)
        .input(PHRASE)
        .output(NOTES)
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
        require_codes(check, CODE, &self.model, dimension);
        check_octave(check, self.lowest, self.highest);
        let scene = self.theme_scene.as_deref();
        theme::check(check, PHRASE, self.theme.as_deref(), scene);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let stream = Stream::load(build.settings, &self.model)?;
        let layout = *stream.layout();
        let follows = build.is_wired(CHORDS);
        let touch = match follows {
            true => Some(Touch::load(build.settings, TOUCH, Part::Melody)?),
            false => None,
        };
        // A stream of its own, so that the notes do not depend on how they are struck.
        let mut touching = build.rng();
        touching.set_word_pos(TOUCHING);
        let scene = self.theme_scene.as_deref();
        let theme = theme::load(build, PHRASE, self.theme.as_deref(), scene)?
            .map(|theme| OwnTheme::new(theme, layout));
        let player = Player {
            strand: stream.begin(),
            guide: Guide::new(build.transport, theme.as_ref(), layout, stream.leads()),
            theme,
            chords: follows.then(Following::default),
            recall: Recall::default(),
            home: (!build.ends).then_some(None),
            touch,
            touching,
            code_is_new: false,
            ended: false,
            has_warned: false,
            stream,
            asking: Asking::new(build.is_wired(CUT)),
            voice: Voice::new(Grid::bar(build.transport), &layout),
            shape: Shape::default(),
            rng: build.rng(),
            code: None,
        };
        if build.ends {
            return Ok(Box::new(OfflinePlayer::new(player)));
        }
        Ok(Box::new(LivePlayer::new(player)))
    }
}

const DETAILS: &str = "The melody goes on across bars and scenes: the model remembers what it has \
    played. Each bar follows its own latent, the mean of those within it; a bar without one keeps \
    the last, and until the first there is silence. After a `cut` the next sixteenth begins a \
    note, and the latents from the cut on hold at once. `normalise` brings the mean to the length \
    that latents have, √dimension.\n\n\
    What comes along `controls`, or along the inputs of single ones, is asked for from the next \
    sixteenth on, until something else is; what no wire asks for the model is free in. A single \
    input goes before `controls`: a MIDI knob on `density_ahead` takes the notes out of the \
    picture's hands and leaves it the rest. What is asked for goes before the latent.\n\n\
    With `chords` wired the melody follows them: the models `lead` and `lead_transformer` were \
    taught to, and any other keeps to the scale and the chord, on strong places rather to the \
    chord. With chords, or with a key in the transport, no note lies outside the scale but those \
    of the chord. A bar whose latent and chords come again is played again, every third time with \
    another end; the piece's last note is the tonic, and rings.\n\n\
    With a `theme` the tune of that MIDI file is what the first scene's phrase plays, note for \
    note on sixteenths, and what returns with that scene, every third time with other ends of its \
    bars. The melody is the file's highest part of one voice, else the highest line of all its \
    notes; drums do not count. It is moved to the key of `chords`, or of the transport, and by \
    octaves to between `lowest` and `highest`; with `key: \"auto\"` the music is in the tune's own \
    key. `harmony` with the same `theme` finds chords for it. Where phrases begin comes along \
    `phrase`, from `planner`; without, the tune begins with the first bar, and its bars return \
    with their latents. A tune shorter than the phrase goes on as the model would; of a longer one \
    what the phrase has bars for is played. `theme_scene` gives it to another scene's phrases, by \
    their letter in the sheet music.\n\n\
    The parameters `density`, `register`, `range` and `syncopation` are knobs: 0 is what tunes \
    have in the mean, 2 more than nearly all, −2 less. Left out, the latent says it.\n\n\
    `stream` knows bars of 4/4: shorter ones leave its last sixteenths out, longer ones say its \
    last beat again. The models that follow chords know 3/4 and 6/8 as well, and play a bar of \
    12/8 as two of 6/8.\n\n\
    Live, each sixteenth is decided just before it sounds. A bar follows the latent that is the \
    newest when it begins; after a `cut`, the first latent from the cut on holds at the next \
    sixteenth.";
