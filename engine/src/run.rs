//! Runs a graph offline: a thread a node, lossless wires, virtual time.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use serde::Serialize;

use crate::census::{Census, MAX_CAPACITY, Stuck};
use crate::graph::{Graph, GraphNode};
use crate::io::{Host, Io, Lineage};
use crate::node::{Build, Flow, NodeError, NodeErrorKind, Settings};
use crate::ports::{Output, Place, Ports, Slot};
use crate::progress::Progress;
use crate::registry::AnyProcessor;
use crate::time::{Time, Transport};
use crate::wire::{Shared, WireReport, wire};

/// Why a run did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A node cannot be built or cannot go on.
    #[error("`{id}` ({kind}): {error}")]
    Node {
        /// The node's id in the patch.
        id: String,
        /// Its kind.
        kind: String,
        /// What it says.
        error: NodeError,
    },
    /// A node's code panicked.
    #[error("`{id}` ({kind}) failed unexpectedly: {message}")]
    Panic {
        /// The node's id in the patch.
        id: String,
        /// Its kind.
        kind: String,
        /// What the panic said.
        message: String,
    },
    /// A branch of the patch waits for more than a wire may hold.
    #[error(
        "more than {MAX_CAPACITY} packets wait on `{wire}`, because another branch waits for all of them"
    )]
    TooMuchWaits {
        /// The wire.
        wire: String,
    },
    /// Every node waits for another.
    #[error("every node waits for another")]
    Deadlock,
    /// A node takes too long to open what it needs.
    #[error("`{id}` ({kind}) was not ready after {seconds} s")]
    NotReady {
        /// The node's id in the patch.
        id: String,
        /// Its kind.
        kind: String,
        /// How long it had.
        seconds: u64,
    },
    /// The run itself went well, but some nodes could not put their results in their places. What the other nodes
    /// made is in its place.
    #[error("{}", lines(.failures))]
    NotPlaced {
        /// Why, one failure per node, each a [`RunError::Node`] or a [`RunError::Panic`].
        failures: Vec<RunError>,
    },
    /// The system refuses a thread.
    #[error("no thread can be started: {0}")]
    Thread(std::io::Error),
    /// Somebody stopped the run.
    #[error("stopped")]
    Stopped,
}

impl RunError {
    /// What to do about it.
    pub fn advice(&self) -> Option<&str> {
        match self {
            RunError::Node { error, .. } => error.advice(),
            RunError::Panic { .. } => {
                Some("this is a mistake in the node's code; please report it with the patch")
            }
            RunError::TooMuchWaits { .. } => Some(
                "give `video_file` a lower `rate`, or whiten with `whiten: online` instead of `whole_film`",
            ),
            RunError::Deadlock => {
                Some("this is a mistake in the engine; please report it with the patch")
            }
            RunError::NotReady { .. } => {
                Some("look whether what it opens answers: a file on a slow disk, a device, a model")
            }
            RunError::NotPlaced { failures } => failures.iter().find_map(RunError::advice),
            RunError::Thread(_) | RunError::Stopped => None,
        }
    }

    /// What the node that failed first says.
    ///
    /// # Errors
    /// It was no error of a node's; the error itself.
    pub fn into_node_error(self) -> Result<NodeError, RunError> {
        match self {
            RunError::Node { error, .. } => Ok(error),
            RunError::NotPlaced { mut failures } if !failures.is_empty() => {
                failures.swap_remove(0).into_node_error()
            }
            other => Err(other),
        }
    }

    /// The nodes whose results are missing although the run itself went well: all others' are in their places.
    /// `None` where the run failed, so that no node's result was put in its place.
    pub fn not_placed(&self) -> Option<Vec<&str>> {
        let RunError::NotPlaced { failures } = self else {
            return None;
        };
        let ids = failures.iter().filter_map(|failure| match failure {
            RunError::Node { id, .. } | RunError::Panic { id, .. } => Some(id.as_str()),
            _ => None,
        });
        Some(ids.collect())
    }
}

/// One failure per line.
fn lines(failures: &[RunError]) -> String {
    let lines: Vec<String> = failures.iter().map(RunError::to_string).collect();
    lines.join("\n")
}

/// What a node did.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReport {
    /// Its id in the patch.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// How long it was at work: the time of its run less what it waited for its neighbours.
    pub busy: Duration,
}

/// What a run did.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Each node, in the order of the patch.
    pub nodes: Vec<NodeReport>,
    /// Each wire, in the order of the patch.
    pub wires: Vec<WireReport>,
}

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
struct Shelf {
    stopper: Stopper,
    failure: Mutex<Option<RunError>>,
}

