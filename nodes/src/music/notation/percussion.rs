//! Where the drums of General MIDI stand on a staff of five lines, and with which head.

/// A drum as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Drum {
    /// The letter and the octave of its place, as in a treble clef.
    pub(super) place: (char, i32),
    /// MusicXML's name of its head; `None`: the usual one.
    pub(super) head: Option<&'static str>,
    pub(super) name: &'static str,
}

/// The drum of key `key`.
pub(super) fn drum(key: u8) -> Drum {
    let (letter, octave, head, name) = match key {
        35 | 36 => ('F', 4, None, "Bass drum"),
        37 => ('C', 5, Some("x"), "Side stick"),
        38 | 40 => ('C', 5, None, "Snare drum"),
        39 => ('C', 5, Some("slash"), "Hand clap"),
        41 | 43 => ('A', 4, None, "Low tom"),
        45 | 47 => ('D', 5, None, "Middle tom"),
        48 | 50 => ('E', 5, None, "High tom"),
        42 => ('G', 5, Some("x"), "Closed hi-hat"),
        44 => ('D', 4, Some("x"), "Pedal hi-hat"),
        46 => ('G', 5, Some("circle-x"), "Open hi-hat"),
        49 | 52 | 55 | 57 => ('A', 5, Some("x"), "Crash cymbal"),
        51 | 53 | 59 => ('F', 5, Some("x"), "Ride cymbal"),
        _ => ('E', 5, Some("triangle"), "Percussion"),
    };
    Drum {
        place: (letter, octave),
        head,
        name,
    }
}
