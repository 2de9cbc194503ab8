//! Collects notes and writes them to a Standard MIDI File.

use std::collections::BTreeSet;
use std::path::Path;

use score_engine::{NodeError, Note, Time, Transport};

use super::writing;
use crate::output::OutputFile;

/// A MIDI file that grows beside its place.
pub(crate) struct NoteWriter {
    file: OutputFile,
    transport: Transport,
    program: u8,
    events: Vec<(u64, Note)>,
    sounding: BTreeSet<(u8, u8)>,
}

impl NoteWriter {
    /// Begins the file at `path`; `program` is its General MIDI sound.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn create(
        path: &Path,
        transport: &Transport,
        program: u8,
    ) -> Result<Self, NodeError> {
        Ok(NoteWriter {
            file: OutputFile::create(path)?,
            transport: transport.clone(),
            program,
            events: Vec::new(),
            sounding: BTreeSet::new(),
        })
    }

    /// Adds notes that begin or end at `time`.
    pub(crate) fn write(&mut self, time: Time, notes: &[Note]) {
        let tick = writing::tick(&self.transport, time);
        for note in notes {
            let key = (note.channel(), note.pitch());
            match note {
                Note::On { .. } => drop(self.sounding.insert(key)),
                Note::Off { .. } => drop(self.sounding.remove(&key)),
            }
            self.events.push((tick, *note));
        }
    }

    /// Closes what still sounds at `end` and writes the file, not yet under its final name.
    ///
    /// # Errors
    /// The disk is full, or the notes last longer than the format can say.
    pub(crate) fn finish(&mut self, end: Time) -> Result<(), NodeError> {
        let end = writing::tick(&self.transport, end);
        for (channel, pitch) in std::mem::take(&mut self.sounding) {
            self.events.push((end, Note::Off { channel, pitch }));
        }
        // Live, notes of several wires come in the order of their coming. Stable: those of one tick keep it.
        self.events.sort_by_key(|(tick, _)| *tick);
        let bytes = writing::bytes(&self.transport, self.program, &self.events, end)?;
        self.file.write(&bytes)
    }

    /// Gives the file its final name.
    ///
    /// # Errors
    /// It cannot be put in its place.
    pub(crate) fn commit(&mut self) -> Result<(), NodeError> {
        self.file.commit()
    }
}
