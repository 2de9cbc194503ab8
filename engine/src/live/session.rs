//! A live run: begins, takes over edits, and drains.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crossbeam_channel::{bounded, unbounded};

use super::gauges::{Calls, Gauges};
use super::node_handle::NodeHandle;
use super::plan::{Edge, Fate, Plan, Shape, edges, plan};
use super::ports::{Command, LivePorts, NewValues, Pace};
use super::restart::{RestartPolicy, Restarts};
use super::slot::Slot;
use super::status::Status;
use super::thread::LiveThread;
use crate::clock::LiveClock;
use crate::counters::Counters;
use crate::graph::{Graph, GraphNode};
use crate::node::Settings;
use crate::progress::Progress;
use crate::run::RunError;
use crate::time::Transport;
use crate::wire::{Shared, WireReceiver, WireSender, wire};

/// How long a node that was taken out of the patch may play on before it is made to end.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);

/// Between two looks whether threads have ended.
const LOOK: Duration = Duration::from_millis(5);

/// How a live run behaves.
#[derive(Clone, Copy, Debug)]
pub struct LiveOptions {
    /// How failed nodes are restarted.
    pub restart: RestartPolicy,
    /// How long nodes may take to open what they need; a patch that takes longer is refused.
    pub ready_within: Duration,
    /// How long sound takes to go over from one node to its successor.
    pub fade: Duration,
}

impl Default for LiveOptions {
    fn default() -> Self {
        LiveOptions {
            restart: RestartPolicy::default(),
            ready_within: Duration::from_secs(30),
            fade: Duration::from_millis(10),
        }
    }
}

/// What an edit that was taken over has changed, by the nodes' ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// Its number: 1 for the patch that the run began with.
    pub number: u64,
    /// Nodes that began, new or anew.
    pub begun: Vec<String>,
    /// Nodes that got new values while they play on.
    pub set: Vec<String>,
    /// Nodes that play on as they are.
    pub kept: Vec<String>,
    /// Nodes that went.
    pub gone: Vec<String>,
}

/// A patch that plays.
pub struct Live {
    settings: Settings,
    options: LiveOptions,
    clock: Arc<LiveClock>,
    transport: Transport,
    revision: u64,
    generations: u64,
    nodes: Vec<NodeHandle>,
    edges: Vec<Edge>,
    wires: Vec<Arc<Shared>>,
    /// Nodes that are no longer part of the patch, and since when.
    leaving: Vec<(Instant, NodeHandle)>,
}

/// Nodes that are built and wait for their gates to open, with the wires that they bring.
struct Prepared {
    /// For each node of the new patch that begins.
    begun: Vec<Option<NodeHandle>>,
    /// For each wire of the new patch.
    wires: Vec<Arc<Shared>>,
    /// For each node that stays: wires that its inputs and outputs get.
    rewired: Vec<Rewired>,
}

/// The new wires of one node.
#[derive(Default)]
struct Rewired {
    inputs: Vec<(usize, usize, WireReceiver)>,
    outputs: Vec<(usize, WireSender)>,
}

impl Live {
    /// Builds every node, each on its own thread, and starts them all once every one is built.
    ///
    /// # Errors
    /// A node cannot be built, or takes too long, or the system refuses a thread. Nothing runs then.
    pub fn start(
        graph: Graph,
        settings: &Settings,
        options: LiveOptions,
    ) -> Result<(Live, Revision), RunError> {
        let mut live = Live {
            settings: settings.clone(),
            options,
            clock: Arc::new(LiveClock::new()),
            transport: graph.transport.clone(),
            revision: 0,
            generations: 0,
            nodes: Vec::new(),
            edges: Vec::new(),
            wires: Vec::new(),
            leaving: Vec::new(),
        };
        let revision = live.take_over(graph, &BTreeSet::new())?;
        Ok((live, revision))
    }

