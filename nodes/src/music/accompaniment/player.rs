//! What the nodes that weave declare and build alike.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use score_engine::{
    Build, Check, Control, Custom, Descriptor, Event, InputPort, Latent, NodeError, Note,
    OutputPort, Params, Processor,
};

use super::super::harmony::{Following, Steps};
use super::super::pacing::Pacing;
use super::super::touch::{Part, TOUCH, Touch};
use super::sounding::Sounding;
use super::texture::{Texture, Wishes};
use super::weaving::{Hands, Weaving};
use crate::chords::Chords;
use crate::model::{Manifest, Task, require_codes};

/// The ports of every node that weaves.
pub(super) const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent of the pattern");
pub(super) const CHORDS: InputPort<Custom<Chords>> =
    Chords::input(1, "chords", "the chords to play");
pub(super) const CUT: InputPort<Event> =
    InputPort::new(2, "cut", "another pattern at the next sixteenth").optional();
/// What can be asked for, in the order of the model.
pub(super) const WISHES: [InputPort<Control>; 3] = [
    InputPort::new(3, "density", "how many strokes: 0 few, 1 many").optional(),
    InputPort::new(4, "register", "how high: 0 low, 1 high").optional(),
    InputPort::new(5, "energy", "how loud and full: 0 soft, 1 loud").optional(),
];
pub(super) const NOTES: OutputPort<Note> = OutputPort::new(0, "notes", "the part");

/// The parameters that the nodes share, but for the channel, which stands behind each one's own.
#[derive(Clone, Params)]
pub(super) struct Setup {
    /// name of a texture model
    #[param(
        rebuild = "a model is loaded when its node is built",
        default = "texture"
    )]
    model: String,
    /// how freely strokes are drawn; 0: always the likeliest
    #[param(live, range = 0.0..=2.0, span = 0.0..=1.5, default = 0.5)]
    pub(super) temperature: f32,
    /// how many strokes; left out: as the latent says
    #[param(live, range = -2.5..=2.5, span = -2.0..=2.0, unit = "standard deviations")]
    density: Option<f32>,
    /// how high
    #[param(live, range = -2.5..=2.5, span = -2.0..=2.0, unit = "standard deviations")]
    register: Option<f32>,
    /// how loud and full
    #[param(live, range = -2.5..=2.5, span = -2.0..=2.0, unit = "standard deviations")]
    energy: Option<f32>,
    /// how long a pattern goes on where no cut ends it
    #[param(live, range = 1..=64, span = 1.0..=16.0, unit = "bars", default = 8)]
    pub(super) hold: u64,
    /// how freely velocity and time are played; 0: a machine, 1: a player
    #[param(live, range = 0.0..=2.0, default = 1.0)]
    looseness: f32,
    /// how much velocities differ; 1: as players do it
    #[param(live, range = 0.0..=2.0, default = 1.0)]
    dynamics: f32,
    /// how hard notes are struck in the middle
    #[param(live, range = 0.01..=1.0, default = 0.6)]
    pub(super) velocity: f32,
}

/// The parameters of a node that weaves.
pub(super) trait Weaves {
    /// Those that such nodes share.
    fn setup(&self) -> &Setup;

    /// Which notes are played.
    fn hands(&self) -> Hands;

    /// On which channel, counted from 0.
    fn channel(&self) -> u8;
}

/// Adds the ports that the nodes share.
pub(super) fn ported(descriptor: Descriptor) -> Descriptor {
    let ported = descriptor.input(CODE).input(CHORDS).input(CUT);
    WISHES
        .into_iter()
        .fold(ported, Descriptor::input)
        .output(NOTES)
}

impl Setup {
    /// What is asked for, in the order of the model.
    pub(super) fn wishes(&self) -> Wishes {
        [self.density, self.register, self.energy]
    }

    /// Looseness and dynamics.
    pub(super) fn manners(&self) -> (f32, f32) {
        (self.looseness, self.dynamics)
    }

    /// Refuses a model that is not there, and codes that it does not read.
    pub(super) fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings).and_then(|manifest| {
            manifest.model(TOUCH, Task::Touch)?;
            Ok(manifest.model(&self.model, Task::Texture)?.latent)
        });
        require_codes(check, CODE, &self.model, dimension);
    }
}

/// The processor of a node that weaves.
pub(super) fn build<P: Weaves + 'static>(
    params: &P,
    build: &Build<'_>,
) -> Result<Box<dyn Processor<P>>, NodeError> {
    let part = match params.hands() {
        Hands::Bass(_) => Part::Bass,
        _ => Part::Accompaniment,
    };
    let weaving = Weaving {
        texture: Texture::load(build.settings, &params.setup().model)?,
        touch: Touch::load(build.settings, TOUCH, part)?,
        chords: Following::default(),
        steps: Steps::new(build.transport),
        wished: Wishes::default(),
        sounding: Sounding::default(),
        rng: build.rng(),
        seed: build.transport.seed,
        pattern: ChaCha8Rng::seed_from_u64(build.transport.seed),
        newest: None,
        code: None,
        cut: false,
        ended: false,
    };
    Ok(Box::new(Pacing::new(weaving, build)))
}
