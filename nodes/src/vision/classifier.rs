//! A picture model of the user's own: its features, standardised by what has passed and projected
//! to a code.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use score_engine::{Choice, NodeError};

use super::encoder::Encoder;
use crate::latent::rotation::{directions, dot};
use crate::latent::statistics::Statistics;
use crate::model::{Data, ElementType, Picture, Session, Tensor, TensorSpec};

/// Mean and deviation of ImageNet's red, green and blue, of 1, as torchvision's models take them
/// out.
const IMAGENET: [(f32, f32); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];

/// What a floating-point model takes colours as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub(super) enum Levels {
    /// ImageNet's mean and deviation taken out.
    Imagenet,
    /// 0 to 1.
    Unit,
    /// −1 to 1.
    Signed,
    /// 0 to 255.
    Bytes,
}

impl Levels {
    fn of(self, byte: u8, colour: usize) -> f32 {
        let byte = f32::from(byte);
        match self {
            Levels::Imagenet => {
                let (mean, deviation) = IMAGENET[colour % 3];
                (byte / 255.0 - mean) / deviation
            }
            Levels::Unit => byte / 255.0,
            Levels::Signed => byte / 127.5 - 1.0,
            Levels::Bytes => byte,
        }
    }
}

/// The longest side of a picture that a model may ask for, in pixels: more is a mistake in the
/// file, and would ask for gigabytes.
const LONGEST_SIDE: usize = 4096;

/// A picture model of the user's own.
pub(super) struct Classifier {
    session: Session,
    name: String,
    input: TensorSpec,
    output: String,
    colours_first: bool,
    one_by_one: bool,
    picture: Picture,
    levels: Levels,
    dimension: usize,
    rng: ChaCha8Rng,
    projection: Option<Projection>,
}

/// From features to codes.
struct Projection {
    features: Statistics,
    directions: Vec<Vec<f32>>,
    codes: Statistics,
}

impl Classifier {
    /// Opens the ONNX model `file`. Sizes that it leaves open become `size`; `rng` draws the
    /// projection to `dimension` components.
    ///
    /// # Errors
    /// It cannot be loaded, does not take pictures, or has no such output.
    pub(super) fn open(
        file: &Path,
        output: Option<&str>,
        levels: Levels,
        size: usize,
        dimension: usize,
        rng: ChaCha8Rng,
    ) -> Result<Self, NodeError> {
        let session = Session::open(file)?;
        let name = file.display().to_string();
        let inputs = session.inputs();
        let [input] = inputs.as_slice() else {
            return Err(NodeError::model(format!(
                "`{name}` has {} inputs, but a picture model has one",
                inputs.len()
            )));
        };
        if !matches!(input.element, ElementType::F32 | ElementType::U8) {
            return Err(NodeError::model(format!(
                "the input `{}` of `{name}` is neither 32-bit floating point nor bytes",
                input.name
            ))
            .help("convert the model to 32-bit floating point"));
        }
        let (colours_first, picture) = wanted_picture(input, &name, size)?;
        let outputs = session.outputs();
        let chosen = match output {
            Some(wanted) => outputs.iter().find(|spec| spec.name == wanted),
            None => outputs.iter().find(|spec| spec.element == ElementType::F32),
        };
        let Some(chosen) = chosen else {
            let names: Vec<&str> = outputs.iter().map(|spec| spec.name.as_str()).collect();
            return Err(NodeError::model(format!(
                "`{name}` has no such output of 32-bit floating point"
            ))
            .help(format!("its outputs are: {}", names.join(", "))));
        };
        Ok(Classifier {
            output: chosen.name.clone(),
            one_by_one: input.shape.first().copied().flatten() == Some(1),
            input: input.clone(),
            session,
            name,
            colours_first,
            picture,
            levels,
            dimension,
            rng,
            projection: None,
        })
    }

