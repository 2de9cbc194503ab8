//! Small node kinds that live tests are made of.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use score_engine::{
    AudioBlock, Build, Descriptor, Flow, Io, Node, NodeError, Note, Param, Payload, Port, PortType,
    Processor, Registry, Time, Transport, Value,
};
use serde::Deserialize;

/// What one `ear` or `keys` node has heard.
#[derive(Default)]
struct Heard {
    samples: Vec<f32>,
    /// Where the next block ought to begin.
    next: Option<Time>,
    gaps: usize,
    notes: Vec<Note>,
    committed: bool,
}

static HEARD: Mutex<BTreeMap<String, Heard>> = Mutex::new(BTreeMap::new());

fn with<T>(name: &str, look: impl FnOnce(&mut Heard) -> T) -> T {
    look(HEARD.lock().unwrap().entry(name.to_owned()).or_default())
}

/// The samples that the ear called `name` has heard.
pub fn heard(name: &str) -> Vec<f32> {
    with(name, |heard| heard.samples.clone())
}

/// How many blocks did not follow the one before.
pub fn gaps(name: &str) -> usize {
    with(name, |heard| heard.gaps)
}

/// The notes that the keys called `name` were told.
pub fn keys(name: &str) -> Vec<Note> {
    with(name, |heard| heard.notes.clone())
}

pub fn is_committed(name: &str) -> bool {
    with(name, |heard| heard.committed)
}

/// The largest difference between two neighbouring samples.
pub fn largest_step(samples: &[f32]) -> f32 {
    samples
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).abs())
        .fold(0.0, f32::max)
}

/// A sine in blocks on the clock's grid.
#[derive(Deserialize)]
struct Hum {
    level: f32,
    frequency: f64,
    seconds: Option<f64>,
    #[serde(rename = "curve")]
    _curve: Option<PathBuf>,
}

impl Node for Hum {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "hum", "Hums")
            .urgent()
            .output(Port::new("out", PortType::Audio, "sound"))
            .param(
                Param::number("level", (0.0, 1.0), "level")
                    .default(0.5)
                    .live(),
            )
            .param(Param::number("frequency", (1.0, 10_000.0), "pitch").default(200.0))
            .param(Param::number("seconds", (0.0, 100.0), "length").optional())
            .param(Param::file_to_read("curve", "any file").optional())
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Humming {
            level: self.level,
            frequency: self.frequency,
            end: self.seconds.map(Time::from_seconds),
            transport: build.transport.clone(),
            block: None,
        }))
    }
}

struct Humming {
    level: f32,
    frequency: f64,
    end: Option<Time>,
    transport: Transport,
    block: Option<u64>,
}

impl Humming {
    fn time(&self, block: u64) -> Time {
        Time::from_samples(
            block * u64::from(self.transport.block),
            self.transport.sample_rate,
        )
    }
}

impl Processor for Humming {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let (rate, length) = (self.transport.sample_rate, u64::from(self.transport.block));
        let mut block = self
            .block
            .unwrap_or_else(|| io.now().to_samples(rate) / length);
        if self.end.is_some_and(|end| self.time(block) >= end) {
            return Ok(Flow::Done);
        }
        while self.time(block + 1) <= io.now() {
            let samples = (0..length)
                .map(|frame| {
                    let seconds = (block * length + frame) as f64 / f64::from(rate);
                    self.level * (std::f64::consts::TAU * self.frequency * seconds).sin() as f32
                })
                .collect();
            let sound = AudioBlock {
                rate,
                channels: 1,
                samples,
            };
            io.send_captured_now(0, self.time(block), Payload::Audio(Arc::new(sound)))?;
            block += 1;
        }
        self.block = Some(block);
        Ok(Flow::WakeAt(self.time(block + 1)))
    }

    fn set(&mut self, _name: &str, value: &Value) -> Result<(), NodeError> {
        self.level = value.as_f64().unwrap() as f32;
        Ok(())
    }
}

/// Hands sound on at nine tenths of its level.
#[derive(Deserialize)]
struct Softer {}

impl Node for Softer {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "softer", "Turns down")
            .urgent()
            .input(Port::new("in", PortType::Audio, "sound"))
            .output(Port::new("out", PortType::Audio, "sound"))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Softer {}))
    }
}

