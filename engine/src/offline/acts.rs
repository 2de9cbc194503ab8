//! Plays a graph in two acts: first what knows no bars, so that the film is known when the bars are
//! laid.

use std::collections::{BTreeMap, BTreeSet};

use crate::descriptor::Descriptor;
use crate::diagnostic::Diagnostics;
use crate::error::NodeError;
use crate::graph::{Graph, GraphNode, GraphWire};
use crate::io::Io;
use crate::node::{Build, Check, Flow};
use crate::packet::Packet;
use crate::port::{Port, PortType};
use crate::registry::{AnyNode, AnyProcessor};
use crate::tap::Tap;
use crate::tempi::Tempi;
use crate::time::Time;

/// The kind of the nodes that play what the first act gave; no patch can name it, for it has a
/// space.
const KIND: &str = "a replay";

/// The outputs that tell where a film is cut.
const CUT: &str = "cut";

/// Packets that are kept for a node that takes only a few of them: stills of 64 by 64 are 13 MB
/// then.
const MOST_SPARSE: usize = 512;

/// An output of the first act that the second reads.
struct Crossing {
    is_cut: bool,
    /// Whether all its readers take only a few of its packets.
    a_few_will_do: bool,
}

/// What is played when the first act is over.
pub struct SecondAct {
    graph: Graph,
    /// What the first act collects: where it comes from, and whether it tells where the film is
    /// cut.
    taps: Vec<(bool, Tap)>,
}

impl SecondAct {
    /// When the film is cut, in order, once the first act is over.
    pub fn cuts(&self) -> Vec<Time> {
        let told = self.taps.iter().filter(|(is_cut, _)| *is_cut);
        let mut cuts: Vec<Time> = told
            .flat_map(|(_, tap)| tap.packets())
            .filter(|packet| packet.event().is_ok())
            .map(|packet| packet.time)
            .collect();
        cuts.sort();
        cuts.dedup();
        cuts
    }

    /// The graph that plays on what the first act has collected; its bars go by `tempi`, where
    /// there are any.
    pub fn begin(mut self, tempi: Option<Tempi>) -> Graph {
        self.graph.transport.tempi = tempi;
        self.graph
    }
}

impl Graph {
    /// Parts the graph into its first act, of the nodes that neither play in bars nor read from one
    /// that does, up to where others read them, and its second, of all others. In between the
    /// film's cuts are known, and bars can be laid.
    ///
    /// # Errors
    /// The graph as it was, where one act is enough: no node of the first tells cuts, or none plays
    /// in bars.
    pub fn in_two_acts(mut self) -> Result<(Graph, SecondAct), Box<Graph>> {
        let free = self.knows_no_bars();
        let mut crossings: BTreeMap<(usize, usize), Crossing> = BTreeMap::new();
        for wire in &self.wires {
            let is_cut = self.nodes[wire.from].descriptor.outputs[wire.output].name == CUT
                && self.nodes[wire.from].outputs[wire.output] == PortType::Event;
            if free[wire.from] && (!free[wire.to] || is_cut) {
                let reader = self.nodes[wire.to].descriptor.inputs.get(wire.input);
                let crossing = crossings
                    .entry((wire.from, wire.output))
                    .or_insert(Crossing {
                        is_cut,
                        a_few_will_do: true,
                    });
                crossing.a_few_will_do &= reader.is_some_and(|port| port.sparse) && !is_cut;
            }
        }
        let plays = self.nodes.iter().any(|node| node.descriptor.in_bars);
        if !plays || !crossings.values().any(|crossing| crossing.is_cut) {
            return Err(Box::new(self));
        }
        let mut first = Graph {
            transport: self.transport.clone(),
            nodes: Vec::new(),
            wires: Vec::new(),
            presets: Vec::new(),
            show: std::sync::Arc::default(),
            warnings: Diagnostics::from(Vec::new()),
            left_out: Vec::new(),
            overridden: BTreeMap::new(),
            text: self.text.clone(),
            included: BTreeMap::new(),
            forms: self.forms.clone(),
        };
        // Where each node is now: in its act, and there at its place.
        let mut places = Vec::with_capacity(free.len());
        let mut nodes = Vec::new();
        for (node, free) in self.nodes.into_iter().zip(&free) {
            let act = if *free { &mut first.nodes } else { &mut nodes };
            places.push(act.len());
            act.push(node);
        }
        let (between, within): (Vec<GraphWire>, Vec<GraphWire>) =
            (self.wires.into_iter()).partition(|wire| free[wire.from] != free[wire.to]);
        let mut wires = Vec::new();
        for mut wire in within {
            let act = if free[wire.from] {
                &mut first.wires
            } else {
                &mut wires
            };
            (wire.from, wire.to) = (places[wire.from], places[wire.to]);
            act.push(wire);
        }
        let mut taps = Vec::new();
        for ((from, output), crossing) in crossings {
            let node = &first.nodes[places[from]];
            let id = node.id.clone();
            let port = node.descriptor.outputs[output].clone();
            let port_type = node.outputs[output].clone();
            let Some(tap) = first.tap(&id, &port.name) else {
                continue;
            };
            if crossing.a_few_will_do {
                tap.thin(MOST_SPARSE);
            }
            let here = |wire: &&GraphWire| (wire.from, wire.output) == (from, output);
            // A player for each wire: of what lies in memory anyway no reader waits for another,
            // and no wire grows.
            for wire in between.iter().filter(here) {
                wires.push(GraphWire {
                    from: nodes.len(),
                    output: 0,
                    to: places[wire.to],
                    ..wire.clone()
                });
                let reader = &nodes[places[wire.to]].id;
                let player = format!("{id}.{} for {reader}", port.name);
                nodes.push(replay(player, port.clone(), port_type.clone(), &tap));
            }
            taps.push((crossing.is_cut, tap));
        }
        first.keep_tapped();
        (self.nodes, self.wires) = (nodes, wires);
        Ok((first, SecondAct { graph: self, taps }))
    }

