//! Collects notes and writes them to a Standard MIDI File.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use score_engine::{Build, NodeError, Note, Packet, Time, Transport};

use super::writing::{self, Act, Part};
use crate::growing_file::GrowingFile;
use crate::output::{Claim, OutputFile};

/// The channel of percussion.
const PERCUSSION: u8 = 9;

/// Where the file grows.
enum Place {
    Offline(Box<OutputFile>),
    /// Written anew from time to time, on another thread.
    Live(Arc<Mutex<GrowingFile>>),
}

/// A MIDI file that grows beside its place. One of a live run is kept when it is dropped, as it was written last.
pub(crate) struct NoteWriter {
    place: Place,
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
    /// Begins the file of a render whose name is claimed, for what comes into `input`; `program` is its General MIDI sound.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn offline(
        claim: Claim,
        build: &Build<'_>,
        input: &str,
        program: u8,
    ) -> Result<Self, NodeError> {
        let place = Place::Offline(Box::new(OutputFile::begin(claim)?));
        Ok(Self::new(place, build, input, build.transport, program))
    }

    /// Writes what comes into `input` in a live run to `file`, at the tempo of `transport`.
    pub(crate) fn live(
        file: GrowingFile,
        build: &Build<'_>,
        input: &str,
        transport: &Transport,
        program: u8,
    ) -> Self {
        let place = Place::Live(Arc::new(Mutex::new(file)));
        Self::new(place, build, input, transport, program)
    }

    fn new(
        place: Place,
        build: &Build<'_>,
        input: &str,
        transport: &Transport,
        program: u8,
    ) -> Self {
        let source = |wire| match build.source(input, wire) {
            Some(source) => source.to_owned(),
            None if build.wires(input) > 1 => format!("{input} {}", wire + 1),
            None => input.to_owned(),
        };
        NoteWriter {
            place,
            transport: transport.clone(),
            program,
            sources: (0..build.wires(input)).map(source).collect(),
            parts: BTreeMap::new(),
            sounding: BTreeSet::new(),
        }
    }

    /// Adds what a packet of `wire` brings for `time`.
    ///
    /// # Errors
    /// It brings no notes, which a checked patch rules out.
    pub(crate) fn write(
        &mut self,
        wire: usize,
        time: Time,
        packet: &Packet,
    ) -> Result<(), NodeError> {
        let tick = writing::tick(&self.transport, time);
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
        let bytes = self.bytes(end)?;
        match &mut self.place {
            Place::Offline(file) => file.write(&bytes),
            Place::Live(file) => lock(file).replace(&bytes),
        }
    }

    /// What puts the notes of a live run so far on the disk, as a file that ends at `end`.
    ///
    /// # Errors
    /// The notes last longer than the format can say.
    pub(crate) fn checkpoint(
        &self,
        end: Time,
    ) -> Result<Option<impl FnOnce() -> Result<(), NodeError> + Send + use<>>, NodeError> {
        let Place::Live(file) = &self.place else {
            return Ok(None);
        };
        let file = file.clone();
        let bytes = self.bytes(end)?;
        Ok(Some(move || lock(&file).replace(&bytes)))
    }

    /// The file, what still sounds closed at `end`.
    fn bytes(&self, end: Time) -> Result<Vec<u8>, NodeError> {
        let end = writing::tick(&self.transport, end);
        let mut parts = self.parts.clone();
        for &(wire, channel, pitch) in &self.sounding {
            let part = parts.entry((wire, channel)).or_default();
            part.push((end, Act::Note(Note::Off { channel, pitch })));
        }
        let parts: Vec<Part> = parts
            .into_iter()
            .map(|((wire, channel), acts)| Part {
                name: self.name(wire, channel),
                channel,
                acts,
            })
            .collect();
        writing::bytes(&self.transport, self.program, &parts, end)
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
        match &mut self.place {
            Place::Offline(file) => file.commit(),
            Place::Live(file) => lock(file).commit(),
        }
    }
}

fn lock(file: &Mutex<GrowingFile>) -> MutexGuard<'_, GrowingFile> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}
