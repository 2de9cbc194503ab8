//! One wire: a bounded channel with a policy and counters.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};
use crossbeam_utils::{Backoff, CachePadded};
use serde::Serialize;

use crate::packet::Packet;
use crate::policy::Policy;
use crate::time::Time;

/// Packets that a wire may grow to. A patch that holds back more, such as all of a long film,
/// fails.
pub(crate) const MAX_CAPACITY: usize = 1 << 14;

/// A packet captured within this time after the one whose age was measured last counts as old as
/// that one, so that the clock is not read for every packet of a full wire.
const GRAIN: Duration = Duration::from_micros(50);

/// What travels through the channel.
#[derive(Debug)]
pub(crate) enum Signal {
    Packet(Packet),
    /// Nothing before this time will follow. It wakes a reader that has nothing else to take; all
    /// others learn of promises by [`WireReceiver::promised`].
    Watermark(Time),
    /// The sender has failed and restarts: the notes that it began, it will not end. Only live.
    Lost,
}

/// The end of a wire that has not ended.
const NOT_ENDED: i64 = i64::MIN;

/// What both ends and every watcher of a wire see. Each end writes into cache lines of its own:
/// counters that lay side by side would travel between the two processors with every packet.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) name: String,
    capacity: AtomicUsize,
    end: AtomicI64,
    closed: AtomicBool,
    reader_gone: CachePadded<AtomicBool>,
    sender: CachePadded<SenderCounters>,
    reader: CachePadded<ReaderCounters>,
    /// Channels that take over, one after the other, once the reader has emptied the one before.
    successors: Mutex<VecDeque<Receiver<Signal>>>,
    /// Whether the sender is to be woken once there is room, and how.
    awaits_room: AtomicBool,
    sender_waker: OnceLock<Waker>,
}

/// What only the sender writes.
#[derive(Debug)]
struct SenderCounters {
    pushed: AtomicU64,
    discarded: AtomicU64,
    sent: AtomicU64,
    dropped: AtomicU64,
    /// What was pushed into channels that have been taken over since.
    before: AtomicU64,
    /// How much the channel holds that is filled now.
    room: AtomicU64,
    /// Nothing before this time will follow what has been sent.
    promised: AtomicI64,
}

impl SenderCounters {
    fn new(room: usize) -> Self {
        SenderCounters {
            pushed: AtomicU64::new(0),
            discarded: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            before: AtomicU64::new(0),
            room: AtomicU64::new(room as u64),
            promised: AtomicI64::new(i64::MIN),
        }
    }
}

/// What only the reader writes.
#[derive(Debug, Default)]
struct ReaderCounters {
    popped: AtomicU64,
    received: AtomicU64,
    oldest: AtomicU64,
    age: AtomicU64,
}

/// What a wire has carried so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WireReport {
    /// `film.frames -> eye.frames`.
    pub name: String,
    /// Packets that entered it.
    pub sent: u64,
    /// Packets that its reader took.
    pub received: u64,
    /// Packets that its policy dropped.
    pub dropped: u64,
    /// Packets and watermarks that wait in it now.
    pub depth: u64,
    /// How many may wait.
    pub capacity: usize,
    /// The greatest age of a packet when its reader took it, counted from its capture; of packets
    /// that stem from one capture, or from captures less than 50 µs apart, the first counts.
    pub oldest: Duration,
    /// The same of the latest packet.
    pub age: Duration,
}

impl Shared {
    /// How many signals wait.
    pub(crate) fn depth(&self) -> u64 {
        // Read in this order, a signal on its way out is counted rather than missed.
        let gone = self.reader.popped.load(Ordering::Acquire)
            + self.sender.discarded.load(Ordering::Acquire);
        let pushed = self.sender.pushed.load(Ordering::Acquire);
        pushed.saturating_sub(gone)
    }

