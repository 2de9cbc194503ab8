//! What a trace says, step by step.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::writing::{TraceReader, TraceWriter};
use crate::custom::CustomForms;
use crate::node::Wiring;
use crate::packet::Payload;
use crate::port::PortType;
use crate::time::Time;
use crate::transport::Transport;
use crate::watermark::Watermark;

/// The node that a trace is of, as it was built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Built {
    pub(super) id: String,
    pub(super) kind: String,
    /// Every parameter.
    pub(super) values: Map<String, Value>,
    pub(super) inputs: Vec<Option<PortType>>,
    pub(super) outputs: Vec<PortType>,
    pub(super) wires: Vec<usize>,
    pub(super) sources: Vec<Vec<String>>,
    pub(super) transport: Transport,
    pub(super) with_run: bool,
}

impl Built {
    pub(super) fn wiring(&self) -> Wiring<'_> {
        Wiring {
            id: &self.id,
            inputs: &self.inputs,
            wires: &self.wires,
            sources: &self.sources,
            outputs: &self.outputs,
        }
    }
}

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// The node was built; the first step of each trace.
    Built(Box<Built>),
    /// The processor is called; what follows up to the next such step happens in the call.
    Process,
    /// It is called for the last time.
    Finish,
    /// It gets new values.
    Set(Vec<(String, Value)>),
    /// It gets another transport.
    Retime(Box<Transport>),
    /// It finds nothing to take.
    Nothing,
    /// It takes a packet.
    Took(Took),
    /// It asks what time it is.
    Now(Time),
    /// It asks for its inputs' watermark.
    Watermark(Watermark),
    /// It asks up to where everything is known.
    Reached(Watermark),
    /// It asks when its inputs ended.
    End(Option<Time>),
    /// It asks whether the run is being stopped.
    Stop(bool),
    /// It sends.
    Sent(Sent),
    /// What it sent was not taken: the run is being stopped.
    Refused,
    /// The call before has failed; the last step.
    Failed,
}

/// A packet that was taken.
#[derive(Clone, Debug)]
pub(super) struct Took {
    pub(super) port: usize,
    pub(super) wire: usize,
    pub(super) heard: Time,
    pub(super) time: Time,
    pub(super) payload: Payload,
}

/// A packet that was sent; of what it carries only the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sent {
    pub(super) port: usize,
    pub(super) time: Time,
    pub(super) hash: u32,
}

pub(super) const BUILT: u8 = 0;
pub(super) const PROCESS: u8 = 1;
pub(super) const FINISH: u8 = 2;
pub(super) const SET: u8 = 3;
pub(super) const RETIME: u8 = 4;
pub(super) const NOTHING: u8 = 5;
pub(super) const TOOK: u8 = 6;
pub(super) const NOW: u8 = 7;
pub(super) const WATERMARK: u8 = 8;
pub(super) const REACHED: u8 = 9;
pub(super) const END: u8 = 10;
pub(super) const STOP: u8 = 11;
pub(super) const SENT: u8 = 12;
pub(super) const REFUSED: u8 = 13;
pub(super) const FAILED: u8 = 14;

/// Writes a time that may be missing.
pub(super) fn write_maybe(to: &mut TraceWriter, time: Option<Time>) {
    to.byte(u8::from(time.is_some()));
    if let Some(time) = time {
        to.time(time);
    }
}

fn read_maybe(from: &mut TraceReader<'_>) -> Option<Option<Time>> {
    match from.byte()? {
        0 => Some(None),
        1 => Some(Some(from.time()?)),
        _ => None,
    }
}

/// Writes up to where a stream is known.
pub(super) fn write_watermark(to: &mut TraceWriter, watermark: Watermark) {
    write_maybe(
        to,
        match watermark {
            Watermark::At(time) => Some(time),
            Watermark::End => None,
        },
    );
}

fn read_watermark(from: &mut TraceReader<'_>) -> Option<Watermark> {
    Some(read_maybe(from)?.map_or(Watermark::End, Watermark::At))
}

