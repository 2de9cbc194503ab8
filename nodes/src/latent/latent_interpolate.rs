//! Glides from code to code: music without a film that goes somewhere.

use rand_distr::{Distribution, StandardNormal};
use score_engine::{
    Build, Check, Descriptor, Flow, Io, Latent, Length, Node, NodeError, OutputPort, Params,
    PortType, Processor, Time,
};

use super::slerp::slerp;

const CODES: OutputPort<Latent> = OutputPort::new(0, "latent", "the codes");

/// `latent_interpolate`.
#[derive(Clone, Params)]
pub(crate) struct LatentInterpolate {
    /// codes to pass, each a list of components
    #[param(range = -1000.0..=1000.0, default = Vec::new())]
    codes: Vec<Vec<f32>>,
    /// codes to draw
    #[param(range = 0..=10_000, default = 4)]
    random: usize,
    /// components of a code
    #[param(structural, range = 1..=4096, default = 64)]
    dimension: usize,
    /// time from one code to the next
    #[param(range = 0.001..=3600.0, default = Length::Seconds(8.0))]
    leg: Length,
    /// time between two steps on the way
    #[param(range = 0.001..=3600.0, default = Length::Seconds(0.5))]
    every: Length,
    /// return to the first code
    #[param(default = false)]
    closed: bool,
}

impl Node for LatentInterpolate {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("latent", "latent_interpolate", "Glides from code to code")
            .example(
                r#"nodes: {
                    "way": latent_interpolate(random: 3, leg: beats(16), every: beats(8)),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "way.mid"),
                },
                wires: ["way -> tune -> notes"]"#,
            )
            .details(
                "Goes through the given codes, then through `random` further ones drawn from N(0, 1) by the patch's \
                 seed, on the arcs between them (Shoemake 1985), so that codes on the way are as long as those at \
                 the ends. A given code that is shorter than `dimension` is filled up with zeros. `closed` returns \
                 to the first at last.",
            )
            .output(CODES)
            .paced()
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.codes.len() + self.random == 0 {
            check.refuse(
                "random",
                "there is no code to pass",
                Some("give `codes`, or `random: 4`".to_owned()),
            );
        }
        if let Some(code) = self.codes.iter().find(|code| code.len() > self.dimension) {
            let message = format!(
                "a code has {} components, more than `dimension` {}",
                code.len(),
                self.dimension
            );
            check.refuse("codes", message, None);
        }
        check.set_output(CODES, PortType::Latent(Some(self.dimension)));
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let mut codes = self.codes.clone();
        for code in &mut codes {
            code.resize(self.dimension, 0.0);
        }
        let mut rng = build.rng();
        for _ in 0..self.random {
            codes.push(
                StandardNormal
                    .sample_iter(&mut rng)
                    .take(self.dimension)
                    .collect(),
            );
        }
        if self.closed {
            codes.extend(codes.first().cloned());
        }
        Ok(Box::new(Gliding {
            codes,
            leg: self.leg.at(build.transport).seconds(),
            every: self.every.at(build.transport).seconds(),
            sent: 0,
        }))
    }
}

struct Gliding {
    codes: Vec<Vec<f32>>,
    /// Seconds.
    leg: f64,
    /// Seconds.
    every: f64,
    sent: u64,
}

impl Processor<LatentInterpolate> for Gliding {
    fn process(&mut self, _params: &LatentInterpolate, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        // A single code is held for one leg.
        let legs = self.codes.len().saturating_sub(1).max(1);
        let seconds = self.sent as f64 * self.every;
        let end = legs as f64 * self.leg;
        if seconds >= end && !io.is_live() {
            io.end_at(Time::from_seconds(end));
            return Ok(Flow::Done);
        }
        // Live, the way begins again at its end.
        let passed = seconds / self.leg % legs as f64;
        let index = passed as usize;
        let code = match (self.codes.get(index), self.codes.get(index + 1)) {
            (Some(from), Some(to)) => slerp(from, to, passed.fract() as f32),
            (Some(only), None) => only.clone(),
            (None, _) => return Err(NodeError::internal("there is no code to pass")),
        };
        self.sent += 1;
        io.send_captured_now(CODES, Time::from_seconds(seconds), code)?;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::*;

    fn glide(params: Value) -> (Vec<Vec<f32>>, Option<Time>) {
        let outputs = Harness::<LatentInterpolate>::new(params).run().unwrap();
        let codes = outputs
            .packets("latent")
            .iter()
            .map(|packet| packet.latent().unwrap().to_vec())
            .collect();
        (codes, outputs.end("latent"))
    }

    #[test]
    fn the_way_passes_every_given_code_at_its_time_on_an_arc() {
        let (codes, end) = glide(json!({
            "codes": [[2.0], [0.0, 2.0]], "random": 0, "dimension": 2, "leg": {"seconds": 1}, "every": {"seconds": 0.5},
            "closed": true
        }));
        assert_eq!(end, Some(Time::from_seconds(2.0)));
        let root = 2.0_f32.sqrt();
        let wanted = [[2.0, 0.0], [root, root], [0.0, 2.0], [root, root]];
        for (code, wanted) in codes.iter().zip(&wanted) {
            assert!(
                (code[0] - wanted[0]).abs() < 1e-5 && (code[1] - wanted[1]).abs() < 1e-5,
                "{codes:?}"
            );
        }
        assert_eq!(codes.len(), 4);
    }

    #[test]
    fn random_codes_are_as_many_and_as_long_as_asked_for() {
        let (codes, end) =
            glide(json!({ "random": 3, "leg": {"seconds": 2}, "every": {"seconds": 2} }));
        assert_eq!((codes.len(), end), (2, Some(Time::from_seconds(4.0))));
        assert_eq!(codes[0].len(), 64);
        assert_ne!(codes[0], codes[1]);
    }

    #[test]
    fn a_code_alone_is_held() {
        let (codes, end) = glide(json!({
            "codes": [[1.0]], "random": 0, "dimension": 1, "leg": {"seconds": 1}, "every": {"seconds": 0.5}
        }));
        assert_eq!(
            (codes, end),
            (vec![vec![1.0], vec![1.0]], Some(Time::from_seconds(1.0)))
        );
    }

    #[test]
    fn a_way_without_codes_is_refused() {
        let refused = Harness::<LatentInterpolate>::new(json!({ "random": 0 }))
            .run()
            .unwrap_err();
        assert_eq!(refused.to_string(), "there is no code to pass");
    }
}