    /// Whether the sender must wait. What the reader took out of channels from before the wire grew
    /// makes no room in the one that the sender fills now.
    pub(crate) fn is_full(&self) -> bool {
        let gone = self.reader.popped.load(Ordering::Acquire)
            + self.sender.discarded.load(Ordering::Acquire);
        let before = self.sender.before.load(Ordering::Acquire);
        let pushed = self.sender.pushed.load(Ordering::Acquire);
        pushed.saturating_sub(gone.max(before)) >= self.sender.room.load(Ordering::Acquire)
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity.load(Ordering::Acquire)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn reader_gone(&self) -> bool {
        self.reader_gone.load(Ordering::Acquire)
    }

    /// Wakes a sender that waits for room.
    fn wake_sender(&self) {
        if self.awaits_room.load(Ordering::Relaxed)
            && self.awaits_room.swap(false, Ordering::AcqRel)
            && let Some(waker) = self.sender_waker.get()
        {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn report(&self) -> WireReport {
        WireReport {
            name: self.name.clone(),
            sent: self.sender.sent.load(Ordering::Acquire),
            received: self.reader.received.load(Ordering::Acquire),
            dropped: self.sender.dropped.load(Ordering::Acquire),
            depth: self.depth(),
            capacity: self.capacity(),
            oldest: Duration::from_nanos(self.reader.oldest.load(Ordering::Acquire)),
            age: Duration::from_nanos(self.reader.age.load(Ordering::Acquire)),
        }
    }
}

/// A counter with one writer needs no atomic addition.
fn add_one(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Release);
}

/// Whether `there` becomes true while one looks for some microseconds, first by spinning, then by
/// giving way.
fn look(there: impl Fn() -> bool) -> bool {
    let backoff = Backoff::new();
    while !there() {
        if backoff.is_completed() {
            return false;
        }
        backoff.snooze();
    }
    true
}

/// Makes a wire.
pub(crate) fn wire(name: String, policy: Policy) -> (WireSender, WireReceiver) {
    let capacity = policy.capacity();
    let (sender, receiver) = bounded(capacity);
    let shared = Arc::new(Shared {
        name,
        capacity: AtomicUsize::new(capacity),
        end: AtomicI64::new(NOT_ENDED),
        closed: AtomicBool::new(false),
        reader_gone: CachePadded::default(),
        sender: CachePadded::new(SenderCounters::new(capacity)),
        reader: CachePadded::default(),
        successors: Mutex::default(),
        awaits_room: AtomicBool::new(false),
        sender_waker: OnceLock::new(),
    });
    let spill = (!matches!(policy, Policy::Block(_))).then(|| receiver.clone());
    (
        WireSender {
            sender,
            spill,
            shared: shared.clone(),
            reader: Woken(None),
        },
        WireReceiver {
            receiver,
            shared,
            captured: None,
            waited_for: None,
        },
    )
}

/// The end of a wire that a node sends into.
#[derive(Debug)]
pub(crate) struct WireSender {
    sender: Sender<Signal>,
    /// The same channel's reading end, to make room where the policy drops.
    spill: Option<Receiver<Signal>>,
    pub(crate) shared: Arc<Shared>,
    /// The last field: a reader that is woken because the wire ends must find that it has.
    reader: Woken,
}

/// A reader that does not wait at the wire's channel, because its thread looks after many nodes.
#[derive(Debug)]
struct Woken(Option<Waker>);

impl Woken {
    fn wake(&self) {
        if let Some(waker) = &self.0 {
            waker.wake_by_ref();
        }
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        self.wake();
    }
}

/// Why a signal did not enter a wire.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The wire is full and does not drop; the signal comes back.
    Full(Signal),
    /// Nobody reads the wire any more.
    Gone,
}

impl WireSender {
    /// Sends without waiting.
    pub(crate) fn try_send(&mut self, mut signal: Signal) -> Result<(), Refused> {
        loop {
            if self.shared.reader_gone() {
                return Err(Refused::Gone);
            }
            let is_packet = matches!(signal, Signal::Packet(_));
            match self.sender.try_send(signal) {
                Ok(()) => {
                    self.count_pushed(is_packet);
                    self.reader.wake();
                    return Ok(());
                }
                Err(TrySendError::Disconnected(_)) => return Err(Refused::Gone),
                Err(TrySendError::Full(back)) => {
                    let Some(spill) = &self.spill else {
                        return Err(Refused::Full(back));
                    };
                    signal = back;
                    if let Ok(oldest) = spill.try_recv() {
                        add_one(&self.shared.sender.discarded);
                        if matches!(oldest, Signal::Packet(_)) {
                            add_one(&self.shared.sender.dropped);
                        }
                    }
                }
            }
        }
    }