    /// The model's output for pictures that follow one another in `pixels`.
    fn run(&mut self, pixels: &[u8], count: usize) -> Result<Tensor, NodeError> {
        let Picture { width, height } = self.picture;
        let shape = if self.colours_first {
            [count, 3, height, width]
        } else {
            [count, height, width, 3]
        };
        let ordered;
        let bytes = if self.colours_first {
            ordered = colours_first(pixels, width * height);
            ordered.as_slice()
        } else {
            pixels
        };
        let floats: Vec<f32>;
        let data = if self.input.element == ElementType::U8 {
            Data::U8(bytes)
        } else {
            let area = width * height;
            let colour = |index: usize| {
                if self.colours_first {
                    index / area
                } else {
                    index
                }
            };
            floats = bytes
                .iter()
                .enumerate()
                .map(|(index, byte)| self.levels.of(*byte, colour(index) % 3))
                .collect();
            Data::F32(&floats)
        };
        let mut came = self
            .session
            .run(&[(&self.input.name, &shape, data)], &[&self.output])?;
        came.pop()
            .ok_or_else(|| NodeError::model(format!("`{}` gave nothing", self.name)))
    }
}

impl Encoder for Classifier {
    fn picture(&self) -> Picture {
        self.picture
    }

    fn encode(&mut self, pixels: &[u8], count: usize) -> Result<Vec<f32>, NodeError> {
        let size = self.picture.width * self.picture.height * 3;
        let at_once = if self.one_by_one { 1 } else { count.max(1) };
        let mut codes = Vec::with_capacity(count * self.dimension);
        for batch in pixels.chunks(size * at_once) {
            let pictures = batch.len() / size;
            let features = pooled(self.run(batch, pictures)?, pictures).ok_or_else(|| {
                NodeError::model(format!(
                    "`{}` gives no row of numbers for each picture",
                    self.name
                ))
            })?;
            let width = features.len() / pictures;
            let projection = self.projection.get_or_insert_with(|| Projection {
                features: Statistics::new(width),
                directions: directions(self.dimension, width, &mut self.rng),
                codes: Statistics::new(self.dimension),
            });
            for picture in features.chunks(width) {
                codes.extend(projection.code(picture, self.dimension));
            }
        }
        Ok(codes)
    }
}

impl Projection {
    fn code(&mut self, features: &[f32], dimension: usize) -> Vec<f32> {
        let mut features = features.to_vec();
        self.features.add(&features);
        self.features.standardise(&mut features);
        let mut code: Vec<f32> = (self.directions.iter())
            .map(|direction| dot(direction, &features))
            .collect();
        code.resize(dimension, 0.0);
        // Features that go together make some directions vary more than others.
        self.codes.add(&code);
        self.codes.whiten(&mut code);
        code
    }
}

/// Whether `input` of the model `name` takes all red before all green before all blue, and pictures
/// of which size; what it leaves open becomes `size`.
///
/// # Errors
/// It takes no RGB pictures, or none of a size that there can be.
fn wanted_picture(
    input: &TensorSpec,
    name: &str,
    size: usize,
) -> Result<(bool, Picture), NodeError> {
    let (colours_first, height, width) = match input.shape.as_slice() {
        [_, Some(3), height, width] => (true, *height, *width),
        [_, height, width, Some(3)] => (false, *height, *width),
        shape => {
            return Err(NodeError::model(format!(
                "the input `{}` of `{name}` is {shape:?}, which is not an RGB picture",
                input.name
            ))
            .help("a picture model takes [N, 3, height, width] or [N, height, width, 3]"));
        }
    };
    let picture = Picture {
        width: width.unwrap_or(size),
        height: height.unwrap_or(size),
    };
    let possible = 1..=LONGEST_SIDE;
    if !possible.contains(&picture.width) || !possible.contains(&picture.height) {
        return Err(NodeError::model(format!(
            "the input `{}` of `{name}` takes pictures of {} × {} pixels",
            input.name, picture.width, picture.height
        ))
        .help(format!(
            "export the model for pictures of 1 to {LONGEST_SIDE} pixels a side"
        )));
    }
    Ok((colours_first, picture))
}

