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
    use crate::stills::decode;
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

    /// Photographs that neither was taught: in the picture of the model's card each second row has
    /// what is drawn from those above.
    fn photographs() -> Vec<Frame> {
        let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let jpeg = std::fs::read(models.join("eye/drawn.jpg")).unwrap();
        let grid = decode(&jpeg).unwrap();
        let (wide, side) = (grid.width() as usize, 128);
        let places = (0..grid.height() as usize / side)
            .step_by(2)
            .flat_map(|row| (0..wide / side).map(move |column| (row, column)));
        let cut = places.map(|(row, column)| {
            let lines = (0..side).flat_map(|line| {
                let begin = 3 * ((row * side + line) * wide + column * side);
                grid.pixels()[begin..begin + 3 * side].to_vec()
            });
            Frame::rgb(side as u32, side as u32, lines.collect::<Vec<u8>>()).unwrap()
        });
        cut.collect()
    }

    #[test]
    fn the_eye_recognises_what_was_drawn_from_its_code() {
        let (mut drawing, mut encoder) = eye();
        // However large a picture is, the eye sees it as it sees any other.
        let mut see = |frame: &Frame| {
            let mut pixels = Vec::new();
            average_into(frame, SEEN, &mut pixels);
            let shape = [1, 64, 64, 3];
            let inputs: [(&str, &[usize], _); 1] = [("frames", &shape, Data::U8(&pixels))];
            let latent = encoder.run(&inputs, &["latent"]).unwrap().pop().unwrap();
            latent.values
        };
        let codes: Vec<Vec<f32>> = photographs().iter().map(&mut see).collect();
        assert_eq!(codes.len(), 24);
        let recognised = codes.iter().enumerate().filter(|(own, code)| {
            let drawn = drawing.draw(code).unwrap();
            assert!(drawn.width() >= 64 && drawn.width() == drawn.height());
            let again = see(&drawn);
            let alike = codes.iter().map(|code| cosine(&again, code));
            let nearest = alike.enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
            nearest.is_some_and(|(nearest, _)| nearest == *own)
        });
        // 23 of them, when the model was made; by chance it would be one.
        let recognised = recognised.count();
        assert!(recognised >= 20, "{recognised} of 24");
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
