//! A node's inputs and outputs in a render: joins inputs by media time, waits, and keeps promises.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select};

use super::census::{Census, Command, Wait};
use super::input::OfflineInput;
use crate::descriptor::InputOrder;
use crate::error::NodeError;
use crate::io::{Host, Input};
use crate::packet::Packet;
use crate::thread::latest_end;
use crate::time::Time;
use crate::watermark::Watermark;
use crate::wire::{Refused, Signal, WireSender};

/// One output: all wires that leave it, and what was promised along them.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) wires: Vec<WireSender>,
    promised: Option<Time>,
}

impl Output {
    pub(crate) fn push(&mut self, wire: WireSender) {
        self.wires.push(wire);
    }
}

/// Where a node stands in its graph.
pub(crate) struct NodePlace {
    pub(crate) node: usize,
    pub(crate) order: InputOrder,
    /// Its kind has no inputs.
    pub(crate) source: bool,
    /// What it sends may come back to it.
    pub(crate) in_cycle: bool,
    /// It goes on for as long as somebody reads it.
    pub(crate) endless: bool,
}

/// The ports of one node and its link to the rest of the run.
pub(crate) struct Ports {
    node: usize,
    order: InputOrder,
    source: bool,
    in_cycle: bool,
    endless: bool,
    inputs: Vec<OfflineInput>,
    outputs: Vec<Output>,
    wired_outputs: usize,
    census: Arc<Census>,
    commands: Receiver<Command>,
    stop: Arc<AtomicBool>,
    end: Option<Time>,
    latest: Time,
    broken: bool,
    waited: Duration,
}

impl Ports {
    pub(crate) fn new(
        place: NodePlace,
        inputs: Vec<OfflineInput>,
        outputs: Vec<Output>,
        census: Arc<Census>,
        commands: Receiver<Command>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let wired_outputs = outputs.iter().map(|output| output.wires.len()).sum();
        Ports {
            node: place.node,
            order: place.order,
            source: place.source,
            in_cycle: place.in_cycle,
            endless: place.endless,
            inputs,
            outputs,
            wired_outputs,
            census,
            commands,
            stop,
            end: None,
            latest: Time::ZERO,
            broken: false,
            waited: Duration::ZERO,
        }
    }

    /// How long the node has waited for its neighbours so far.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    /// Whether the node's kind has no inputs. One whose inputs are not wired has nothing to do.
    pub(crate) fn is_source(&self) -> bool {
        self.source
    }

    /// Whether all inputs have ended and everything was taken.
    pub(crate) fn inputs_finished(&mut self) -> Result<bool, NodeError> {
        self.refill()?;
        if !self.ordinary().all(OfflineInput::is_finished) {
            return Ok(false);
        }
        // What a wire says of a parameter before the end counts until then.
        let end = self.end().unwrap_or(Time::ZERO);
        let mut params = self.inputs.iter().filter(|input| input.param.is_some());
        Ok(params.all(|input| input.reaches(end)))
    }

    /// The wires into ports.
    fn ordinary(&self) -> impl Iterator<Item = &OfflineInput> {
        self.inputs.iter().filter(|input| input.param.is_none())
    }

    /// When the value comes that is due next, where what is due next is a parameter's value.
    pub(super) fn due_value(&mut self) -> Result<Option<Time>, NodeError> {
        self.refill()?;
        let due = self.due_input().map(|input| &self.inputs[input]);
        let value = due.filter(|input| input.param.is_some());
        Ok(value.and_then(|input| Some(input.head.as_ref()?.time)))
    }

    /// Takes the parameter's value that is due: the number of the parameter and what the wire says.
    pub(super) fn take_value(&mut self) -> Option<(usize, f64)> {
        let input = self.due_input()?;
        let input = &mut self.inputs[input];
        let number = input.param?;
        let packet = input.head.take()?;
        Some((number, f64::from(*packet.control().ok()?)))
    }

