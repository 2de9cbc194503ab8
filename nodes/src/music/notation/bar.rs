//! Writes one staff of one bar.

use std::collections::HashMap;

use super::grid::QUARTER;
use super::musicxml::{Part, Sheet, VOICES_PER_STAFF, between, instrument_id};
use super::percussion::drum;
use super::spelling;
use super::staff::{Chord, Staff};
use super::swing::mark;
use super::values::value;
use super::xml::Xml;
use crate::music::Family;

/// A note value, or a rest of one, as it stands in a voice.
struct Piece<'a> {
    start: u32,
    length: u32,
    /// `None`: a rest.
    chord: Option<&'a Chord>,
}

/// How a piece is drawn beside its neighbours.
struct Drawn {
    voice: usize,
    /// Whether a bracket of three begins with it, and whether one ends.
    brackets: (bool, bool),
    /// What each beam does, the first of eighths, the second of sixteenths.
    beams: Vec<&'static str>,
}

/// One staff of one bar.
pub(super) struct Writing<'a> {
    pub(super) sheet: &'a Sheet,
    pub(super) part: &'a Part,
    /// The part's number, and the staff's in it.
    pub(super) index: usize,
    pub(super) staff: usize,
    /// Where the bar begins.
    pub(super) bar: u32,
    /// Sharps of the key.
    pub(super) fifths: i8,
    /// The signs in front of the notes that begin here, by begin and pitch.
    pub(super) signs: HashMap<(u32, u8), i32>,
}

