//! Runs nodes again by their traces.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::content::content_hash;
use super::hub::TraceChunk;
use super::op::{self, Built, Op, Sent};
use crate::clock::LiveClock;
use crate::counters::Counters;
use crate::custom::CustomForms;
use crate::error::NodeError;
use crate::foreign::panic_message;
use crate::io::{Host, Input, Io, Lineage};
use crate::node::{Build, RunContext, Settings};
use crate::packet::Packet;
use crate::progress::Progress;
use crate::registry::{AnyProcessor, Registry};
use crate::time::Time;
use crate::watermark::Watermark;

/// Runs the nodes of a take again, each by its own trace.
pub struct Rerun<'a> {
    registry: &'a Registry,
    settings: &'a Settings,
    traces: BTreeMap<u64, Trace>,
}

/// A packet that a node sent when it was recorded, and what it has sent in its place now.
#[derive(Clone, Debug)]
pub struct Resent {
    /// The node's id.
    pub node: Arc<str>,
    /// Which of its outputs.
    pub output: usize,
    /// The time and the [hash](content_hash) of the packet as it was recorded; `None`: it is one
    /// too many.
    pub recorded: Option<(Time, u32)>,
    /// The packet; `None`: it is missing.
    pub packet: Option<Packet>,
}

impl Resent {
    /// Whether the packet is what was recorded.
    fn is_the_same(&self, forms: &CustomForms, built: &Built) -> bool {
        let now = self.packet.as_ref().map(|packet| {
            let port_type = built.outputs.get(self.output);
            (packet.time, content_hash(&packet.payload, port_type, forms))
        });
        now == self.recorded
    }
}

/// How a node ran again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The node's id.
    pub node: String,
    /// Its kind.
    pub kind: String,
    /// How often its code was called.
    pub calls: u64,
    /// How many packets it has sent.
    pub sent: u64,
    /// When it first did something else than when it was recorded.
    pub differs: Option<Time>,
    /// Why it did not run to its end.
    pub broken: Option<String>,
}

impl Outcome {
    /// Whether it has sent what was recorded, all of it.
    pub fn is_the_same(&self) -> bool {
        self.differs.is_none() && self.broken.is_none()
    }
}

/// The trace of a node that runs again.
struct Trace {
    id: Arc<str>,
    built: Option<Built>,
    processor: Option<Box<dyn AnyProcessor>>,
    lineage: Lineage,
    clock: Arc<LiveClock>,
    now: Time,
    next: u64,
    outcome: Outcome,
}

impl<'a> Rerun<'a> {
    /// Runs nodes of the kinds in `registry`.
    pub fn new(registry: &'a Registry, settings: &'a Settings) -> Self {
        Rerun {
            registry,
            settings,
            traces: BTreeMap::new(),
        }
    }

    /// Runs a node by a part of its trace, and gives `sent` what it sends. The parts of a trace come
    /// in their order; those of several nodes in any.
    pub fn run(&mut self, chunk: &TraceChunk, sent: &mut dyn FnMut(Resent)) {
        let trace = (self.traces.entry(chunk.trace)).or_insert_with(Trace::new);
        if trace.outcome.broken.is_some() {
            return;
        }
        if trace.next != chunk.number {
            trace.fail("a part of its trace is missing");
            return;
        }
        trace.next += 1;
        let forms = self.registry.custom_forms();
        let Some(ops) = op::read(&chunk.bytes, forms) else {
            trace.fail("its trace is damaged");
            return;
        };
        let mut left = &ops[..];
        while let Some((first, rest)) = left.split_first() {
            let length = rest.iter().take_while(|op| is_within_call(op)).count();
            let (within, after) = rest.split_at(length);
            left = after;
            let done = match (first, trace.processor.is_some()) {
                (Op::Built(built), false) => trace.build(built, self.registry, self.settings),
                (Op::Set(values), true) => {
                    trace.tell(|processor| processor.set(values));
                    Ok(())
                }
                (Op::Retime(transport), true) => {
                    trace.tell(|processor| processor.retime(transport));
                    Ok(())
                }
                (Op::Process | Op::Finish, true) => {
                    let failed = matches!(after.first(), Some(Op::Failed));
                    trace.call((first, failed), within, forms, sent)
                }
                (Op::Failed, true) => {
                    trace.processor = None;
                    Ok(())
                }
                _ => Err("its trace is damaged".to_owned()),
            };
            if let Err(why) = done {
                trace.fail(&why);
                return;
            }
        }
    }

