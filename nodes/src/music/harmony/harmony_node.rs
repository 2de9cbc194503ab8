//! Makes the chords of the music from the codes of its bars.

use std::path::PathBuf;

use score_engine::{
    Build, Check, Control, Custom, Descriptor, Event, InputPort, Latent, Node, NodeError,
    OutputPort, Params, Processor,
};

use super::chord_model::{ChordModel, Moods};
use super::live_harmony::LiveHarmony;
use super::offline_harmony::OfflineHarmony;
use super::progression::Progression;
use super::theme_chords::ThemeChords;
use crate::chords::Chords;
use crate::model::{Manifest, Task, require_codes};
use crate::music::theme;

pub(super) const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent of each bar");
pub(super) const CUT: InputPort<Event> =
    InputPort::new(1, "cut", "where scenes end: phrases close before them").optional();
pub(super) const CLOSE: InputPort<Event> = InputPort::new(
    2,
    "close",
    "a close is wanted: at the next bar line that is a bar away",
)
.optional();
/// Moods, in the order of the model.
pub(super) const MOODS: [InputPort<Control>; 3] = [
    InputPort::new(
        3,
        "brightness",
        "how bright: 0 minor chords, 0.5 as songs have them, 1 major",
    )
    .optional(),
    InputPort::new(
        4,
        "tension",
        "how tense: 0 plain triads, 1 sevenths and chords from outside the key",
    )
    .optional(),
    InputPort::new(5, "rate", "how often chords change: 0 seldom, 1 often").optional(),
];
pub(super) const PHRASE: InputPort<Event> = theme::phrases(6);

pub(super) const CHORDS: OutputPort<Custom<Chords>> =
    Chords::output(0, "chords", "the chords, in the transport's key");

/// `harmony`.
#[derive(Clone, Params)]
pub(crate) struct Harmony {
    /// name of a chord model
    #[param(
        rebuild = "a model is loaded when its node is built",
        default = "harmony"
    )]
    model: String,
    /// how freely chords are drawn; 0: always the likeliest
    #[param(live, range = 0.0..=2.0, span = 0.0..=1.5, default = 0.9)]
    pub(super) temperature: f32,
    /// how bright the next bars are; left out: as the latent says
    #[param(live, range = -2.5..=2.5, span = -2.0..=2.0, unit = "standard deviations")]
    brightness: Option<f32>,
    /// how tense
    #[param(live, range = -2.5..=2.5, span = -2.0..=2.0, unit = "standard deviations")]
    tension: Option<f32>,
    /// how often chords change
    #[param(live, range = -2.5..=2.5, span = -2.0..=2.0, unit = "standard deviations")]
    rate: Option<f32>,
    /// from close to close, at least; 0: only the end of the piece closes
    #[param(live, range = 0..=64, span = 2.0..=16.0, unit = "bars", default = 8)]
    pub(super) cadence: u64,
    /// a tune, .mid, under which chords come that fit it
    #[param(rebuild = "the file is read once", content = Notes)]
    theme: Option<PathBuf>,
    #[param(live, summary = theme::SCENE_SUMMARY)]
    theme_scene: Option<String>,
}

impl Harmony {
    /// The moods that are asked for, in the order of the model.
    pub(super) fn moods(&self) -> Moods {
        [self.brightness, self.tension, self.rate]
    }

    /// The phrases that have the theme, where they are named.
    pub(super) fn scene(&self) -> Option<&str> {
        self.theme_scene.as_deref()
    }
}

impl Node for Harmony {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "music",
            "harmony",
            "Makes the chords that melody, accompaniment and bass follow",
        )
        .example(EXAMPLE)
        .details(DETAILS)
        .input(CODE)
        .input(CUT)
        .input(CLOSE)
        .input(MOODS[0])
        .input(MOODS[1])
        .input(MOODS[2])
        .input(PHRASE)
        .output(CHORDS)
        .in_bars()
        .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings)
            .and_then(|manifest| Ok(manifest.model(&self.model, Task::Harmony)?.latent));
        require_codes(check, CODE, &self.model, dimension);
        let scene = self.theme_scene.as_deref();
        theme::check(check, PHRASE, self.theme.as_deref(), scene);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let scene = self.theme_scene.as_deref();
        let theme = theme::load(build, PHRASE, self.theme.as_deref(), scene)?;
        let model = ChordModel::load(build.settings, &self.model)?;
        let theme = theme.map(|(theme, statements)| ThemeChords::new(theme, statements));
        let progression = Progression::new(model, build.transport, theme, build.rng());
        if build.ends {
            return Ok(Box::new(OfflineHarmony::new(progression)));
        }
        Ok(Box::new(LiveHarmony::new(progression)))
    }
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

const DETAILS: &str = "Chords change on half bars (in 3/4, 6/8 and 9/8 on bars). Each comes from \
    what is likely after the chords before, and from the latent of its bar; the key is the \
    transport's. Without one there, or with `\"auto\"`, the seed draws the tonic, and the mode is \
    minor where `brightness`, or the first latent, is below 0. A bar whose latent comes again, as \
    `planner` lets it when a scene returns, brings its chords back.\n\n\
    Phrases close on the tonic. In a render the cuts and the end are known ahead: a phrase closes \
    before a cut that lies at least `cadence` bars after the close before, and the piece closes \
    with its last whole bar. Live nobody knows the next cut: every `cadence` bars a phrase closes, \
    and where `close` asks for it. In a render `close` counts as a cut does.\n\n\
    What comes along `brightness`, `tension` and `rate` is −2 to 2 for a control of 0 to 1, and is \
    added to the parameter of the same name.\n\n\
    With a `theme` chords fit that tune where it is played, as the notes in its file say, and are \
    the same whenever it comes; `stream_decoder` with the same `theme` plays it. With `\"auto\"` \
    the key is the tune's. Where phrases begin comes along `phrase`, from `planner`; without, the \
    tune is taken to begin with the first bar.\n\n\
    Live, a chord is decided a sixteenth before it sounds; after a cut, another one begins with \
    the next beat.";
