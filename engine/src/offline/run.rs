//! Runs a graph offline: a thread a node, lossless wires, virtual time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::census::{Census, Stuck};
use super::endless;
use super::input::OfflineInput;
use super::ports::{NodePlace, Output, Ports};
use super::report::{NodeReport, Report};
use super::schedule::ByWatermarks;
use crate::counters::Counters;
use crate::descriptor::InputOrder;
use crate::graph::{Graph, GraphNode, GraphWire};
use crate::node::Settings;
use crate::progress::Progress;
use crate::registry::AnyProcessor;
use crate::run_error::RunError;
use crate::steering::Values;
use crate::thread::{Worker, drive, guarded};
use crate::wire::{Shared, wire};

/// Stops a run from elsewhere.
#[derive(Clone)]
pub struct Stopper {
    stop: Arc<AtomicBool>,
    census: Arc<Census>,
}

impl Stopper {
    /// Ends every node as soon as it looks up; nothing is finished or committed.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.census.stop_all();
    }
}

/// What all threads of a run share.
struct RunShared {
    stopper: Stopper,
    failure: Mutex<Option<RunError>>,
}

impl RunShared {
    /// Keeps the first failure and stops the run.
    fn fail(&self, error: RunError) {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
        self.stopper.stop();
    }
}

/// What a node's thread leaves behind.
struct Outcome {
    processor: Option<Box<dyn AnyProcessor>>,
    busy: Duration,
}

/// A graph that runs.
pub struct Run {
    nodes: Vec<Arc<GraphNode>>,
    threads: Vec<JoinHandle<Outcome>>,
    wires: Vec<Arc<Shared>>,
    shared: Arc<RunShared>,
    census: Arc<Census>,
    progress: Vec<(String, Arc<Progress>)>,
    counters: Vec<Arc<Counters>>,
}

impl Run {
    /// Builds every node, each on its own thread, and starts them all once every one is built; to
    /// be run to the end as fast as it goes, without losing anything.
    ///
    /// # Errors
    /// The run would never end, a node cannot be built, or the system refuses a thread. Nothing
    /// runs then.
    pub fn start(graph: Graph, settings: &Settings) -> Result<Run, RunError> {
        let endless = endless::endless(&graph);
        endless::refuse(&graph, &endless)?;
        let (commands, command_receivers): (Vec<_>, Vec<_>) =
            graph.nodes.iter().map(|_| unbounded()).unzip();
        let census = Arc::new(Census::new(commands));
        let stopper = Stopper {
            stop: Arc::new(AtomicBool::new(false)),
            census: census.clone(),
        };
        let shared = Arc::new(RunShared {
            stopper,
            failure: Mutex::new(None),
        });
        let stop = &shared.stopper.stop;
        let (wires, ports) = connect(&graph, &endless, &census, command_receivers, stop);

        let (ready, all_ready) = unbounded();
        let mut run = Run {
            nodes: Vec::new(),
            threads: Vec::new(),
            wires,
            shared: shared.clone(),
            census: census.clone(),
            progress: Vec::new(),
            counters: Vec::new(),
        };
        let mut gates = Vec::new();
        for (index, (node, ports)) in graph.nodes.into_iter().zip(ports).enumerate() {
            let progress = Arc::new(Progress::default());
            run.progress.push((node.id.clone(), progress.clone()));
            let counters = Arc::<Counters>::default();
            run.counters.push(counters.clone());
            let node = Arc::new(node);
            run.nodes.push(node.clone());
            let (open, gate) = bounded(1);
            gates.push(open);
            let thread = NodeThread {
                index,
                worker: Worker {
                    values: values(&graph.wires, index, &node),
                    node,
                    transport: graph.transport.clone(),
                    settings: settings.clone(),
                    progress,
                    counters,
                    clock: None,
                    with_run: true,
                },
                ports,
                shared: shared.clone(),
                census: census.clone(),
            };
            let ready = ready.clone();
            let spawned = std::thread::Builder::new()
                .name(format!("node {}", run.progress[index].0))
                .spawn(move || thread.run(&ready, &gate));
            match spawned {
                Ok(handle) => run.threads.push(handle),
                Err(error) => {
                    shared.fail(RunError::Thread(error));
                    drop(gates);
                    return Err(run.collect().1.unwrap_or(RunError::Stopped));
                }
            }
        }
        drop(ready);
        let built = all_ready
            .iter()
            .take(run.threads.len())
            .filter(|built| *built)
            .count();
        if built < run.threads.len() {
            drop(gates);
            return Err(run.collect().1.unwrap_or(RunError::Stopped));
        }
        for gate in gates {
            let _ = gate.send(());
        }
        Ok(run)
    }

