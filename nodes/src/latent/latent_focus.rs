//! Lets what has a name drive the music alone, or keeps it from driving it at all.

use std::path::PathBuf;

use rand_distr::{Distribution, StandardNormal};
use score_engine::{
    Build, Check, Descriptor, Flow, InputPort, Io, Latent, Node, NodeError, OutputPort, Params,
    PortType, Processor, Transport,
};

use super::finite::finite;
use super::naming::{Naming, checked};
use crate::names::Span;

const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent of a picture");
const FOCUSED: OutputPort<Latent> =
    OutputPort::new(0, "latent", "the latent, without what is ignored");

/// `latent_focus`.
#[derive(Clone, Params)]
pub(crate) struct LatentFocus {
    /// the picture model whose latents arrive
    #[param(rebuild = "another model has other names", default = "eye")]
    model: String,
    /// a file with names of your own, which `score tag --new` writes
    #[param(rebuild = "the file is read once", content = Other)]
    own: Option<PathBuf>,
    /// names that alone drive what follows; empty: everything does
    #[param(live, default = Vec::new())]
    follow: Vec<String>,
    /// names that drive nothing
    #[param(live, default = Vec::new())]
    ignore: Vec<String>,
    /// how far what is followed moves the latent
    #[param(live, range = 0.0..=32.0, span = 0.0..=8.0, default = 4.0)]
    amount: f32,
}

impl Node for LatentFocus {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "latent",
            "latent_focus",
            "Chooses by name what of a picture drives the music, and what does not",
        )
        .example(
            r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(),
                    "what": latent_focus(ignore: ["bright", "warm"]),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> eye -> what -> tune -> notes"]"#,
        )
        .details(
            "The names are those of `latent_knobs`, and those in `own`. What is ignored is taken out \
             of the latent by projection: its direction is left out, so that no linear reading of \
             what leaves tells it, and pictures that differ in nothing else have one latent. What \
             pictures show goes together (a night is dark and blue), so ignoring one name takes a \
             little of its relatives along; and what a model could still read by other than linear \
             ways stays. A photograph \
             in another light is another picture to the eye in many more ways than `bright` alone. \
             The model's card has figures (`score models info eye`).\n\n\
             With `follow`, only the named directions move the latent, by `amount`; all the rest of \
             it is one latent that is drawn by the patch's seed, and does not change. What leaves has \
             the usual length, √dimension. What is both followed and ignored is ignored.",
        )
        .input(CODE)
        .output(FOCUSED)
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(naming) = checked(check, CODE, &self.model, self.own.as_ref()) {
            check.set_output(FOCUSED, PortType::Latent(Some(naming.dimension())));
            for (param, names) in [("follow", &self.follow), ("ignore", &self.ignore)] {
                if let Some(error) = names.iter().find_map(|name| naming.find(name).err()) {
                    check.refuse_for(param, &error);
                }
            }
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let naming = Naming::load(build.settings, &self.model, self.own.as_deref())?;
        let rest = StandardNormal.sample_iter(build.rng());
        Ok(Box::new(Focusing {
            rest: rest.take(naming.dimension()).collect(),
            spans: Spans::of(self, &naming)?,
            naming,
        }))
    }
}

/// What the names span.
struct Spans {
    /// What is followed; `None`: everything.
    followed: Option<Span>,
    ignored: Span,
}

impl Spans {
    /// What the parameters name.
    ///
    /// # Errors
    /// There is no such name.
    fn of(params: &LatentFocus, naming: &Naming) -> Result<Self, NodeError> {
        let directions = |names: &[String], pattern: bool| -> Result<Span, NodeError> {
            let found: Result<Vec<_>, NodeError> =
                names.iter().map(|name| naming.find(name)).collect();
            let found = found?;
            let lists = found.iter().map(|name| match pattern {
                true => name.pattern.as_slice(),
                false => name.direction.as_slice(),
            });
            Ok(Span::of(lists))
        };
        let follows = !params.follow.is_empty();
        Ok(Spans {
            followed: follows
                .then(|| directions(&params.follow, false))
                .transpose()?,
            ignored: directions(&params.ignore, true)?,
        })
    }
}

struct Focusing {
    naming: Naming,
    /// The latent that holds where something is followed.
    rest: Vec<f64>,
    spans: Spans,
}

impl Processor<LatentFocus> for Focusing {
    fn process(&mut self, params: &LatentFocus, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let code = input.read(CODE)?;
            if code.len() != self.rest.len() {
                return Err(NodeError::internal("a latent of another dimension arrived"));
            }
            let focused = self.focused(params, code);
            io.send(FOCUSED, input.packet.time, focused)?;
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &LatentFocus, _: &Transport) -> Result<(), NodeError> {
        self.spans = Spans::of(params, &self.naming)?;
        Ok(())
    }
}