    /// Has the reader woken whenever something enters the wire or it ends.
    pub(crate) fn wake_reader(&mut self, waker: Waker) {
        self.reader = Woken(Some(waker));
    }

    /// Has the sender woken once the reader has made room or is gone. It looks once more after it
    /// has asked, and now and then: the reader may not have seen what it asks for.
    pub(crate) fn await_room(&self, waker: &Waker) {
        self.shared.sender_waker.get_or_init(|| waker.clone());
        self.shared.awaits_room.store(true, Ordering::SeqCst);
    }

    /// Promises that nothing before `time` will be sent; `false`: nobody reads the wire any more.
    /// Promises take no room: a reader that waits for another input would otherwise leave the
    /// wire full of them.
    pub(crate) fn promise(&mut self, time: Time) -> bool {
        if self.shared.reader_gone() {
            return false;
        }
        let promised = &self.shared.sender.promised;
        promised.store(time.nanos(), Ordering::Release);
        // With the fence in `promised`: either the reader sees the promise, or it is seen to have
        // taken everything.
        fence(Ordering::SeqCst);
        if self.sender.is_empty() && self.sender.try_send(Signal::Watermark(time)).is_ok() {
            self.count_pushed(false);
        }
        true
    }

    /// Looks, as often as a channel's own sending does before it sleeps, until half of the wire is
    /// empty: two ends that wait for each other at every packet would be in each other's way.
    /// `false`: nothing was taken meanwhile.
    pub(crate) fn look_for_room(&self) -> bool {
        let room = self.sender.capacity().unwrap_or(usize::MAX);
        look(|| self.sender.len() * 2 <= room || self.shared.reader_gone())
            || !self.sender.is_full()
    }

    /// The channel itself, to wait on when it is full.
    pub(crate) fn channel(&self) -> &Sender<Signal> {
        &self.sender
    }

    /// Counts a signal that entered by [`WireSender::channel`].
    pub(crate) fn count_pushed(&self, is_packet: bool) {
        if is_packet {
            add_one(&self.shared.sender.sent);
        }
        add_one(&self.shared.sender.pushed);
    }

    /// Doubles the wire: a new channel takes over, and the reader moves to it once it has emptied
    /// the old one.
    pub(crate) fn grow(&mut self) {
        let capacity = self.shared.capacity();
        let (sender, receiver) = bounded(capacity);
        self.shared
            .successors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(receiver);
        let counters = &self.shared.sender;
        let pushed = counters.pushed.load(Ordering::Relaxed);
        counters.before.store(pushed, Ordering::Release);
        counters.room.store(capacity as u64, Ordering::Release);
        self.shared.capacity.store(capacity * 2, Ordering::Release);
        self.sender = sender;
    }

    /// Ends the stream at `time`.
    pub(crate) fn end(self, time: Time) {
        self.shared.end.store(time.nanos(), Ordering::Release);
    }
}

impl Drop for WireSender {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
    }
}

/// The end of a wire that a node reads.
#[derive(Debug)]
pub(crate) struct WireReceiver {
    receiver: Receiver<Signal>,
    pub(crate) shared: Arc<Shared>,
    /// When the packet was captured whose age was measured last.
    captured: Option<Instant>,
    /// What [`WireReceiver::wait`] has taken out of the channel.
    waited_for: Option<Signal>,
}

/// What a look into a wire found.
#[derive(Debug)]
pub(crate) enum Received {
    Signal(Signal),
    /// Nothing yet.
    Empty,
    /// The stream ended at this time.
    Ended(Time),
    /// The sender went away without ending the stream: its node failed.
    Broken,
}