/// The steps of a chunk; `None`: it is damaged.
pub(super) fn read(bytes: &[u8], forms: &CustomForms) -> Option<Vec<Op>> {
    let mut from = TraceReader::new(bytes);
    let mut ops = Vec::new();
    while !from.is_empty() {
        ops.push(read_one(&mut from, forms)?);
    }
    Some(ops)
}

fn read_one(from: &mut TraceReader<'_>, forms: &CustomForms) -> Option<Op> {
    Some(match from.byte()? {
        BUILT => Op::Built(from.json()?),
        PROCESS => Op::Process,
        FINISH => Op::Finish,
        SET => Op::Set(from.json()?),
        RETIME => Op::Retime(from.json()?),
        NOTHING => Op::Nothing,
        TOOK => Op::Took(Took {
            port: usize::try_from(from.number()?).ok()?,
            wire: usize::try_from(from.number()?).ok()?,
            heard: from.time()?,
            time: from.time()?,
            payload: from.content(forms)?,
        }),
        NOW => Op::Now(from.time()?),
        WATERMARK => Op::Watermark(read_watermark(from)?),
        REACHED => Op::Reached(read_watermark(from)?),
        END => Op::End(read_maybe(from)?),
        STOP => Op::Stop(from.byte()? != 0),
        SENT => Op::Sent(Sent {
            port: usize::try_from(from.number()?).ok()?,
            time: from.time()?,
            hash: u32::try_from(from.number()?).ok()?,
        }),
        REFUSED => Op::Refused,
        FAILED => Op::Failed,
        _ => return None,
    })
}

/// The codes that a node has taken, as a part of its trace has them.
#[derive(Clone, Debug, Default)]
pub struct TracedCodes {
    /// The node's id, where the part is the first of the trace.
    pub node: Option<String>,
    /// The codes, with their times.
    pub codes: Vec<(Time, Arc<[f32]>)>,
}

/// The codes that a node has taken, of a part of its trace; `None`: it is damaged.
pub fn codes(bytes: &[u8], forms: &CustomForms) -> Option<TracedCodes> {
    let mut traced = TracedCodes::default();
    for op in read(bytes, forms)? {
        match op {
            Op::Built(built) => traced.node = Some(built.id),
            Op::Took(Took {
                time,
                payload: Payload::Latent(code),
                ..
            }) => traced.codes.push((time, code)),
            _ => {}
        }
    }
    Some(traced)
}

/// How many steps a chunk has; `None`: it is damaged.
pub fn check(bytes: &[u8], forms: &CustomForms) -> Option<usize> {
    read(bytes, forms).map(|ops| ops.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_are_read_as_they_were_written() {
        let mut writer = TraceWriter::new();
        writer.byte(PROCESS);
        writer.byte(NOW);
        writer.time(Time::from_seconds(3.5));
        writer.byte(REACHED);
        write_watermark(&mut writer, Watermark::End);
        writer.byte(END);
        write_maybe(&mut writer, Some(Time::from_seconds(2.0)));
        writer.byte(SET);
        writer.json(&[("gain", Value::from(0.1))]);
        let bytes = writer.take();
        let ops = read(&bytes, &CustomForms::default()).unwrap();
        let [
            Op::Process,
            Op::Now(now),
            Op::Reached(reached),
            Op::End(end),
            Op::Set(values),
        ] = &ops[..]
        else {
            panic!("{ops:?}");
        };
        assert_eq!(*now, Time::from_seconds(3.5));
        assert_eq!(*reached, Watermark::End);
        assert_eq!(*end, Some(Time::from_seconds(2.0)));
        assert_eq!(values[..], [("gain".to_owned(), Value::from(0.1))]);
        assert!(read(&bytes[..bytes.len() - 1], &CustomForms::default()).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_of_steps_panic(bytes: Vec<u8>) {
            let _ = check(&bytes, &CustomForms::default());
            let _ = codes(&bytes, &CustomForms::default());
        }
    }
}
