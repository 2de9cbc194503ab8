//! Collects notes and writes them to a Standard MIDI File.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use score_engine::{Build, NodeError, Note, Packet, Time, Transport};

use super::writing::{self, Act, Part};
use crate::output::OutputFile;

/// The channel of percussion.
const PERCUSSION: u8 = 9;

/// A MIDI file that grows beside its place.
pub(crate) struct NoteWriter {
    file: OutputFile,
    transport: Transport,
    program: u8,
    /// What each wire brings, as the patch calls it.
    sources: Vec<String>,
    /// What happened, by wire and channel.
    parts: BTreeMap<(usize, u8), Vec<(u64, Act)>>,
    /// Wire, channel and pitch of what sounds.
    sounding: BTreeSet<(usize, u8, u8)>,
}

impl NoteWriter {
    /// Begins the file at `path` for what comes into `input`; `program` is its General MIDI sound.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn create(
        path: &Path,
        build: &Build<'_>,
        input: &str,
        program: u8,
    ) -> Result<Self, NodeError> {
        let source = |wire| match build.source(input, wire) {
            Some(source) => source.to_owned(),
            None if build.wires(input) > 1 => format!("{input} {}", wire + 1),
            None => input.to_owned(),
        };
        Ok(NoteWriter {
            file: OutputFile::create(path)?,
            transport: build.transport.clone(),
            program,
            sources: (0..build.wires(input)).map(source).collect(),
            parts: BTreeMap::new(),
            sounding: BTreeSet::new(),
        })
    }

    /// Adds what a packet of `wire` brings.
    ///
    /// # Errors
    /// It brings no notes, which a checked patch rules out.
    pub(crate) fn write(&mut self, wire: usize, packet: &Packet) -> Result<(), NodeError> {
        let tick = writing::tick(&self.transport, packet.time);
        for change in packet.changes() {
            let part = self.parts.entry((wire, change.channel())).or_default();
            part.push((tick, Act::Change(*change)));
        }
        for note in packet.notes()?.iter() {
            let (channel, pitch) = (note.channel(), note.pitch());
            match note {
                Note::On { .. } => drop(self.sounding.insert((wire, channel, pitch))),
                Note::Off { .. } => drop(self.sounding.remove(&(wire, channel, pitch))),
            }
            let part = self.parts.entry((wire, channel)).or_default();
            part.push((tick, Act::Note(*note)));
        }
        Ok(())
    }

    /// Closes what still sounds at `end` and writes the file, not yet under its final name.
    ///
    /// # Errors
    /// The disk is full, or the notes last longer than the format can say.
    pub(crate) fn finish(&mut self, end: Time) -> Result<(), NodeError> {
        let end = writing::tick(&self.transport, end);
        for (wire, channel, pitch) in std::mem::take(&mut self.sounding) {
            let part = self.parts.entry((wire, channel)).or_default();
            part.push((end, Act::Note(Note::Off { channel, pitch })));
        }
        let parts: Vec<Part> = (self.parts.iter())
            .map(|((wire, channel), acts)| Part {
                name: self.name(*wire, *channel),
                channel: *channel,
                acts: acts.clone(),
            })
            .collect();
        let bytes = writing::bytes(&self.transport, self.program, &parts, end)?;
        self.file.write(&bytes)
    }

    /// What the track of a part is called: its source, and the channel where the source plays on several.
    fn name(&self, wire: usize, channel: u8) -> String {
        let source = self.sources.get(wire).map_or("notes", String::as_str);
        let channels = self.parts.keys().filter(|(of, _)| *of == wire).count();
        match (channels, channel) {
            (1, _) => source.to_owned(),
            (_, PERCUSSION) => format!("{source}, drums"),
            // As musicians count them.
            (_, channel) => format!("{source}, channel {}", channel + 1),
        }
    }

    /// Gives the file its final name.
    ///
    /// # Errors
    /// It cannot be put in its place.
    pub(crate) fn commit(&mut self) -> Result<(), NodeError> {
        self.file.commit()
    }
}
