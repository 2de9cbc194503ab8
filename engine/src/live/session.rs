//! A live run: begins, takes over edits, and drains.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::edit::Edit;
use super::group::Groups;
use super::hands::{Exchange, SteeredNode, Steering};
use super::node_handle::NodeHandle;
use super::plan::{Fate, GraphView, Plan, WirePlace, plan, ranks, wire_places};
use super::ports::Command;
use super::prepare::{NodeBuilder, Prepared};
use super::restart::RestartPolicy;
use super::status::{Status, WireEnd, WireStatus};
use crate::clock::LiveClock;
use crate::follow::Follow;
use crate::graph::{Graph, GraphNode};
use crate::hours::HoursStatus;
use crate::node::Settings;
use crate::port::PortType;
use crate::preset::Preset;
use crate::revision::Revision;
use crate::run_error::RunError;
use crate::show::Show;
use crate::trace::{TraceHub, trace};
use crate::transport::Transport;
use crate::wire::Shared;

/// How long a node that was taken out of the patch may play on before it is made to end.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);

/// Between two looks whether threads have ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// How a live run behaves.
#[derive(Clone, Copy, Debug)]
pub struct LiveOptions {
    /// How failed nodes are restarted.
    pub restart: RestartPolicy,
    /// How long nodes may take to open what they need; a patch that takes longer is refused.
    pub ready_within: Duration,
    /// How long sound takes to go over from one node to its successor.
    pub fade: Duration,
    /// How many nodes of [light](crate::Descriptor::light) kinds share a thread at most; 0: each
    /// node has its own.
    pub light_nodes_per_thread: usize,
}

impl Default for LiveOptions {
    fn default() -> Self {
        LiveOptions {
            restart: RestartPolicy::default(),
            ready_within: Duration::from_secs(30),
            fade: Duration::from_millis(10),
            light_nodes_per_thread: 256,
        }
    }
}

/// How a run came to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// The ids of the nodes that did not return from their work.
    pub left: Vec<String>,
    /// The ids of the nodes that write files and could not keep all of what came, at the end or
    /// earlier.
    pub lost: Vec<String>,
}

impl Drained {
    /// Whether every node came to its end and nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty() && self.lost.is_empty()
    }
}

/// A patch that plays.
pub struct Live {
    settings: Settings,
    options: LiveOptions,
    clock: Arc<LiveClock>,
    /// What the patch says of its transport.
    text: Transport,
    steering: Steering,
    revision: u64,
    generations: u64,
    nodes: Vec<NodeHandle>,
    places: Vec<WirePlace>,
    wires: Vec<Arc<Shared>>,
    /// Nodes that are no longer part of the patch, and since when.
    leaving: Vec<(Instant, NodeHandle)>,
    /// Nodes that are gone and could not keep all of what came.
    lost: BTreeSet<String>,
    /// Where traces of nodes go.
    traces: Arc<TraceHub>,
    /// The threads that light nodes share. The last field: it lets them end, once the nodes are
    /// told to.
    groups: Groups,
}

impl Live {
    /// Builds every node, each on its own thread but for light ones, and starts them all once every
    /// one is built.
    ///
    /// # Errors
    /// A node cannot be built, or takes too long, or the system refuses a thread. Nothing runs
    /// then.
    pub fn start(
        graph: Graph,
        settings: &Settings,
        options: LiveOptions,
    ) -> Result<(Live, Revision), RunError> {
        let mut live = Live::new(settings, options);
        let mut edit = live.begin(graph, &BTreeSet::new())?;
        edit.wait(live.options.ready_within)?;
        let revision = live.play(edit);
        Ok((live, revision))
    }

    /// A run that plays nothing yet: its first patch is prepared and committed as every edit is.
    pub fn new(settings: &Settings, options: LiveOptions) -> Live {
        let clock = Arc::new(LiveClock::new());
        let traces = Arc::<TraceHub>::default();
        let steering = Steering::new(clock.clone());
        // A node that recalls presets and cues does it through the steering's caller.
        let settings = settings.clone().with_shared(traces.clone());
        Live {
            settings: settings.with_shared(Arc::new(steering.caller())),
            options,
            steering,
            groups: Groups::new(clock.clone(), options.light_nodes_per_thread),
            clock,
            text: Transport::default(),
            revision: 0,
            generations: 0,
            nodes: Vec::new(),
            places: Vec::new(),
            wires: Vec::new(),
            leaving: Vec::new(),
            lost: BTreeSet::new(),
            traces,
        }
    }

