//! Small node kinds that live tests are made of.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;
use std::time::Duration;

use score_engine::{
    AudioBlock, Build, Control, Descriptor, Flow, InputPort, Io, Node, NodeError, Note, OutputPort,
    Params, Processor, Registry, Revision, Steered, Time, Transport, Value,
};

const SOUND_IN: InputPort<AudioBlock> = InputPort::new(0, "in", "sound");
const SOUND_OUT: OutputPort<AudioBlock> = OutputPort::new(0, "out", "sound");
const NOTES_IN: InputPort<Note> = InputPort::new(0, "in", "notes");
const NOTES_OUT: OutputPort<Note> = OutputPort::new(0, "out", "notes");
const NUMBERS_IN: InputPort<Control> = InputPort::new(0, "in", "numbers");
const NUMBER_OUT: OutputPort<Control> = OutputPort::new(0, "out", "a number");
const ANYTHING: InputPort<Control> = InputPort::new(0, "in", "anything").optional();

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
#[derive(Clone, Params)]
struct Hum {
    /// level
    #[param(live, range = 0.0..=1.0, default = 0.5)]
    level: f32,
    /// pitch
    #[param(range = 1.0..=10_000.0, default = 200.0)]
    frequency: f64,
    /// length
    #[param(range = 0.0..=100.0)]
    seconds: Option<f64>,
    /// any file
    #[expect(dead_code, reason = "only the engine looks when it was saved")]
    curve: Option<PathBuf>,
}

impl Node for Hum {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "hum", "Hums")
            .urgent()
            .output(SOUND_OUT)
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Humming {
            end: self.seconds.map(Time::from_seconds),
            transport: build.transport.clone(),
            block: None,
        }))
    }
}

struct Humming {
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

impl Processor<Hum> for Humming {
    fn process(&mut self, params: &Hum, io: &mut Io<'_>) -> Result<Flow, NodeError> {
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
                    params.level * (std::f64::consts::TAU * params.frequency * seconds).sin() as f32
                })
                .collect();
            let sound = AudioBlock {
                rate,
                channels: 1,
                samples,
            };
            io.send_captured_now(SOUND_OUT, self.time(block), sound)?;
            block += 1;
        }
        self.block = Some(block);
        Ok(Flow::WakeAt(self.time(block + 1)))
    }
}

/// Hands sound on at nine tenths of its level.
#[derive(Clone, Params)]
struct Softer {}

impl Node for Softer {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "softer", "Turns down")
            .urgent()
            .input(SOUND_IN)
            .output(SOUND_OUT)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Softening))
    }
}

struct Softening;

impl Processor<Softer> for Softening {
    fn process(&mut self, _params: &Softer, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let block = input.read(SOUND_IN)?;
            let samples = block.samples.iter().map(|sample| sample * 0.9).collect();
            let softer = AudioBlock { samples, ..**block };
            io.send(SOUND_OUT, input.packet.time, softer)?;
        }
        Ok(Flow::Continue)
    }
}

/// Writes down sound.
#[derive(Clone, Params)]
struct Ear {
    /// whose
    name: String,
}

impl Node for Ear {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "ear", "Hears")
            .urgent()
            .input(SOUND_IN)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Hearing {
            name: self.name.clone(),
        }))
    }
}

struct Hearing {
    name: String,
}

impl Processor<Ear> for Hearing {
    fn process(&mut self, params: &Ear, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let (time, block) = (input.packet.time, input.read(SOUND_IN)?.clone());
            with(&params.name, |heard| {
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
#[derive(Clone, Params)]
struct Press {
    /// which
    #[param(range = 0..=127)]
    pitch: u8,
}

impl Node for Press {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "press", "Presses a key")
            .urgent()
            .output(NOTES_OUT)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Pressing { pressed: false }))
    }
}

struct Pressing {
    pressed: bool,
}

impl Processor<Press> for Pressing {
    fn process(&mut self, params: &Press, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let now = io.now();
        if !std::mem::replace(&mut self.pressed, true) {
            let on = Note::On {
                channel: 0,
                pitch: params.pitch,
                velocity: 0.5,
            };
            io.send_captured_now(NOTES_OUT, now, vec![on])?;
        }
        Ok(Flow::WakeAt(now + Time::from_seconds(0.1)))
    }
}

/// Writes down notes.
#[derive(Clone, Params)]
struct Keys {
    /// whose
    name: String,
}

