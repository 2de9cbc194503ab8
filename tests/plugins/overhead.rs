//! What a packet costs in a plugin's node, against the same node built in, in one run.
//!
//!     cargo bench --package score-plugin --features host --bench plugin
//!
//! Both nodes take a packet and send it on. What counts is how long each was at work, by the
//! engine's own report; the two take turns, so that whatever else the machine does falls on both.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout)]

mod pass;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use score_engine::{Registry, Run, Source, check};
use score_plugin::host::PluginRegistry;
use score_plugin::{
    AudioBlock, Build, Descriptor, Event, Flow, Frame, Io, Node, NodeError, Note, Packet, Params,
    Payload, PortType, Processor, Settings, Time,
};

const ROUNDS: usize = 9;
const COUNT: i64 = 20_000;
const PORTS: [(&str, &str); 6] = [
    ("value", "a number"),
    ("event", "an event"),
    ("notes", "four notes"),
    ("latent", "a code of 64"),
    ("audio", "a block of 512 frames, stereo"),
    ("frames", "a picture of 1920 × 1080"),
];

/// Sends the same over and over, from one of its outputs.
#[derive(Clone, Params)]
struct Pulse {
    /// the output
    from: String,
}

impl Node for Pulse {
    fn descriptor() -> Descriptor {
        let mut descriptor =
            Descriptor::of::<Self>("test", "pulse", "Sends the same over and over");
        descriptor.outputs = pass::Pass::descriptor().outputs;
        descriptor
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let outputs = Self::descriptor().outputs;
        let port = outputs
            .iter()
            .position(|port| port.name == self.from)
            .unwrap();
        let note = |pitch| Note::On {
            channel: 0,
            pitch,
            velocity: 0.5,
        };
        let payload = match outputs[port].port_type {
            PortType::Frame => {
                let frame = Frame::rgb(1920, 1080, vec![7; 1920 * 1080 * 3]).unwrap();
                Payload::Frame(Arc::new(frame))
            }
            PortType::Latent(_) => Payload::Latent([0.5; 64].into()),
            PortType::Notes => Payload::Notes([60, 64, 67, 72].map(note).into()),
            PortType::Audio => Payload::Audio(Arc::new(AudioBlock {
                rate: 48_000,
                channels: 2,
                samples: vec![0.1; 1024],
            })),
            PortType::Event => Payload::Event(Arc::new(Event {
                name: "cut".to_owned(),
                strength: 1.0,
            })),
            _ => Payload::Control(0.5),
        };
        Ok(Box::new(Pulsing {
            port,
            payload,
            at: 0,
        }))
    }
}

struct Pulsing {
    port: usize,
    payload: Payload,
    at: i64,
}

impl Processor<Pulse> for Pulsing {
    fn process(&mut self, _params: &Pulse, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.at == COUNT {
            return Ok(Flow::Done);
        }
        self.at += 1;
        let packet = Packet {
            time: Time::from_nanos(self.at),
            captured: Instant::now(),
            payload: self.payload.clone(),
        };
        io.send_packet(self.port, packet)?;
        Ok(Flow::Continue)
    }
}

/// Takes what comes and does nothing with it.
#[derive(Clone, Params)]
struct Sink {}

impl Node for Sink {
    fn descriptor() -> Descriptor {
        let mut descriptor = pass::Pass::descriptor();
        descriptor.kind = "sink".into();
        descriptor.outputs.clear();
        descriptor
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Sinking))
    }
}

struct Sinking;

impl Processor<Sink> for Sinking {
    fn process(&mut self, _params: &Sink, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while io.take().is_some() {}
        Ok(Flow::Continue)
    }
}

/// How long the node in the middle was at work for each packet.
fn each(registry: &Registry, port: &str) -> Duration {
    let text = format!(
        r#"Patch(format: 1, nodes: {{"a": pulse(from: "{port}"), "b": probe_pass(), "c": sink()}},
         wires: ["a.{port} -> b.{port}", "b.{port} -> c.{port}"])"#
    );
    let source = Source::text("plugin", &text, PathBuf::new());
    let graph = check(&source, &[], registry, &Settings::default()).unwrap();
    let report = Run::start(graph, &Settings::default())
        .unwrap()
        .wait()
        .unwrap();
    report.nodes[1].busy / u32::try_from(COUNT).unwrap()
}

fn main() {
    let mut ours = Registry::new();
    ours.add::<Pulse>();
    ours.add::<Sink>();
    let mut theirs = ours.clone();
    ours.add::<pass::Pass>();
    // Cargo builds a package's examples beside its benches.
    let folder = std::env::current_exe().unwrap();
    let folder = folder.ancestors().nth(2).unwrap().join("examples");
    let found =
        PluginRegistry::new(std::slice::from_ref(&folder)).add_to(&mut theirs, Path::new(""), &[]);
    assert!(
        theirs.kind("probe_pass").is_some(),
        "`cargo build --release --package score-plugin --examples` first: {found:?}"
    );
    println!(
        "{:<32} {:>9} {:>9} {:>9}",
        "a packet of", "built in", "plugin", "more"
    );
    for (port, name) in PORTS {
        each(&ours, port);
        each(&theirs, port);
        let (mut built_in, mut plugin) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            built_in.push(each(&ours, port));
            plugin.push(each(&theirs, port));
        }
        let [built_in, plugin] = [built_in, plugin].map(|mut times| {
            times.sort();
            times[ROUNDS / 2].as_secs_f64() * 1e6
        });
        println!(
            "{name:<32} {built_in:>6.2} µs {plugin:>6.2} µs {:>6.2} µs",
            plugin - built_in
        );
    }
}