impl Processor for Softer {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let block = input.packet.audio()?;
            let samples = block.samples.iter().map(|sample| sample * 0.9).collect();
            let softer = AudioBlock { samples, ..**block };
            io.send(0, input.packet.time, Payload::Audio(Arc::new(softer)))?;
        }
        Ok(Flow::Continue)
    }
}

/// Writes down sound.
#[derive(Deserialize)]
struct Ear {
    name: String,
}

impl Node for Ear {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "ear", "Hears")
            .urgent()
            .input(Port::new("in", PortType::Audio, "sound"))
            .param(Param::text("name", "whose"))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Ear {
            name: self.name.clone(),
        }))
    }
}

impl Processor for Ear {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, block) = (input.packet.time, input.packet.audio()?.clone());
            with(&self.name, |heard| {
                heard.gaps += usize::from(heard.next.is_some_and(|next| next != time));
                let frames = time.to_samples(block.rate) + block.frames() as u64;
                heard.next = Some(Time::from_samples(frames, block.rate));
                heard.samples.extend(&block.samples);
            });
        }
        Ok(Flow::Continue)
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        with(&self.name, |heard| heard.committed = true);
        Ok(())
    }
}

/// Presses a key every tenth of a second and lets go of the one before.
#[derive(Deserialize)]
struct Press {
    pitch: u8,
}

impl Node for Press {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "press", "Presses a key")
            .urgent()
            .output(Port::new("out", PortType::Notes, "notes"))
            .param(Param::integer("pitch", (0, 127), "which"))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Pressing {
            pitch: self.pitch,
            pressed: false,
        }))
    }
}

struct Pressing {
    pitch: u8,
    pressed: bool,
}

impl Processor for Pressing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let now = io.now();
        if !std::mem::replace(&mut self.pressed, true) {
            let on = Note::On {
                channel: 0,
                pitch: self.pitch,
                velocity: 0.5,
            };
            io.send_captured_now(0, now, Payload::Notes([on].into()))?;
        }
        Ok(Flow::WakeAt(now + Time::from_seconds(0.1)))
    }
}

/// Writes down notes.
#[derive(Deserialize)]
struct Keys {
    name: String,
}

impl Node for Keys {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "keys", "Is played")
            .urgent()
            .input(Port::new("in", PortType::Notes, "notes"))
            .param(Param::text("name", "whose"))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Keys {
            name: self.name.clone(),
        }))
    }
}

impl Processor for Keys {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let notes = input.packet.notes()?.clone();
            with(&self.name, |heard| heard.notes.extend(notes.iter()));
        }
        Ok(Flow::Continue)
    }
}

/// Presses key 99, and after some calls fails.
#[derive(Deserialize)]
struct Frail {
    fails_after: Option<u32>,
    panics_after: Option<u32>,
}

impl Node for Frail {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "frail", "Fails")
            .input(Port::new("in", PortType::Notes, "notes"))
            .output(Port::new("out", PortType::Notes, "notes"))
            .param(Param::integer("fails_after", (0, 1000), "calls").optional())
            .param(Param::integer("panics_after", (0, 1000), "calls").optional())
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Failing {
            calls: 0,
            fails: self.fails_after,
            panics: self.panics_after,
        }))
    }
}

struct Failing {
    calls: u32,
    fails: Option<u32>,
    panics: Option<u32>,
}

impl Processor for Failing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while io.take().is_some() {}
        if self.calls == 0 {
            let on = Note::On {
                channel: 0,
                pitch: 99,
                velocity: 0.5,
            };
            io.send_captured_now(0, io.now(), Payload::Notes([on].into()))?;
        }
        self.calls += 1;
        if Some(self.calls) == self.fails {
            return Err(NodeError::input("the needle broke"));
        }
        assert!(Some(self.calls) != self.panics, "the stage collapsed");
        Ok(Flow::WakeAt(io.now() + Time::from_seconds(0.02)))
    }
}

/// Takes nothing for a while.
#[derive(Deserialize)]
struct Hang {
    seconds: f64,
}

