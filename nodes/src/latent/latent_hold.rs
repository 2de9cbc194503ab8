//! Holds a code.

use std::sync::Arc;

use score_engine::{
    Build, Check, Choice, Control, Descriptor, Event, Flow, InputPort, Io, Latent, Node, NodeError,
    OutputPort, Params, Processor, Time,
};

use crate::horizon::Horizon;

const CODE: InputPort<Latent> = InputPort::new(0, "latent", "the latent");
const TAKE: InputPort<Event> = InputPort::new(
    1,
    "take",
    "a latent is taken, and held until the next event; unwired: every latent passes",
)
.optional();
const CONTROL: InputPort<Control> =
    InputPort::new(2, "control", "above `threshold` the last latent is held").optional();
const HELD: OutputPort<Latent> = OutputPort::new(0, "latent", "the latent that holds");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
enum Which {
    /// The one that is there.
    Newest,
    /// The first that is not older than the event.
    Next,
}

/// `latent_hold`.
#[derive(Clone, Params)]
pub(crate) struct LatentHold {
    /// which latent an event takes
    #[param(live, default = Which::Newest)]
    which: Which,
    /// of `control`
    #[param(live, range = 0.0..=1.0, default = 0.5)]
    threshold: f32,
    /// hold the last latent, whatever comes
    #[param(live, default = false)]
    hold: bool,
}

impl Node for LatentHold {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("latent", "latent_hold", "Holds a latent until an event, or while a control is high")
            .example(
                r#"nodes: {
                    "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 8),
                    "eye": frame_encoder(model: "eye"),
                    "cuts": cut_detector(),
                    "scene": latent_hold(which: next),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "film.mid"),
                },
                wires: ["film -> eye -> scene -> tune -> notes", "film -> cuts", "cuts.cut -> scene.take"]"#,
            )
            .details(
                "With `take` wired, one latent for each event, such as a cut or a bar: `which: newest` takes the latent that \
                 is there, `next` the first that is as new as the event, which at a cut is the new picture's even where \
                 the encoder is late. Without it, latents pass. While `control` is above `threshold`, or `hold` is set, \
                 nothing passes and no event takes a latent; when that is over, the latent that came meanwhile passes. \
                 The very first latent always passes, so that there is one to hold. A jump from latent to latent glides with \
                 `latent_smooth` behind it.",
            )
            .input(CODE)
            .input(TAKE)
            .input(CONTROL)
            .output(HELD)
            .light()
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(arrives) = check.input_type(CODE).cloned() {
            check.set_output(HELD, arrives);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Holding {
            horizon: Horizon::new(build),
            was_held: self.hold,
            by_events: build.is_wired(TAKE),
            control: 0.0,
            newest: None,
            awaited: None,
            last: None,
        }))
    }
}

struct Holding {
    horizon: Horizon,
    /// Whether it held at the last look.
    was_held: bool,
    /// Whether codes pass at events alone.
    by_events: bool,
    /// What `control` said last.
    control: f32,
    /// The newest code while it has not passed, and its time.
    newest: Option<Newest>,
    /// An event that waits for its code.
    awaited: Option<Time>,
    /// When a code passed last.
    last: Option<Time>,
}

/// The newest code.
struct Newest {
    time: Time,
    code: Arc<[f32]>,
    passed: bool,
}

impl Processor<LatentHold> for Holding {
    fn process(&mut self, params: &LatentHold, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        // A parameter may have changed.
        self.turn(params, io, self.horizon.changed_at(io))?;
        while let Some(input) = io.take() {
            let time = input.packet.time;
            if input.is(CODE) {
                let code = input.read(CODE)?.clone();
                self.newest = Some(Newest {
                    time,
                    code,
                    passed: false,
                });
                if self.passes(params, time) {
                    self.awaited = None;
                    self.pass(io, time)?;
                }
            } else if input.is(TAKE) {
                self.hear_event(params, io, time)?;
            } else {
                let control = *input.read(CONTROL)?;
                if !control.is_nan() {
                    self.control = control;
                }
                self.turn(params, io, time)?;
            }
        }
        self.horizon.reach(io);
        Ok(Flow::Continue)
    }
}

impl Holding {
    fn holds(&self, params: &LatentHold) -> bool {
        params.hold || self.control > params.threshold
    }

    /// Where it does not hold any more from `time` on, the code that came meanwhile passes.
    fn turn(&mut self, params: &LatentHold, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        let holds = self.holds(params);
        let was_held = std::mem::replace(&mut self.was_held, holds);
        match was_held && !holds && !self.by_events {
            true => self.pass(io, time),
            false => Ok(()),
        }
    }

    /// Whether the code that has just come with `time` passes.
    fn passes(&self, params: &LatentHold, time: Time) -> bool {
        let is_awaited = self.awaited.is_some_and(|event| time >= event);
        self.last.is_none() || (!self.holds(params) && (!self.by_events || is_awaited))
    }

