//! Tells how unlike two codes are.

use std::collections::VecDeque;
use std::f64::consts::{FRAC_PI_2, SQRT_2};
use std::sync::Arc;

use score_engine::{
    Build, Check, Choice, Control, Descriptor, Flow, InputPort, Io, Latent, Length, Node,
    NodeError, OutputPort, Params, Processor, Time, Transport,
};

use super::finite::finite;
use crate::half_life::Follower;

// First, so that of two codes with one time this one is there when the other is compared.
const OTHER: InputPort<Latent> = InputPort::new(
    0,
    "other",
    "what the latent is compared with; unwired: with its own past",
)
.optional()
.by_name();
const CODE: InputPort<Latent> = InputPort::new(1, "latent", "the latent");
const DISTANCE: OutputPort<Control> =
    OutputPort::new(0, "distance", "0 the same to 1 as unlike as chance");

/// Codes that are remembered of the past.
const MOST: i64 = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Measure {
    Rms,
    Angle,
}

/// `latent_distance`.
#[derive(Clone, Params)]
pub(crate) struct LatentDistance {
    /// what is measured
    #[param(live, default = Measure::Rms)]
    measure: Measure,
    /// how old the past is that a latent is compared with
    #[param(live, range = 0.001..=600.0, span = 0.1..=20.0, log, default = Length::Seconds(1.0))]
    past: Length,
    /// factor
    #[param(live, range = 0.0..=100.0, span = 0.1..=10.0, log, default = 1.0)]
    gain: f64,
    /// time to follow half of a jump
    #[param(live, range = 0.0..=60.0, span = 0.01..=5.0, log, default = Length::Seconds(0.0))]
    smooth: Length,
}

impl Node for LatentDistance {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("latent", "latent_distance", "How unlike two latents are")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(model: "eye"),
                    "change": latent_distance(past: beats(4), smooth: 0.5),
                    "tune": scale_walk(),
                    "notes": midi_file(path: "change.mid"),
                },
                wires: ["film -> eye -> change -> tune -> notes"]"#,
            )
            .details(
                "One number for each latent of `latent`: how far it is from the newest of `other`, or, where that is not \
                 wired, from what it was `past` ago (until then, from the first). `rms` is the root of the mean square \
                 of the components' differences, `angle` the angle between the latents, whatever their lengths. Both are \
                 scaled so that two latents drawn at random come to 1, and nothing to more; `gain` is a factor before \
                 that end.",
            )
            .input(OTHER)
            .input(CODE)
            .output(DISTANCE)
            .light()
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(dimension) = check.input_dimension(CODE) {
            check.require_dimension(OTHER, dimension, "`latent_distance`");
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Measuring {
            other: build.is_wired(OTHER).then_some(None),
            past: Past::default(),
            age: self.past.at(build.transport),
            half_life: self.smooth.at(build.transport),
            follower: Follower::default(),
            last: Time::ZERO,
        }))
    }
}

struct Measuring {
    /// The newest code to compare with, where one is wired.
    other: Option<Option<Arc<[f32]>>>,
    past: Past,
    age: Time,
    half_life: Time,
    follower: Follower<1>,
    last: Time,
}

impl Processor<LatentDistance> for Measuring {
    fn process(&mut self, params: &LatentDistance, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if input.is(OTHER) {
                self.other = Some(Some(input.read(OTHER)?.clone()));
                continue;
            }
            let (time, code) = (input.packet.time.max(self.last), input.read(CODE)?);
            self.last = time;
            let other = match &self.other {
                None => Some(self.past.before(time, self.age, code)),
                Some(other) => other.clone(),
            };
            // Nothing to compare with yet.
            let Some(other) = other else { continue };
            let distance = distance(params.measure, code, &other) * params.gain;
            let distance = distance.clamp(0.0, 1.0) as f32;
            let [distance] = self.follower.follow(time, [distance], self.half_life);
            io.send(DISTANCE, time, distance)?;
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &LatentDistance, transport: &Transport) -> Result<(), NodeError> {
        self.age = params.past.at(transport);
        self.half_life = params.smooth.at(transport);
        Ok(())
    }
}

/// What a code was of late, as much as is asked for and never more than [`MOST`] codes and one.
#[derive(Default)]
struct Past(VecDeque<(Time, Arc<[f32]>)>);

impl Past {
    /// What held `age` before `time`, or else the earliest that is known; `code` holds at `time`.
    fn before(&mut self, time: Time, age: Time, code: &Arc<[f32]>) -> Arc<[f32]> {
        let apart = Time::from_nanos(age.nanos() / MOST);
        let is_news = |(last, _): &(Time, _)| time - *last >= apart.max(Time::from_nanos(1));
        if self.0.back().is_none_or(is_news) {
            self.0.push_back((time, code.clone()));
        }
        while self.0.get(1).is_some_and(|(next, _)| *next <= time - age) {
            self.0.pop_front();
        }
        self.0.front().map_or(code, |(_, code)| code).clone()
    }
}

