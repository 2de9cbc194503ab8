//! Small node kinds for the engine's own tests.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use score_engine::{
    Anything, Build, Check, Control, Descriptor, Flow, InputPort, Io, Latent, Node, NodeError,
    OutputPort, Params, PortType, Processor, Registry, Time,
};

/// The numbers that the kinds below send.
const NUMBERS: OutputPort<Control> = OutputPort::new(0, "out", "numbers");

/// Emits `count` numbers, a tenth of a second apart.
#[derive(Clone, Params)]
pub struct Count {
    /// how many
    #[param(range = 0..=1_000_000, default = 10)]
    count: u64,
    /// seed of the delays before each packet; 0: none
    #[param(range = 0..=i64::MAX, default = 0)]
    jitter: u64,
}

/// Sleeps for a pseudo-random while that the seed says; 0: not at all.
pub fn jitter(seed: &mut u64) {
    if *seed != 0 {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_micros(*seed >> 56));
    }
}

impl Node for Count {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "count", "Counts").output(NUMBERS)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Counting {
            next: 0,
            seed: self.jitter,
        }))
    }
}

struct Counting {
    next: u64,
    seed: u64,
}

impl Processor<Count> for Counting {
    fn process(&mut self, params: &Count, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.next == params.count {
            io.end_at(Time::from_seconds(params.count as f64 / 10.0));
            return Ok(Flow::Done);
        }
        jitter(&mut self.seed);
        let time = Time::from_seconds(self.next as f64 / 10.0);
        io.send_captured_now(NUMBERS, time, self.next as f32)?;
        self.next += 1;
        Ok(Flow::Continue)
    }
}

/// Names a file, and emits nothing.
#[derive(Clone, Params)]
pub struct Reads {
    /// the file
    path: PathBuf,
}

impl Node for Reads {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "reads", "Reads").output(NUMBERS)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Silent))
    }
}

struct Silent;

impl Processor<Reads> for Silent {
    fn process(&mut self, _params: &Reads, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        io.end_at(Time::ZERO);
        Ok(Flow::Done)
    }
}

const PASSED: InputPort<Control> = InputPort::new(0, "in", "numbers");

/// Hands its input on, at once or only when all of it has come.
#[derive(Clone, Params)]
pub struct Pass {
    /// wait for the end
    #[param(default = false)]
    hold_all: bool,
    /// ask to be called at the time of what is held
    #[param(default = false)]
    wakes: bool,
    /// hands on one of so many
    #[param(range = 1..=1_000_000, default = 1)]
    every: i64,
    /// seed of delays
    #[param(range = 0..=i64::MAX, default = 0)]
    jitter: u64,
    /// number to fail at
    #[param(range = 0..=1_000_000)]
    fail_at: Option<i64>,
    /// number to panic at
    #[param(range = 0..=1_000_000)]
    panic_at: Option<i64>,
}

impl Node for Pass {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "pass", "Hands on")
            .input(PASSED)
            .output(NUMBERS)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Passing {
            held: Vec::new(),
            seed: self.jitter,
        }))
    }
}

struct Passing {
    held: Vec<(Time, f32)>,
    seed: u64,
}

impl Processor<Pass> for Passing {
    fn process(&mut self, params: &Pass, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            jitter(&mut self.seed);
            let number = *input.read(PASSED)?;
            if params.fail_at == Some(number as i64) {
                return Err(NodeError::input("the needle broke").help("buy a new one"));
            }
            assert!(
                params.panic_at != Some(number as i64),
                "the stage collapsed"
            );
            if number as i64 % params.every != 0 {
                continue;
            }
            if params.hold_all {
                self.held.push((input.packet.time, number));
            } else {
                io.send(NUMBERS, input.packet.time, number)?;
            }
        }
        let wake = self.held.first().filter(|_| params.wakes);
        Ok(wake.map_or(Flow::Continue, |(time, _)| Flow::WakeAt(*time)))
    }

    fn finish(&mut self, _params: &Pass, io: &mut Io<'_>) -> Result<(), NodeError> {
        for (time, number) in self.held.drain(..) {
            io.send(NUMBERS, time, number)?;
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

const FIRST: InputPort<Control> = InputPort::new(0, "a", "numbers");
const SECOND: InputPort<Control> = InputPort::new(1, "b", "numbers").optional();

/// Writes down what arrives at its two inputs, in the order in which it arrives.
#[derive(Clone, Params)]
pub struct Log {
    /// of the log
    name: String,
    /// seed of delays
    #[param(range = 0..=i64::MAX, default = 0)]
    jitter: u64,
    /// fails when it is to commit
    #[param(default = false)]
    fail_at_end: bool,
}

impl Node for Log {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "log", "Writes down")
            .input(FIRST)
            .input(SECOND)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Logging {
            log: log(&self.name),
            seed: self.jitter,
            fail_at_end: self.fail_at_end,
        }))
    }
}

