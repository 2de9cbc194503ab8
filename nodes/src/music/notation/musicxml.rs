//! Writes a sheet as MusicXML 4.0, partwise.

use std::collections::HashMap;

use score_engine::{Mode, Swing};

use super::bar::Writing;
use super::grid::{QUARTER, Triplets};
use super::percussion::drum;
use super::spelling::{self, Spelt};
use super::staff::{Clef, Staff};
use super::values::Bars;
use super::xml::Xml;
use crate::music::Chord as Harmony;

/// Voices of one staff are numbered from here on for each staff.
pub(super) const VOICES_PER_STAFF: usize = 4;

/// The channel of percussion, as musicians count it.
const PERCUSSION: usize = 10;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n\
    <!DOCTYPE score-partwise PUBLIC \"-//Recordare//DTD MusicXML 4.0 Partwise//EN\" \
    \"http://www.musicxml.org/dtds/partwise.dtd\">\n";

/// What is written. All places are in units of the grid from the start, and in order.
pub(super) struct Sheet {
    pub(super) title: String,
    pub(super) bars: Bars,
    /// How many bars there are.
    pub(super) count: u32,
    /// Quarter notes a minute, from where on.
    pub(super) tempi: Vec<(u32, f64)>,
    /// How the grid swings, where it does: notes are written straight.
    pub(super) swing: Option<Swing>,
    /// From which bar on: sharps of the key, and its mode where it is known.
    pub(super) keys: Vec<(u32, i8, Option<Mode>)>,
    /// Chords, and `None` where none sounds.
    pub(super) chords: Vec<(u32, Option<Harmony>)>,
    /// Scenes and cues.
    pub(super) marks: Vec<(u32, String)>,
    pub(super) parts: Vec<Part>,
}

/// A part.
pub(super) struct Part {
    pub(super) name: String,
    /// General MIDI sound, from 0; `None`: drums.
    pub(super) program: Option<u8>,
    pub(super) staves: Vec<Staff>,
    pub(super) triplets: Triplets,
}

