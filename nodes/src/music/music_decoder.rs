//! Turns codes into a melody with a decoder model.

use score_engine::{
    Build, Check, Descriptor, Mode, Node, NodeError, Param, Port, PortType, Processor,
};
use serde::Deserialize;

use super::drums;
use super::fitting::Fitting;
use super::melody::Melody;
use super::player::Player;
use super::shape::{Shape, noise};
use super::voice::{Chunk, Voice};
use crate::chords::Chords;
use crate::model::{Manifest, Task, require_codes};

/// `music_decoder`.
#[derive(Deserialize)]
pub(crate) struct MusicDecoder {
    model: String,
    temperature: f32,
    noise: f32,
    gain: f32,
    normalise: bool,
    velocity: f32,
    channel: u8,
}

impl Node for MusicDecoder {
    fn descriptor() -> Descriptor {
        Descriptor::new("music", "music_decoder", "Turns codes into a melody")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(model: "eye"),
                    "cuts": cut_detector(),
                    "tune": music_decoder(model: "melody", temperature: 0.5),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> eye -> tune -> notes", "film -> cuts", "cuts.cut -> tune.cut"]"#,
            )
            .details(
                "The music of each stretch of as many bars as the model knows (two) comes from the mean of the codes \
                 within it; a stretch without a code keeps the last, and until the first there is silence. So notes \
                 leave once their stretch is over. A `cut` divides its stretch: the next sixteenth begins a new \
                 phrase, from the mean of the codes from the cut on. A mean of many codes is shorter than each: \
                 `normalise` brings it to the length that codes have, √dimension. `noise` is the share of the components that one code, \
                 drawn from the patch's seed and the same throughout, replaces. In bars shorter than 4/4 the first \
                 sixteenths of each bar are heard; in longer ones the last note is held; in 9/8 and 12/8 a beat of the \
                 model's lies on each three eighths, as a shuffle has it.\n\n\
                 Live, the newest code is followed from each sixteenth to the next, and notes leave just before they \
                 sound. After a `cut` the next sixteenth begins a new phrase.\n\n\
                 With a key in the transport, or with `chords`, each phrase is moved as a whole to where most of it \
                 lies in the key. What is still beside the scale goes to its nearest tone, and on the first and third \
                 beat what clashes with the chord to the chord's; the piece's last note is the tonic. Without either \
                 it plays what the model says.\n\n\
                 A model of drums plays on channel 9, whatever `channel` says, and every stroke lies on its \
                 sixteenth: `drum_decoder` plays them as by hand.",
            )
            .input(Port::new("latent", PortType::Latent(None), "the code"))
            .input(Port::new("cut", PortType::Event, "begins a new phrase at the next sixteenth").optional())
            .input(Port::new("chords", Chords::port_type(), "the chords that it is brought to").optional())
            .output(Port::new("notes", PortType::Notes, "the melody, one note at a time"))
            .param(Param::text("model", "name of a music model").default("melody"))
            .param(Param::number("temperature", (0.0, 4.0), "how freely tokens are drawn; 0: always the likeliest").default(0.5).live())
            .param(Param::number("noise", (0.0, 1.0), "share of the code replaced by a constant random one").default(0.0))
            .param(Param::number("gain", (0.0, 10.0), "factor for the code").default(1.0).live())
            .param(Param::flag("normalise", "bring the mean code to the usual length").default(true))
            .param(Param::number("velocity", (0.01, 1.0), "how hard notes are struck").default(0.8).live())
            .param(Param::integer("channel", (0, 15), "MIDI channel, counted from 0").default(0))
            .in_bars()
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings)
            .and_then(|manifest| Ok(manifest.model(&self.model, Task::Music)?.latent));
        require_codes(check, &self.model, dimension);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let melody = Melody::load(build.settings, &self.model)?;
        let dimension = melody.dimension();
        let mut rng = build.rng();
        let layout = *melody.layout();
        let channel = if layout.drums {
            drums::CHANNEL
        } else {
            self.channel
        };
        let mut voice = Voice::new(
            Chunk::new(build.transport, &layout),
            &layout,
            channel,
            self.velocity,
        );
        let key = (build.transport.key).map(|key| key.key(build.transport.seed, Mode::Major));
        if !layout.drums && (key.is_some() || build.is_wired("chords")) {
            voice.fitting = Some(Fitting::new(key, layout));
        }
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
