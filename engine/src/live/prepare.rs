//! Builds the nodes of a patch that is about to be played, while everything plays on.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Waker;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::gauges::{Calls, Gauges};
use super::group::{Groups, Member};
use super::node_handle::{NodeHandle, Runs};
use super::pause::Sleep;
use super::plan::{Fate, Plan, WirePlace};
use super::ports::{CommandSender, Pace, Rewired, Surroundings, ValueWire};
use super::session::LiveOptions;
use super::thread::NodeLoop;
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
    /// The nodes that run, and their wires.
    pub(super) running: &'a [NodeHandle],
    pub(super) wires: &'a [Arc<Shared>],
    /// Whether the run begins with them.
    pub(super) with_run: bool,
    /// How many nodes the run has begun.
    pub(super) generations: &'a mut u64,
    /// The threads that light nodes share.
    pub(super) groups: &'a mut Groups,
}

/// What a node that begins is known by before it is built.
struct Begun {
    generation: u64,
    gauges: Arc<Gauges>,
    /// Of a light node.
    member: Option<Arc<Member>>,
}

/// Light nodes that are to be built, with their numbers.
type Light = Vec<(usize, Arc<Member>, NodeLoop)>;

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
        let (begun, wakers) = self.give_places(nodes, places, plan)?;
        let mut rewired: Vec<Rewired> = nodes.iter().map(|_| Rewired::default()).collect();
        let mut wires = Vec::new();
        for ((place, name), kept) in places.iter().zip(names).zip(&plan.wires) {
            if let Some(kept) = kept {
                wires.push(self.wires[*kept].clone());
                continue;
            }
            let (mut sender, receiver) = wire(name.clone(), place.policy);
            if let Some(waker) = &wakers[place.to] {
                sender.wake_reader(waker.clone());
            }
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
        let mut light = Light::new();
        let mut handles: Vec<Option<NodeHandle>> = Vec::new();
        for (index, (node, begun)) in nodes.iter().zip(begun).enumerate() {
            let Some(begun) = begun else {
                handles.push(None);
                continue;
            };
            let wires = std::mem::take(&mut rewired[index]);
            let waker = wakers[index].clone();
            handles.push(Some(self.begin(
                (index, node),
                begun,
                wires,
                waker,
                &tell,
                &mut light,
            )?));
        }
        build_light(light, tell)?;
        let prepared = Prepared {
            begun: handles,
            wires,
            rewired,
        };
        Ok((prepared, ready))
    }

    /// Gives each new node its number, and a light one its place beside its neighbours; also how
    /// each node of the patch is woken that shares its thread.
    #[expect(clippy::type_complexity, reason = "two lists, of new nodes and of all")]
    fn give_places(
        &mut self,
        nodes: &[Arc<GraphNode>],
        places: &[WirePlace],
        plan: &Plan,
    ) -> Result<(Vec<Option<Begun>>, Vec<Option<Waker>>), RunError> {
        let mut beside: Vec<Vec<usize>> = nodes.iter().map(|_| Vec::new()).collect();
        for place in places {
            beside[place.from].push(place.to);
            beside[place.to].push(place.from);
        }
        let stays = |fate: &Fate| match fate {
            Fate::Stays { old, .. } => self.running.get(*old)?.member().cloned(),
            Fate::Begins => None,
        };
        let mut members: Vec<Option<Arc<Member>>> = plan.fates.iter().map(stays).collect();
        let mut begun = Vec::new();
        for (index, (node, fate)) in nodes.iter().zip(&plan.fates).enumerate() {
            if *fate != Fate::Begins {
                begun.push(None);
                continue;
            }
            *self.generations += 1;
            let (generation, gauges) = (*self.generations, Arc::new(Gauges::new()));
            if node.descriptor.light && self.options.light_nodes_per_thread > 0 {
                let neighbours = beside[index].iter();
                let neighbours = neighbours.filter_map(|other| members[*other].as_ref());
                let groups = neighbours.map(|member| member.group());
                let member = self.groups.seat(generation, gauges.clone(), groups)?;
                members[index] = Some(member);
            }
            begun.push(Some(Begun {
                generation,
                gauges,
                member: members[index].clone(),
            }));
        }
        let waker = |member: &Option<Arc<Member>>| member.as_ref().map(Member::waker);
        Ok((begun, members.iter().map(waker).collect()))
    }

    /// Starts a node's thread, which builds it and waits at its gate, or puts it among the light
    /// ones that are to be built.
    fn begin(
        &mut self,
        (index, node): (usize, &Arc<GraphNode>),
        begun: Begun,
        wires: Rewired,
        waker: Option<Waker>,
        ready: &Sender<(usize, Result<(), RunError>)>,
        light: &mut Light,
    ) -> Result<NodeHandle, RunError> {
        let shown = Arc::<Shown>::default();
        let mut values = Values::new(&node.descriptor, &node.values).shown_to(shown.clone());
        for wire in &wires.values {
            values.wire(wire.number, wire.span);
        }
        let (commands, receiver) = unbounded();
        let stop = Arc::new(AtomicBool::new(false));
        let counters = Arc::new(Counters::default());
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
            gauges: begun.gauges.clone(),
            stop: stop.clone(),
            fade: self.options.fade.as_secs_f64(),
            pace: Pace::of(node, self.transport),
            pause: Box::new(Sleep),
            waker: waker.clone(),
        };
        let restart = self.options.restart;
        let node_loop = NodeLoop::new(worker, begun.generation, wires, surroundings, restart);
        let runs = match begun.member {
            Some(member) => {
                light.push((index, member.clone(), node_loop));
                Runs::InGroup(member)
            }
            None => {
                let (open, gate) = bounded(1);
                let ready = ready.clone();
                let thread = std::thread::Builder::new()
                    .name(format!("node {}", node.id))
                    .spawn(move || node_loop.run(&ready, index, &gate))
                    .map_err(RunError::Thread)?;
                Runs::OnThread(thread, open)
            }
        };
        Ok(NodeHandle {
            node: node.clone(),
            generation: begun.generation,
            commands: CommandSender::new(commands, waker),
            stop,
            runs,
            gauges: begun.gauges,
            counters,
            shown,
            looked: (Instant::now(), Calls::default()),
            is_finishing: false,
        })
    }
}

/// Builds light nodes, one after the other on one thread, and says so of each.
fn build_light(light: Light, ready: Sender<(usize, Result<(), RunError>)>) -> Result<(), RunError> {
    if light.is_empty() {
        return Ok(());
    }
    let build = move || {
        for (index, member, node) in light {
            if ready.send((index, member.build(node))).is_err() {
                // The edit was given up.
                return;
            }
        }
    };
    let builder = std::thread::Builder::new().name("builds light nodes".to_owned());
    builder.spawn(build).map(drop).map_err(RunError::Thread)
}