    /// A handle that stops the run.
    pub fn stopper(&self) -> Stopper {
        self.shared.stopper.clone()
    }

    /// How far each node has come, by id.
    pub fn progress(&self) -> &[(String, Arc<Progress>)] {
        &self.progress
    }

    /// Waits until every node has ended, then has each put its results in their places.
    ///
    /// # Errors
    /// A node failed, or the run was stopped: nothing was put in its place then. Or a node could
    /// not put its result in its place ([`RunError::NotPlaced`]): the others' are in theirs.
    pub fn wait(mut self) -> Result<Report, RunError> {
        let nodes = std::mem::take(&mut self.nodes);
        let wires = std::mem::take(&mut self.wires);
        let counters = std::mem::take(&mut self.counters);
        let (outcomes, failure) = self.collect();
        if let Some(failure) = failure {
            return Err(failure);
        }
        let mut reports = Vec::new();
        let mut failures = Vec::new();
        for ((node, counters), outcome) in nodes.iter().zip(&counters).zip(outcomes) {
            if let Some(mut processor) = outcome.processor {
                failures.extend(guarded(node, || processor.commit()).err());
            }
            reports.push(NodeReport {
                id: node.id.clone(),
                kind: node.descriptor.kind.to_string(),
                busy: outcome.busy,
                counters: counters.read(),
            });
        }
        if !failures.is_empty() {
            return Err(RunError::NotPlaced { failures });
        }
        Ok(Report {
            nodes: reports,
            wires: wires.iter().map(|wire| wire.report()).collect(),
        })
    }

    /// Joins every thread.
    fn collect(self) -> (Vec<Outcome>, Option<RunError>) {
        let nothing = |_| Outcome {
            processor: None,
            busy: Duration::ZERO,
        };
        let outcomes = self
            .threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(nothing))
            .collect();
        let failure = self
            .shared
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let stuck = self.census.stuck().map(|stuck| match stuck {
            Stuck::TooMuchWaits(wire) => RunError::TooMuchWaits { wire },
            Stuck::Deadlock => RunError::Deadlock,
        });
        let stopped = self
            .shared
            .stopper
            .stop
            .load(Ordering::Acquire)
            .then_some(RunError::Stopped);
        (outcomes, failure.or(stuck).or(stopped))
    }
}

