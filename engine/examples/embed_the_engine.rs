//! The engine in a program of your own, without any of the built-in nodes: two node kinds, a patch, and its result.
//!
//!     cargo run --package score-engine --example embed_the_engine

use std::error::Error;
use std::path::PathBuf;

use score_engine::{
    Build, Descriptor, Flow, Io, Node, NodeError, Param, Payload, Port, PortType, Processor,
    Registry, Run, Settings, Source, Time, check,
};
use serde::Deserialize;

/// Sends a number every quarter of a second: 1, 2, 3 and so on.
#[derive(Deserialize)]
struct Count {
    to: u32,
}

impl Node for Count {
    fn descriptor() -> Descriptor {
        Descriptor::new("example", "count", "Counts")
            .output(Port::new("number", PortType::Control, "the numbers"))
            .param(Param::integer("to", (1, 1000), "the last number").default(10))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Counting {
            to: self.to,
            sent: 0,
        }))
    }
}

struct Counting {
    to: u32,
    sent: u32,
}

impl Processor for Counting {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.sent == self.to {
            return Ok(Flow::Done);
        }
        let time = Time::from_seconds(f64::from(self.sent) / 4.0);
        self.sent += 1;
        io.send(0, time, Payload::Control(self.sent as f32))?;
        Ok(Flow::Continue)
    }
}

/// Halves each number.
#[derive(Deserialize)]
struct Halve {}

impl Node for Halve {
    fn descriptor() -> Descriptor {
        Descriptor::new("example", "halve", "Halves numbers")
            .input(Port::new("number", PortType::Control, "any numbers"))
            .output(Port::new("number", PortType::Control, "half of each"))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Halving))
    }
}

struct Halving;

impl Processor for Halving {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let half = *input.packet.control()? / 2.0;
            io.send(0, input.packet.time, Payload::Control(half))?;
        }
        Ok(Flow::Continue)
    }
}

const PATCH: &str = r#"
    Patch(
        format: 1,
        nodes: { "count": count(to: 4), "half": halve() },
        wires: ["count -> half"],
    )
"#;

/// Renders a patch; what `half` sent, with its times in seconds.
fn halves(patch: &str) -> Result<Vec<(f64, f32)>, Box<dyn Error>> {
    let mut registry = Registry::new();
    registry.add::<Count>();
    registry.add::<Halve>();
    let settings = Settings::default();
    let source = Source::text("halves.ron", patch, PathBuf::new());
    let mut graph = check(&source, &[], &registry, &settings)?;
    let tap = graph.tap("half", "number").ok_or("`half` is missing")?;
    Run::start(graph, &settings)?.wait()?;
    let packets = tap.take();
    let values = packets
        .iter()
        .map(|packet| Ok((packet.time.seconds(), *packet.control()?)));
    values.collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    for (time, value) in halves(PATCH)? {
        println!("{time:.2} s: {value}");
    }
    Ok(())
}

#[test]
fn what_comes_out_is_half_of_what_was_counted() -> Result<(), Box<dyn Error>> {
    let expected = [(0.0, 0.5), (0.25, 1.0), (0.5, 1.5), (0.75, 2.0)];
    assert_eq!(halves(PATCH)?, expected);
    Ok(())
}

#[test]
fn a_mistake_in_the_patch_is_an_error_with_its_place() {
    let wrong = halves(&PATCH.replace("halve()", "halv()"));
    let message = wrong.map_or_else(|error| error.to_string(), |_| String::new());
    assert!(message.contains("halves.ron:4:"), "{message}");
}
