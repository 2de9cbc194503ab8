//! A live node's inputs and outputs: takes packets as they come, waits by the clock, and is rewired
//! while it runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, Sender};
use serde_json::Value;

use super::gauges::Gauges;
use super::input::LiveInput;
use super::outlet::{Outlet, Sent};
use super::pause::Pause;
use super::tap::TapBuffer;
use crate::clock::LiveClock;
use crate::curve::Curve;
use crate::error::NodeError;
use crate::graph::GraphNode;
use crate::io::{Host, Input};
use crate::packet::{Packet, Payload};
use crate::param::Span;
use crate::revision::Revision;
use crate::steered::Steered;
use crate::steering::Values;
use crate::thread::latest_end;
use crate::time::Time;
use crate::transport::Transport;
use crate::watermark::Watermark;
use crate::wire::{Received, Refused, Signal, WireReceiver, WireSender};

/// How long a node waits at most before it looks whether anything has changed.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The same for a node that ends as soon as nobody reads what it sends.
const POLL_INTERVAL_WHEN_RETIRED: Duration = Duration::from_millis(10);

/// How long a node that shares its thread waits for room before it looks by itself.
const POLL_INTERVAL_WHEN_FULL: Duration = Duration::from_millis(20);

/// What a run sends to a live node's thread.
pub(crate) enum Command {
    /// The node as the patch has it now.
    Text(Arc<GraphNode>),
    /// Hands set or released parameters.
    Steer(Vec<HandChange>),
    /// Another transport holds from now on.
    Retime(Arc<Transport>),
    /// A tap shows what leaves this output.
    Tap(usize, Weak<TapBuffer>),
    /// A hand has set a value of any node: for a node that keeps a record.
    Record(Arc<Steered>),
    /// Inputs read from other wires, outputs feed further ones.
    Rewire(Rewired),
    /// This revision of the patch plays now.
    Tell(Arc<Revision>),
    /// End once nobody reads any more.
    Retire,
    /// A source ends, as if what it reads had ended.
    Drain,
    /// End now: finish, and put results in their places.
    Finish,
}

/// Sends commands to a node.
#[derive(Clone)]
pub(super) struct CommandSender {
    commands: Sender<Command>,
    /// Of a node that does not wait at the channel, because its thread looks after many.
    waker: Option<Waker>,
}

impl CommandSender {
    /// Sends along `commands`, and wakes a node that has a `waker`.
    pub(super) fn new(commands: Sender<Command>, waker: Option<Waker>) -> Self {
        CommandSender { commands, waker }
    }

    /// Sends; `false`: the node has ended, and needs no commands.
    pub(super) fn send(&self, command: Command) -> bool {
        let is_sent = self.commands.send(command).is_ok();
        self.wake();
        is_sent
    }

    /// Has the node look whether something has changed.
    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// How many commands wait.
    pub(super) fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether both send to the same node.
    pub(super) fn same_channel(&self, other: &CommandSender) -> bool {
        self.commands.same_channel(&other.commands)
    }
}

/// What a hand does to a parameter: sets it, or releases it.
pub(crate) struct HandChange {
    pub(crate) param: String,
    /// `None`: it is released.
    pub(crate) value: Option<Value>,
    /// How long the value takes to get there.
    pub(crate) glide: Time,
    /// How fast it goes on the way.
    pub(crate) curve: Curve,
    /// When it has set off; `None`: it does when the node receives this.
    pub(crate) begun: Option<Time>,
}

/// What the node's own code must receive.
pub(super) enum News {
    Text(Arc<GraphNode>),
    Steer(Vec<HandChange>),
    Retime(Arc<Transport>),
    Record(Arc<Steered>),
    Revision(Arc<Revision>),
    /// A wire leads into the parameter of this number, and stands for this.
    Wired(usize, Option<Span>),
    /// No wire leads into the parameter of this number any more.
    Unwired(usize),
}

/// The new wires of one node.
#[derive(Default)]
pub(crate) struct Rewired {
    /// By input, and number among the wires into it.
    pub(crate) inputs: Vec<((usize, usize), WireReceiver)>,
    /// Into parameters.
    pub(crate) values: Vec<ValueWire>,
    /// Parameters that no wire leads into any more, by their numbers.
    pub(crate) unwired: Vec<usize>,
    /// By output.
    pub(crate) outputs: Vec<(usize, WireSender)>,
}