    /// Goes over to another patch while this one plays: nodes that are the same in both play on,
    /// sound crossfades, and notes of nodes that go are ended. Nodes that read one of the
    /// `touched` files are rebuilt. `None`: nothing is different. Waits until all is built;
    /// [`Live::prepare`] does not.
    ///
    /// # Errors
    /// A node cannot be built, or takes too long, or the system refuses a thread. The patch that
    /// runs plays on.
    pub fn replace(
        &mut self,
        graph: Graph,
        touched: &BTreeSet<PathBuf>,
    ) -> Result<Option<Revision>, RunError> {
        let Some(mut edit) = self.prepare(graph, touched)? else {
            return Ok(None);
        };
        edit.wait(self.options.ready_within)?;
        Ok(Some(self.play(edit)))
    }

    /// Begins to build what is new in another patch, and returns at once. `None`: nothing is
    /// different. Of several edits that are prepared one can be committed.
    ///
    /// # Errors
    /// The system refuses a thread. The patch that runs plays on.
    pub fn prepare(
        &mut self,
        graph: Graph,
        touched: &BTreeSet<PathBuf>,
    ) -> Result<Option<Edit>, RunError> {
        let same_beside = graph.transport == self.text
            && *graph.presets == *self.steering.presets()
            && graph.show == self.steering.show();
        let places = wire_places(&graph.wires);
        let plan = self.plan(&graph, &places, touched);
        if self.revision > 0 && same_beside && plan.changes_nothing(self.wires.len()) {
            return Ok(None);
        }
        self.begin(graph, touched).map(Some)
    }

    /// Plays an edit. `None`: it is not ready, or another was committed since it was prepared.
    pub fn commit(&mut self, edit: Edit) -> Option<Revision> {
        (edit.is_ready() && edit.of == self.revision).then(|| self.play(edit))
    }

    fn plan(&self, graph: &Graph, new_places: &[WirePlace], touched: &BTreeSet<PathBuf>) -> Plan {
        let old = GraphView {
            transport: &self.text,
            nodes: self.nodes.iter().map(|handle| &*handle.node).collect(),
            places: &self.places,
        };
        let new = GraphView {
            transport: &graph.transport,
            nodes: graph.nodes.iter().collect(),
            places: new_places,
        };
        plan(&old, &new, touched, |node| self.nodes[node].rests())
    }

    /// Has the new nodes of a patch built.
    fn begin(&mut self, mut graph: Graph, touched: &BTreeSet<PathBuf>) -> Result<Edit, RunError> {
        trace(&mut graph, &self.traces);
        let places = wire_places(&graph.wires);
        let plan = self.plan(&graph, &places, touched);
        let names: Vec<String> = graph
            .wires
            .iter()
            .map(|wire| graph.wire_name(wire))
            .collect();
        let is_first = self.revision == 0;
        let transport = self.steering.transport_of(&graph.transport, is_first);
        let (text, included) = (graph.text.clone(), graph.included.clone());
        let (presets, show) = (graph.presets.into(), graph.show);
        let nodes: Vec<Arc<GraphNode>> = graph.nodes.into_iter().map(Arc::new).collect();
        let (prepared, ready) = NodeBuilder {
            settings: &self.settings,
            options: &self.options,
            clock: &self.clock,
            transport: &transport,
            running: &self.nodes,
            wires: &self.wires,
            with_run: self.revision == 0,
            generations: &mut self.generations,
            groups: &mut self.groups,
        }
        .prepare(&nodes, &places, &names, &plan)?;
        let begins = (0..)
            .zip(&prepared.begun)
            .filter(|(_, node)| node.is_some());
        Ok(Edit {
            of: self.revision,
            waiting: begins.map(|(index, _)| index).collect(),
            nodes,
            places,
            plan,
            text_transport: graph.transport,
            transport,
            presets,
            show,
            text,
            included,
            prepared,
            ready,
        })
    }