impl WireReceiver {
    /// Looks for something to receive as often as a channel's own receiving does before it sleeps;
    /// `false`: there is nothing still.
    pub(crate) fn look_for_signal(&self) -> bool {
        self.waited_for.is_some() || look(|| !self.receiver.is_empty())
    }

    /// Waits until there is something to receive or to learn.
    pub(crate) fn wait(&mut self) {
        if self.waited_for.is_none() {
            // That nothing more comes is seen by the next look.
            self.waited_for = self.receiver.recv().ok();
        }
    }

    /// Nothing before this time will follow, if the wire is found empty after this was asked.
    pub(crate) fn promised(&self) -> Time {
        fence(Ordering::SeqCst);
        Time::from_nanos(self.shared.sender.promised.load(Ordering::Acquire))
    }

    /// Takes the next signal without waiting.
    pub(crate) fn try_receive(&mut self) -> Received {
        loop {
            let next = match self.waited_for.take() {
                Some(signal) => Ok(signal),
                None => self.receiver.try_recv(),
            };
            match next {
                Ok(signal) => {
                    add_one(&self.shared.reader.popped);
                    self.shared.wake_sender();
                    if let Signal::Packet(packet) = &signal {
                        self.count_received(packet);
                    }
                    return Received::Signal(signal);
                }
                Err(TryRecvError::Empty) => return Received::Empty,
                Err(TryRecvError::Disconnected) => {
                    let successor = self
                        .shared
                        .successors
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .pop_front();
                    match (successor, self.shared.end.load(Ordering::Acquire)) {
                        (Some(receiver), _) => self.receiver = receiver,
                        (None, NOT_ENDED) => return Received::Broken,
                        (None, end) => return Received::Ended(Time::from_nanos(end)),
                    }
                }
            }
        }
    }

    /// The channel itself, to wait on when it is empty.
    pub(crate) fn channel(&self) -> &Receiver<Signal> {
        &self.receiver
    }

