//! The second lane: live values set from outside while a patch plays, from any thread, without a
//! file or a revision.

mod conductor;
mod cueing;
mod pickup;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::conductor::Wish;
use self::cueing::Cueing;
use self::pickup::Pickups;
use super::following::{ClockReport, ClockStatus, Following};
use super::ports::{Command, CommandSender, HandChange};
use super::tap::{LiveTap, TapBuffer};
use super::tapping::Tapping;
use crate::clock::LiveClock;
use crate::curve::Curve;
use crate::descriptor::Descriptor;
use crate::diagnostic::did_you_mean;
use crate::graph::GraphNode;
use crate::limits::MAX_MISTAKES;
use crate::live_param::live_param;
use crate::param::Param;
use crate::patch::typed_value;
use crate::port::Port;
use crate::preset::Preset;
use crate::show::{Recalled, Show};
use crate::steered::Steered;
use crate::steering::{Shown, ValueSource, ValueStatus};
use crate::time::Time;
use crate::transport::Transport;
use crate::transport_params::{self, DECLARED, TRANSPORT, TransportParams};

pub use self::conductor::Caller;
pub use self::cueing::CueStatus;

/// Messages that may wait at a node, which takes them at once unless it hangs. Of what hands do
/// meanwhile the latest is kept.
const MOST_WAITING: usize = 1_024;

/// Presets that are named to somebody who asks for one that is not there.
const MOST_NAMED: usize = 20;

/// The transport's parameters that a clock leads.
const TEMPO: &str = "tempo";
const METRE: &str = "metre";

/// Sets live values of what plays, from any thread. A value holds until it is released, over what
/// the patch and wires say: through edits of the patch and restarts of its node.
///
/// The transport is steered as a node called `transport`.
#[derive(Clone)]
pub struct Steering {
    state: Arc<Mutex<SteeringState>>,
    /// What the conductor is asked to do.
    wishes: Sender<Wish>,
}

/// Why a value is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SteeringErrorKind {
    /// No node of that id plays.
    Node,
    /// The node has no such parameter.
    Param,
    /// The parameter cannot change while the node plays.
    NotLive,
    /// The parameter does not take the value.
    Value,
    /// The node has no such output.
    Output,
    /// The patch has no such preset.
    Preset,
    /// The patch has no such cue, or none comes next.
    Cue,
    /// GO was said a moment ago, and counts once.
    TooSoon,
}

/// Why a value is not taken, or an output is not tapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct SteeringError {
    /// Which kind of thing is wrong.
    pub kind: SteeringErrorKind,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// The live values of one node that plays, or of the transport.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeValues {
    /// The node's id, or `transport`.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Its live parameters.
    pub values: Vec<ValueStatus>,
}

/// What can be steered and seen of a node that plays, or of the transport.
#[derive(Clone, Debug)]
pub struct SteerableNode {
    /// The node's id, or `transport`.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// What it does, in a line.
    pub summary: String,
    /// Its live parameters.
    pub params: Vec<Param>,
    /// Its inputs, without those that its parameters are, as its kind declares them.
    pub inputs: Vec<Port>,
    /// Its outputs, which can be tapped.
    pub outputs: Vec<Port>,
}

impl SteerableNode {
    fn new(id: &str, descriptor: &Descriptor) -> Self {
        SteerableNode {
            id: id.to_owned(),
            kind: descriptor.kind.to_string(),
            summary: descriptor.summary.to_string(),
            params: descriptor.live_params().cloned().collect(),
            inputs: descriptor.inputs.clone(),
            outputs: descriptor.outputs.clone(),
        }
    }
}

/// What [`Steering`] knows of the run.
struct SteeringState {
    clock: Arc<LiveClock>,
    nodes: Vec<SteeredNode>,
    /// What hands hold, by node and parameter.
    hands: BTreeMap<(String, String), Value>,
    /// What nodes have yet to be sent: of each parameter the latest.
    outbox: Vec<(String, Vec<HandChange>)>,
    taps: Vec<OpenTap>,
    /// The transport as the text says it.
    text: serde_json::Map<String, Value>,
    /// The transport that plays.
    transport: Transport,
    /// The clock that leads it, where one does.
    following: Following,
    tapping: Tapping,
    /// The presets of the patch that plays.
    presets: Arc<[Preset]>,
    /// The cues, and which of them plays.
    cueing: Cueing,
    /// Where MIDI controllers are, and which have their values.
    pickups: Pickups,
    /// For the conductor, until it is there.
    unheard: Option<Receiver<Wish>>,
    /// What was recalled last: a preset or a cue.
    recalled: Option<Recalled>,
    /// How many patches have begun to play.
    edition: u64,
}

/// How a value gets to another.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    lasts: Time,
    curve: Curve,
    /// When it has set off; `None`: it does when its node is told.
    begun: Option<Time>,
}

/// A tap on an output, for as long as anybody looks there.
struct OpenTap {
    node: String,
    output: String,
    buffer: Weak<TapBuffer>,
    /// Whether the node has yet to be told, because it took no message.
    is_to_open: bool,
}

impl OpenTap {
    /// Opens it at a node that plays, which may have no such output any more. A node that takes no
    /// message just now is told later.
    fn open(&mut self, target: &SteeredNode) {
        let mut ports = target.node.descriptor.outputs.iter();
        let port = ports.position(|port| port.name == self.output);
        self.is_to_open = port.is_some() && target.is_full();
        if let Some(port) = port.filter(|_| !self.is_to_open) {
            let _ = (target.commands).send(Command::Tap(port, self.buffer.clone()));
        }
    }
}

/// What plays from now on, and what is known of it.
pub(super) struct Exchange<'a> {
    /// The nodes of the patch.
    pub(super) nodes: Vec<SteeredNode>,
    /// Those of them that have begun.
    pub(super) begun: &'a [String],
    /// The transport that these were built with.
    pub(super) built_with: &'a Transport,
    /// What the patch says of the transport.
    pub(super) text: &'a Transport,
    /// What the patch has for presets.
    pub(super) presets: Arc<[Preset]>,
    /// What the patch has for cues.
    pub(super) show: Arc<Show>,
    /// Whether nothing has played before.
    pub(super) is_first: bool,
}