impl Node for Hang {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "hang", "Hangs")
            .input(Port::new("in", PortType::Audio, "sound"))
            .param(Param::number("seconds", (0.0, 100.0), "how long"))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Hang {
            seconds: self.seconds,
        }))
    }
}

impl Processor for Hang {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while io.take().is_some() {}
        std::thread::sleep(Duration::from_secs_f64(self.seconds));
        Ok(Flow::Continue)
    }
}

macro_rules! unbuildable {
    ($name:ident, $kind:literal, $build:expr) => {
        #[derive(Deserialize)]
        struct $name {}

        impl Node for $name {
            fn descriptor() -> Descriptor {
                Descriptor::new("test", $kind, "Cannot be built")
            }

            fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
                $build
            }
        }
    };
}

unbuildable!(
    Broken,
    "broken",
    Err(NodeError::missing("no chisel", "apt install chisel"))
);
unbuildable!(Crash, "crash", panic!("out of chisels"));

/// Takes its time to be built.
#[derive(Deserialize)]
struct Slow {
    seconds: f64,
}

impl Node for Slow {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "slow", "Is slow").param(Param::number(
            "seconds",
            (0.0, 100.0),
            "how long",
        ))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        std::thread::sleep(Duration::from_secs_f64(self.seconds));
        Err(NodeError::input("too late"))
    }
}

/// Takes what comes, if it is wired.
#[derive(Deserialize)]
struct Idler {}

impl Node for Idler {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "idler", "Idles")
            .input(Port::new("in", PortType::Control, "anything").optional())
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Idler {}))
    }
}

impl Processor for Idler {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while io.take().is_some() {}
        Ok(Flow::Continue)
    }
}

/// All kinds above.
/// Writes a file: takes long to finish it, fails, or counts what it was told when it began.
#[derive(Deserialize)]
struct Write {
    name: String,
    finishes_in: f64,
    fails: bool,
    #[serde(rename = "path")]
    _path: PathBuf,
}

/// How often `write` nodes of each name were built, and with what revision each processor began.
static BEGUN: Mutex<BTreeMap<String, Vec<Option<u64>>>> = Mutex::new(BTreeMap::new());

/// For each processor of the `write` node called `name`: the revision that it was told before its
/// first call.
pub fn begun(name: &str) -> Vec<Option<u64>> {
    BEGUN.lock().unwrap().get(name).cloned().unwrap_or_default()
}

impl Node for Write {
    fn descriptor() -> Descriptor {
        Descriptor::new("test", "write", "Writes a file")
            .input(Port::new("in", PortType::Audio, "sound"))
            .param(Param::text("name", "whose"))
            .param(Param::number("finishes_in", (0.0, 60.0), "how long it takes").default(0.0))
            .param(Param::flag("fails", "whether the disk is full").default(false))
            .param(Param::file_to_write("path", "the file").default("file"))
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Writing {
            name: self.name.clone(),
            finishes_in: Duration::from_secs_f64(self.finishes_in),
            fails: self.fails,
            revision: None,
            called: false,
        }))
    }
}

struct Writing {
    name: String,
    finishes_in: Duration,
    fails: bool,
    revision: Option<u64>,
    called: bool,
}

impl Processor for Writing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if !std::mem::replace(&mut self.called, true) {
            let mut begun = BEGUN.lock().unwrap();
            let begun = begun.entry(self.name.clone()).or_default();
            begun.push(self.revision);
        }
        while io.take().is_some() {}
        if self.fails {
            return Err(NodeError::output("the disk is full"));
        }
        Ok(Flow::Continue)
    }

    fn revised(&mut self, _time: Time, revision: &score_engine::Revision) {
        self.revision = Some(revision.number);
    }

    fn finish(&mut self, _io: &mut Io<'_>) -> Result<(), NodeError> {
        std::thread::sleep(self.finishes_in);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        with(&self.name, |heard| heard.committed = true);
        Ok(())
    }
}

pub fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.add::<Write>();
    registry.add::<Hum>();
    registry.add::<Softer>();
    registry.add::<Ear>();
    registry.add::<Press>();
    registry.add::<Keys>();
    registry.add::<Frail>();
    registry.add::<Hang>();
    registry.add::<Broken>();
    registry.add::<Crash>();
    registry.add::<Slow>();
    registry.add::<Idler>();
    registry
}
