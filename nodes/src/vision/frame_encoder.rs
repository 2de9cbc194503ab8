//! Turns pictures into codes with an encoder model.

use std::path::PathBuf;

use score_engine::{
    Build, Check, Descriptor, FileContent, Flow, Io, Node, NodeError, Param, Payload, Port,
    PortType, Processor, Time,
};
use serde::Deserialize;

use super::classifier::{Classifier, Levels};
use super::encoder::{Encoder, ListedEncoder};
use super::shrink::average_into;
use crate::model::{Manifest, Task};

const LATENT: usize = 0;

/// `frame_encoder`.
#[derive(Deserialize)]
pub(crate) struct FrameEncoder {
    model: String,
    file: Option<PathBuf>,
    dimension: usize,
    output: Option<String>,
    levels: Levels,
    size: usize,
    batch: usize,
}

impl Node for FrameEncoder {
    fn descriptor() -> Descriptor {
        Descriptor::new("vision", "frame_encoder", "Turns pictures into codes")
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
                "Pictures of any size are averaged down to what the model wants, without regard to their shape. \
                 A batch is a fixed count of pictures, so that the result never depends on timing; it holds \
                 `batch` − 1 pictures back, so choose 1 for a camera.\n\n\
                 `file` takes any ONNX model of your own that turns pictures into numbers, such as an image \
                 classifier, in place of `model`. Its one input is RGB as [N, 3, height, width] or \
                 [N, height, width, 3], 32-bit floating point or bytes; a height or width that it leaves open becomes \
                 `size`, and `levels` says what floating-point models were trained on: `imagenet` (mean and \
                 deviation of ImageNet's colours taken out), `unit` (0 to 1), `signed` (−1 to 1) or `bytes` \
                 (0 to 255). Maps are averaged over their area. The features are standardised on line, by what \
                 has passed, and turned into `dimension` components by a projection that the patch's seed draws: \
                 the first pictures say little, until it knows what is usual.",
            )
            .input(Port::new("frames", PortType::Frame, "the pictures"))
            .output(Port::new("latent", PortType::Latent(None), "a code for each picture"))
            .param(Param::text("model", "name of a picture model").default("eye").structural())
            .param(Param::file_to_read("file", "an ONNX model of your own, in place of `model`").content(FileContent::Model).optional().structural())
            .param(Param::integer("dimension", (1, 4096), "components of the code, with `file`").default(64).structural())
            .param(Param::text("output", "which output of `file`; its first if left out").optional())
            .param(Param::choice("levels", &Levels::NAMES, "what `file` takes colours as").default("imagenet"))
            .param(Param::integer("size", (8, 2048), "height and width where `file` leaves them open").unit("pixels").default(224))
            .param(Param::integer("batch", (1, 256), "pictures encoded at once").default(8))
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(file) = &self.file {
            check.require_file("file", file, "model");
            check.set_output("latent", PortType::Latent(Some(self.dimension)));
            return;
        }
        let dimension = Manifest::of(check.settings)
            .and_then(|manifest| Ok(manifest.model(&self.model, Task::Picture)?.latent));
        match dimension {
            Ok(dimension) => check.set_output("latent", PortType::Latent(Some(dimension))),
            Err(error) => {
                let help = error.advice().map(str::to_owned);
                check.refuse("model", error.to_string(), help);
            }
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
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
            dimension: build.output_dimension("latent")?,
            encoder,
            batch: self.batch,
            times: Vec::new(),
            pixels: Vec::new(),
        }))
    }
}

struct Encoding {
    encoder: Box<dyn Encoder>,
    dimension: usize,
    batch: usize,
    times: Vec<Time>,
    pixels: Vec<u8>,
}

impl Processor for Encoding {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let frame = input.packet.frame()?;
            average_into(frame, self.encoder.picture(), &mut self.pixels);
            self.times.push(input.packet.time);
            if self.times.len() >= self.batch {
                self.encode(io)?;
            }
        }
        // Live, a picture that waits for others is late.
        if io.is_live() {
            self.encode(io)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.encode(io)
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.times.first().copied()
    }
}

impl Encoding {
    fn encode(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if self.times.is_empty() {
            return Ok(());
        }
        let codes = self.encoder.encode(&self.pixels, self.times.len())?;
        if codes.len() != self.times.len() * self.dimension {
            return Err(NodeError::model(
                "the encoder's codes have another dimension than its manifest says",
            ));
        }
        if !codes.iter().all(|component| component.is_finite()) {
            return Err(NodeError::model(
                "the encoder gave a code that is not a number",
            ));
        }
        for (time, code) in self.times.drain(..).zip(codes.chunks(self.dimension)) {
            io.send(LATENT, time, Payload::Latent(code.into()))?;
        }
        self.pixels.clear();
        Ok(())
    }
}
