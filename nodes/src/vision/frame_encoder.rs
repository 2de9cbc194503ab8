//! Turns pictures into codes with an encoder model.

use std::path::PathBuf;

use score_engine::{
    Build, Check, Descriptor, Flow, Frame, InputPort, Io, Latent, Node, NodeError, OutputPort,
    Params, PortType, Processor, Time,
};

use super::classifier::{Classifier, Levels};
use super::encoder::Encoder;
use crate::model::{Manifest, Task};
use crate::seeing::{ListedEncoder, average_into};

const PICTURES: InputPort<Frame> = InputPort::new(0, "frames", "the pictures");
const CODES: OutputPort<Latent> = OutputPort::new(0, "latent", "a latent for each picture");

/// `frame_encoder`.
#[derive(Clone, Params)]
pub(crate) struct FrameEncoder {
    /// name of a picture model
    #[param(
        structural = "another model may give latents of another dimension",
        default = "eye"
    )]
    model: String,
    /// an ONNX model of your own, in place of `model`
    #[param(structural = "the nodes behind take latents of the model's dimension", content = Model)]
    file: Option<PathBuf>,
    /// components of the latent, with `file`
    #[param(
        structural = "the nodes behind take latents of this dimension",
        range = 1..=4096,
        default = 64
    )]
    dimension: usize,
    /// which output of `file`; its first if left out
    #[param(rebuild = "the projection is drawn for this output's features")]
    output: Option<String>,
    /// what `file` takes colours as
    #[param(
        rebuild = "other levels give other features, whose mean is not known yet",
        default = Levels::Imagenet
    )]
    levels: Levels,
    /// height and width where `file` leaves them open
    #[param(
        rebuild = "the model is opened for pictures of this size",
        range = 8..=2048,
        unit = "pixels",
        default = 224
    )]
    size: usize,
    /// pictures encoded at once, at most
    #[param(live, range = 1..=256, span = 1.0..=32.0, default = 8)]
    batch: usize,
    /// how far a picture may differ from the one encoded last and have its latent
    #[param(live, range = 0.0..=0.1, default = 0.0)]
    alike: f32,
}

impl Node for FrameEncoder {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("vision", "frame_encoder", "Turns pictures into latents")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(model: "eye"),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> eye -> tune -> notes"]"#,
            )
            .details(
                "A latent is what the model says of a picture: a point of its latent space, given by \
                 its components, numbers with a mean of 0 and a variance of 1 over many pictures, \
                 as music models want them. Pictures that look alike have latents near each \
                 other.\n\n\
                 Pictures of any size are averaged down to what the model wants, without regard to \
                 their shape. In a render a batch is a fixed count of pictures, so that the result \
                 never depends on timing. Live no picture waits for another.\n\n\
                 A picture that hardly differs from the one that was encoded last has its latent \
                 again, which spares most of the work where a film stands still. `alike` says how \
                 much that is: by how much colours differ in the mean, of full scale. At 0 only a \
                 picture that is the same has the same latent.\n\n\
                 `file` takes any ONNX model of your own that turns pictures into numbers, such as \
                 an image classifier, in place of `model`. Its one input is RGB as [N, 3, height, \
                 width] or [N, height, width, 3], 32-bit floating point or bytes; a height or \
                 width that it leaves open becomes `size`, and `levels` says what floating-point \
                 models were trained on: `imagenet` (mean and deviation of ImageNet's colours \
                 taken out), `unit` (0 to 1), `signed` (−1 to 1) or `bytes` (0 to 255). Maps are \
                 averaged over their area. The features are standardised by what has passed, and \
                 turned into `dimension` components by a projection that the patch's seed draws: \
                 latents of the first pictures say little, until the mean and the variance of the \
                 features are known.",
            )
            .input(PICTURES)
            .output(CODES)
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(file) = &self.file {
            check.require_file("file", file, "model");
            check.set_output(CODES, PortType::Latent(Some(self.dimension)));
            return;
        }
        let dimension = Manifest::of(check.settings)
            .and_then(|manifest| Ok(manifest.model(&self.model, Task::Picture)?.latent));
        match dimension {
            Ok(dimension) => check.set_output(CODES, PortType::Latent(Some(dimension))),
            Err(error) => check.refuse_for("model", &error),
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let encoder: Box<dyn Encoder> = match &self.file {
            Some(file) => Box::new(Classifier::open(
                file,
                self.output.as_deref(),
                self.levels,
                self.size,
                self.dimension,
                build.rng(),
            )?),
            None => Box::new(ListedEncoder::open(
                &Manifest::of(build.settings)?,
                &self.model,
            )?),
        };
        Ok(Box::new(Encoding {
            dimension: build.output_dimension(CODES)?,
            encoder,
            gathers: build.ends,
            batch: Batch::default(),
            code: Vec::new(),
        }))
    }
}

struct Encoding {
    encoder: Box<dyn Encoder>,
    dimension: usize,
    /// Whether pictures wait until a batch is full. Where the run has no end, one that waits for
    /// others is late.
    gathers: bool,
    batch: Batch,
    /// The code of the picture that was encoded last.
    code: Vec<f32>,
}

impl Processor<FrameEncoder> for Encoding {
    fn process(&mut self, params: &FrameEncoder, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let frame = input.read(PICTURES)?;
            let encoder = &self.encoder;
            let fill = |pixels: &mut Vec<u8>| average_into(frame, encoder.picture(), pixels);
            self.batch.add(input.packet.time, params.alike, fill);
            if self.batch.is_full(params.batch) {
                self.encode(io)?;
            }
        }
        if !self.gathers {
            self.encode(io)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &FrameEncoder, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.encode(io)
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.batch.waiting.first().map(|(time, _)| *time)
    }
}

