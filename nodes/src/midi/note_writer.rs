//! Collects notes and writes them to a Standard MIDI File.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use score_engine::{Build, Event, InputPort, NodeError, Note, Packet, Time, Transport};

use super::PERCUSSION;
use super::writing::{self, Act, Conductor, Part};
use crate::chords::Chords;
use crate::growing_file::GrowingFile;
use crate::output::{Claim, OutputFile};

/// How many channels there are.
const CHANNELS: u8 = 16;

/// Notes and other events after which a file of a live run is full, about a day of music: all of
/// them are in memory, and all of them are written each time.
pub(crate) const MOST_ACTS: usize = if cfg!(test) { 1_000 } else { 1 << 20 };

/// What is written where no chord sounds.
const NO_CHORD: &str = "N.C.";

/// Where the file grows.
enum Place {
    Offline(Box<OutputFile>),
    /// Written again from time to time, on another thread.
    Live(Arc<Mutex<GrowingFile>>),
    /// Whoever has begun it takes its bytes.
    Nowhere,
}

/// What the parts of a file are called and played with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Casting<'a> {
    /// The General MIDI sound of wires of which `programs` says nothing.
    pub(crate) program: u8,
    /// The General MIDI sound of each wire. Where there are any, every part gets a channel of its
    /// own.
    pub(crate) programs: &'a [u8],
    /// Names for the wires, in order, in place of what the patch calls them.
    pub(crate) names: &'a [String],
}

/// What counts the ticks of a file: a transport, and each that came in its place while it grew.
struct Timing {
    first: Transport,
    /// Each from its anchor on.
    later: Vec<Transport>,
}

impl Timing {
    fn last(&self) -> &Transport {
        self.later.last().unwrap_or(&self.first)
    }

    fn tick(&self, time: Time) -> u64 {
        let mut latest_first = self.later.iter().rev();
        let transport = latest_first.find(|later| later.anchor.0 <= time);
        writing::tick(transport.unwrap_or(&self.first), time)
    }
}

/// A MIDI file that grows beside its place. One of a live run is kept when it is dropped, as it was
/// written last.
pub(crate) struct NoteWriter {
    place: Place,
    timing: Timing,
    conductor: Conductor,
    /// How many scenes have begun.
    scenes: u32,
    /// What each wire brings, as the patch calls it.
    sources: Vec<String>,
    /// What happened, by wire and channel.
    parts: BTreeMap<(usize, u8), Vec<(u64, Act)>>,
    /// Wire, channel and pitch of what sounds.
    sounding: BTreeSet<(usize, u8, u8)>,
    /// The same of notes that the file before this has ended.
    ended_before: BTreeSet<(usize, u8, u8)>,
    /// How many notes and other events there are.
    acts: usize,
}