impl Node for Keys {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "keys", "Is played")
            .urgent()
            .input(NOTES_IN)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Played))
    }
}

struct Played;

impl Processor<Keys> for Played {
    fn process(&mut self, params: &Keys, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let notes = input.read(NOTES_IN)?;
            with(&params.name, |heard| heard.notes.extend(notes.iter()));
        }
        Ok(Flow::Continue)
    }
}

/// Presses key 99, and after some calls fails.
#[derive(Clone, Params)]
struct Frail {
    /// calls
    #[param(range = 0..=1000)]
    fails_after: Option<u32>,
    /// calls
    #[param(range = 0..=1000)]
    panics_after: Option<u32>,
}

impl Node for Frail {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "frail", "Fails")
            .light()
            .input(NOTES_IN)
            .output(NOTES_OUT)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Failing { calls: 0 }))
    }
}

struct Failing {
    calls: u32,
}

impl Processor<Frail> for Failing {
    fn process(&mut self, params: &Frail, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while io.take().is_some() {}
        if self.calls == 0 {
            let on = Note::On {
                channel: 0,
                pitch: 99,
                velocity: 0.5,
            };
            io.send_captured_now(NOTES_OUT, io.now(), vec![on])?;
        }
        self.calls += 1;
        if Some(self.calls) == params.fails_after {
            return Err(NodeError::input("the needle broke"));
        }
        assert!(
            Some(self.calls) != params.panics_after,
            "the stage collapsed"
        );
        Ok(Flow::WakeAt(io.now() + Time::from_seconds(0.02)))
    }
}

/// Takes nothing for a while.
#[derive(Clone, Params)]
struct Hang {
    /// how long
    #[param(range = 0.0..=100.0)]
    seconds: f64,
}

impl Node for Hang {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "hang", "Hangs").input(SOUND_IN)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Hanging))
    }
}

struct Hanging;

impl Processor<Hang> for Hanging {
    fn process(&mut self, params: &Hang, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while io.take().is_some() {}
        std::thread::sleep(Duration::from_secs_f64(params.seconds));
        Ok(Flow::Continue)
    }
}

macro_rules! unbuildable {
    ($name:ident, $kind:literal, $build:expr) => {
        #[derive(Clone, Params)]
        struct $name {}

        impl Node for $name {
            fn descriptor() -> Descriptor {
                Descriptor::of::<Self>("test", $kind, "Cannot be built")
            }

            fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
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
#[derive(Clone, Params)]
struct Slow {
    /// how long
    #[param(range = 0.0..=100.0)]
    seconds: f64,
}

impl Node for Slow {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "slow", "Is slow")
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        std::thread::sleep(Duration::from_secs_f64(self.seconds));
        Err(NodeError::input("too late"))
    }
}

/// Says on each beat how many it has told, and nothing else.
#[derive(Clone, Params)]
struct Beat {}

impl Node for Beat {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "beat", "Tells beats")
            .light()
            .in_bars()
            .output(NUMBER_OUT)
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Beating {
            transport: build.transport.clone(),
            next: 0,
        }))
    }
}

struct Beating {
    transport: Transport,
    next: u64,
}

impl Processor<Beat> for Beating {
    fn process(&mut self, _params: &Beat, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        loop {
            let time = self.transport.sixteenth(self.next * 4);
            if io.now() < time {
                return Ok(Flow::WakeAt(time));
            }
            io.send_captured_now(NUMBER_OUT, time, self.next as f32)?;
            self.next += 1;
        }
    }

    fn changed(&mut self, _params: &Beat, transport: &Transport) -> Result<(), NodeError> {
        self.transport = transport.clone();
        Ok(())
    }
}

/// Keeps the numbers that come, and what hands did.
#[derive(Clone, Params)]
struct Notebook {
    /// whose
    name: String,
}

/// The numbers that the `notebook` node called `name` was sent, with their times.
pub fn noted(name: &str) -> Vec<(f64, f32)> {
    NOTED.lock().unwrap().get(name).cloned().unwrap_or_default()
}

/// What hands did, as the `notebook` node called `name` heard it.
pub fn steered(name: &str) -> Vec<String> {
    STEERED
        .lock()
        .unwrap()
        .get(name)
        .cloned()
        .unwrap_or_default()
}

static NOTED: Mutex<BTreeMap<String, Vec<(f64, f32)>>> = Mutex::new(BTreeMap::new());
static STEERED: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());

impl Node for Notebook {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "notebook", "Keeps a record")
            .input(NUMBERS_IN)
            .keeps_record()
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Noting(self.name.clone())))
    }
}

