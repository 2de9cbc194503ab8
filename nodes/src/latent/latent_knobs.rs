//! Turns a picture's code into numbers that have names: bright, busy, person.

use std::path::PathBuf;

use score_engine::{
    Build, Check, Control, Descriptor, Flow, InputPort, Io, Latent, Node, NodeError, OutputPort,
    Params, Processor, Transport,
};

use super::naming::{Naming, checked};

const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent of a picture");
const CHOSEN: OutputPort<Control> =
    OutputPort::new(0, "knob", "the one that `name` chooses, 0 to 1");

/// What is chosen where the patch chooses nothing.
const USUAL: &str = "bright";

macro_rules! knob {
    ($index:literal, $name:literal, $summary:literal) => {
        OutputPort::new($index, $name, $summary).by_name()
    };
}

/// The names of `eye`.
const KNOBS: [OutputPort<Control>; 20] = [
    knob!(1, "bright", "how bright the picture is"),
    knob!(2, "warm", "red rather than blue"),
    knob!(3, "busy", "how much of it is edges"),
    knob!(4, "contrast", "how far dark and light are apart"),
    knob!(5, "colourful", "how many and how strong its colours are"),
    knob!(6, "green", "green rather than red and blue"),
    knob!(7, "light_above", "the upper half is lighter than the lower"),
    knob!(8, "near", "as if one came closer"),
    knob!(9, "person", "a person, seen by the face"),
    knob!(10, "animal", "an animal"),
    knob!(11, "bird", "a bird"),
    knob!(12, "insect", "an insect or the like"),
    knob!(13, "sea_creature", "an animal of the sea"),
    knob!(14, "vehicle", "a vehicle"),
    knob!(15, "ship", "a ship"),
    knob!(16, "plant", "a plant"),
    knob!(17, "building", "a building"),
    knob!(18, "furniture", "furniture and lamps"),
    knob!(19, "device", "a device: a watch, a camera, a laptop"),
    knob!(20, "outdoors", "outdoors; near 0: indoors"),
];

/// `latent_knobs`.
#[derive(Clone, Params)]
pub(crate) struct LatentKnobs {
    /// the picture model whose latents arrive
    #[param(rebuild = "another model has other names", default = "eye")]
    model: String,
    /// a file with names of your own, which `score tag --new` writes
    #[param(rebuild = "the file is read once", content = Other)]
    own: Option<PathBuf>,
    /// what `knob` is: a name of the model or of `own`; left out: the word in `own`, or `bright`
    #[param(live)]
    name: Option<String>,
}

