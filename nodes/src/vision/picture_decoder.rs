//! Draws pictures from codes with a decoder model.

use score_engine::{
    Build, Check, Descriptor, Flow, Frame, InputPort, Io, Latent, Node, NodeError, OutputPort,
    Params, Processor,
};

use crate::model::{Data, Manifest, Model, Session, Task, require_codes};

const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent");
const PICTURES: OutputPort<Frame> = OutputPort::new(0, "frames", "a picture of each latent");

/// The file of a picture model that draws.
const ROLE: &str = "decoder";

/// `picture_decoder`.
#[derive(Clone, Params)]
pub(crate) struct PictureDecoder {
    /// name of a picture model that has a decoder
    #[param(rebuild = "a model is loaded when its node is built", default = "eye")]
    model: String,
}

impl PictureDecoder {
    /// The model that draws.
    ///
    /// # Errors
    /// There is no such picture model, or it cannot draw.
    fn model<'a>(&self, manifest: &'a Manifest) -> Result<&'a Model, NodeError> {
        let model = manifest.model(&self.model, Task::Picture)?;
        if model.files.contains_key(ROLE) {
            return Ok(model);
        }
        let able: Vec<&str> = (manifest.models.iter())
            .filter(|(_, model)| model.task == Task::Picture && model.files.contains_key(ROLE))
            .map(|(name, _)| name.as_str())
            .collect();
        let error = NodeError::model(format!(
            "the model `{}` sees but cannot draw: it has no `{ROLE}`",
            self.model
        ));
        Err(error.help(format!("models that draw: {}", able.join(", "))))
    }
}

impl Node for PictureDecoder {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("vision", "picture_decoder", "Draws pictures from latents")
            .example(
                r#"nodes: {
                    "walk": latent_random(dimension: 64, every: 0.5, duration: 8),
                    "seen": picture_decoder(model: "eye"),
                    "tune": music_decoder(),
                    "roll": piano_roll(path: "walk.png"),
                },
                wires: ["walk -> seen -> roll.frames", "walk -> tune -> roll.notes"]"#,
            )
            .details(
                "What a latent of `frame_encoder` says, as a picture of the model's own size: a latent \
                 keeps what is shown and drops how, so expect the gist, blurred. Any latent of that \
                 dimension can be drawn, also one that no picture had: between two \
                 (`latent_interpolate`), smoothed, turned or drawn at random.",
            )
            .input(CODE)
            .output(PICTURES)
    }

    fn check(&self, check: &mut Check<'_>) {
        let dimension =
            Manifest::of(check.settings).and_then(|manifest| Ok(self.model(&manifest)?.latent));
        require_codes(check, CODE, &self.model, dimension);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let manifest = Manifest::of(build.settings)?;
        let model = self.model(&manifest)?;
        Ok(Box::new(Drawing {
            session: manifest.open(model, ROLE)?,
            dimension: model.latent,
        }))
    }
}

/// Draws each code as it comes.
struct Drawing {
    session: Session,
    dimension: usize,
}

impl Processor<PictureDecoder> for Drawing {
    fn process(&mut self, _params: &PictureDecoder, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let frame = self.draw(input.read(CODE)?)?;
            io.send(PICTURES, input.packet.time, frame)?;
        }
        Ok(Flow::Continue)
    }
}

impl Drawing {
    /// The picture of one code.
    ///
    /// # Errors
    /// The code has another dimension than the model's, or the model fails or gives no picture.
    fn draw(&mut self, code: &[f32]) -> Result<Frame, NodeError> {
        if code.len() != self.dimension {
            return Err(NodeError::internal("a latent of another dimension arrived"));
        }
        let shape = [1, self.dimension];
        let drawn = (self.session)
            .run(&[("latent", &shape, Data::F32(code))], &["frames"])?
            .pop();
        let picture = drawn.and_then(|tensor| match *tensor.shape.as_slice() {
            [1, height, width, 3] => Frame::rgb(
                u32::try_from(width).ok()?,
                u32::try_from(height).ok()?,
                // Bytes came as numbers; a cast holds any others to what a byte can be.
                tensor.values.iter().map(|value| *value as u8).collect(),
            ),
            _ => None,
        });
        picture.ok_or_else(|| {
            NodeError::model("the decoder gave something that is not an RGB picture")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::settings;

    /// The eye's drawing and its encoder.
    fn eye() -> (Drawing, Session) {
        let manifest = Manifest::of(&settings()).unwrap();
        let model = manifest.model("eye", Task::Picture).unwrap();
        let drawing = Drawing {
            session: manifest.open(model, ROLE).unwrap(),
            dimension: model.latent,
        };
        (drawing, manifest.open(model, "encoder").unwrap())
    }

    /// The cosine of the angle between two codes.
    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    #[test]
    fn the_eye_recognises_what_was_drawn_from_its_code() {
        let (mut drawing, mut encoder) = eye();
        let mut see = |pixels: &[u8]| {
            let shape = [1, 64, 64, 3];
            let inputs: [(&str, &[usize], _); 1] = [("frames", &shape, Data::U8(pixels))];
            encoder.run(&inputs, &["latent"]).unwrap().pop().unwrap()
        };
        // A bright disc on dark ground, and stripes.
        let picture = |bright: &dyn Fn(i32, i32) -> bool| -> Vec<u8> {
            (0..64 * 64)
                .flat_map(|at| match bright(at % 64, at / 64) {
                    true => [230, 180, 60],
                    false => [20, 40, 70],
                })
                .collect()
        };
        let disc = picture(&|x, y| (x - 32).pow(2) + (y - 32).pow(2) < 400);
        let stripes = picture(&|x, _| x % 16 < 8);
        let codes = [disc, stripes].map(|pixels| see(&pixels).values);
        let again = [0, 1].map(|n: usize| {
            let drawn = drawing.draw(&codes[n]).unwrap();
            assert_eq!((drawn.width(), drawn.height()), (64, 64));
            see(drawn.pixels()).values
        });
        for (own, other) in [(0, 1), (1, 0)] {
            let (right, wrong) = (
                cosine(&again[own], &codes[own]),
                cosine(&again[own], &codes[other]),
            );
            // The eye was taught photographs, and drawn ones lose details: the nearer must be its
            // own.
            assert!(right > 0.3 && right > wrong, "{right} {wrong}");
        }
    }

    #[test]
    fn a_code_of_another_dimension_is_an_error() {
        let (mut drawing, _) = eye();
        assert!(drawing.draw(&[0.0; 63]).is_err());
    }

    #[test]
    fn a_model_that_only_sees_is_refused_with_those_that_draw() {
        let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let mut manifest = Manifest::load(&models).unwrap();
        let mut blind = manifest.models["eye"].clone();
        blind.files.remove(ROLE);
        manifest.models.insert("mute".to_owned(), blind);
        let node = PictureDecoder {
            model: "mute".to_owned(),
        };
        let error = node.model(&manifest).unwrap_err();
        assert_eq!(error.advice(), Some("models that draw: eye"));
    }
}
