//! Turns pictures into codes with an encoder model.

use score_engine::{
    Build, Check, Descriptor, Flow, Frame, Io, Node, NodeError, Param, Payload, Port, PortType,
    Processor, Time,
};
use serde::Deserialize;

use crate::model::{Data, Manifest, Picture, Session, Task};

const LATENT: usize = 0;

/// `frame_encoder`.
#[derive(Deserialize)]
pub(crate) struct FrameEncoder {
    model: String,
    batch: usize,
}

impl Node for FrameEncoder {
    fn descriptor() -> Descriptor {
        Descriptor::new("vision", "frame_encoder", "Turns pictures into codes")
            .details(
                "Pictures of any size are averaged down to what the model wants, without regard to their shape. \
                 A batch is a fixed count of pictures, so that the result never depends on timing; it holds \
                 `batch` − 1 pictures back, so choose 1 for a camera.",
            )
            .input(Port::new("frames", PortType::Frame, "the pictures"))
            .output(Port::new("latent", PortType::Latent(None), "a code for each picture"))
            .param(Param::text("model", "name of a picture model").default("eye").structural())
            .param(Param::integer("batch", (1, 256), "pictures encoded at once").default(8))
    }

    fn check(&self, check: &mut Check<'_>) {
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
        let manifest = Manifest::of(build.settings)?;
        let model = manifest.model(&self.model, Task::Picture)?;
        let picture = model
            .picture
            .filter(|picture| picture.width > 0 && picture.height > 0)
            .ok_or_else(|| {
                NodeError::model(format!(
                    "the manifest gives no picture size for `{}`",
                    self.model
                ))
            })?;
        Ok(Box::new(Encoding {
            session: manifest.open(model, "encoder")?,
            dimension: model.latent,
            picture,
            batch: self.batch,
            times: Vec::new(),
            pixels: Vec::new(),
        }))
    }
}

struct Encoding {
    session: Session,
    dimension: usize,
    picture: Picture,
    batch: usize,
    times: Vec<Time>,
    pixels: Vec<u8>,
}

impl Processor for Encoding {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let frame = input.packet.frame()?;
            average_into(frame, self.picture, &mut self.pixels);
            self.times.push(input.packet.time);
            if self.times.len() >= self.batch {
                self.encode(io)?;
            }
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
        let shape = [self.times.len(), self.picture.height, self.picture.width, 3];
        let codes = self
            .session
            .run(&[("frames", &shape, Data::U8(&self.pixels))], &["latent"])?;
        let codes = codes.first().map_or(&[][..], |tensor| &tensor.values);
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

/// Appends `frame` at the wanted size; every pixel is the mean of the area that it covers.
fn average_into(frame: &Frame, wanted: Picture, pixels: &mut Vec<u8>) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let source = frame.pixels();
    if source.is_empty() {
        pixels.resize(pixels.len() + wanted.width * wanted.height * 3, 0);
        return;
    }
    if (width, height) == (wanted.width, wanted.height) {
        pixels.extend_from_slice(source);
        return;
    }
    let columns = shares(width, wanted.width);
    for (top, weights) in shares(height, wanted.height) {
        // One pass over the rows that this one covers, then one along it.
        let mut row = vec![0.0_f32; width * 3];
        for (y, weight) in weights.iter().enumerate() {
            let start = (top + y) * width * 3;
            for (sum, value) in row.iter_mut().zip(&source[start..start + width * 3]) {
                *sum += weight * f32::from(*value);
            }
        }
        for (left, weights) in &columns {
            for colour in 0..3 {
                let mean: f32 = weights
                    .iter()
                    .enumerate()
                    .map(|(x, weight)| weight * row[(left + x) * 3 + colour])
                    .sum();
                pixels.push(mean.round().clamp(0.0, 255.0) as u8);
            }
        }
    }
}

/// For each of `wanted` parts of a line of `size` pixels: its first pixel, and the share of each from there.
fn shares(size: usize, wanted: usize) -> Vec<(usize, Vec<f32>)> {
    let step = size as f64 / wanted as f64;
    (0..wanted)
        .map(|part| {
            let (from, to) = (part as f64 * step, (part + 1) as f64 * step);
            let first = (from as usize).min(size - 1);
            let last = (to.ceil() as usize).clamp(first + 1, size);
            let weights = (first..last)
                .map(|pixel| {
                    let covered = to.min((pixel + 1) as f64) - from.max(pixel as f64);
                    (covered.max(0.0) / step) as f32
                })
                .collect();
            (first, weights)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_picture_is_the_mean_of_the_areas() {
        let values = [0, 10, 20, 30, 40, 50];
        let pixels = values.iter().flat_map(|value| [*value; 3]).collect();
        let frame = Frame::rgb(3, 2, pixels).unwrap();
        let mut small = Vec::new();
        average_into(
            &frame,
            Picture {
                width: 2,
                height: 1,
            },
            &mut small,
        );
        // 1.5 columns each: (0 + 10/2) / 1.5 = 3.3 above, 33.3 below; 16.7 and 46.7.
        assert_eq!(small, [18, 18, 18, 32, 32, 32]);
    }

    #[test]
    fn every_part_of_a_line_has_weight_one() {
        for (size, wanted) in [(1, 64), (97, 64), (64, 97), (1920, 64)] {
            for (first, weights) in shares(size, wanted) {
                assert!(first + weights.len() <= size);
                assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-3);
            }
        }
    }
}
