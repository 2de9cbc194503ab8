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
        let (kind, values) = (node.descriptor.kind.to_string(), node.values.clone());
        let (hub, forms) = (hub.clone(), graph.forms.clone());
        node.wrap(|node| {
            Box::new(TracedNode {
                node,
                kind,
                values,
                hub,
                forms,
            })
        });
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
    /// Whether the node's code is being called, or has panicked.
    in_call: bool,
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
            in_call: false,
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
        // A panic comes by here alone.
        if std::mem::take(&mut self.in_call) {
            self.step(op::FAILED);
        }
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
        self.trace.in_call = true;
        let mut host = Listening {
            io,
            trace: RefCell::new(&mut self.trace),
        };
        let mut inner = Io::new(&mut host, &mut self.lineage);
        let done = call(self.processor.as_mut(), &mut inner);
        self.trace.in_call = false;
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

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::trace::op::Op;

    struct Panics;

    impl AnyProcessor for Panics {
        fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
            io.take();
            panic!("on purpose");
        }
    }

    /// A run in which nothing comes.
    struct Silent;

    impl Host for Silent {
        fn take(&mut self) -> Option<Input> {
            None
        }

        fn send(&mut self, _port: usize, _packet: Packet) -> Result<(), NodeError> {
            Ok(())
        }

        fn end_at(&mut self, _time: Time) {}

        fn watermark(&self) -> Watermark {
            Watermark::End
        }

        fn end(&self) -> Option<Time> {
            None
        }

        fn now(&self) -> Time {
            Time::ZERO
        }

        fn reached(&self) -> Watermark {
            Watermark::End
        }

        fn stop_requested(&self) -> bool {
            false
        }
    }

    #[test]
    fn the_trace_of_a_node_that_panics_says_that_the_call_has_failed() {
        let (hub, forms) = (Arc::new(TraceHub::default()), CustomForms::default());
        let listener = hub.listen();
        let built = Built {
            id: "a".to_owned(),
            kind: "panics".to_owned(),
            values: serde_json::Map::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            wires: Vec::new(),
            sources: Vec::new(),
            transport: Transport::default(),
            with_run: true,
        };
        let mut traced = TracedProcessor {
            processor: Box::new(Panics),
            lineage: Lineage::new(),
            trace: Trace::new(built, hub, forms.clone()),
        };
        let (mut host, mut lineage) = (Silent, Lineage::new());
        let mut io = Io::new(&mut host, &mut lineage);
        assert!(catch_unwind(AssertUnwindSafe(|| traced.process(&mut io))).is_err());
        drop(traced);
        let chunks: Vec<TraceChunk> = listener.chunks().collect();
        assert_eq!(chunks.len(), 1);
        let ops = op::read(&chunks[0].bytes, &forms).unwrap();
        assert!(
            matches!(
                &ops[..],
                [Op::Built(_), Op::Process, Op::Nothing, Op::Failed]
            ),
            "{ops:?}"
        );
    }
}