    /// Goes over to another patch while this one plays: nodes that are the same in both play on, sound crossfades, and
    /// notes of nodes that go are ended. Nodes that read one of the `touched` files begin anew. `None`: nothing is
    /// different.
    ///
    /// # Errors
    /// A node cannot be built, or takes too long, or the system refuses a thread. The patch that runs plays on.
    pub fn replace(
        &mut self,
        graph: Graph,
        touched: &BTreeSet<PathBuf>,
    ) -> Result<Option<Revision>, RunError> {
        let same_transport = {
            let now = &self.transport;
            Transport {
                anchor: now.anchor,
                ..graph.transport.clone()
            } == *now
        };
        let new_edges = edges(&graph.wires);
        let plan = self.plan(&graph, &new_edges, touched);
        let nothing = plan.leaving.is_empty()
            && plan.wires.iter().all(Option::is_some)
            && plan.wires.len() == self.wires.len()
            && plan
                .fates
                .iter()
                .all(|fate| matches!(fate, Fate::Stays { values, .. } if values.is_empty()));
        if nothing && same_transport {
            return Ok(None);
        }
        self.take_over(graph, touched).map(Some)
    }

    fn plan(&self, graph: &Graph, new_edges: &[Edge], touched: &BTreeSet<PathBuf>) -> Plan {
        let old = Shape {
            transport: &self.transport,
            nodes: self.nodes.iter().map(|handle| &*handle.node).collect(),
            edges: &self.edges,
        };
        let new = Shape {
            transport: &graph.transport,
            nodes: graph.nodes.iter().collect(),
            edges: new_edges,
        };
        plan(&old, &new, touched, |node| self.nodes[node].rests())
    }

    fn take_over(
        &mut self,
        graph: Graph,
        touched: &BTreeSet<PathBuf>,
    ) -> Result<Revision, RunError> {
        let new_edges = edges(&graph.wires);
        let plan = self.plan(&graph, &new_edges, touched);
        let names: Vec<String> = graph
            .wires
            .iter()
            .map(|wire| graph.wire_name(wire))
            .collect();
        let transport = self.transport_for(&graph.transport);
        let nodes: Vec<Arc<GraphNode>> = graph.nodes.into_iter().map(Arc::new).collect();
        let prepared = self.prepare(&nodes, &new_edges, &names, &plan, &transport)?;
        if self.revision == 0 && !self.clock.is_steered() {
            self.clock.restart();
        }
        self.transport = transport;
        self.revision += 1;
        Ok(self.commit(nodes, new_edges, plan, prepared))
    }

    /// The new patch's transport, its positions going on from where the music is.
    fn transport_for(&self, new: &Transport) -> Transport {
        if new.tempo == self.transport.tempo {
            return Transport {
                anchor: self.transport.anchor,
                ..new.clone()
            };
        }
        let turned = self.transport.with_tempo_from(self.clock.now(), new.tempo);
        Transport {
            anchor: turned.anchor,
            ..new.clone()
        }
    }

    /// Makes the new wires and builds the new nodes, while everything plays on.
    fn prepare(
        &mut self,
        nodes: &[Arc<GraphNode>],
        edges: &[Edge],
        names: &[String],
        plan: &Plan,
        transport: &Transport,
    ) -> Result<Prepared, RunError> {
        let mut rewired: Vec<Rewired> = nodes.iter().map(|_| Rewired::default()).collect();
        let mut wires = Vec::new();
        for ((edge, name), kept) in edges.iter().zip(names).zip(&plan.wires) {
            if let Some(kept) = kept {
                wires.push(self.wires[*kept].clone());
                continue;
            }
            let (sender, receiver) = wire(name.clone(), edge.policy);
            wires.push(sender.shared.clone());
            rewired[edge.from].outputs.push((edge.output, sender));
            rewired[edge.to]
                .inputs
                .push((edge.input, edge.number, receiver));
        }
        let (tell, ready) = unbounded();
        let mut begun: Vec<Option<NodeHandle>> = Vec::new();
        for (index, (node, fate)) in nodes.iter().zip(&plan.fates).enumerate() {
            begun.push(match fate {
                Fate::Stays { .. } => None,
                Fate::Begins => {
                    let wires = std::mem::take(&mut rewired[index]);
                    Some(self.begin(node, index, wires, transport, &tell)?)
                }
            });
        }
        drop(tell);
        let deadline = Instant::now() + self.options.ready_within;
        let mut waiting: BTreeSet<usize> = (0..)
            .zip(&begun)
            .filter(|(_, node)| node.is_some())
            .map(|(index, _)| index)
            .collect();
        while !waiting.is_empty() {
            match ready.recv_deadline(deadline) {
                Ok((index, Ok(()))) => {
                    waiting.remove(&index);
                }
                // Dropped gates tell those that are built to go.
                Ok((_, Err(error))) => return Err(error),
                Err(_) => {
                    let slow = waiting.first().and_then(|index| nodes.get(*index));
                    return Err(RunError::NotReady {
                        id: slow.map(|node| node.id.clone()).unwrap_or_default(),
                        kind: slow
                            .map(|node| node.descriptor.kind.to_string())
                            .unwrap_or_default(),
                        seconds: self.options.ready_within.as_secs(),
                    });
                }
            }
        }
        Ok(Prepared {
            begun,
            wires,
            rewired,
        })
    }

