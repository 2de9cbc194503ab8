//! Tests one node alone: packets in, packets out, in virtual time, on the real runtime.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde_json::Value;

use crate::node::{Node, NodeError, Settings};
use crate::packet::{Packet, Payload};
use crate::port::PortType;
use crate::time::{Time, Transport};

/// One node of kind `N` under test: feed its inputs, then [`Harness::run`] it.
pub struct Harness<N> {
    params: Value,
    transport: Transport,
    settings: Settings,
    feeds: Vec<Feed>,
    node: PhantomData<N>,
}

/// What is fed into one wire of the node under test.
#[derive(Clone, Debug)]
struct Feed {
    input: String,
    port_type: PortType,
    packets: Vec<(Time, Payload)>,
    end: Time,
}

/// What came out of the node under test.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    ports: BTreeMap<String, (Vec<Packet>, Option<Time>)>,
}

impl Outputs {
    /// The packets that left the output called `name`, in order.
    pub fn packets(&self, name: &str) -> &[Packet] {
        self.ports.get(name).map_or(&[], |(packets, _)| packets)
    }

    /// When the output called `name` ended.
    pub fn end(&self, name: &str) -> Option<Time> {
        self.ports.get(name).and_then(|(_, end)| *end)
    }
}

impl<N: Node> Harness<N> {
    /// A node with these parameters, as a JSON object; what is left out takes its declared default. A length
    /// is written `{"seconds": 0.5}` or `{"beats": 2}`.
    pub fn new(params: Value) -> Self {
        Harness {
            params,
            transport: Transport::default(),
            settings: Settings::default(),
            feeds: Vec::new(),
            node: PhantomData,
        }
    }

    /// Runs at this transport instead of the default one.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Runs with these settings instead of none.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Wires `packets`, then the end of the stream at `end`, into `input`. Called again for the same input,
    /// it adds a wire to a port that takes many.
    pub fn feed(
        mut self,
        input: &str,
        port_type: PortType,
        packets: Vec<(Time, Payload)>,
        end: Time,
    ) -> Self {
        self.feeds.push(Feed {
            input: input.to_owned(),
            port_type,
            packets,
            end,
        });
        self
    }

    /// Checks and builds the node, runs it to its end and commits it.
    ///
    /// # Errors
    /// A refused parameter or input, or the node's own error. A panic becomes an internal error.
    pub fn run(self) -> Result<Outputs, NodeError> {
        Err(NodeError::internal("not written yet"))
    }
}
