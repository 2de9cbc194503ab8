//! Makes the trace of a node: stands between the node's code and the run, and writes down what the
//! code is given.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::content::content_hash;
use super::hub::{TraceChunk, TraceHub};
use super::op::{self, Built};
use super::reach::traced;
use super::writing::TraceWriter;
use crate::custom::CustomForms;
use crate::error::NodeError;
use crate::graph::Graph;
use crate::io::{Host, Input, Io, Lineage};
use crate::node::{Build, Check, Flow};
use crate::packet::Packet;
use crate::registry::{AnyNode, AnyProcessor};
use crate::revision::Revision;
use crate::steered::Steered;
use crate::time::Time;
use crate::transport::Transport;
use crate::watermark::Watermark;

/// A chunk that is larger is sent at once.
const LARGE: usize = 8 * 1024;

/// A chunk that is older is sent with the next call: what a power cut takes.
const OLD: Duration = Duration::from_millis(500);

/// A trace of which this much waits, because the hub is busy each time, is given up.
const TOO_LARGE: usize = 1 << 20;

/// Has the nodes of `graph` traced that can run again: those that are built from now on.
pub(crate) fn trace(graph: &mut Graph, hub: &Arc<TraceHub>) {
    for index in traced(graph) {
        let node = &mut graph.nodes[index];
        let untraced = std::mem::replace(&mut node.node, Box::new(Nobody));
        node.node = Box::new(TracedNode {
            node: untraced,
            kind: node.descriptor.kind.to_string(),
            values: node.values.clone(),
            hub: hub.clone(),
            forms: graph.forms.clone(),
        });
    }
}

/// In the place of a node for as long as it is taken out.
struct Nobody;

impl AnyNode for Nobody {
    fn check(&self, _check: &mut Check<'_>) {}

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError> {
        Err(NodeError::internal("there is no node"))
    }
}

/// A node whose processors are traced.
struct TracedNode {
    node: Box<dyn AnyNode>,
    kind: String,
    values: serde_json::Map<String, Value>,
    hub: Arc<TraceHub>,
    forms: CustomForms,
}

impl AnyNode for TracedNode {
    fn check(&self, check: &mut Check<'_>) {
        self.node.check(check);
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError> {
        let processor = self.node.build(build)?;
        let built = Built {
            id: build.id.to_owned(),
            kind: self.kind.clone(),
            values: self.values.clone(),
            inputs: build.inputs.to_vec(),
            outputs: build.outputs.to_vec(),
            wires: build.wires.to_vec(),
            sources: build.sources.to_vec(),
            transport: build.transport.clone(),
            with_run: build.with_run,
        };
        Ok(Box::new(TracedProcessor {
            processor,
            lineage: Lineage::new(),
            trace: Trace::new(built, self.hub.clone(), self.forms.clone()),
        }))
    }

    fn takes(&self, name: &str, value: &Value) -> Result<bool, NodeError> {
        self.node.takes(name, value)
    }
}

/// The trace of one processor.
struct Trace {
    hub: Arc<TraceHub>,
    forms: CustomForms,
    built: Built,
    state: State,
    writer: TraceWriter,
    number: u64,
    /// When the last chunk was sent.
    sent: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has happened yet.
    Waits,
    /// It is written, under this number.
    Written(u64),
    /// Nobody listens, or it was given up.
    Off,
}

impl Trace {
    fn new(built: Built, hub: Arc<TraceHub>, forms: CustomForms) -> Self {
        Trace {
            hub,
            forms,
            built,
            state: State::Waits,
            writer: TraceWriter::new(),
            number: 0,
            sent: Instant::now(),
        }
    }

    /// Writes a step, where anybody listens: whoever does, does so before the first.
    fn step(&mut self, step: u8) -> Option<&mut TraceWriter> {
        if self.state == State::Waits {
            self.state = match self.hub.is_heard() {
                true => State::Written(self.hub.begin()),
                false => State::Off,
            };
            if self.state != State::Off {
                self.writer.byte(op::BUILT);
                self.writer.json(&self.built);
            }
        }
        if self.state == State::Off {
            return None;
        }
        self.writer.byte(step);
        Some(&mut self.writer)
    }

    fn took(&mut self, input: &Input) {
        if self.step(op::TOOK).is_none() {
            return;
        }
        self.writer.number(input.port as u64);
        self.writer.number(input.wire as u64);
        self.writer.time(input.heard);
        self.writer.time(input.packet.time);
        let port_type = self.built.inputs.get(input.port).and_then(Option::as_ref);
        let payload = &input.packet.payload;
        if !(self.writer).content(payload, port_type, &self.forms) {
            // Without it what follows cannot be played again.
            self.state = State::Off;
        }
    }

    fn sends(&mut self, port: usize, packet: &Packet) {
        if self.state == State::Off {
            return;
        }
        let port_type = self.built.outputs.get(port);
        let hash = content_hash(&packet.payload, port_type, &self.forms);
        if let Some(writer) = self.step(op::SENT) {
            writer.number(port as u64);
            writer.time(packet.time);
            writer.number(u64::from(hash));
        }
    }