/// Makes every wire and every node's ports.
fn connect(
    graph: &Graph,
    endless: &[Option<usize>],
    census: &Arc<Census>,
    commands: Vec<Receiver<super::census::Command>>,
    stop: &Arc<AtomicBool>,
) -> (Vec<Arc<Shared>>, Vec<Ports>) {
    let mut inputs: Vec<Vec<OfflineInput>> = graph.nodes.iter().map(|_| Vec::new()).collect();
    let mut outputs: Vec<Vec<Output>> = graph
        .nodes
        .iter()
        .map(|node| {
            node.descriptor
                .outputs
                .iter()
                .map(|_| Output::default())
                .collect()
        })
        .collect();
    let mut shared = Vec::new();
    let mut per_input = std::collections::BTreeMap::new();
    for graph_wire in &graph.wires {
        let (sender, receiver) = wire(graph.wire_name(graph_wire), graph_wire.policy.lossless());
        shared.push(sender.shared.clone());
        outputs[graph_wire.from][graph_wire.output].push(sender);
        let number: &mut usize = per_input
            .entry((graph_wire.to, graph_wire.input))
            .or_default();
        let from = graph_wire.from;
        let goes_on = graph.nodes[from].descriptor.endless || endless[from].is_some();
        let input = OfflineInput::new(graph_wire.input, *number, receiver).endless(goes_on);
        inputs[graph_wire.to].push(match graph_wire.param(&graph.nodes[graph_wire.to]) {
            Some(param) => input.into_param(param),
            None => input,
        });
        *number += 1;
    }
    let in_cycle = graph.in_cycle();
    let ports = graph
        .nodes
        .iter()
        .zip(inputs)
        .zip(outputs)
        .zip(commands)
        .enumerate()
        .map(|(index, (((node, mut inputs), outputs), commands))| {
            // At equal times packets are seen in the order of the ports, however the patch lists
            // its wires.
            inputs.sort_by_key(OfflineInput::place);
            let is_unwired = inputs.iter().all(|input| input.param.is_some());
            // What a parameter is when a packet is taken depends on how they interleave.
            let by_time = inputs.iter().any(|input| input.param.is_some());
            let place = NodePlace {
                node: index,
                order: match by_time {
                    true => InputOrder::ByTime,
                    false => node.descriptor.input_order,
                },
                // What goes on for ever needs nothing to come in, whatever could.
                source: node.descriptor.inputs.is_empty()
                    || (node.descriptor.endless && is_unwired),
                in_cycle: in_cycle[index],
                endless: endless[index].is_some(),
            };
            Ports::new(
                place,
                inputs,
                outputs,
                census.clone(),
                commands,
                stop.clone(),
            )
        })
        .collect();
    (shared, ports)
}

/// The live parameters of the node that is number `index`, with the wires into them.
fn values(wires: &[GraphWire], index: usize, node: &GraphNode) -> Values {
    let mut values = Values::new(&node.descriptor, &node.values);
    for wire in wires.iter().filter(|wire| wire.to == index) {
        if let Some(number) = wire.param(node) {
            values.wire(number, wire.span);
        }
    }
    values
}

/// Everything that a node's thread owns.
struct NodeThread {
    index: usize,
    worker: Worker,
    ports: Ports,
    shared: Arc<RunShared>,
    census: Arc<Census>,
}

impl NodeThread {
    fn run(mut self, ready: &Sender<bool>, gate: &Receiver<()>) -> Outcome {
        let built = self.worker.build();
        let built = self.keep_failure(built);
        // The coordinator outlives this message, or has given up already.
        let _ = ready.send(built.is_some());
        let mut outcome = Outcome {
            processor: built,
            busy: Duration::ZERO,
        };
        if gate.recv().is_ok()
            && let Some(processor) = &mut outcome.processor
        {
            let started = Instant::now();
            let node = self.worker.node.clone();
            let driven = guarded(&node, || {
                let values = &mut self.worker.values;
                let mut schedule = ByWatermarks::new(&mut self.ports, &node, values);
                drive(processor.as_mut(), &mut schedule)
            });
            // By what it did not wait: clocks that were read for every packet would cost as much as
            // a wire does.
            outcome.busy = started.elapsed().saturating_sub(self.ports.waited());
            if self.keep_failure(driven).is_some() {
                self.ports.end_outputs();
            }
        }
        // Wires close before the node counts as gone, so that whoever waits on them is seen to be
        // awake.
        drop(self.ports);
        self.census.retire(self.index);
        outcome
    }

    /// A node's error or panic ends the run.
    fn keep_failure<T>(&self, result: Result<T, RunError>) -> Option<T> {
        match result {
            Ok(value) => return Some(value),
            Err(RunError::Stopped) => {}
            Err(failure) => self.shared.fail(failure),
        }
        None
    }
}
