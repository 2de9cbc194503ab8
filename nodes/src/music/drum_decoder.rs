//! Turns codes into drums that are struck as by hand.

use score_engine::{Build, Check, Descriptor, Node, NodeError, Param, Port, PortType, Processor};
use serde::Deserialize;

use super::drums;
use super::kit::Kit;
use super::melody::Melody;
use super::player::Player;
use super::shape::{Shape, noise};
use super::voice::{Chunk, Voice};
use crate::model::{Manifest, Task, require_codes};

/// `drum_decoder`.
#[derive(Deserialize)]
pub(crate) struct DrumDecoder {
    model: String,
    temperature: f32,
    noise: f32,
    gain: f32,
    normalise: bool,
    velocity: f32,
    dynamics: f32,
    looseness: f32,
    channel: u8,
}

impl Node for DrumDecoder {
    fn descriptor() -> Descriptor {
        Descriptor::new("music", "drum_decoder", "Turns codes into drums, struck as by hand")
            .details(
                "Which drums are struck at each sixteenth is decided as `music_decoder` decides on notes, from the \
                 same kind of codes and cuts. How hard and how early or late each stroke is, the model says as well, \
                 from what a drummer would do at that place of that beat: `dynamics` and `looseness` say how much of \
                 it is heard; at 0 it is a machine's. A stroke is at most 0.35 of a sixteenth early or late. Live, a \
                 step is decided that much earlier where strokes may be early (44 ms at 120 beats a minute); \
                 `looseness: 0` answers sooner.\n\n\
                 A model without a groove, such as an imported one, plays like a machine.",
            )
            .input(Port::new("latent", PortType::Latent(None), "the code"))
            .input(Port::new("cut", PortType::Event, "begins a new phrase at the next sixteenth").optional())
            .output(Port::new("notes", PortType::Notes, "the strokes, as keys of General MIDI's drums"))
            .param(Param::text("model", "name of a model of drums").default("drums"))
            .param(Param::number("temperature", (0.0, 4.0), "how freely strokes are drawn; 0: always the likeliest").default(0.5).live())
            .param(Param::number("noise", (0.0, 1.0), "share of the code replaced by a constant random one").default(0.0))
            .param(Param::number("gain", (0.0, 10.0), "factor for the code").default(1.0).live())
            .param(Param::flag("normalise", "bring the mean code to the usual length").default(true))
            .param(Param::number("velocity", (0.01, 1.0), "how hard drums are struck on average").default(0.7).live())
            .param(Param::number("dynamics", (0.0, 2.0), "how much harder some strokes are than others; 0: not at all, 1: as a drummer does").default(1.0).live())
            .param(Param::number("looseness", (0.0, 2.0), "how much strokes are early or late; 0: not at all, 1: as a drummer's").default(1.0).live())
            .param(Param::integer("channel", (0, 15), "MIDI channel, counted from 0").default(i64::from(drums::CHANNEL)))
            .follows_tempo()
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings).and_then(|manifest| {
            let model = manifest.model(&self.model, Task::Music)?;
            if !model.music.is_some_and(|layout| layout.drums) {
                return Err(NodeError::model(format!(
                    "`{}` makes melodies, but a model of drums is wanted",
                    self.model
                ))
                .help("`music_decoder` plays melodies; `score models list` names the models"));
            }
            Ok(model.latent)
        });
        require_codes(check, &self.model, dimension);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let melody = Melody::load(build.settings, &self.model)?.with_groove()?;
        let mut rng = build.rng();
        let layout = *melody.layout();
        let dimension = melody.dimension();
        let chunk = Chunk::new(build.transport, &layout);
        let mut voice = Voice::new(chunk, &layout, self.channel, self.velocity);
        voice.kit = Some(Kit {
            looseness: self.looseness,
            dynamics: self.dynamics,
        });
        let player = Player {
            shape: Shape {
                noise: noise(dimension, self.noise, &mut rng),
                gain: self.gain,
                normalise: self.normalise,
            },
            voice,
            melody,
            rng,
            temperature: self.temperature,
        };
        Ok(player.processor(build))
    }
}
