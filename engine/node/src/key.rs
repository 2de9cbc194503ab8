//! The key that the music of a run is in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The pitch classes' names, as major keys are usually written: flats where a key with flats has
/// fewer signs.
const NAMES: [&str; 12] = [
    "C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B",
];

/// A minor key's tonic is written with a sharp where its major relative is.
const MINOR_NAMES: [&str; 12] = [
    "C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B",
];

/// The distances of a major scale from its tonic, in semitones.
const MAJOR: [u8; 7] = [0, 2, 4, 5, 7, 9, 11];

/// The usual name of a pitch class, 0 (C) to 11 (B): `F#`, `Bb`.
pub fn note_name(class: u8) -> &'static str {
    NAMES[usize::from(class % 12)]
}

/// Reads the name of a note at the beginning of `text`, such as `Bb` or `F♯`; its pitch class, and
/// the text behind it.
pub fn note_at(text: &str) -> Option<(u8, &str)> {
    let mut letters = text.chars();
    let class = match letters.next()? {
        'C' => 0,
        'D' => 2,
        'E' => 4,
        'F' => 5,
        'G' => 7,
        'A' => 9,
        'B' => 11,
        _ => return None,
    };
    let rest = letters.as_str();
    let (alter, behind) = match rest.chars().next() {
        Some(sign @ ('#' | '♯')) => (1, &rest[sign.len_utf8()..]),
        Some(sign @ ('b' | '♭')) => (11, &rest[sign.len_utf8()..]),
        _ => (0, rest),
    };
    Some(((class + alter) % 12, behind))
}

/// Whether the third above the tonic is a major or a minor one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Major.
    #[default]
    Major,
    /// Natural minor.
    Minor,
}

/// A tonic and a mode: `C major`, `F# minor`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The tonic's pitch class, 0 (C) to 11 (B).
    pub tonic: u8,
    /// Major or minor.
    pub mode: Mode,
}

impl Key {
    /// How many semitones music in C major or A minor is moved to be in this key: −5 to 6.
    pub fn shift(self) -> i32 {
        let home = match self.mode {
            Mode::Major => 0,
            Mode::Minor => 9,
        };
        let up = (i32::from(self.tonic) - home).rem_euclid(12);
        if up > 6 { up - 12 } else { up }
    }

    /// The key's signature: how many sharps, −6 to 6, flats below 0.
    pub fn fifths(self) -> i8 {
        let major = (i32::from(self.tonic) + if self.mode == Mode::Minor { 3 } else { 0 }) % 12;
        // Each fifth up is a sharp more.
        let fifths = (major * 7 + 5).rem_euclid(12) - 5;
        // E♭ minor is written with flats, as its name is, and F♯ major with sharps.
        let is_flat = fifths == 6 && self.mode == Mode::Minor;
        (if is_flat { -6 } else { fifths }) as i8
    }

    /// Whether the pitch class of `pitch`, a MIDI pitch, is in the key's scale: major, or natural
    /// minor.
    pub fn holds(self, pitch: i32) -> bool {
        let class = (pitch - self.shift()).rem_euclid(12);
        MAJOR.iter().any(|degree| i32::from(*degree) == class)
    }
}

/// Words for a mode or a sign that are not read, with what is meant.
const OTHER_WORDS: [(&str, &str); 14] = [
    ("dur", "major"),
    ("majeur", "major"),
    ("maggiore", "major"),
    ("ionian", "major"),
    ("lydian", "major"),
    ("mixolydian", "major"),
    ("moll", "minor"),
    ("mineur", "minor"),
    ("minore", "minor"),
    ("aeolian", "minor"),
    ("dorian", "minor"),
    ("phrygian", "minor"),
    ("sharp", "#"),
    ("flat", "b"),
];

/// How much a word must be like the one that is meant, from 0 to 1.
const LIKE: f64 = 0.75;

impl Key {
    /// The key that `text`, which is not one, was probably meant to be: misspelt, in German, or
    /// another mode.
    pub fn near(text: &str) -> Option<Key> {
        const MOST: usize = 24;
        let text = text.trim().to_lowercase();
        if text.len() > MOST {
            return None;
        }
        let letter = text.chars().next()?;
        // German and Scandinavian musicians call B by that name.
        let letter = if letter == 'h' { 'b' } else { letter };
        let rest = text.get(1..)?.replace(['-', '_'], " ");
        let mut sign = String::new();
        let mut mode = "major";
        let mut words: Vec<&str> = rest.split_whitespace().collect();
        // What stands at the letter itself: a sign, or the German `is` and `es`.
        if let Some(first) = words.first().copied()
            && !rest.starts_with(' ')
        {
            sign = match first {
                "#" | "♯" | "is" => "#",
                "b" | "♭" | "es" | "s" => "b",
                _ => "",
            }
            .to_owned();
            if !sign.is_empty() {
                words.remove(0);
            }
        }
        for word in words {
            let known = [("major", "major"), ("minor", "minor")];
            let meant = (known.iter().chain(&OTHER_WORDS))
                .map(|(known, meant)| (strsim::jaro_winkler(word, known), *meant))
                .max_by(|(a, _), (b, _)| a.total_cmp(b))
                .filter(|(like, _)| *like > LIKE)?;
            match meant.1 {
                "#" | "b" => sign = meant.1.to_owned(),
                meant => mode = meant,
            }
        }
        format!("{letter}{sign} {mode}").parse().ok()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = usize::from(self.tonic % 12);
        match self.mode {
            Mode::Major => write!(f, "{} major", note_name(self.tonic)),
            Mode::Minor => write!(f, "{} minor", MINOR_NAMES[place]),
        }
    }
}