    fn play(&mut self, edit: Edit) -> Revision {
        if self.revision == 0 && !self.clock.is_steered() {
            self.clock.restart();
        }
        let is_first = self.revision == 0;
        self.text = edit.text_transport;
        self.revision += 1;
        let mut revision = self.exchange(edit.nodes, edit.places, edit.plan, edit.prepared);
        let recalled = (edit.presets, edit.show);
        self.hand_over(&edit.transport, recalled, &revision.begun, is_first);
        revision.patch = edit.text;
        revision.included = edit.included;
        let told = Arc::new(revision.clone());
        for handle in &self.nodes {
            handle.tell(Command::Tell(told.clone()));
        }
        // Last, so that a node knows what it belongs to before its own code runs.
        self.nodes.iter().for_each(NodeHandle::open);
        revision
    }

    /// Has hands steer what plays now, and recall its presets and cues. The nodes called `begun` were
    /// built with the transport `built_with`.
    fn hand_over(
        &self,
        built_with: &Transport,
        (presets, show): (Arc<[Preset]>, Arc<Show>),
        begun: &[String],
        is_first: bool,
    ) {
        let steered = |handle: &NodeHandle| SteeredNode {
            node: handle.node.clone(),
            commands: handle.commands.clone(),
            shown: handle.shown.clone(),
            is_to_retime: false,
            unrecorded: 0,
        };
        let next = Exchange {
            nodes: self.nodes.iter().map(steered).collect(),
            begun,
            built_with,
            text: &self.text,
            presets,
            show,
            is_first,
        };
        self.steering.exchange(next);
    }

    /// Steers what plays from any thread, through edits and as long as the run lasts.
    pub fn steering(&self) -> Steering {
        self.steering.clone()
    }

