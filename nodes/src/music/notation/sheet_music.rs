//! Writes what a run plays as sheet music.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use score_engine::{
    Build, Check, Custom, Descriptor, Event, Flow, InputPort, Io, KeyChoice, Mode, Node, NodeError,
    Note, Params, Processor, Time, Transport,
};

use super::engraver::Engraver;
use super::grid::{Played, QUARTER, SIXTEENTH, Triplets, written};
use super::musicxml::{Part, Sheet};
use super::staff::{drums, staves};
use super::values::Bars;
use crate::chords::Chords;
use crate::music::{Chord, drums as kit};
use crate::output::OutputFile;

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "the parts, the melody first").many();
const CHORDS: InputPort<Custom<Chords>> =
    Chords::input(1, "chords", "chord symbols and key").optional();
const EVENTS: InputPort<Event> =
    InputPort::new(2, "events", "cuts and cues, which become rehearsal marks").many();

/// Endings of the files.
const ENDINGS: [&str; 2] = ["musicxml", "xml"];
const PAGE_ENDING: &str = "pdf";

/// The most bars that are written: more than two days at 120 quarter notes a minute in 4/4.
const MOST_BARS: u32 = 100_000;

/// `sheet_music`.
#[derive(Clone, Params)]
pub(crate) struct SheetMusic {
    /// the file to write, .musicxml
    #[param(
        rebuild = "its name is claimed when the node is built", writes, content = Notes,
        ending = "musicxml"
    )]
    path: PathBuf,
    /// the pages to draw, .pdf; none if left out
    #[param(
        rebuild = "its name is claimed when the node is built", writes, content = Picture,
        ending = "pdf"
    )]
    page: Option<PathBuf>,
    /// the title; the file's name if left out
    #[param(live)]
    title: Option<String>,
    /// name of each part
    #[param(live, default = Vec::new(), for_each_wire = NOTES.name())]
    names: Vec<String>,
    /// General MIDI sound of each part, from 0
    #[param(live, range = 0..=127, default = Vec::new(), for_each_wire = NOTES.name())]
    programs: Vec<u8>,
    /// write triplets
    #[param(live, default = false)]
    triplets: bool,
}

