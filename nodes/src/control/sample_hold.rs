//! Holds a number from one event to the next.

use score_engine::{
    Build, Control, Descriptor, Event, Flow, InputPort, Io, Node, NodeError, OutputPort, Processor,
};

const VALUE: InputPort<Control> = InputPort::new(0, "value", "the number");
const TRIGGER: InputPort<Event> = InputPort::new(1, "trigger", "takes the number as it is now");
const HELD: OutputPort<Control> = OutputPort::new(0, "value", "the number that was taken last");

/// `sample_hold`.
#[derive(Clone, score_engine::Params)]
pub(crate) struct SampleHold {}

impl Node for SampleHold {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "sample_hold", "Takes a number at each event and holds it")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "light": brightness(),
                    "bar": every(every: beats(4)),
                    "held": sample_hold(),
                    "tune": scale_walk(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> light -> held -> tune -> notes", "bar -> held"]"#,
            )
            .details(
                "What is not a number, or infinite, is not taken; the number before it counts. An event before the first \
                 number does nothing.",
            )
            .input(VALUE)
            .input(TRIGGER)
            .output(HELD)
            .light()
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Holding { latest: None }))
    }
}

struct Holding {
    latest: Option<f32>,
}

impl Processor<SampleHold> for Holding {
    fn process(&mut self, _params: &SampleHold, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if input.is(VALUE) {
                self.latest = Some(*input.read(VALUE)?)
                    .filter(|value| value.is_finite())
                    .or(self.latest);
            } else if let Some(value) = self.latest {
                let packet = &input.packet;
                io.send_captured(HELD, packet.time, packet.captured, value)?;
            }
        }
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use score_engine::PortType;
    use score_engine::harness::Harness;
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, events, numbers, told};

    #[test]
    fn each_event_takes_the_number_as_it_is() {
        let fed = numbers(&[(0.1, 0.25), (0.3, 0.5), (0.5, f32::NAN), (0.7, 1.0)]);
        let triggers = events(&[(0.0, 1.0), (0.2, 1.0), (0.25, 1.0), (0.3, 1.0), (0.6, 1.0)]);
        let outputs = alike(|| {
            Harness::<SampleHold>::new(json!({}))
                .feed("value", PortType::Control, fed.clone(), at(1.0))
                .feed("trigger", PortType::Event, triggers.clone(), at(1.0))
        });
        // At 0.3 s both come: the number first.
        let wanted = [(200, 0.25), (250, 0.25), (300, 0.5), (600, 0.5)];
        assert_eq!(told(&outputs, "value"), wanted);
    }
}
