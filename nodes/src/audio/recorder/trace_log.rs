//! Keeps the traces of the nodes that play, so that they can run again.

use std::collections::BTreeSet;
use std::fs::File;

use score_engine::trace::{TraceHub, TraceListener};
use score_engine::{Build, NodeError, Packet, Time, Transport};

use super::line_file::LineFile;
use crate::growing_file::GrowingFile;
use crate::take::{MAGIC, NoteLog, frame};

/// Bytes of the recorder's own part that wait for a node to be traced: where none is there is no
/// file.
const MOST_WAITING: usize = 1 << 20;

/// A part of its own that is larger is written at once.
const LARGE: usize = 8 * 1024;

/// A file of traces that grows.
pub(super) struct TraceLog {
    listener: TraceListener,
    file: LineFile,
    notes: NoteLog,
    state: State,
    /// The traces that have begun since the take has.
    begun: BTreeSet<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No node that runs has a trace yet.
    Waits,
    Written,
    /// Too much was played without one.
    Off,
}

impl TraceLog {
    /// Begins the trace of a live run, whose file of notes begins with `transport`; `None`: the run
    /// makes no traces.
    ///
    /// # Errors
    /// The system has no handle of the file left.
    pub(super) fn begin(
        file: GrowingFile,
        build: &Build<'_>,
        sources: &[String],
        transport: &Transport,
    ) -> Result<Option<Self>, NodeError> {
        let Some(hub) = build.settings.shared::<TraceHub>() else {
            return Ok(None);
        };
        let mut notes = NoteLog::default();
        notes.begin(sources, transport);
        Ok(Some(TraceLog {
            listener: hub.listen(),
            file: LineFile::live(file)?,
            notes,
            state: State::Waits,
            begun: BTreeSet::new(),
        }))
    }

    /// Notes were taken from `wire`, whose time in the file of notes is `file`.
    pub(super) fn notes(&mut self, wire: usize, file: Time, packet: &Packet) {
        if self.state != State::Off {
            self.notes.notes(wire, (packet.time, file), &packet.payload);
        }
    }

    /// The file of notes goes on by another transport.
    pub(super) fn retime(&mut self, transport: &Transport, since: Time) {
        if self.state != State::Off {
            self.notes.retime(transport, since);
        }
    }

    /// Another file of notes begins where the one before ended.
    pub(super) fn next(&mut self, end: Time, transport: &Transport) {
        if self.state != State::Off {
            self.notes.next(end, transport);
        }
    }

    /// The file of notes ends.
    pub(super) fn end(&mut self, end: Time) {
        if self.state != State::Off {
            self.notes.end(end);
        }
    }

    /// Takes what the nodes have handed over.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn keep(&mut self) -> Result<(), NodeError> {
        for chunk in self.listener.chunks() {
            if self.state == State::Waits {
                self.state = State::Written;
                self.file.append(MAGIC)?;
            }
            // Of a node that began before the take the rest is of no use.
            if chunk.number == 0 {
                self.begun.insert(chunk.trace);
            }
            if self.state == State::Written && self.begun.contains(&chunk.trace) {
                self.file.append(&frame(&chunk))?;
            }
        }
        if self.state == State::Waits && self.notes.len() > MOST_WAITING {
            self.state = State::Off;
            self.notes = NoteLog::default();
        }
        if self.state == State::Written && self.notes.len() > LARGE {
            self.keep_notes()?;
        }
        Ok(())
    }

    fn keep_notes(&mut self) -> Result<(), NodeError> {
        match self.notes.chunk() {
            Some(chunk) => self.file.append(&frame(&chunk)),
            None => Ok(()),
        }
    }

    /// Writes what has come, and gives the file to be put on the disk.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn flush(&mut self) -> Result<Option<File>, NodeError> {
        self.keep()?;
        if self.state != State::Written {
            return Ok(None);
        }
        self.keep_notes()?;
        self.file.flush()
    }

    /// Gives the file its final name, where there is something in it.
    ///
    /// # Errors
    /// It cannot be put in its place.
    pub(super) fn commit(&mut self) -> Result<(), NodeError> {
        match self.state {
            State::Written => self.file.commit(),
            // An empty file goes when it is dropped.
            _ => Ok(()),
        }
    }
}