/// A node that plays, as far as it is steered.
pub(super) struct SteeredNode {
    pub(super) node: Arc<GraphNode>,
    pub(super) commands: CommandSender,
    pub(super) shown: Arc<Shown>,
    /// Whether it has yet to be sent the transport.
    pub(super) is_to_retime: bool,
    /// How many values have been set that it could not be told of, if it keeps a record.
    pub(super) unrecorded: u64,
}

impl SteeredNode {
    /// Whether it is told of every value that is set.
    fn keeps_record(&self) -> bool {
        self.node.descriptor.keeps_record
    }

    /// Whether it takes no message just now.
    fn is_full(&self) -> bool {
        self.commands.len() >= MOST_WAITING
    }
}

impl Steering {
    pub(super) fn new(clock: Arc<LiveClock>) -> Self {
        let (wishes, unheard) = conductor::wishes();
        let state = SteeringState {
            clock,
            nodes: Vec::new(),
            hands: BTreeMap::new(),
            outbox: Vec::new(),
            taps: Vec::new(),
            text: transport_params::values(&Transport::default()),
            transport: Transport::default(),
            following: Following::default(),
            tapping: Tapping::default(),
            presets: Arc::default(),
            cueing: Cueing::default(),
            pickups: Pickups::default(),
            unheard: Some(unheard),
            recalled: None,
            edition: 0,
        };
        Steering {
            state: Arc::new(Mutex::new(state)),
            wishes,
        }
    }

    /// What steers this transport and no node, for tests.
    #[doc(hidden)]
    pub fn of_transport(clock: Arc<LiveClock>, transport: &Transport) -> Self {
        let steering = Self::new(clock);
        steering.exchange(Exchange {
            nodes: Vec::new(),
            begun: &[],
            built_with: transport,
            text: transport,
            presets: Arc::default(),
            show: Arc::default(),
            is_first: true,
        });
        steering
    }

    fn lock(&self) -> MutexGuard<'_, SteeringState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets a live parameter of the node called `node`, in the form in which values arrive at a
    /// node. It gets there in the time `glide`, where a way leads there; the transport always
    /// at once.
    ///
    /// # Errors
    /// There is no such node or live parameter, or it does not take the value. Nothing has changed
    /// then.
    pub fn set(
        &self,
        node: &str,
        param: &str,
        value: Value,
        glide: Duration,
    ) -> Result<(), SteeringError> {
        let mut state = self.lock();
        let declared = state.declared(node, param)?;
        declared.admits(&value).map_err(|message| SteeringError {
            kind: SteeringErrorKind::Value,
            message,
            help: None,
        })?;
        let done = state.set_hand(node, param, Some(value), glide);
        state.deliver();
        done
    }

    /// As [`Steering::set`], the value written as in a patch; text may go without quotes.
    ///
    /// # Errors
    /// As [`Steering::set`].
    pub fn set_written(
        &self,
        node: &str,
        param: &str,
        written: &str,
        glide: Duration,
    ) -> Result<(), SteeringError> {
        let mut state = self.lock();
        let value = state.value_of(node, param, written)?;
        let done = state.set_hand(node, param, Some(value), glide);
        state.deliver();
        done
    }