impl NoteWriter {
    /// Begins the file of a render whose name is claimed, for what comes into `input`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn offline(
        claim: Claim,
        build: &Build<'_>,
        input: InputPort<Note>,
    ) -> Result<Self, NodeError> {
        let place = Place::Offline(Box::new(OutputFile::begin(claim)?));
        Ok(Self::new(place, sources(build, input), build.transport))
    }

    /// Writes what comes into `input` in a live run to `file`, at the tempo of `transport`.
    pub(crate) fn live(
        file: GrowingFile,
        build: &Build<'_>,
        input: InputPort<Note>,
        transport: &Transport,
    ) -> Self {
        let place = Place::Live(Arc::new(Mutex::new(file)));
        Self::new(place, sources(build, input), transport)
    }

    /// Begins a file that is only asked for its bytes, with [`NoteWriter::written`].
    pub(crate) fn nowhere(sources: Vec<String>, transport: &Transport) -> Self {
        Self::new(Place::Nowhere, sources, transport)
    }

    fn new(place: Place, sources: Vec<String>, transport: &Transport) -> Self {
        NoteWriter {
            place,
            timing: Timing {
                first: transport.clone(),
                later: Vec::new(),
            },
            conductor: Conductor::of(transport),
            scenes: 1,
            sources,
            parts: BTreeMap::new(),
            sounding: BTreeSet::new(),
            ended_before: BTreeSet::new(),
            acts: 0,
        }
    }

    /// Whether a live run should go on with another file, by [`NoteWriter::begin_next`].
    pub(crate) fn is_full(&self) -> bool {
        self.acts >= MOST_ACTS
    }

    /// Closes the file of a live run at `end` and goes on with the next one, beside `path`, whose
    /// time begins there and whose beat `transport` has.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub(crate) fn begin_next(
        &mut self,
        path: &Path,
        casting: Casting<'_>,
        end: Time,
        transport: &Transport,
    ) -> Result<(), NodeError> {
        let Place::Live(file) = &self.place else {
            return Ok(());
        };
        let bytes = self.bytes(casting, end)?;
        let next = {
            let mut file = lock(file);
            file.replace(&bytes)?;
            file.commit()?;
            file.following(path)?
        };
        self.place = Place::Live(Arc::new(Mutex::new(next)));
        self.begin_again(transport);
        Ok(())
    }

    /// Goes on with the next file, whose beat `transport` has.
    pub(crate) fn begin_again(&mut self, transport: &Transport) {
        let place = std::mem::replace(&mut self.place, Place::Nowhere);
        let sources = std::mem::take(&mut self.sources);
        let before = std::mem::replace(self, Self::new(place, sources, transport));
        self.scenes = before.scenes;
        self.ended_before = before.sounding;
        let Conductor { keys, chords, .. } = before.conductor;
        self.conductor.keys = keys.last().map(|(_, key)| (0, *key)).into_iter().collect();
        self.conductor
            .chords
            .extend(chords.into_iter().next_back().map(|(_, chord)| (0, chord)));
        if self.scenes > 1 {
            let scene = format!("scene {}", self.scenes);
            self.conductor.markers.push((0, scene));
        }
    }

    /// The name that the file will have, where it is one of a live run.
    pub(crate) fn live_path(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Live(file) => Some(lock(file).path().to_owned()),
            Place::Offline(_) | Place::Nowhere => None,
        }
    }

    /// Goes on by another transport from `time` on, which is where its anchor lies if its tempo is
    /// new.
    pub(crate) fn retime(&mut self, transport: &Transport, time: Time) {
        self.acts += 1;
        let last = self.timing.last();
        if (last.tempo, last.anchor) != (transport.tempo, transport.anchor) {
            self.timing.later.push(transport.clone());
        }
        let tick = self.timing.tick(time);
        self.conductor.go_over(transport, tick);
    }

    /// Adds the chord and the key from `time` on.
    pub(crate) fn hear_chords(&mut self, time: Time, chords: Chords) {
        let tick = self.timing.tick(time);
        self.acts += 1;
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

    /// Adds a marker where something happened: a cut begins the next scene, other events are called
    /// as they are.
    pub(crate) fn mark(&mut self, time: Time, event: &Event) {
        let tick = self.timing.tick(time);
        self.acts += 1;
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
        let tick = self.timing.tick(time);
        self.acts += packet.changes().len();
        for change in packet.changes() {
            let part = self.parts.entry((wire, change.channel())).or_default();
            part.push((tick, Act::Change(*change)));
        }
        for note in packet.notes()?.iter() {
            let (channel, pitch) = (note.channel(), note.pitch());
            let was_ended = self.ended_before.remove(&(wire, channel, pitch));
            match note {
                Note::On { .. } => drop(self.sounding.insert((wire, channel, pitch))),
                Note::Off { .. } if was_ended => continue,
                Note::Off { .. } => drop(self.sounding.remove(&(wire, channel, pitch))),
            }
            self.acts += 1;
            let part = self.parts.entry((wire, channel)).or_default();
            part.push((tick, Act::Note(*note)));
        }
        Ok(())
    }

    /// Closes what still sounds at `end` and writes the file, not yet under its final name.
    ///
    /// # Errors
    /// The disk is full, or the notes last longer than the format can say.
    pub(crate) fn finish(&mut self, casting: Casting<'_>, end: Time) -> Result<(), NodeError> {
        let bytes = self.bytes(casting, end)?;
        match &mut self.place {
            Place::Offline(file) => file.write(&bytes),
            Place::Live(file) => lock(file).replace(&bytes),
            Place::Nowhere => Ok(()),
        }
    }

    /// The file so far, what still sounds closed at `end`.
    ///
    /// # Errors
    /// The notes last longer than the format can say.
    pub(crate) fn written(&self, casting: Casting<'_>, end: Time) -> Result<Vec<u8>, NodeError> {
        self.bytes(casting, end)
    }

    /// What each wire brings, as the patch calls it.
    pub(crate) fn sources(&self) -> &[String] {
        &self.sources
    }

    /// What puts the notes of a live run so far on the disk, as a file that ends at `end`.
    ///
    /// # Errors
    /// The notes last longer than the format can say.
    pub(crate) fn checkpoint(
        &self,
        casting: Casting<'_>,
        end: Time,
    ) -> Result<Option<impl FnOnce() -> Result<(), NodeError> + Send + use<>>, NodeError> {
        let Place::Live(file) = &self.place else {
            return Ok(None);
        };
        let file = file.clone();
        let bytes = self.bytes(casting, end)?;
        Ok(Some(move || lock(&file).replace(&bytes)))
    }

    /// The file, what still sounds closed at `end`.
    fn bytes(&self, casting: Casting<'_>, end: Time) -> Result<Vec<u8>, NodeError> {
        let end = self.timing.tick(end);
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
                let own = !casting.programs.is_empty() && channel != PERCUSSION;
                let part = Part {
                    name: self.name(casting, wire, channel),
                    channel: own.then(|| free.next()).flatten().unwrap_or(channel),
                    acts,
                };
                (
                    part,
                    *casting.programs.get(wire).unwrap_or(&casting.program),
                )
            })
            .collect();
        let parts: Vec<(&Part, u8)> = parts.iter().map(|(part, sound)| (part, *sound)).collect();
        writing::file(&self.conductor, &parts, end)
    }

    /// What the track of a part is called: its source, and the channel where the source plays on
    /// several.
    fn name(&self, casting: Casting<'_>, wire: usize, channel: u8) -> String {
        let own = self.sources.get(wire);
        let source = own.map_or("notes", |own| casting.names.get(wire).unwrap_or(own));
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
            Place::Nowhere => Ok(()),
        }
    }
}