    /// Whether all is known that wires say of parameters up to what was sent last: a source goes on
    /// only then.
    pub(super) fn knows_values(&self) -> bool {
        let mut params = self.inputs.iter().filter(|input| input.param.is_some());
        params.all(|input| input.earliest() > Watermark::At(self.latest))
    }

    /// The time of what was sent last.
    pub(super) fn latest(&self) -> Time {
        self.latest
    }

    /// Whether everything that this node feeds has ended, so that it need not go on.
    pub(crate) fn nobody_reads(&self) -> bool {
        (self.wired_outputs > 0 || self.endless)
            && self.outputs.iter().all(|output| output.wires.is_empty())
    }

    /// Whether a packet may be taken.
    pub(crate) fn is_due(&mut self) -> Result<bool, NodeError> {
        self.refill()?;
        Ok(self.due_input().is_some())
    }

    fn refill(&mut self) -> Result<(), NodeError> {
        if self.broken || self.stop_requested() {
            return Err(NodeError::stopped());
        }
        for input in &mut self.inputs {
            if let Err(error) = input.refill() {
                self.broken = true;
                return Err(error);
            }
        }
        let others = self.ordinary().filter(|input| !input.endless);
        let ends = others.map(|input| input.end).collect::<Option<Vec<Time>>>();
        if let Some(end) = ends.and_then(|ends| ends.into_iter().max()) {
            let going_on = |input: &&mut OfflineInput| input.endless && input.end.is_none();
            let inputs = self.inputs.iter_mut();
            inputs.filter(going_on).for_each(|input| input.end_at(end));
        }
        Ok(())
    }

    /// The input whose packet is next in the node's order, where that is certain already.
    fn due_input(&self) -> Option<usize> {
        let next = (0..self.inputs.len())
            .filter(|index| self.inputs[*index].head.is_some())
            .min_by_key(|index| (self.inputs[*index].earliest(), *index))?;
        if self.order == InputOrder::Independent {
            return Some(next);
        }
        let time = self.inputs[next].earliest();
        let certain = self.inputs.iter().enumerate().all(|(index, input)| {
            input.head.is_some()
                || input.earliest() > time
                || (input.earliest() == time && index >= next)
        });
        certain.then_some(next)
    }

    /// Waits until something arrives on an input that holds the node up, `until` has come, or the
    /// run tells.
    ///
    /// # Errors
    /// The run is being stopped.
    pub(crate) fn wait(&mut self, until: Option<Time>) -> Result<(), NodeError> {
        let mut awaited = self
            .inputs
            .iter_mut()
            .filter(|input| input.head.is_none() && input.end.is_none());
        // Whoever sends into the wire ends when the run does, which wakes this node; in a cycle it
        // may be this node itself.
        if let (Some(only), None, None, false) =
            (awaited.next(), awaited.next(), until, self.in_cycle)
        {
            if only.receiver.look_for_signal() {
                return Ok(());
            }
            let wire = only.receiver.shared.clone();
            let since = Instant::now();
            self.census.enter(self.node, Wait::Input(wire));
            only.receiver.wait();
            self.census.leave(self.node);
            self.waited += since.elapsed();
            return self.obey();
        }
        let awaited = || {
            self.inputs
                .iter()
                .filter(|input| input.head.is_none() && input.end.is_none())
        };
        let mut select = Select::new();
        for input in awaited() {
            select.recv(input.receiver.channel());
        }
        select.recv(&self.commands);
        if select.try_ready().is_err() {
            let wires = awaited()
                .map(|input| input.receiver.shared.clone())
                .collect();
            let since = Instant::now();
            self.census.enter(self.node, Wait::Inputs { wires, until });
            select.ready();
            self.census.leave(self.node);
            self.waited += since.elapsed();
        }
        self.obey()
    }

