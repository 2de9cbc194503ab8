//! Chords: a root and one of nine families, as tokens of the models and as musicians write them.

use std::fmt;
use std::str::FromStr;

use score_engine::{Key, note_at, note_name};
use serde::{Deserialize, Serialize};

/// Roots that a chord can have.
const ROOTS: u8 = 12;

/// The token of no chord.
pub const NO_CHORD: i64 = 108;

/// The token before the first.
pub const START: i64 = 109;

/// How many tokens a model tells apart: 12 roots of 9 families, and none.
pub const TOKENS: usize = 109;

/// What kind of chord stands on the root; the order is that of the models' tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// A major triad.
    Major,
    /// A minor triad.
    Minor,
    /// A dominant seventh.
    Seventh,
    /// A major seventh.
    MajorSeventh,
    /// A minor seventh.
    MinorSeventh,
    /// A fourth in place of the third.
    Fourth,
    /// A second in place of the third.
    Second,
    /// A diminished triad.
    Diminished,
    /// A diminished triad with a minor seventh.
    HalfDiminished,
}

/// All families, in the order of the tokens.
pub(super) const FAMILIES: [Family; 9] = [
    Family::Major,
    Family::Minor,
    Family::Seventh,
    Family::MajorSeventh,
    Family::MinorSeventh,
    Family::Fourth,
    Family::Second,
    Family::Diminished,
    Family::HalfDiminished,
];

impl Family {
    /// Its tones, in semitones above the root.
    pub fn tones(self) -> &'static [u8] {
        match self {
            Family::Major => &[0, 4, 7],
            Family::Minor => &[0, 3, 7],
            Family::Seventh => &[0, 4, 7, 10],
            Family::MajorSeventh => &[0, 4, 7, 11],
            Family::MinorSeventh => &[0, 3, 7, 10],
            Family::Fourth => &[0, 5, 7],
            Family::Second => &[0, 2, 7],
            Family::Diminished => &[0, 3, 6],
            Family::HalfDiminished => &[0, 3, 6, 10],
        }
    }

    /// As it is written behind the root.
    fn sign(self) -> &'static str {
        match self {
            Family::Major => "",
            Family::Minor => "m",
            Family::Seventh => "7",
            Family::MajorSeventh => "maj7",
            Family::MinorSeventh => "m7",
            Family::Fourth => "sus4",
            Family::Second => "sus2",
            Family::Diminished => "dim",
            Family::HalfDiminished => "m7b5",
        }
    }

    /// The family that is written so behind a root. Chords with more tones are read as the nearest
    /// of the nine.
    fn of(sign: &str) -> Option<Self> {
        Some(match sign {
            "" | "M" | "maj" | "major" | "6" | "add9" | "69" | "6/9" | "aug" | "+" | "5" => {
                Family::Major
            }
            "m" | "min" | "minor" | "-" | "m6" | "min6" | "mM7" | "m(maj7)" | "madd9" => {
                Family::Minor
            }
            "7" | "9" | "11" | "13" | "7b9" | "7#9" | "7#5" | "7b5" | "aug7" | "+7" => {
                Family::Seventh
            }
            "maj7" | "M7" | "maj9" | "M9" | "Δ" | "Δ7" | "maj13" => Family::MajorSeventh,
            "m7" | "min7" | "-7" | "m9" | "m11" | "min9" => Family::MinorSeventh,
            "sus4" | "sus" | "7sus4" | "9sus4" => Family::Fourth,
            "sus2" => Family::Second,
            "dim" | "°" | "o" | "dim7" | "°7" | "o7" => Family::Diminished,
            "m7b5" | "ø" | "ø7" | "min7b5" | "-7b5" | "m7♭5" => Family::HalfDiminished,
            _ => return None,
        })
    }
}

/// A chord.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Chord {
    /// The root's pitch class, 0 (C) to 11 (B).
    pub root: u8,
    /// What stands on it.
    pub family: Family,
}

