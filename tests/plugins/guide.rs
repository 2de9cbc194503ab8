//! What docs/plugins.md shows in pieces, whole, so that it always compiles and does what the guide
//! says.
#![allow(missing_docs)]

use std::collections::HashMap;
use std::sync::Arc;

use score_plugin::{
    Build, Descriptor, Flow, Io, Length, Node, NodeError, Note, Param, Payload, Port, PortType,
    Processor, Time, Transport, Value,
};
use serde::Deserialize;

score_plugin::export!(Brighter, Darker);

#[derive(Deserialize)]
pub struct Brighter {
    amount: f32,
}

impl Node for Brighter {
    fn descriptor() -> Descriptor {
        Descriptor::new("plugin", "brighter", "Makes numbers larger")
            .details("What else one should know, in Markdown.")
            .input(Port::new(
                "value",
                PortType::Control,
                "a number from 0 to 1",
            ))
            .output(Port::new("value", PortType::Control, "a larger one"))
            .param(
                Param::number("amount", (0.0, 1.0), "how much")
                    .default(0.5)
                    .live(),
            )
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Brightening {
            amount: self.amount,
        }))
    }
}

struct Brightening {
    amount: f32,
}

impl Processor for Brightening {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let value = *input.packet.control()?;
            let brighter = (value * (1.0 + self.amount)).min(1.0);
            io.send(0, input.packet.time, Payload::Control(brighter))?;
        }
        Ok(Flow::Continue)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        match (name, value.as_f64()) {
            ("amount", Some(amount)) => self.amount = amount as f32,
            _ => return Err(NodeError::internal(format!("`{name}` cannot be {value}"))),
        }
        Ok(())
    }
}

/// Numbers on a curve of the plugin's own, that much later: for what the guide says of lengths and
/// of types.
#[derive(Deserialize)]
pub struct Darker {
    delay: Length,
}

/// By how much numbers are multiplied.
struct Curve {
    factor: f32,
}

impl Node for Darker {
    fn descriptor() -> Descriptor {
        Descriptor::new("plugin", "darker", "Makes numbers smaller, later")
            .input(Port::new("value", PortType::Control, "numbers"))
            .input(Port::new("curve", PortType::Custom("Curve".into()), "a curve").optional())
            .output(Port::new(
                "curve",
                PortType::Custom("Curve".into()),
                "its curve",
            ))
            .output(Port::new("value", PortType::Control, "smaller ones"))
            .param(
                Param::length("delay", (0.0, 5.0), "how much later")
                    .default(0.25)
                    .live(),
            )
            .follows_tempo()
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Darkening {
            factor: 0.5,
            delay: self.delay.at(build.transport),
            last: Time::ZERO,
            transport: build.transport.clone(),
        }))
    }
}

struct Darkening {
    factor: f32,
    delay: Time,
    /// The time that was sent last.
    last: Time,
    transport: Transport,
}

impl Processor for Darkening {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = self.last.max(input.packet.time + self.delay);
            self.last = time;
            if input.port == 1 {
                let curve: &Curve = input.packet.custom::<Curve>()?;
                self.factor = curve.factor;
                continue;
            }
            let factor = self.factor;
            io.send(0, time, Payload::Custom(Arc::new(Curve { factor })))?;
            let value = *input.packet.control()?;
            io.send(1, time, Payload::Control(value * factor))?;
        }
        Ok(Flow::Continue)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        if name != "delay" {
            return Err(NodeError::internal(format!("`{name}` is not live")));
        }
        let length =
            Length::deserialize(value).map_err(|error| NodeError::internal(error.to_string()))?;
        self.delay = length.at(&self.transport);
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