/// A wire into a parameter.
pub(crate) struct ValueWire {
    /// The parameter's number.
    pub(crate) number: usize,
    /// What its 0 to 1 stand for.
    pub(crate) span: Option<Span>,
    pub(crate) receiver: WireReceiver,
}

/// Whether and how the node shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    No,
    WhenNobodyReads,
    WhenInputsEnd,
    Now,
}

/// The ports of one live node.
pub(super) struct LivePorts {
    inputs: Vec<LiveInput>,
    values: Vec<ValueWire>,
    outputs: Vec<Vec<Outlet>>,
    /// Open taps, each with the number of its output.
    taps: Vec<(usize, Weak<TapBuffer>)>,
    surroundings: Surroundings,
    /// News that came while the node was at work.
    postponed: Vec<News>,
    /// Whether the node's last call has looked for another packet, and there was none.
    is_drained: bool,
    ending: Ending,
    end: Option<Time>,
}

/// What the ports of a live node share with the rest of the run.
pub(super) struct Surroundings {
    pub(super) commands: Receiver<Command>,
    pub(super) clock: Arc<LiveClock>,
    pub(super) gauges: Arc<Gauges>,
    pub(super) stop: Arc<AtomicBool>,
    /// How long sound takes from one wire to another, in seconds.
    pub(super) fade: f64,
    /// How a source that does not look at the clock is held back.
    pub(super) pace: Option<Pace>,
    /// How the node's thread waits.
    pub(super) pause: Box<dyn Pause>,
    /// Wakes a node that shares its thread with others, which must not wait for it; `None`: its
    /// thread is its own.
    pub(super) waker: Option<Waker>,
}

/// How packets of a source are held back whose times count from its own start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Blocks of sound begin at multiples of this many frames, at this rate.
    block: u64,
    rate: u32,
    /// Where the source's time begins, once it has sent.
    origin: Option<Time>,
}

impl Pace {
    /// Of a node of a run with such sound; `None`: it looks at the clock itself.
    pub(super) fn of(node: &GraphNode, transport: &Transport) -> Option<Self> {
        node.descriptor.paced.then(|| Pace {
            block: u64::from(transport.block.max(1)),
            rate: transport.sample_rate,
            origin: None,
        })
    }

    /// The time that belongs to the source's `time`; its start is put on the grid of sound blocks.
    fn place(&mut self, time: Time, now: Time) -> Time {
        let origin = *self.origin.get_or_insert_with(|| {
            let blocks = now.to_samples(self.rate).div_ceil(self.block);
            Time::from_samples(blocks * self.block, self.rate)
        });
        origin + time
    }
}

impl LivePorts {
    /// The ports of `node` with these wires.
    pub(super) fn new(node: &GraphNode, wires: Rewired, surroundings: Surroundings) -> Self {
        let mut inputs: Vec<LiveInput> = wires
            .inputs
            .into_iter()
            .map(|((input, number), receiver)| LiveInput::new(input, number, receiver))
            .collect();
        inputs.sort_by_key(LiveInput::place);
        let mut outputs: Vec<Vec<Outlet>> =
            node.descriptor.outputs.iter().map(|_| Vec::new()).collect();
        for (output, sender) in wires.outputs {
            outputs[output].push(Outlet::new(sender));
        }
        LivePorts {
            inputs,
            values: wires.values,
            outputs,
            taps: Vec::new(),
            surroundings,
            postponed: Vec::new(),
            is_drained: false,
            ending: Ending::No,
            end: None,
        }
    }

    /// How the node's thread waits.
    pub(super) fn pause(&mut self) -> &mut dyn Pause {
        &mut *self.surroundings.pause
    }