struct Noting(String);

impl Processor<Notebook> for Noting {
    fn process(&mut self, _params: &Notebook, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let mut noted = NOTED.lock().unwrap();
        let noted = noted.entry(self.0.clone()).or_default();
        while let Some(input) = io.take() {
            noted.push((input.packet.time.seconds(), *input.read(NUMBERS_IN)?));
        }
        Ok(Flow::Continue)
    }

    fn steered(&mut self, steered: &Steered) {
        let value = steered
            .value
            .as_ref()
            .map_or("released".to_owned(), Value::to_string);
        let line = format!("{}.{} {value}", steered.node, steered.param);
        STEERED
            .lock()
            .unwrap()
            .entry(self.0.clone())
            .or_default()
            .push(line);
    }
}

/// Says its number every hundredth of a second.
#[derive(Clone, Params)]
struct Slider {
    /// what it says
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    place: f32,
    /// fails once when it is told to
    #[param(default = "")]
    name: String,
}

static TO_FAIL: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Makes the slider called `name` fail, once.
pub fn fail_once(name: &str) {
    TO_FAIL.lock().unwrap().push(name.to_owned());
}

impl Node for Slider {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "slider", "Says a number")
            .light()
            .output(NUMBER_OUT)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Sliding))
    }
}

struct Sliding;

impl Processor<Slider> for Sliding {
    fn process(&mut self, params: &Slider, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let mut to_fail = TO_FAIL.lock().unwrap();
        if let Some(index) = to_fail.iter().position(|name| *name == params.name) {
            to_fail.remove(index);
            return Err(NodeError::internal("it slipped"));
        }
        drop(to_fail);
        let now = io.now();
        io.send_captured_now(NUMBER_OUT, now, params.place)?;
        Ok(Flow::WakeAt(now + Time::from_seconds(0.01)))
    }
}

/// Is called only when a value of its own changes, and notes it.
#[derive(Clone, Params)]
struct Doorbell {
    /// what it notes
    #[param(live, range = 0.0..=1.0, default = 0.0)]
    place: f32,
    /// something that takes long
    #[param(live, range = 0..=1, default = 0)]
    slow: u32,
    /// whose notes they are
    #[param(default = "")]
    name: String,
}

impl Node for Doorbell {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "doorbell", "Notes what it is set to").output(NUMBER_OUT)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Ringing))
    }
}

struct Ringing;

impl Processor<Doorbell> for Ringing {
    fn process(&mut self, params: &Doorbell, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let now = io.now();
        let mut noted = NOTED.lock().unwrap();
        let notes = noted.entry(params.name.clone()).or_default();
        notes.push((now.seconds(), params.place));
        Ok(Flow::WakeAt(now + Time::from_seconds(3_600.0)))
    }
}

/// Has live values between which there is no way.
#[derive(Clone, Params)]
struct Palette {
    /// a text
    #[param(live, default = "")]
    title: String,
    /// a list
    #[param(live, range = 0..=9, default = vec![])]
    mute: Vec<u32>,
    /// a flag
    #[param(live, default = false)]
    loud: bool,
}

impl Node for Palette {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "palette", "Idles").input(ANYTHING)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Idling))
    }
}

impl Processor<Palette> for Idling {
    fn process(&mut self, _params: &Palette, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while io.take().is_some() {}
        Ok(Flow::WakeAt(io.now() + Time::from_seconds(0.01)))
    }
}

/// Takes what comes, if it is wired.
#[derive(Clone, Params)]
struct Idler {}

impl Node for Idler {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "idler", "Idles")
            .light()
            .input(ANYTHING)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Idling))
    }
}

struct Idling;

impl Processor<Idler> for Idling {
    fn process(&mut self, _params: &Idler, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while io.take().is_some() {}
        Ok(Flow::Continue)
    }
}

/// Writes a file: takes long to finish it, fails, or counts what it was told when it began.
#[derive(Clone, Params)]
struct Write {
    /// whose
    name: String,
    /// how long it takes
    #[param(range = 0.0..=60.0, default = 0.0)]
    finishes_in: f64,
    /// whether the disk is full
    #[param(default = false)]
    fails: bool,
    /// the file
    #[param(writes, default = "file")]
    #[expect(dead_code, reason = "that there is one makes a drain wait for it")]
    path: PathBuf,
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
        Descriptor::of::<Self>("test", "write", "Writes a file").input(SOUND_IN)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Writing {
            name: self.name.clone(),
            revision: None,
            called: false,
        }))
    }
}