impl Node for LatentKnobs {
    fn descriptor() -> Descriptor {
        let declared = Descriptor::of::<Self>(
            "latent",
            "latent_knobs",
            "Turns a picture's latent into numbers with names: bright, busy, person",
        )
        .example(
            r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(),
                    "says": latent_knobs(),
                    "walk": scale_walk(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: [
                    "film -> eye -> says",
                    "says.busy -> walk.density",
                    "says.colourful -> walk.freedom",
                    "walk -> notes",
                ]"#,
        )
        .details(
            "Each output is a direction in the model's latent space that was found in photographs. \
             Its value says where the picture lies among them: 0.5 has as much of it as the middle \
             one, 0.9 more than nine of ten, so that every knob uses its whole range. A wire takes \
             an output by its name, `says.busy`; `knob` is the one that `name` chooses, and the only \
             way to a word of your own. How well each tells photographs that played no part is in \
             the model's card (`score models info eye`). What moves is not in a single picture: \
             `motion` measures it. For the probability that a word is right, use `tags`.",
        )
        .input(CODE)
        .output(CHOSEN);
        KNOBS.into_iter().fold(declared, Descriptor::output)
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(naming) = checked(check, CODE, &self.model, self.own.as_ref())
            && let Err(error) = naming.chosen(self.name.as_deref(), USUAL)
        {
            check.refuse_for("name", &error);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let naming = Naming::load(build.settings, &self.model, self.own.as_deref())?;
        naming.chosen(self.name.as_deref(), USUAL)?;
        Ok(Box::new(Reading { naming }))
    }
}

struct Reading {
    naming: Naming,
}

impl Processor<LatentKnobs> for Reading {
    fn process(&mut self, params: &LatentKnobs, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let code = input.read(CODE)?;
            let time = input.packet.time;
            if let Ok(chosen) = self.naming.chosen(params.name.as_deref(), USUAL) {
                io.send(CHOSEN, time, chosen.place(code))?;
            }
            for knob in KNOBS {
                if let Some(name) = self.naming.of_model(knob.name(), None) {
                    io.send(knob, time, name.place(code))?;
                }
            }
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &LatentKnobs, _: &Transport) -> Result<(), NodeError> {
        let chosen = self.naming.chosen(params.name.as_deref(), USUAL);
        chosen.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType, Value};
    use serde_json::json;

    use super::*;
    use crate::names::Names;
    use crate::testing::{at, settings};

    fn reading(params: Value, codes: &[Vec<f32>]) -> Harness<LatentKnobs> {
        let packets = (0..).zip(codes);
        let packets = packets.map(|(n, code)| {
            let code: &[f32] = code;
            (at(f64::from(n)), Payload::Latent(code.into()))
        });
        Harness::<LatentKnobs>::new(params)
            .settings(settings())
            .feed(
                "latent",
                PortType::Latent(Some(64)),
                packets.collect(),
                at(9.0),
            )
    }

    /// Codes that have less of a direction, what the middle has, and more.
    fn along(name: &str) -> Vec<Vec<f32>> {
        let names = Names::of(&settings(), "eye").unwrap();
        let pattern = &names.names[name].pattern;
        let code = |amount: f32| {
            let parts = pattern.iter().zip(&names.mean);
            parts.map(|(part, mean)| mean + amount * part).collect()
        };
        [-4.0, 0.0, 4.0].map(code).into()
    }

    #[test]
    fn every_output_is_a_name_of_the_eye_and_every_name_is_an_output() {
        let names = Names::of(&settings(), "eye").unwrap();
        let mut declared: Vec<&str> = KNOBS.iter().map(|knob| knob.name()).collect();
        declared.sort_unstable();
        assert_eq!(declared, names.names.keys().collect::<Vec<_>>());
    }

    #[test]
    fn a_latent_with_more_of_a_name_has_a_higher_knob() {
        for knob in KNOBS {
            let name = knob.name();
            let outputs = reading(json!({ "name": name }), &along(name))
                .run()
                .unwrap();
            let values = |port: &str| -> Vec<f32> {
                let packets = outputs.packets(port).iter();
                packets.map(|packet| *packet.control().unwrap()).collect()
            };
            let found = values(name);
            assert!(found[0] < 0.3 && found[2] > 0.7, "{name}: {found:?}");
            assert!(
                found[0] <= found[1] && found[1] <= found[2],
                "{name}: {found:?}"
            );
            assert_eq!(values("knob"), found);
        }
    }

    #[test]
    fn another_name_is_chosen_while_it_plays_and_one_that_is_not_there_is_refused() {
        let outputs = reading(json!({ "name": "bright" }), &along("person"))
            .set_live(at(1.5), "name", json!("person"))
            .play_live()
            .unwrap();
        let values = |port: &str| -> Vec<f32> {
            let packets = outputs.packets(port).iter();
            packets.map(|packet| *packet.control().unwrap()).collect()
        };
        let (bright, person, knob) = (values("bright"), values("person"), values("knob"));
        assert_eq!([knob[0], knob[2]], [bright[0], person[2]]);
        let refused = reading(json!({ "name": "rain" }), &[]).run().unwrap_err();
        assert!(refused.to_string().contains("rain"), "{refused}");
    }

    #[test]
    fn a_latent_that_is_not_all_numbers_has_knobs_from_0_to_1() {
        let outputs = reading(json!({}), &[vec![f32::NAN; 64], vec![f32::INFINITY; 64]])
            .run()
            .unwrap();
        for knob in KNOBS {
            let packets = outputs.packets(knob.name());
            assert_eq!(packets.len(), 2, "{}", knob.name());
            for packet in packets {
                assert!((0.0..=1.0).contains(packet.control().unwrap()));
            }
        }
    }
}
