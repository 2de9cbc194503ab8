//! One wire into a node of a render: its next packet, and before what time nothing more will come.

use crate::error::NodeError;
use crate::packet::Packet;
use crate::time::Time;
use crate::watermark::Watermark;
use crate::wire::{Received, Signal, WireReceiver};

/// One wire into the node.
#[derive(Debug)]
pub(super) struct OfflineInput {
    pub(super) port: usize,
    pub(super) wire: usize,
    /// The number of the parameter that it sets, in place of a port.
    pub(super) param: Option<usize>,
    pub(super) receiver: WireReceiver,
    pub(super) head: Option<Packet>,
    watermark: Time,
    pub(super) end: Option<Time>,
    /// Whether it comes from a source that goes on for as long as it is read.
    pub(super) endless: bool,
}

impl OfflineInput {
    pub(super) fn new(port: usize, wire: usize, receiver: WireReceiver) -> Self {
        OfflineInput {
            port,
            wire,
            param: None,
            receiver,
            head: None,
            watermark: Time::from_nanos(i64::MIN),
            end: None,
            endless: false,
        }
    }

    /// The same, of a source that goes on for as long as it is read where `endless` says so.
    pub(super) fn endless(mut self, endless: bool) -> Self {
        self.endless = endless;
        self
    }

    /// The same, into the parameter of this number.
    pub(super) fn into_param(mut self, number: usize) -> Self {
        self.param = Some(number);
        self
    }

    /// Ends what would go on for ever at `end`, where all other inputs end, once all before that
    /// was taken.
    pub(super) fn end_at(&mut self, end: Time) {
        match &self.head {
            Some(packet) if packet.time < end => {}
            None if self.watermark < end => {}
            _ => {
                self.head = None;
                self.end = Some(end);
            }
        }
    }

    /// Its place among the node's inputs. Parameters come first: what comes at the same time is
    /// taken as they say.
    pub(super) fn place(&self) -> (bool, usize, usize) {
        (self.param.is_none(), self.port, self.wire)
    }

    /// The earliest time that a packet yet to be taken from here can have.
    pub(super) fn earliest(&self) -> Watermark {
        match (&self.head, self.end) {
            (Some(packet), _) => Watermark::At(packet.time),
            (None, Some(_)) => Watermark::End,
            (None, None) => Watermark::At(self.watermark),
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.head.is_none() && self.end.is_some()
    }

    /// Whether nothing more with a time before `end` can come.
    pub(super) fn reaches(&self, end: Time) -> bool {
        self.earliest() >= Watermark::At(end)
    }

    /// Looks for a packet unless one waits already.
    pub(super) fn refill(&mut self) -> Result<(), NodeError> {
        let mut promised = None;
        while self.head.is_none() && self.end.is_none() {
            match self.receiver.try_receive() {
                Received::Signal(Signal::Packet(packet)) => {
                    self.watermark = self.watermark.max(packet.time);
                    self.head = Some(packet);
                }
                Received::Signal(Signal::Watermark(time)) => {
                    self.watermark = self.watermark.max(time)
                }
                // A render ends with a node's failure.
                Received::Signal(Signal::Lost) => {}
                Received::Ended(time) => self.end = Some(time),
                // The node before this one has failed and says so itself.
                Received::Broken => return Err(NodeError::stopped()),
                // A promise counts if there is nothing to take after it was asked for.
                Received::Empty => match promised {
                    None => promised = Some(self.receiver.promised()),
                    Some(promised) => {
                        self.watermark = self.watermark.max(promised);
                        break;
                    }
                },
            }
        }
        Ok(())
    }
}