    fn count_received(&mut self, packet: &Packet) {
        add_one(&self.shared.reader.received);
        let since = self
            .captured
            .and_then(|measured| packet.captured.checked_duration_since(measured));
        if since.is_some_and(|since| since < GRAIN) {
            return;
        }
        self.captured = Some(packet.captured);
        let age = u64::try_from(packet.captured.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let reader = &self.shared.reader;
        reader.age.store(age, Ordering::Release);
        if age > reader.oldest.load(Ordering::Relaxed) {
            reader.oldest.store(age, Ordering::Release);
        }
    }
}

impl Drop for WireReceiver {
    fn drop(&mut self) {
        self.shared.reader_gone.store(true, Ordering::Release);
        self.shared.wake_sender();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Payload;

    fn packet(number: i64) -> Signal {
        let time = Time::from_nanos(number);
        Signal::Packet(Packet {
            time,
            captured: Instant::now(),
            payload: Payload::Control(number as f32),
        })
    }

    fn drain(receiver: &mut WireReceiver) -> Vec<i64> {
        let mut times = Vec::new();
        while let Received::Signal(Signal::Packet(packet)) = receiver.try_receive() {
            times.push(packet.time.nanos());
        }
        times
    }

    #[test]
    fn latest_keeps_only_the_newest_and_counts_the_rest() {
        let (mut sender, mut receiver) = wire("w".into(), Policy::Latest);
        for number in 0..5 {
            sender.try_send(packet(number)).unwrap();
        }
        assert_eq!(drain(&mut receiver), [4]);
        let report = receiver.shared.report();
        assert_eq!(
            (report.sent, report.received, report.dropped, report.depth),
            (5, 1, 4, 0)
        );
    }

    #[test]
    fn drop_oldest_keeps_the_newest_in_order() {
        let (mut sender, mut receiver) = wire("w".into(), Policy::DropOldest(3));
        for number in 0..5 {
            sender.try_send(packet(number)).unwrap();
        }
        assert_eq!(drain(&mut receiver), [2, 3, 4]);
    }

    #[test]
    fn a_wire_that_grew_stays_full_for_its_sender_until_the_reader_comes_to_the_new_channel() {
        let (mut sender, mut receiver) = wire("w".into(), Policy::Block(2));
        let fill = |sender: &mut WireSender| {
            while sender.try_send(packet(0)).is_ok() {}
        };
        fill(&mut sender);
        sender.grow();
        fill(&mut sender);
        assert!(sender.shared.is_full() && sender.shared.depth() == 4);
        for left in [3, 2] {
            assert!(matches!(receiver.try_receive(), Received::Signal(_)));
            assert_eq!(sender.shared.depth(), left);
            assert!(sender.shared.is_full() && sender.try_send(packet(0)).is_err());
        }
        assert!(matches!(receiver.try_receive(), Received::Signal(_)));
        assert!(!sender.shared.is_full() && sender.try_send(packet(0)).is_ok());
    }

    #[test]
    fn promises_take_no_room_and_the_last_is_known_once_everything_was_taken() {
        let (mut sender, mut receiver) = wire("w".into(), Policy::Block(2));
        for number in 0..1_000 {
            assert!(sender.promise(Time::from_nanos(number)));
        }
        assert_eq!(sender.shared.depth(), 1);
        sender.try_send(packet(1_000)).unwrap();
        assert!(sender.promise(Time::from_nanos(2_000)));
        assert_eq!(sender.shared.depth(), 2);
        while let Received::Signal(_) = receiver.try_receive() {}
        assert_eq!(receiver.promised(), Time::from_nanos(2_000));
        drop(receiver);
        assert!(!sender.promise(Time::from_nanos(3_000)));
    }

    #[test]
    fn of_captures_that_fall_together_the_first_counts_for_the_age() {
        let (mut sender, mut receiver) = wire("w".into(), Policy::Block(2));
        let begin = Instant::now()
            .checked_sub(Duration::from_millis(9))
            .unwrap();
        let mut age_of = |captured: Instant| {
            let payload = Payload::Control(0.0);
            let time = Time::ZERO;
            sender
                .try_send(Signal::Packet(Packet {
                    time,
                    captured,
                    payload,
                }))
                .unwrap();
            assert!(matches!(receiver.try_receive(), Received::Signal(_)));
            receiver.shared.report().age
        };
        let first = age_of(begin);
        assert!(first >= Duration::from_millis(9));
        assert_eq!(age_of(begin + GRAIN / 2), first);
        assert_ne!(age_of(begin + GRAIN), first);
    }

    #[test]
    fn block_refuses_instead_of_dropping() {
        let (mut sender, mut receiver) = wire("w".into(), Policy::Block(2));
        sender.try_send(packet(0)).unwrap();
        sender.try_send(packet(1)).unwrap();
        assert!(matches!(sender.try_send(packet(2)), Err(Refused::Full(_))));
        assert_eq!(drain(&mut receiver), [0, 1]);
        assert_eq!(receiver.shared.report().dropped, 0);
    }

    #[test]
    fn a_grown_wire_keeps_the_order() {
        let (mut sender, mut receiver) = wire("w".into(), Policy::Block(1));
        sender.try_send(packet(0)).unwrap();
        sender.grow();
        sender.try_send(packet(1)).unwrap();
        sender.grow();
        sender.try_send(packet(2)).unwrap();
        sender.end(Time::from_nanos(9));
        assert_eq!(drain(&mut receiver), [0, 1, 2]);
        assert!(matches!(receiver.try_receive(), Received::Ended(end) if end.nanos() == 9));
    }

    #[test]
    fn a_sender_that_dies_without_an_end_breaks_the_wire() {
        let (sender, mut receiver) = wire("w".into(), Policy::Block(1));
        drop(sender);
        assert!(matches!(receiver.try_receive(), Received::Broken));
    }

    #[test]
    fn nobody_to_read_is_told_to_the_sender_of_a_dropping_wire() {
        let (mut sender, receiver) = wire("w".into(), Policy::Latest);
        drop(receiver);
        assert!(matches!(sender.try_send(packet(0)), Err(Refused::Gone)));
    }
}
