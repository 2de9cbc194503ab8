//! Makes events of a number that crosses a threshold.

use std::time::Instant;

use score_engine::{
    Build, Control, Descriptor, Event, Flow, InputPort, Io, Length, Node, NodeError, OutputPort,
    Params, Processor, Time, Transport,
};

use crate::hysteresis::is_high;
use crate::ticks::has_passed;

const VALUE: InputPort<Control> = InputPort::new(0, "value", "the number");
const RISE: OutputPort<Event> = OutputPort::new(0, "rise", "it has risen above the threshold");
const FALL: OutputPort<Event> =
    OutputPort::new(1, "fall", "it has fallen below it again").by_name();
const STATE: OutputPort<Control> = OutputPort::new(2, "state", "1 while it is above, else 0");

/// `threshold`.
#[derive(Clone, Params)]
pub(crate) struct Threshold {
    /// the threshold
    #[param(live, range = -1e6..=1e6, span = 0.0..=1.0, default = 0.5)]
    level: f64,
    /// how far below `level` it must fall
    #[param(live, range = 0.0..=1e6, span = 0.0..=0.5, default = 0.05)]
    hysteresis: f64,
    /// how long it must stay there before that counts
    #[param(live, range = 0.0..=3600.0, span = 0.01..=10.0, log, default = Length::Seconds(0.0))]
    hold: Length,
}

impl Node for Threshold {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "threshold", "Tells when a number rises above a threshold, and when it falls")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64),
                    "motion": motion(),
                    "moves": threshold(level: 0.2, hold: 2),
                    "hit": accent(pitch: 49),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> motion -> moves -> hit -> notes"]"#,
            )
            .details(
                "It rises when the number exceeds `level`, and falls when the number has been at `level` − `hysteresis` or \
                 below for the time `hold`: a short dip is none. The strength of an event is the number, 0 to 1. `state` says the \
                 same as a number: 0 at first, then 1 and 0 in turns. What is not a number changes nothing. Live, an event \
                 has the time at which it is known.",
            )
            .input(VALUE)
            .output(RISE)
            .output(FALL)
            .output(STATE)
            .light()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Watching {
            ends: build.ends,
            hold: self.hold.at(build.transport),
            begun: false,
            is_above: false,
            low: None,
        }))
    }
}

struct Watching {
    ends: bool,
    hold: Time,
    /// Whether the state was told that holds at the start.
    begun: bool,
    is_above: bool,
    /// When the number will have been low for long enough, what it was when it became low, and when
    /// that was captured. Another `hold` counts from the next time: this one is promised.
    low: Option<(Time, f32, Instant)>,
}

fn event(name: &str, value: f32) -> Event {
    Event {
        name: name.to_owned(),
        strength: value.clamp(0.0, 1.0),
    }
}

impl Processor<Threshold> for Watching {
    fn process(&mut self, params: &Threshold, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if !std::mem::replace(&mut self.begun, true) {
            let start = if self.ends { Time::ZERO } else { io.now() };
            io.send_captured_now(STATE, start, 0.0)?;
        }
        while let Some(input) = io.take() {
            let (value, time) = (*input.read(VALUE)?, input.heard);
            self.fall_if(io, |_, due| due < time)?;
            let captured = input.packet.captured;
            if value.is_nan() {
                // It says nothing, not even that the number is not low any more.
            } else if is_high(self.is_above, value, params.level, params.hysteresis) {
                self.low = None;
                if !std::mem::replace(&mut self.is_above, true) {
                    io.send_captured(RISE, time, captured, event("rise", value))?;
                    io.send_captured(STATE, time, captured, 1.0)?;
                }
            } else if self.is_above && self.low.is_none() {
                self.low = Some((time + self.hold, value, captured));
                // What needs no time counts at once.
                self.fall_if(io, |_, due| due <= time)?;
            }
        }
        let ends = self.ends;
        self.fall_if(io, |io, due| has_passed(io, ends, due))?;
        Ok(self.due().map_or(Flow::Continue, Flow::WakeAt))
    }

