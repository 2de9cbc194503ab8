//! Plays one node on the loop of a live run, with a clock of the test's own: time moves on only
//! when the loop has nothing due, so that packets come when the test says and no result depends on
//! how fast the machine is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Select, Sender, unbounded};
use serde_json::Value;

use super::{Feed, Outputs};
use crate::clock::LiveClock;
use crate::counters::Counters;
use crate::curve::Curve;
use crate::error::NodeError;
use crate::graph::GraphNode;
use crate::live::{Command, HandChange, Pause, Rewired, rehearse};
use crate::node::Settings;
use crate::packet::Packet;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::run_error::RunError;
use crate::steering::Values;
use crate::thread::Worker;
use crate::time::Time;
use crate::transport::Transport;
use crate::wire::{Received, Signal, WireReceiver, WireSender, wire};

/// A node that asks to be called so often at one time will never let the clock go on.
const MOST_CALLS: usize = 10_000;

/// How many packets an output holds before they are collected.
const OUTPUT_CAPACITY: usize = 64;

/// A live parameter's new value, and when it is set.
pub(super) struct Setting {
    pub(super) at: Time,
    pub(super) name: String,
    pub(super) value: Value,
}

/// Plays `node` from the time that is given, until all its inputs have ended or to the end that is
/// given.
pub(super) fn play(
    node: GraphNode,
    feeds: &[Feed],
    (settings, retimings): (Vec<Setting>, Vec<(Time, Transport)>),
    (begins, until): (Time, Option<Time>),
    transport: &Transport,
    folders: &Settings,
) -> Result<Outputs, NodeError> {
    if feeds.is_empty() && until.is_none() {
        let why = "nothing is fed, so that nothing tells when the node ends";
        return Err(NodeError::internal(why).help("`.until(time)`"));
    }
    let node = Arc::new(node);
    let clock = Arc::new(LiveClock::standing());
    clock.move_to(begins);
    let (commands, told) = unbounded();
    let (mut stage, wires) = Stage::new(&node, feeds, settings, clock.clone(), commands);
    stage.will_go_over(transport, retimings);
    stage.until = until;
    let stage = Arc::new(Mutex::new(stage));
    lock(&stage).deliver();
    let counters = Arc::<Counters>::default();
    let worker = Worker {
        values: Values::new(&node.descriptor, &node.values),
        node,
        transport: transport.clone(),
        settings: folders.clone(),
        progress: Arc::new(Progress::default()),
        counters: counters.clone(),
        clock: Some(clock.clone()),
        with_run: begins <= Time::ZERO,
    };
    let pause = Box::new(Waits(stage.clone()));
    rehearse(worker, clock, wires, told, pause).map_err(|failure| {
        let internal = |other: RunError| NodeError::internal(other.to_string());
        failure.into_node_error().unwrap_or_else(internal)
    })?;
    let mut stage = lock(&stage);
    if let Some(refused) = stage.refused.take() {
        return Err(refused);
    }
    stage.collect();
    let mut outputs = std::mem::take(&mut stage.collected);
    outputs.counters = counters.read();
    Ok(outputs)
}

fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A wire into the node, and what is yet to come along it.
struct FedWire {
    /// Where packets are sent into; `None`: the wire has ended.
    sender: Option<WireSender>,
    /// With the clock's time at which each comes.
    coming: VecDeque<(Time, Packet)>,
    end: Time,
}

impl FedWire {
    /// When something comes or the wire ends.
    fn next(&self) -> Option<Time> {
        let next = self.coming.front().map_or(self.end, |(at, _)| *at);
        self.sender.is_some().then_some(next)
    }

    /// Lets in what has come by `now`.
    fn deliver(&mut self, now: Time) {
        while self.coming.front().is_some_and(|(at, _)| *at <= now)
            && let Some((_, packet)) = self.coming.pop_front()
        {
            if let Some(sender) = &mut self.sender {
                // It holds all that is fed.
                let _ = sender.try_send(Signal::Packet(packet));
            }
        }
        if self.coming.is_empty()
            && self.end <= now
            && let Some(sender) = self.sender.take()
        {
            sender.end(self.end);
        }
    }
}

/// What surrounds the node: what comes, what was sent, and the time.
struct Stage {
    clock: Arc<LiveClock>,
    commands: Sender<Command>,
    fed: Vec<FedWire>,
    settings: VecDeque<Setting>,
    /// Transports that the run goes over to, each as it is once the run has.
    retimings: VecDeque<(Time, Transport)>,
    /// When the node is told to end.
    until: Option<Time>,
    exits: Vec<(String, WireReceiver)>,
    collected: Outputs,
    /// Calls since the clock moved.
    calls: usize,
    /// Why the node did not take a value.
    refused: Option<NodeError>,
}

