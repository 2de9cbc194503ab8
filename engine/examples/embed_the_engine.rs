//! The engine in a program of your own, without any of the built-in nodes: two node kinds, a patch,
//! and its result.
//!
//!     cargo run --package score-engine --example embed_the_engine

use std::error::Error;
use std::path::PathBuf;

use score_engine::{
    Build, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, OutputPort, Params,
    Processor, Registry, Run, Settings, Source, Time, check,
};

const NUMBERS: InputPort<Control> = InputPort::new(0, "number", "any numbers");
const HALVES: OutputPort<Control> = OutputPort::new(0, "number", "half of each");
const COUNTED: OutputPort<Control> = OutputPort::new(0, "number", "the numbers");

/// Sends a number every quarter of a second: 1, 2, 3 and so on.
#[derive(Clone, Params)]
struct Count {
    /// the last number
    #[param(live, range = 1..=1000, default = 10)]
    to: u32,
}

impl Node for Count {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("example", "count", "Counts").output(COUNTED)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Counting { sent: 0 }))
    }
}

struct Counting {
    sent: u32,
}

impl Processor<Count> for Counting {
    fn process(&mut self, params: &Count, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.sent >= params.to {
            return Ok(Flow::Done);
        }
        let time = Time::from_seconds(f64::from(self.sent) / 4.0);
        self.sent += 1;
        io.send(COUNTED, time, self.sent as f32)?;
        Ok(Flow::Continue)
    }
}

/// Halves each number.
#[derive(Clone, Params)]
struct Halve {}

impl Node for Halve {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("example", "halve", "Halves numbers")
            .input(NUMBERS)
            .output(HALVES)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Halving))
    }
}

struct Halving;

impl Processor<Halve> for Halving {
    fn process(&mut self, _params: &Halve, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let half = *input.read(NUMBERS)? / 2.0;
            io.send(HALVES, input.packet.time, half)?;
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
