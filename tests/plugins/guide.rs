//! What docs/plugins.md shows in pieces, whole, so that it always compiles and does what the guide
//! says.
#![allow(missing_docs)]

use std::collections::HashMap;
use std::sync::Arc;

use score_plugin::{
    Build, Control, Custom, Descriptor, Flow, InputPort, Io, Length, Node, NodeError, Note,
    OutputPort, Params, Processor, Time, Transport,
};

score_plugin::export!(Brighter, Darker);

#[derive(Clone, Params)]
pub struct Brighter {
    /// how much
    #[param(live, range = 0.0..=1.0, default = 0.5)]
    amount: f32,
}

const VALUE: InputPort<Control> = InputPort::new(0, "value", "a number from 0 to 1");
const LARGER: OutputPort<Control> = OutputPort::new(0, "value", "a larger one");

impl Node for Brighter {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("plugin", "brighter", "Makes numbers larger")
            .details("What else one should know, in Markdown.")
            .input(VALUE)
            .output(LARGER)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Brightening))
    }
}

struct Brightening;

impl Processor<Brighter> for Brightening {
    fn process(&mut self, params: &Brighter, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let value = *input.read(VALUE)?;
            let brighter = (value * (1.0 + params.amount)).min(1.0);
            io.send(LARGER, input.packet.time, brighter)?;
        }
        Ok(Flow::Continue)
    }
}

/// Numbers on a curve of the plugin's own, that much later: for what the guide says of lengths and
/// of types.
#[derive(Clone, Params)]
pub struct Darker {
    /// how much later
    #[param(live, range = 0.0..=5.0, span = 0.01..=1.0, log, default = Length::Seconds(0.25))]
    delay: Length,
}

/// By how much numbers are multiplied.
struct Curve {
    factor: f32,
}

const NUMBERS: InputPort<Control> = InputPort::new(0, "value", "numbers");
const CURVE: InputPort<Custom<Curve>> = InputPort::new(1, "curve", "a curve")
    .custom("Curve")
    .optional();
const OWN_CURVE: OutputPort<Custom<Curve>> =
    OutputPort::new(0, "curve", "its curve").custom("Curve");
const SMALLER: OutputPort<Control> = OutputPort::new(1, "value", "smaller ones");

impl Node for Darker {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("plugin", "darker", "Makes numbers smaller, later")
            .input(NUMBERS)
            .input(CURVE)
            .output(OWN_CURVE)
            .output(SMALLER)
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Darkening {
            factor: 0.5,
            delay: self.delay.at(build.transport),
            last: Time::ZERO,
        }))
    }
}

struct Darkening {
    factor: f32,
    delay: Time,
    /// The time that was sent last.
    last: Time,
}

impl Processor<Darker> for Darkening {
    fn process(&mut self, _params: &Darker, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = self.last.max(input.packet.time + self.delay);
            self.last = time;
            if input.is(CURVE) {
                self.factor = input.read(CURVE)?.factor;
                continue;
            }
            let factor = self.factor;
            io.send(OWN_CURVE, time, Arc::new(Curve { factor }))?;
            let value = *input.read(NUMBERS)?;
            io.send(SMALLER, time, value * factor)?;
        }
        Ok(Flow::Continue)
    }

    fn changed(&mut self, params: &Darker, transport: &Transport) -> Result<(), NodeError> {
        self.delay = params.delay.at(transport);
        Ok(())
    }
}

/// Middle C goes down, and up.
pub fn middle_c() -> [Note; 2] {
    let on = Note::On {
        channel: 0,
        pitch: 60,
        velocity: 0.8,
    };
    let off = Note::Off {
        channel: 0,
        pitch: 60,
    };
    [on, off]
}

/// Which note, by a number of its own, holds each key down.
#[derive(Default)]
pub struct Keys {
    down: HashMap<(u8, u8), u64>,
}

impl Keys {
    /// What is sent for the note `id`, so that a key is down once.
    pub fn pass(&mut self, id: u64, note: Note) -> Vec<Note> {
        let (channel, pitch) = (note.channel(), note.pitch());
        let key = (channel, pitch);
        match note {
            Note::On { .. } => match self.down.insert(key, id) {
                Some(_) => vec![Note::Off { channel, pitch }, note],
                None => vec![note],
            },
            Note::Off { .. } if self.down.get(&key) == Some(&id) => {
                self.down.remove(&key);
                vec![note]
            }
            Note::Off { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use score_plugin::harness::Harness;
    use score_plugin::{Payload, PortType};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_guides_test_of_a_node_holds() -> Result<(), Box<dyn Error>> {
        let outputs = Harness::<Brighter>::new(json!({ "amount": 0.5 }))
            .feed(
                "value",
                PortType::Control,
                vec![(Time::ZERO, Payload::Control(0.5))],
                Time::from_seconds(1.0),
            )
            .run()?;
        assert_eq!(outputs.packets("value")[0].control()?, &0.75);
        Ok(())
    }

    #[test]
    fn a_key_is_down_once_and_comes_up_with_the_note_that_holds_it() {
        let [on, off] = middle_c();
        let mut keys = Keys::default();
        assert_eq!(keys.pass(1, on), [on]);
        assert_eq!(keys.pass(2, on), [off, on]);
        assert_eq!(keys.pass(1, off), []);
        assert_eq!(keys.pass(2, off), [off]);
    }

    #[test]
    fn a_length_that_is_turned_and_a_type_of_ones_own_work_as_the_guide_says()
    -> Result<(), Box<dyn Error>> {
        let numbers = (0..4).map(|number| {
            let time = Time::from_seconds(f64::from(number));
            (time, Payload::Control(0.5))
        });
        let outputs = Harness::<Darker>::new(json!({ "delay": { "seconds": 0.25 } }))
            .feed(
                "value",
                PortType::Control,
                numbers.collect(),
                Time::from_seconds(5.0),
            )
            .set_live(Time::from_seconds(1.5), "delay", json!({ "seconds": 0.5 }))
            .play_live()?;
        let sent = outputs.packets("value");
        let times: Vec<f64> = sent.iter().map(|packet| packet.time.seconds()).collect();
        assert_eq!(times, [0.25, 1.25, 2.5, 3.5]);
        assert_eq!(sent[0].control()?, &0.25);
        assert_eq!(outputs.packets("curve")[0].custom::<Curve>()?.factor, 0.5);
        Ok(())
    }
}