impl Shelf {
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
    names: Vec<(String, String)>,
    threads: Vec<JoinHandle<Outcome>>,
    wires: Vec<Arc<Shared>>,
    shelf: Arc<Shelf>,
    census: Arc<Census>,
    progress: Vec<(String, Arc<Progress>)>,
}

impl Run {
    /// Builds every node, each on its own thread, and starts them all once every one is built; to be run to the end
    /// as fast as it goes, without losing anything.
    ///
    /// # Errors
    /// A node cannot be built, or the system refuses a thread. Nothing runs then.
    pub fn start(graph: Graph, settings: &Settings) -> Result<Run, RunError> {
        let (commands, command_receivers): (Vec<_>, Vec<_>) =
            graph.nodes.iter().map(|_| unbounded()).unzip();
        let census = Arc::new(Census::new(commands));
        let stopper = Stopper {
            stop: Arc::new(AtomicBool::new(false)),
            census: census.clone(),
        };
        let shelf = Arc::new(Shelf {
            stopper,
            failure: Mutex::new(None),
        });
        let (wires, ports) = connect(&graph, &census, command_receivers, &shelf.stopper.stop);

        let (ready, all_ready) = unbounded();
        let mut run = Run {
            names: graph
                .nodes
                .iter()
                .map(|node| (node.id.clone(), node.descriptor.kind.to_string()))
                .collect(),
            threads: Vec::new(),
            wires,
            shelf: shelf.clone(),
            census: census.clone(),
            progress: Vec::new(),
        };
        let mut gates = Vec::new();
        for (index, (node, ports)) in graph.nodes.into_iter().zip(ports).enumerate() {
            let progress = Arc::new(Progress::default());
            run.progress.push((node.id.clone(), progress.clone()));
            let (open, gate) = bounded(1);
            gates.push(open);
            let thread = NodeThread {
                index,
                node,
                ports,
                transport: graph.transport.clone(),
                settings: settings.clone(),
                progress,
                shelf: shelf.clone(),
                census: census.clone(),
            };
            let ready = ready.clone();
            let spawned = std::thread::Builder::new()
                .name(format!("node {}", run.progress[index].0))
                .spawn(move || thread.run(&ready, &gate));
            match spawned {
                Ok(handle) => run.threads.push(handle),
                Err(error) => {
                    shelf.fail(RunError::Thread(error));
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
        self.shelf.stopper.clone()
    }

    /// How far each node has come, by id.
    pub fn progress(&self) -> &[(String, Arc<Progress>)] {
        &self.progress
    }

    /// Waits until every node has ended, then has each put its results in their places.
    ///
    /// # Errors
    /// A node failed, or the run was stopped: nothing was put in its place then. Or a node could not put its result in
    /// its place ([`RunError::NotPlaced`]): the others' are in theirs.
    pub fn wait(mut self) -> Result<Report, RunError> {
        let names = std::mem::take(&mut self.names);
        let wires = std::mem::take(&mut self.wires);
        let (outcomes, failure) = self.collect();
        if let Some(failure) = failure {
            return Err(failure);
        }
        let mut nodes = Vec::new();
        let mut processors = Vec::new();
        for ((id, kind), outcome) in names.into_iter().zip(outcomes) {
            processors.push((id.clone(), kind.clone(), outcome.processor));
            nodes.push(NodeReport {
                id,
                kind,
                busy: outcome.busy,
            });
        }
        let mut failures = Vec::new();
        for (id, kind, processor) in processors {
            let Some(mut processor) = processor else {
                continue;
            };
            match catch_unwind(AssertUnwindSafe(|| processor.commit())) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => failures.push(RunError::Node { id, kind, error }),
                Err(panic) => failures.push(RunError::Panic {
                    id,
                    kind,
                    message: panic_message(panic.as_ref()),
                }),
            }
        }
        if !failures.is_empty() {
            return Err(RunError::NotPlaced { failures });
        }
        Ok(Report {
            nodes,
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
            .shelf
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let stuck = self.census.stuck().map(|stuck| match stuck {
            Stuck::TooMuchWaits(wire) => RunError::TooMuchWaits { wire },
            Stuck::Deadlock => RunError::Deadlock,
        });
        let stopped = self
            .shelf
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
    census: &Arc<Census>,
    commands: Vec<Receiver<crate::census::Command>>,
    stop: &Arc<AtomicBool>,
) -> (Vec<Arc<Shared>>, Vec<Ports>) {
    let mut slots: Vec<Vec<Slot>> = graph.nodes.iter().map(|_| Vec::new()).collect();
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
    for edge in &graph.wires {
        let (sender, receiver) = wire(graph.wire_name(edge), edge.policy.lossless());
        shared.push(sender.shared.clone());
        outputs[edge.from][edge.output].push(sender);
        let number: &mut usize = per_input.entry((edge.to, edge.input)).or_default();
        let endless = graph.nodes[edge.from].descriptor.endless;
        slots[edge.to].push(Slot::new(edge.input, *number, receiver).endless(endless));
        *number += 1;
    }
    let in_cycle = graph.in_cycle();
    let ports = graph
        .nodes
        .iter()
        .zip(slots)
        .zip(outputs)
        .zip(commands)
        .enumerate()
        .map(|(index, (((node, mut slots), outputs), commands))| {
            // At equal times packets are seen in the order of the ports, however the patch lists its wires.
            slots.sort_by_key(Slot::place);
            let place = Place {
                node: index,
                order: node.descriptor.input_order,
                // What goes on for ever needs nothing to come in, whatever could.
                source: node.descriptor.inputs.is_empty()
                    || (node.descriptor.endless && slots.is_empty()),
                in_cycle: in_cycle[index],
            };
            Ports::new(
                place,
                slots,
                outputs,
                census.clone(),
                commands,
                stop.clone(),
            )
        })
        .collect();
    (shared, ports)
}

/// Everything that a node's thread owns.
struct NodeThread {
    index: usize,
    node: GraphNode,
    ports: Ports,
    transport: Transport,
    settings: Settings,
    progress: Arc<Progress>,
    shelf: Arc<Shelf>,
    census: Arc<Census>,
}

impl NodeThread {
    fn run(mut self, ready: &Sender<bool>, gate: &Receiver<()>) -> Outcome {
        let built = self.guarded(|this| {
            this.node.node.build(&Build {
                id: &this.node.id,
                transport: &this.transport,
                settings: &this.settings,
                progress: &this.progress,
                clock: None,
                with_run: true,
                counters: &Arc::default(),
                inputs: &this.node.inputs,
                wires: &this.node.wires,
                sources: &this.node.sources,
                outputs: &this.node.outputs,
            })
        });
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
            let driven = self.guarded(|this| drive(processor.as_mut(), &mut this.ports));
            // By what it did not wait: clocks that were read for every packet would cost as much as a wire does.
            outcome.busy = started.elapsed().saturating_sub(self.ports.waited());
            if driven.is_some() {
                self.ports.end_outputs();
            }
        }
        // Wires close before the node counts as gone, so that whoever waits on them is seen to be awake.
        drop(self.ports);
        self.census.retire(self.index);
        outcome
    }

    /// Does a piece of the node's own work; its error or panic ends the run.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, NodeError>) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(|| work(self)));
        let (id, kind) = (self.node.id.clone(), self.node.descriptor.kind.to_string());
        match result {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) if error.kind() == NodeErrorKind::Stopped => {}
            Ok(Err(error)) => self.shelf.fail(RunError::Node { id, kind, error }),
            Err(panic) => self.shelf.fail(RunError::Panic {
                id,
                kind,
                message: panic_message(panic.as_ref()),
            }),
        }
        None
    }
}

/// Runs a processor until its inputs have ended, it is done, or nobody reads what it sends.
fn drive(processor: &mut dyn AnyProcessor, ports: &mut Ports) -> Result<(), NodeError> {
    let mut lineage = Lineage::new();
    let mut wake: Option<Time> = None;
    let mut seen = ports.time();
    loop {
        let source = ports.is_source();
        if ports.nobody_reads() || (!source && ports.inputs_finished()?) {
            break;
        }
        let timer_due = wake.is_some_and(|time| ports.now() >= time);
        let due = (source && wake.is_none()) || timer_due || ports.is_due()? || ports.time() > seen;
        if !due {
            ports.wait(wake)?;
            continue;
        }
        if ports.stop_requested() {
            return Err(NodeError::stopped());
        }
        let flow = processor.process(&mut Io::new(ports, &mut lineage))?;
        seen = ports.time();
        // Once every input has ended, what still comes lies at the end at the latest, which only `finish` knows.
        if !source && seen != Time::MAX {
            ports.promise(seen.min(processor.earliest_pending().unwrap_or(Time::MAX)));
        }
        wake = match flow {
            Flow::Continue => None,
            Flow::WakeAt(time) => Some(time),
            Flow::Done => break,
        };
    }
    processor.finish(&mut Io::new(ports, &mut lineage))
}

/// What a panic says.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
