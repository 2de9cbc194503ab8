//! Small node kinds for the engine's own tests.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use score_engine::{
    Build, Check, Descriptor, Flow, Io, Node, NodeError, Param, Payload, Port, PortType, Processor,
    Registry, Time,
};
use serde::Deserialize;

/// Emits `count` numbers, a tenth of a second apart.
#[derive(Deserialize)]
pub struct Count {
    count: u64,
    /// Sleeps for a pseudo-random while before each packet, from this seed; 0: never.
    jitter: u64,
}

fn jitter(seed: &mut u64) {
    if *seed != 0 {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_micros(*seed >> 56));
    }
}

impl Node for Count {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "count", "Counts")
            .output(Port::new("out", PortType::Control, "numbers"))
            .param(Param::integer("count", (0, 1_000_000), "how many").default(10))
            .param(Param::integer("jitter", (0, i64::MAX), "seed of delays").default(0))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Counting {
            next: 0,
            count: self.count,
            jitter: self.jitter,
        }))
    }
}

struct Counting {
    next: u64,
    count: u64,
    jitter: u64,
}

impl Processor for Counting {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.next == self.count {
            io.end_at(Time::from_seconds(self.count as f64 / 10.0));
            return Ok(Flow::Done);
        }
        jitter(&mut self.jitter);
        let time = Time::from_seconds(self.next as f64 / 10.0);
        io.send_captured_now(0, time, Payload::Control(self.next as f32))?;
        self.next += 1;
        Ok(Flow::Continue)
    }
}

/// Names a file, and emits nothing.
#[derive(Deserialize)]
pub struct Reads {}

impl Node for Reads {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "reads", "Reads")
            .output(Port::new("out", PortType::Control, "nothing"))
            .param(Param::file_to_read("path", "the file"))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Counting {
            next: 0,
            count: 0,
            jitter: 0,
        }))
    }
}

/// Hands its input on, at once or only when all of it has come.
#[derive(Deserialize)]
pub struct Pass {
    hold_all: bool,
    every: i64,
    jitter: u64,
    fail_at: Option<i64>,
    panic_at: Option<i64>,
}

impl Node for Pass {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "pass", "Hands on")
            .input(Port::new("in", PortType::Control, "numbers"))
            .output(Port::new("out", PortType::Control, "the same"))
            .param(Param::flag("hold_all", "wait for the end").default(false))
            .param(Param::integer("every", (1, 1_000_000), "hands on one of so many").default(1))
            .param(Param::integer("jitter", (0, i64::MAX), "seed of delays").default(0))
            .param(Param::integer("fail_at", (0, 1_000_000), "number to fail at").optional())
            .param(Param::integer("panic_at", (0, 1_000_000), "number to panic at").optional())
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Passing {
            held: Vec::new(),
            hold_all: self.hold_all,
            every: self.every,
            jitter: self.jitter,
            fail_at: self.fail_at,
            panic_at: self.panic_at,
        }))
    }
}

struct Passing {
    held: Vec<(Time, f32)>,
    hold_all: bool,
    every: i64,
    jitter: u64,
    fail_at: Option<i64>,
    panic_at: Option<i64>,
}

impl Processor for Passing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            jitter(&mut self.jitter);
            let number = *input.packet.control()?;
            if self.fail_at == Some(number as i64) {
                return Err(NodeError::input("the needle broke").help("buy a new one"));
            }
            assert!(self.panic_at != Some(number as i64), "the stage collapsed");
            if number as i64 % self.every != 0 {
                continue;
            }
            if self.hold_all {
                self.held.push((input.packet.time, number));
            } else {
                io.send(0, input.packet.time, Payload::Control(number))?;
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        for (time, number) in self.held.drain(..) {
            io.send(0, time, Payload::Control(number))?;
        }
        Ok(())
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.held.first().map(|(time, _)| *time)
    }
}

/// What every `log` node saw, and whether it was committed.
pub type Logged = Arc<Mutex<(Vec<(usize, i64, i64)>, bool)>>;

static LOG: Mutex<Vec<(String, Logged)>> = Mutex::new(Vec::new());

/// The log called `name`.
pub fn log(name: &str) -> Logged {
    let mut logs = LOG.lock().unwrap();
    if let Some((_, log)) = logs.iter().find(|(known, _)| known == name) {
        return log.clone();
    }
    let log = Logged::default();
    logs.push((name.to_owned(), log.clone()));
    log
}

/// Writes down what arrives at its two inputs, in the order in which it arrives.
#[derive(Deserialize)]
pub struct Log {
    name: String,
    jitter: u64,
    fail_at_end: bool,
}

impl Node for Log {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "log", "Writes down")
            .input(Port::new("a", PortType::Control, "numbers"))
            .input(Port::new("b", PortType::Control, "numbers").optional())
            .param(Param::text("name", "of the log"))
            .param(Param::integer("jitter", (0, i64::MAX), "seed of delays").default(0))
            .param(Param::flag("fail_at_end", "fails when it is to commit").default(false))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Logging {
            log: log(&self.name),
            jitter: self.jitter,
            fail_at_end: self.fail_at_end,
        }))
    }
}

struct Logging {
    log: Logged,
    jitter: u64,
    fail_at_end: bool,
}

impl Processor for Logging {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            jitter(&mut self.jitter);
            let number = *input.packet.control()? as i64;
            self.log
                .lock()
                .unwrap()
                .0
                .push((input.port, input.packet.time.nanos(), number));
        }
        Ok(Flow::Continue)
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        if self.fail_at_end {
            return Err(NodeError::output("the paper is used up").help("buy more"));
        }
        self.log.lock().unwrap().1 = true;
        Ok(())
    }
}

/// Takes a code of three dimensions and gives one of two.
#[derive(Deserialize)]
pub struct Narrow {}

impl Node for Narrow {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "narrow", "Narrows")
            .input(Port::new("wide", PortType::Latent(None), "three"))
            .output(Port::new("slim", PortType::Latent(None), "two"))
    }

    fn check(&self, check: &mut Check<'_>) {
        check.require_dimension("wide", 3, "`narrow`");
        check.set_output("slim", PortType::Latent(Some(2)));
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Err(NodeError::missing("no chisel", "apt install chisel"))
    }
}

/// Makes codes of three dimensions.
#[derive(Deserialize)]
pub struct Code {
    rate: f64,
}

impl Node for Code {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "code", "Makes codes")
            .output(Port::new("out", PortType::Latent(Some(3)), "three"))
            .param(
                Param::number("rate", (0.0, 60.0), "how often")
                    .unit("Hz")
                    .default(1.0),
            )
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Err(NodeError::internal(format!(
            "not to be run at {} Hz",
            self.rate
        )))
    }
}

/// All kinds above.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.add::<Count>();
    registry.add::<Reads>();
    registry.add::<Pass>();
    registry.add::<Log>();
    registry.add::<Narrow>();
    registry.add::<Code>();
    registry
}
