//! Collects notes and writes them to a Standard MIDI File.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use score_engine::{Build, Event, InputPort, NodeError, Note, Packet, Time, Transport};

use super::writing::{self, Act, Conductor, Part};
use crate::chords::Chords;
use crate::growing_file::GrowingFile;
use crate::output::{Claim, OutputFile};

/// The channel of percussion.
const PERCUSSION: u8 = 9;

/// How many channels there are.
const CHANNELS: u8 = 16;

/// What is written where no chord sounds.
const NO_CHORD: &str = "N.C.";

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
    /// The General MIDI sound of each wire. Where there are any, every part gets a channel of its own.
    programs: Vec<u8>,
    conductor: Conductor,
    /// How many scenes have begun.
    scenes: u32,
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
        input: InputPort<Note>,
        program: u8,
    ) -> Result<Self, NodeError> {
        let place = Place::Offline(Box::new(OutputFile::begin(claim)?));
        Ok(Self::new(place, build, input, build.transport, program))
    }

    /// Writes what comes into `input` in a live run to `file`, at the tempo of `transport`.
    pub(crate) fn live(
        file: GrowingFile,
        build: &Build<'_>,
        input: InputPort<Note>,
        transport: &Transport,
        program: u8,
    ) -> Self {
        let place = Place::Live(Arc::new(Mutex::new(file)));
        Self::new(place, build, input, transport, program)
    }

    fn new(
        place: Place,
        build: &Build<'_>,
        input: InputPort<Note>,
        transport: &Transport,
        program: u8,
    ) -> Self {
        let source = |wire| match build.source(input, wire) {
            Some(source) => source.to_owned(),
            None if build.wires(input) > 1 => format!("{} {}", input.name(), wire + 1),
            None => input.name().to_owned(),
        };
        NoteWriter {
            place,
            transport: transport.clone(),
            program,
            programs: Vec::new(),
            conductor: Conductor::of(transport),
            scenes: 1,
            sources: (0..build.wires(input)).map(source).collect(),
            parts: BTreeMap::new(),
            sounding: BTreeSet::new(),
        }
    }

    /// The same, with names for the wires, in order, in place of what the patch calls them.
    pub(crate) fn names(mut self, names: &[String]) -> Self {
        for (source, name) in self.sources.iter_mut().zip(names) {
            source.clone_from(name);
        }
        self
    }

    /// The same, with a General MIDI sound for each wire and, for each part, a channel of its own.
    pub(crate) fn programs(mut self, programs: &[u8]) -> Self {
        self.programs = programs.to_vec();
        self
    }

    /// Adds the chord and the key from `time` on.
    pub(crate) fn hear_chords(&mut self, time: Time, chords: Chords) {
        let tick = writing::tick(&self.transport, time);
        let conductor = &mut self.conductor;
        if conductor.keys.last().map(|(_, key)| *key) != Some(chords.key) {
            // A key that is known later than the first note holds from the beginning.
            let since = if conductor.keys.is_empty() { 0 } else { tick };
            conductor.keys.push((since, chords.key));
        }
        let symbol = match chords.chord {
            Some(chord) => chord.to_string(),
            None => NO_CHORD.to_owned(),
        };
        let last = conductor.chords.last().map(|(_, last)| last.as_str());
        if last != Some(symbol.as_str()) && !(last.is_none() && symbol == NO_CHORD) {
            conductor.chords.push((tick, symbol));
        }
    }

    /// Adds a marker where something happened: a cut begins the next scene, other events are called as they are.
    pub(crate) fn mark(&mut self, time: Time, event: &Event) {
        let tick = writing::tick(&self.transport, time);
        let markers = &mut self.conductor.markers;
        if event.name != "cut" {
            markers.push((tick, event.name.clone()));
            return;
        }
        if self.scenes == 1 {
            markers.insert(0, (0, "scene 1".to_owned()));
        }
        self.scenes += 1;
        markers.push((tick, format!("scene {}", self.scenes)));
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
        let mut free = (0..CHANNELS)
            .filter(|channel| *channel != PERCUSSION)
            .cycle();
        let parts: Vec<(Part, u8)> = parts
            .into_iter()
            .map(|((wire, channel), acts)| {
                let own = !self.programs.is_empty() && channel != PERCUSSION;
                let part = Part {
                    name: self.name(wire, channel),
                    channel: own.then(|| free.next()).flatten().unwrap_or(channel),
                    acts,
                };
                (part, *self.programs.get(wire).unwrap_or(&self.program))
            })
            .collect();
        let parts: Vec<(&Part, u8)> = parts.iter().map(|(part, sound)| (part, *sound)).collect();
        writing::file(&self.conductor, &parts, end)
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
