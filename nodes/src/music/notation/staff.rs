//! Shares the notes of a part among staves and voices.

use super::grid::Written;

/// Voices on a staff, at most: more nobody can read.
const VOICES: usize = 4;

/// The lowest pitch of a piano's upper staff.
const MIDDLE: u8 = 60;

/// A clef: its letter, its line, and by how many octaves what sounds lies above what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clef {
    Treble,
    TrebleUp,
    Bass,
    BassDown,
    Percussion,
}

/// Notes that begin and end together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chord {
    pub(super) start: u32,
    pub(super) end: u32,
    /// From the lowest.
    pub(super) pitches: Vec<u8>,
}

/// Five lines.
#[derive(Clone, Debug)]
pub(super) struct Staff {
    pub(super) clef: Clef,
    /// In each voice chords follow each other; there is one voice at least.
    pub(super) voices: Vec<Vec<Chord>>,
}

/// The staves of a part for `notes` in order: one, or two for what needs both hands.
pub(super) fn staves(notes: &[Written]) -> Vec<Staff> {
    let lowest = notes.iter().map(|note| note.pitch).min().unwrap_or(MIDDLE);
    let highest = notes.iter().map(|note| note.pitch).max().unwrap_or(MIDDLE);
    let sounds_together = notes.windows(2).any(|pair| pair[1].start < pair[0].end);
    if sounds_together && lowest < MIDDLE - 5 && highest > MIDDLE + 4 {
        let hand = |is_right: bool| {
            let own: Vec<Written> = (notes.iter())
                .filter(|note| (note.pitch >= MIDDLE) == is_right)
                .copied()
                .collect();
            Staff {
                clef: if is_right { Clef::Treble } else { Clef::Bass },
                voices: voices(&own),
            }
        };
        return vec![hand(true), hand(false)];
    }
    vec![Staff {
        clef: clef(notes),
        voices: voices(notes),
    }]
}

/// The staff of the drums. How long they sound means nothing: each lasts until the next, or until
/// its quarter ends.
pub(super) fn drums(notes: &[Written], quarter: u32) -> Staff {
    let mut lasting: Vec<Written> = notes.to_vec();
    for (index, note) in lasting.iter_mut().enumerate() {
        let next = notes[index..].iter().find(|other| other.start > note.start);
        let quarter_ends = (note.start / quarter + 1) * quarter;
        note.end = next.map_or(quarter_ends, |next| next.start.min(quarter_ends));
    }
    Staff {
        clef: Clef::Percussion,
        voices: voices(&lasting),
    }
}

/// The clef with which most of the notes lie on the staff.
fn clef(notes: &[Written]) -> Clef {
    let mut pitches: Vec<u8> = notes.iter().map(|note| note.pitch).collect();
    pitches.sort_unstable();
    match pitches.get(pitches.len() / 2) {
        Some(0..=40) => Clef::BassDown,
        Some(41..=58) => Clef::Bass,
        Some(85..) => Clef::TrebleUp,
        _ => Clef::Treble,
    }
}

/// The notes as chords in as few voices as they need. Where more than [`VOICES`] would sound, the
/// one that ends first makes room.
fn voices(notes: &[Written]) -> Vec<Vec<Chord>> {
    let mut chords: Vec<Chord> = Vec::new();
    let mut ordered = notes.to_vec();
    ordered.sort_by_key(|note| (note.start, note.end, note.pitch));
    for note in ordered {
        match chords.last_mut() {
            Some(chord) if (chord.start, chord.end) == (note.start, note.end) => {
                chord.pitches.push(note.pitch);
            }
            _ => chords.push(Chord {
                start: note.start,
                end: note.end,
                pitches: vec![note.pitch],
            }),
        }
    }
    // The longest of those that begin together first: it is the one that others move around.
    chords.sort_by_key(|chord| (chord.start, std::cmp::Reverse(chord.end)));
    let mut voices: Vec<Vec<Chord>> = vec![Vec::new()];
    for chord in chords {
        let ends = |voice: &Vec<Chord>| voice.last().map_or(0, |last| last.end);
        let free = voices.iter().position(|voice| ends(voice) <= chord.start);
        match free {
            Some(voice) => voices[voice].push(chord),
            None if voices.len() < VOICES => voices.push(vec![chord]),
            None => make_room(&mut voices, chord),
        }
    }
    voices
}

fn make_room(voices: &mut [Vec<Chord>], chord: Chord) {
    let older = |voice: &&mut Vec<Chord>| voice.last().is_some_and(|l| l.start < chord.start);
    let ends = |voice: &&mut Vec<Chord>| voice.last().map_or(0, |last| last.end);
    match voices.iter_mut().filter(older).min_by_key(ends) {
        Some(voice) => {
            if let Some(last) = voice.last_mut() {
                last.end = chord.start;
            }
            voice.push(chord);
        }
        // All of them begin here: the tones join the chord that ends next.
        None => {
            let voice = voices
                .iter_mut()
                .min_by_key(|voice| voice.last().map_or(0, |last| last.end.abs_diff(chord.end)));
            if let Some(last) = voice.and_then(|voice| voice.last_mut()) {
                last.pitches.extend(chord.pitches);
                last.pitches.sort_unstable();
                last.pitches.dedup();
            }
        }
    }
}
