//! Draws pictures from codes with a decoder model.

use score_engine::{
    Build, Check, Descriptor, Flow, Frame, InputPort, Io, Latent, Node, NodeError, OutputPort,
    Params, Processor,
};

use crate::drawing::Drawer;
use crate::model::{Manifest, require_codes};

const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent");
const PICTURES: OutputPort<Frame> = OutputPort::new(0, "frames", "a picture of each latent");

/// `picture_decoder`.
#[derive(Clone, Params)]
pub(crate) struct PictureDecoder {
    /// name of a picture model that has a decoder
    #[param(rebuild = "a model is loaded when its node is built", default = "eye")]
    model: String,
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
        let dimension = Manifest::of(check.settings)
            .and_then(|manifest| Ok(Drawer::model(&manifest, &self.model)?.latent));
        require_codes(check, CODE, &self.model, dimension);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let manifest = Manifest::of(build.settings)?;
        Ok(Box::new(Drawing {
            drawer: Drawer::open(&manifest, &self.model)?,
        }))
    }
}

/// Draws each code as it comes.
struct Drawing {
    drawer: Drawer,
}

impl Processor<PictureDecoder> for Drawing {
    fn process(&mut self, _params: &PictureDecoder, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let frame = self.drawer.draw(input.read(CODE)?)?;
            io.send(PICTURES, input.packet.time, frame)?;
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Data, Picture, Session, Task};
    use crate::seeing::average_into;
    use crate::testing::settings;

    /// What the eye looks at.
    const SEEN: Picture = Picture {
        width: 64,
        height: 64,
    };

    /// The eye's drawing and its encoder.
    fn eye() -> (Drawer, Session) {
        let manifest = Manifest::of(&settings()).unwrap();
        let model = manifest.model("eye", Task::Picture).unwrap();
        let drawer = Drawer::open(&manifest, "eye").unwrap();
        (drawer, manifest.open(model, "encoder").unwrap())
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
            // However large the decoder draws, the eye sees it as it sees any picture.
            assert!(drawn.width() >= 64 && drawn.width() == drawn.height());
            let mut pixels = Vec::new();
            average_into(&drawn, SEEN, &mut pixels);
            see(&pixels).values
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
        blind.files.remove("decoder");
        manifest.models.insert("mute".to_owned(), blind);
        let error = Drawer::model(&manifest, "mute").unwrap_err();
        assert_eq!(error.advice(), Some("models that draw: eye"));
    }
}
