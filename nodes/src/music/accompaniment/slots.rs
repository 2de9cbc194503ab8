//! Where the notes of a texture lie: a class of the bass, and chord tones counted up from a floor.

use score_engine::Key;

use super::super::harmony::Chord;

/// Classes of the bass: nothing, the root, the root an octave higher, the fifth, the third, another
/// tone.
pub(super) const BASS: usize = 6;

/// Chord tones above the floor.
pub(super) const SLOTS: usize = 14;

/// The lowest pitch of a slot, before it is moved into the key.
const FLOOR: i32 = 48;

/// The bass's root lies in the octave from here, as a piano plays it.
const LOWEST: i32 = 36;

/// The lowest note struck is the bass where it lies below this, before it is moved into the key.
pub(super) const HIGHEST_BASS: i32 = 55;

/// How far from a slot a note may lie that is taken for it, in semitones.
const NEAR: u8 = 2;

/// Bits of a token that are the class of the bass.
const BASS_BITS: usize = 3;

/// What is struck at a sixteenth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Struck {
    /// The class of the bass.
    pub(super) bass: usize,
    /// The slots, in order.
    pub(super) slots: Vec<usize>,
}

impl Struck {
    /// What the model is given of what the step before struck.
    pub(super) fn heard(&self) -> [f32; BASS + SLOTS] {
        let mut heard = [0.0; BASS + SLOTS];
        for place in self.slots.iter().map(|slot| BASS + slot).chain([self.bass]) {
            if let Some(value) = heard.get_mut(place) {
                *value = 1.0;
            }
        }
        heard
    }

    /// As one number: the class of the bass, and above it a bit for each slot.
    pub(super) fn token(&self) -> i64 {
        let slots = self.slots.iter().filter(|slot| **slot < SLOTS);
        slots.fold(self.bass as i64, |token, slot| {
            token | (1_i64 << (BASS_BITS + slot))
        })
    }

    /// What [`Struck::token`] says.
    pub(super) fn of_token(token: i64) -> Self {
        let class = token & ((1_i64 << BASS_BITS) - 1);
        let is_struck = |slot: &usize| (token >> (BASS_BITS + slot)) & 1 == 1;
        Struck {
            bass: (class as usize).min(BASS - 1),
            slots: (0..SLOTS).filter(is_struck).collect(),
        }
    }
}

/// The pitch of a class of the bass under `chord`; `None` for nothing.
pub(super) fn bass_pitch(chord: Chord, class: usize) -> Option<u8> {
    let tones = chord.family.tones();
    let tone = |place: usize| tones.get(place).map(|tone| i32::from(*tone));
    let above = match class {
        1 => 0,
        2 => 12,
        3 => tone(2)?,
        4 => tone(1)?,
        5 => tone(3).unwrap_or(12),
        _ => return None,
    };
    let root = LOWEST + (i32::from(chord.root) - LOWEST).rem_euclid(12);
    u8::try_from(root + above).ok()
}

/// The pitch of a slot under `chord` in `key`: counted in C major or A minor, then moved, so that
/// the same slots lie alike in every key.
pub(super) fn slot_pitch(chord: Chord, key: Key, slot: usize) -> Option<u8> {
    let shift = key.shift();
    let home = |tone: u8| (i32::from(tone) - shift).rem_euclid(12);
    let classes: Vec<i32> = chord.classes().map(home).collect();
    (FLOOR..)
        .take(12 * SLOTS)
        .filter(|pitch| classes.contains(&pitch.rem_euclid(12)))
        .nth(slot)
        .and_then(|pitch| u8::try_from(pitch + shift).ok())
        .filter(|pitch| *pitch < 128)
}

/// The class of a bass note that somebody struck under `chord` in `key`.
pub(super) fn bass_class(chord: Chord, key: Key, pitch: u8) -> usize {
    let tones = chord.family.tones();
    let is_tone = |place: usize, above: u8| tones.get(place).is_some_and(|tone| *tone == above);
    let in_home = i32::from(pitch) - key.shift();
    // Of a triad with a third, either third is one.
    let has_third = is_tone(1, 3) || is_tone(1, 4);
    match (pitch + 12 - chord.root % 12) % 12 {
        0 if in_home >= LOWEST + 12 => 2,
        0 => 1,
        above if is_tone(2, above) => 3,
        3 | 4 if has_third => 4,
        above if !has_third && is_tone(1, above) => 4,
        _ => 5,
    }
}

/// The slot of an upper note that somebody struck under `chord` in `key`: a chord tone, or one near
/// it.
pub(super) fn nearest_slot(chord: Chord, key: Key, pitch: u8) -> Option<usize> {
    let slots = (0..SLOTS).filter_map(|slot| Some((slot, slot_pitch(chord, key, slot)?)));
    slots
        .map(|(slot, there)| (there.abs_diff(pitch), slot))
        .min()
        .filter(|(away, _)| *away <= NEAR)
        .map(|(_, slot)| slot)
}

#[cfg(test)]
mod tests {
    use score_engine::Mode;

    use super::*;

    #[test]
    fn slots_are_the_chords_tones_from_the_floor_and_move_with_the_key() {
        let c = Key::default();
        let pitches = |name: &str, key| -> Vec<u8> {
            let chord = name.parse().unwrap();
            (0..4)
                .filter_map(|slot| slot_pitch(chord, key, slot))
                .collect()
        };
        assert_eq!(pitches("C", c), [48, 52, 55, 60]);
        assert_eq!(pitches("G7", c), [50, 53, 55, 59]);
        let d = Key {
            tonic: 2,
            mode: Mode::Major,
        };
        assert_eq!(pitches("A7", d), [52, 55, 57, 61]);
    }

    #[test]
    fn what_is_struck_comes_back_from_its_token_and_its_pitches() {
        let struck = Struck {
            bass: 4,
            slots: vec![0, 5, 13],
        };
        assert_eq!(Struck::of_token(struck.token()), struck);
        assert_eq!(Struck::of_token(0), Struck::default());
        let (chord, key) = ("A7".parse().unwrap(), "D major".parse().unwrap());
        for slot in 0..SLOTS {
            let pitch = slot_pitch(chord, key, slot).unwrap();
            assert_eq!(nearest_slot(chord, key, pitch), Some(slot));
        }
        for class in 1..BASS {
            let pitch = bass_pitch(chord, class).unwrap();
            assert_eq!(bass_class(chord, key, pitch), class, "{pitch}");
        }
    }

    #[test]
    fn the_bass_has_its_root_in_the_lowest_octave() {
        let bass = |name: &str| -> Vec<Option<u8>> {
            let chord = name.parse().unwrap();
            (0..BASS).map(|class| bass_pitch(chord, class)).collect()
        };
        assert_eq!(
            bass("C"),
            [None, Some(36), Some(48), Some(43), Some(40), Some(48)]
        );
        assert_eq!(
            bass("Bm7b5"),
            [None, Some(47), Some(59), Some(53), Some(50), Some(57)]
        );
    }
}
