//! One wire into a live node, which may be exchanged for another while the node runs.

use std::collections::VecDeque;
use std::mem;

use super::sounding::Sounding;
use super::splice::{Heard, Joined, PATIENCE, Splice};
use crate::packet::{Packet, Payload};
use crate::time::Time;
use crate::wire::{Received, Signal, WireReceiver};

/// One wire into a node.
#[derive(Debug)]
pub(super) struct LiveInput {
    pub(super) port: usize,
    pub(super) wire: usize,
    receiver: WireReceiver,
    head: Option<Packet>,
    /// Packets that stand before what the wire brings.
    first: VecDeque<Packet>,
    end: Option<Time>,
    sounding: Sounding,
    splice: Option<Splice>,
    /// The wire to read from once the fade that goes on is over, and how long sound takes to it.
    next: Option<(WireReceiver, f64)>,
    /// The sound that the reader has.
    heard: Heard,
}

impl LiveInput {
    pub(super) fn new(port: usize, wire: usize, receiver: WireReceiver) -> Self {
        LiveInput {
            port,
            wire,
            receiver,
            head: None,
            first: VecDeque::new(),
            end: None,
            sounding: Sounding::default(),
            splice: None,
            next: None,
            heard: Heard::default(),
        }
    }

    /// Its place among the node's inputs.
    pub(super) fn place(&self) -> (usize, usize) {
        (self.port, self.wire)
    }

    /// Reads from another wire from now on: sound goes over within `fade` seconds, notes that sound
    /// are ended. A fade that goes on is heard to its end first.
    pub(super) fn exchange(&mut self, receiver: WireReceiver, now: Time, fade: f64) {
        self.end = None;
        match self.splice.as_mut().map(Splice::wait_for_another) {
            // A wire from which nothing was heard yet is passed over: what is heard goes on until
            // the newest has sound.
            Some(true) => self.receiver = receiver,
            None if self.next.is_none() => self.go_over(receiver, fade),
            _ => self.next = Some((receiver, fade)),
        }
        self.first.extend(self.sounding.close(now));
    }

    fn go_over(&mut self, receiver: WireReceiver, fade: f64) {
        let old = mem::replace(&mut self.receiver, receiver);
        let is_heard = self.heard.until > Time::ZERO;
        self.splice = is_heard.then(|| Splice::new(old, fade));
    }

    /// Takes the wire whose turn comes next, where the fade before it is over, or what it fades to
    /// has fallen silent.
    fn take_next(&mut self, now: Time) -> bool {
        let is_over = self.splice.is_none() || now >= self.fade_is_given_up();
        match self.next.take_if(|_| is_over) {
            Some((receiver, fade)) => {
                self.go_over(receiver, fade);
                true
            }
            None => false,
        }
    }

    /// When a fade is given up for the next wire, because what it fades to has fallen silent.
    fn fade_is_given_up(&self) -> Time {
        self.heard.until + Time::from_seconds(PATIENCE)
    }

