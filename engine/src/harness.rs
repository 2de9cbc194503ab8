//! Tests one node alone: packets in, packets out; in virtual time on the real runtime, or live on a
//! clock of the test's own.

mod demand;
mod live;

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

use crate::descriptor::Descriptor;
use crate::error::NodeError;
use crate::graph::{Graph, GraphNode, GraphWire};
use crate::io::Io;
use crate::node::{Build, Check, Flow, Node, Settings};
use crate::offline::Run;
use crate::packet::{Packet, Payload};
use crate::policy::Policy;
use crate::port::{Port, PortType};
use crate::registry::{AnyNode, AnyProcessor, Registry};
use crate::run_error::RunError;
use crate::time::Time;
use crate::transport::Transport;
use live::Setting;

/// One node of kind `N` under test: feed its inputs, then [`Harness::run`] or
/// [`Harness::play_live`] it.
pub struct Harness<N> {
    params: Value,
    transport: Transport,
    settings: Settings,
    feeds: Vec<Feed>,
    live_settings: Vec<Setting>,
    retimings: Vec<(Time, Transport)>,
    begins: Time,
    until: Option<Time>,
    node: PhantomData<N>,
}

/// What is fed into one wire of the node under test.
#[derive(Clone, Debug)]
struct Feed {
    input: String,
    port_type: PortType,
    packets: Vec<Arrival>,
    end: Time,
}

/// A packet that is fed.
#[derive(Clone, Debug)]
struct Arrival {
    /// The clock's time at which it comes, live.
    at: Time,
    /// The packet's own time.
    time: Time,
    payload: Payload,
}

/// What came out of the node under test.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    ports: BTreeMap<String, (Vec<Packet>, Option<Time>)>,
    sent: BTreeMap<String, Vec<Time>>,
    counters: BTreeMap<&'static str, u64>,
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

    /// The clock's time at which each packet left the output called `name`, live.
    pub fn sent(&self, name: &str) -> &[Time] {
        self.sent.get(name).map_or(&[], Vec::as_slice)
    }

    /// What the node counted as `name`, live.
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or(0)
    }
}

