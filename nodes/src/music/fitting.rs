//! Brings a melody that knows neither key nor chords into both: each phrase is moved as a whole to
//! where it fits the key best, and only what is still beside it is moved note by note.

use score_engine::{Key, Mode, Time, Transport};

use super::Chord;
use super::grid::Grid;
use super::harmony::Following;
use super::tokens::{Step, notes, step};
use crate::chords::Chords;
use crate::model::Music;

/// Sixteenths of a bar from strong place to strong place.
const STRONG: u64 = 8;

/// Distances to a tone of the chord, in semitones, that sound wrong on a strong place: beside it,
/// and the tritone.
const CLASHES: [i32; 3] = [1, 6, 11];

/// The first token of a note.
const FIRST_NOTE: i64 = 2;

/// What a melody is brought to.
pub(super) struct Fitting {
    /// The transport's key; with chords theirs is taken.
    key: Option<Key>,
    chords: Following,
    layout: Music,
}

impl Fitting {
    pub(super) fn new(transport: &Transport, layout: Music) -> Self {
        Fitting {
            key: key(transport),
            chords: Following::default(),
            layout,
        }
    }

    /// Goes on in another transport's key.
    pub(super) fn retime(&mut self, transport: &Transport) {
        self.key = key(transport);
    }

    /// The key that it is brought to now, if any.
    pub(super) fn key(&self) -> Option<Key> {
        self.chords.key().or(self.key)
    }

    /// Takes in a chord; `grid` knows where `time` lies.
    pub(super) fn hear(&mut self, time: Time, chords: Chords, grid: &Grid) {
        self.chords.hear(time, chords, grid);
    }

    /// By how many semitones the phrase of these tokens is moved as a whole: to where most of it
    /// lies in the key, by as little as that takes.
    pub(super) fn shift(&self, phrase: &[i64]) -> i32 {
        let Some(key) = self.key() else {
            return 0;
        };
        let notes = notes(phrase, &self.layout);
        let inside = |shift: i32| -> usize {
            notes
                .iter()
                .filter(|note| key.holds(i32::from(note.pitch) + shift))
                .map(|note| note.end - note.start)
                .sum()
        };
        let mut shifts: Vec<i32> = (-6..=6).collect();
        shifts.sort_by_key(|shift| shift.abs());
        // Of several that are as good the first is taken: the smallest.
        let best = shifts.iter().map(|shift| inside(*shift)).max().unwrap_or(0);
        (shifts.into_iter().find(|shift| inside(*shift) == best)).unwrap_or(0)
    }

    /// What `token` of a phrase that is moved by `shift` becomes at sixteenth `place`, counted from
    /// the start, which is sixteenth `sixteenth` of its bar.
    pub(super) fn token(&mut self, token: i64, shift: i32, (place, sixteenth): (u64, u64)) -> i64 {
        let chords = self.chords.at(place);
        let Some(key) = chords.map(|chords| chords.key).or(self.key) else {
            return token;
        };
        let Step::On(pitch) = step(token, self.layout.lowest_pitch) else {
            return token;
        };
        let strong = sixteenth.is_multiple_of(STRONG);
        let pitch = self.within(fitted(i32::from(pitch) + shift, strong, key, chords));
        i64::from(pitch - i32::from(self.layout.lowest_pitch)) + FIRST_NOTE
    }

    /// The same tone in an octave that the model's tokens have.
    fn within(&self, pitch: i32) -> i32 {
        let lowest = i32::from(self.layout.lowest_pitch);
        let highest = lowest + self.layout.tokens as i32 - FIRST_NOTE as i32 - 1;
        match pitch {
            _ if pitch < lowest => pitch + 12,
            _ if pitch > highest => pitch - 12,
            _ => pitch,
        }
    }
}

/// The key that a transport asks for.
fn key(transport: &Transport) -> Option<Key> {
    let choice = transport.key?;
    Some(choice.key(transport.seed, Mode::Major))
}

