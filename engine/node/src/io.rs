//! What a processor can do while it runs: take packets that are due, and send.

use std::time::Instant;

use crate::error::NodeError;
use crate::packet::Packet;
use crate::port::{Carried, InputPort, OutputPort, SentAs};
use crate::time::Time;
use crate::watermark::Watermark;

/// What stands behind an [`Io`]: the runtime's ports. Each method does what the one of [`Io`] with
/// its name does.
pub trait Host {
    /// See [`Io::take`].
    fn take(&mut self) -> Option<Input>;
    /// See [`Io::send`]; the packet is complete.
    ///
    /// # Errors
    /// As [`Io::send`].
    fn send(&mut self, port: usize, packet: Packet) -> Result<(), NodeError>;
    /// See [`Io::end_at`].
    fn end_at(&mut self, time: Time);
    /// See [`Io::watermark`].
    fn watermark(&self) -> Watermark;
    /// See [`Io::end`].
    fn end(&self) -> Option<Time>;
    /// See [`Io::now`].
    fn now(&self) -> Time;
    /// See [`Io::reached`].
    fn reached(&self) -> Watermark;
    /// See [`Io::stop_requested`].
    fn stop_requested(&self) -> bool;
    /// The node begins or ends to wait for something outside.
    fn set_idle(&self, _idle: bool) {}
}

/// A packet that is due at an input.
#[derive(Clone, Debug)]
pub struct Input {
    /// The input's index in the node's declaration.
    pub port: usize,
    /// Which of the wires into a port that takes many; 0 for every other port.
    pub wire: usize,
    /// The packet.
    pub packet: Packet,
    /// When it counts for a node that answers at once: in a render at its own time, live when it
    /// was taken, by the clock, since its own time has passed by then.
    pub heard: Time,
}

impl Input {
    /// Whether it came to this input.
    pub fn is<T>(&self, port: InputPort<T>) -> bool {
        self.port == port.index()
    }

    /// What came to this input.
    ///
    /// # Errors
    /// It came to another, or carries something else, which a checked patch rules out.
    pub fn read<T: Carried>(&self, port: InputPort<T>) -> Result<&T::Value, NodeError> {
        let value = T::of(&self.packet).filter(|_| self.is(port));
        value.ok_or_else(|| {
            let expected = format!("what `{}` takes", port.name());
            NodeError::wrong_payload(&expected, self.packet.payload.type_name())
        })
    }
}

/// A processor's access to its inputs and outputs.
pub struct Io<'a> {
    host: &'a mut dyn Host,
    lineage: &'a mut Lineage,
}

/// Remembers how old the oldest input is that the next output stems from. Sound flows whether
/// anything happens or not: a packet that stems from the same capture as the one before it on its
/// wire has no news.
#[derive(Debug)]
pub struct Lineage {
    /// The latest capture that came along each wire, by port and wire.
    known: Vec<((usize, usize), Instant)>,
    taken: Option<Instant>,
    sent: Instant,
}

impl Lineage {
    /// Nothing was taken yet.
    #[expect(clippy::new_without_default, reason = "it remembers when it began")]
    pub fn new() -> Self {
        Lineage {
            known: Vec::new(),
            taken: None,
            sent: Instant::now(),
        }
    }

    fn take(&mut self, input: &Input) {
        let (wire, captured) = ((input.port, input.wire), input.packet.captured);
        match self.known.iter_mut().find(|(known, _)| *known == wire) {
            Some((_, latest)) if *latest == captured => return,
            Some((_, latest)) => *latest = captured,
            None => self.known.push((wire, captured)),
        }
        self.taken = Some(self.taken.map_or(captured, |oldest| oldest.min(captured)));
    }
}

impl<'a> Io<'a> {
    /// The way to the ports of `host`; made by what calls the processor.
    pub fn new(host: &'a mut dyn Host, lineage: &'a mut Lineage) -> Self {
        Io { host, lineage }
    }