/// From red, green, blue of each pixel to all red, all green, all blue of each picture of `area`
/// pixels.
fn colours_first(pixels: &[u8], area: usize) -> Vec<u8> {
    let mut ordered = Vec::with_capacity(pixels.len());
    for picture in pixels.chunks(area * 3) {
        for colour in 0..3 {
            ordered.extend(picture.iter().skip(colour).step_by(3));
        }
    }
    ordered
}

/// One row of features for each picture: maps [N, features, height, width] are averaged over their
/// area, all else is taken as it lies. `None` if there is no whole row for each.
fn pooled(tensor: Tensor, pictures: usize) -> Option<Vec<f32>> {
    if tensor.values.is_empty() || pictures == 0 || !tensor.values.len().is_multiple_of(pictures) {
        return None;
    }
    match tensor.shape.as_slice() {
        [_, _, height, width] if height * width > 1 => {
            let area = height * width;
            let mean = |map: &[f32]| map.iter().sum::<f32>() / area as f32;
            Some(tensor.values.chunks(area).map(mean).collect())
        }
        _ => Some(tensor.values),
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn colours_are_sorted_picture_by_picture() {
        let pixels = [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16];
        assert_eq!(
            colours_first(&pixels, 2),
            [1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16]
        );
    }

    #[test]
    fn pictures_without_pixels_or_with_too_many_are_refused() {
        let wanted = |shape: &[Option<usize>]| {
            let spec = TensorSpec {
                name: "image".to_owned(),
                element: ElementType::F32,
                shape: shape.to_vec(),
            };
            wanted_picture(&spec, "a.onnx", 224)
        };
        let (colours_first, picture) = wanted(&[None, Some(3), None, Some(64)]).unwrap();
        assert!(colours_first);
        assert_eq!((picture.height, picture.width), (224, 64));
        let (colours_first, picture) = wanted(&[None, Some(32), Some(64), Some(3)]).unwrap();
        assert!(!colours_first);
        assert_eq!((picture.height, picture.width), (32, 64));
        for (height, width) in [(0, 64), (64, 0), (64, 4097), (usize::MAX, 64)] {
            for shape in [
                [None, Some(3), Some(height), Some(width)],
                [None, Some(height), Some(width), Some(3)],
            ] {
                let said = wanted(&shape).unwrap_err().to_string();
                assert!(
                    said.contains(&format!("{height} × {width}"))
                        || said.contains(&format!("{width} × {height}")),
                    "{said}"
                );
            }
        }
        assert!(wanted(&[None, Some(1), Some(64), Some(64)]).is_err());
    }

    #[test]
    fn maps_are_averaged_over_their_area() {
        let tensor = Tensor {
            shape: vec![1, 2, 1, 2],
            values: vec![1.0, 3.0, 10.0, 30.0],
        };
        assert_eq!(pooled(tensor, 1), Some(vec![2.0, 20.0]));
    }

    #[test]
    fn features_of_any_scale_become_codes_of_the_usual_length() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut projection = Projection {
            features: Statistics::new(100),
            directions: directions(16, 100, &mut rng),
            codes: Statistics::new(16),
        };
        // What a classifier says: probabilities near a hundredth that go together.
        let features = |n: u32| -> Vec<f32> {
            (0..100)
                .map(|k| 0.01 + 0.001 * ((n * (k % 7 + 1)) as f32 * 0.3).sin())
                .collect()
        };
        let codes: Vec<Vec<f32>> = (0..400)
            .map(|n| projection.code(&features(n), 16))
            .collect();
        let squares: f32 = codes[200..]
            .iter()
            .flatten()
            .map(|value| value * value)
            .sum();
        let variance = squares / (200.0 * 16.0);
        assert!((variance - 1.0).abs() < 0.2, "{variance}");
    }
}