    /// Whether nothing comes in: it is a source, or its inputs are not wired.
    fn has_no_inputs(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Takes the run's commands; gives what the node's own code must receive.
    pub(super) fn obey(&mut self) -> Vec<News> {
        self.hear();
        std::mem::take(&mut self.postponed)
    }

    /// Takes the run's commands. What is for the node's own code waits until that has returned.
    fn hear(&mut self) {
        while let Ok(command) = self.surroundings.commands.try_recv() {
            match command {
                Command::Text(node) => self.postponed.push(News::Text(node)),
                Command::Steer(hands) => self.postponed.push(News::Steer(hands)),
                Command::Retime(transport) => self.postponed.push(News::Retime(transport)),
                Command::Record(steered) => self.postponed.push(News::Record(steered)),
                Command::Tell(revision) => self.postponed.push(News::Revision(revision)),
                Command::Tap(output, buffer) => self.open_tap(output, buffer),
                Command::Rewire(rewired) => self.rewire(rewired),
                Command::Retire => self.end_by(Ending::WhenNobodyReads),
                Command::Drain => self.end_by(Ending::WhenInputsEnd),
                Command::Finish => self.end_by(Ending::Now),
            }
        }
    }

    fn rewire(&mut self, rewired: Rewired) {
        let now = self.surroundings.clock.now();
        for (place, receiver) in rewired.inputs {
            if let Some(input) = self.inputs.iter_mut().find(|input| input.place() == place) {
                input.exchange(receiver, now, self.surroundings.fade);
            }
        }
        for number in rewired.unwired {
            self.values.retain(|wire| wire.number != number);
            self.postponed.push(News::Unwired(number));
        }
        for wire in rewired.values {
            self.values.retain(|old| old.number != wire.number);
            self.postponed.push(News::Wired(wire.number, wire.span));
            self.values.push(wire);
        }
        for (port, sender) in rewired.outputs {
            if let Some(wires) = self.outputs.get_mut(port) {
                wires.push(Outlet::new(sender));
            }
        }
    }

    /// Of a node that sends nothing, taps that are gone are noticed only here.
    fn open_tap(&mut self, output: usize, buffer: Weak<TapBuffer>) {
        self.taps.retain(|(_, open)| open.strong_count() > 0);
        self.taps.push((output, buffer));
    }

    /// Shows a packet to the taps on its output.
    fn show(&mut self, port: usize, packet: &Packet) {
        self.taps.retain(|(output, buffer)| match buffer.upgrade() {
            Some(buffer) => {
                if *output == port {
                    buffer.show(packet);
                }
                true
            }
            None => false,
        });
    }

    /// Takes what came along wires into parameters: of each the latest value.
    pub(super) fn hear_values(&mut self, values: &mut Values) {
        self.values.retain_mut(|wire| {
            let mut said = None;
            let goes_on = loop {
                match wire.receiver.try_receive() {
                    Received::Signal(Signal::Packet(packet)) => {
                        said = packet.control().ok().copied().or(said);
                    }
                    Received::Signal(Signal::Watermark(_) | Signal::Lost) => {}
                    Received::Empty => break true,
                    // What was said last holds until the patch has another wire there, or none.
                    Received::Ended(_) | Received::Broken => break false,
                }
            };
            if let Some(place) = said {
                values.hear(wire.number, f64::from(place));
            }
            goes_on
        });
    }

    fn end_by(&mut self, ending: Ending) {
        self.ending = self.ending.max(ending);
    }

    /// Whether the node has come to its end.
    pub(super) fn is_over(&mut self) -> bool {
        self.refill();
        let ends = match self.ending {
            Ending::No => false,
            Ending::WhenNobodyReads => self.nobody_reads(),
            Ending::WhenInputsEnd => self.has_no_inputs(),
            Ending::Now => true,
        };
        if ends {
            // What is left to take are the ends of notes.
            let now = self.surroundings.clock.now();
            self.inputs.iter_mut().for_each(|input| input.close(now));
        }
        if self.has_no_inputs() {
            ends
        } else {
            self.inputs.iter().all(|input| input.end().is_some())
        }
    }

    fn nobody_reads(&self) -> bool {
        let mut wires = self.outputs.iter().flatten();
        wires.all(|outlet| outlet.wire.shared.reader_gone())
    }

    /// Whether a packet may be taken of those that [`LivePorts::is_over`] has found.
    pub(super) fn is_due(&self) -> bool {
        self.next_input().is_some()
    }

    /// Whether the node's last call has left nothing that it would be called for again at once:
    /// whatever comes from now on ends its [wait](LivePorts::wait).
    pub(super) fn has_done_all(&self) -> bool {
        (self.is_drained || self.has_no_inputs())
            && self.ending == Ending::No
            && self.postponed.is_empty()
            && self.inputs.iter().all(|input| input.end().is_none())
    }

    /// The node is about to be called.
    ///
    /// # Errors
    /// It shall not go on.
    pub(super) fn before_call(&mut self) -> Result<(), NodeError> {
        self.is_drained = false;
        self.surroundings.pause.before_call()
    }

    /// Looks for packets; gives the time at which it did.
    fn refill(&mut self) -> Time {
        let now = self.surroundings.clock.now();
        for input in &mut self.inputs {
            input.refill(now);
        }
        now
    }

    /// The input with the earliest packet of those that have come: a late branch must not hold the
    /// others up.
    fn next_input(&self) -> Option<usize> {
        (0..self.inputs.len())
            .filter_map(|index| Some((self.inputs[index].head()?.time, index)))
            .min()
            .map(|(_, index)| index)
    }

    /// When something is due though nothing comes, at the latest at `until`.
    fn due(&self, until: Option<Time>) -> Option<Time> {
        let patience = self.inputs.iter().filter_map(LiveInput::patience_ends);
        patience.chain(until).min()
    }

    /// As [`LivePorts::wait`], for a node that shares its thread: when it is to be looked after
    /// unless it is woken before.
    pub(super) fn looks_at(&self, until: Option<Time>) -> Option<Time> {
        let in_a_while = |is_so: bool, interval: Duration| {
            let nanos = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX);
            is_so.then(|| self.surroundings.clock.now() + Time::from_nanos(nanos))
        };
        let is_retired = self.ending == Ending::WhenNobodyReads;
        let retired = in_a_while(is_retired, POLL_INTERVAL_WHEN_RETIRED);
        // Whatever is due, it is not called before there is room.
        let full = in_a_while(self.is_full(), POLL_INTERVAL_WHEN_FULL);
        let due = full.or(self.due(until));
        due.into_iter().chain(retired).min()
    }