    /// Sets several parameters at once, each given as a node's id, a parameter, and its value
    /// written as in a patch.
    ///
    /// # Errors
    /// What is wrong with which of them, by its place in `wanted`: at most [`MAX_MISTAKES`].
    /// Nothing has changed then.
    pub fn set_all_written(
        &self,
        wanted: &[(String, String, String)],
        glide: Duration,
    ) -> Result<(), Vec<(usize, SteeringError)>> {
        let mut state = self.lock();
        let mut values = Vec::with_capacity(wanted.len());
        let mut wrong = Vec::new();
        for (index, (node, param, written)) in wanted.iter().enumerate() {
            match state.value_of(node, param, written) {
                Ok(value) => values.push((index, node, param, value)),
                Err(error) => wrong.push((index, error)),
            }
            if wrong.len() >= MAX_MISTAKES {
                break;
            }
        }
        if wrong.is_empty() {
            for (index, node, param, value) in values {
                if let Err(error) = state.set_hand(node, param, Some(value), glide) {
                    wrong.push((index, error));
                }
            }
        }
        state.deliver();
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(wrong),
        }
    }

    /// Sets every value of the patch's preset called `name`. Numbers get there in the time `glide`,
    /// each in its own scale; the transport at once, and words too, unless there is a glide: then
    /// they switch on the next beat. What the preset does not name, or the patch calls
    /// `recall_safe`, stays as it is.
    ///
    /// # Errors
    /// The patch that plays has no such preset. Nothing has changed then.
    pub fn recall(&self, name: &str, glide: Duration) -> Result<(), SteeringError> {
        let mut state = self.lock();
        let done = state.recall(name, Time::from_seconds(glide.as_secs_f64()));
        state.deliver();
        drop(state);
        self.wake_conductor();
        done
    }

    /// The preset or the cue that was recalled last, so that another run can go on there; `None`:
    /// none was, or all values have been released since.
    pub fn recalled(&self) -> Option<Recalled> {
        self.lock().recalled.clone()
    }

    /// The presets of the patch that plays, in its order. They change only with
    /// [`Steering::edition`].
    pub fn presets(&self) -> Arc<[Preset]> {
        self.lock().presets.clone()
    }

    /// Releases a parameter: what the wire or the patch says holds again.
    ///
    /// # Errors
    /// There is no such node or live parameter.
    pub fn release(&self, node: &str, param: &str, glide: Duration) -> Result<(), SteeringError> {
        let mut state = self.lock();
        state.declared(node, param)?;
        let done = state.set_hand(node, param, None, glide);
        state.deliver();
        done
    }

    /// Releases every parameter of a node that a hand holds.
    ///
    /// # Errors
    /// There is no such node.
    pub fn release_node(&self, node: &str, glide: Duration) -> Result<(), SteeringError> {
        let mut state = self.lock();
        state.descriptor(node)?;
        let held = state.hands.keys().filter(|(id, _)| id == node);
        let held: Vec<String> = held.map(|(_, param)| param.clone()).collect();
        state.cueing.forget_all(Some(node));
        let done = (held.iter()).try_for_each(|param| state.set_hand(node, param, None, glide));
        state.deliver();
        done
    }

    /// Releases every parameter that a hand holds.
    pub fn release_all(&self, glide: Duration) {
        let mut state = self.lock();
        let held: Vec<(String, String)> = state.hands.keys().cloned().collect();
        state.cueing.forget_all(None);
        state.recalled = None;
        for (node, param) in held {
            // What a hand holds but no longer plays is released as well.
            if state.set_hand(&node, &param, None, glide).is_err() {
                state.hands.remove(&(node, param));
            }
        }
        state.deliver();
    }

    /// Every live parameter of what plays: the transport first, then the nodes in the patch's
    /// order.
    pub fn values(&self) -> Vec<NodeValues> {
        let state = self.lock();
        let nodes = state.nodes.iter().map(|target| NodeValues {
            id: target.node.id.clone(),
            kind: target.node.descriptor.kind.to_string(),
            values: target.shown.look(),
        });
        std::iter::once(state.transport_values())
            .chain(nodes)
            .collect()
    }

    /// What can be steered and seen of what plays: of the transport first, then of the nodes in the
    /// patch's order. It changes only with [`Steering::edition`].
    pub fn nodes(&self) -> Vec<SteerableNode> {
        let state = self.lock();
        let nodes = state.nodes.iter().map(|target| {
            let node = &target.node;
            let mut steerable = SteerableNode::new(&node.id, &node.descriptor);
            // As they are in this patch, with their dimensions.
            for (port, port_type) in steerable.outputs.iter_mut().zip(&node.outputs) {
                port.port_type = port_type.clone();
            }
            steerable
        });
        std::iter::once(SteerableNode::new(TRANSPORT, &DECLARED))
            .chain(nodes)
            .collect()
    }

    /// How often another patch has begun to play, so that whoever remembers [`Steering::nodes`]
    /// sees when they are others.
    pub fn edition(&self) -> u64 {
        self.lock().edition
    }

    /// Takes in what is reported of the clock that the patch follows. While a hand holds the tempo
    /// it is only remembered.
    pub fn follow(&self, report: ClockReport) {
        self.lock().hear_clock(report);
    }

    /// Somebody taps the beat now. From the second tap on, the hand holds the tempo, and the music
    /// comes to the beats that are tapped. Returns the tempo, in quarter notes a minute.
    pub fn tap_beat(&self) -> Option<f64> {
        let now = self.lock().clock.now();
        self.tap_beat_at(now)
    }

    /// As [`Steering::tap_beat`], for a tap whose time on the run's clock is known.
    pub fn tap_beat_at(&self, time: Time) -> Option<f64> {
        self.lock().tap_beat(time)
    }

    /// How the clock that the patch follows is doing; `None`: it follows none.
    pub fn clock_status(&self) -> Option<ClockStatus> {
        let state = self.lock();
        let (now, overridden) = (state.clock.now(), state.hand_leads());
        state.following.status(&state.transport, now, overridden)
    }

    /// The quarter notes that have passed since the run began, or on the clock that it follows, and
    /// the bar that plays, from 0.
    pub fn beat(&self) -> (f64, u64) {
        let state = self.lock();
        let beat = state.transport.position(state.clock.now()) + state.following.shift();
        let beat = beat.max(0.0);
        let per_bar = state.transport.sixteenths_per_bar() as f64 / 4.0;
        (beat, (beat / per_bar) as u64)
    }

    /// From which of the run's positions on, in quarter notes, and by how many of them the clock that
    /// it follows is ahead of it.
    pub fn clock_shift(&self) -> (f64, f64) {
        let state = self.lock();
        (state.following.shifted_from(), state.following.shift())
    }

    /// What hands hold, by node and parameter.
    pub fn held(&self) -> Vec<(String, String, Value)> {
        let state = self.lock();
        let held = state.hands.iter();
        held.map(|((node, param), value)| (node.clone(), param.clone(), value.clone()))
            .collect()
    }

    /// The transport that plays.
    pub fn transport(&self) -> Transport {
        self.lock().transport.clone()
    }

    /// Looks at what the output `output` of the node called `node` sends, at most `rate` times a
    /// second, for as long as the tap lives: also after the node restarts or an edit replaces it.
    ///
    /// # Errors
    /// There is no such node or output.
    pub fn tap(&self, node: &str, output: &str, rate: f64) -> Result<LiveTap, SteeringError> {
        self.lock().tap(node, output, rate)
    }

    /// Sends nodes that hung what was kept for them.
    pub(super) fn deliver_kept(&self) {
        let mut state = self.lock();
        state.keep_time();
        state.deliver();
        state.open_late_taps();
        state.tell_what_is_unrecorded();
    }

    /// What a patch's transport becomes: see [`SteeringState::transport_of`].
    pub(super) fn transport_of(&self, text: &Transport, is_first: bool) -> Transport {
        self.lock().transport_of(text, is_first)
    }

    /// What plays is another patch. Nodes that have begun are sent what hands hold of them; whoever
    /// knows another transport than the one that holds now is sent that. All of it is one step, so
    /// that nothing is lost that hands do meanwhile.
    pub(super) fn exchange(&self, next: Exchange<'_>) {
        let Exchange {
            mut nodes,
            begun,
            built_with,
            text,
            presets,
            show,
            is_first,
        } = next;
        let mut state = self.lock();
        state.edition += 1;
        let released = state.release_unfit(&nodes);
        state.open_taps(&nodes);
        state.following.follow(text.follow.as_ref());
        let now = match is_first {
            true => Time::ZERO,
            false => state.clock.now(),
        };
        let transport = state.transport_of(text, is_first);
        let transport = state.led(transport, now);
        let known = std::mem::replace(&mut state.transport, transport);
        let late: Vec<String> = (state.nodes.iter())
            .filter(|target| target.is_to_retime)
            .map(|target| target.node.id.clone())
            .collect();
        for target in &mut nodes {
            let mut playing = state.nodes.iter();
            let stays = playing.find(|old| old.commands.same_channel(&target.commands));
            target.unrecorded = stays.map_or(0, |old| old.unrecorded);
        }
        state.nodes = nodes;
        state.have_conductor(&self.state);
        // Whoever begins is sent all that is held of it, as it fits it.
        state.outbox.retain(|(id, _)| !begun.contains(id));
        state.presets = presets;
        state.take_over_show(show);
        state.text = transport_params::values(text);
        let (transport, told) = (&state.transport, Arc::new(state.transport.clone()));
        for target in &state.nodes {
            let id = &target.node.id;
            let begins = begun.contains(id);
            let known = if begins { built_with } else { &known };
            if known != transport || late.contains(id) {
                let _ = target.commands.send(Command::Retime(told.clone()));
            }
            let hands = if begins {
                state.held_of(id)
            } else {
                Vec::new()
            };
            if !hands.is_empty() {
                let _ = target.commands.send(Command::Steer(hands));
            }
        }
        let time = state.clock.now();
        for (node, param) in released {
            state.tell_recorders(&Arc::new(Steered {
                time,
                node,
                param,
                value: None,
                glide: 0.0,
                curve: Curve::Linear,
            }));
        }
    }
}

