//! Where the traces of a run's nodes go to whoever keeps them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// Chunks that wait for whoever keeps them, a few kilobytes each: minutes, while a disk is slow.
const MOST_WAITING: usize = 4_096;

/// A part of one node's trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceChunk {
    /// Which trace of the run, from 1.
    pub trace: u64,
    /// Which chunk of it, from 0. Where one is missing the trace is of no use from there on.
    pub number: u64,
    /// What was written.
    pub bytes: Vec<u8>,
}

/// Hands the traces of a run's nodes to those that listen. No node waits for any of them.
#[derive(Debug, Default)]
pub struct TraceHub {
    listeners: Mutex<Vec<Sender<TraceChunk>>>,
    is_heard: AtomicBool,
    traces: AtomicU64,
}

/// Gets the traces of a run's nodes, for as long as it lives.
#[derive(Debug)]
pub struct TraceListener(Receiver<TraceChunk>);

impl TraceListener {
    /// What has come.
    pub fn chunks(&self) -> impl Iterator<Item = TraceChunk> + '_ {
        self.0.try_iter()
    }
}

impl TraceHub {
    /// Listens from now on. Of nodes that have begun before, what comes is the rest.
    pub fn listen(&self) -> TraceListener {
        let (sender, receiver) = bounded(MOST_WAITING);
        let mut listeners = (self.listeners.lock()).unwrap_or_else(PoisonError::into_inner);
        listeners.push(sender);
        self.is_heard.store(true, Ordering::Release);
        TraceListener(receiver)
    }

    /// Whether anybody has ever listened.
    pub(super) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Acquire)
    }

    /// A number for the trace of a node.
    pub(super) fn begin(&self) -> u64 {
        self.traces.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Sends a chunk to all that listen; one that is slow misses it. `false`: somebody else is doing
    /// so at this moment, and the chunk is not made.
    pub(super) fn try_send(&self, chunk: impl FnOnce() -> TraceChunk) -> bool {
        match self.listeners.try_lock() {
            Ok(mut listeners) => send(&mut listeners, chunk()),
            Err(TryLockError::Poisoned(poisoned)) => send(&mut poisoned.into_inner(), chunk()),
            Err(TryLockError::WouldBlock) => return false,
        }
        true
    }

    /// The same, and waits for those microseconds.
    pub(super) fn send(&self, chunk: TraceChunk) {
        let mut listeners = (self.listeners.lock()).unwrap_or_else(PoisonError::into_inner);
        send(&mut listeners, chunk);
    }
}

fn send(listeners: &mut Vec<Sender<TraceChunk>>, chunk: TraceChunk) {
    listeners.retain(|listener| {
        let sent = listener.try_send(chunk.clone());
        !matches!(sent, Err(TrySendError::Disconnected(_)))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(number: u64) -> TraceChunk {
        TraceChunk {
            trace: 1,
            number,
            bytes: vec![1],
        }
    }

    #[test]
    fn who_listens_gets_what_is_sent_from_then_on_and_who_is_slow_holds_nobody_up() {
        let hub = TraceHub::default();
        hub.send(chunk(0));
        assert!(!hub.is_heard());
        let (quick, slow) = (hub.listen(), hub.listen());
        for number in 0..MOST_WAITING as u64 + 10 {
            assert!(hub.try_send(|| chunk(number)));
            assert!(quick.chunks().eq([chunk(number)]));
        }
        assert_eq!(slow.chunks().count(), MOST_WAITING);
        drop(slow);
        hub.send(chunk(9));
        assert_eq!(hub.listeners.lock().unwrap().len(), 1);
    }
}