    /// Waits until something arrives, the clock has come to `until`, or a command comes.
    pub(super) fn wait(&mut self, until: Option<Time>) {
        let longest = match self.ending {
            Ending::WhenNobodyReads => POLL_INTERVAL_WHEN_RETIRED,
            _ => POLL_INTERVAL,
        };
        let until = self.due(until);
        let longest = match until {
            Some(until) => {
                let left = (until - self.surroundings.clock.now())
                    .nanos()
                    .max(0)
                    .unsigned_abs();
                longest.min(Duration::from_nanos(left))
            }
            None => longest,
        };
        if !self.postponed.is_empty() {
            return;
        }
        let mut select = Select::new();
        let values = self.values.iter().map(|wire| &wire.receiver);
        for wire in self
            .inputs
            .iter()
            .flat_map(LiveInput::awaited)
            .chain(values)
        {
            select.recv(wire.channel());
        }
        select.recv(&self.surroundings.commands);
        // What has happened is seen by whoever asked.
        let pause = &mut self.surroundings.pause;
        pause.until_due(&mut select, until, longest);
    }

    /// The node starts or restarts.
    pub(super) fn start(&mut self) {
        self.end = None;
        if let Some(pace) = &mut self.surroundings.pace {
            pace.origin = None;
        }
    }

    /// Tells every reader that this node will not end the notes that it began.
    pub(super) fn tell_lost(&mut self) {
        let waker = self.surroundings.waker.as_ref();
        for outlet in self.outputs.iter_mut().flatten() {
            outlet.tell_lost(waker);
        }
    }

    /// Sends what had no room, as far as there is some; `true`: all is on its way, or it is too
    /// late to wait for that.
    pub(super) fn flush(&mut self) -> bool {
        let Some(waker) = &self.surroundings.waker else {
            return true;
        };
        for wires in &mut self.outputs {
            wires.retain_mut(|outlet| !outlet.is_full() || outlet.flush(waker));
        }
        !self.is_full() || self.must_end()
    }

    /// Whether something that was sent has no room yet.
    fn is_full(&self) -> bool {
        self.outputs.iter().flatten().any(Outlet::is_full)
    }