impl SteeringState {
    /// As [`Steering::tap`].
    fn tap(&mut self, node: &str, output: &str, rate: f64) -> Result<LiveTap, SteeringError> {
        let Some(target) = self.find(node) else {
            return Err(self.no_node(node));
        };
        let ports = &target.node.descriptor.outputs;
        if !ports.iter().any(|port| port.name == output) {
            let names: Vec<&str> = ports.iter().map(|port| port.name.as_ref()).collect();
            let help = did_you_mean(output, names.iter().copied()).or_else(|| {
                (!names.is_empty()).then(|| format!("its outputs: {}", names.join(", ")))
            });
            return Err(SteeringError {
                kind: SteeringErrorKind::Output,
                message: format!("`{node}` has no output `{output}`"),
                help,
            });
        }
        // All who look at one output share what its node shows it through.
        let open = self.taps.iter();
        let mut open = open.filter(|tap| tap.node == node && tap.output == output);
        if let Some(buffer) = open.find_map(|tap| tap.buffer.upgrade()) {
            return Ok(LiveTap::new(rate, buffer));
        }
        let buffer = Arc::<TapBuffer>::default();
        let mut opens = OpenTap {
            node: node.to_owned(),
            output: output.to_owned(),
            buffer: Arc::downgrade(&buffer),
            is_to_open: false,
        };
        opens.open(target);
        self.taps.retain(|tap| tap.buffer.strong_count() > 0);
        self.taps.push(opens);
        Ok(LiveTap::new(rate, buffer))
    }

    /// What a patch's transport becomes: hands lie over what its text says, and its positions go on
    /// from where the music is.
    fn transport_of(&self, text: &Transport, is_first: bool) -> Transport {
        let wanted = self.under_hands(&transport_params::values(text));
        let wanted = wanted.map_or_else(
            |_| text.clone(),
            |wanted| Transport {
                tempi: text.tempi.clone(),
                ..wanted
            },
        );
        match is_first {
            true => wanted,
            false => self.transport.going_over_to(&wanted, self.clock.now()),
        }
    }

    /// Whether a hand holds the tempo, over what a clock says.
    fn hand_leads(&self) -> bool {
        let tempo = (TRANSPORT.to_owned(), TEMPO.to_owned());
        self.hands.contains_key(&tempo)
    }

    /// A transport as the clock that is followed, or the hand that holds the tempo, has it.
    fn led(&mut self, transport: Transport, now: Time) -> Transport {
        self.brought_closer(&transport, now).unwrap_or(transport)
    }

    /// The transport as it comes closer to the clock, or to the beats that are tapped; `None`: as
    /// it is.
    fn brought_closer(&mut self, transport: &Transport, now: Time) -> Option<Transport> {
        match self.hand_leads() {
            true => self.following.overridden(transport, now),
            false => self.following.resume(transport, now),
        }
    }

    /// Takes in what is reported of the clock that is followed.
    fn hear_clock(&mut self, report: ClockReport) {
        let times = (self.clock.now(), self.clock.lead());
        let tempo = self.text.get(TEMPO).and_then(Value::as_f64);
        let tempo = tempo.unwrap_or(self.transport.tempo);
        let overridden = self.hand_leads();
        let led = (self.following).hear(report, &self.transport, times, (tempo, overridden));
        if let Some(transport) = led {
            self.play_led(transport, times.0);
        }
        if matches!(report, ClockReport::Metre(_)) {
            self.take_over_metre(times.0);
        }
    }

    /// Goes over to the metre that the clock says, unless a hand holds another, and has it recorded.
    fn take_over_metre(&mut self, now: Time) {
        let Ok(wanted) = self.under_hands(&self.text) else {
            return;
        };
        if wanted.metre == self.transport.metre {
            return;
        }
        let transport = Transport {
            metre: wanted.metre,
            ..self.transport.clone()
        };
        self.play_by(transport);
        self.tell_recorders(&Arc::new(Steered {
            time: now,
            node: TRANSPORT.to_owned(),
            param: METRE.to_owned(),
            value: Some(json!([wanted.metre.0, wanted.metre.1])),
            glide: 0.0,
            curve: Curve::Linear,
        }));
    }

    /// Comes closer to the clock, or to the beats that are tapped, where nobody has reported
    /// anything for a while.
    fn keep_time(&mut self) {
        let now = self.clock.now();
        if let Some(transport) = self.brought_closer(&self.transport.clone(), now) {
            self.play_led(transport, now);
        }
    }

    /// Goes over to the transport that a clock leads to, and has it recorded.
    fn play_led(&mut self, transport: Transport, now: Time) {
        let value = json_number(transport.tempo);
        let is_new = transport.tempo != self.transport.tempo;
        self.play_by(transport);
        if is_new {
            self.tell_recorders(&Arc::new(Steered {
                time: now,
                node: TRANSPORT.to_owned(),
                param: TEMPO.to_owned(),
                value: Some(value),
                glide: 0.0,
                curve: Curve::Linear,
            }));
        }
    }

