//! Notes that wait for their frames.

use std::collections::VecDeque;

use score_engine::{ChannelChange, Input, InputPort, NodeError, Note};

/// What is due at a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Note(Note),
    Change(ChannelChange),
}

/// Notes that have arrived and not begun, and what is done to their channels, in the order of their
/// frames.
pub(crate) struct NoteQueue {
    rate: u32,
    due: VecDeque<(u64, Act)>,
}

impl NoteQueue {
    /// An empty queue at `rate` frames per second.
    pub(crate) fn new(rate: u32) -> Self {
        NoteQueue {
            rate,
            due: VecDeque::new(),
        }
    }

    /// Takes what came to the input `port`.
    ///
    /// # Errors
    /// It came to another.
    pub(crate) fn take(&mut self, input: &Input, port: InputPort<Note>) -> Result<(), NodeError> {
        let frame = input.packet.time.to_samples(self.rate);
        let changes = input.packet.changes().iter();
        let notes = input.read(port)?.iter();
        let acts =
            (changes.map(|change| Act::Change(*change))).chain(notes.map(|note| Act::Note(*note)));
        // Live, some wires bring notes ahead of their time and others do not.
        let first = self.due.partition_point(|(other, _)| *other <= frame);
        for (place, act) in (first..).zip(acts) {
            self.due.insert(place, (frame, act));
        }
        Ok(())
    }

    /// What is due next, at `frame` or before it.
    pub(crate) fn next(&mut self, frame: u64) -> Option<Act> {
        self.due.front().filter(|(due, _)| *due <= frame)?;
        self.due.pop_front().map(|(_, act)| act)
    }

    /// The frame at which something is due, or `end` where that comes before it.
    pub(crate) fn until(&self, end: u64) -> u64 {
        self.due.front().map_or(end, |(frame, _)| (*frame).min(end))
    }
}