/// What the wires into `input` bring, as the patch calls it.
fn sources(build: &Build<'_>, input: InputPort<Note>) -> Vec<String> {
    let source = |wire| match build.source(input, wire) {
        Some(source) => source.to_owned(),
        None if build.wires(input) > 1 => format!("{} {}", input.name(), wire + 1),
        None => input.name().to_owned(),
    };
    (0..build.wires(input)).map(source).collect()
}

fn lock(file: &Mutex<GrowingFile>) -> MutexGuard<'_, GrowingFile> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use score_engine::Metre;

    use super::*;
    use crate::midi::reading::{Event as Read, Song};
    use crate::output::Owner;

    #[test]
    fn a_tempo_and_a_metre_that_change_are_written_where_they_do_and_notes_keep_their_times() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mid");
        let claim = Claim::numbered(&path, Owner::program("test"));
        let place = Place::Offline(Box::new(OutputFile::begin(claim).unwrap()));
        let begun = Transport::default();
        let mut notes = NoteWriter::new(place, vec!["tune".to_owned()], &begun);
        let play = |notes: &mut NoteWriter, seconds: f64| {
            let time = Time::from_seconds(seconds);
            let note = Note::On {
                channel: 0,
                pitch: 60,
                velocity: 1.0,
            };
            let packet = Packet {
                time,
                captured: std::time::Instant::now(),
                payload: score_engine::Payload::Notes([note].into()),
            };
            notes.write(0, time, &packet).unwrap();
        };
        // Two quarter notes have passed at one second, and one more at two: three.
        let slow = Transport {
            tempo: 60.0,
            anchor: (Time::from_seconds(1.0), 2.0),
            ..begun
        };
        notes.retime(&slow, slow.anchor.0);
        // The first was played before, and comes late.
        for seconds in [0.5, 1.0, 2.0] {
            play(&mut notes, seconds);
        }
        let waltz = Transport {
            metre: Metre(3, 4),
            ..slow.clone()
        };
        notes.retime(&waltz, Time::from_seconds(3.0));
        notes.retime(&waltz, Time::from_seconds(3.5));
        let casting = Casting::default();
        notes.finish(casting, Time::from_seconds(4.0)).unwrap();
        notes.commit().unwrap();
        let song = Song::open(&path).unwrap();
        let tempi: Vec<(u64, u32)> = (song.events.iter())
            .filter_map(|(tick, event)| match event {
                Read::Tempo(tempo) => Some((*tick, *tempo)),
                _ => None,
            })
            .collect();
        assert_eq!(tempi, [(0, 500_000), (960, 1_000_000)]);
        let metres: Vec<(u64, u32)> = (song.events.iter())
            .filter_map(|(tick, event)| match event {
                Read::Metre(Metre(beats, _)) => Some((*tick, *beats)),
                _ => None,
            })
            .collect();
        assert_eq!(metres, [(0, 4), (4 * 480, 3)]);
        let begins: Vec<u64> = (song.events.iter())
            .filter_map(|(tick, event)| {
                matches!(event, Read::Note(Note::On { .. })).then_some(*tick)
            })
            .collect();
        assert_eq!(begins, [480, 960, 3 * 480]);
        assert_eq!(song.end, 5 * 480);
    }
}