impl Stage {
    fn new(
        node: &Arc<GraphNode>,
        feeds: &[Feed],
        mut settings: Vec<Setting>,
        clock: Arc<LiveClock>,
        commands: Sender<Command>,
    ) -> (Self, Rewired) {
        let mut wires = Rewired::default();
        let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
        let mut fed = Vec::new();
        for feed in feeds {
            let mut inputs = node.descriptor.inputs.iter();
            let input = inputs.position(|port| port.name == feed.input);
            let input = input.unwrap_or_default();
            let number = numbers.entry(input).or_default();
            let room = Policy::Block(feed.packets.len());
            let (sender, receiver) = wire(feed.input.clone(), room);
            wires.inputs.push(((input, *number), receiver));
            *number += 1;
            let coming = feed.packets.iter().map(|arrival| {
                let packet = Packet {
                    time: arrival.time,
                    captured: Instant::now(),
                    payload: arrival.payload.clone(),
                };
                (arrival.at, packet)
            });
            fed.push(FedWire {
                sender: Some(sender),
                coming: coming.collect(),
                end: feed.end,
            });
        }
        let mut exits = Vec::new();
        for (output, port) in node.descriptor.outputs.iter().enumerate() {
            let name = port.name.to_string();
            let (sender, receiver) = wire(name.clone(), Policy::Block(OUTPUT_CAPACITY));
            wires.outputs.push((output, sender));
            exits.push((name, receiver));
        }
        settings.sort_by_key(|setting| setting.at);
        let stage = Stage {
            clock,
            commands,
            fed,
            settings: settings.into(),
            retimings: VecDeque::new(),
            until: None,
            exits,
            collected: Outputs::default(),
            calls: 0,
            refused: None,
        };
        (stage, wires)
    }

    /// The run goes over to these transports at these times, from `first`.
    fn will_go_over(&mut self, first: &Transport, mut retimings: Vec<(Time, Transport)>) {
        retimings.sort_by_key(|(at, _)| *at);
        let mut transport = first.clone();
        for (at, wanted) in retimings {
            transport = transport.going_over_to(&wanted, at);
            self.retimings.push_back((at, transport.clone()));
        }
    }

    /// Lets in what has come by now.
    fn deliver(&mut self) {
        let now = self.clock.now();
        for wire in &mut self.fed {
            wire.deliver(now);
        }
        while self
            .settings
            .front()
            .is_some_and(|setting| setting.at <= now)
            && let Some(setting) = self.settings.pop_front()
        {
            // A node that has ended takes no more values.
            let _ = self.commands.send(Command::Steer(vec![HandChange {
                param: setting.name,
                value: Some(setting.value),
                glide: Time::ZERO,
                curve: Curve::Linear,
                begun: None,
            }]));
        }
        while self.retimings.front().is_some_and(|(at, _)| *at <= now)
            && let Some((_, transport)) = self.retimings.pop_front()
        {
            let _ = self.commands.send(Command::Retime(Arc::new(transport)));
        }
        if self.until.take_if(|end| *end <= now).is_some() {
            let _ = self.commands.send(Command::Finish);
        }
    }

    /// Takes what the node has sent.
    fn collect(&mut self) {
        let now = self.clock.now();
        for (name, exit) in &mut self.exits {
            loop {
                let port = self.collected.ports.entry(name.clone()).or_default();
                match exit.try_receive() {
                    Received::Signal(Signal::Packet(packet)) => {
                        port.0.push(packet);
                        let sent = self.collected.sent.entry(name.clone()).or_default();
                        sent.push(now);
                    }
                    Received::Signal(_) => {}
                    Received::Ended(end) => {
                        port.1 = Some(end);
                        break;
                    }
                    Received::Empty | Received::Broken => break,
                }
            }
        }
    }

    /// Moves the clock to what comes next, at the latest to `until`, and lets it in.
    fn go_on(&mut self, until: Option<Time>) {
        let comes = self.fed.iter().filter_map(FedWire::next).min();
        let setting = self.settings.front().map(|setting| setting.at);
        let retiming = self.retimings.front().map(|(at, _)| *at);
        let next = [comes, setting, retiming, self.until, until];
        let next = next.into_iter().flatten().min();
        if let Some(next) = next.filter(|next| *next > self.clock.now()) {
            self.clock.move_to(next);
            self.calls = 0;
        }
        self.deliver();
    }
}

/// The loop's way to wait: it lets the stage go on.
struct Waits(Arc<Mutex<Stage>>);

impl Pause for Waits {
    fn until_due(
        &mut self,
        _select: &mut Select<'_>,
        until: Option<Time>,
        _longest: Duration,
    ) -> bool {
        let mut stage = lock(&self.0);
        stage.collect();
        stage.go_on(until);
        false
    }