    fn tap_beat(&mut self, time: Time) -> Option<f64> {
        let tempo = self.tapping.tap(time)?;
        // What is heard together with the tap is played so much earlier.
        let time = time - self.clock.lead();
        let metre = self.transport.metre;
        let beat = match metre.dotted_beats() {
            Some(_) => 1.5,
            None => 4.0 / f64::from(metre.1.max(1)),
        };
        let tempo = tempo * beat;
        let declared = self.declared(TRANSPORT, TEMPO).ok()?;
        declared.admits(&json_number(tempo)).ok()?;
        let here = self.transport.clock_position(time);
        let nearest = (here / beat).round() * beat;
        let value = Some(json_number(tempo));
        self.set_hand(TRANSPORT, TEMPO, value, Duration::ZERO)
            .ok()?;
        self.following.tapped(Some((time, nearest, tempo)));
        self.keep_time();
        self.deliver();
        Some(tempo)
    }

    /// What hands hold of the parameters of node `id`.
    fn held_of(&self, id: &str) -> Vec<HandChange> {
        let held = self.hands.iter().filter(|((node, _), _)| node == id);
        held.map(|((_, param), value)| HandChange {
            param: param.clone(),
            value: Some(value.clone()),
            glide: Time::ZERO,
            curve: Curve::Linear,
            begun: None,
        })
        .collect()
    }

    /// Releases what hands hold of nodes that are not among `nodes`, or of parameters that are
    /// others there. Gives what it was.
    fn release_unfit(&mut self, nodes: &[SteeredNode]) -> Vec<(String, String)> {
        let fits = |(id, param): &(String, String), value: &Value| {
            let target = nodes.iter().find(|target| target.node.id == *id);
            let descriptor = match target {
                Some(target) => &target.node.descriptor,
                None if id == TRANSPORT => &*DECLARED,
                None => return false,
            };
            let mut live = descriptor.live_params();
            let declared = live.find(|declared| declared.name == *param);
            declared.is_some_and(|param| param.admits(value).is_ok())
        };
        let unfit = (self.hands).extract_if(.., |key, value| !fits(key, value));
        unfit.map(|(key, _)| key).collect()
    }

    /// Opens taps at those of `nodes`, which are about to play, that have begun.
    fn open_taps(&mut self, nodes: &[SteeredNode]) {
        self.taps.retain(|tap| tap.buffer.strong_count() > 0);
        for tap in &mut self.taps {
            let Some(target) = nodes.iter().find(|target| target.node.id == tap.node) else {
                continue;
            };
            let mut playing = self.nodes.iter();
            // A node that stays has the tap already.
            if !playing.any(|old| old.commands.same_channel(&target.commands)) {
                tap.open(target);
            }
        }
    }

    /// Opens taps at nodes that took no message before.
    fn open_late_taps(&mut self) {
        for tap in self.taps.iter_mut().filter(|tap| tap.is_to_open) {
            match self.nodes.iter().find(|target| target.node.id == tap.node) {
                Some(target) => tap.open(target),
                None => tap.is_to_open = false,
            }
        }
    }

    fn find(&self, id: &str) -> Option<&SteeredNode> {
        self.nodes.iter().find(|target| target.node.id == id)
    }

    fn no_node(&self, id: &str) -> SteeringError {
        let ids = self.nodes.iter().map(|target| target.node.id.as_str());
        SteeringError {
            kind: SteeringErrorKind::Node,
            message: format!("no node `{id}` plays"),
            help: did_you_mean(id, ids.chain([TRANSPORT])),
        }
    }

    /// What the node called `id` declares.
    fn descriptor(&self, id: &str) -> Result<&Descriptor, SteeringError> {
        match (id, self.find(id)) {
            (TRANSPORT, _) => Ok(&DECLARED),
            (_, Some(target)) => Ok(&target.node.descriptor),
            _ => Err(self.no_node(id)),
        }
    }

    /// The live parameter `param` of the node called `id`.
    fn declared(&self, id: &str, param: &str) -> Result<&Param, SteeringError> {
        let declared = live_param(self.descriptor(id)?, id, param, "change it in the patch");
        declared.map_err(|none| SteeringError {
            kind: match none.is_fixed {
                true => SteeringErrorKind::NotLive,
                false => SteeringErrorKind::Param,
            },
            message: none.message,
            help: none.help,
        })
    }

    /// The value that `written` is for the parameter, which takes it.
    fn value_of(&self, id: &str, param: &str, written: &str) -> Result<Value, SteeringError> {
        let declared = self.declared(id, param)?;
        let value = typed_value(declared, written).map_err(|(message, help)| SteeringError {
            kind: SteeringErrorKind::Value,
            message,
            help,
        })?;
        if id == TRANSPORT {
            // What a transport cannot be is known of each of its values alone.
            let mut values = self.text.clone();
            values.insert(param.to_owned(), value.clone());
            made(&values)?;
        }
        Ok(value)
    }

    /// Has a hand hold the parameter at a value that it takes, or release it.
    fn set_hand(
        &mut self,
        id: &str,
        param: &str,
        value: Option<Value>,
        glide: Duration,
    ) -> Result<(), SteeringError> {
        let lasts = Time::from_seconds(glide.as_secs_f64());
        let way = Way {
            lasts,
            ..Way::default()
        };
        self.set_hand_on(way, (id, param), value)
    }