    /// Of each node whether it neither plays in bars nor reads from one that does, and does nothing
    /// but send: of the first act only what it sends is of use.
    /// What goes on for as long as it is read waits for the second act, whose readers end.
    fn knows_no_bars(&self) -> Vec<bool> {
        let mut free: Vec<bool> = self
            .nodes
            .iter()
            .map(|node| {
                let plays = node.descriptor.in_bars || node.descriptor.endless;
                !plays && !node.outputs.is_empty() && !node.writes()
            })
            .collect();
        // Each round goes one wire further down; there are no longer chains than nodes.
        for _ in 0..self.nodes.len() {
            for wire in &self.wires {
                free[wire.to] &= free[wire.from];
            }
        }
        free
    }
}

/// A node that plays what came out of the output `port` before.
fn replay(id: String, port: Port, port_type: PortType, tap: &Tap) -> GraphNode {
    GraphNode {
        id,
        descriptor: Descriptor::new("engine", KIND, "").with_output(port),
        node: Box::new(Replay(tap.clone())),
        edition: 0,
        inputs: Vec::new(),
        outputs: vec![port_type],
        wires: Vec::new(),
        sources: Vec::new(),
        values: serde_json::Map::new(),
        typed: BTreeSet::new(),
    }
}

/// Plays what a tap has collected.
struct Replay(Tap);

impl AnyNode for Replay {
    fn check(&self, _check: &mut Check<'_>) {}

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn AnyProcessor>, NodeError> {
        Ok(Box::new(Replaying {
            packets: self.0.packets().into_iter(),
            end: self.0.end().unwrap_or(Time::ZERO),
        }))
    }
}

/// Sends what was collected, one packet a call.
struct Replaying {
    packets: std::vec::IntoIter<Packet>,
    end: Time,
}

impl AnyProcessor for Replaying {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        io.end_at(self.end);
        let Some(packet) = self.packets.next() else {
            return Ok(Flow::Done);
        };
        io.send_packet(0, packet)?;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Params;
    use crate::node::{Node, Processor, Settings};
    use crate::offline::Run;
    use crate::packet::Event;
    use crate::patch::{Source, check};
    use crate::port::{Control, InputPort, OutputPort};
    use crate::registry::Registry;
    use crate::tempi::Stretch;

    const TOLD: OutputPort<Event> = OutputPort::new(0, CUT, "");
    const HEARD: InputPort<Event> = InputPort::new(0, "events", "");
    const PLACE: OutputPort<Control> = OutputPort::new(0, "place", "");