/// How far two codes are apart; what two independent normal codes come to is 1.
fn distance(measure: Measure, one: &[f32], other: &[f32]) -> f64 {
    let pairs = || {
        one.iter()
            .zip(other)
            .map(|(one, other)| (finite(*one), finite(*other)))
    };
    match measure {
        Measure::Rms => {
            let squares: f64 = pairs().map(|(one, other)| (one - other).powi(2)).sum();
            (squares / one.len().max(1) as f64).sqrt() / SQRT_2
        }
        Measure::Angle => {
            let sum = |of: fn((f64, f64)) -> f64| pairs().map(of).sum::<f64>();
            let lengths = [sum(|(one, _)| one * one), sum(|(_, other)| other * other)];
            match lengths.map(f64::sqrt) {
                [0.0, 0.0] => 0.0,
                // A code without length has no direction: it is as unlike as any.
                [0.0, _] | [_, 0.0] => 1.0,
                [one, other] => {
                    let cosine = sum(|(one, other)| one * other) / (one * other);
                    cosine.clamp(-1.0, 1.0).acos() / FRAC_PI_2
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Payload, PortType, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::at;

    fn feed(
        harness: Harness<LatentDistance>,
        input: &str,
        codes: &[(f64, &[f32])],
    ) -> Harness<LatentDistance> {
        let port_type = PortType::Latent(codes.first().map(|(_, code)| code.len()));
        let codes = codes.iter();
        let codes = codes.map(|(time, code)| (at(*time), Payload::Latent((*code).into())));
        harness.feed(input, port_type, codes.collect(), at(100.0))
    }

    fn found(outputs: &Outputs) -> Vec<f32> {
        let packets = outputs.packets("distance").iter();
        packets.map(|packet| *packet.control().unwrap()).collect()
    }

    fn near(found: &[f32], wanted: &[f32]) {
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        let close = |(found, wanted): (&f32, &f32)| (found - wanted).abs() < 1e-6;
        assert!(
            found.iter().zip(wanted).all(close),
            "{found:?} for {wanted:?}"
        );
    }

    #[test]
    fn a_code_is_compared_with_the_newest_of_the_other_also_of_the_same_time() {
        let codes: [(f64, &[f32]); 3] =
            [(0.0, &[1.0, 0.0]), (1.0, &[0.0, 0.5]), (2.0, &[3.0, 3.0])];
        let others: [(f64, &[f32]); 2] = [(0.0, &[1.0, 0.0]), (2.0, &[3.0, 3.0])];
        for (measure, wanted) in [
            ("rms", [0.0, (1.25_f32 / 2.0).sqrt() / 2.0_f32.sqrt(), 0.0]),
            ("angle", [0.0, 1.0, 0.0]),
        ] {
            let harness = Harness::new(json!({ "measure": measure }));
            let harness = feed(feed(harness, "latent", &codes), "other", &others);
            near(&found(&harness.run().unwrap()), &wanted);
        }
    }

    #[test]
    fn unwired_it_is_compared_with_what_it_was_a_while_ago() {
        let values: Vec<[f32; 1]> = (0..6_u8).map(|n| [f32::from(n) * 0.1]).collect();
        let codes = (0..6_u8)
            .zip(&values)
            .map(|(n, code)| (f64::from(n), code.as_slice()));
        let codes: Vec<(f64, &[f32])> = codes.collect();
        let params = json!({ "past": { "seconds": 2 }, "gain": 2.0_f64.sqrt() });
        let harness = || feed(Harness::new(params.clone()), "latent", &codes);
        near(
            &found(&harness().run().unwrap()),
            &[0.0, 0.1, 0.2, 0.2, 0.2, 0.2],
        );
        // A shorter past counts at once.
        let shorter = harness().set_live(at(2.5), "past", json!({ "seconds": 1 }));
        let outputs = shorter.play_live().unwrap();
        near(&found(&outputs), &[0.0, 0.1, 0.2, 0.1, 0.1, 0.1]);
    }

    #[test]
    fn codes_that_have_nothing_in_common_come_to_one_and_no_number_leaves_the_range() {
        use rand_chacha::ChaCha8Rng;
        use rand_chacha::rand_core::SeedableRng;
        use rand_distr::{Distribution, StandardNormal};

        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut draw = || -> Vec<f32> { StandardNormal.sample_iter(&mut rng).take(4000).collect() };
        let (one, other) = (draw(), draw());
        for measure in [Measure::Rms, Measure::Angle] {
            let found = distance(measure, &one, &other);
            assert!((found - 1.0).abs() < 0.05, "{measure:?}: {found}");
            assert!(distance(measure, &one, &one.clone()) < 1e-3, "{measure:?}");
            for odd in [[f32::NAN, 1.0], [f32::INFINITY, f32::MAX], [0.0, 0.0]] {
                let found = distance(measure, &odd, &[1.0, -1.0]);
                assert!(found.is_finite() && found >= 0.0, "{measure:?} {odd:?}");
            }
        }
    }

    #[test]
    fn the_past_is_bounded_whatever_comes() {
        let mut past = Past::default();
        let code: Arc<[f32]> = [0.0].as_slice().into();
        for n in 0..100_000 {
            past.before(Time::from_nanos(n * 1_000_000), at(60.0), &code);
        }
        assert!(past.0.len() <= MOST as usize + 2, "{}", past.0.len());
    }

    #[test]
    fn a_code_of_another_dimension_is_refused() {
        let harness = Harness::<LatentDistance>::new(Value::Object(Default::default()));
        let harness = feed(harness, "latent", &[(0.0, &[0.0, 0.0])]);
        let refused = feed(harness, "other", &[(0.0, &[0.0])]).run().unwrap_err();
        assert!(
            refused.to_string().contains("Latent(1) arrives"),
            "{refused}"
        );
    }
}