    /// Takes in the new nodes, rewires those that stay, and lets go those that leave.
    fn exchange(
        &mut self,
        nodes: Vec<Arc<GraphNode>>,
        places: Vec<WirePlace>,
        plan: Plan,
        prepared: Prepared,
    ) -> Revision {
        let mut revision = Revision {
            number: self.revision,
            ..Revision::default()
        };
        let mut running: Vec<Option<NodeHandle>> = std::mem::take(&mut self.nodes)
            .into_iter()
            .map(Some)
            .collect();
        let parts = nodes
            .into_iter()
            .zip(plan.fates)
            .zip(prepared.begun)
            .zip(prepared.rewired);
        for (((node, fate), begun), rewired) in parts {
            let id = node.id.clone();
            match (fate, begun) {
                (_, Some(handle)) => {
                    revision.begun.push(id);
                    revision.generations.push(handle.generation);
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
                    handle.tell(Command::Text(node));
                    handle.tell(Command::Rewire(rewired));
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
        for (handle, rank) in self.nodes.iter().zip(ranks(self.nodes.len(), &places)) {
            if let Some(member) = handle.member() {
                member.set_rank(rank);
            }
        }
        self.places = places;
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

    /// The clock that the patch says is to be followed.
    pub fn follow(&self) -> Option<&Follow> {
        self.text.follow.as_ref()
    }

    /// Whether it is heard by the patch's opening hours now; `None`: it has none.
    pub fn hours(&self) -> Option<HoursStatus> {
        let show = self.steering.show();
        Some(show.hours.as_ref()?.status(SystemTime::now()))
    }

    /// The nodes that bring pictures in: those that send some and read nothing.
    pub fn picture_sources(&self) -> impl Iterator<Item = &str> {
        let is_source = |node: &&Arc<GraphNode>| {
            node.descriptor.inputs.is_empty() && node.outputs.contains(&PortType::Frame)
        };
        let nodes = self.nodes.iter().map(|handle| &handle.node);
        nodes.filter(is_source).map(|node| node.id.as_str())
    }

    /// The nodes that write files.
    pub fn file_writers(&self) -> impl Iterator<Item = &str> {
        let nodes = self.nodes.iter().map(|handle| &handle.node);
        nodes
            .filter(|node| node.writes())
            .map(|node| node.id.as_str())
    }

    /// The number of the revision that runs.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<LiveClock> {
        &self.clock
    }

    /// Looks after nodes that leave or hung, and tells whether every node has ended by itself.
    pub fn is_over(&mut self) -> bool {
        self.steering.deliver_kept();
        self.groups.look_after();
        for (since, handle) in &mut self.leaving {
            if handle.has_ended() {
                handle.join();
                if handle.gauges.has_lost() {
                    self.lost.insert(handle.node.id.clone());
                }
            } else if since.elapsed() > LEAVES_WITHIN * 2 && !handle.node.descriptor.writes_files()
            {
                tracing::warn!(node = %handle.node.id, generation = handle.generation, "does not return from its work and is left to itself");
                handle.abandon();
            } else if since.elapsed() > LEAVES_WITHIN {
                handle.finish();
            }
        }
        self.leaving.retain(|(_, handle)| !handle.is_gone());
        self.revision > 0 && self.nodes.iter().all(NodeHandle::has_ended)
    }

    /// What every node and wire does now.
    pub fn status(&mut self) -> Status {
        self.groups.look_after();
        Status {
            revision: self.revision,
            time: self.clock.now().seconds(),
            steered: self.clock.is_steered(),
            lead: self.clock.lead().seconds(),
            cue: self.steering.cue_status(),
            clock: self.steering.clock_status(),
            hours: self.hours(),
            standing_in: None,
            nodes: self.nodes.iter_mut().map(NodeHandle::status).collect(),
            wires: self.wire_status(),
        }
    }

    fn wire_status(&self) -> Vec<WireStatus> {
        let end = |node: usize, port: &str| WireEnd {
            node: self.nodes[node].node.id.clone(),
            port: port.to_owned(),
        };
        let status = |(place, wire): (&WirePlace, &Arc<Shared>)| {
            let output = &self.nodes[place.from].node.descriptor.outputs[place.output];
            // A parameter is an input too.
            let input = self.nodes[place.to].node.descriptor.input_name(place.input);
            let (from, to) = (end(place.from, &output.name), end(place.to, input));
            WireStatus::new(wire.report(), from, to)
        };
        self.places.iter().zip(&self.wires).map(status).collect()
    }

    /// Ends the run: sources end now, everything behind plays out, files are finished. What has not
    /// ended after half of `within` must end as it is. Nodes that write files are
    /// waited for however long it takes.
    pub fn drain(mut self, within: Duration) -> Drained {
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
                self.groups.look_after();
                std::thread::sleep(POLL_INTERVAL);
            }
        }
        wait_for_files(&handles);
        let mut drained = Drained::default();
        let mut lost = std::mem::take(&mut self.lost);
        for handle in &mut handles {
            if handle.gauges.has_lost() {
                lost.insert(handle.node.id.clone());
            }
            if handle.has_ended() {
                handle.join();
            } else {
                drained.left.push(handle.node.id.clone());
                handle.abandon();
            }
        }
        drained.lost = lost.into_iter().collect();
        drained
    }
}

/// Waits for nodes that write files.
fn wait_for_files(handles: &[NodeHandle]) {
    let writes =
        |handle: &&NodeHandle| !handle.has_ended() && handle.node.descriptor.writes_files();
    let writing: Vec<&str> = handles
        .iter()
        .filter(writes)
        .map(|handle| handle.node.id.as_str())
        .collect();
    if !writing.is_empty() {
        tracing::info!(
            "waiting until the files are finished of: {}; a second signal ends the run at once",
            writing.join(", ")
        );
    }
    while handles.iter().filter(writes).count() > 0 {
        std::thread::sleep(POLL_INTERVAL);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // A run that was drained has none left.
        let leaving = self.leaving.iter_mut().map(|(_, handle)| handle);
        for handle in self.nodes.iter_mut().chain(leaving) {
            handle.tell(Command::Finish);
            handle.abandon();
        }
    }
}