    /// Tells a cut after 1.3 s.
    #[derive(Clone, Params)]
    struct Cuts {}

    impl Node for Cuts {
        fn descriptor() -> Descriptor {
            Descriptor::of::<Self>("test", "cuts", "").output(TOLD)
        }

        fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
            Ok(Box::new(Cutting))
        }
    }

    struct Cutting;

    impl Processor<Cuts> for Cutting {
        fn process(&mut self, _params: &Cuts, io: &mut Io<'_>) -> Result<Flow, NodeError> {
            io.end_at(Time::from_seconds(2.0));
            let event = Event {
                name: CUT.to_owned(),
                strength: 1.0,
            };
            io.send(TOLD, Time::from_seconds(1.3), event)?;
            Ok(Flow::Done)
        }
    }

    /// Gives the position, in quarter notes, of what it hears.
    #[derive(Clone, Params)]
    struct Places {}

    impl Node for Places {
        fn descriptor() -> Descriptor {
            Descriptor::of::<Self>("test", "places", "")
                .input(HEARD)
                .output(PLACE)
                .in_bars()
        }

        fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
            Ok(Box::new(Placing(build.transport.clone())))
        }
    }

    struct Placing(crate::transport::Transport);

    impl Processor<Places> for Placing {
        fn process(&mut self, _params: &Places, io: &mut Io<'_>) -> Result<Flow, NodeError> {
            while let Some(input) = io.take() {
                let time = input.packet.time;
                let place = self.0.position(time) as f32;
                io.send(PLACE, time, place)?;
            }
            Ok(Flow::Continue)
        }
    }

    /// Writes down what it hears, and hands it on.
    #[derive(Clone, Params)]
    #[expect(dead_code, reason = "only that it names a file counts")]
    struct Writes {
        #[param(writes, default = "cuts.txt")]
        path: std::path::PathBuf,
    }

    impl Node for Writes {
        fn descriptor() -> Descriptor {
            Descriptor::of::<Self>("test", "writes", "")
                .input(HEARD)
                .output(PLACE)
        }

        fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
            Err(NodeError::internal("never built"))
        }
    }

    fn graph(nodes: &str, wires: &str) -> Graph {
        let mut registry = Registry::new();
        registry.add::<Cuts>();
        registry.add::<Places>();
        registry.add::<Writes>();
        let text = format!(
            r#"Patch(format: 1, nodes: {{ "cuts": cuts(), "bars": places(){nodes} }}, wires: [{wires}])"#
        );
        let source = Source::text("a test", &text, std::path::PathBuf::new());
        check(&source, &[], &registry, &Settings::default()).unwrap()
    }

    #[test]
    fn a_file_that_the_first_act_could_write_is_written_though_nobody_reads_its_node() {
        let graph = graph(r#", "w": writes()"#, r#""cuts -> bars", "cuts -> w""#);
        let (first, second) = graph.in_two_acts().unwrap_or_else(|_| panic!("one act"));
        let mut written = first.node_ids().chain(second.graph.node_ids());
        assert!(written.any(|id| id == "w"));
    }

    #[test]
    fn bars_are_laid_when_the_first_act_has_told_the_cuts_and_all_that_it_sent_is_played() {
        let mut graph = graph("", r#""cuts -> bars""#);
        let tap = graph.tap("bars", "place").unwrap();
        let (first, second) = graph.in_two_acts().unwrap_or_else(|_| panic!("one act"));
        assert_eq!(
            first.node_ids().collect::<Vec<_>>(),
            ["cuts", "tap of cuts.cut"]
        );
        Run::start(first, &Settings::default())
            .unwrap()
            .wait()
            .unwrap();
        assert_eq!(second.cuts(), [Time::from_seconds(1.3)]);
        // Three beats up to the cut.
        let stretch = Stretch {
            from: Time::ZERO,
            position: 0.0,
            tempo: 3.0 * 60.0 / 1.3,
        };
        let graph = second.begin(Some(Tempi::new(vec![stretch])));
        Run::start(graph, &Settings::default())
            .unwrap()
            .wait()
            .unwrap();
        let packets = tap.take();
        let place = *packets[0].control().unwrap();
        assert!((place - 3.0).abs() < 1e-5, "{place}");
        assert_eq!(tap.end(), Some(Time::from_seconds(2.0)));
    }
}