/// Text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is a note and a mode, such as \"C major\", \"F# minor\" or \"Bb\"")]
pub struct NotAKey;

impl FromStr for Key {
    type Err = NotAKey;

    /// Reads `C major`, `f# minor`, `Bb`, `Am`, `E♭ maj`; a note alone is major.
    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let text = text.trim();
        // Keys are also written small, as `c minor`.
        let upper: String = (text.chars().take(1).flat_map(char::to_uppercase))
            .chain(text.chars().skip(1))
            .collect();
        let (tonic, rest) = note_at(&upper).ok_or(NotAKey)?;
        let mode = match rest.trim().to_ascii_lowercase().as_str() {
            "" | "major" | "maj" => Mode::Major,
            "minor" | "min" => Mode::Minor,
            "m" if rest.trim() == "m" => Mode::Minor,
            _ => return Err(NotAKey),
        };
        Ok(Key { tonic, mode })
    }
}

/// The key as a patch gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyChoice {
    /// A tonic drawn from the patch's seed; what makes the harmony chooses the mode by the picture.
    Auto,
    /// This key.
    Of(Key),
}

impl KeyChoice {
    /// The key: the one that was chosen, or the one that `seed` draws, in `mode`.
    pub fn key(self, seed: u64, mode: Mode) -> Key {
        match self {
            KeyChoice::Of(key) => key,
            // A step of Knuth's multiplicative generator, so that neighbouring seeds lie far apart.
            KeyChoice::Auto => Key {
                tonic: (seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1) >> 33) as u8
                    % 12,
                mode,
            },
        }
    }
}

impl fmt::Display for KeyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyChoice::Auto => f.write_str("auto"),
            KeyChoice::Of(key) => key.fmt(f),
        }
    }
}

impl FromStr for KeyChoice {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        match text.trim() {
            "auto" => Ok(KeyChoice::Auto),
            text => text.parse().map(KeyChoice::Of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tonic: u8, mode: Mode) -> Result<Key, NotAKey> {
        Ok(Key { tonic, mode })
    }

    #[test]
    fn keys_are_read_as_musicians_write_them() {
        for (text, tonic, mode) in [
            ("C major", 0, Mode::Major),
            ("c", 0, Mode::Major),
            ("F# minor", 6, Mode::Minor),
            ("Bb", 10, Mode::Major),
            ("bb minor", 10, Mode::Minor),
            ("Am", 9, Mode::Minor),
            ("B", 11, Mode::Major),
            ("Cb", 11, Mode::Major),
            (" E♭  maj ", 3, Mode::Major),
            ("G♯ MINOR", 8, Mode::Minor),
        ] {
            assert_eq!(text.parse(), key(tonic, mode), "{text}");
        }
        for text in ["", "H", "C dorian", "C##", "AM", "1", "major", "♯"] {
            assert_eq!(text.parse::<Key>(), Err(NotAKey), "{text}");
        }
    }

    #[test]
    fn what_is_nearly_a_key_is_guessed_and_what_is_none_is_not() {
        for (text, meant) in [
            ("H moll", "B minor"),
            ("D minr", "D minor"),
            ("D flat major", "Db major"),
            ("cis moll", "C# minor"),
            ("es dur", "Eb major"),
            ("C-Dur", "C major"),
            ("A dorian", "A minor"),
            ("F# mjor", "F# major"),
        ] {
            let near = Key::near(text).map(|key| key.to_string());
            assert_eq!(near.as_deref(), Some(meant), "{text}");
        }
        for text in [
            "",
            "1",
            "♯",
            "loud",
            "x minor",
            "é",
            "C please play something nice",
        ] {
            assert_eq!(Key::near(text), None, "{text}");
        }
    }

    #[test]
    fn every_key_is_read_back_from_its_name() {
        for tonic in 0..12 {
            for mode in [Mode::Major, Mode::Minor] {
                let key = Key { tonic, mode };
                assert_eq!(key.to_string().parse(), Ok(key));
                assert!(key.holds(i32::from(tonic)), "{key}");
                assert_eq!(key.holds(i32::from(tonic) + 4), mode == Mode::Major);
                assert!((-5..=6).contains(&key.shift()));
            }
        }
        assert_eq!("auto".parse(), Ok(KeyChoice::Auto));
    }

    #[test]
    fn keys_have_the_signs_that_musicians_write() {
        for (text, fifths) in [
            ("C", 0),
            ("G", 1),
            ("F", -1),
            ("F#", 6),
            ("Db", -5),
            ("B", 5),
            ("Am", 0),
            ("Em", 1),
            ("G# minor", 5),
            ("Eb minor", -6),
            ("C minor", -3),
        ] {
            assert_eq!(text.parse::<Key>().map(Key::fifths), Ok(fifths), "{text}");
        }
    }

    #[test]
    fn seeds_draw_every_tonic_and_one_seed_always_the_same() {
        let drawn: std::collections::BTreeSet<u8> = (0..100)
            .map(|seed| KeyChoice::Auto.key(seed, Mode::Major).tonic)
            .collect();
        assert_eq!(drawn.len(), 12);
    }
}
