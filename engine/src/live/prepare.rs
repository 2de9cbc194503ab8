//! Builds the nodes of a patch that is about to be played, while everything plays on.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::gauges::{Calls, Gauges};
use super::node_handle::NodeHandle;
use super::pause::Sleep;
use super::plan::{Fate, Plan, WirePlace};
use super::ports::{Pace, Rewired, Surroundings, ValueWire};
use super::session::LiveOptions;
use super::thread::LiveThread;
use crate::clock::LiveClock;
use crate::counters::Counters;
use crate::graph::GraphNode;
use crate::node::Settings;
use crate::progress::Progress;
use crate::run_error::RunError;
use crate::steering::{Shown, Values};
use crate::thread::Worker;
use crate::transport::Transport;
use crate::wire::{Shared, wire};

/// Nodes that are built and wait for their gates to open, with the wires that they bring.
pub(super) struct Prepared {
    /// For each node of the new patch that begins.
    pub(super) begun: Vec<Option<NodeHandle>>,
    /// For each wire of the new patch.
    pub(super) wires: Vec<Arc<Shared>>,
    /// For each node that stays: wires that its inputs and outputs get.
    pub(super) rewired: Vec<Rewired>,
}

/// Gives each node that is built, or why it cannot be, by its number.
pub(super) type Ready = Receiver<(usize, Result<(), RunError>)>;

/// What nodes are built with.
pub(super) struct NodeBuilder<'a> {
    pub(super) settings: &'a Settings,
    pub(super) options: &'a LiveOptions,
    pub(super) clock: &'a Arc<LiveClock>,
    pub(super) transport: &'a Transport,
    /// The wires that run.
    pub(super) wires: &'a [Arc<Shared>],
    /// Whether the run begins with them.
    pub(super) with_run: bool,
    /// How many nodes the run has begun.
    pub(super) generations: &'a mut u64,
}

impl NodeBuilder<'_> {
    /// Makes the new wires and has the new nodes built, while everything plays on; does not wait
    /// for them.
    pub(super) fn prepare(
        &mut self,
        nodes: &[Arc<GraphNode>],
        places: &[WirePlace],
        names: &[String],
        plan: &Plan,
    ) -> Result<(Prepared, Ready), RunError> {
        let mut rewired: Vec<Rewired> = nodes.iter().map(|_| Rewired::default()).collect();
        let mut wires = Vec::new();
        for ((place, name), kept) in places.iter().zip(names).zip(&plan.wires) {
            if let Some(kept) = kept {
                wires.push(self.wires[*kept].clone());
                continue;
            }
            let (sender, receiver) = wire(name.clone(), place.policy);
            wires.push(sender.shared.clone());
            rewired[place.from].outputs.push((place.output, sender));
            match nodes[place.to].descriptor.param_number(place.input) {
                Some(number) => rewired[place.to].values.push(ValueWire {
                    number,
                    span: place.span,
                    receiver,
                }),
                None => (rewired[place.to].inputs).push(((place.input, place.number), receiver)),
            }
        }
        for (rewired, unwired) in rewired.iter_mut().zip(&plan.unwired) {
            rewired.unwired.clone_from(unwired);
        }
        let (tell, ready) = unbounded();
        let mut begun: Vec<Option<NodeHandle>> = Vec::new();
        for (index, (node, fate)) in nodes.iter().zip(&plan.fates).enumerate() {
            begun.push(match fate {
                Fate::Stays { .. } => None,
                Fate::Begins => {
                    let wires = std::mem::take(&mut rewired[index]);
                    Some(self.begin(node, index, wires, &tell)?)
                }
            });
        }
        let prepared = Prepared {
            begun,
            wires,
            rewired,
        };
        Ok((prepared, ready))
    }

    /// Starts a node's thread, which builds it and waits at its gate.
    fn begin(
        &mut self,
        node: &Arc<GraphNode>,
        index: usize,
        wires: Rewired,
        ready: &Sender<(usize, Result<(), RunError>)>,
    ) -> Result<NodeHandle, RunError> {
        let shown = Arc::<Shown>::default();
        let mut values = Values::new(&node.descriptor, &node.values).shown_to(shown.clone());
        for wire in &wires.values {
            values.wire(wire.number, wire.span);
        }
        let (commands, receiver) = unbounded();
        let (open, gate) = bounded(1);
        let stop = Arc::new(AtomicBool::new(false));
        let gauges = Arc::new(Gauges::new());
        let counters = Arc::new(Counters::default());
        *self.generations += 1;
        let worker = Worker {
            node: node.clone(),
            transport: self.transport.clone(),
            settings: self.settings.clone(),
            progress: Arc::new(Progress::default()),
            counters: counters.clone(),
            clock: Some(self.clock.clone()),
            with_run: self.with_run,
            values,
        };
        let surroundings = Surroundings {
            commands: receiver,
            clock: self.clock.clone(),
            gauges: gauges.clone(),
            stop: stop.clone(),
            fade: self.options.fade.as_secs_f64(),
            pace: node.descriptor.paced.then(|| Pace::new(self.transport)),
            pause: Box::new(Sleep),
        };
        let restart = self.options.restart;
        let thread = LiveThread::new(worker, *self.generations, wires, surroundings, restart);
        let ready = ready.clone();
        let thread = std::thread::Builder::new()
            .name(format!("node {}", node.id))
            .spawn(move || thread.run(&ready, index, &gate))
            .map_err(RunError::Thread)?;
        Ok(NodeHandle {
            node: node.clone(),
            generation: *self.generations,
            commands,
            stop,
            thread: Some(thread),
            gauges,
            counters,
            shown,
            gate: open,
            looked: (Instant::now(), Calls::default()),
            is_finishing: false,
        })
    }
}
