//! One wire out of a live node. A node that shares its thread cannot wait for room in it, because
//! the reader may be on the same thread: what has no room is held here, and the node is not called
//! until it is on its way.

use std::collections::VecDeque;
use std::task::Waker;

use crate::wire::{Refused, Signal, WireSender};

/// How many packets are held at most: what one call sends beyond what the wire takes.
const MOST_HELD: usize = 1 << 14;

/// One wire out of a live node.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) wire: WireSender,
    /// What has no room in the wire yet; always empty where the node's thread can wait.
    held: VecDeque<Signal>,
}

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is on its way, or is held.
    Taken,
    /// Nobody reads the wire any more.
    Gone,
    /// More is held than one call may send.
    TooMany,
}

impl Outlet {
    pub(super) fn new(wire: WireSender) -> Self {
        Outlet {
            wire,
            held: VecDeque::new(),
        }
    }

    /// Sends, or holds what has no room; `waker` wakes the node once there is some.
    pub(super) fn send(&mut self, signal: Signal, waker: &Waker) -> Sent {
        if self.held.len() >= MOST_HELD {
            return Sent::TooMany;
        }
        self.held.push_back(signal);
        match self.flush(waker) {
            true => Sent::Taken,
            false => Sent::Gone,
        }
    }

    /// Sends what is held, as far as there is room; `false`: nobody reads the wire any more.
    pub(super) fn flush(&mut self, waker: &Waker) -> bool {
        let mut has_asked = false;
        while let Some(signal) = self.held.pop_front() {
            match self.wire.try_send(signal) {
                Ok(()) => {}
                Err(Refused::Gone) => return false,
                Err(Refused::Full(signal)) => {
                    self.held.push_front(signal);
                    if std::mem::replace(&mut has_asked, true) {
                        return true;
                    }
                    // The reader may have made room before it could see what is asked for.
                    self.wire.await_room(waker);
                }
            }
        }
        true
    }

    /// Whether something has no room yet.
    pub(super) fn is_full(&self) -> bool {
        !self.held.is_empty()
    }

    /// Tells the reader that this node will not end the notes that it began: after what is held.
    pub(super) fn tell_lost(&mut self, waker: Option<&Waker>) {
        match waker {
            // A reader whose wire is full learns of the notes' ends when the node is gone for good.
            None => drop(self.wire.try_send(Signal::Lost)),
            Some(_) if matches!(self.held.back(), Some(Signal::Lost)) => {}
            Some(waker) => {
                self.held.push_back(Signal::Lost);
                self.flush(waker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::Instant;

    use super::*;
    use crate::packet::{Packet, Payload};
    use crate::policy::Policy;
    use crate::time::Time;
    use crate::wire::{Received, wire};

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn number(number: i64) -> Signal {
        Signal::Packet(Packet {
            time: Time::from_nanos(number),
            captured: Instant::now(),
            payload: Payload::Control(0.0),
        })
    }

    #[test]
    fn what_has_no_room_is_held_in_order_and_who_makes_room_wakes_the_sender() {
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(woken.clone());
        let (sender, mut receiver) = wire("w".into(), Policy::Block(2));
        let mut outlet = Outlet::new(sender);
        for index in 0..5 {
            assert_eq!(outlet.send(number(index), &waker), Sent::Taken);
        }
        outlet.tell_lost(Some(&waker));
        outlet.tell_lost(Some(&waker));
        assert!(outlet.is_full() && outlet.held.len() == 4);
        let (mut seen, mut losses) = (Vec::new(), 0);
        loop {
            match receiver.try_receive() {
                Received::Signal(Signal::Packet(packet)) => seen.push(packet.time.nanos()),
                Received::Signal(Signal::Lost) => losses += 1,
                Received::Empty if outlet.is_full() => {
                    assert!(woken.0.swap(0, Ordering::SeqCst) > 0, "it was not woken");
                    assert!(outlet.flush(&waker));
                }
                _ => break,
            }
        }
        assert_eq!((seen, losses), (vec![0, 1, 2, 3, 4], 1));
    }

    #[test]
    fn no_more_is_held_than_one_call_may_send_and_nothing_for_nobody() {
        let waker = Waker::from(Arc::<Woken>::default());
        let (sender, receiver) = wire("w".into(), Policy::Block(1));
        let mut outlet = Outlet::new(sender);
        let sent = (0..=MOST_HELD as i64 + 1).map(|index| outlet.send(number(index), &waker));
        let refused = sent.filter(|sent| *sent == Sent::TooMany).count();
        assert_eq!(refused, 1);
        drop(receiver);
        assert!(!outlet.flush(&waker));
    }
}
