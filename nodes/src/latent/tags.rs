//! Says how probable it is that a picture shows what a word names.

use std::path::PathBuf;

use score_engine::{
    Build, Check, Control, Descriptor, Flow, InputPort, Io, Latent, Node, NodeError, OutputPort,
    Params, Processor, Transport,
};

use super::naming::{Naming, checked};
use crate::names::Kind;

const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent of a picture");
const CHOSEN: OutputPort<Control> =
    OutputPort::new(0, "tag", "the probability of the word that `word` chooses");

/// What is chosen where the patch chooses nothing.
const USUAL: &str = "person";

macro_rules! word {
    ($index:literal, $name:literal, $summary:literal) => {
        OutputPort::new($index, $name, $summary).by_name()
    };
}

/// The words of `eye`.
const WORDS: [OutputPort<Control>; 12] = [
    word!(1, "person", "the probability of a person, seen by the face"),
    word!(2, "animal", "of an animal"),
    word!(3, "bird", "of a bird"),
    word!(4, "insect", "of an insect or the like"),
    word!(5, "sea_creature", "of an animal of the sea"),
    word!(6, "vehicle", "of a vehicle"),
    word!(7, "ship", "of a ship"),
    word!(8, "plant", "of a plant"),
    word!(9, "building", "of a building"),
    word!(10, "furniture", "of furniture and lamps"),
    word!(11, "device", "of a device: a watch, a camera, a laptop"),
    word!(12, "outdoors", "of a place outdoors; near 0: indoors"),
];

/// `tags`.
#[derive(Clone, Params)]
pub(crate) struct Tags {
    /// the picture model whose latents arrive
    #[param(rebuild = "another model has other words", default = "eye")]
    model: String,
    /// a file with a word of your own, which `score tag --new` writes
    #[param(rebuild = "the file is read once", content = Other)]
    own: Option<PathBuf>,
    /// what `tag` is: a word of the model or of `own`; left out: the word in `own`, or `person`
    #[param(live)]
    word: Option<String>,
}

impl Tags {
    /// Refuses what is chosen where it is no word.
    fn require(&self, naming: &Naming) -> Result<(), NodeError> {
        let chosen = naming.chosen(self.word.as_deref(), USUAL)?;
        match chosen.kind {
            Kind::Word => Ok(()),
            Kind::Measure => Err(NodeError::input(format!(
                "`{}` is a measure, which has no probability",
                self.word.as_deref().unwrap_or_default()
            ))
            .help("`latent_knobs` gives it as a number from 0 to 1")),
        }
    }
}

