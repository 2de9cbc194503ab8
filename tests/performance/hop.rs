//! How long a packet takes through an engine wire, against a bare crossbeam channel, in one run.
//!
//!     cargo bench --package score-engine --bench hop
//!
//! Paced: a packet a millisecond, so that the reader sleeps each time. Saturated: as many as go
//! through a wire of the size that a run gives it. The two take turns, so that whatever else the
//! machine does falls on both.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout)]

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use score_engine::{
    Build, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, OutputPort, Packet, Params,
    Payload, Processor, Registry, Run, Settings, Source, Time, check,
};

const ROUNDS: usize = 9;
/// As many packets as wait on a wire offline at first.
const CAPACITY: usize = 16;
const PACE: Duration = Duration::from_millis(1);
/// Packets of each turn that are not counted: the system begins both threads of a run on one
/// processor, and moves one away after some 20 ms.
const SETTLING: usize = 50;

/// What the reader of the engine's wire saw.
static SEEN: Mutex<Vec<Duration>> = Mutex::new(Vec::new());

const SENT: OutputPort<Control> = OutputPort::new(0, "out", "packets");
const TAKEN: InputPort<Control> = InputPort::new(0, "in", "packets");

#[derive(Clone, Params)]
struct Pulse {
    /// how many
    #[param(range = 0..=10_000_000)]
    count: u32,
    /// one a millisecond
    paced: bool,
}

impl Node for Pulse {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("bench", "pulse", "Sends packets").output(SENT)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Pulsing {
            left: self.count,
            at: 0,
        }))
    }
}

struct Pulsing {
    left: u32,
    at: i64,
}

impl Processor<Pulse> for Pulsing {
    fn process(&mut self, params: &Pulse, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.left == 0 {
            return Ok(Flow::Done);
        }
        self.left -= 1;
        self.at += 1;
        if params.paced {
            std::thread::sleep(PACE);
        }
        io.send_captured_now(SENT, Time::from_nanos(self.at), 0.5)?;
        Ok(Flow::Continue)
    }
}

#[derive(Clone, Params)]
struct Watch {}

impl Node for Watch {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("bench", "watch", "Takes packets").input(TAKEN)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Watching(Vec::with_capacity(1 << 20))))
    }
}

struct Watching(Vec<Duration>);

impl Processor<Watch> for Watching {
    fn process(&mut self, _params: &Watch, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            self.0.push(input.packet.captured.elapsed());
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &Watch, _io: &mut Io<'_>) -> Result<(), NodeError> {
        *SEEN.lock().unwrap() = std::mem::take(&mut self.0);
        Ok(())
    }
}

/// One run through the engine: what each packet took.
fn engine(registry: &Registry, count: u32, paced: bool) -> Vec<Duration> {
    let text = format!(
        r#"Patch(format: 1, nodes: {{"a": pulse(count: {count}, paced: {paced}), "b": watch()}}, wires: ["a -> b"])"#
    );
    let source = Source::text("hop", &text, PathBuf::new());
    let graph = check(&source, &[], registry, &Settings::default()).unwrap();
    Run::start(graph, &Settings::default())
        .unwrap()
        .wait()
        .unwrap();
    std::mem::take(&mut SEEN.lock().unwrap())
}

/// The same through a bare channel.
fn bare(count: u32, paced: bool) -> Vec<Duration> {
    let (sender, receiver) = crossbeam_channel::bounded::<Packet>(CAPACITY);
    let reader = std::thread::spawn(move || {
        let mut seen = Vec::with_capacity(1 << 20);
        while let Ok(packet) = receiver.recv() {
            seen.push(packet.captured.elapsed());
        }
        seen
    });
    for at in 0..count {
        if paced {
            std::thread::sleep(PACE);
        }
        let packet = Packet {
            time: Time::from_nanos(i64::from(at)),
            captured: Instant::now(),
            payload: Payload::Control(0.5),
        };
        sender.send(packet).unwrap();
    }
    drop(sender);
    reader.join().unwrap()
}

fn percentile(sorted: &[Duration], share: f64) -> f64 {
    let index = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[index].as_secs_f64() * 1e6
}

fn main() {
    let mut registry = Registry::new();
    registry.add::<Pulse>();
    registry.add::<Watch>();
    println!(
        "{:<10} {:>4} {:>12} {:>12} {:>7}",
        "", "", "engine", "bare", "ratio"
    );
    for (name, count, paced) in [("paced", 1_000, true), ("saturated", 200_000, false)] {
        // A first round each warms the caches up and is not counted.
        engine(&registry, count / 10, paced);
        bare(count / 10, paced);
        let (mut through_engine, mut through_bare) = (Vec::new(), Vec::new());
        let (mut engine_time, mut bare_time) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            through_engine.extend(engine(&registry, count, paced).drain(SETTLING..));
            engine_time += begin.elapsed();
            let begin = Instant::now();
            through_bare.extend(bare(count, paced).drain(SETTLING..));
            bare_time += begin.elapsed();
        }
        through_engine.sort();
        through_bare.sort();
        for (label, share) in [("p50", 0.5), ("p99", 0.99)] {
            let (engine, bare) = (
                percentile(&through_engine, share),
                percentile(&through_bare, share),
            );
            println!(
                "{name:<10} {label:>4} {engine:>9.2} µs {bare:>9.2} µs {:>7.2}",
                engine / bare
            );
        }
        let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count) / ROUNDS as f64;
        let (engine, bare) = (each(engine_time), each(bare_time));
        println!(
            "{name:<10} {:>4} {engine:>9.2} µs {bare:>9.2} µs {:>7.2}",
            "each",
            engine / bare
        );
    }
}