    /// Reads no further: ends the notes that sound, then itself.
    pub(super) fn close(&mut self, now: Time) {
        if self.end.is_none() {
            self.splice = None;
            self.next = None;
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
        if self.take_next(now) {
            return true;
        }
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
            Joined::Ended(time) => match self.next.take() {
                Some((receiver, fade)) => self.go_over(receiver, fade),
                None => {
                    self.close(now);
                    self.end = Some(time);
                }
            },
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

    /// Whether a packet is waited for.
    fn waits(&self) -> bool {
        self.head.is_none() && self.end.is_none()
    }

    /// The wires that may bring the next packet; those that have brought one that must wait for
    /// another wire's are not among them.
    pub(super) fn awaited(&self) -> impl Iterator<Item = &WireReceiver> {
        let splice = self.splice.as_ref();
        let new = splice.is_none_or(Splice::awaits_new);
        let new = new.then_some(&self.receiver);
        let old = splice.and_then(Splice::awaited_old);
        let waits = self.waits();
        new.into_iter().chain(old).filter(move |_| waits)
    }

    /// When something comes though no wire brings it: a wire that has fallen silent is not waited
    /// for any longer.
    pub(super) fn patience_ends(&self) -> Option<Time> {
        let splice = self.splice.as_ref().filter(|_| self.waits())?;
        let next = self.next.as_ref().map(|_| self.fade_is_given_up());
        splice.patience_ends().into_iter().chain(next).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::splice::tests::send;
    use super::*;
    use crate::packet::Note;
    use crate::policy::Policy;
    use crate::wire::{WireSender, wire};

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

    fn taken(input: &mut LiveInput) -> Vec<Note> {
        let mut seen = Vec::new();
        loop {
            input.refill(Time::from_seconds(2.0));
            let Some(packet) = input.take() else {
                return seen;
            };
            seen.extend(packet.notes().unwrap().iter().copied());
        }
    }

    #[test]
    fn a_note_of_a_wire_that_goes_away_is_ended() {
        let (mut sender, receiver) = wire("old".into(), Policy::Block(4));
        let mut input = LiveInput::new(0, 0, receiver);
        sender.try_send(notes(ON)).unwrap();
        assert_eq!(taken(&mut input), [ON]);
        let (_new, receiver) = wire("new".into(), Policy::Block(4));
        input.exchange(receiver, Time::from_seconds(2.0), 0.01);
        assert_eq!(taken(&mut input), [OFF]);
    }

    /// All blocks that come next.
    fn samples(input: &mut LiveInput, blocks: usize, now: f64) -> Vec<f32> {
        let mut samples = Vec::new();
        for _ in 0..blocks {
            input.refill(Time::from_seconds(now));
            let Some(packet) = input.take() else { break };
            samples.extend(&packet.audio().unwrap().samples);
        }
        samples
    }

    /// Wires that take the place of each other.
    fn three_wires() -> [(WireSender, WireReceiver); 3] {
        ["first", "second", "third"].map(|name| wire(name.into(), Policy::Block(64)))
    }

    fn largest_step(samples: &[f32]) -> f32 {
        let steps = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        steps.fold(0.0, f32::max)
    }

    #[test]
    fn a_wire_exchanged_while_the_last_one_still_fades_in_makes_no_step() {
        let [
            (mut first, receiver),
            (mut second, after),
            (mut third, last),
        ] = three_wires();
        let mut input = LiveInput::new(0, 0, receiver);
        for index in 0..20 {
            send(&mut first, index, 1.0);
            send(&mut second, index, -1.0);
            send(&mut third, index, 0.5);
        }
        let mut heard = samples(&mut input, 3, 0.01);
        input.exchange(after, Time::from_seconds(0.01), 0.004);
        heard.extend(samples(&mut input, 2, 0.01));
        // Half of the fade has passed.
        assert!(heard[heard.len() - 1].abs() < 0.1, "{:?}", heard.last());
        input.exchange(last, Time::from_seconds(0.01), 0.004);
        heard.extend(samples(&mut input, 12, 0.01));
        let step = largest_step(&heard);
        assert!(step <= 2.0 / (0.004 * 48_000.0) * 1.01, "a step of {step}");
        assert_eq!(heard.last(), Some(&0.5));
        assert!(heard.iter().any(|sample| *sample < -0.9));
    }

    #[test]
    fn a_wire_that_ends_or_hangs_while_it_fades_in_does_not_keep_its_successor_away() {
        for ends in [true, false] {
            let [
                (mut first, receiver),
                (mut second, after),
                (mut third, last),
            ] = three_wires();
            let mut input = LiveInput::new(0, 0, receiver);
            for index in 0..20 {
                send(&mut first, index, 1.0);
                send(&mut third, index, 0.5);
            }
            for index in 3..5 {
                send(&mut second, index, -1.0);
            }
            let mut heard = samples(&mut input, 3, 0.01);
            input.exchange(after, Time::from_seconds(0.01), 0.004);
            heard.extend(samples(&mut input, 2, 0.01));
            input.exchange(last, Time::from_seconds(0.01), 0.004);
            let second = (!ends).then_some(second);
            heard.extend(samples(&mut input, 20, 0.01 + PATIENCE + 0.1));
            assert_eq!(heard.last(), Some(&0.5), "it ends: {ends}");
            let step = largest_step(&heard);
            assert!(step <= 2.0 / (0.004 * 48_000.0) * 1.01, "a step of {step}");
            drop(second);
        }
    }

    fn millis(millis: i64) -> Time {
        Time::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_fade_waits_for_what_is_missing_and_for_nothing_that_has_come() {
        let has_nothing = |wire: &WireReceiver| wire.channel().is_empty();
        let [
            (mut first, receiver),
            (mut second, after),
            (mut third, last),
        ] = three_wires();
        let mut input = LiveInput::new(0, 0, receiver);
        for index in 0..3 {
            send(&mut first, index, 1.0);
        }
        samples(&mut input, 3, 0.003);
        for index in 3..5 {
            send(&mut second, index, -1.0);
        }
        // The old wire has fallen silent: the new one's block waits for it, but not for ever.
        input.exchange(after, millis(3), 0.004);
        input.refill(millis(4));
        assert!(input.head().is_none() && input.awaited().all(has_nothing));
        assert_eq!(input.awaited().count(), 1);
        assert_eq!(input.patience_ends(), Some(millis(3 + 250)));
        input.refill(millis(3 + 250));
        assert_eq!(input.patience_ends(), None);
        assert_eq!(samples(&mut input, 2, 0.3).len(), 2 * 48);
        // The new wire has fallen silent within the fade; the next has its blocks already.
        for index in 5..9 {
            send(&mut first, index, 1.0);
            send(&mut third, index, 0.5);
        }
        input.exchange(last, millis(300), 0.004);
        input.refill(millis(100));
        assert!(input.head().is_none() && input.awaited().all(has_nothing));
        assert_eq!(input.awaited().count(), 1);
        assert_eq!(input.patience_ends(), Some(millis(5 + 250)));
        input.refill(millis(5 + 250));
        assert!(input.head().is_some());
        drop(second);
    }

    #[test]
    fn a_note_of_a_sender_that_failed_is_ended_and_what_follows_is_heard() {
        let (mut sender, receiver) = wire("w".into(), Policy::Block(4));
        let mut input = LiveInput::new(0, 0, receiver);
        sender.try_send(notes(ON)).unwrap();
        sender.try_send(Signal::Lost).unwrap();
        sender.try_send(notes(ON)).unwrap();
        assert_eq!(taken(&mut input), [ON, OFF, ON]);
        drop(sender);
        assert_eq!(taken(&mut input), [OFF], "also when it is gone for good");
        assert!(input.end().is_some());
    }
}