/// Where a note of `pitch` goes: it stays if it is a tone of the chord, or of the scale where it
/// may be.
fn fitted(pitch: i32, strong: bool, key: Key, chords: Option<Chords>) -> i32 {
    let chord = chords.and_then(|chords| chords.chord);
    let of_chord = |pitch: i32| chord.is_some_and(|chord| chord.holds(class(pitch)));
    if chords.is_some_and(|chords| chords.last && chords.close == Some(0)) {
        // The piece's last note is the tonic.
        return nearest(pitch, |pitch| class(pitch) == key.tonic % 12);
    }
    match chord {
        _ if of_chord(pitch) => pitch,
        Some(chord) if strong && clashes(pitch, chord) => nearest(pitch, of_chord),
        _ if key.holds(pitch) => pitch,
        _ => nearest(pitch, |pitch| key.holds(pitch) || of_chord(pitch)),
    }
}

fn class(pitch: i32) -> u8 {
    pitch.rem_euclid(12) as u8
}

fn clashes(pitch: i32, chord: Chord) -> bool {
    chord
        .classes()
        .any(|tone| CLASHES.contains(&(pitch - i32::from(tone)).rem_euclid(12)))
}

/// The pitch nearest to `pitch` that is wanted; of two the lower.
fn nearest(pitch: i32, wanted: impl Fn(i32) -> bool) -> i32 {
    (0..12)
        .flat_map(|far| [pitch - far, pitch + far])
        .find(|pitch| wanted(*pitch))
        .unwrap_or(pitch)
}

#[cfg(test)]
mod tests {
    use score_engine::{KeyChoice, Mode};

    use super::*;
    use crate::music::LAYOUT;

    const D_MAJOR: Key = Key {
        tonic: 2,
        mode: Mode::Major,
    };

    fn fitting() -> Fitting {
        let transport = Transport {
            key: Some(KeyChoice::Of(D_MAJOR)),
            ..Transport::default()
        };
        Fitting::new(&transport, LAYOUT)
    }

    /// One note a quarter.
    fn phrase(pitches: &[u8]) -> Vec<i64> {
        let quarter = |pitch: &u8| [i64::from(*pitch) - 21 + 2, 0, 0, 0];
        pitches.iter().flat_map(quarter).collect()
    }

    #[test]
    fn a_phrase_in_another_key_is_moved_as_a_whole_and_keeps_its_steps() {
        // C major's scale is a tone below D's.
        let tune = phrase(&[60, 62, 64, 65, 67, 69, 71, 72]);
        let mut fitting = fitting();
        let shift = fitting.shift(&tune);
        assert_eq!(shift, 2);
        let moved: Vec<i64> = (tune.iter())
            .map(|token| fitting.token(*token, shift, (0, 4)))
            .collect();
        assert_eq!(moved, phrase(&[62, 64, 66, 67, 69, 71, 73, 74]));
        // What fits stays where it is, and pauses stay pauses.
        assert_eq!(fitting.shift(&phrase(&[62, 66, 69])), 0);
        assert_eq!(fitting.shift(&[0, 1, 0]), 0);
        assert_eq!([0, 1].map(|token| fitting.token(token, 2, (0, 0))), [0, 1]);
    }

    #[test]
    fn what_is_beside_the_scale_goes_to_it_and_what_clashes_on_a_beat_to_the_chord() {
        let chords = |text: &str, last: bool| Chords {
            key: D_MAJOR,
            chord: Some(text.parse().unwrap()),
            fresh: true,
            next: None,
            close: last.then_some(0),
            last,
        };
        let at = |pitch, strong, chords| fitted(pitch, strong, D_MAJOR, chords);
        assert_eq!(at(65, false, None), 64);
        assert_eq!(at(66, true, None), 66);
        // G over D is a semitone above F#: on a beat it gives way, else it passes; E and B stay.
        let tonic = Some(chords("D", false));
        assert_eq!(at(67, true, tonic), 66);
        assert_eq!(at(67, false, tonic), 67);
        assert_eq!([64, 71].map(|pitch| at(pitch, true, tonic)), [64, 71]);
        // A chord may bring a tone of its own.
        let strange = Some(chords("E7", false));
        assert_eq!(at(68, true, strange), 68);
        assert_eq!(at(68, true, tonic), 69);
        // The last note of all.
        assert_eq!(at(69, true, Some(chords("D", true))), 74);
    }

    #[test]
    fn no_note_leaves_the_models_range() {
        let mut fitting = fitting();
        for pitch in [21_u8, 108] {
            for shift in [-6, 6] {
                let token = fitting.token(i64::from(pitch) - 19, shift, (0, 0));
                assert!((2..90).contains(&token), "{token}");
            }
        }
    }
}
