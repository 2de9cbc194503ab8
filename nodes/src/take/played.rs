//! The notes and codes of a take, as sources play them.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use score_engine::trace::codes;
use score_engine::{NodeError, Payload, Performance, Time};

use super::note_log::{self, NUMBER, NoteOp};
use super::{Frames, Take};
use crate::midi::performance::instants;
use crate::midi::reading;
use crate::midi::smf::Item;

/// What an event of a MIDI file is that names its track.
const NAME: u8 = 3;

/// The notes of a take, for whoever asks for those of several sources: its trace, which is long, is
/// read once.
#[derive(Debug)]
pub struct Played<'a> {
    take: &'a Take,
    /// What the trace has; without, the .mid is asked.
    traced: Option<Traced>,
}

/// The notes that the recorder has written in the trace.
#[derive(Debug)]
struct Traced {
    /// What each wire brings, as the patch calls it.
    sources: Vec<String>,
    /// In order: when, from which wire, what.
    notes: Vec<(Time, usize, Payload)>,
}

impl Played<'_> {
    /// The notes that were recorded of what the recorded patch calls `source`, or of all; by their
    /// times in the take, which are exact where the take has a trace.
    ///
    /// # Errors
    /// There are none, or they cannot be read.
    pub fn of(&self, source: Option<&str>) -> Result<Vec<(Time, Payload)>, NodeError> {
        let Some(Traced { sources, notes }) = &self.traced else {
            return self.take.written_notes(source);
        };
        if let Some(wanted) = source
            && !sources.iter().any(|source| source == wanted)
        {
            return Err(no_source(wanted, sources));
        }
        let is_wanted = |wire: usize| {
            source.is_none_or(|wanted| sources.get(wire).is_some_and(|own| own == wanted))
        };
        let notes = notes.iter().filter(|(_, wire, _)| is_wanted(*wire));
        Ok(notes
            .map(|(time, _, notes)| (*time, notes.clone()))
            .collect())
    }
}

impl Take {
    /// The notes that were recorded, see [`Played::of`].
    ///
    /// # Errors
    /// There are none, or they cannot be read.
    pub fn played(&self, source: Option<&str>) -> Result<Vec<(Time, Payload)>, NodeError> {
        self.all_played()?.of(source)
    }