    /// Comes between two calls: hands over what is large or old enough.
    fn rest(&mut self) {
        let State::Written(trace) = self.state else {
            return;
        };
        let is_due = self.writer.len() >= LARGE || self.sent.elapsed() >= OLD;
        if !is_due || self.writer.is_empty() {
            return;
        }
        if self.writer.len() > TOO_LARGE {
            self.state = State::Off;
            return;
        }
        let (number, writer) = (self.number, &mut self.writer);
        let is_sent = self.hub.try_send(|| TraceChunk {
            trace,
            number,
            bytes: writer.take(),
        });
        if is_sent {
            self.number += 1;
            self.sent = Instant::now();
        }
    }

    /// Hands over the rest.
    fn end(&mut self) {
        let State::Written(trace) = self.state else {
            return;
        };
        if !self.writer.is_empty() {
            self.hub.send(TraceChunk {
                trace,
                number: self.number,
                bytes: self.writer.take(),
            });
            self.number += 1;
        }
    }
}

/// A processor that is traced.
struct TracedProcessor {
    processor: Box<dyn AnyProcessor>,
    lineage: Lineage,
    trace: Trace,
}

impl TracedProcessor {
    fn call<T>(
        &mut self,
        step: u8,
        io: &mut Io<'_>,
        call: impl FnOnce(&mut dyn AnyProcessor, &mut Io<'_>) -> Result<T, NodeError>,
    ) -> Result<T, NodeError> {
        self.trace.step(step);
        let mut host = Listening {
            io,
            trace: RefCell::new(&mut self.trace),
        };
        let mut inner = Io::new(&mut host, &mut self.lineage);
        let done = call(self.processor.as_mut(), &mut inner);
        if done.is_err() {
            self.trace.step(op::FAILED);
        }
        done
    }
}

impl AnyProcessor for TracedProcessor {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let done = self.call(op::PROCESS, io, |processor, io| processor.process(io));
        self.trace.rest();
        done
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let done = self.call(op::FINISH, io, |processor, io| processor.finish(io));
        self.trace.end();
        done
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.processor.commit()
    }

    fn earliest_pending(&self) -> Option<Time> {
        self.processor.earliest_pending()
    }

    fn revised(&mut self, time: Time, revision: &Revision) {
        self.processor.revised(time, revision);
    }

    fn steered(&mut self, steered: &Steered) {
        self.processor.steered(steered);
    }

    fn set(&mut self, values: &[(String, Value)]) -> Result<(), NodeError> {
        if let Some(writer) = self.trace.step(op::SET) {
            writer.json(&values);
        }
        self.processor.set(values)
    }

    fn retime(&mut self, transport: &Transport) -> Result<(), NodeError> {
        if let Some(writer) = self.trace.step(op::RETIME) {
            writer.json(transport);
        }
        self.processor.retime(transport)
    }
}

impl Drop for TracedProcessor {
    fn drop(&mut self) {
        self.trace.end();
    }
}

/// What the node's code calls: asks the run, and writes down the answer.
struct Listening<'a, 'b> {
    io: &'a mut Io<'b>,
    trace: RefCell<&'a mut Trace>,
}

impl Host for Listening<'_, '_> {
    fn take(&mut self) -> Option<Input> {
        let input = self.io.take();
        let trace = self.trace.get_mut();
        match &input {
            Some(input) => trace.took(input),
            None => {
                trace.step(op::NOTHING);
            }
        }
        input
    }

    fn send(&mut self, port: usize, packet: Packet) -> Result<(), NodeError> {
        self.trace.get_mut().sends(port, &packet);
        let sent = self.io.send_packet(port, packet);
        if sent.is_err() {
            self.trace.get_mut().step(op::REFUSED);
        }
        sent
    }

    fn end_at(&mut self, time: Time) {
        self.io.end_at(time);
    }

    fn watermark(&self) -> Watermark {
        let watermark = self.io.watermark();
        if let Some(writer) = self.trace.borrow_mut().step(op::WATERMARK) {
            op::write_watermark(writer, watermark);
        }
        watermark
    }

    fn end(&self) -> Option<Time> {
        let end = self.io.end();
        if let Some(writer) = self.trace.borrow_mut().step(op::END) {
            op::write_maybe(writer, end);
        }
        end
    }

    fn now(&self) -> Time {
        let now = self.io.now();
        if let Some(writer) = self.trace.borrow_mut().step(op::NOW) {
            writer.time(now);
        }
        now
    }

    fn reached(&self) -> Watermark {
        let reached = self.io.reached();
        if let Some(writer) = self.trace.borrow_mut().step(op::REACHED) {
            op::write_watermark(writer, reached);
        }
        reached
    }

    fn stop_requested(&self) -> bool {
        let stop = self.io.stop_requested();
        if let Some(writer) = self.trace.borrow_mut().step(op::STOP) {
            writer.byte(u8::from(stop));
        }
        stop
    }

    fn set_idle(&self, idle: bool) {
        self.io.set_idle(idle);
    }
}