    fn until_room(&mut self, _select: &mut Select<'_>, _longest: Duration) -> Option<usize> {
        lock(&self.0).collect();
        None
    }

    fn before_call(&mut self) -> Result<(), NodeError> {
        let mut stage = lock(&self.0);
        if let Some(refused) = stage.refused.take() {
            return Err(refused);
        }
        stage.calls += 1;
        if stage.calls > MOST_CALLS {
            let now = stage.clock.now();
            return Err(NodeError::internal(format!(
                "the node asks to be called at {now} for ever"
            )));
        }
        Ok(())
    }

    fn refused(&mut self, error: NodeError) {
        lock(&self.0).refused = Some(error);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::error::NodeError;
    use crate::harness::Harness;
    use crate::io::Io;
    use crate::node::{Build, Flow, Node, Processor};
    use crate::packet::Payload;
    use crate::{Control, Descriptor, InputPort, OutputPort, Params, PortType, Time, Transport};

    const HEARD: InputPort<Control> = InputPort::new(0, "in", "");
    const SAID: OutputPort<Control> = OutputPort::new(0, "out", "");

    /// Says `often` times what it is set to with each packet, and half a second after each.
    #[derive(Clone, Params)]
    struct Parrot {
        #[param(live, range = 0.0..=9.0, default = 0.0)]
        word: f64,
        #[param(range = 0..=1000, default = 1)]
        often: u32,
        #[param(default = false)]
        insists: bool,
    }

    impl Node for Parrot {
        fn descriptor() -> Descriptor {
            Descriptor::of::<Self>("test", "parrot", "")
                .input(HEARD)
                .output(SAID)
        }

        fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
            Ok(Box::new(Parroting))
        }
    }

    struct Parroting;

    impl Processor<Parrot> for Parroting {
        fn process(&mut self, params: &Parrot, io: &mut Io<'_>) -> Result<Flow, NodeError> {
            if params.insists {
                return Ok(Flow::WakeAt(io.now()));
            }
            let came = io.take().is_some();
            for _ in 0..params.often {
                io.send(SAID, io.now(), params.word as f32)?;
            }
            Ok(match came {
                true => Flow::WakeAt(io.now() + at(0.5)),
                false => Flow::Continue,
            })
        }

        fn changed(&mut self, params: &Parrot, _transport: &Transport) -> Result<(), NodeError> {
            match params.word {
                9.0 => Err(NodeError::input("no parrot says 9")),
                _ => Ok(()),
            }
        }
    }

    fn at(seconds: f64) -> Time {
        Time::from_seconds(seconds)
    }

    fn parrot(params: serde_json::Value) -> Harness<Parrot> {
        let packets = vec![(at(1.0), Payload::Control(0.0))];
        Harness::new(params).feed("in", PortType::Control, packets, at(2.0))
    }

    #[test]
    fn the_clock_goes_from_one_thing_that_happens_to_the_next() {
        let played = parrot(json!({})).set_live(at(1.0), "word", 4.0).play_live();
        let played = played.unwrap();
        // Live, a node is called at its start too.
        assert_eq!(played.sent("out"), [at(0.0), at(1.0), at(1.5)]);
        let said = played.packets("out").iter();
        let said: Vec<f32> = said.map(|packet| *packet.control().unwrap()).collect();
        assert_eq!(said, [0.0, 4.0, 4.0]);
        assert_eq!(played.end("out"), Some(at(2.0)));
    }

    #[test]
    fn a_new_value_calls_a_node_that_waits_for_later() {
        let played = parrot(json!({})).set_live(at(1.2), "word", 4.0).play_live();
        let sent = played.unwrap().sent("out").to_vec();
        assert_eq!(sent, [at(0.0), at(1.0), at(1.2)]);
    }

    #[test]
    fn more_than_a_wire_holds_is_collected_at_its_time() {
        let played = parrot(json!({ "often": 1000 })).play_live().unwrap();
        assert_eq!(played.packets("out").len(), 3_000);
        assert_eq!(played.sent("out")[999..1_001], [at(0.0), at(1.0)]);
    }

    #[test]
    fn a_node_that_never_lets_the_clock_go_on_is_an_error() {
        let error = parrot(json!({ "insists": true })).play_live().unwrap_err();
        assert!(error.to_string().contains("for ever"), "{error}");
    }

    #[test]
    fn a_value_that_the_node_does_not_take_is_an_error() {
        let played = parrot(json!({})).set_live(at(0.5), "word", 9.0).play_live();
        let error = played.unwrap_err().to_string();
        assert!(error.contains("no parrot"), "{error}");
    }
}