    /// All notes that were recorded, by their sources.
    ///
    /// # Errors
    /// The trace cannot be read.
    pub fn all_played(&self) -> Result<Played<'_>, NodeError> {
        Ok(Played {
            traced: self.traced_notes()?,
            take: self,
        })
    }

    /// What the recorder has written of the notes in the trace; `None`: nothing, or not all.
    fn traced_notes(&self) -> Result<Option<Traced>, NodeError> {
        let Some(frames) = self.frames()? else {
            return Ok(None);
        };
        let (mut notes, mut sources, mut begins) = (Vec::new(), Vec::new(), Time::ZERO);
        let mut next = 0;
        for chunk in frames {
            let chunk = chunk.map_err(|error| self.unreadable("trace", error))?;
            if chunk.trace != NUMBER {
                continue;
            }
            let ops = (chunk.number == next).then(|| note_log::read(&chunk.bytes));
            let Some(ops) = ops.flatten() else {
                return Ok(None);
            };
            next += 1;
            for op in ops {
                match op {
                    NoteOp::Begin(begin) => sources = begin.sources,
                    NoteOp::Notes {
                        wire,
                        file,
                        payload,
                        ..
                    } => notes.push((begins + file, wire, payload)),
                    NoteOp::Next(end, _) => begins = begins + end,
                    NoteOp::Retime(..) | NoteOp::End(_) => {}
                }
            }
        }
        if next == 0 {
            return Ok(None);
        }
        notes.sort_by_key(|(time, ..)| *time);
        Ok(Some(Traced { sources, notes }))
    }

    /// The notes in the .mid.
    fn written_notes(&self, wanted: Option<&str>) -> Result<Vec<(Time, Payload)>, NodeError> {
        let path = self.notes().ok_or_else(|| {
            let why = format!("the take `{}` has no notes", self.name());
            NodeError::input(why).help("wire notes into the recorder that makes the take")
        })?;
        let bytes = std::fs::read(&path).map_err(|error| self.unreadable("mid", error))?;
        let mut file = reading::open(&path)?;
        if let Some(wanted) = wanted {
            let mut names = Vec::new();
            for track in &mut file.tracks {
                let name = track.events.iter().find_map(|(_, item)| match item {
                    Item::Text(NAME, start, end) => {
                        Some(String::from_utf8_lossy(bytes.get(*start..*end)?).into_owned())
                    }
                    _ => None,
                });
                let name = name.unwrap_or_default();
                let is_wanted = name == wanted
                    || (name.strip_prefix(wanted)).is_some_and(|rest| rest.starts_with(", "));
                if !is_wanted {
                    // What it says of tempi holds for all.
                    track
                        .events
                        .retain(|(_, item)| !matches!(item, Item::Channel(..)));
                }
                names.push((name, is_wanted));
            }
            if !names.iter().any(|(_, is_wanted)| *is_wanted) {
                let names = names.into_iter().map(|(name, _)| name);
                let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
                return Err(no_source(wanted, &names));
            }
        }
        let (instants, _) = instants(&file);
        let payload = |(time, performance): (Time, Performance)| {
            let payload = match performance.changes.is_empty() {
                true => Payload::Notes(performance.notes),
                false => Payload::Performance(Arc::new(performance)),
            };
            (time, payload)
        };
        Ok(instants.into_iter().map(payload).collect())
    }

    /// The codes that the node called `node` took.
    ///
    /// # Errors
    /// The take has no trace, or it cannot be read.
    pub(crate) fn codes(&self, node: &str) -> Result<Codes, NodeError> {
        let frames = self.frames()?.ok_or_else(|| {
            let why = format!("the take `{}` has no codes: it has no trace", self.name());
            NodeError::input(why)
                .help("a recorder keeps the codes of the nodes whose notes it records")
        })?;
        Ok(Codes {
            node: node.to_owned(),
            begins: self.log.begins,
            frames,
            traces: Vec::new(),
            waiting: VecDeque::new(),
        })
    }

    /// What is in its file of traces; `None`: it has none that can be read.
    fn frames(&self) -> Result<Option<Frames<File>>, NodeError> {
        let Some(path) = self.trace() else {
            return Ok(None);
        };
        let frames = File::open(path).and_then(Frames::open);
        frames.map_err(|error| self.unreadable("trace", error))
    }

    fn unreadable(&self, ending: &str, error: std::io::Error) -> NodeError {
        let path = self.file(ending);
        NodeError::input(format!("`{}` cannot be read ({error})", path.display())).source(error)
    }
}

fn no_source(wanted: &str, names: &[String]) -> NodeError {
    let why = format!("the take has no notes of `{wanted}`");
    NodeError::input(why).help(match names {
        [] => "it has none at all".to_owned(),
        names => format!("it has those of {}", names.join(", ")),
    })
}

/// The codes that a node took, read little by little.
pub(crate) struct Codes {
    node: String,
    /// The time of the run at which the take begins.
    begins: Time,
    frames: Frames<File>,
    /// The numbers of the node's traces: it may have begun several times.
    traces: Vec<u64>,
    waiting: VecDeque<(Time, Arc<[f32]>)>,
}

impl Iterator for Codes {
    type Item = (Time, Arc<[f32]>);

    /// Up to where the file is whole.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(code) = self.waiting.pop_front() {
                return Some(code);
            }
            let chunk = self.frames.next()?.ok()?;
            if chunk.trace == NUMBER {
                continue;
            }
            // Values of other types are not asked for.
            let forms = crate::custom_forms();
            let Some(traced) = codes(&chunk.bytes, &forms) else {
                continue;
            };
            if traced.node.as_deref() == Some(&self.node) {
                self.traces.push(chunk.trace);
            }
            if self.traces.contains(&chunk.trace) {
                let begins = self.begins;
                let codes = traced.codes.into_iter();
                self.waiting
                    .extend(codes.map(|(time, code)| ((time - begins).max(Time::ZERO), code)));
            }
        }
    }
}