impl Part {
    /// The drums that it plays, in order.
    fn drums(&self) -> Vec<u8> {
        let chords = self.staves.iter().flat_map(|staff| &staff.voices).flatten();
        let mut keys: Vec<u8> = chords.flat_map(|chord| chord.pitches.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

impl Sheet {
    /// The document.
    pub(super) fn musicxml(&self) -> String {
        let mut xml = Xml::new(HEAD);
        xml.begin("score-partwise", &[("version", "4.0")]);
        xml.begin("work", &[]);
        xml.text("work-title", &self.title);
        xml.end();
        xml.begin("identification", &[]);
        xml.begin("encoding", &[]);
        xml.text("software", concat!("SCORE! ", env!("CARGO_PKG_VERSION")));
        xml.empty("supports", &[("element", "accidental"), ("type", "yes")]);
        xml.end();
        xml.end();
        xml.begin("part-list", &[]);
        let mut channels = (1..=16).filter(|channel| *channel != PERCUSSION).cycle();
        for (index, part) in self.parts.iter().enumerate() {
            let channel = match part.program {
                Some(_) => channels.next().unwrap_or(1),
                None => PERCUSSION,
            };
            list(&mut xml, index, part, channel);
        }
        xml.end();
        for index in 0..self.parts.len() {
            self.part(&mut xml, index);
        }
        xml.end();
        xml.finish()
    }

    fn part(&self, xml: &mut Xml, index: usize) {
        let Some(part) = self.parts.get(index) else {
            return;
        };
        xml.begin("part", &[("id", &part_id(index))]);
        let mut fifths = 0;
        for bar in 0..self.count {
            xml.begin("measure", &[("number", &(bar + 1).to_string())]);
            let key = self.keys.iter().rev().find(|(since, ..)| *since == bar);
            if bar == 0 || key.is_some() {
                let (_, signs, mode) = key.copied().unwrap_or((0, 0, None));
                fifths = signs;
                self.attributes(xml, part, bar == 0, (signs, mode));
            }
            for (number, staff) in part.staves.iter().enumerate() {
                let writing = Writing {
                    sheet: self,
                    part,
                    index,
                    staff: number,
                    bar: bar * self.bars.length,
                    fifths,
                    signs: self.signs(staff, bar, fifths),
                };
                writing.staff(xml, staff);
            }
            if bar + 1 == self.count {
                xml.begin("barline", &[("location", "right")]);
                xml.text("bar-style", "light-heavy");
                xml.end();
            }
            xml.end();
        }
        xml.end();
    }

    fn attributes(&self, xml: &mut Xml, part: &Part, first: bool, key: (i8, Option<Mode>)) {
        let (fifths, mode) = key;
        xml.begin("attributes", &[]);
        if first {
            xml.text("divisions", QUARTER);
        }
        if part.program.is_some() {
            xml.begin("key", &[]);
            xml.text("fifths", fifths);
            match mode {
                Some(Mode::Major) => xml.text("mode", "major"),
                Some(Mode::Minor) => xml.text("mode", "minor"),
                None => {}
            }
            xml.end();
        }
        if first {
            xml.begin("time", &[]);
            xml.text("beats", self.bars.metre.0);
            xml.text("beat-type", self.bars.metre.1);
            xml.end();
            let several = part.staves.len() > 1;
            if several {
                xml.text("staves", part.staves.len());
            }
            for (number, staff) in (1..).zip(&part.staves) {
                let number: usize = number;
                let number = number.to_string();
                let of: &[(&str, &str)] = if several { &[("number", &number)] } else { &[] };
                xml.begin("clef", of);
                let (sign, line, octaves) = match staff.clef {
                    Clef::Treble => ("G", Some(2), 0),
                    Clef::TrebleUp => ("G", Some(2), 1),
                    Clef::Bass => ("F", Some(4), 0),
                    Clef::BassDown => ("F", Some(4), -1),
                    Clef::Percussion => ("percussion", None, 0),
                };
                xml.text("sign", sign);
                if let Some(line) = line {
                    xml.text("line", line);
                }
                if octaves != 0 {
                    xml.text("clef-octave-change", octaves);
                }
                xml.end();
            }
        }
        xml.end();
    }

    /// The signs in front of the notes that begin in a bar: those that the key and the bar so far
    /// do not give them.
    fn signs(&self, staff: &Staff, bar: u32, fifths: i8) -> HashMap<(u32, u8), i32> {
        let mut signs = HashMap::new();
        if staff.clef == Clef::Percussion {
            return signs;
        }
        let (from, to) = (bar * self.bars.length, (bar + 1) * self.bars.length);
        // The chords of a voice follow each other.
        let here = staff.voices.iter().flat_map(|voice| {
            let first = voice.partition_point(|chord| chord.start < from);
            voice[first..].iter().take_while(|chord| chord.start < to)
        });
        let mut notes: Vec<(u32, u8)> = here
            .flat_map(|chord| chord.pitches.iter().map(|pitch| (chord.start, *pitch)))
            .collect();
        notes.sort_unstable();
        let mut holds: HashMap<(char, i32), i32> = HashMap::new();
        for (start, pitch) in notes {
            let Spelt {
                letter,
                alter,
                octave,
            } = spelling::pitch(pitch, fifths);
            let held = holds.get(&(letter, octave)).copied();
            if held.unwrap_or_else(|| spelling::signed(letter, fifths)) != alter {
                signs.insert((start, pitch), alter);
            }
            holds.insert((letter, octave), alter);
        }
        signs
    }
}

/// Those of `items`, which are in order, that lie from `from` on and before `to`.
pub(super) fn between<T>(items: &[(u32, T)], from: u32, to: u32) -> &[(u32, T)] {
    let first = items.partition_point(|(place, _)| *place < from);
    let last = items.partition_point(|(place, _)| *place < to);
    &items[first..last.max(first)]
}

fn part_id(index: usize) -> String {
    format!("P{}", index + 1)
}

/// The name of the instrument of a part, or of one of its drums.
pub(super) fn instrument_id(index: usize, drum: Option<u8>) -> String {
    match drum {
        Some(key) => format!("P{}-I{key}", index + 1),
        None => format!("P{}-I1", index + 1),
    }
}

fn list(xml: &mut Xml, index: usize, part: &Part, channel: usize) {
    xml.begin("score-part", &[("id", &part_id(index))]);
    xml.text("part-name", &part.name);
    let instruments: Vec<(Option<u8>, String)> = match part.program {
        Some(_) => vec![(None, part.name.clone())],
        None => (part.drums().into_iter())
            .map(|key| (Some(key), drum(key).name.to_owned()))
            .collect(),
    };
    for (drum, name) in &instruments {
        let id = instrument_id(index, *drum);
        xml.begin("score-instrument", &[("id", &id)]);
        xml.text("instrument-name", name);
        xml.end();
    }
    for (drum, _) in &instruments {
        let id = instrument_id(index, *drum);
        xml.begin("midi-instrument", &[("id", &id)]);
        xml.text("midi-channel", channel);
        // Counted from 1, as musicians do.
        xml.text("midi-program", part.program.unwrap_or(0) + 1);
        if let Some(key) = drum {
            xml.text("midi-unpitched", key + 1);
        }
        xml.end();
    }
    xml.end();
}