    /// Starts a node's thread, which builds it and waits at its gate.
    fn begin(
        &mut self,
        node: &Arc<GraphNode>,
        index: usize,
        wires: Rewired,
        transport: &Transport,
        ready: &crossbeam_channel::Sender<(usize, Result<(), RunError>)>,
    ) -> Result<NodeHandle, RunError> {
        let mut slots: Vec<Slot> = wires
            .inputs
            .into_iter()
            .map(|(input, number, receiver)| Slot::new(input, number, receiver))
            .collect();
        slots.sort_by_key(Slot::place);
        let mut outputs: Vec<Vec<WireSender>> =
            node.descriptor.outputs.iter().map(|_| Vec::new()).collect();
        for (output, sender) in wires.outputs {
            outputs[output].push(sender);
        }
        let (commands, receiver) = unbounded();
        let (open, gate) = bounded(1);
        let stop = Arc::new(AtomicBool::new(false));
        let gauges = Arc::new(Gauges::new());
        let counters = Arc::new(Counters::default());
        self.generations += 1;
        let thread = LiveThread {
            node: node.clone(),
            generation: self.generations,
            ports: LivePorts::new(
                slots,
                outputs,
                receiver,
                self.clock.clone(),
                stop.clone(),
                self.options.fade.as_secs_f64(),
                node.descriptor.paced.then(|| Pace::new(transport)),
            ),
            transport: transport.clone(),
            settings: self.settings.clone(),
            progress: Arc::new(Progress::default()),
            counters: counters.clone(),
            gauges: gauges.clone(),
            clock: self.clock.clone(),
            restarts: Restarts::new(self.options.restart),
        };
        let ready = ready.clone();
        let thread = std::thread::Builder::new()
            .name(format!("node {}", node.id))
            .spawn(move || thread.run(&ready, index, &gate))
            .map_err(RunError::Thread)?;
        Ok(NodeHandle {
            node: node.clone(),
            generation: self.generations,
            commands,
            stop,
            thread: Some(thread),
            gauges,
            counters,
            gate: open,
            looked: (Instant::now(), Calls::default()),
        })
    }