    /// How each node ran, in the order in which they began.
    pub fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.traces.values().map(|trace| &trace.outcome)
    }
}

/// Whether the step happens within a call of the processor.
fn is_within_call(op: &Op) -> bool {
    !matches!(
        op,
        Op::Built(_) | Op::Process | Op::Finish | Op::Set(_) | Op::Retime(_) | Op::Failed
    )
}

impl Trace {
    fn new() -> Self {
        Trace {
            id: "".into(),
            built: None,
            processor: None,
            lineage: Lineage::new(),
            clock: Arc::new(LiveClock::standing()),
            now: Time::ZERO,
            next: 0,
            outcome: Outcome {
                node: String::new(),
                kind: String::new(),
                calls: 0,
                sent: 0,
                differs: None,
                broken: None,
            },
        }
    }

    fn fail(&mut self, why: &str) {
        self.processor = None;
        self.outcome.broken = Some(why.to_owned());
    }

    /// Builds the node as it was built.
    fn build(
        &mut self,
        built: &Built,
        registry: &Registry,
        settings: &Settings,
    ) -> Result<(), String> {
        self.id = built.id.as_str().into();
        self.outcome.node.clone_from(&built.id);
        self.outcome.kind.clone_from(&built.kind);
        let Some(kind) = registry.kind(&built.kind) else {
            return Err(format!("this program has no node kind `{}`", built.kind));
        };
        let declared = kind.descriptor();
        let fits = declared.inputs.len() == built.inputs.len()
            && declared.inputs.len() == built.wires.len()
            && declared.outputs.len() == built.outputs.len()
            && !declared.writes_files();
        if !fits {
            return Err(format!(
                "`{}` was another kind when it was recorded",
                built.kind
            ));
        }
        let mut values = serde_json::Map::new();
        for param in &declared.params {
            let name = param.name.as_ref();
            let Some(value) = built.values.get(name) else {
                return Err(format!("`{}` had no parameter `{name}` then", built.kind));
            };
            param
                .admits(value)
                .map_err(|why| format!("`{name}`: {why}"))?;
            values.insert(name.to_owned(), value.clone());
        }
        let context = RunContext {
            transport: &built.transport,
            settings,
            progress: &Arc::new(Progress::default()),
            counters: &Arc::new(Counters::default()),
            clock: Some(&self.clock),
            ends: false,
            with_run: built.with_run,
        };
        let made = attempt(|| {
            let node = kind.node(serde_json::Value::Object(values))?;
            node.build(&Build::of(built.wiring(), context))
        })?;
        self.processor = Some(made);
        self.built = Some(built.clone());
        Ok(())
    }

    /// Gives the processor something new; what it refuses, it has refused before.
    fn tell(&mut self, tell: impl FnOnce(&mut dyn AnyProcessor) -> Result<(), NodeError>) {
        let now = self.now;
        if let Some(processor) = &mut self.processor
            && catch_unwind(AssertUnwindSafe(|| tell(processor.as_mut()))).is_err()
        {
            self.outcome.differs.get_or_insert(now);
            self.fail("its code panics at a new value");
        }
    }

    /// Calls the processor, and answers what it asks as it was answered then; whether the call failed
    /// then, is known.
    fn call(
        &mut self,
        (call, failed): (&Op, bool),
        within: &[Op],
        forms: &CustomForms,
        sent: &mut dyn FnMut(Resent),
    ) -> Result<(), String> {
        let (Some(processor), Some(built)) = (&mut self.processor, &self.built) else {
            return Ok(());
        };
        let expected: Vec<Sent> = (within.iter())
            .filter_map(|op| match op {
                Op::Sent(sent) => Some(*sent),
                _ => None,
            })
            .collect();
        let mut host = Answering {
            ops: within,
            at: Cell::new(0),
            now: Cell::new(self.now),
            clock: &self.clock,
            strays: Cell::new(false),
            sent: Vec::new(),
        };
        let done = attempt(|| {
            let mut io = Io::new(&mut host, &mut self.lineage);
            match call {
                Op::Finish => processor.finish(&mut io),
                _ => processor.process(&mut io).map(drop),
            }
        });
        let mut strays = host.strays.get() || host.has_left() || (done.is_ok() && failed);
        self.now = host.now.get();
        self.outcome.calls += 1;
        self.outcome.sent += host.sent.len() as u64;
        let count = expected.len().max(host.sent.len());
        let mut now = host.sent.into_iter();
        for index in 0..count {
            let (output, packet) = now.next().unzip();
            let recorded = expected.get(index);
            let resent = Resent {
                node: self.id.clone(),
                output: output.or(recorded.map(|sent| sent.port)).unwrap_or(0),
                recorded: recorded.map(|sent| (sent.time, sent.hash)),
                packet,
            };
            strays |= !resent.is_the_same(forms, built);
            sent(resent);
        }
        if strays {
            self.outcome.differs.get_or_insert(self.now);
        }
        match done {
            Err(why) if !failed => Err(why),
            _ => Ok(()),
        }
    }
}