impl Focusing {
    fn focused(&self, params: &LatentFocus, code: &[f32]) -> Vec<f32> {
        let mean = self.naming.mean();
        let away = code.iter().zip(mean);
        let mut away: Vec<f64> = away
            .map(|(component, mean)| finite(*component) - f64::from(*mean))
            .collect();
        let ignored = self.spans.ignored.part(&away);
        away.iter_mut()
            .zip(ignored)
            .for_each(|(part, ignored)| *part -= ignored);
        let Some(followed) = &self.spans.followed else {
            let whole = away.iter().zip(mean);
            return whole
                .map(|(part, mean)| (part + f64::from(*mean)) as f32)
                .collect();
        };
        let (moves, held) = (followed.part(&away), followed.part(&self.rest));
        let amount = f64::from(params.amount);
        let whole: Vec<f64> = (moves.iter().zip(&self.rest).zip(held))
            .map(|((moves, rest), held)| amount * moves + rest - held)
            .collect();
        let length = whole.iter().map(|part| part * part).sum::<f64>().sqrt();
        let usual = (whole.len() as f64).sqrt();
        let factor = if length > 0.0 { usual / length } else { 1.0 };
        whole
            .into_iter()
            .map(|part| (factor * part) as f32)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Payload, Value};
    use serde_json::json;

    use super::*;
    use crate::names::Names;
    use crate::testing::{at, settings};

    fn focusing(params: Value, codes: &[Vec<f32>]) -> Harness<LatentFocus> {
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

    fn eye() -> Names {
        Names::of(&settings(), "eye").unwrap()
    }

    fn apart(one: &[f32], other: &[f32]) -> f32 {
        let squares = one.iter().zip(other).map(|(a, b)| (a - b) * (a - b));
        squares.sum::<f32>().sqrt()
    }

    /// One code, and it with more of a name.
    fn more_of(name: &str, amount: f32) -> [Vec<f32>; 2] {
        let code: Vec<f32> = (0..64).map(|n| (n as f32 * 0.37).sin() * 1.4).collect();
        let pattern = &eye().names[name].pattern;
        let more = code
            .iter()
            .zip(pattern)
            .map(|(part, more)| part + amount * more)
            .collect();
        [code, more]
    }

    #[test]
    fn what_is_ignored_no_longer_moves_the_latent_and_all_else_does() {
        for (moved, other) in [
            ("bright", "person"),
            ("person", "bright"),
            ("outdoors", "warm"),
        ] {
            let codes = more_of(moved, 5.0);
            let ignoring = focusing(json!({ "ignore": [moved] }), &codes)
                .run()
                .unwrap();
            let ignoring = found(&ignoring);
            assert!(apart(&ignoring[0], &ignoring[1]) < 1e-4, "{moved}");
            let otherwise = focusing(json!({ "ignore": [other] }), &codes)
                .run()
                .unwrap();
            let otherwise = found(&otherwise);
            assert!(
                apart(&otherwise[0], &otherwise[1]) > 3.0,
                "{moved} without {other}"
            );
        }
    }

    #[test]
    fn several_names_are_ignored_together() {
        let params = json!({ "ignore": ["bright", "warm", "person"] });
        for name in ["bright", "warm", "person"] {
            let outputs = focusing(params.clone(), &more_of(name, -4.0))
                .run()
                .unwrap();
            let found = found(&outputs);
            assert!(apart(&found[0], &found[1]) < 1e-4, "{name}");
        }
    }

    #[test]
    fn only_what_is_followed_moves_the_latent_and_it_keeps_the_usual_length() {
        let params = json!({ "follow": ["bright"] });
        let followed = focusing(params.clone(), &more_of("bright", 3.0))
            .run()
            .unwrap();
        let followed = found(&followed);
        assert!(apart(&followed[0], &followed[1]) > 1.0);
        for code in &followed {
            assert!((apart(code, &[0.0; 64]) - 8.0).abs() < 1e-3);
        }
        // A way that the direction of `bright` does not see at all.
        let direction = &eye().names["bright"].direction;
        let [code, _] = more_of("bright", 0.0);
        let mut other = code.clone();
        other[0] += direction[1] * 1e3;
        other[1] -= direction[0] * 1e3;
        let outputs = focusing(params, &[code, other]).run().unwrap();
        let found = found(&outputs);
        assert!(apart(&found[0], &found[1]) < 0.1);
    }

    #[test]
    fn without_names_a_latent_stays_as_it_is() {
        let codes = more_of("bright", 1.0);
        let outputs = focusing(json!({}), &codes).run().unwrap();
        for (found, code) in found(&outputs).iter().zip(&codes) {
            assert!(apart(found, code) < 1e-4);
        }
    }

    #[test]
    fn names_are_ignored_and_followed_again_while_it_plays() {
        let [code, more] = more_of("bright", 5.0);
        let codes = [code.clone(), more.clone(), code, more];
        let outputs = focusing(json!({}), &codes)
            .set_live(at(1.5), "ignore", json!(["bright"]))
            .play_live()
            .unwrap();
        let found = found(&outputs);
        assert!(apart(&found[0], &found[1]) > 4.0 && apart(&found[2], &found[3]) < 1e-4);
    }

    #[test]
    fn a_name_that_is_not_there_is_refused_at_its_parameter() {
        for param in ["follow", "ignore"] {
            let refused = focusing(json!({ param: ["rain"] }), &[]).run().unwrap_err();
            assert!(refused.to_string().contains("rain"), "{refused}");
        }
    }
}
