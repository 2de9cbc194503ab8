//! Pushes a music model's code towards what has a name: denser, higher, more legato.

use score_engine::{
    Build, Check, Descriptor, Flow, InputPort, Io, Latent, Node, NodeError, OutputPort, Params,
    PortType, Processor,
};

use super::finite::finite;
use crate::model::Manifest;
use crate::names::{Name, Names};

const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent of a bar");
const STEERED: OutputPort<Latent> = OutputPort::new(0, "latent", "the latent, steered");

/// How far an amount of 1 pushes, in deviations of N(0, 1): `models/training/names` measures with
/// the same.
const PUSH: f64 = 3.0;

/// `latent_steer`: how much of each name, from −1, little, to 1, much; 0 leaves it as it is.
#[derive(Clone, Params)]
pub(crate) struct LatentSteer {
    /// the model that the latents go to
    #[param(rebuild = "another model has other names", default = "melody")]
    model: String,
    /// how many notes; of `harmony`, how often chords change
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    density: f32,
    /// how high; of drums, cymbals rather than low drums
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    register: f32,
    /// from the lowest to the highest; how many different drums or chords
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    range: f32,
    /// notes off the beat
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    syncopation: f32,
    /// major rather than minor chords; of drums, hats and cymbals
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    brightness: f32,
    /// notes and chords far from one another in the circle of fifths
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    tension: f32,
    /// many notes, high, leaping, loud
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    energy: f32,
    /// notes held until the next; of drums, those that ring
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    legato: f32,
    /// how far from note to note
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    leaps: f32,
    /// the tune climbs
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    rising: f32,
    /// the second half is like the first
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    repetition: f32,
    /// drums: hits of the kick
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    kick: f32,
    /// drums: hits of the snare
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    snare: f32,
    /// drums: hits of toms
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    toms: f32,
    /// drums: more in the last half bar
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    fill: f32,
    /// drums: how loud each hit is
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    loudness: f32,
    /// chords: share of seventh chords
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    sevenths: f32,
    /// chords: share of the tonic
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    home: f32,
    /// chords: share of roots that move by a fifth
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    fifths: f32,
    /// accompaniment: notes at once
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    fullness: f32,
    /// accompaniment: how often the bass is struck
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    bass: f32,
    /// accompaniment: one note after another rather than chords
    #[param(live, range = -1.0..=1.0, default = 0.0)]
    broken: f32,
}

