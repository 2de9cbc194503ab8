//! Plays a take's notes again: its nodes run by their traces, and a file of notes is made of what
//! they send, as the recorder made it.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use score_engine::trace::{Outcome, Rerun, TraceChunk, content_hash};
use score_engine::{CustomForms, NodeError, Note, Packet, PortType, Registry, Settings, Time};

use super::note_log::{self, Begin, NUMBER, NoteOp};
use super::{Frames, Take};
use crate::midi::note_writer::{Casting, NoteWriter};
use crate::output::{Claim, OutputFile, Owner};

/// What became of a take that was played again.
#[derive(Clone, Debug, Default)]
pub struct Again {
    /// The files of notes, in their order: one, unless the recording was very long.
    pub files: Vec<Vec<u8>>,
    /// Notes that nodes have played again.
    pub played: u64,
    /// Notes that came from elsewhere, such as a keyboard, as they were recorded.
    pub kept: u64,
    /// Notes that were recorded, and that nobody has played again.
    pub missing: u64,
    /// How each node ran.
    pub nodes: Vec<Outcome>,
    /// From which byte on the file of traces is not whole.
    pub cut: Option<u64>,
    /// Whether the recorder's own part is whole up to its end.
    pub is_whole: bool,
}

impl Again {
    /// Whether every node has done what it did when it was recorded, up to the end.
    pub fn is_the_same(&self) -> bool {
        self.goes_to_the_end() && self.plays_the_same()
    }

    /// Whether every node has done what it did when it was recorded, as far as the trace goes.
    pub fn plays_the_same(&self) -> bool {
        // Where it was cut off, what played a note may be cut off before the note.
        let is_all_there = self.missing == 0 || !self.goes_to_the_end();
        is_all_there && self.nodes.iter().all(Outcome::is_the_same)
    }

    fn goes_to_the_end(&self) -> bool {
        self.is_whole && self.cut.is_none()
    }

    /// Writes the files of notes as `path`, or under its next free numbers, with the mark of the
    /// take. Returns their names.
    ///
    /// # Errors
    /// The folder is missing or cannot be written to, or the disk is full.
    pub fn write(&self, take: &Take, path: &Path) -> Result<Vec<PathBuf>, NodeError> {
        let owner = Owner::program("score replay");
        let written = self.files.iter().map(|bytes| {
            let claim = Claim::numbered(path, owner.clone()).marked_as(take.log.mark.clone());
            let mut file = OutputFile::begin(claim)?;
            file.write(bytes)?;
            file.commit_as()
        });
        written.collect()
    }
}

/// What a node has sent now in place of each packet that it sent when it was recorded, by that one's
/// time and hash.
#[derive(Default)]
struct Pool(HashMap<(Time, u32), VecDeque<Option<Packet>>>);

/// What was sent in place of a packet.
enum Now {
    /// The packet, or nothing.
    Sent(Option<Packet>),
    /// No node that runs again had sent it.
    Unknown,
}

impl Pool {
    fn take(&mut self, recorded: (Time, u32)) -> Now {
        let sent = self.0.get_mut(&recorded).and_then(VecDeque::pop_front);
        sent.map_or(Now::Unknown, Now::Sent)
    }
}