impl Writing<'_> {
    /// Writes all voices of the staff, one after another.
    pub(super) fn staff(&self, xml: &mut Xml, staff: &Staff) {
        let length = self.sheet.bars.length;
        for (voice, chords) in staff.voices.iter().enumerate() {
            let pieces = self.pieces(chords);
            let is_first = self.staff == 0 && voice == 0;
            if voice > 0 && pieces.iter().all(|piece| piece.chord.is_none()) {
                continue;
            }
            if !is_first {
                xml.begin("backup", &[]);
                xml.text("duration", length);
                xml.end();
            }
            for (number, piece) in pieces.iter().enumerate() {
                if is_first && self.index == 0 {
                    self.above(xml, piece);
                }
                let drawn = Drawn {
                    voice,
                    brackets: self.brackets(&pieces, number),
                    beams: self.beams(&pieces, number),
                };
                self.piece(xml, piece, &drawn);
            }
        }
    }

    /// What a voice brings in the bar, rests too.
    fn pieces<'a>(&self, chords: &'a [Chord]) -> Vec<Piece<'a>> {
        let (from, to) = (self.bar, self.bar + self.sheet.bars.length);
        let triplets = &self.part.triplets;
        let mut pieces = Vec::new();
        let mut at = from;
        let mut fill = |start: u32, end: u32, chord: Option<&'a Chord>| {
            let mut at = start;
            for length in self.sheet.bars.pieces(start, end, triplets) {
                pieces.push(Piece {
                    start: at,
                    length,
                    chord,
                });
                at += length;
            }
        };
        let first = chords.partition_point(|chord| chord.end <= from);
        let here = chords[first..].iter().take_while(|chord| chord.start < to);
        for chord in here {
            let (start, end) = (chord.start.max(from), chord.end.min(to));
            fill(at, start, None);
            fill(start, end, Some(chord));
            at = end;
        }
        if at == from {
            return vec![Piece {
                start: from,
                length: to - from,
                chord: None,
            }];
        }
        fill(at, to, None);
        pieces
    }

    /// Chord symbols, scenes and tempi that belong above a piece.
    fn above(&self, xml: &mut Xml, piece: &Piece<'_>) {
        let (from, to) = (piece.start, piece.start + piece.length);
        let offset = |xml: &mut Xml, place: u32| {
            if place > piece.start {
                xml.text("offset", place - piece.start);
            }
        };
        for (place, tempo) in between(&self.sheet.tempi, from, to) {
            xml.begin("direction", &[("placement", "above")]);
            xml.begin("direction-type", &[]);
            xml.begin("metronome", &[]);
            xml.text("beat-unit", "quarter");
            xml.text("per-minute", (tempo * 10.0).round() / 10.0);
            xml.end();
            xml.end();
            offset(xml, *place);
            xml.empty("sound", &[("tempo", &tempo.to_string())]);
            xml.end();
        }
        if let Some(swing) = self.sheet.swing.filter(|_| from == 0) {
            mark(xml, swing);
        }
        for (place, name) in between(&self.sheet.marks, from, to) {
            xml.begin("direction", &[("placement", "above")]);
            xml.begin("direction-type", &[]);
            xml.text("rehearsal", name);
            xml.end();
            offset(xml, *place);
            xml.end();
        }
        for (place, chord) in between(&self.sheet.chords, from, to) {
            xml.begin("harmony", &[]);
            match chord {
                Some(chord) => {
                    let (letter, alter) = spelling::class(chord.root, self.fifths);
                    xml.begin("root", &[]);
                    xml.text("root-step", letter);
                    if alter != 0 {
                        xml.text("root-alter", alter);
                    }
                    xml.end();
                    let (kind, sign) = kind(chord.family);
                    xml.text_with("kind", &[("text", sign)], kind);
                }
                None => {
                    // The element wants a root; programs write C for none.
                    xml.begin("root", &[]);
                    xml.text_with("root-step", &[("text", "")], "C");
                    xml.end();
                    xml.text_with("kind", &[("text", "N.C.")], "none");
                }
            }
            offset(xml, *place);
            xml.end();
        }
    }

    /// Whether a bracket of three begins with a piece, and whether one ends with it.
    fn brackets(&self, pieces: &[Piece<'_>], number: usize) -> (bool, bool) {
        let is_triplet = |piece: &Piece<'_>| value(piece.length).is_some_and(|v| v.is_triplet);
        let Some(piece) = pieces.get(number).filter(|piece| is_triplet(piece)) else {
            return (false, false);
        };
        let quarter = |piece: &Piece<'_>| piece.start / QUARTER;
        let joins = |other: Option<&Piece<'_>>| {
            other.is_some_and(|other| is_triplet(other) && quarter(other) == quarter(piece))
        };
        let before = number.checked_sub(1).and_then(|number| pieces.get(number));
        (!joins(before), !joins(pieces.get(number + 1)))
    }

    /// Which beams join a piece to its neighbours: notes shorter than a quarter within a beat are
    /// joined.
    fn beams(&self, pieces: &[Piece<'_>], number: usize) -> Vec<&'static str> {
        let count = |piece: &Piece<'_>| match value(piece.length) {
            Some(value) if value.name == "eighth" => 1,
            Some(value) if value.name == "16th" => 2,
            _ => 0,
        };
        let beat = |piece: &Piece<'_>| (piece.start - self.bar) / self.sheet.bars.beat;
        let Some(piece) = pieces.get(number).filter(|piece| piece.chord.is_some()) else {
            return Vec::new();
        };
        // How many beams a neighbour in the same beat has.
        let neighbour = |other: Option<&Piece<'_>>| {
            other
                .filter(|other| other.chord.is_some() && beat(other) == beat(piece))
                .map_or(0, count)
        };
        let before = neighbour(number.checked_sub(1).and_then(|number| pieces.get(number)));
        let after = neighbour(pieces.get(number + 1));
        if before == 0 && after == 0 {
            return Vec::new();
        }
        (1..=count(piece))
            .map(|beam| match (before >= beam, after >= beam) {
                (true, true) => "continue",
                (true, false) => "end",
                (false, true) => "begin",
                // A sixteenth beside an eighth has a short one, on the side of the note that it is
                // joined to.
                (false, false) if before > 0 => "backward hook",
                (false, false) => "forward hook",
            })
            .collect()
    }

    fn piece(&self, xml: &mut Xml, piece: &Piece<'_>, drawn: &Drawn) {
        let (voice, brackets) = (drawn.voice, drawn.brackets);
        let Some(chord) = piece.chord else {
            self.rest(xml, piece, voice, brackets);
            return;
        };
        let is_tied = (
            piece.start > chord.start,
            piece.start + piece.length < chord.end,
        );
        for (number, pitch) in chord.pitches.iter().enumerate() {
            xml.begin("note", &[]);
            if number > 0 {
                xml.empty("chord", &[]);
            }
            let mut head = None;
            let mut sign = None;
            if self.part.program.is_none() {
                let drum = drum(*pitch);
                head = drum.head;
                xml.begin("unpitched", &[]);
                xml.text("display-step", drum.place.0);
                xml.text("display-octave", drum.place.1);
                xml.end();
            } else {
                let spelt = spelling::pitch(*pitch, self.fifths);
                xml.begin("pitch", &[]);
                xml.text("step", spelt.letter);
                if spelt.alter != 0 {
                    xml.text("alter", spelt.alter);
                }
                xml.text("octave", spelt.octave);
                xml.end();
                if !is_tied.0 {
                    sign = self.signs.get(&(chord.start, *pitch)).copied();
                }
            }
            xml.text("duration", piece.length);
            if is_tied.0 {
                xml.empty("tie", &[("type", "stop")]);
            }
            if is_tied.1 {
                xml.empty("tie", &[("type", "start")]);
            }
            if self.part.program.is_none() {
                let id = instrument_id(self.index, Some(*pitch));
                xml.empty("instrument", &[("id", &id)]);
            }
            self.value(xml, piece.length, voice, sign);
            if let Some(head) = head {
                xml.text("notehead", head);
            }
            self.staff_number(xml);
            // Of a chord's notes the first has the beams.
            let beams = if number == 0 { &drawn.beams[..] } else { &[] };
            for (beam, does) in (1..).zip(beams) {
                let beam: usize = beam;
                xml.text_with("beam", &[("number", &beam.to_string())], does);
            }
            let (begins, ends) = if number == 0 {
                brackets
            } else {
                (false, false)
            };
            if is_tied.0 || is_tied.1 || begins || ends {
                xml.begin("notations", &[]);
                if is_tied.0 {
                    xml.empty("tied", &[("type", "stop")]);
                }
                if is_tied.1 {
                    xml.empty("tied", &[("type", "start")]);
                }
                tuplets(xml, (begins, ends));
                xml.end();
            }
            xml.end();
        }
    }

    fn rest(&self, xml: &mut Xml, piece: &Piece<'_>, voice: usize, brackets: (bool, bool)) {
        let is_whole_bar = piece.length == self.sheet.bars.length && piece.start == self.bar;
        // In further voices rests would only stand in the way; in brackets they are counted.
        let is_counted = value(piece.length).is_some_and(|value| value.is_triplet);
        if voice > 0 && !is_counted {
            xml.begin("forward", &[]);
            xml.text("duration", piece.length);
            xml.text("voice", self.voice(voice));
            self.staff_number(xml);
            xml.end();
            return;
        }
        xml.begin("note", &[]);
        if is_whole_bar {
            xml.empty("rest", &[("measure", "yes")]);
            xml.text("duration", piece.length);
            xml.text("voice", self.voice(voice));
        } else {
            xml.empty("rest", &[]);
            xml.text("duration", piece.length);
            self.value(xml, piece.length, voice, None);
        }
        self.staff_number(xml);
        if brackets.0 || brackets.1 {
            xml.begin("notations", &[]);
            tuplets(xml, brackets);
            xml.end();
        }
        xml.end();
    }

    fn voice(&self, voice: usize) -> usize {
        self.staff * VOICES_PER_STAFF + voice + 1
    }

    fn staff_number(&self, xml: &mut Xml) {
        if self.part.staves.len() > 1 {
            xml.text("staff", self.staff + 1);
        }
    }

    /// Voice, note value and sign.
    fn value(&self, xml: &mut Xml, length: u32, voice: usize, sign: Option<i32>) {
        xml.text("voice", self.voice(voice));
        let value = value(length);
        if let Some(value) = value {
            xml.text("type", value.name);
            for _ in 0..value.dots {
                xml.empty("dot", &[]);
            }
        }
        if let Some(alter) = sign {
            xml.text("accidental", spelling::sign(alter));
        }
        if value.is_some_and(|value| value.is_triplet) {
            xml.begin("time-modification", &[]);
            xml.text("actual-notes", 3);
            xml.text("normal-notes", 2);
            xml.text("normal-type", "eighth");
            xml.end();
        }
    }
}

fn tuplets(xml: &mut Xml, (begins, ends): (bool, bool)) {
    if begins {
        xml.empty("tuplet", &[("type", "start"), ("bracket", "yes")]);
    }
    if ends {
        xml.empty("tuplet", &[("type", "stop")]);
    }
}

/// MusicXML's name of a family, and how it is written behind the root.
fn kind(family: Family) -> (&'static str, &'static str) {
    match family {
        Family::Major => ("major", ""),
        Family::Minor => ("minor", "m"),
        Family::Seventh => ("dominant", "7"),
        Family::MajorSeventh => ("major-seventh", "maj7"),
        Family::MinorSeventh => ("minor-seventh", "m7"),
        Family::Fourth => ("suspended-fourth", "sus4"),
        Family::Second => ("suspended-second", "sus2"),
        Family::Diminished => ("diminished", "dim"),
        Family::HalfDiminished => ("half-diminished", "m7♭5"),
    }
}
