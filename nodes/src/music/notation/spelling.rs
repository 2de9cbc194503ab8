//! How a pitch is called in a key.

/// The letters along the line of fifths, from F.
const LETTERS: [char; 7] = ['F', 'C', 'G', 'D', 'A', 'E', 'B'];

/// The names that a key uses, as places on the line of fifths (C is 0, G 1, F −1): three to the
/// left of its signature's own place, such as E♭ in C, and eight to the right, such as G♯.
const LEFT: i32 = 3;

/// A letter, how it is altered, and the octave as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Spelt {
    pub(super) letter: char,
    pub(super) alter: i32,
    pub(super) octave: i32,
}

/// The pitch class `class` in a key with `fifths` sharps: its letter and how that is altered.
pub(super) fn class(class: u8, fifths: i8) -> (char, i32) {
    let least = i32::from(fifths) - LEFT;
    // Seven semitones are a fifth, and seven times seven one semitone, in turns of twelve.
    let place = least + (i32::from(class) * 7 - least).rem_euclid(12);
    let letter = LETTERS[(place + 1).rem_euclid(7) as usize];
    (letter, (place + 1).div_euclid(7))
}

/// The MIDI pitch `pitch` in a key with `fifths` sharps.
pub(super) fn pitch(pitch: u8, fifths: i8) -> Spelt {
    let (letter, alter) = class(pitch % 12, fifths);
    Spelt {
        letter,
        alter,
        // B♯ lies in the octave below the C that it sounds as.
        octave: (i32::from(pitch) - alter).div_euclid(12) - 1,
    }
}

/// How `letter` is altered by a signature of `fifths` sharps.
pub(super) fn signed(letter: char, fifths: i8) -> i32 {
    let place = LETTERS
        .iter()
        .position(|known| *known == letter)
        .unwrap_or(0) as i8;
    if fifths > place {
        1
    } else if fifths < place - 6 {
        -1
    } else {
        0
    }
}

/// What MusicXML calls the sign of an alteration.
pub(super) fn sign(alter: i32) -> &'static str {
    match alter {
        2 => "double-sharp",
        1 => "sharp",
        -1 => "flat",
        -2 => "flat-flat",
        _ => "natural",
    }
}