impl Encoding {
    /// Encodes the pictures that wait, and sends a code for each.
    fn encode(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let count = self.batch.pictures;
        let codes = match count {
            0 => Vec::new(),
            _ => self.encoder.encode(&self.batch.pixels, count)?,
        };
        if codes.len() != count * self.dimension {
            return Err(NodeError::model(
                "the encoder's latents have another dimension than its manifest says",
            ));
        }
        if !codes.iter().all(|component| component.is_finite()) {
            return Err(NodeError::model(
                "the encoder gave a latent that is not a number",
            ));
        }
        let mut codes = codes.chunks_exact(self.dimension.max(1));
        for (time, is_new) in self.batch.take() {
            if let Some(code) = is_new.then(|| codes.next()).flatten() {
                self.code = code.to_vec();
            }
            io.send(CODES, time, self.code.as_slice())?;
        }
        Ok(())
    }
}

/// Pictures that wait to be encoded, and those that have the code of the one before.
#[derive(Default)]
struct Batch {
    /// The time of each picture, and whether it is encoded itself.
    waiting: Vec<(Time, bool)>,
    /// How many are.
    pictures: usize,
    /// Theirs.
    pixels: Vec<u8>,
    /// Those of the picture that the next is compared with.
    latest: Vec<u8>,
    /// Those of the next picture.
    next: Vec<u8>,
}

impl Batch {
    /// Takes in a picture, of which `fill` gives the pixels. One that differs by no more than
    /// `alike` has the code of the one before.
    fn add(&mut self, time: Time, alike: f32, fill: impl FnOnce(&mut Vec<u8>)) {
        self.next.clear();
        fill(&mut self.next);
        let is_new = difference(&self.latest, &self.next).is_none_or(|far| far > alike);
        if is_new {
            self.pictures += 1;
            self.pixels.extend_from_slice(&self.next);
            std::mem::swap(&mut self.latest, &mut self.next);
        }
        self.waiting.push((time, is_new));
    }

    /// Whether it is time to encode, `most` at once: nothing waits for a picture that does not
    /// come.
    fn is_full(&self, most: usize) -> bool {
        self.pictures == 0 || self.pictures >= most || self.waiting.len() >= 8 * most
    }

    fn take(&mut self) -> std::vec::Drain<'_, (Time, bool)> {
        self.pictures = 0;
        self.pixels.clear();
        self.waiting.drain(..)
    }
}

/// By how much the bytes of two pictures differ in the mean, 0 to 1; `None` where they are not of
/// one size.
fn difference(one: &[u8], other: &[u8]) -> Option<f32> {
    let sum = || {
        one.iter()
            .zip(other)
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum::<u64>()
    };
    let is_comparable = one.len() == other.len() && !one.is_empty();
    is_comparable.then(|| sum() as f32 / (255.0 * one.len() as f32))
}

#[cfg(test)]
mod tests {
    use score_engine::Payload;
    use score_engine::harness::{Harness, Outputs};
    use serde_json::json;

    use super::*;
    use crate::testing::settings;

    /// The codes of twelve pictures: a grey one, the same a little lighter, another.
    fn codes(alike: f64) -> Vec<(f64, Vec<f32>)> {
        read(&watching(alike).run().unwrap())
    }

    fn watching(alike: f64) -> Harness<FrameEncoder> {
        let picture = |number: usize| {
            let level = [90, 91, 200][number % 3];
            let mut pixels = vec![level; 64 * 64 * 3];
            pixels[..6_000].fill(250 - level);
            let frame = Frame::rgb(64, 64, pixels).unwrap();
            (
                Time::from_seconds(number as f64 / 8.0),
                Payload::Frame(frame.into()),
            )
        };
        Harness::<FrameEncoder>::new(json!({ "batch": 3, "alike": alike }))
            .settings(settings())
            .feed(
                "frames",
                PortType::Frame,
                (0..12).map(picture).collect(),
                Time::from_seconds(1.5),
            )
    }

    fn read(outputs: &Outputs) -> Vec<(f64, Vec<f32>)> {
        (outputs.packets("latent").iter())
            .map(|packet| (packet.time.seconds(), packet.latent().unwrap().to_vec()))
            .collect()
    }

    #[test]
    fn a_picture_that_hardly_differs_has_the_code_of_the_one_before() {
        let (each, spared) = (codes(0.0), codes(0.01));
        assert_eq!((each.len(), spared.len()), (12, 12));
        for number in 0..12 {
            assert_eq!(each[number].0, number as f64 / 8.0);
            assert_eq!(spared[number].0, each[number].0);
            match number % 3 {
                1 => {
                    assert_eq!(spared[number].1, spared[number - 1].1);
                    assert_ne!(each[number].1, each[number - 1].1);
                }
                _ => assert_eq!(spared[number].1, each[number].1),
            }
        }
    }

    #[test]
    fn how_alike_pictures_may_be_is_turned_while_the_encoder_stays() {
        let (each, spared) = (codes(0.0), codes(0.01));
        let turned = watching(0.0)
            .set_live(Time::from_seconds(0.7), "alike", 0.01)
            .play_live()
            .unwrap();
        let turned = read(&turned);
        let near = |one: &[f32], other: &[f32]| {
            let mut pairs = one.iter().zip(other);
            pairs.all(|(one, other)| (one - other).abs() < 1e-3)
        };
        for number in 0..12 {
            let wanted = if number < 6 { &each } else { &spared };
            assert!(near(&turned[number].1, &wanted[number].1), "{number}");
        }
    }
}