impl LatentSteer {
    /// Every name, and how much of it is wanted.
    fn amounts(&self) -> [(&'static str, f32); 22] {
        [
            ("density", self.density),
            ("register", self.register),
            ("range", self.range),
            ("syncopation", self.syncopation),
            ("brightness", self.brightness),
            ("tension", self.tension),
            ("energy", self.energy),
            ("legato", self.legato),
            ("leaps", self.leaps),
            ("rising", self.rising),
            ("repetition", self.repetition),
            ("kick", self.kick),
            ("snare", self.snare),
            ("toms", self.toms),
            ("fill", self.fill),
            ("loudness", self.loudness),
            ("sevenths", self.sevenths),
            ("home", self.home),
            ("fifths", self.fifths),
            ("fullness", self.fullness),
            ("bass", self.bass),
            ("broken", self.broken),
        ]
    }

    /// The model's names.
    ///
    /// # Errors
    /// There is no such model, or it has no names that music has.
    fn names(&self, manifest: &Manifest) -> Result<Names, NodeError> {
        let names = Names::of_manifest(manifest, &self.model)?;
        let is_here = |name: &String| self.amounts().iter().any(|(here, _)| here == name);
        match names.names.keys().any(is_here) {
            true => Ok(names),
            false => Err(NodeError::model(format!(
                "`{}` makes no music: its names cannot be steered",
                self.model
            ))
            .help("name the model that the latents go to, such as `melody`")),
        }
    }
}

impl Node for LatentSteer {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "latent",
            "latent_steer",
            "Pushes a latent towards more or less of what has a name: density, register, legato",
        )
        .example(
            r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(),
                    "says": latent_knobs(),
                    "steer": latent_steer(model: "melody", register: -0.3),
                    "tune": music_decoder(model: "melody"),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: [
                    "film -> eye -> steer -> tune -> notes",
                    "eye -> says",
                    "says.busy -> steer.density",
                ]"#,
        )
        .details(
            "The picture still chooses the music; each name pushes it along a direction of the \
             model's latent space that was found by listening to thousands of its latents. 1 pushes \
             by three deviations, and the latent keeps its length, so that it stays one that the \
             model knows. Several names add up, and those that go together in the model's music, \
             such as `density` and `energy`, move one another. Each model has names of its own: a \
             name that `model` does not have is refused unless it is 0. How well each is heard is in \
             the model's card (`score models info melody`).\n\n\
             A latent that was steered goes to the model that `model` names: to `music_decoder` or \
             `drum_decoder`, or as a bar's latent to `harmony`, `stream_decoder` (also for `lead`) \
             and `accompaniment` (`texture`). `stream_decoder` has learnt `density`, `register`, \
             `range` and `syncopation` as parameters of its own, and the first two as controls from \
             sixteenth to sixteenth; what is given there outweighs what is pushed here.",
        )
        .input(CODE)
        .output(STEERED)
    }

    fn check(&self, check: &mut Check<'_>) {
        let arrives = check.input_dimension(CODE);
        let names = Manifest::of(check.settings).and_then(|manifest| self.names(&manifest));
        let names = match names {
            Ok(names) => names,
            Err(error) => return check.refuse_for("model", &error),
        };
        let dimension = names.mean.len();
        check.require_dimension(CODE, dimension, &format!("the model `{}`", self.model));
        check.set_output(STEERED, PortType::Latent(arrives.or(Some(dimension))));
        for (name, amount) in self.amounts() {
            if amount != 0.0 && !names.names.contains_key(name) {
                let there: Vec<&str> = names.names.keys().map(String::as_str).collect();
                let message = format!("the model `{}` has no `{name}` to steer", self.model);
                check.refuse(name, message, Some(format!("it has {}", there.join(", "))));
            }
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let names = self.names(&Manifest::of(build.settings)?)?;
        Ok(Box::new(Steering {
            dimension: build.input_dimension(CODE)?,
            names,
        }))
    }
}

struct Steering {
    dimension: usize,
    names: Names,
}

impl Processor<LatentSteer> for Steering {
    fn process(&mut self, params: &LatentSteer, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let code = input.read(CODE)?;
            if code.len() != self.dimension {
                return Err(NodeError::internal("a latent of another dimension arrived"));
            }
            // What only a wire or a hand can have given, and the model does not have, does nothing.
            let wanted = params
                .amounts()
                .into_iter()
                .filter(|(_, amount)| *amount != 0.0);
            let wanted: Vec<(&Name, f32)> = wanted
                .filter_map(|(name, amount)| Some((self.names.names.get(name)?, amount)))
                .collect();
            let time = input.packet.time;
            match wanted.is_empty() {
                true => io.send(STEERED, time, code.clone())?,
                false => io.send(STEERED, time, pushed(code, &wanted))?,
            }
        }
        Ok(Flow::Continue)
    }
}

