//! Recognises the chord of the keys that are down.

use super::chord::{Chord, FAMILIES};

/// What a tone counts that is in the chord, one that is not, and one that the chord has and nobody
/// plays; a missing fifth is usual.
const IN_IT: f32 = 1.0;
const BESIDE: f32 = -1.3;
const MISSING: f32 = -0.6;
const NO_FIFTH: f32 = -0.25;

/// What it counts when the root is the lowest tone.
const ROOT_BELOW: f32 = 0.4;

/// The chord that `pitches` are: the nearest of all that there are, of several that are as near the
/// one on the lowest tone. `None`: too few tones to tell.
pub(super) fn recognised(pitches: impl Iterator<Item = u8>) -> Option<Chord> {
    let mut sounds = [false; 12];
    let (mut lowest, mut count) = (u8::MAX, 0);
    for pitch in pitches {
        sounds[usize::from(pitch % 12)] = true;
        lowest = lowest.min(pitch);
        count += 1;
    }
    let classes = sounds.iter().filter(|sounds| **sounds).count();
    // Two tones are a chord where one of them is doubled, as guitars play fifths.
    if classes < 2 || (classes == 2 && count < 3) {
        return None;
    }
    let score = |chord: Chord| {
        let mut score = if chord.root == lowest % 12 {
            ROOT_BELOW
        } else {
            0.0
        };
        for (number, class) in chord.classes().enumerate() {
            score += match (sounds[usize::from(class)], number) {
                (true, _) => IN_IT,
                (false, 2) => NO_FIFTH,
                (false, _) => MISSING,
            };
        }
        let beside = (0..12u8).filter(|class| sounds[usize::from(*class)] && !chord.holds(*class));
        score + beside.count() as f32 * BESIDE
    };
    let chords = (0..12).flat_map(|root| FAMILIES.map(|family| Chord { root, family }));
    // Of equals the first stays, which is the plainest.
    chords
        .map(|chord| (chord, score(chord)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map(|(chord, _)| chord)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(pitches: &[u8]) -> String {
        recognised(pitches.iter().copied()).map_or("-".to_owned(), |chord| chord.to_string())
    }

    #[test]
    fn every_chord_is_told_from_its_own_tones_on_its_root() {
        for root in 0..12u8 {
            for family in FAMILIES {
                let chord = Chord { root, family };
                let pitches = family.tones().iter().map(|tone| 48 + root + tone);
                assert_eq!(recognised(pitches), Some(chord));
            }
        }
    }

    #[test]
    fn inversions_missing_fifths_and_doubled_tones_are_told() {
        assert_eq!(named(&[52, 60, 67]), "C");
        assert_eq!(named(&[48, 64, 70]), "C7");
        assert_eq!(named(&[45, 52, 57]), "A");
        assert_eq!(named(&[57, 60, 64, 69, 72, 76]), "Am");
        assert_eq!(named(&[43, 59, 62, 65]), "G7");
        // A ninth on top is a chord with a tone beside it.
        assert_eq!(named(&[48, 52, 55, 62]), "C");
    }

    #[test]
    fn one_or_two_tones_are_no_chord() {
        assert_eq!([&[][..], &[60], &[60, 72], &[60, 64]].map(named), ["-"; 4]);
    }
}