struct Writing {
    name: String,
    revision: Option<u64>,
    called: bool,
}

impl Processor<Write> for Writing {
    fn process(&mut self, params: &Write, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if !std::mem::replace(&mut self.called, true) {
            let mut begun = BEGUN.lock().unwrap();
            let begun = begun.entry(params.name.clone()).or_default();
            begun.push(self.revision);
        }
        while io.take().is_some() {}
        if params.fails {
            return Err(NodeError::output("the disk is full"));
        }
        Ok(Flow::Continue)
    }

    fn revised(&mut self, _time: Time, revision: &Revision) {
        self.revision = Some(revision.number);
    }

    fn finish(&mut self, params: &Write, _io: &mut Io<'_>) -> Result<(), NodeError> {
        std::thread::sleep(Duration::from_secs_f64(params.finishes_in));
        Ok(())
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        with(&self.name, |heard| heard.committed = true);
        Ok(())
    }
}

/// Counts from 0, a number every millisecond; in one go where it has an end.
#[derive(Clone, Params)]
struct Counter {
    /// how many numbers
    #[param(range = 0..=10_000)]
    to: Option<u32>,
}

impl Node for Counter {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "counter", "Counts")
            .light()
            .output(NUMBER_OUT)
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Counting { next: 0 }))
    }
}

struct Counting {
    next: u32,
}

impl Processor<Counter> for Counting {
    fn process(&mut self, params: &Counter, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        loop {
            let time = Time::from_seconds(f64::from(self.next) / 1_000.0);
            if params.to.is_some_and(|to| self.next >= to) {
                io.end_at(time);
                return Ok(Flow::Done);
            }
            if params.to.is_none() && io.now() < time {
                return Ok(Flow::WakeAt(time));
            }
            io.send_captured_now(NUMBER_OUT, time, self.next as f32)?;
            self.next += 1;
        }
    }
}

/// Passes on what comes, and more.
#[derive(Clone, Params)]
struct Add {
    /// what is added to each number
    #[param(live, range = 0.0..=1_000.0, default = 0.0)]
    amount: f32,
    /// whether it passes on what all numbers make so far
    #[param(default = false)]
    all: bool,
    /// the number at which it panics
    #[param(range = 0.0..=10_000.0)]
    panics_at: Option<f32>,
    /// the number at which it hangs, until it is let go
    #[param(range = 0.0..=10_000.0)]
    hangs_at: Option<f32>,
}

const ADDED: InputPort<Control> = InputPort::new(0, "in", "numbers").many();

/// On which thread the `add` node of each id was called last.
static THREADS: Mutex<BTreeMap<String, ThreadId>> = Mutex::new(BTreeMap::new());

/// The thread that the `add` node called `id` is called on.
pub fn thread_of(id: &str) -> Option<ThreadId> {
    THREADS.lock().unwrap().get(id).copied()
}

static LET_GO: AtomicBool = AtomicBool::new(false);

/// Lets the `add` node go on that hangs.
pub fn let_go() {
    LET_GO.store(true, Ordering::SeqCst);
}

impl Node for Add {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("test", "add", "Adds")
            .light()
            .input(ADDED)
            .output(NUMBER_OUT)
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        if self.amount == 13.0 {
            return Err(NodeError::missing("that brings bad luck", "another number"));
        }
        Ok(Box::new(Adding {
            id: build.id.to_owned(),
            sum: 0.0,
        }))
    }
}

struct Adding {
    id: String,
    sum: f32,
}

impl Processor<Add> for Adding {
    fn process(&mut self, params: &Add, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let thread = std::thread::current().id();
        THREADS.lock().unwrap().insert(self.id.clone(), thread);
        while let Some(input) = io.take() {
            let number = *input.read(ADDED)?;
            assert!(params.panics_at != Some(number), "it is too much");
            if params.hangs_at == Some(number) {
                while !LET_GO.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            self.sum += number;
            let number = if params.all { self.sum } else { number };
            io.send(NUMBER_OUT, input.packet.time, number + params.amount)?;
        }
        Ok(Flow::Continue)
    }
}

/// All kinds above.
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
    registry.add::<Beat>();
    registry.add::<Notebook>();
    registry.add::<Slider>();
    registry.add::<Doorbell>();
    registry.add::<Palette>();
    registry.add::<Counter>();
    registry.add::<Add>();
    registry
}
