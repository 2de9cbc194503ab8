//! What the nodes that weave declare and build alike.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use score_engine::{Build, Check, Descriptor, NodeError, Param, Port, PortType, Processor};
use serde::Deserialize;

use super::super::harmony::{Following, Steps};
use super::super::pacing::Pacing;
use super::super::touch::{Part, TOUCH, Touch};
use super::super::voice::Chunk;
use super::sounding::Sounding;
use super::texture::{Texture, Wishes};
use super::weaving::{Hands, Manner, WISHES, Weaving};
use crate::chords::Chords;
use crate::model::{Manifest, Task, require_codes};

/// The parameters that the nodes share, but for the channel, whose default differs.
#[derive(Deserialize)]
pub(super) struct Setup {
    model: String,
    temperature: f32,
    density: Option<f32>,
    register: Option<f32>,
    energy: Option<f32>,
    hold: u64,
    looseness: f32,
    dynamics: f32,
    velocity: f32,
    channel: u8,
}

/// Adds the ports and parameters that the nodes share.
pub(super) fn declared(descriptor: Descriptor) -> Descriptor {
    let wish = |name: &'static str, summary: &'static str| {
        Param::number(name, (-2.5, 2.5), summary)
            .unit("standard deviations")
            .optional()
            .live()
    };
    let asks = |name: &'static str, summary: &'static str| {
        Port::new(name, PortType::Control, summary).optional()
    };
    descriptor
        .input(Port::new(
            "latent",
            PortType::Latent(None),
            "the code of the pattern",
        ))
        .input(Port::new(
            "chords",
            Chords::port_type(),
            "the chords to play",
        ))
        .input(
            Port::new(
                "cut",
                PortType::Event,
                "another pattern at the next sixteenth",
            )
            .optional(),
        )
        .input(asks(WISHES[0], "how many strokes: 0 few, 1 many"))
        .input(asks(WISHES[1], "how high: 0 low, 1 high"))
        .input(asks(WISHES[2], "how loud and full: 0 soft, 1 loud"))
        .output(Port::new("notes", PortType::Notes, "the part"))
        .param(Param::text("model", "name of a texture model").default("texture"))
        .param(
            Param::number(
                "temperature",
                (0.0, 2.0),
                "how freely strokes are drawn; 0: always the likeliest",
            )
            .default(0.5)
            .live(),
        )
        .param(wish(
            WISHES[0],
            "how many strokes; left out: as the code says",
        ))
        .param(wish(WISHES[1], "how high"))
        .param(wish(WISHES[2], "how loud and full"))
        .param(
            Param::integer(
                "hold",
                (1, 64),
                "how long a pattern goes on where no cut ends it",
            )
            .unit("bars")
            .default(8)
            .live(),
        )
        .param(
            Param::number(
                "looseness",
                (0.0, 2.0),
                "how freely velocity and time are played; 0: a machine, 1: a player",
            )
            .default(1.0)
            .live(),
        )
        .param(
            Param::number(
                "dynamics",
                (0.0, 2.0),
                "how much velocities differ; 1: as players do it",
            )
            .default(1.0)
            .live(),
        )
        .param(
            Param::number(
                "velocity",
                (0.01, 1.0),
                "how hard notes are struck in the middle",
            )
            .default(0.6)
            .live(),
        )
}

impl Setup {
    /// Refuses a model that is not there, and codes that it does not read.
    pub(super) fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings).and_then(|manifest| {
            manifest.model(TOUCH, Task::Touch)?;
            Ok(manifest.model(&self.model, Task::Texture)?.latent)
        });
        require_codes(check, &self.model, dimension);
    }

    /// The processor that plays these hands.
    pub(super) fn build(
        &self,
        hands: Hands,
        build: &Build<'_>,
    ) -> Result<Box<dyn Processor>, NodeError> {
        let part = match hands {
            Hands::Bass(_) => Part::Bass,
            _ => Part::Accompaniment,
        };
        let manners = (self.looseness, self.dynamics);
        let weaving = Weaving {
            texture: Texture::load(build.settings, &self.model)?,
            touch: Touch::load(build.settings, TOUCH, part, manners)?,
            chords: Following::default(),
            steps: Steps::new(build.transport),
            manner: Manner {
                hands,
                temperature: self.temperature,
                velocity: self.velocity,
                wishes: [self.density, self.register, self.energy],
                hold: self.hold,
            },
            wished: Wishes::default(),
            sounding: Sounding::new(self.channel),
            rng: build.rng(),
            seed: build.transport.seed,
            pattern: ChaCha8Rng::seed_from_u64(build.transport.seed),
            newest: None,
            code: None,
            cut: false,
            ended: false,
        };
        Ok(Box::new(Pacing::new(weaving, Chunk::bar(build.transport))))
    }
}
