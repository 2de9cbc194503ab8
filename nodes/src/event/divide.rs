//! Lets every nth event through.

use score_engine::{
    Build, Descriptor, Event, Flow, InputPort, Io, Node, NodeError, OutputPort, Params, Processor,
};

// What resets stands first: of what comes at one time it counts before the rest.
const RESET: InputPort<Event> = InputPort::new(0, "reset", "counts from the start again")
    .optional()
    .by_name();
const EVENTS: InputPort<Event> = InputPort::new(1, "events", "what happens");
const PASSED: OutputPort<Event> = OutputPort::new(0, "event", "every nth of them");

/// `divide`.
#[derive(Clone, Params)]
pub(crate) struct Divide {
    /// of so many events one passes
    #[param(live, range = 1..=10_000, span = 1.0..=16.0, default = 2)]
    by: u32,
    /// which of them: 1 the first, `by` the last
    #[param(live, range = 1..=10_000, span = 1.0..=16.0, default = 1)]
    which: u32,
}

impl Node for Divide {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("event", "divide", "Lets every nth event through")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "cuts": cut_detector(),
                    "fourth": divide(by: 4),
                    "hit": accent(pitch: 49),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> cuts.frames", "cuts.cut -> fourth -> hit -> notes"]"#,
            )
            .details(
                "A `which` beyond `by` starts at 1 again. An event into `reset` makes the next one the first, also one of \
                 the same time.",
            )
            .input(RESET)
            .input(EVENTS)
            .output(PASSED)
            .light()
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Counting { seen: 0 }))
    }
}

struct Counting {
    /// Events since the start, or since the last reset.
    seen: u64,
}

impl Processor<Divide> for Counting {
    fn process(&mut self, params: &Divide, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if input.is(RESET) {
                self.seen = 0;
                continue;
            }
            let by = u64::from(params.by.max(1));
            let which = (u64::from(params.which) + by - 1) % by;
            let passes = self.seen % by == which;
            self.seen += 1;
            if passes {
                io.send_packet(PASSED.index(), input.packet)?;
            }
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{alike, at, events, told};

    /// Which of the events at 0, 1, 2… 9 s pass.
    fn passed(params: &Value, resets: &[(f64, f32)]) -> Vec<i64> {
        let fed: Vec<(f64, f32)> = (0..10).map(|n| (f64::from(n), 0.5)).collect();
        let outputs = alike(|| {
            Harness::<Divide>::new(params.clone())
                .feed("events", PortType::Event, events(&fed), at(20.0))
                .feed("reset", PortType::Event, events(resets), at(20.0))
        });
        let told = told(&outputs, "event");
        assert!(told.iter().all(|(_, strength)| *strength == 0.5));
        told.iter().map(|(time, _)| time / 1000).collect()
    }

    #[test]
    fn every_nth_event_passes() {
        assert_eq!(passed(&json!({}), &[]), [0, 2, 4, 6, 8]);
        assert_eq!(passed(&json!({ "by": 3, "which": 3 }), &[]), [2, 5, 8]);
        assert_eq!(passed(&json!({ "by": 4, "which": 6 }), &[]), [1, 5, 9]);
        assert_eq!(passed(&json!({ "by": 1 }), &[]).len(), 10);
    }

    #[test]
    fn a_reset_makes_the_next_event_the_first_also_one_of_the_same_time() {
        assert_eq!(
            passed(&json!({ "by": 4 }), &[(5.0, 1.0), (6.5, 1.0)]),
            [0, 4, 5, 7]
        );
    }

    #[test]
    fn another_divisor_keeps_the_count() {
        let fed: Vec<(f64, f32)> = (0..8).map(|n| (f64::from(n), 1.0)).collect();
        let outputs = Harness::<Divide>::new(json!({ "by": 2 }))
            .feed("events", PortType::Event, events(&fed), at(9.0))
            .set_live(at(2.5), "by", 4)
            .play_live()
            .unwrap();
        let times: Vec<i64> = told(&outputs, "event")
            .iter()
            .map(|(time, _)| time / 1000)
            .collect();
        assert_eq!(times, [0, 2, 4]);
    }
}
