//! Lets one event through, and those that follow it no more.

use score_engine::{
    Build, Descriptor, Event, Flow, InputPort, Io, Length, Node, NodeError, OutputPort, Params,
    Processor, Time, Transport,
};

// What resets stands first: of what comes at one time it counts before the rest.
const RESET: InputPort<Event> = InputPort::new(0, "reset", "lets the next one through")
    .optional()
    .by_name();
const EVENTS: InputPort<Event> = InputPort::new(1, "events", "what happens");
const PASSED: OutputPort<Event> = OutputPort::new(0, "event", "the one that passes");

/// `once`.
#[derive(Clone, Params)]
pub(crate) struct Once {
    /// time after which another may pass; left out: only after `reset`
    #[param(live, range = 0.001..=86_400.0, span = 0.1..=60.0, log)]
    again: Option<Length>,
}

impl Node for Once {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("event", "once", "Lets one event through, and no other after it")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "cuts": cut_detector(),
                    "bar": once(again: beats(4)),
                    "hit": accent(pitch: 49),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> cuts.frames", "cuts.cut -> bar -> hit -> notes"]"#,
            )
            .details(
                "With `again` another may pass after that time: at most one a bar with `beats(4)`. An event into `reset` \
                 lets the next one through in any case, also one of the same time.",
            )
            .input(RESET)
            .input(EVENTS)
            .output(PASSED)
            .light()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Letting {
            again: self.again.map(|again| again.at(build.transport)),
            passed: None,
        }))
    }
}

struct Letting {
    again: Option<Time>,
    /// When one passed last.
    passed: Option<Time>,
}

impl Processor<Once> for Letting {
    fn process(&mut self, _params: &Once, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            if input.is(RESET) {
                self.passed = None;
                continue;
            }
            let rests = self
                .passed
                .is_some_and(|passed| self.again.is_none_or(|again| time < passed + again));
            if !rests {
                self.passed = Some(time);
                io.send_packet(PASSED.index(), input.packet)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Once, transport: &Transport) -> Result<(), NodeError> {
        self.again = params.again.map(|again| again.at(transport));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::Harness;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{alike, at, events, told};

    fn passed(params: &Value, resets: &[(f64, f32)]) -> Vec<i64> {
        let fed: Vec<(f64, f32)> = (1..10).map(|n| (f64::from(n), 1.0)).collect();
        let outputs = alike(|| {
            Harness::<Once>::new(params.clone())
                .feed("events", PortType::Event, events(&fed), at(20.0))
                .feed("reset", PortType::Event, events(resets), at(20.0))
        });
        told(&outputs, "event")
            .iter()
            .map(|(time, _)| time / 1000)
            .collect()
    }

    #[test]
    fn one_passes_and_after_a_reset_another() {
        assert_eq!(passed(&json!({}), &[]), [1]);
        assert_eq!(
            passed(&json!({}), &[(0.5, 1.0), (4.0, 1.0), (6.5, 1.0)]),
            [1, 4, 7]
        );
    }

    #[test]
    fn with_again_another_passes_after_that_time() {
        let params = json!({ "again": { "beats": 6 } });
        assert_eq!(passed(&params, &[]), [1, 4, 7]);
        assert_eq!(passed(&params, &[(5.0, 1.0)]), [1, 4, 5, 8]);
    }

    #[test]
    fn a_new_time_counts_for_the_one_that_passed_last() {
        let fed = events(&[(1.0, 1.0), (2.0, 1.0), (3.0, 1.0)]);
        let outputs = Harness::<Once>::new(json!({}))
            .feed("events", PortType::Event, fed, at(4.0))
            .set_live(at(2.5), "again", json!({ "seconds": 1.5 }))
            .play_live()
            .unwrap();
        assert_eq!(told(&outputs, "event"), [(1000, 1.0), (3000, 1.0)]);
    }
}