/// The code pushed along all directions, as long as before.
fn pushed(code: &[f32], wanted: &[(&Name, f32)]) -> Vec<f32> {
    let mut moved: Vec<f64> = code.iter().map(|component| finite(*component)).collect();
    let length = |code: &[f64]| code.iter().map(|part| part * part).sum::<f64>().sqrt();
    let before = length(&moved);
    for (name, amount) in wanted {
        for (part, direction) in moved.iter_mut().zip(&name.pattern) {
            *part += PUSH * f64::from(*amount) * f64::from(*direction);
        }
    }
    let after = length(&moved);
    // The middle of all codes has no length to keep: it is pushed as far as it is.
    let factor = if before > 0.0 && after > 0.0 {
        before / after
    } else {
        1.0
    };
    moved
        .into_iter()
        .map(|part| (factor * part) as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Param, Payload, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::{at, settings};

    fn code() -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        StandardNormal.sample_iter(&mut rng).take(64).collect()
    }

    fn steering(params: Value, codes: &[Vec<f32>]) -> Harness<LatentSteer> {
        let packets = (0..).zip(codes);
        let packets = packets.map(|(n, code)| {
            let code: &[f32] = code;
            (at(f64::from(n)), Payload::Latent(code.into()))
        });
        let port = PortType::Latent(Some(64));
        let packets = packets.collect();
        Harness::new(params)
            .settings(settings())
            .feed("latent", port, packets, at(9.0))
    }

    fn found(outputs: &Outputs) -> Vec<Vec<f32>> {
        let packets = outputs.packets("latent").iter();
        packets
            .map(|packet| packet.latent().unwrap().to_vec())
            .collect()
    }

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn the_parameters_are_the_names_of_all_models_of_music() {
        let manifest = Manifest::of(&settings()).unwrap();
        let music = manifest.models.iter().filter(|(name, _)| *name != "eye");
        let named = music.filter(|(_, model)| model.names.is_some());
        let names: BTreeSet<String> = named
            .flat_map(|(model, _)| Names::of(&settings(), model).unwrap().names.into_keys())
            .collect();
        let params = LatentSteer::descriptor().params;
        let is_name = |param: &&Param| param.name != "model";
        let params = params
            .iter()
            .filter(is_name)
            .map(|param| param.name.to_string());
        assert_eq!(params.collect::<BTreeSet<_>>(), names);
    }

    #[test]
    fn a_push_moves_the_latent_along_its_name_and_keeps_its_length() {
        let code = code();
        let codes = [code.clone(), code.clone()];
        for (name, direction) in Names::of(&settings(), "drums").unwrap().names {
            let more = steering(json!({ "model": "drums", name.as_str(): 0.5 }), &codes);
            let less = steering(json!({ "model": "drums", name.as_str(): -1.0 }), &codes);
            let (more, less) = (found(&more.run().unwrap()), found(&less.run().unwrap()));
            let along = |code: &[f32]| dot(code, &direction.pattern);
            assert!(along(&more[0]) > along(&code) + 0.5, "{name}");
            assert!(along(&less[0]) < along(&code) - 1.0, "{name}");
            for steered in [&more[0], &less[1]] {
                assert!(
                    (dot(steered, steered) - dot(&code, &code)).abs() < 1e-2,
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn without_an_amount_a_latent_stays_as_it_is_to_the_last_bit() {
        let codes = [code(), vec![0.0; 64]];
        assert_eq!(found(&steering(json!({}), &codes).run().unwrap()), codes);
    }

    #[test]
    fn a_hand_steers_what_the_model_has_and_nothing_else() {
        let codes = vec![code(); 4];
        let outputs = steering(json!({ "model": "melody" }), &codes)
            .set_live(at(0.5), "kick", json!(1.0))
            .set_live(at(1.5), "density", json!(1.0))
            .set_live(at(2.5), "density", json!(0.0))
            .play_live()
            .unwrap();
        let found = found(&outputs);
        assert_eq!([&found[0], &found[1], &found[3]], [&codes[0]; 3]);
        assert_ne!(found[2], codes[2]);
    }

    #[test]
    fn what_a_model_does_not_have_is_refused_with_what_it_has() {
        let refused = steering(json!({ "model": "melody", "kick": 0.5 }), &[])
            .run()
            .unwrap_err();
        assert!(refused.to_string().contains("no `kick`"), "{refused}");
        let refused = steering(json!({ "model": "eye" }), &[]).run().unwrap_err();
        assert!(refused.to_string().contains("no music"), "{refused}");
        assert!(steering(json!({ "model": "touch" }), &[]).run().is_err());
    }

    #[test]
    fn a_latent_that_is_not_all_numbers_is_steered_as_if_those_were_the_middle() {
        let mut broken = code();
        broken[3] = f32::NAN;
        let outputs = steering(json!({ "density": 1.0 }), &[broken, vec![0.0; 64]])
            .run()
            .unwrap();
        let found = found(&outputs);
        assert!(found.iter().flatten().all(|part| part.is_finite()));
        assert!(
            (dot(&found[1], &found[1]).sqrt() - 3.0).abs() < 1e-3,
            "{:?}",
            found[1]
        );
    }
}