    /// Whether the node must end as it is.
    fn must_end(&self) -> bool {
        self.ending == Ending::Now || self.surroundings.stop.load(Ordering::Acquire)
    }

    /// Discards what has come, so that nobody waits for a node that does not run.
    pub(super) fn discard(&mut self) {
        self.refill();
        while let Some(input) = self.next_input() {
            let _ = self.inputs[input].take();
            self.refill();
        }
    }

    /// Ends every output, now or when the node said.
    pub(super) fn end_outputs(&mut self) {
        let end = self
            .end
            .or(self.end())
            .unwrap_or(self.surroundings.clock.now());
        for outlet in self.outputs.iter_mut().flat_map(|wires| wires.drain(..)) {
            outlet.wire.end(end);
        }
    }

    /// Waits until the time of a packet has come; of sound, until the end of the block has.
    fn hold_back(&mut self, packet: &mut Packet) -> Result<(), NodeError> {
        let due = match &packet.payload {
            Payload::Audio(block) => {
                packet.time + Time::from_samples(block.frames() as u64, block.rate)
            }
            _ => packet.time,
        };
        while self.surroundings.clock.now() < due {
            let left = (due - self.surroundings.clock.now())
                .nanos()
                .max(0)
                .unsigned_abs();
            let mut select = Select::new();
            select.recv(&self.surroundings.commands);
            let longest = match self.ending {
                Ending::No => POLL_INTERVAL,
                _ => POLL_INTERVAL_WHEN_RETIRED,
            };
            let left = Duration::from_nanos(left).min(longest);
            let (gauges, pause) = (&self.surroundings.gauges, &mut self.surroundings.pause);
            if gauges.wait(|| pause.until_due(&mut select, Some(due), left)) {
                self.hear();
            }
            let leaves = self.ending == Ending::WhenNobodyReads && self.nobody_reads();
            if self.ending > Ending::WhenNobodyReads
                || leaves
                || self.surroundings.stop.load(Ordering::Acquire)
            {
                return Err(NodeError::stopped());
            }
        }
        packet.captured = Instant::now();
        Ok(())
    }

    /// Sends into one wire, waiting for room where its policy says so; `false`: nobody reads it any
    /// more.
    fn send_into(&mut self, port: usize, index: usize, packet: Packet) -> Result<bool, NodeError> {
        let mut signal = Signal::Packet(packet);
        if let Some(waker) = &self.surroundings.waker {
            return match self.outputs[port][index].send(signal, waker) {
                Sent::Taken => Ok(true),
                Sent::Gone => Ok(false),
                // The reader stands still, and the run waits for this node.
                Sent::TooMany if self.must_end() => Ok(true),
                Sent::TooMany => Err(NodeError::internal(
                    "it sends more at once than its readers take",
                )),
            };
        }
        loop {
            let wire = &mut self.outputs[port][index].wire;
            signal = match wire.try_send(signal) {
                Ok(()) => return Ok(true),
                Err(Refused::Gone) => return Ok(false),
                Err(Refused::Full(signal)) => signal,
            };
            let sender = wire.channel().clone();
            let mut select = Select::new();
            let room = select.send(&sender);
            select.recv(&self.surroundings.commands);
            let (gauges, pause) = (&self.surroundings.gauges, &mut self.surroundings.pause);
            let ready = gauges.wait(|| pause.until_room(&mut select, POLL_INTERVAL));
            if ready.is_some_and(|ready| ready != room) {
                self.hear();
            }
            if self.must_end() {
                // The reader stands still, and the run waits for this node.
                return Ok(true);
            }
        }
    }
}

impl Host for LivePorts {
    fn take(&mut self) -> Option<Input> {
        let heard = self.refill();
        let next = self.next_input();
        self.is_drained = next.is_none();
        let input = &mut self.inputs[next?];
        let packet = input.take()?;
        Some(Input {
            port: input.port,
            wire: input.wire,
            packet,
            heard,
        })
    }

