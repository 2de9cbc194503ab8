//! Lets events through by chance.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use score_engine::{
    Build, Descriptor, Event, Flow, InputPort, Io, Node, NodeError, OutputPort, Params, Processor,
};

const EVENTS: InputPort<Event> = InputPort::new(0, "events", "what happens");
const PASSED: OutputPort<Event> = OutputPort::new(0, "event", "those that pass");
const OTHERS: OutputPort<Event> = OutputPort::new(1, "others", "those that do not").by_name();

/// `chance`.
#[derive(Clone, Params)]
pub(crate) struct Chance {
    /// how probable it is that an event passes
    #[param(live, range = 0.0..=1.0, default = 0.5)]
    probability: f64,
}

impl Node for Chance {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("event", "chance", "Lets events through by chance")
            .example(
                r#"nodes: {
                    "beat": every(every: beats(0.5), duration: beats(32)),
                    "maybe": chance(probability: 0.3),
                    "hit": accent(pitch: 42),
                    "notes": midi_file(path: "hats.mid"),
                },
                wires: ["beat -> maybe -> hit -> notes"]"#,
            )
            .details(
                "0 lets none through, 1 all. The patch's seed decides: a render draws the same each time, and another \
                 probability changes no other draw.",
            )
            .input(EVENTS)
            .output(PASSED)
            .output(OTHERS)
            .light()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Drawing { rng: build.rng() }))
    }
}

struct Drawing {
    rng: ChaCha8Rng,
}

impl Processor<Chance> for Drawing {
    fn process(&mut self, params: &Chance, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            // From 0 up to, but not, 1.
            let drawn = f64::from(self.rng.next_u32()) / (f64::from(u32::MAX) + 1.0);
            let output = match drawn < params.probability {
                true => PASSED,
                false => OTHERS,
            };
            io.send_packet(output.index(), input.packet)?;
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{PortType, Transport};
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, events, told};

    fn drawn(probability: f64, seed: u64) -> Outputs {
        let fed: Vec<(f64, f32)> = (0..1000).map(|n| (f64::from(n) / 100.0, 0.5)).collect();
        let transport = Transport {
            seed,
            ..Transport::default()
        };
        alike(|| {
            Harness::<Chance>::new(json!({ "probability": probability }))
                .transport(transport.clone())
                .feed("events", PortType::Event, events(&fed), at(10.0))
        })
    }

    fn times(outputs: &Outputs, name: &str) -> Vec<i64> {
        told(outputs, name)
            .into_iter()
            .map(|(time, _)| time)
            .collect()
    }

    #[test]
    fn as_many_pass_as_is_probable_and_the_others_go_the_other_way() {
        let outputs = drawn(0.3, 7);
        let (passed, others) = (times(&outputs, "event"), times(&outputs, "others"));
        assert!((250..350).contains(&passed.len()), "{}", passed.len());
        assert_eq!(passed.len() + others.len(), 1000);
        assert!(passed.iter().all(|time| !others.contains(time)));
        assert_eq!(times(&drawn(0.0, 7), "event").len(), 0);
        assert_eq!(times(&drawn(1.0, 7), "event").len(), 1000);
    }

    #[test]
    fn the_seed_decides_and_a_higher_probability_only_adds() {
        let passed = times(&drawn(0.3, 7), "event");
        assert_eq!(times(&drawn(0.3, 7), "event"), passed);
        assert_ne!(times(&drawn(0.3, 8), "event"), passed);
        let more = times(&drawn(0.6, 7), "event");
        assert!(passed.iter().all(|time| more.contains(time)));
    }
}