impl Node for SheetMusic {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("music", "sheet_music", "Writes notes as sheet music")
            .example(
                r#"transport: (tempo: 96, key: "A minor"),
                nodes: {
                    "chords": chords_in(chords: "Am F C G"),
                    "walk": latent_random(dimension: 64, duration: beats(32)),
                    "tune": music_decoder(),
                    "bass": midi_input_file(path: "song.mid"),
                    "sheet": sheet_music(path: "walk.musicxml", title: "A walk", names: ["Melody", "Bass"]),
                },
                wires: ["walk -> tune -> sheet", "bass -> sheet.notes", "chords -> sheet"]"#,
            )
            .details(
                "MusicXML 4.0, which MuseScore, Dorico, Sibelius, Finale, LilyPond (musicxml2ly) \
                 and browsers (Verovio, OpenSheetMusicDisplay) read. A part for each wire, in the \
                 order of the patch: the first is the lead sheet's, with the chord symbols of \
                 `chords` above it. A wire that brings drums (channel 10) gets a percussion staff, \
                 one whose notes need both hands two staves, and every other the clef in which \
                 most of its notes lie on the lines.\n\n\
                 Notes are written as they are meant, not as they are played: they begin and end \
                 on the sixteenths of the transport, however loose the player was. With \
                 `triplets`, quarters whose notes lie on thirds are written as triplets. Where the \
                 transport swings, notes are written straight, with the mark *Swing* above the \
                 first bar, which tells a program by how much. Tempi that change while it plays \
                 are marked; bars stay those of the metre with which it began. What lasts over a \
                 bar line or a beat is tied. The key signature is that of `chords`, else the \
                 transport's key, else the one that fits most of the notes; accidentals are spelt \
                 by it. `events` become rehearsal marks: a cut begins 2, 3…\n\n\
                 `page` draws it too, where LilyPond or MuseScore is installed: some seconds for a \
                 film of two minutes.\n\n\
                 `names` and `programs` (General MIDI, from 0) count the wires; parts beyond are \
                 called as the node is that their wire comes from.",
            )
            .input(NOTES)
            .input(CHORDS)
            .input(EVENTS)
    }

    fn check(&self, check: &mut Check<'_>) {
        let ending = self.path.extension().and_then(|ending| ending.to_str());
        if !ending.is_some_and(|ending| {
            ENDINGS
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        }) {
            check.refuse(
                "path",
                format!("`{}` has no ending of sheet music", self.path.display()),
                Some("it ends in .musicxml".to_owned()),
            );
        }
        if let Some(page) = &self.page {
            let ending = page.extension().and_then(|ending| ending.to_str());
            if !ending.is_some_and(|ending| ending.eq_ignore_ascii_case(PAGE_ENDING)) {
                let why = format!("`{}` is not a PDF", page.display());
                check.refuse("page", why, Some("it ends in .pdf".to_owned()));
            }
        }
        if check.input_type(NOTES).is_none() {
            let help = Some("wire a node with notes into it".to_owned());
            check.refuse("path", "nothing is wired into its `notes`", help);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let page = |path| {
            let engraver = Engraver::installed()?;
            Ok::<_, NodeError>((engraver, OutputFile::create(path, build)?))
        };
        Ok(Box::new(Collecting {
            page: self.page.as_deref().map(page).transpose()?,
            file: OutputFile::create(&self.path, build)?,
            sources: (0..build.wires(NOTES))
                .map(|wire| build.source(NOTES, wire).map(str::to_owned))
                .collect(),
            begun: build.transport.clone(),
            turns: Vec::new(),
            keyed: vec![(0.0, build.transport.key)],
            latest: 0.0,
            is_full: false,
            transport: build.transport.clone(),
            notes: BTreeMap::new(),
            sounding: BTreeMap::new(),
            chords: Vec::new(),
            marks: Vec::new(),
            scenes: 1,
        }))
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

struct Collecting {
    file: OutputFile,
    page: Option<(Engraver, OutputFile)>,
    /// Where each wire comes from, where that is known.
    sources: Vec<Option<String>>,
    /// The transport that it began with, whose metre the sheet has.
    begun: Transport,
    /// Later tempi and keys, by quarter notes from the start; the first key is the one that it
    /// began with.
    turns: Vec<(f64, f64)>,
    keyed: Vec<(f64, Option<KeyChoice>)>,
    /// Where the latest thing that came lies.
    latest: f64,
    /// Whether something has come that lies behind the last bar that a sheet can have.
    is_full: bool,
    transport: Transport,
    /// What was played, by wire and whether it is drums.
    notes: BTreeMap<(usize, bool), Vec<Played>>,
    /// When each note began that sounds, by wire, channel and pitch.
    sounding: BTreeMap<(usize, u8, u8), f64>,
    /// Chords and keys, by quarter notes from the start.
    chords: Vec<(f64, Chords)>,
    marks: Vec<(f64, String)>,
    scenes: u32,
}

impl Processor<SheetMusic> for Collecting {
    fn process(&mut self, _params: &SheetMusic, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let place = self.transport.position(input.packet.time);
            if place >= self.room() {
                self.fill();
                continue;
            }
            self.latest = self.latest.max(place);
            if input.is(CHORDS) {
                self.chords.push((place, *input.read(CHORDS)?));
            } else if input.is(EVENTS) {
                let name = &input.read(EVENTS)?.name;
                if name == "cut" {
                    self.scenes += 1;
                    self.marks.push((place, self.scenes.to_string()));
                } else {
                    self.marks.push((place, name.clone()));
                }
            } else {
                for note in input.read(NOTES)?.iter() {
                    self.note(input.wire, place, *note);
                }
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, params: &SheetMusic, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = self.transport.position(io.end().unwrap_or(Time::ZERO));
        let end = end.min(self.room());
        for (wire, channel, pitch) in self.sounding.keys().copied().collect::<Vec<_>>() {
            self.note(wire, end, Note::Off { channel, pitch });
        }
        let sheet = self.sheet(params, end).musicxml();
        if let Some((engraver, page)) = &mut self.page {
            page.write(&engraver.pdf(sheet.as_bytes())?)?;
        }
        self.file.write(sheet.as_bytes())
    }

    fn changed(&mut self, _params: &SheetMusic, transport: &Transport) -> Result<(), NodeError> {
        if transport.tempo != self.transport.tempo && !self.is_full {
            let (_, position) = transport.anchor;
            // A tempo that glides gets a mark a beat.
            let is_new = |last: &(f64, f64)| position - last.0 >= 1.0;
            if !self.turns.last().is_none_or(is_new) {
                self.turns.pop();
            }
            self.turns.push((position, transport.tempo));
        }
        if transport.key != self.transport.key {
            // Of keys between which nothing came the last is the one that was meant.
            self.keyed.retain(|(place, _)| *place < self.latest);
            self.keyed.push((self.latest, transport.key));
        }
        self.transport = transport.clone();
        Ok(())
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.file.commit()?;
        match &mut self.page {
            Some((_, page)) => page.commit(),
            None => Ok(()),
        }
    }
}

impl Collecting {
    /// As many quarter notes as a sheet has room for.
    fn room(&self) -> f64 {
        f64::from(MOST_BARS) * self.begun.sixteenths_per_bar() as f64 / 4.0
    }

    /// The sheet is full: nothing more is added.
    fn fill(&mut self) {
        if !std::mem::replace(&mut self.is_full, true) {
            tracing::warn!("the sheet music ends after {MOST_BARS} bars; the run goes on");
        }
    }

    fn note(&mut self, wire: usize, place: f64, note: Note) {
        let (channel, pitch) = (note.channel(), note.pitch());
        if let Some(start) = self.sounding.remove(&(wire, channel, pitch)) {
            let notes = self
                .notes
                .entry((wire, channel == kit::CHANNEL))
                .or_default();
            notes.push(Played {
                pitch,
                start,
                end: place,
            });
        }
        if let Note::On { .. } = note {
            self.sounding.insert((wire, channel, pitch), place);
        }
    }

    /// All that came, as it is written; the piece ends `end` quarter notes from the start.
    fn sheet(&self, params: &SheetMusic, end: f64) -> Sheet {
        let bars = Bars::new(self.begun.metre);
        let mut last = 0;
        let mut parts = Vec::new();
        for (wire, source) in self.sources.iter().enumerate() {
            let name = match (params.names.get(wire), source) {
                (Some(name), _) => name.clone(),
                (None, Some(source)) => source.clone(),
                (None, None) => format!("part {}", wire + 1),
            };
            let program = params.programs.get(wire).copied().unwrap_or(0);
            let of = |is_drums| {
                self.notes
                    .get(&(wire, is_drums))
                    .map_or(&[][..], Vec::as_slice)
            };
            let (pitched, struck) = (of(false), of(true));
            // A part that never plays keeps its staff.
            if !pitched.is_empty() || struck.is_empty() {
                let triplets = self.triplets(params, pitched, &bars);
                let notes = written(pitched, &triplets);
                last = notes.iter().map(|note| note.end).fold(last, u32::max);
                parts.push(Part {
                    name: name.clone(),
                    program: Some(program),
                    staves: staves(&notes),
                    triplets,
                });
            }
            if !struck.is_empty() {
                let triplets = self.triplets(params, struck, &bars);
                let notes = written(struck, &triplets);
                last = notes.iter().map(|note| note.start + 1).fold(last, u32::max);
                let both = !pitched.is_empty();
                parts.push(Part {
                    name: if both {
                        format!("{name}, drums")
                    } else {
                        name.clone()
                    },
                    program: None,
                    staves: vec![drums(&notes, QUARTER)],
                    triplets,
                });
            }
        }
        // A bar that has only begun when the piece ends is none.
        let heard = (end * f64::from(QUARTER) + 0.5).max(0.0) as u32 / bars.length;
        let count = last.div_ceil(bars.length).max(heard).clamp(1, MOST_BARS);
        let end = count * bars.length;
        Sheet {
            title: (params.title.clone()).unwrap_or_else(|| name_of(&params.path)),
            bars,
            count,
            tempi: in_order(self.tempi(), end),
            swing: self.transport.swinging(),
            keys: self.keys(&bars),
            chords: in_order(self.symbols(), end),
            marks: in_order(self.named_marks(), end),
            parts,
        }
    }

    /// The tempo, or those that fit a film, by their places.
    fn tempi(&self) -> Vec<(u32, f64)> {
        let stretches = self
            .begun
            .tempi
            .as_ref()
            .map_or(&[][..], |tempi| tempi.stretches());
        let mut tempi: Vec<(u32, f64)> = Vec::new();
        for stretch in stretches {
            let place = if tempi.is_empty() {
                0
            } else {
                sixteenth(self.begun.position(stretch.from))
            };
            tempi.push((place, stretch.tempo));
        }
        if tempi.is_empty() {
            tempi.push((0, self.begun.tempo));
        }
        let later = self.turns.iter();
        tempi.extend(later.map(|(position, tempo)| (sixteenth(*position), *tempo)));
        tempi
    }

    fn named_marks(&self) -> Vec<(u32, String)> {
        let marks = self.marks.iter();
        marks
            .map(|(place, name)| (sixteenth(*place), name.clone()))
            .collect()
    }

    fn triplets(&self, params: &SheetMusic, notes: &[Played], bars: &Bars) -> Triplets {
        if params.triplets && bars.has_triplets() {
            Triplets::of(notes)
        } else {
            Triplets::default()
        }
    }

    /// Where another chord begins.
    fn symbols(&self) -> Vec<(u32, Option<Chord>)> {
        let mut symbols: Vec<(u32, Option<Chord>)> = Vec::new();
        for (place, chords) in &self.chords {
            let place = sixteenth(*place);
            if symbols.last().is_some_and(|(since, _)| *since == place) {
                symbols.pop();
            }
            if symbols.last().and_then(|(_, chord)| *chord) != chords.chord {
                symbols.push((place, chords.chord));
            }
        }
        symbols
    }

    /// Key signatures, and the bars with which they begin.
    fn keys(&self, bars: &Bars) -> Vec<(u32, i8, Option<Mode>)> {
        let mut keys: Vec<(u32, i8, Option<Mode>)> = Vec::new();
        for (place, chords) in &self.chords {
            let key = (chords.key.fifths(), Some(chords.key.mode));
            let bar = match keys.last() {
                Some((_, fifths, mode)) if (*fifths, *mode) == key => continue,
                Some(_) => sixteenth(*place).div_ceil(bars.length),
                None => 0,
            };
            keys.push((bar, key.0, key.1));
        }
        if !keys.is_empty() {
            return keys;
        }
        for (place, key) in &self.keyed {
            let (fifths, mode) = match key {
                Some(KeyChoice::Of(key)) => (key.fifths(), Some(key.mode)),
                Some(KeyChoice::Auto) | None => (self.fitting(), None),
            };
            let bar = sixteenth(*place).div_ceil(bars.length);
            keys.retain(|(since, ..)| *since < bar);
            keys.push((bar, fifths, mode));
        }
        keys
    }

    /// The signature in which most of the notes need no sign; of several the one with fewest.
    fn fitting(&self) -> i8 {
        let mut lengths = [0.0; 12];
        let pitched = self.notes.iter().filter(|((_, is_drums), _)| !is_drums);
        for note in pitched.flat_map(|(_, notes)| notes) {
            lengths[usize::from(note.pitch % 12)] += note.end - note.start;
        }
        let within = |fifths: i8| -> f64 {
            // From F of a signature without signs to its B.
            let classes = (-1..6).map(|place| ((i32::from(fifths) + place) * 7).rem_euclid(12));
            classes.map(|class| lengths[class as usize]).sum()
        };
        let by_signs = |fifths: &i8| (fifths.abs(), *fifths < 0);
        let mut all: Vec<i8> = (-5..=6).collect();
        all.sort_by_key(by_signs);
        let mut best = (0, f64::MIN);
        for fifths in all {
            if within(fifths) > best.1 + 1e-9 {
                best = (fifths, within(fifths));
            }
        }
        best.0
    }
}

/// What lies before `end`, in the order of places.
fn in_order<T>(mut items: Vec<(u32, T)>, end: u32) -> Vec<(u32, T)> {
    items.retain(|(place, _)| *place < end);
    items.sort_by_key(|(place, _)| *place);
    items
}

/// The sixteenth nearest to a place, which is in quarter notes from the start; in units.
fn sixteenth(place: f64) -> u32 {
    (place * 4.0).round().max(0.0) as u32 * SIXTEENTH
}