impl Chord {
    /// The chord that sounds in `key` where a model says `token` of music in C major or A minor;
    /// `None` for no chord, and for what is not a token of a chord.
    pub fn of_token(token: i64, key: Key) -> Option<Self> {
        let token = usize::try_from(token).ok()?;
        let family = *FAMILIES.get(token % FAMILIES.len())?;
        let root = i32::try_from(token / FAMILIES.len()).ok()?;
        (root < i32::from(ROOTS)).then(|| Chord {
            root: (root + key.shift()).rem_euclid(12) as u8,
            family,
        })
    }

    /// The token of this chord, which sounds in `key`, for a model that knows C major and A minor.
    pub fn token(self, key: Key) -> i64 {
        let root = i64::from(i32::from(self.root) - key.shift()).rem_euclid(12);
        root * FAMILIES.len() as i64
            + FAMILIES.iter().position(|f| *f == self.family).unwrap_or(0) as i64
    }

    /// The tonic's triad.
    pub fn tonic(key: Key) -> Self {
        Chord {
            root: key.tonic % 12,
            family: match key.mode {
                score_engine::Mode::Major => Family::Major,
                score_engine::Mode::Minor => Family::Minor,
            },
        }
    }

    /// Its pitch classes, the root first.
    pub fn classes(self) -> impl Iterator<Item = u8> {
        let tones = self.family.tones().iter();
        tones.map(move |tone| (self.root + tone) % 12)
    }

    /// Whether the pitch class of a MIDI pitch is one of its tones.
    pub fn holds(self, pitch: u8) -> bool {
        self.classes().any(|class| class == pitch % 12)
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", note_name(self.root), self.family.sign())
    }
}

/// Text is not a chord.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a chord; chords look like C, Am, F#m7, Bbmaj7, G7, Dsus4, Bdim, Em7b5")]
pub struct NotAChord(pub String);

impl FromStr for Chord {
    type Err = NotAChord;

    /// Reads a chord's symbol; a bass after a slash is left out.
    fn from_str(text: &str) -> Result<Self, NotAChord> {
        let wrong = || NotAChord(text.to_owned());
        let symbol = match text.split_once('/') {
            // C6/9 is a chord, C/E has a bass.
            Some((before, after)) if after != "9" && !before.is_empty() => {
                after
                    .chars()
                    .next()
                    .filter(|c| ('A'..='G').contains(c))
                    .ok_or_else(wrong)?;
                before
            }
            _ => text,
        };
        let (root, sign) = note_at(symbol).ok_or_else(wrong)?;
        Ok(Chord {
            root,
            family: Family::of(sign).ok_or_else(wrong)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use score_engine::Mode;

    use super::*;

    #[test]
    fn every_token_is_a_chord_and_comes_back_from_every_key() {
        for tonic in 0..12 {
            for mode in [Mode::Major, Mode::Minor] {
                let key = Key { tonic, mode };
                for token in 0..NO_CHORD {
                    let chord = Chord::of_token(token, key).unwrap();
                    assert_eq!(chord.token(key), token, "{chord} in {key}");
                    assert_eq!(chord.to_string().parse(), Ok(chord));
                }
                assert_eq!(Chord::of_token(NO_CHORD, key), None);
                assert_eq!(Chord::of_token(-1, key), None);
                assert_eq!(
                    Chord::tonic(key).token(key),
                    if mode == Mode::Major { 0 } else { 82 }
                );
            }
        }
    }

    #[test]
    fn chords_are_read_as_lead_sheets_write_them() {
        for (text, wanted) in [
            ("Am", "Am"),
            ("F#m7", "F#m7"),
            ("B♭maj7/D", "Bbmaj7"),
            ("Ebm", "Ebm"),
            ("C6/9", "C"),
            ("G13", "G7"),
            ("Bø", "Bm7b5"),
            ("C/E", "C"),
            ("D-7", "Dm7"),
        ] {
            assert_eq!(text.parse::<Chord>().unwrap().to_string(), wanted, "{text}");
        }
        for text in ["", "H", "Cmin13x", "am", "C/", "/E", "Cb#", "%"] {
            assert!(text.parse::<Chord>().is_err(), "{text}");
        }
    }
}