    /// As [`SteeringState::set_hand`], on a way of its own. What was on its way to the parameter is
    /// not any more: a knob that is touched leaves its cue.
    fn set_hand_on(
        &mut self,
        way: Way,
        (id, param): (&str, &str),
        value: Option<Value>,
    ) -> Result<(), SteeringError> {
        let key = (id.to_owned(), param.to_owned());
        self.cueing.forget(&key);
        let before = match &value {
            Some(value) => self.hands.insert(key.clone(), value.clone()),
            None => self.hands.remove(&key),
        };
        let now = self.clock.now();
        if id == TRANSPORT {
            if param == TEMPO {
                self.following.tapped(None);
            }
            match self.under_hands(&self.text) {
                Ok(wanted) => {
                    let transport = self.transport.going_over_to(&wanted, now);
                    let led = self.led(transport, now);
                    self.play_by(led);
                }
                Err(error) => {
                    // The transport cannot be such; what was before goes on.
                    match before {
                        Some(before) => self.hands.insert(key, before),
                        None => self.hands.remove(&key),
                    };
                    return Err(error);
                }
            }
        } else if self.find(id).is_some() {
            let hand = HandChange {
                param: param.to_owned(),
                value: value.clone(),
                glide: way.lasts,
                curve: way.curve,
                begun: way.begun,
            };
            match self.outbox.iter_mut().find(|(to, _)| *to == id) {
                Some((_, hands)) => {
                    hands.retain(|earlier| earlier.param != hand.param);
                    hands.push(hand);
                }
                None => self.outbox.push((id.to_owned(), vec![hand])),
            }
        }
        if self.nodes.iter().any(SteeredNode::keeps_record) {
            self.tell_recorders(&Arc::new(Steered {
                time: way.begun.unwrap_or(now),
                node: id.to_owned(),
                param: param.to_owned(),
                value,
                glide: way.lasts.seconds(),
                curve: way.curve,
            }));
        }
        Ok(())
    }

    /// Sends each node what hands have done to it: all at once, so that its thread wakes once. For
    /// a node that hangs it is kept.
    fn deliver(&mut self) {
        for (id, hands) in std::mem::take(&mut self.outbox) {
            let Some(target) = self.find(&id) else {
                continue;
            };
            if target.is_full() {
                self.outbox.push((id, hands));
            } else {
                // A node that has ended needs no telling.
                let _ = target.commands.send(Command::Steer(hands));
            }
        }
        let transport = &self.transport;
        let late = |node: &&mut SteeredNode| node.is_to_retime && !node.is_full();
        for target in self.nodes.iter_mut().filter(late) {
            target.is_to_retime = false;
            let _ = (target.commands).send(Command::Retime(Arc::new(transport.clone())));
        }
    }

    /// Tells those nodes that keep a record.
    fn tell_recorders(&mut self, steered: &Arc<Steered>) {
        let all = self.nodes.iter_mut();
        for target in all.filter(|target| target.keeps_record()) {
            if !target.is_full() {
                let _ = target.commands.send(Command::Record(steered.clone()));
                continue;
            }
            if target.unrecorded == 0 {
                tracing::warn!(node = %target.node.id, "hangs, and does not record that {}.{} was set, nor what is set until it goes on", steered.node, steered.param);
            }
            target.unrecorded += 1;
        }
    }

    /// Says how many values nodes have not recorded that hung and go on.
    fn tell_what_is_unrecorded(&mut self) {
        // Not of one that is full again in a moment.
        let goes_on = |target: &&mut SteeredNode| {
            target.unrecorded > 0 && target.commands.len() < MOST_WAITING / 2
        };
        for target in self.nodes.iter_mut().filter(goes_on) {
            let count = std::mem::take(&mut target.unrecorded);
            let values = if count == 1 { "value" } else { "values" };
            tracing::warn!(node = %target.node.id, "goes on; {count} {values} that were set meanwhile are not recorded");
        }
    }

    /// The transport of the text with what hands hold.
    fn under_hands(
        &self,
        text: &serde_json::Map<String, Value>,
    ) -> Result<Transport, SteeringError> {
        let mut values = text.clone();
        if let Some(tempo) = self.following.tempo() {
            values.insert(TEMPO.to_owned(), json_number(tempo));
        }
        if let Some(metre) = self.following.metre() {
            values.insert(METRE.to_owned(), json!([metre.0, metre.1]));
        }
        for ((node, param), value) in &self.hands {
            if node == TRANSPORT {
                values.insert(param.clone(), value.clone());
            }
        }
        made(&values)
    }

    /// Gives every node another transport.
    fn play_by(&mut self, transport: Transport) {
        self.transport = transport;
        let told = Arc::new(self.transport.clone());
        for target in &mut self.nodes {
            target.is_to_retime = target.is_full();
            if !target.is_to_retime {
                let _ = target.commands.send(Command::Retime(told.clone()));
            }
        }
    }

    fn transport_values(&self) -> NodeValues {
        let now = transport_params::values(&self.transport);
        let values = DECLARED.live_params().map(|param| {
            let name = param.name.as_ref();
            let [value, text] =
                [&now, &self.text].map(|of| of.get(name).cloned().unwrap_or_default());
            let key = (TRANSPORT.to_owned(), name.to_owned());
            let held = self.hands.get(&key);
            // The tempo that plays may differ a little, to come to the beats of the clock.
            let of_clock = match name {
                TEMPO => (self.following.tempo())
                    .map(|tempo| json_number((tempo * 100.0).round() / 100.0)),
                METRE => self.following.metre().map(|_| value.clone()),
                _ => None,
            };
            let (source, value) = match (held, of_clock) {
                (Some(held), _) => (ValueSource::Hand, held.clone()),
                (None, Some(said)) => (ValueSource::Clock, said),
                (None, None) => (ValueSource::Text, value),
            };
            ValueStatus {
                name: name.to_owned(),
                source,
                text: Some(text).filter(|text| *text != value),
                unit: param.unit.clone(),
                value,
                refused: None,
            }
        });
        NodeValues {
            id: TRANSPORT.to_owned(),
            kind: TRANSPORT.to_owned(),
            values: values.collect(),
        }
    }
}

fn no_preset(name: &str, presets: &[Preset]) -> SteeringError {
    let names: Vec<&str> = presets.iter().map(|preset| preset.name.as_str()).collect();
    let help = did_you_mean(name, names.iter().copied()).or_else(|| match names.as_slice() {
        [] => Some("write `presets: {…}` into the patch".to_owned()),
        [..] if names.len() <= MOST_NAMED => Some(format!("it has {}", names.join(", "))),
        [..] => None,
    });
    SteeringError {
        kind: SteeringErrorKind::Preset,
        message: format!("the patch that plays has no preset `{name}`"),
        help,
    }
}