    fn finish(&mut self, _params: &Threshold, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(Time::ZERO);
        self.fall_if(io, |_, due| due < end)
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.due()
    }

    fn changed(&mut self, params: &Threshold, transport: &Transport) -> Result<(), NodeError> {
        self.hold = params.hold.at(transport);
        Ok(())
    }
}

impl Watching {
    /// When the number will have been low for long enough.
    fn due(&self) -> Option<Time> {
        self.low.map(|(due, ..)| due)
    }

    /// It has fallen, where that is due.
    fn fall_if(
        &mut self,
        io: &mut Io<'_>,
        is_due: impl Fn(&Io<'_>, Time) -> bool,
    ) -> Result<(), NodeError> {
        if let Some(due) = self.due().filter(|due| is_due(io, *due))
            && let Some((_, value, captured)) = self.low.take()
        {
            self.is_above = false;
            io.send_captured(FALL, due, captured, event("fall", value))?;
            io.send_captured(STATE, due, captured, 0.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{PortType, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, numbers, told};

    fn watched(params: &Value, fed: &[(f64, f32)]) -> Outputs {
        alike(|| {
            let harness = Harness::<Threshold>::new(params.clone());
            harness.feed("value", PortType::Control, numbers(fed), at(10.0))
        })
    }

    fn times(outputs: &Outputs, name: &str) -> Vec<i64> {
        told(outputs, name)
            .into_iter()
            .map(|(time, _)| time)
            .collect()
    }

    #[test]
    fn it_tells_of_each_rise_and_fall_and_of_nothing_in_between() {
        let fed = [
            (0.0, 0.4),
            (1.0, 0.6),
            (2.0, 0.7),
            (3.0, 0.48),
            (4.0, 0.6),
            (5.0, 0.2),
            (6.0, 0.1),
            (7.0, 0.9),
        ];
        let outputs = watched(&json!({}), &fed);
        assert_eq!(told(&outputs, "rise"), [(1000, 0.6), (7000, 0.9)]);
        assert_eq!(told(&outputs, "fall"), [(5000, 0.2)]);
        let states = [(0, 0.0), (1000, 1.0), (5000, 0.0), (7000, 1.0)];
        assert_eq!(told(&outputs, "state"), states);
    }

    #[test]
    fn a_dip_shorter_than_hold_is_none_and_a_longer_one_counts_when_it_has_lasted() {
        let fed = [(0.0, 1.0), (1.0, 0.0), (1.4, 1.0), (2.0, 0.0), (2.3, 0.0)];
        let outputs = watched(&json!({ "hold": { "beats": 1 } }), &fed);
        assert_eq!(times(&outputs, "rise"), [0]);
        assert_eq!(times(&outputs, "fall"), [2500]);
        // It would fall at the very moment at which it rises: it has not fallen.
        let fed = [(0.0, 1.0), (1.0, 0.0), (1.5, 1.0)];
        let outputs = watched(&json!({ "hold": { "seconds": 0.5 } }), &fed);
        assert_eq!(times(&outputs, "fall"), [0; 0]);
    }

    #[test]
    fn what_is_no_number_changes_nothing_and_infinity_is_high() {
        let fed = [
            (0.0, f32::NAN),
            (1.0, f32::INFINITY),
            (2.0, f32::NAN),
            (3.0, f32::NEG_INFINITY),
        ];
        let outputs = watched(&json!({}), &fed);
        assert_eq!(told(&outputs, "rise"), [(1000, 1.0)]);
        assert_eq!(told(&outputs, "fall"), [(3000, 0.0)]);
    }

    #[test]
    fn a_new_level_keeps_what_is_known() {
        let fed = numbers(&[(0.0, 0.6), (1.0, 0.6), (2.0, 0.6)]);
        let outputs = Harness::<Threshold>::new(json!({}))
            .feed("value", PortType::Control, fed, at(3.0))
            .set_live(at(0.5), "level", 0.55)
            .set_live(at(1.5), "level", 0.8)
            .play_live()
            .unwrap();
        assert_eq!(times(&outputs, "rise"), [0], "it is above already");
        assert_eq!(times(&outputs, "fall"), [2000]);
    }
}