    /// The next packet that is due, in the order that the node's declaration asks for; `None` when
    /// nothing more is due for now.
    pub fn take(&mut self) -> Option<Input> {
        let input = self.host.take()?;
        self.lineage.take(&input);
        Some(input)
    }

    /// Sends `value` from an output. It counts as captured when the oldest input taken since the
    /// last sending was. Waits while a lossless wire is full.
    ///
    /// # Errors
    /// The run is being stopped, or `time` lies before what was promised or sent.
    pub fn send<T: Carried>(
        &mut self,
        port: OutputPort<T>,
        time: Time,
        value: impl SentAs<T>,
    ) -> Result<(), NodeError> {
        if let Some(taken) = self.lineage.taken.take() {
            self.lineage.sent = taken;
        }
        let captured = self.lineage.sent;
        let payload = value.into_payload();
        self.host.send(
            port.index(),
            Packet {
                time,
                captured,
                payload,
            },
        )
    }

    /// As [`Io::send`], for a node whose output stems from another input than the oldest: of many
    /// pictures from the newest.
    ///
    /// # Errors
    /// As [`Io::send`].
    pub fn send_captured<T: Carried>(
        &mut self,
        port: OutputPort<T>,
        time: Time,
        captured: Instant,
        value: impl SentAs<T>,
    ) -> Result<(), NodeError> {
        let payload = value.into_payload();
        let packet = Packet {
            time,
            captured,
            payload,
        };
        self.send_packet(port.index(), packet)
    }

    /// As [`Io::send`], for a node without inputs: what it sends is captured now.
    ///
    /// # Errors
    /// As [`Io::send`].
    pub fn send_captured_now<T: Carried>(
        &mut self,
        port: OutputPort<T>,
        time: Time,
        value: impl SentAs<T>,
    ) -> Result<(), NodeError> {
        self.send_captured(port, time, Instant::now(), value)
    }

    /// Hands on a packet as it is from the output with this number, for a node whose ports are
    /// those of others.
    ///
    /// # Errors
    /// As [`Io::send`].
    pub fn send_packet(&mut self, port: usize, packet: Packet) -> Result<(), NodeError> {
        self.lineage.taken = None;
        self.lineage.sent = packet.captured;
        self.host.send(port, packet)
    }

    /// Says at which media time this node's outputs end, where that is not when its last input
    /// ends: a film ends after its last frame.
    pub fn end_at(&mut self, time: Time) {
        self.host.end_at(time);
    }

    /// Before what time every packet has been taken; the end, once all inputs have ended and
    /// everything was taken. Live, it is the clock's time while nothing waits: what comes with an
    /// earlier time comes late.
    pub fn watermark(&self) -> Watermark {
        self.host.watermark()
    }

    /// When the inputs ended, the latest of them; `None` while one goes on.
    pub fn end(&self) -> Option<Time> {
        self.host.end()
    }

    /// The time on the run's clock.
    pub fn now(&self) -> Time {
        self.host.now()
    }

    /// Up to where everything is known that will count, so that whatever was put off until then can
    /// be done: in a render the watermark, live the clock's time. A node that has something to
    /// do at a time says so with [`crate::Flow::WakeAt`], and does it once this has reached
    /// that time.
    pub fn reached(&self) -> Watermark {
        self.host.reached()
    }

    /// Says that the node begins or ends to wait for something outside; [`Io::idle`] says both.
    pub fn set_idle(&self, idle: bool) {
        self.host.set_idle(idle);
    }

    /// Waits for something outside, a device or a program: the time is not counted as the node's
    /// work.
    pub fn idle<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.host.set_idle(true);
        let result = wait();
        self.host.set_idle(false);
        result
    }

    /// Whether the run is being stopped. A processor that works long in one call looks now and
    /// then.
    pub fn stop_requested(&self) -> bool {
        self.host.stop_requested()
    }
}