/// A number as a value.
fn json_number(number: f64) -> Value {
    Value::from(number)
}

/// The transport that has these values.
fn made(values: &serde_json::Map<String, Value>) -> Result<Transport, SteeringError> {
    let made = TransportParams::of(values).map(|params| params.transport());
    let (message, help) = match made {
        Some((transport, wrong)) => match wrong.into_iter().next() {
            None => return Ok(transport),
            Some(wrong) => (wrong.message, wrong.help),
        },
        None => ("the transport cannot be read".to_owned(), None),
    };
    Err(SteeringError {
        kind: SteeringErrorKind::Value,
        message,
        help,
    })
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Receiver, unbounded};
    use serde_json::json;

    use super::super::tap::Seen;
    use super::*;
    use crate::packet::{Packet, Payload};
    use crate::port::{Control, OutputPort};
    use crate::preset::PresetValue;

    /// A node with a live gain, and what it is sent.
    fn node(id: &str) -> (SteeredNode, Receiver<Command>) {
        let mut descriptor = Descriptor::new("test", "gain", "");
        descriptor.params = ["gain", "level"]
            .map(|name| Param::number(name, (0.0, 1e6), "").live())
            .into();
        let (commands, sent) = unbounded();
        let node = SteeredNode {
            node: Arc::new(GraphNode::declared(id, descriptor)),
            commands: CommandSender::new(commands, None),
            shown: Arc::default(),
            is_to_retime: false,
            unrecorded: 0,
        };
        (node, sent)
    }

    /// A node that keeps a record, and what it is sent.
    fn recorder(id: &str) -> (SteeredNode, Receiver<Command>) {
        let mut descriptor = Descriptor::new("test", "record", "");
        descriptor.keeps_record = true;
        let (other, _) = node(id);
        let (commands, sent) = unbounded();
        let recorder = SteeredNode {
            node: Arc::new(GraphNode::declared(id, descriptor)),
            commands: CommandSender::new(commands, None),
            ..other
        };
        (recorder, sent)
    }

    /// Has these nodes play, with the transport and the presets that a patch has by itself.
    fn exchange(
        steering: &Steering,
        nodes: Vec<SteeredNode>,
        begun: &[&str],
        built_with: &Transport,
        is_first: bool,
    ) {
        let value = |node: &str, param: &str, value: Value| PresetValue {
            node: node.to_owned(),
            param: param.to_owned(),
            value,
        };
        let calm = Preset {
            name: "calm".to_owned(),
            values: vec![
                value("a", "gain", json!(3.0)),
                value("transport", "tempo", json!(96.0)),
                value("a", "level", json!(4.0)),
            ],
        };
        let begun: Vec<String> = begun.iter().map(|id| (*id).to_owned()).collect();
        steering.exchange(Exchange {
            nodes,
            begun: &begun,
            built_with,
            text: &Transport::default(),
            presets: [calm].into(),
            show: Arc::default(),
            is_first,
        });
    }

    /// A run of one node called `a`, and what that is sent.
    fn run() -> (Steering, Receiver<Command>) {
        let steering = Steering::new(Arc::new(LiveClock::standing()));
        let (node, sent) = node("a");
        let transport = Transport::default();
        exchange(&steering, vec![node], &["a"], &transport, true);
        (steering, sent)
    }

    #[test]
    fn an_edit_sends_what_hands_hold_to_nodes_that_begin_and_the_transport_to_those_that_know_another()
     {
        let (steering, sent) = run();
        let set = |node, param, value| steering.set(node, param, value, Duration::ZERO);
        set("a", "gain", json!(5)).unwrap();
        set("transport", "tempo", json!(90)).unwrap();
        assert_eq!(sent.try_iter().count(), 2);
        let (stays, _) = node("a");
        let stays = SteeredNode {
            commands: steering.lock().nodes[0].commands.clone(),
            ..stays
        };
        let (begins, begun) = node("b");
        // It was built before the tempo was set.
        let text = Transport::default();
        exchange(&steering, vec![stays, begins], &["b"], &text, false);
        assert_eq!(sent.len(), 0);
        assert!(matches!(begun.try_recv(), Ok(Command::Retime(now)) if now.tempo == 90.0));
        assert_eq!(begun.len(), 0, "nothing is held of it");
        // The other begins again, built with what holds.
        let (begins, begun) = node("a");
        let now = steering.transport();
        exchange(&steering, vec![begins], &["a"], &now, false);
        let Ok(Command::Steer(hands)) = begun.try_recv() else {
            panic!("no value")
        };
        assert_eq!((hands.len(), &hands[0].value), (1, &Some(json!(5))));
        assert_eq!(begun.len(), 0);
    }

    #[test]
    fn a_record_says_what_an_edit_released() {
        let (steering, _sent) = run();
        let set = |node, param, value| steering.set(node, param, value, Duration::ZERO);
        set("a", "gain", json!(5)).unwrap();
        set("transport", "tempo", json!(90)).unwrap();
        let (keeper, sent) = recorder("r");
        let now = steering.transport();
        exchange(&steering, vec![keeper], &["r"], &now, false);
        let Ok(Command::Record(steered)) = sent.try_recv() else {
            panic!("nothing is recorded")
        };
        assert_eq!((&*steered.node, &*steered.param), ("a", "gain"));
        assert_eq!(steered.value, None);
        assert_eq!(sent.len(), 0, "the tempo is held");
        assert_eq!(steering.held().len(), 1);
    }

    #[test]
    fn a_preset_is_recalled_in_one_step_and_one_that_is_not_there_changes_nothing() {
        let (steering, sent) = run();
        let glide = Duration::from_secs(2);
        steering.recall("calm", glide).unwrap();
        assert!(matches!(sent.try_recv(), Ok(Command::Retime(now)) if now.tempo == 96.0));
        let Ok(Command::Steer(hands)) = sent.try_recv() else {
            panic!("no value")
        };
        let hands: Vec<(&str, &Option<Value>)> = (hands.iter())
            .map(|hand| (hand.param.as_str(), &hand.value))
            .collect();
        let wanted = [("gain", &Some(json!(3.0))), ("level", &Some(json!(4.0)))];
        assert_eq!(hands, wanted);
        assert!(sent.is_empty());
        assert_eq!(steering.held().len(), 3);
        let error = steering.recall("clam", glide).unwrap_err();
        assert_eq!(error.kind, SteeringErrorKind::Preset);
        assert_eq!(error.help.as_deref(), Some("did you mean `calm`?"));
        assert!(sent.is_empty());
    }

    #[test]
    fn what_hands_do_to_a_node_that_hangs_does_not_pile_up_and_the_latest_reaches_it() {
        let (steering, sent) = run();
        for gain in 0..3_000 {
            let set = |node, param, value| steering.set(node, param, value, Duration::ZERO);
            set("a", "gain", json!(gain)).unwrap();
            set("transport", "tempo", json!(60 + gain % 100)).unwrap();
        }
        assert_eq!(sent.len(), MOST_WAITING);
        while sent.try_recv().is_ok() {}
        steering.deliver_kept();
        let Ok(Command::Steer(hands)) = sent.try_recv() else {
            panic!("no value")
        };
        assert_eq!(hands.len(), 1);
        assert_eq!(hands[0].value, Some(json!(2_999)));
        let Ok(Command::Retime(transport)) = sent.try_recv() else {
            panic!("no transport")
        };
        assert_eq!(transport.tempo, 159.0);
        assert!(sent.is_empty());
    }

    #[test]
    fn a_recorder_that_hangs_is_counted_through_an_edit_until_it_goes_on() {
        let steering = Steering::new(Arc::new(LiveClock::standing()));
        let (hangs, sent) = recorder("r");
        let commands = hangs.commands.clone();
        let transport = Transport::default();
        exchange(&steering, vec![hangs], &["r"], &transport, true);
        let set = |tempo: usize| {
            let tempo = json!(60 + tempo % 100);
            steering
                .set("transport", "tempo", tempo, Duration::ZERO)
                .unwrap();
        };
        // Each is a record, and a transport as well.
        (0..MOST_WAITING).for_each(set);
        let missed = steering.lock().nodes[0].unrecorded;
        assert_eq!(missed as usize, MOST_WAITING / 2);
        steering.deliver_kept();
        assert_eq!(
            steering.lock().nodes[0].unrecorded,
            missed,
            "it hangs still"
        );
        let (stays, _) = recorder("r");
        let stays = SteeredNode { commands, ..stays };
        exchange(&steering, vec![stays], &[], &steering.transport(), false);
        assert_eq!(steering.lock().nodes[0].unrecorded, missed);
        while sent.try_recv().is_ok() {}
        steering.deliver_kept();
        assert_eq!(steering.lock().nodes[0].unrecorded, 0);
    }

    #[test]
    fn what_was_kept_for_a_node_that_hung_is_not_sent_to_the_one_that_replaces_it() {
        let (steering, _sent) = run();
        let set = |value| steering.set("a", "gain", json!(value), Duration::ZERO);
        (0..=MOST_WAITING).for_each(|gain| set(gain).unwrap());
        assert_eq!(steering.lock().outbox.len(), 1);
        // Its gain goes only so far in the new patch.
        let mut descriptor = Descriptor::new("test", "gain", "");
        descriptor.params = vec![Param::number("gain", (0.0, 1.0), "").live()];
        let (other, sent) = node("a");
        let narrow = SteeredNode {
            node: Arc::new(GraphNode::declared("a", descriptor)),
            ..other
        };
        let transport = Transport::default();
        exchange(&steering, vec![narrow], &["a"], &transport, false);
        steering.deliver_kept();
        assert!(steering.held().is_empty());
        assert_eq!(sent.len(), 0);
    }

    /// A run of a node with an output, and what the node is sent.
    fn run_with_an_output() -> (Steering, Receiver<Command>) {
        let steering = Steering::new(Arc::new(LiveClock::standing()));
        let out = OutputPort::<Control>::new(0, "out", "");
        let mut descriptor = Descriptor::new("test", "talker", "").output(out);
        descriptor.params = vec![Param::number("gain", (0.0, 1e6), "").live()];
        let (other, sent) = node("a");
        let talker = SteeredNode {
            node: Arc::new(GraphNode::declared("a", descriptor)),
            ..other
        };
        exchange(&steering, vec![talker], &["a"], &Transport::default(), true);
        (steering, sent)
    }

    #[test]
    fn those_who_look_at_one_output_share_its_tap() {
        let (steering, sent) = run_with_an_output();
        let mut looking: Vec<LiveTap> = (0..100)
            .map(|_| steering.tap("a", "out", 1_000.0).unwrap())
            .collect();
        assert_eq!(sent.len(), 1);
        let Ok(Command::Tap(0, buffer)) = sent.try_recv() else {
            panic!("no tap")
        };
        buffer.upgrade().unwrap().show(&Packet {
            time: Time::ZERO,
            captured: std::time::Instant::now(),
            payload: Payload::Control(0.5),
        });
        for tap in &mut looking {
            assert_eq!(tap.look(1), Some(Seen::Control(0.5)));
        }
        assert_eq!(steering.lock().taps.len(), 1);
        drop(looking);
        assert_eq!(buffer.strong_count(), 0);
    }

    #[test]
    fn taps_at_a_node_that_hangs_do_not_pile_up_and_the_last_opens_when_it_goes_on() {
        let (steering, sent) = run_with_an_output();
        for _ in 0..2 * MOST_WAITING {
            drop(steering.tap("a", "out", 1.0).unwrap());
        }
        let tap = steering.tap("a", "out", 1.0).unwrap();
        assert_eq!(sent.len(), MOST_WAITING);
        while sent.try_recv().is_ok() {}
        steering.deliver_kept();
        let Ok(Command::Tap(0, buffer)) = sent.try_recv() else {
            panic!("no tap")
        };
        assert_eq!(buffer.strong_count(), 1);
        drop(tap);
        assert!(sent.is_empty());
    }
}
