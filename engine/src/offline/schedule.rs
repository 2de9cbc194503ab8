//! When a node of a render is called: by the packets that are due, by its inputs' watermark, and by
//! virtual time.

use super::ports::Ports;
use crate::error::NodeError;
use crate::graph::GraphNode;
use crate::io::{Host, Io, Lineage};
use crate::node::Flow;
use crate::registry::AnyProcessor;
use crate::steering::Values;
use crate::thread::{Schedule, Turn};
use crate::time::Time;
use crate::watermark::Watermark;

/// Calls a processor until its inputs have ended or nobody reads what it sends, and promises after
/// each call what it will not send any more.
pub(super) struct ByWatermarks<'a> {
    ports: &'a mut Ports,
    node: &'a GraphNode,
    values: &'a mut Values,
    /// The watermark at the last call.
    seen: Watermark,
}

impl<'a> ByWatermarks<'a> {
    pub(super) fn new(ports: &'a mut Ports, node: &'a GraphNode, values: &'a mut Values) -> Self {
        ByWatermarks {
            seen: ports.watermark(),
            ports,
            node,
            values,
        }
    }

    /// Takes what wires say of parameters, each value once the processor has done all that came
    /// before it; `true`: it has yet to do so.
    fn take_values(&mut self, processor: &mut dyn AnyProcessor) -> Result<bool, NodeError> {
        while let Some(time) = self.ports.due_value()? {
            match self.ports.is_source() {
                true if time > self.ports.latest() => break,
                // Nothing comes before the start.
                false if Watermark::At(time) > self.seen && time > Time::ZERO => return Ok(true),
                _ => {}
            }
            if let Some((number, place)) = self.ports.take_value() {
                self.values.hear(number, place);
                // What it refuses stays as it was.
                let _ = self.values.tell_to(processor, self.node, time);
            }
        }
        Ok(false)
    }
}

impl Schedule for ByWatermarks<'_> {
    fn first_wake(&mut self) -> Option<Time> {
        None
    }

    fn turn(
        &mut self,
        processor: &mut dyn AnyProcessor,
        wake: Option<Time>,
    ) -> Result<Turn, NodeError> {
        let acts_first = self.take_values(processor)?;
        let ports = &mut *self.ports;
        let source = ports.is_source();
        if ports.nobody_reads() || (!source && ports.inputs_finished()?) {
            return Ok(Turn::Over);
        }
        let source_due = source && wake.is_none_or(|time| ports.now() >= time);
        let due = source_due || ports.is_due()? || ports.watermark() > self.seen;
        if !(due || acts_first) || (source && !ports.knows_values()) {
            return Ok(Turn::Wait);
        }
        if ports.stop_requested() {
            return Err(NodeError::stopped());
        }
        Ok(Turn::Call)
    }

    /// A source waits for the virtual time; every other node's time is its inputs' watermark.
    fn wait(&mut self, wake: Option<Time>) -> Result<(), NodeError> {
        self.ports.wait(wake.filter(|_| self.ports.is_source()))
    }

    fn call(
        &mut self,
        processor: &mut dyn AnyProcessor,
        lineage: &mut Lineage,
    ) -> Result<Flow, NodeError> {
        let flow = processor.process(&mut Io::new(self.ports, lineage))?;
        self.seen = self.ports.watermark();
        // Once every input has ended, what still comes lies at the end at the latest, which only
        // `finish` knows.
        if let Watermark::At(seen) = self.seen
            && !self.ports.is_source()
        {
            let pending = processor.earliest_pending();
            self.ports
                .promise(pending.map_or(seen, |pending| seen.min(pending)));
        }
        Ok(flow)
    }

    fn host(&mut self) -> &mut dyn Host {
        self.ports
    }
}
