//! Scales: which keys a melody may use.

use score_engine::{Choice, Key, Mode};

/// A scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub(super) enum Scale {
    Major,
    Minor,
    Dorian,
    Pentatonic,
    MinorPentatonic,
    WholeTone,
    Chromatic,
}

impl Scale {
    /// The scale's keys within an octave, in semitones above its tonic.
    pub(super) fn keys(self) -> &'static [u8] {
        match self {
            Scale::Major => &[0, 2, 4, 5, 7, 9, 11],
            Scale::Minor => &[0, 2, 3, 5, 7, 8, 10],
            Scale::Dorian => &[0, 2, 3, 5, 7, 9, 10],
            Scale::Pentatonic => &[0, 2, 4, 7, 9],
            Scale::MinorPentatonic => &[0, 3, 5, 7, 10],
            Scale::WholeTone => &[0, 2, 4, 6, 8, 10],
            Scale::Chromatic => &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        }
    }

    /// The mode of a key that nobody chose.
    pub(super) fn mode(self) -> Mode {
        match self {
            Scale::Minor | Scale::MinorPentatonic | Scale::Dorian => Mode::Minor,
            _ => Mode::Major,
        }
    }

    /// The scale that stands for this one in `mode`; those that are neither major nor minor stand
    /// for themselves.
    fn in_mode(self, mode: Mode) -> Self {
        match (self, mode) {
            (Scale::Major | Scale::Minor, Mode::Major) => Scale::Major,
            (Scale::Major | Scale::Minor, Mode::Minor) => Scale::Minor,
            (Scale::Pentatonic | Scale::MinorPentatonic, Mode::Major) => Scale::Pentatonic,
            (Scale::Pentatonic | Scale::MinorPentatonic, Mode::Minor) => Scale::MinorPentatonic,
            _ => self,
        }
    }
}

/// The same in a key: from its tonic nearest to `tonic`, the scale that its mode asks for, and of
/// that what lies in it.
pub(super) fn ladder_in(key: Key, scale: Scale, tonic: u8, octaves: u8) -> Vec<u8> {
    let away = (i32::from(key.tonic) - i32::from(tonic)).rem_euclid(12);
    let moved = i32::from(tonic) + if away > 6 { away - 12 } else { away };
    let moved = if moved < 0 { moved + 12 } else { moved };
    let tonic = u8::try_from(moved.min(126)).unwrap_or(tonic);
    let mut ladder = ladder(scale.in_mode(key.mode), tonic, octaves);
    ladder.retain(|pitch| key.holds(i32::from(*pitch)));
    ladder
}

/// The keys from `tonic` up through `octaves`, the last tonic among them; none beyond MIDI's
/// highest.
pub(super) fn ladder(scale: Scale, tonic: u8, octaves: u8) -> Vec<u8> {
    let octave = |number: u8| {
        scale
            .keys()
            .iter()
            .map(move |key| u32::from(tonic) + u32::from(number) * 12 + u32::from(*key))
    };
    let top = u32::from(tonic) + u32::from(octaves) * 12;
    (0..octaves)
        .flat_map(octave)
        .chain([top])
        .filter_map(|key| u8::try_from(key).ok().filter(|key| *key < 128))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_goes_from_tonic_to_tonic_and_never_beyond_midi() {
        assert_eq!(ladder(Scale::Pentatonic, 60, 1), [60, 62, 64, 67, 69, 72]);
        assert_eq!(ladder(Scale::Minor, 57, 2).len(), 15);
        assert!(
            ladder(Scale::Chromatic, 120, 6)
                .iter()
                .all(|key| *key < 128)
        );
    }

    #[test]
    fn in_a_key_every_scale_begins_on_its_tonic_and_stays_in_it() {
        for tonic in 0..12 {
            for mode in [Mode::Major, Mode::Minor] {
                let key = Key { tonic, mode };
                for name in Scale::WORDS {
                    let scale = Scale::of_word(name).unwrap();
                    let ladder = ladder_in(key, scale, 57, 2);
                    assert_eq!(ladder[0] % 12, tonic, "{name} in {key}");
                    assert!(ladder[0].abs_diff(57) <= 6);
                    assert!(ladder.iter().all(|pitch| key.holds(i32::from(*pitch))));
                    assert!(ladder.len() > 5, "{name} in {key}: {ladder:?}");
                }
            }
        }
        let minor: Key = "A minor".parse().unwrap();
        assert_eq!(
            ladder_in(minor, Scale::Pentatonic, 57, 1),
            ladder(Scale::MinorPentatonic, 57, 1)
        );
        assert!(!ladder_in(minor, Scale::Major, 0, 1).is_empty());
    }

    #[test]
    fn every_name_is_a_scale_of_its_own() {
        let named = Scale::WORDS.iter().filter_map(|name| Scale::of_word(name));
        let scales: std::collections::BTreeSet<_> = named.map(Scale::keys).collect();
        assert_eq!(scales.len(), Scale::WORDS.len());
    }
}