impl Node for Tags {
    fn descriptor() -> Descriptor {
        let declared = Descriptor::of::<Self>(
            "latent",
            "tags",
            "Says how probable it is that a picture shows a person, an animal, a word of your own",
        )
        .example(
            r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(),
                    "tags": tags(),
                    "tune": music_decoder(),
                    "gate": gate(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: [
                    "film -> eye -> tune -> gate -> notes",
                    "eye -> tags",
                    "tags.person -> gate.open",
                ]"#,
        )
        .details(
            "A wire takes a word by its name, `tags.person`. A probability is what it is where as \
             many pictures show the word as do not: 0.5 is undecided. The words were learnt from \
             photographs of single things; of drawings, crowds and dark pictures they say little, and \
             `person` knows faces that are near and seen from the front, not people at half length. \
             How well each tells photographs that played no part, and kinds of things that it never \
             learnt from, is in the model's card (`score models info eye`).\n\n\
             A word of your own is taught by two folders of pictures, ten or more of each: `score tag \
             --new rain RAIN-FOLDER OTHERS-FOLDER` writes `rain.ron`, and `tags(own: \"rain.ron\")` \
             has it at its output `tag`. `score tag FILM` prints what a film shows when.",
        )
        .input(CODE)
        .output(CHOSEN);
        WORDS.into_iter().fold(declared, Descriptor::output)
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(naming) = checked(check, CODE, &self.model, self.own.as_ref())
            && let Err(error) = self.require(&naming)
        {
            check.refuse_for("word", &error);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let naming = Naming::load(build.settings, &self.model, self.own.as_deref())?;
        self.require(&naming)?;
        Ok(Box::new(Tagging { naming }))
    }
}

struct Tagging {
    naming: Naming,
}

impl Processor<Tags> for Tagging {
    fn process(&mut self, params: &Tags, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let code = input.read(CODE)?;
            let time = input.packet.time;
            let chosen = self.naming.chosen(params.word.as_deref(), USUAL);
            if let Some(chosen) = chosen.ok().filter(|chosen| chosen.kind == Kind::Word) {
                io.send(CHOSEN, time, chosen.probability(code))?;
            }
            for word in WORDS {
                if let Some(name) = self.naming.of_model(word.name(), Some(Kind::Word)) {
                    io.send(word, time, name.probability(code))?;
                }
            }
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Tags, _: &Transport) -> Result<(), NodeError> {
        params.require(&self.naming)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Payload, PortType, Value};
    use serde_json::json;

    use super::*;
    use crate::names::{Names, teach};
    use crate::testing::{at, settings};

    fn tagged(params: Value, codes: &[Vec<f32>]) -> Result<Outputs, NodeError> {
        let packets = (0..).zip(codes);
        let packets = packets.map(|(n, code)| {
            let code: &[f32] = code;
            (at(f64::from(n)), Payload::Latent(code.into()))
        });
        Harness::<Tags>::new(params)
            .settings(settings())
            .feed(
                "latent",
                PortType::Latent(Some(64)),
                packets.collect(),
                at(9.0),
            )
            .run()
    }

    fn values(outputs: &Outputs, port: &str) -> Vec<f32> {
        let packets = outputs.packets(port).iter();
        packets.map(|packet| *packet.control().unwrap()).collect()
    }

    #[test]
    fn every_output_is_a_word_of_the_eye_and_every_word_is_an_output() {
        let names = Names::of(&settings(), "eye").unwrap();
        let is_word = |(_, name): &(&String, &crate::names::Name)| name.kind == Kind::Word;
        let words: Vec<&String> = names
            .names
            .iter()
            .filter(is_word)
            .map(|(name, _)| name)
            .collect();
        let mut declared: Vec<&str> = WORDS.iter().map(|word| word.name()).collect();
        declared.sort_unstable();
        assert_eq!(declared, words);
    }

    #[test]
    fn what_lies_on_a_words_side_is_more_probable_than_what_does_not() {
        let names = Names::of(&settings(), "eye").unwrap();
        for word in WORDS {
            let direction = &names.names[word.name()];
            let length: f32 = direction.direction.iter().map(|part| part * part).sum();
            // Codes whose odds are e² to 1, even, and 1 to e².
            let codes = [2.0, 0.0, -2.0].map(|odds: f32| {
                let factor = (odds - direction.offset) / length;
                direction
                    .direction
                    .iter()
                    .map(|part| part * factor)
                    .collect()
            });
            let found = values(&tagged(json!({}), &codes).unwrap(), word.name());
            for (found, wanted) in found.iter().zip([0.881, 0.5, 0.119]) {
                assert!((found - wanted).abs() < 0.01, "{}: {found}", word.name());
            }
        }
    }

    #[test]
    fn a_word_of_ones_own_is_the_tag_and_what_has_no_probability_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rain.ron");
        let heap = |at: f32| -> Vec<Vec<f32>> {
            let code = |n: u8| {
                (0..64)
                    .map(|i| at + f32::from(u16::from(n) * i % 7) * 0.1)
                    .collect()
            };
            (1..=10).map(code).collect()
        };
        let lesson = teach("rain", &heap(1.0), &heap(-1.0)).unwrap();
        std::fs::write(&path, lesson.names.text().unwrap()).unwrap();
        let codes = [vec![1.3; 64], vec![-1.0; 64]];
        let outputs = tagged(json!({ "own": path }), &codes).unwrap();
        let found = values(&outputs, "tag");
        assert!(found[0] > 0.9 && found[1] < 0.1, "{found:?}");
        let refused = tagged(json!({ "word": "bright" }), &[]).unwrap_err();
        assert!(refused.to_string().contains("measure"), "{refused}");
        assert!(tagged(json!({ "own": folder.path().join("none.ron") }), &[]).is_err());
    }
}
