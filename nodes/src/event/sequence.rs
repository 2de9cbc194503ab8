//! Goes through a list of numbers, one for each event.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use score_engine::{
    Build, Check, Choice, Control, Descriptor, Event, Flow, InputPort, Io, Node, NodeError,
    OutputPort, Params, Processor, Transport,
};

// What resets stands first: of what comes at one time it counts before the rest.
const RESET: InputPort<Event> = InputPort::new(0, "reset", "starts again with the next event")
    .optional()
    .by_name();
const STEP: InputPort<Event> = InputPort::new(1, "step", "takes the next number");
const VALUE: OutputPort<Control> = OutputPort::new(0, "value", "the number");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Order {
    Forward,
    Backward,
    ThereAndBack,
    Random,
}

/// `sequence`.
#[derive(Clone, Params)]
pub(crate) struct Sequence {
    /// the numbers
    #[param(live, range = -1e6..=1e6)]
    values: Vec<f64>,
    /// in which order
    #[param(live, default = Order::Forward)]
    order: Order,
}

impl Node for Sequence {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("event", "sequence", "Goes through a list of numbers, one for each event")
            .example(
                r#"nodes: {
                    "codes": latent_random(dimension: 64, duration: beats(64)),
                    "bar": every(every: beats(8)),
                    "heat": sequence(values: [0.2, 0.5, 0.9, 0.5]),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "tune.mid"),
                },
                wires: ["codes -> tune -> notes", "bar -> heat -> tune.temperature"]"#,
            )
            .details(
                "The first event gives the first number (`backward`: the last), and after the last the first comes again. \
                 `there_and_back` turns at both ends, which it plays once. `random` takes any, as the patch's seed decides. \
                 A new list or order goes on from the place that it has reached.",
            )
            .input(RESET)
            .input(STEP)
            .output(VALUE)
            .light()
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.values.is_empty() {
            check.refuse("values", EMPTY, Some(HELP.to_owned()));
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Stepping {
            place: 0,
            rng: build.rng(),
        }))
    }
}

const EMPTY: &str = "a sequence without numbers has nothing to give";
const HELP: &str = "write at least one, as in `values: [0, 0.5, 1]`";

struct Stepping {
    /// Events since the start or the last reset, counted up to the length of a round.
    place: usize,
    rng: ChaCha8Rng,
}

impl Stepping {
    /// The number that comes next.
    fn next(&mut self, params: &Sequence) -> Option<f64> {
        let count = params.values.len();
        let last = count.checked_sub(1)?;
        let round = match params.order {
            Order::ThereAndBack => (2 * last).max(1),
            _ => count,
        };
        let place = self.place % round;
        self.place = place + 1;
        let index = match params.order {
            Order::Forward => place,
            Order::Backward => last - place,
            Order::ThereAndBack => place.min(2 * last - place),
            Order::Random => ((u64::from(self.rng.next_u32()) * count as u64) >> 32) as usize,
        };
        params.values.get(index).copied()
    }
}

impl Processor<Sequence> for Stepping {
    fn process(&mut self, params: &Sequence, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if input.is(RESET) {
                self.place = 0;
                continue;
            }
            if let Some(value) = self.next(params) {
                let packet = &input.packet;
                io.send_captured(VALUE, packet.time, packet.captured, value as f32)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Sequence, _transport: &Transport) -> Result<(), NodeError> {
        match params.values.is_empty() {
            true => Err(NodeError::input(EMPTY).help(HELP)),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{alike, at, events, told};

    fn stepped(params: &Value, resets: &[(f64, f32)]) -> Vec<f32> {
        let fed: Vec<(f64, f32)> = (0..8).map(|n| (f64::from(n), 1.0)).collect();
        let outputs = alike(|| {
            Harness::<Sequence>::new(params.clone())
                .feed("step", PortType::Event, events(&fed), at(20.0))
                .feed("reset", PortType::Event, events(resets), at(20.0))
        });
        let told = told(&outputs, "value");
        assert!(
            told.iter()
                .map(|(time, _)| *time)
                .eq((0..8).map(|n| n * 1000))
        );
        told.into_iter().map(|(_, value)| value).collect()
    }

    #[test]
    fn each_event_takes_the_next_number_in_the_order_that_is_asked_for() {
        let order = |order: &str| stepped(&json!({ "values": [1, 2, 3], "order": order }), &[]);
        assert_eq!(order("forward"), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0]);
        assert_eq!(order("backward"), [3.0, 2.0, 1.0, 3.0, 2.0, 1.0, 3.0, 2.0]);
        assert_eq!(
            order("there_and_back"),
            [1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 3.0, 2.0]
        );
        let random = order("random");
        assert!(random.iter().all(|value| [1.0, 2.0, 3.0].contains(value)));
        assert!(random.iter().any(|value| *value != random[0]), "{random:?}");
        for order in ["forward", "backward", "there_and_back", "random"] {
            assert_eq!(
                stepped(&json!({ "values": [7], "order": order }), &[]),
                [7.0; 8]
            );
        }
    }

    #[test]
    fn a_reset_starts_again_also_at_the_time_of_a_step() {
        let found = stepped(
            &json!({ "values": [1, 2, 3, 4] }),
            &[(2.0, 1.0), (5.5, 1.0)],
        );
        assert_eq!(found, [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 1.0, 2.0]);
    }

    #[test]
    fn a_list_without_numbers_is_refused_and_a_new_one_goes_on_from_its_place() {
        let empty = Harness::<Sequence>::new(json!({ "values": [] }));
        let why = empty
            .feed("step", PortType::Event, Vec::new(), at(1.0))
            .run()
            .unwrap_err();
        assert!(why.to_string().contains("without numbers"), "{why}");
        let fed = events(&[(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)]);
        let outputs = Harness::<Sequence>::new(json!({ "values": [1, 2] }))
            .feed("step", PortType::Event, fed, at(3.0))
            .set_live(at(1.5), "values", json!([10, 20, 30]))
            .play_live()
            .unwrap();
        assert_eq!(
            told(&outputs, "value"),
            [(0, 1.0), (1000, 2.0), (2000, 30.0)]
        );
    }
}