    /// Opens the new nodes' gates, rewires those that stay, and lets go those that leave.
    fn commit(
        &mut self,
        nodes: Vec<Arc<GraphNode>>,
        edges: Vec<Edge>,
        plan: Plan,
        prepared: Prepared,
    ) -> Revision {
        let mut revision = Revision {
            number: self.revision,
            ..Revision::default()
        };
        let places = slot_places(&edges, nodes.len());
        let mut running: Vec<Option<NodeHandle>> = std::mem::take(&mut self.nodes)
            .into_iter()
            .map(Some)
            .collect();
        let parts = nodes
            .into_iter()
            .zip(plan.fates)
            .zip(prepared.begun)
            .zip(prepared.rewired);
        for (index, (((node, fate), begun), rewired)) in parts.enumerate() {
            let id = node.id.clone();
            match (fate, begun) {
                (_, Some(handle)) => {
                    let _ = handle.gate.send(());
                    revision.begun.push(id);
                    self.nodes.push(handle);
                }
                (Fate::Stays { old, values }, None) => {
                    let Some(mut handle) = running[old].take() else {
                        continue;
                    };
                    if values.is_empty() {
                        &mut revision.kept
                    } else {
                        &mut revision.set
                    }
                    .push(id);
                    handle.node = node.clone();
                    handle.tell(Command::Set(NewValues { node, values }));
                    if !(rewired.inputs.is_empty() && rewired.outputs.is_empty()) {
                        let inputs = rewired
                            .inputs
                            .into_iter()
                            .filter_map(|(input, number, receiver)| {
                                let slot = places[index]
                                    .iter()
                                    .position(|place| *place == (input, number))?;
                                Some((slot, receiver))
                            })
                            .collect();
                        handle.tell(Command::Rewire {
                            inputs,
                            outputs: rewired.outputs,
                        });
                    }
                    self.nodes.push(handle);
                }
                (Fate::Begins, None) => {}
            }
        }
        for handle in running.into_iter().flatten() {
            if !self.nodes.iter().any(|node| node.node.id == handle.node.id) {
                revision.gone.push(handle.node.id.clone());
            }
            handle.tell(Command::Retire);
            self.leaving.push((Instant::now(), handle));
        }
        self.edges = edges;
        self.wires = prepared.wires;
        revision
    }

    /// The files that the patch's nodes read.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        self.nodes
            .iter()
            .flat_map(|handle| handle.node.files())
            .collect()
    }

    /// The number of the revision that runs.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<LiveClock> {
        &self.clock
    }

    /// Looks after nodes that leave, and tells whether every node has ended by itself.
    pub fn is_over(&mut self) -> bool {
        for (since, handle) in &mut self.leaving {
            if handle.has_ended() {
                handle.join();
            } else if since.elapsed() > LEAVES_WITHIN * 2 {
                tracing::warn!(node = %handle.node.id, generation = handle.generation, "does not return from its work and is left to itself");
                handle.abandon();
            } else if since.elapsed() > LEAVES_WITHIN {
                handle.tell(Command::Finish);
            }
        }
        self.leaving.retain(|(_, handle)| handle.thread.is_some());
        self.nodes.iter().all(NodeHandle::has_ended)
    }

    /// What every node and wire does now.
    pub fn status(&mut self) -> Status {
        Status {
            revision: self.revision,
            time: self.clock.now().seconds(),
            steered: self.clock.is_steered(),
            nodes: self.nodes.iter_mut().map(NodeHandle::status).collect(),
            wires: self.wires.iter().map(|wire| wire.report().into()).collect(),
        }
    }

    /// Ends the run: sources end now, everything behind plays out, files are finished. What has not ended after half
    /// of `within` is told to end as it stands. Returns the ids of the nodes that did not return from their work.
    pub fn drain(mut self, within: Duration) -> Vec<String> {
        let started = Instant::now();
        let mut handles: Vec<NodeHandle> = std::mem::take(&mut self.nodes);
        handles.extend(
            std::mem::take(&mut self.leaving)
                .into_iter()
                .map(|(_, handle)| handle),
        );
        let steps: [(fn() -> Command, Duration); 2] = [
            (|| Command::Drain, within / 2),
            (|| Command::Finish, within),
        ];
        for (command, until) in steps {
            for handle in &handles {
                handle.tell(command());
            }
            while started.elapsed() < until && !handles.iter().all(NodeHandle::has_ended) {
                std::thread::sleep(LOOK);
            }
        }
        let mut lost = Vec::new();
        for handle in &mut handles {
            if handle.has_ended() {
                handle.join();
            } else {
                lost.push(handle.node.id.clone());
                handle.abandon();
            }
        }
        lost
    }
}

/// For each node the places of its slots, in the slots' order.
fn slot_places(edges: &[Edge], nodes: usize) -> Vec<Vec<(usize, usize)>> {
    let mut places = vec![Vec::new(); nodes];
    for edge in edges {
        places[edge.to].push((edge.input, edge.number));
    }
    for places in &mut places {
        places.sort_unstable();
    }
    places
}