    fn send(&mut self, port: usize, mut packet: Packet) -> Result<(), NodeError> {
        if let Some(pace) = &mut self.surroundings.pace {
            packet.time = pace.place(packet.time, self.surroundings.clock.now());
            self.hold_back(&mut packet)?;
        }
        if port >= self.outputs.len() {
            return Err(NodeError::internal(format!("there is no output {port}")));
        }
        if self.surroundings.stop.load(Ordering::Acquire) {
            return Err(NodeError::stopped());
        }
        self.show(port, &packet);
        let mut index = 0;
        while index < self.outputs[port].len() {
            if self.send_into(port, index, packet.clone())? {
                index += 1;
            } else {
                self.outputs[port].swap_remove(index);
            }
        }
        Ok(())
    }

    fn end_at(&mut self, time: Time) {
        let now = self.surroundings.clock.now();
        self.end = Some(match &mut self.surroundings.pace {
            Some(pace) => pace.place(time, now),
            None => time,
        });
    }

    fn watermark(&self) -> Watermark {
        let now = Watermark::At(self.surroundings.clock.now());
        let earliest = |input: &LiveInput| match (input.head(), input.end()) {
            (Some(packet), _) => Watermark::At(packet.time),
            (None, Some(_)) => Watermark::End,
            // What comes after now comes late.
            (None, None) => now,
        };
        self.inputs.iter().map(earliest).min().unwrap_or(now)
    }

    fn end(&self) -> Option<Time> {
        latest_end(self.inputs.iter().map(LiveInput::end))
    }

    fn now(&self) -> Time {
        self.surroundings.clock.now()
    }

    fn reached(&self) -> Watermark {
        Watermark::At(self.now())
    }

    fn set_idle(&self, idle: bool) {
        self.surroundings.gauges.set_idle(idle);
    }

    fn stop_requested(&self) -> bool {
        self.surroundings.stop.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::super::pause::Sleep;
    use super::*;
    use crate::descriptor::Descriptor;
    use crate::policy::Policy;
    use crate::port::{Port, PortType};
    use crate::wire::wire;

    /// The ports of a node with one output and nothing wired.
    fn ports() -> (LivePorts, Sender<Command>) {
        let output = Port::new("out", PortType::Control, "");
        let descriptor = Descriptor::new("test", "silent", "").with_output(output);
        let (commands, receiver) = unbounded();
        let surroundings = Surroundings {
            commands: receiver,
            clock: Arc::new(LiveClock::standing()),
            gauges: Arc::new(Gauges::new()),
            stop: Arc::default(),
            fade: 0.01,
            pace: None,
            pause: Box::new(Sleep),
            waker: None,
        };
        let node = GraphNode::declared("silent", descriptor);
        let ports = LivePorts::new(&node, Rewired::default(), surroundings);
        (ports, commands)
    }

    #[test]
    fn a_node_whose_wire_is_full_waits_for_room_however_long_something_is_due() {
        struct Nobody;
        impl std::task::Wake for Nobody {
            fn wake(self: Arc<Self>) {}
        }
        let (mut ports, _commands) = ports();
        ports.surroundings.waker = Some(Waker::from(Arc::new(Nobody)));
        let (sender, mut receiver) = wire("w".into(), Policy::Block(1));
        ports.outputs[0].push(Outlet::new(sender));
        for _ in 0..2 {
            let packet = Packet {
                time: Time::ZERO,
                captured: Instant::now(),
                payload: Payload::Control(0.5),
            };
            ports.send(0, packet).unwrap();
        }
        assert!(!ports.flush() && ports.looks_at(Some(Time::ZERO)) > Some(ports.now()));
        assert!(matches!(receiver.try_receive(), Received::Signal(_)));
        assert!(ports.flush());
        assert_eq!(ports.looks_at(Some(Time::ZERO)), Some(Time::ZERO));
    }

    #[test]
    fn taps_that_are_gone_do_not_pile_up_at_a_node_that_sends_nothing() {
        let (mut ports, commands) = ports();
        let open = Arc::<TapBuffer>::default();
        let tap = |buffer: &Arc<TapBuffer>| Command::Tap(0, Arc::downgrade(buffer));
        commands.send(tap(&open)).unwrap();
        for _ in 0..100 {
            commands.send(tap(&Arc::default())).unwrap();
            assert!(ports.obey().is_empty());
        }
        assert_eq!(ports.taps.len(), 2, "the open one and the latest");
    }
}
