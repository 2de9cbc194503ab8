//! One wire into a live node, which may be exchanged for another while the node runs.

use std::collections::VecDeque;
use std::mem;

use super::sounding::Sounding;
use super::splice::{Heard, Joined, Splice};
use crate::packet::{Packet, Payload};
use crate::time::Time;
use crate::wire::{Received, Signal, WireReceiver};

/// One wire into a node.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) port: usize,
    pub(super) wire: usize,
    receiver: WireReceiver,
    head: Option<Packet>,
    /// Packets that stand before what the wire brings.
    first: VecDeque<Packet>,
    end: Option<Time>,
    sounding: Sounding,
    splice: Option<Splice>,
    /// The sound that the reader has.
    heard: Heard,
}

impl Slot {
    pub(super) fn new(port: usize, wire: usize, receiver: WireReceiver) -> Self {
        Slot {
            port,
            wire,
            receiver,
            head: None,
            first: VecDeque::new(),
            end: None,
            sounding: Sounding::default(),
            splice: None,
            heard: Heard::default(),
        }
    }

    /// Where the slot stands among the node's inputs.
    pub(super) fn place(&self) -> (usize, usize) {
        (self.port, self.wire)
    }

    /// Reads from another wire from now on: sound goes over within `fade` seconds, notes that sound are ended.
    pub(super) fn exchange(&mut self, receiver: WireReceiver, now: Time, fade: f64) {
        self.end = None;
        let old = mem::replace(&mut self.receiver, receiver);
        // A wire from which nothing was heard yet is passed over: what is heard goes on until the newest has sound.
        let waits = self.splice.as_mut().is_some_and(Splice::wait_for_another);
        if self.heard.until > Time::ZERO && !waits {
            self.splice = Some(Splice::new(old, fade));
        }
        self.first.extend(self.sounding.close(now));
    }

    /// Reads no further: ends the notes that sound, then itself.
    pub(super) fn close(&mut self, now: Time) {
        if self.end.is_none() {
            self.splice = None;
            self.end = Some(now);
            self.first.extend(self.sounding.close(now));
        }
    }

    /// Looks for a packet unless one waits already.
    pub(super) fn refill(&mut self, now: Time) {
        while self.head.is_none() && (self.end.is_none() || !self.first.is_empty()) {
            if let Some(packet) = self.first.pop_front() {
                self.head = Some(packet);
            } else if !self.look(now) {
                return;
            }
        }
    }

    /// Takes what comes next from the wire; `false`: nothing does.
    fn look(&mut self, now: Time) -> bool {
        let joined = match &mut self.splice {
            Some(splice) if splice.is_over() => {
                Joined::Over(self.splice.take().and_then(Splice::rest))
            }
            Some(splice) => splice.next(&mut self.receiver, &self.heard, now),
            None => match self.receiver.try_receive() {
                Received::Signal(Signal::Packet(packet)) => Joined::Block(packet),
                Received::Signal(Signal::Watermark(_)) => return true,
                Received::Signal(Signal::Lost) => Joined::Lost,
                Received::Ended(time) => Joined::Ended(time),
                Received::Broken => Joined::Ended(now),
                Received::Empty => Joined::Nothing,
            },
        };
        match joined {
            Joined::Block(packet) => self.head = Some(packet),
            Joined::Nothing => return false,
            Joined::Over(packet) => {
                self.splice = None;
                self.head = packet;
            }
            Joined::Lost => self.first.extend(self.sounding.close(now)),
            Joined::Ended(time) => {
                self.close(now);
                self.end = Some(time);
            }
        }
        true
    }

    /// The packet that comes next, where it has come.
    pub(super) fn head(&self) -> Option<&Packet> {
        self.head.as_ref()
    }

    /// Takes the packet that comes next.
    pub(super) fn take(&mut self) -> Option<Packet> {
        let packet = self.head.take()?;
        self.sounding.hear(&packet);
        if let Payload::Audio(block) = &packet.payload {
            self.heard.hear(packet.time, block);
        }
        Some(packet)
    }

    /// When the wire ended, once everything was taken.
    pub(super) fn end(&self) -> Option<Time> {
        self.end
            .filter(|_| self.head.is_none() && self.first.is_empty())
    }

    /// The wires that may bring the next packet.
    pub(super) fn awaited(&self) -> impl Iterator<Item = &WireReceiver> {
        let waits = self.head.is_none() && self.end.is_none();
        let old = self.splice.as_ref().and_then(Splice::old);
        std::iter::once(&self.receiver)
            .chain(old)
            .filter(move |_| waits)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::packet::Note;
    use crate::wire::{Policy, wire};

    fn notes(note: Note) -> Signal {
        Signal::Packet(Packet {
            time: Time::from_seconds(1.0),
            captured: Instant::now(),
            payload: Payload::Notes([note].into()),
        })
    }

    const ON: Note = Note::On {
        channel: 0,
        pitch: 60,
        velocity: 1.0,
    };
    const OFF: Note = Note::Off {
        channel: 0,
        pitch: 60,
    };

    fn taken(slot: &mut Slot) -> Vec<Note> {
        let mut seen = Vec::new();
        loop {
            slot.refill(Time::from_seconds(2.0));
            let Some(packet) = slot.take() else {
                return seen;
            };
            seen.extend(packet.notes().unwrap().iter().copied());
        }
    }

    #[test]
    fn a_note_of_a_wire_that_goes_away_is_ended() {
        let (mut sender, receiver) = wire("old".into(), Policy::Block(4));
        let mut slot = Slot::new(0, 0, receiver);
        sender.try_send(notes(ON)).unwrap();
        assert_eq!(taken(&mut slot), [ON]);
        let (_new, receiver) = wire("new".into(), Policy::Block(4));
        slot.exchange(receiver, Time::from_seconds(2.0), 0.01);
        assert_eq!(taken(&mut slot), [OFF]);
    }

    #[test]
    fn a_note_of_a_sender_that_failed_is_ended_and_what_follows_is_heard() {
        let (mut sender, receiver) = wire("w".into(), Policy::Block(4));
        let mut slot = Slot::new(0, 0, receiver);
        sender.try_send(notes(ON)).unwrap();
        sender.try_send(Signal::Lost).unwrap();
        sender.try_send(notes(ON)).unwrap();
        assert_eq!(taken(&mut slot), [ON, OFF, ON]);
        drop(sender);
        assert_eq!(taken(&mut slot), [OFF], "also when it is gone for good");
        assert!(slot.end().is_some());
    }
}