struct Logging {
    log: Logged,
    seed: u64,
    fail_at_end: bool,
}

impl Processor<Log> for Logging {
    fn process(&mut self, _params: &Log, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            jitter(&mut self.seed);
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

const WIDE: InputPort<Latent> = InputPort::new(0, "wide", "three");
const SLIM: OutputPort<Latent> = OutputPort::new(0, "slim", "two");

/// Takes a code of three dimensions and gives one of two.
#[derive(Clone, Params)]
pub struct Narrow {}

impl Node for Narrow {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "narrow", "Narrows")
            .input(WIDE)
            .output(SLIM)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.require_dimension(WIDE, 3, "`narrow`");
        check.set_output(SLIM, PortType::Latent(Some(2)));
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Err(NodeError::missing("no chisel", "apt install chisel"))
    }
}

const CODE: OutputPort<Latent> = OutputPort::new(0, "out", "three").dimension(3);

/// Makes codes of three dimensions.
#[derive(Clone, Params)]
pub struct Code {
    /// how often
    #[param(range = 0.0..=60.0, unit = "Hz", default = 1.0)]
    rate: f64,
}

impl Node for Code {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "code", "Makes codes").output(CODE)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Err(NodeError::internal(format!(
            "not to be run at {} Hz",
            self.rate
        )))
    }
}

const ANYTHING: InputPort<Anything> = InputPort::new(0, "in", "anything").many();
const THE_SAME: OutputPort<Anything> = OutputPort::new(0, "out", "the same");

/// Hands on whatever comes in.
#[derive(Clone, Params)]
pub struct Carry {}

impl Node for Carry {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "carry", "Carries")
            .input(ANYTHING)
            .output(THE_SAME)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Carrying))
    }
}

struct Carrying;

impl Processor<Carry> for Carrying {
    fn process(&mut self, _params: &Carry, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let payload = input.read(ANYTHING)?.clone();
            io.send(THE_SAME, input.packet.time, payload)?;
        }
        Ok(Flow::Continue)
    }
}

/// Sends numbers, a tenth of a second apart, for as long as somebody reads them.
#[derive(Clone, Params)]
pub struct Forever {
    /// how many, if not for ever
    #[param(range = 0..=1_000)]
    count: Option<u64>,
}

impl Node for Forever {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "forever", "Goes on")
            .output(NUMBERS)
            .endless_unless("count")
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(GoingOn(0)))
    }
}

struct GoingOn(u64);

impl Processor<Forever> for GoingOn {
    fn process(&mut self, params: &Forever, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let time = Time::from_seconds(self.0 as f64 / 10.0);
        if params.count == Some(self.0) {
            io.end_at(time);
            return Ok(Flow::Done);
        }
        io.send_captured_now(NUMBERS, time, self.0 as f32)?;
        self.0 += 1;
        Ok(Flow::Continue)
    }
}

/// Takes a text without an x in it.
#[derive(Clone, Params)]
pub struct Spell {
    /// the text
    text: String,
}

impl Node for Spell {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "spell", "Spells").output(NUMBERS)
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Some(place) = self.text.find('x') {
            check.refuse_within("text", place..place + 1, "this is an x", None);
        }
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Err(NodeError::internal("only checked"))
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
    registry.add::<Carry>();
    registry.add::<Forever>();
    registry.add::<Spell>();
    registry
}
