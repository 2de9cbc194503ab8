//! Turns codes into a melody with a decoder model.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use score_engine::{
    Build, Check, Descriptor, Node, NodeError, Param, Port, PortType, Processor, Value,
};
use serde::Deserialize;

use super::decoding::Decoding;
use super::melody::Melody;
use super::stepping::Stepping;
use super::voice::{Chunk, Voice};
use crate::model::{Manifest, Task, require_codes};

pub(super) const LATENT: usize = 0;

pub(super) const NOTES: usize = 0;

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
                 sixteenths of each bar are heard; in longer ones the last note is held.\n\n\
                 Live, the newest code is followed from each sixteenth to the next, and notes leave just before they \
                 sound. After a `cut` the next sixteenth begins a new phrase.\n\n\
                 A model of drums plays on channel 9, whatever `channel` says.",
            )
            .input(Port::new("latent", PortType::Latent(None), "the code"))
            .input(Port::new("cut", PortType::Event, "begins a new phrase at the next sixteenth").optional())
            .output(Port::new("notes", PortType::Notes, "the melody, one note at a time"))
            .param(Param::text("model", "name of a music model").default("melody"))
            .param(Param::number("temperature", (0.0, 4.0), "how freely tokens are drawn; 0: always the likeliest").default(0.5).live())
            .param(Param::number("noise", (0.0, 1.0), "share of the code replaced by a constant random one").default(0.0))
            .param(Param::number("gain", (0.0, 10.0), "factor for the code").default(1.0).live())
            .param(Param::flag("normalise", "bring the mean code to the usual length").default(true))
            .param(Param::number("velocity", (0.01, 1.0), "how hard notes are struck").default(0.8).live())
            .param(Param::integer("channel", (0, 15), "MIDI channel, counted from 0").default(0))
            .follows_tempo()
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
        let player = Player {
            shape: Shape {
                noise: noise(dimension, self.noise, &mut rng),
                gain: self.gain,
                normalise: self.normalise,
            },
            voice: Voice::new(
                Chunk::new(build.transport, &layout),
                &layout,
                self.channel,
                self.velocity,
            ),
            melody,
            rng,
            temperature: self.temperature,
        };
        if build.clock.is_some() {
            return Ok(Box::new(Stepping::new(player)));
        }
        Ok(Box::new(Decoding::new(player)))
    }
}

/// A loaded model and how it plays.
pub(super) struct Player {
    pub(super) melody: Melody,
    pub(super) rng: ChaCha8Rng,
    pub(super) temperature: f32,
    pub(super) shape: Shape,
    pub(super) voice: Voice,
}

impl Player {
    /// Takes a new value of a live parameter.
    pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        let number: f32 = serde_json::from_value(value.clone())
            .map_err(|error| NodeError::internal(format!("`{name}`: {error}")))?;
        match name {
            "temperature" => self.temperature = number,
            "gain" => self.shape.gain = number,
            "velocity" => self.voice.velocity = number,
            _ => return Err(NodeError::internal(format!("`{name}` is not live"))),
        }
        Ok(())
    }
}

/// What is done to a mean code before it is decoded.
pub(super) struct Shape {
    noise: Vec<Option<f32>>,
    gain: f32,
    normalise: bool,
}

impl Shape {
    pub(super) fn apply(&self, mut code: Vec<f32>) -> Vec<f32> {
        let length = code.iter().map(|value| value * value).sum::<f32>().sqrt();
        // A code of almost no length has no direction worth keeping.
        let usual = (code.len() as f32).sqrt();
        let factor = if self.normalise && length > 1e-3 * usual {
            usual / length
        } else {
            1.0
        };
        for (value, noise) in code.iter_mut().zip(&self.noise) {
            *value = noise.unwrap_or(*value * factor) * self.gain;
        }
        code
    }
}

/// One constant N(0, 1) value for a random `share` of the components.
fn noise(dimension: usize, share: f32, rng: &mut ChaCha8Rng) -> Vec<Option<f32>> {
    // Drawn for all, so that a larger share replaces what a smaller one does, and more.
    let drawn: Vec<(f64, f32)> = (0..dimension)
        .map(|_| (StandardUniform.sample(rng), StandardNormal.sample(rng)))
        .collect();
    let mut order: Vec<usize> = (0..dimension).collect();
    order.sort_by(|a, b| drawn[*a].0.total_cmp(&drawn[*b].0));
    order.truncate((share * dimension as f32).round() as usize);
    let mut noise = vec![None; dimension];
    for index in order {
        noise[index] = Some(drawn[index].1);
    }
    noise
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn a_mean_code_gets_the_usual_length_back() {
        let shape = Shape {
            noise: vec![None; 4],
            gain: 1.0,
            normalise: true,
        };
        assert_eq!(shape.apply(vec![0.5, 0.0, 0.0, 0.0]), [2.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn noise_replaces_its_share_and_grows_with_it() {
        let few = noise(64, 0.25, &mut ChaCha8Rng::seed_from_u64(1));
        let many = noise(64, 0.5, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(few.iter().flatten().count(), 16);
        assert_eq!(many.iter().flatten().count(), 32);
        assert!(
            few.iter()
                .zip(&many)
                .all(|(few, many)| few.is_none() || few == many)
        );
    }
}
