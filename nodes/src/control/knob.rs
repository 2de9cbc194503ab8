//! A number that a hand sets.

use score_engine::{
    Build, Control, Descriptor, Flow, Io, Length, Node, NodeError, OutputPort, Params, Processor,
    Time, Transport,
};

use crate::ticks::{Course, Grid, Next};

const VALUE: OutputPort<Control> = OutputPort::new(0, "value", "where the knob is");

/// How often the number is sent while nobody turns the knob, a second: what is wired to it later
/// hears of it too.
const RATE: f64 = 10.0;

/// `knob`.
#[derive(Clone, Params)]
pub(crate) struct Knob {
    /// where it is
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    value: f32,
    /// time until the end of a render; left out: as long as its readers go on
    #[param(live, range = 0.001..=86_400.0, span = 1.0..=600.0, log)]
    duration: Option<Length>,
}

impl Node for Knob {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("control", "knob", "A number with a name, for a hand to set")
            .example(
                r#"nodes: {
                    "far": knob(value: 0.3),
                    "tone": tone(),
                    "echo": delay(),
                    "sound": audio_out(),
                },
                wires: ["tone -> echo -> sound", "far -> echo.mix", ("far -> tone.gain", range(from: -12, to: -36))]"#,
            )
            .details(
                "One knob may be wired into many parameters, each with a range of its own. What sets it is what sets any \
                 live value: `score set`, OSC, a preset, a cue, or a MIDI controller (`controllers` in the patch). When it \
                 is turned, the number goes out at once, and ten times a second otherwise.\n\n\
                 In a render it stays where the patch has it, and has no end of its own: a render ends with everything \
                 else. Where nothing else comes into what it steers, `duration` says when.",
            )
            .output(VALUE)
            .endless_unless("duration")
            .light()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Turned {
            transport: build.transport.clone(),
            grid: Grid::of_rate(RATE, build.transport),
            course: Course::new(build.ends),
            ends: build.ends,
            is_news: false,
            sent: Time::ZERO,
        }))
    }
}

struct Turned {
    transport: Transport,
    grid: Grid,
    course: Course,
    ends: bool,
    /// Whether it was turned since it was sent.
    is_news: bool,
    /// The time of what was sent last.
    sent: Time,
}

impl Turned {
    fn send(&mut self, io: &mut Io<'_>, time: Time, value: f32) -> Result<(), NodeError> {
        self.sent = self.sent.max(time);
        self.is_news = false;
        io.send_captured_now(VALUE, self.sent, value)
    }
}

impl Processor<Knob> for Turned {
    fn process(&mut self, params: &Knob, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.is_news && !self.ends {
            let now = io.now();
            self.send(io, now, params.value)?;
        }
        let end = params.duration.map(|duration| duration.at(&self.transport));
        match self.course.next(io, &self.grid, end) {
            Next::Send(time) => {
                self.send(io, time, params.value)?;
                Ok(Flow::Continue)
            }
            Next::Wait(time) => Ok(Flow::WakeAt(time)),
            Next::End(time) => {
                io.end_at(time);
                Ok(Flow::Done)
            }
        }
    }

    fn changed(&mut self, _params: &Knob, transport: &Transport) -> Result<(), NodeError> {
        self.transport = transport.clone();
        self.is_news = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use serde_json::json;

    use super::*;
    use crate::testing::{alike, at, told};

    #[test]
    fn it_says_where_it_is_in_a_render_and_live() {
        let params = json!({ "value": 0.25, "duration": { "seconds": 0.3 } });
        let outputs = alike(|| Harness::<Knob>::new(params.clone()).until(at(0.3)));
        assert_eq!(
            told(&outputs, "value"),
            [(0, 0.25), (100, 0.25), (200, 0.25)]
        );
        assert_eq!(outputs.end("value"), Some(at(0.3)));
    }

    #[test]
    fn it_is_heard_at_once_when_it_is_turned() {
        let outputs = Harness::<Knob>::new(json!({}))
            .set_live(at(0.13), "value", json!(0.5))
            .set_live(at(0.2), "value", json!(0.75))
            .until(at(0.35))
            .play_live()
            .unwrap();
        let heard = told(&outputs, "value");
        assert!(heard.contains(&(130, 0.5)), "{heard:?}");
        assert!(heard.contains(&(200, 0.75)), "{heard:?}");
        assert_eq!(heard.last(), Some(&(300, 0.75)), "{heard:?}");
    }
}