    fn hear_event(
        &mut self,
        params: &LatentHold,
        io: &mut Io<'_>,
        time: Time,
    ) -> Result<(), NodeError> {
        if self.holds(params) {
            return Ok(());
        }
        let is_there = match (&self.newest, params.which) {
            (None, _) => false,
            (Some(_), Which::Newest) => true,
            (Some(newest), Which::Next) => newest.time >= time,
        };
        match is_there {
            true => self.pass(io, time),
            false => {
                self.awaited = Some(time);
                Ok(())
            }
        }
    }

    /// Lets the newest code pass, unless it has.
    fn pass(&mut self, io: &mut Io<'_>, time: Time) -> Result<(), NodeError> {
        let Some(newest) = self.newest.as_mut().filter(|newest| !newest.passed) else {
            return Ok(());
        };
        newest.passed = true;
        // Live, a wire may be late.
        let time = self.last.map_or(time, |last| last.max(time));
        self.last = Some(time);
        io.send(HELD, time, newest.code.clone())
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::{Harness, Outputs};
    use score_engine::{Payload, PortType, Value};
    use serde_json::json;

    use super::*;
    use crate::testing::at;

    /// Codes that count from 0, ten a second for a second.
    fn hold(params: Value) -> Harness<LatentHold> {
        let codes = (0..10_u8).map(|n| {
            let code = [f32::from(n)];
            (
                at(f64::from(n) / 10.0),
                Payload::Latent(code.as_slice().into()),
            )
        });
        let port_type = PortType::Latent(Some(1));
        Harness::new(params).feed("latent", port_type, codes.collect(), at(1.0))
    }

    fn events(harness: Harness<LatentHold>, times: &[f64]) -> Harness<LatentHold> {
        let event = Arc::new(Event {
            name: "cut".to_owned(),
            strength: 1.0,
        });
        let events = times
            .iter()
            .map(|time| (at(*time), Payload::Event(event.clone())));
        harness.feed("take", PortType::Event, events.collect(), at(1.0))
    }

    fn control(harness: Harness<LatentHold>, values: &[(f64, f32)]) -> Harness<LatentHold> {
        let values = values.iter();
        let values = values.map(|(time, value)| (at(*time), Payload::Control(*value)));
        harness.feed("control", PortType::Control, values.collect(), at(1.0))
    }

    fn found(outputs: &Outputs) -> Vec<(f64, f32)> {
        let packets = outputs.packets("latent").iter();
        packets
            .map(|packet| (packet.time.seconds(), packet.latent().unwrap()[0]))
            .collect()
    }

    #[test]
    fn an_event_takes_the_newest_code_or_the_next() {
        for (which, wanted) in [
            ("newest", [(0.0, 0.0), (0.3, 3.0), (0.55, 5.0)]),
            ("next", [(0.0, 0.0), (0.3, 3.0), (0.6, 6.0)]),
        ] {
            let harness = || events(hold(json!({ "which": which })), &[0.3, 0.55]);
            assert_eq!(found(&harness().run().unwrap()), wanted, "{which}");
            assert_eq!(found(&harness().play_live().unwrap()), wanted, "{which}");
        }
    }

    #[test]
    fn a_control_above_the_threshold_holds_and_what_came_meanwhile_passes_when_it_falls() {
        let values = [(0.25, 0.9), (0.35, f32::NAN), (0.75, 0.2)];
        let outputs = control(hold(json!({})), &values).run().unwrap();
        let wanted = [
            (0.0, 0.0),
            (0.1, 1.0),
            (0.2, 2.0),
            (0.75, 7.0),
            (0.8, 8.0),
            (0.9, 9.0),
        ];
        assert_eq!(found(&outputs), wanted);
    }

    #[test]
    fn a_hand_holds_and_no_event_takes_a_code_meanwhile() {
        let harness = events(hold(json!({ "hold": true })), &[0.3, 0.8]);
        let outputs = harness
            .set_live(at(0.5), "hold", false)
            .play_live()
            .unwrap();
        assert_eq!(found(&outputs), [(0.0, 0.0), (0.8, 8.0)]);
    }

    #[test]
    fn a_threshold_that_moves_counts_at_once() {
        let harness = control(hold(json!({})), &[(0.0, 0.4)]);
        let outputs = harness
            .set_live(at(0.25), "threshold", 0.3)
            .set_live(at(0.65), "threshold", 0.5)
            .play_live()
            .unwrap();
        let codes: Vec<f32> = found(&outputs).into_iter().map(|(_, code)| code).collect();
        assert_eq!(codes, [0.0, 1.0, 2.0, 6.0, 7.0, 8.0, 9.0]);
    }

    #[test]
    fn what_came_while_a_hand_held_passes_when_it_lets_go() {
        let harness = hold(json!({})).set_live(at(0.05), "hold", true);
        let outputs = harness.set_live(at(0.95), "hold", false).play_live();
        assert_eq!(found(&outputs.unwrap()), [(0.0, 0.0), (0.95, 9.0)]);
    }
}
