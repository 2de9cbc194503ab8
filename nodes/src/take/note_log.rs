//! What a recorder writes of the notes that it took, step by step, among the traces: by it a file of
//! notes is made again. It is the trace number 0.

use score_engine::trace::{TraceChunk, TraceReader, TraceWriter};
use score_engine::{CustomForms, Payload, PortType, Time, Transport};
use serde::{Deserialize, Serialize};

/// The number of this trace.
pub(crate) const NUMBER: u64 = 0;

const BEGIN: u8 = 0;
const NOTES: u8 = 1;
const RETIME: u8 = 2;
const NEXT: u8 = 3;
const END: u8 = 4;

/// What the file of notes begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Begin {
    /// What each wire brings, as the patch calls it.
    pub(crate) sources: Vec<String>,
    /// The transport in the file's time.
    pub(crate) transport: Transport,
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) enum NoteOp {
    /// The file begins.
    Begin(Box<Begin>),
    /// Notes were taken from a wire, with their time in the run and in the file.
    Notes {
        wire: usize,
        run: Time,
        file: Time,
        payload: Payload,
    },
    /// Another transport holds, in the file's time, from this time on.
    Retime(Box<Transport>, Time),
    /// The file ends, and another begins, with this transport.
    Next(Time, Box<Transport>),
    /// The file ends.
    End(Time),
}

/// Writes what a recorder does with notes.
#[derive(Debug, Default)]
pub(crate) struct NoteLog {
    writer: TraceWriter,
    number: u64,
    forms: CustomForms,
}

impl NoteLog {
    pub(crate) fn begin(&mut self, sources: &[String], transport: &Transport) {
        self.writer.byte(BEGIN);
        self.writer.json(&Begin {
            sources: sources.to_vec(),
            transport: transport.clone(),
        });
    }

    pub(crate) fn notes(&mut self, wire: usize, (run, file): (Time, Time), payload: &Payload) {
        self.writer.byte(NOTES);
        self.writer.number(wire as u64);
        self.writer.time(run);
        self.writer.time(file);
        let port_type = Some(&PortType::Notes);
        self.writer.content(payload, port_type, &self.forms);
    }

    pub(crate) fn retime(&mut self, transport: &Transport, since: Time) {
        self.writer.byte(RETIME);
        self.writer.json(transport);
        self.writer.time(since);
    }

    pub(crate) fn next(&mut self, end: Time, transport: &Transport) {
        self.writer.byte(NEXT);
        self.writer.time(end);
        self.writer.json(transport);
    }

    pub(crate) fn end(&mut self, end: Time) {
        self.writer.byte(END);
        self.writer.time(end);
    }

    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.writer.len()
    }

    /// What was written since the last time; `None`: nothing.
    pub(crate) fn chunk(&mut self) -> Option<TraceChunk> {
        if self.writer.is_empty() {
            return None;
        }
        let number = self.number;
        self.number += 1;
        Some(TraceChunk {
            trace: NUMBER,
            number,
            bytes: self.writer.take(),
        })
    }
}

/// The steps in a chunk; `None`: it is damaged.
pub(crate) fn read(bytes: &[u8]) -> Option<Vec<NoteOp>> {
    let mut from = TraceReader::new(bytes);
    let mut ops = Vec::new();
    while !from.is_empty() {
        ops.push(read_one(&mut from)?);
    }
    Some(ops)
}

fn read_one(from: &mut TraceReader<'_>) -> Option<NoteOp> {
    Some(match from.byte()? {
        BEGIN => NoteOp::Begin(from.json()?),
        NOTES => NoteOp::Notes {
            wire: usize::try_from(from.number()?).ok()?,
            run: from.time()?,
            file: from.time()?,
            payload: from.content(&CustomForms::default())?,
        },
        RETIME => NoteOp::Retime(from.json()?, from.time()?),
        NEXT => NoteOp::Next(from.time()?, from.json()?),
        END => NoteOp::End(from.time()?),
        _ => return None,
    })
}