/// Does what the code of a node does.
fn attempt<T>(work: impl FnOnce() -> Result<T, NodeError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(format!(
            "its code panics: {}",
            panic_message(panic.as_ref())
        )),
    }
}

/// Answers a node's code as it was answered when it was recorded. Where the code asks for something
/// else, it gets the next answer of that sort.
struct Answering<'a> {
    ops: &'a [Op],
    at: Cell<usize>,
    now: Cell<Time>,
    clock: &'a LiveClock,
    /// Whether the code has asked for something else.
    strays: Cell<bool>,
    sent: Vec<(usize, Packet)>,
}

impl<'a> Answering<'a> {
    fn answer<T>(&self, sort: impl Fn(&'a Op) -> Option<T>) -> Option<T> {
        let rest = (self.ops.get(self.at.get()..)).unwrap_or_default();
        let asks = |op: &&Op| !matches!(op, Op::Sent(_) | Op::Refused);
        let mut is_first = true;
        for (step, op) in (1..).zip(rest) {
            if !asks(&op) {
                continue;
            }
            if let Some(answer) = sort(op) {
                self.at.set(self.at.get() + step);
                return Some(answer);
            }
            if is_first {
                self.strays.set(true);
                is_first = false;
            }
        }
        self.strays.set(true);
        None
    }

    /// Whether the code had asked for more.
    fn has_left(&self) -> bool {
        let rest = (self.ops.get(self.at.get()..)).unwrap_or_default();
        (rest.iter()).any(|op| !matches!(op, Op::Sent(_) | Op::Refused))
    }
}

impl Host for Answering<'_> {
    fn take(&mut self) -> Option<Input> {
        let took = self.answer(|op| match op {
            Op::Took(took) => Some(Some(took)),
            Op::Nothing => Some(None),
            _ => None,
        })??;
        Some(Input {
            port: took.port,
            wire: took.wire,
            heard: took.heard,
            packet: Packet {
                time: took.time,
                captured: Instant::now(),
                payload: took.payload.clone(),
            },
        })
    }

    fn send(&mut self, port: usize, packet: Packet) -> Result<(), NodeError> {
        self.sent.push((port, packet));
        // What follows the same packet in the trace says whether it was taken.
        let sends = (self.ops.iter().enumerate()).filter(|(_, op)| matches!(op, Op::Sent(_)));
        let place = { sends }.nth(self.sent.len() - 1).map(|(index, _)| index);
        match place.and_then(|place| self.ops.get(place + 1)) {
            Some(Op::Refused) => Err(NodeError::stopped()),
            _ => Ok(()),
        }
    }

    fn end_at(&mut self, _time: Time) {}

    fn watermark(&self) -> Watermark {
        let watermark = self.answer(|op| match op {
            Op::Watermark(watermark) => Some(*watermark),
            _ => None,
        });
        watermark.unwrap_or(Watermark::At(self.now.get()))
    }

    fn end(&self) -> Option<Time> {
        let end = self.answer(|op| match op {
            Op::End(end) => Some(*end),
            _ => None,
        });
        end.flatten()
    }

    fn now(&self) -> Time {
        let now = self.answer(|op| match op {
            Op::Now(now) => Some(*now),
            _ => None,
        });
        if let Some(now) = now {
            self.now.set(now);
            self.clock.move_to(now);
        }
        self.now.get()
    }

    fn reached(&self) -> Watermark {
        let reached = self.answer(|op| match op {
            Op::Reached(reached) => Some(*reached),
            _ => None,
        });
        reached.unwrap_or(Watermark::At(self.now.get()))
    }

    fn stop_requested(&self) -> bool {
        let stop = self.answer(|op| match op {
            Op::Stop(stop) => Some(*stop),
            _ => None,
        });
        stop.unwrap_or_default()
    }
}
