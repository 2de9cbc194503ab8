//! Turns codes into a melody with a decoder model.

use score_engine::{
    Build, Check, Descriptor, Node, NodeError, Note, OutputPort, Params, Processor,
};

use super::drums;
use super::fitting::Fitting;
use super::grid::Grid;
use super::melody::Melody;
use super::player::{CHORDS, CODE, CUT, Player, Plays};
use super::shape::{Shape, Shaping};
use super::voice::{Manner, Voice};
use crate::model::{Manifest, Task, require_codes};

/// `music_decoder`.
#[derive(Clone, Params)]
pub(crate) struct MusicDecoder {
    /// name of a music model
    #[param(
        rebuild = "a model is loaded when its node is built",
        default = "melody"
    )]
    model: String,
    /// how freely tokens are drawn; 0: always the likeliest
    #[param(live, range = 0.0..=4.0, span = 0.0..=1.5, default = 0.5)]
    temperature: f32,
    /// share of the latent replaced by a constant random one
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    noise: f32,
    /// factor for the latent
    #[param(live, range = 0.0..=10.0, span = 0.0..=2.0, default = 1.0)]
    gain: f32,
    /// bring the mean latent to the usual length
    #[param(live, default = true)]
    normalise: bool,
    /// how hard notes are struck
    #[param(live, range = 0.01..=1.0, default = 0.8)]
    velocity: f32,
    /// MIDI channel, counted from 0
    #[param(live, range = 0..=15, default = 0)]
    channel: u8,
}

impl Plays for MusicDecoder {
    const NOTES: OutputPort<Note> = OutputPort::new(0, "notes", "the melody, one note at a time");

    fn temperature(&self) -> f32 {
        self.temperature
    }

    fn shaping(&self) -> Shaping {
        Shaping {
            noise: self.noise,
            gain: self.gain,
            normalise: self.normalise,
        }
    }

    fn manner(&self, drums: bool) -> Manner {
        Manner {
            velocity: self.velocity,
            channel: if drums { drums::CHANNEL } else { self.channel },
            kit: None,
        }
    }
}

impl Node for MusicDecoder {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("music", "music_decoder", "Turns latents into a melody")
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
                "The music of each segment of as many bars as the model knows (two) comes from the \
                 mean of the latents within it; a segment without a latent keeps the last, and until \
                 the first there is silence. So notes leave once their segment is over. A `cut` \
                 divides its segment: the next sixteenth begins a new phrase, from the mean of the \
                 latents from the cut on. A mean of many latents is shorter than each: `normalise` \
                 brings it to the length that latents have, √dimension. `noise` is the share of the \
                 components that one latent, drawn from the patch's seed and the same throughout, \
                 replaces. In bars shorter than 4/4 the first sixteenths of each bar are heard; in \
                 longer ones the last note is held; in 9/8 and 12/8 a beat of the model's lies on \
                 each three eighths, as a shuffle has it.\n\n\
                 Live, the newest latent is followed from each sixteenth to the next, and notes \
                 leave just before they sound. After a `cut` the next sixteenth begins a new \
                 phrase.\n\n\
                 With a key in the transport, or with `chords`, each phrase is moved as a whole to \
                 where most of it lies in the key. What is still beside the scale goes to its \
                 nearest tone, and on the first and third beat what clashes with the chord to the \
                 chord's; the piece's last note is the tonic. Without either it plays what the \
                 model says.\n\n\
                 A model of drums plays on channel 9, whatever `channel` says, and every stroke \
                 lies on its sixteenth: `drum_decoder` plays them as by hand.",
            )
            .input(CODE)
            .input(CUT)
            .input(CHORDS)
            .output(Self::NOTES)
            .in_bars()
            .urgent()
    }

    fn check(&self, check: &mut Check<'_>) {
        let dimension = Manifest::of(check.settings)
            .and_then(|manifest| Ok(manifest.model(&self.model, Task::Music)?.latent));
        require_codes(check, CODE, &self.model, dimension);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let melody = Melody::load(build.settings, &self.model)?;
        let dimension = melody.dimension();
        let mut rng = build.rng();
        let layout = *melody.layout();
        let mut voice = Voice::new(Grid::new(build.transport, &layout), &layout);
        if !layout.drums {
            voice.fitting = Some(Fitting::new(build.transport, layout));
        }
        let player = Player {
            shape: Shape::drawn(dimension, &mut rng),
            voice,
            melody,
            rng,
        };
        Ok(player.processor(self, build))
    }
}