impl<N: Node> Harness<N> {
    /// A node with these parameters, as a JSON object; what is left out takes its declared default.
    /// A length is written `{"seconds": 0.5}` or `{"beats": 2}`.
    pub fn new(params: Value) -> Self {
        Harness {
            params,
            transport: Transport::default(),
            settings: Settings::default(),
            feeds: Vec::new(),
            live_settings: Vec::new(),
            retimings: Vec::new(),
            begins: Time::ZERO,
            until: None,
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

    /// Wires `packets`, then the end of the stream at `end`, into `input`. Called again for the
    /// same input, it adds a wire to a port that takes many.
    pub fn feed(
        self,
        input: &str,
        port_type: PortType,
        packets: Vec<(Time, Payload)>,
        end: Time,
    ) -> Self {
        let packets = packets.into_iter();
        let packets = packets.map(|(time, payload)| (time, time, payload));
        self.feed_live(input, port_type, packets.collect(), end)
    }

    /// As [`Harness::feed`], for [`Harness::play_live`]: each packet comes at a time of the clock
    /// that need not be its own, and is given as (when it comes, its own time, its content).
    pub fn feed_live(
        mut self,
        input: &str,
        port_type: PortType,
        packets: Vec<(Time, Time, Payload)>,
        end: Time,
    ) -> Self {
        let packets = packets.into_iter();
        let packets = packets
            .map(|(at, time, payload)| Arrival { at, time, payload })
            .collect();
        self.feeds.push(Feed {
            input: input.to_owned(),
            port_type,
            packets,
            end,
        });
        self
    }

    /// Tells the node the new value of a live parameter when the clock says `at`, in
    /// [`Harness::play_live`]; with [`Harness::run`] that is an error.
    pub fn set_live(mut self, at: Time, name: &str, value: impl Into<Value>) -> Self {
        self.live_settings.push(Setting {
            at,
            name: name.to_owned(),
            value: value.into(),
        });
        self
    }

    /// Lets the run go over to another transport when the clock says `at`, in
    /// [`Harness::play_live`]: positions go on from where they are. With [`Harness::run`] that is
    /// an error.
    pub fn retime(mut self, at: Time, transport: Transport) -> Self {
        self.retimings.push((at, transport));
        self
    }

    /// Has the node begin when the clock says `begin`, in [`Harness::play_live`]: as one does that
    /// an edit adds to a run of that age.
    pub fn begin(mut self, begin: Time) -> Self {
        self.begins = begin;
        self
    }

    /// Ends a node without feeds, such as a source, when the clock says `end`, in
    /// [`Harness::play_live`].
    pub fn until(mut self, end: Time) -> Self {
        self.until = Some(end);
        self
    }

    /// Checks and builds the node and plays it live until every feed has ended, on the loop that
    /// plays it in a live run but for one thing: the clock stands still while the node works
    /// and jumps to the next thing that happens, which is that a packet comes, the node asked
    /// to be woken, or a parameter changes. A source plays until [`Harness::until`]; it must look at
    /// the clock.
    ///
    /// # Errors
    /// As [`Harness::run`], a value set that is not of a live parameter, or one that the node does
    /// not take.
    pub fn play_live(self) -> Result<Outputs, NodeError> {
        demand::settings(&N::descriptor(), &self.live_settings)?;
        for feed in &self.feeds {
            let times = feed.packets.iter().map(|packet| packet.at);
            demand::order(feed, "comes at", times)?;
        }
        let graph = self.graph(&Arc::default())?;
        let mut nodes = graph.nodes.into_iter();
        let node = nodes.next().ok_or_else(|| NodeError::internal("no node"))?;
        live::play(
            node,
            &self.feeds,
            (self.live_settings, self.retimings),
            (self.begins, self.until),
            &self.transport,
            &self.settings,
        )
    }

    /// Checks and builds the node, runs it to its end and commits it.
    ///
    /// # Errors
    /// A declaration that contradicts itself, a parameter, input or packet that the declaration
    /// does not admit, packets that are not in the order of their times or lie after the end,
    /// or the node's own error. A panic becomes an internal error.
    pub fn run(self) -> Result<Outputs, NodeError> {
        let set = self.live_settings.first();
        let set = set.map(|setting| format!("`{}`", setting.name));
        let changed = set.or((!self.retimings.is_empty()).then(|| "the transport".to_owned()));
        if let Some(changed) = changed {
            let why = format!("{changed} changes while the node runs, which is live only");
            return Err(NodeError::input(why).help("`.play_live()` in place of `.run()`"));
        }
        for feed in &self.feeds {
            let times = feed.packets.iter().map(|packet| packet.time);
            demand::order(feed, "has the time", times)?;
        }
        let collected = Arc::new(Mutex::new(Outputs::default()));
        let graph = self.graph(&collected)?;
        let report = match Run::start(graph, &self.settings).and_then(Run::wait) {
            Ok(report) => report,
            Err(failure) => {
                let internal = |other: RunError| NodeError::internal(other.to_string());
                return Err(failure.into_node_error().unwrap_or_else(internal));
            }
        };
        let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outputs = std::mem::take(&mut *collected);
        let node = report.nodes.into_iter().next();
        outputs.counters = node.map(|node| node.counters).unwrap_or_default();
        Ok(outputs)
    }

    /// The node between feeds on every wired input and collectors on every output.
    fn graph(&self, collected: &Arc<Mutex<Outputs>>) -> Result<Graph, NodeError> {
        let mut registry = Registry::new();
        registry.add::<N>();
        let descriptor = N::descriptor();
        if let Some(fault) = descriptor.fault() {
            return Err(NodeError::internal(fault));
        }
        let kind = registry
            .kind(&descriptor.kind)
            .ok_or_else(|| NodeError::internal("no such kind"))?;
        let params = demand::params(&descriptor, &self.params)?;
        let values = params.as_object().cloned().unwrap_or_default();
        let node = kind.node(params).map_err(|error| {
            NodeError::internal(format!("the parameters do not fit the struct: {error}"))
        })?;

        let mut graph = Graph {
            warnings: Vec::new().into(),
            left_out: Vec::new(),
            overridden: Default::default(),
            text: "".into(),
            included: BTreeMap::new(),
            forms: Default::default(),
            transport: self.transport.clone(),
            nodes: Vec::new(),
            wires: Vec::new(),
            presets: Vec::new(),
            show: Arc::default(),
        };
        let mut inputs = vec![None; descriptor.inputs.len()];
        let mut arrivals = vec![0; descriptor.inputs.len()];
        for feed in &self.feeds {
            let input = descriptor
                .inputs
                .iter()
                .position(|port| port.name == feed.input)
                .ok_or_else(|| {
                    NodeError::internal(format!("there is no input `{}`", feed.input))
                })?;
            inputs[input] = Some(feed.port_type.clone());
            arrivals[input] += 1;
            graph.wires.push(GraphWire {
                from: 1 + graph.wires.len(),
                output: 0,
                to: 0,
                input,
                policy: Policy::Block(1),
                span: None,
            });
        }
        let outputs = self.checked(&*node, &descriptor, &inputs)?;
        graph.nodes.push(GraphNode {
            sources: Vec::new(),
            id: "node".into(),
            descriptor,
            node,
            edition: 0,
            inputs,
            outputs: outputs.clone(),
            wires: arrivals,
            values,
            typed: BTreeSet::new(),
        });
        for feed in &self.feeds {
            let port = Port::new("out", feed.port_type.clone(), "");
            graph.nodes.push(GraphNode {
                sources: Vec::new(),
                id: format!("feed {}", graph.nodes.len()),
                descriptor: Descriptor::new("test", "feed", "").with_output(port),
                node: Box::new(feed.clone()),
                edition: 0,
                inputs: Vec::new(),
                outputs: vec![feed.port_type.clone()],
                wires: Vec::new(),
                values: serde_json::Map::new(),
                typed: BTreeSet::new(),
            });
        }
        for (index, port_type) in outputs.into_iter().enumerate() {
            let name = graph.nodes[0].descriptor.outputs[index].name.to_string();
            let to = graph.nodes.len();
            graph.wires.push(GraphWire {
                from: 0,
                output: index,
                to,
                input: 0,
                policy: Policy::Block(1),
                span: None,
            });
            graph.nodes.push(GraphNode {
                sources: Vec::new(),
                id: format!("collect {name}"),
                descriptor: Descriptor::new("test", "collect", "").with_input(Port::new(
                    "in",
                    port_type.clone(),
                    "",
                )),
                node: Box::new(Collect {
                    name,
                    collected: collected.clone(),
                }),
                edition: 0,
                inputs: vec![Some(port_type)],
                outputs: Vec::new(),
                wires: Vec::new(),
                values: serde_json::Map::new(),
                typed: BTreeSet::new(),
            });
        }
        Ok(graph)
    }

    fn checked(
        &self,
        node: &dyn AnyNode,
        descriptor: &Descriptor,
        inputs: &[Option<PortType>],
    ) -> Result<Vec<PortType>, NodeError> {
        let mut check = Check {
            transport: &self.transport,
            settings: &self.settings,
            presets: None,
            cues: None,
            inputs,
            outputs: descriptor.output_types(inputs),
            problems: Vec::new(),
            warnings: Vec::new(),
            resources: Vec::new(),
        };
        node.check(&mut check);
        match check.problems.into_iter().next() {
            None => Ok(check.outputs),
            Some(problem) => {
                Err(NodeError::input(problem.message).help(problem.help.unwrap_or_default()))
            }
        }
    }
}

impl AnyNode for Feed {
    fn check(&self, _check: &mut Check<'_>) {}

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError> {
        Ok(Box::new(Feeding {
            packets: self.packets.clone().into_iter(),
            end: self.end,
        }))
    }
}

/// Sends prepared packets, one a call.
struct Feeding {
    packets: std::vec::IntoIter<Arrival>,
    end: Time,
}

impl AnyProcessor for Feeding {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        io.end_at(self.end);
        let Some(arrival) = self.packets.next() else {
            return Ok(Flow::Done);
        };
        let packet = Packet {
            time: arrival.time,
            captured: Instant::now(),
            payload: arrival.payload,
        };
        io.send_packet(0, packet)?;
        Ok(Flow::Continue)
    }
}

/// Keeps what arrives.
struct Collect {
    name: String,
    collected: Arc<Mutex<Outputs>>,
}

impl AnyNode for Collect {
    fn check(&self, _check: &mut Check<'_>) {}

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError> {
        Ok(Box::new(Collect {
            name: self.name.clone(),
            collected: self.collected.clone(),
        }))
    }
}

impl AnyProcessor for Collect {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let mut collected = self
            .collected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let packets = &mut collected.ports.entry(self.name.clone()).or_default().0;
        while let Some(input) = io.take() {
            packets.push(input.packet);
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let mut collected = self
            .collected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        collected.ports.entry(self.name.clone()).or_default().1 = io.end();
        Ok(())
    }
}