    fn obey(&mut self) -> Result<(), NodeError> {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Stop => return Err(NodeError::stopped()),
                Command::Grow | Command::Tick => {}
            }
        }
        Ok(())
    }

    /// Promises along every output that nothing before `time` will be sent.
    pub(crate) fn promise(&mut self, time: Time) {
        for output in &mut self.outputs {
            let is_news = output.promised.is_none_or(|promised| time > promised);
            if is_news && time > Time::ZERO {
                output.promised = Some(time);
                output.wires.retain_mut(|wire| wire.promise(time));
            }
        }
    }

    /// Sends into one wire, waiting for room; `false`: nobody reads it any more.
    fn send_into(
        &mut self,
        port: usize,
        index: usize,
        mut signal: Signal,
    ) -> Result<bool, NodeError> {
        let wire = &mut self.outputs[port].wires[index];
        loop {
            signal = match wire.try_send(signal) {
                Ok(()) => return Ok(true),
                Err(Refused::Gone) => return Ok(false),
                Err(Refused::Full(signal)) => signal,
            };
            if wire.look_for_room() {
                continue;
            }
            let since = Instant::now();
            self.census
                .enter(self.node, Wait::Output(wire.shared.clone()));
            let sender = wire.channel().clone();
            let mut select = Select::new();
            let send = select.send(&sender);
            select.recv(&self.commands);
            let ready = select.ready();
            self.census.leave(self.node);
            self.waited += since.elapsed();
            if ready == send {
                continue;
            }
            while let Ok(command) = self.commands.try_recv() {
                match command {
                    Command::Stop => return Err(NodeError::stopped()),
                    Command::Grow => wire.grow(),
                    Command::Tick => {}
                }
            }
        }
    }

    /// Ends every output, at the time that the node named or else when its inputs ended.
    pub(crate) fn end_outputs(&mut self) {
        let end = self
            .end
            .or(self.end())
            .unwrap_or(Time::ZERO)
            .max(self.latest);
        for output in &mut self.outputs {
            for wire in output.wires.drain(..) {
                wire.end(end);
            }
        }
    }
}

impl Host for Ports {
    fn take(&mut self) -> Option<Input> {
        // A broken input is reported by the next look that may fail.
        self.refill().ok()?;
        let input = self.due_input()?;
        let input = &mut self.inputs[input];
        // A node gets a parameter's value between two calls.
        if input.param.is_some() {
            return None;
        }
        let packet = input.head.take()?;
        Some(Input {
            port: input.port,
            wire: input.wire,
            heard: packet.time,
            packet,
        })
    }

    fn send(&mut self, port: usize, packet: Packet) -> Result<(), NodeError> {
        let Some(output) = self.outputs.get(port) else {
            return Err(NodeError::internal(format!("there is no output {port}")));
        };
        if self.stop.load(Ordering::Acquire) {
            return Err(NodeError::stopped());
        }
        let promised = output.promised;
        // A node that ends because its readers have does not know when: what it still sends goes
        // nowhere.
        if self.nobody_reads() {
            return Ok(());
        }
        if let Some(promised) = promised.filter(|promised| packet.time < *promised) {
            return Err(NodeError::internal(format!(
                "sent a packet at {} after promising nothing before {promised}",
                packet.time
            )));
        }
        self.outputs[port].promised = Some(packet.time);
        self.latest = self.latest.max(packet.time);
        let mut index = 0;
        while index < self.outputs[port].wires.len() {
            if self.send_into(port, index, Signal::Packet(packet.clone()))? {
                index += 1;
            } else {
                self.outputs[port].wires.swap_remove(index);
            }
        }
        Ok(())
    }

    fn end_at(&mut self, time: Time) {
        self.end = Some(time);
    }

    fn watermark(&self) -> Watermark {
        let earliest = self.inputs.iter().map(OfflineInput::earliest).min();
        earliest.unwrap_or(Watermark::End)
    }

    fn end(&self) -> Option<Time> {
        latest_end(self.ordinary().map(|input| input.end))
    }

    fn now(&self) -> Time {
        self.census.now()
    }

    fn reached(&self) -> Watermark {
        self.watermark()
    }

    fn stop_requested(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
