//! Collects in memory what chosen outputs of a graph send in a run.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::descriptor::Descriptor;
use crate::error::NodeError;
use crate::graph::{Graph, GraphNode, GraphWire};
use crate::io::Io;
use crate::node::{Build, Check, Flow};
use crate::packet::Packet;
use crate::policy::Policy;
use crate::port::{Port, PortType};
use crate::registry::{AnyNode, AnyProcessor};
use crate::time::Time;

/// The kind of the nodes that collect; no patch can name it, for it has a space.
const KIND: &str = "a tap";

/// What one output sent, once the run is over. All of it stays in memory: wide pictures fill it
/// fast.
#[derive(Clone, Default)]
pub struct Tap(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    packets: Vec<Packet>,
    end: Option<Time>,
    thinning: Option<Thinning>,
}

/// Keeps one of every n packets, where a few are enough.
struct Thinning {
    /// Packets that are kept, at most.
    most: usize,
    /// One of this many packets is kept.
    every: usize,
    seen: usize,
}

impl Collected {
    fn collect(&mut self, packet: Packet) {
        let Some(thinning) = &mut self.thinning else {
            self.packets.push(packet);
            return;
        };
        let number = thinning.seen;
        thinning.seen += 1;
        if !number.is_multiple_of(thinning.every) {
            return;
        }
        if self.packets.len() >= thinning.most {
            thinning.every *= 2;
            let mut index = 0;
            self.packets.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            if !number.is_multiple_of(thinning.every) {
                return;
            }
        }
        self.packets.push(packet);
    }
}

impl Tap {
    /// From now on at most `most` packets are kept: where more come, every second of them is left
    /// out.
    pub(crate) fn thin(&self, most: usize) {
        let mut collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        collected.thinning = Some(Thinning {
            most: most.max(2),
            every: 1,
            seen: 0,
        });
    }

    /// The packets that were sent since the last call, in order.
    pub fn take(&self) -> Vec<Packet> {
        let mut collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut collected.packets)
    }

    /// All packets that were sent and not taken, in order.
    pub(crate) fn packets(&self) -> Vec<Packet> {
        let collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        collected.packets.clone()
    }

    /// When the output ended; `None` while it goes on.
    pub fn end(&self) -> Option<Time> {
        let collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        collected.end
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}

impl AnyNode for Tap {
    fn check(&self, _check: &mut Check<'_>) {}

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError> {
        Ok(Box::new(Collecting(self.clone())))
    }
}

struct Collecting(Tap);

impl AnyProcessor for Collecting {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let mut collected = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(input) = io.take() {
            collected.collect(input.packet);
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let mut collected = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        collected.end = io.end();
        Ok(())
    }
}

impl Graph {
    /// Collects what the output `output` of the node `id` sends in the run to come; `None` if there
    /// is none.
    pub fn tap(&mut self, id: &str, output: &str) -> Option<Tap> {
        let from = self.nodes.iter().position(|node| node.id == id)?;
        let ports = &self.nodes[from].descriptor.outputs;
        let index = ports.iter().position(|port| port.name == output)?;
        let port_type = self.nodes[from].outputs.get(index)?.clone();
        let tap = Tap::default();
        self.wires.push(GraphWire {
            from,
            output: index,
            to: self.nodes.len(),
            input: 0,
            policy: Policy::Block(16),
            span: None,
        });
        self.nodes.push(GraphNode {
            sources: Vec::new(),
            id: format!("tap of {id}.{output}"),
            descriptor: Descriptor::new("engine", KIND, "").with_input(Port::new(
                "in",
                port_type.clone(),
                "",
            )),
            node: Box::new(tap.clone()),
            edition: 0,
            inputs: vec![Some(port_type)],
            outputs: Vec::new(),
            wires: vec![1],
            values: serde_json::Map::new(),
            typed: BTreeSet::new(),
        });
        Some(tap)
    }

    /// Leaves out every node from which nothing comes to a tap: what only plays, draws or writes
    /// files.
    pub fn keep_tapped(&mut self) {
        let mut kept: Vec<bool> = self
            .nodes
            .iter()
            .map(|node| node.descriptor.kind == KIND)
            .collect();
        // Each round takes in the nodes one wire further up; there are no longer chains than nodes.
        for _ in 0..self.nodes.len() {
            for wire in &self.wires {
                if kept[wire.to] {
                    kept[wire.from] = true;
                }
            }
        }
        self.keep(&kept);
    }

    /// Leaves out every node that is not `kept`, with its wires.
    pub(crate) fn keep(&mut self, kept: &[bool]) {
        let mut places = Vec::with_capacity(kept.len());
        let mut next = 0;
        for keep in kept {
            places.push(next);
            next += usize::from(*keep);
        }
        let mut keep = kept.iter();
        self.nodes.retain(|_| keep.next().copied().unwrap_or(false));
        self.wires.retain(|wire| kept[wire.to] && kept[wire.from]);
        for wire in &mut self.wires {
            wire.from = places[wire.from];
            wire.to = places[wire.to];
        }
    }

    /// The outputs, as node and port, whose `port_type` is an end in itself: some reader does not
    /// turn it into more of the same. Of notes, what is played or written, and not what an
    /// effect for notes will change.
    pub fn final_outputs(&self, port_type: &PortType) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for wire in &self.wires {
            let reader = &self.nodes[wire.to];
            if self.nodes[wire.from].outputs[wire.output] != *port_type
                || reader.outputs.contains(port_type)
            {
                continue;
            }
            let node = &self.nodes[wire.from];
            let port = &node.descriptor.outputs[wire.output].name;
            let output = (node.id.clone(), port.to_string());
            if !found.contains(&output) {
                found.push(output);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Payload;

    #[test]
    fn a_tap_that_is_thinned_keeps_a_few_packets_evenly_over_all() {
        for count in [3_u32, 8, 9, 100, 1_000] {
            let mut collected = Collected {
                thinning: Some(Thinning {
                    most: 8,
                    every: 1,
                    seen: 0,
                }),
                ..Collected::default()
            };
            for number in 0..count {
                let time = Time::from_seconds(f64::from(number));
                collected.collect(Packet {
                    time,
                    captured: std::time::Instant::now(),
                    payload: Payload::Control(0.0),
                });
            }
            let kept: Vec<f64> = (collected.packets.iter())
                .map(|packet| packet.time.seconds())
                .collect();
            assert!(kept.len() <= 8 && kept.len() >= usize::min(4, count as usize));
            let step = kept[1] - kept[0];
            assert!(kept.windows(2).all(|pair| pair[1] - pair[0] == step));
            assert!(f64::from(count) - kept[kept.len() - 1] <= step);
        }
    }
}