/// Runs the nodes of `take` again and makes its file of notes of what they send.
///
/// # Errors
/// The take has no trace, or it cannot be read.
pub fn play_again(
    take: &Take,
    registry: &Registry,
    settings: &Settings,
) -> Result<Again, NodeError> {
    let path = take.trace().ok_or_else(|| {
        let why = format!("no node of the take `{}` can run again: it has no trace", take.name());
        NodeError::input(why).help(
            "a recorder writes a .trace where notes are wired into it that a node plays whose inputs \
             can be kept; the notes themselves are in the .mid",
        )
    })?;
    let unreadable = |error: std::io::Error| {
        NodeError::input(format!("`{}` cannot be read ({error})", path.display())).source(error)
    };
    let file = File::open(&path).map_err(unreadable)?;
    let Some(mut frames) = Frames::open(file).map_err(unreadable)? else {
        let why = format!(
            "`{}` is not a trace that this program reads",
            path.display()
        );
        return Err(NodeError::input(why).help("a newer version may have written it"));
    };
    let mut rerun = Rerun::new(registry, settings);
    let mut pool = Pool::default();
    let mut notes = Notes::default();
    for chunk in &mut frames {
        let chunk = chunk.map_err(unreadable)?;
        if chunk.trace == NUMBER {
            notes.read(&chunk);
            continue;
        }
        rerun.run(&chunk, &mut |resent| {
            let packet = resent.packet.filter(|packet| packet.notes().is_ok());
            if let Some(recorded) = resent.recorded {
                pool.0.entry(recorded).or_default().push_back(packet);
            }
        });
    }
    let mut again = Again {
        cut: frames.cut(),
        nodes: rerun.outcomes().cloned().collect(),
        ..Again::default()
    };
    notes.write(&mut pool, &mut again)?;
    Ok(again)
}

/// The recorder's own part of the traces.
#[derive(Default)]
struct Notes {
    ops: Vec<NoteOp>,
    next: u64,
    is_damaged: bool,
}

impl Notes {
    fn read(&mut self, chunk: &TraceChunk) {
        let ops = (self.next == chunk.number).then(|| note_log::read(&chunk.bytes));
        match ops.flatten() {
            Some(mut ops) if !self.is_damaged => self.ops.append(&mut ops),
            // What follows counts from what is missing.
            _ => self.is_damaged = true,
        }
        self.next += 1;
    }

    /// Makes the files of notes as they were made when they were recorded, of what is in `pool`.
    fn write(self, pool: &mut Pool, again: &mut Again) -> Result<(), NodeError> {
        let mut ops = self.ops.into_iter();
        let Some(NoteOp::Begin(begin)) = ops.next() else {
            return Err(NodeError::input("the trace has no beginning"));
        };
        let Begin { sources, transport } = *begin;
        let mut writer = NoteWriter::nowhere(sources, &transport);
        let mut last = Time::ZERO;
        for op in ops {
            match op {
                NoteOp::Begin(_) => return Err(NodeError::input("the trace begins twice")),
                NoteOp::Notes {
                    wire,
                    run,
                    file,
                    payload,
                } => {
                    last = last.max(file);
                    let hash =
                        content_hash(&payload, Some(&PortType::Notes), &CustomForms::default());
                    let recorded = Packet {
                        time: run,
                        captured: Instant::now(),
                        payload,
                    };
                    let count = begun(&recorded);
                    let packet = match pool.take((run, hash)) {
                        Now::Sent(Some(packet)) => {
                            again.played += begun(&packet);
                            packet
                        }
                        Now::Sent(None) => {
                            again.missing += count;
                            continue;
                        }
                        // A wire that goes away has its notes ended for it.
                        Now::Unknown => {
                            again.kept += count;
                            recorded
                        }
                    };
                    let file = (file + (packet.time - run)).max(Time::ZERO);
                    writer.write(wire, file, &packet)?;
                }
                NoteOp::Retime(transport, since) => writer.retime(&transport, since),
                NoteOp::Next(end, transport) => {
                    again.files.push(writer.written(Casting::default(), end)?);
                    writer.begin_again(&transport);
                }
                NoteOp::End(end) => {
                    again.is_whole = !self.is_damaged;
                    last = end;
                    break;
                }
            }
        }
        again.files.push(writer.written(Casting::default(), last)?);
        Ok(())
    }
}

/// How many notes begin.
fn begun(packet: &Packet) -> u64 {
    let notes = packet.notes().map_or(&[][..], |notes| &notes[..]);
    let is_on = |note: &&Note| matches!(note, Note::On { .. });
    notes.iter().filter(is_on).count() as u64
}
