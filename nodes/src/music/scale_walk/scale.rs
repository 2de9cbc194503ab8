//! Scales: which keys a melody may use.

use score_engine::{Key, Mode};

/// The names of the scales, as patches write them.
pub(super) const NAMES: [&str; 7] = [
    "major",
    "minor",
    "dorian",
    "pentatonic",
    "minor_pentatonic",
    "whole_tone",
    "chromatic",
];

/// The scale's keys within an octave, in semitones above its tonic. One that is not known is the chromatic scale.
pub(super) fn keys(name: &str) -> &'static [u8] {
    match name {
        "major" => &[0, 2, 4, 5, 7, 9, 11],
        "minor" => &[0, 2, 3, 5, 7, 8, 10],
        "dorian" => &[0, 2, 3, 5, 7, 9, 10],
        "pentatonic" => &[0, 2, 4, 7, 9],
        "minor_pentatonic" => &[0, 3, 5, 7, 10],
        "whole_tone" => &[0, 2, 4, 6, 8, 10],
        _ => &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    }
}

/// The scale that stands for the named one in `mode`; those that are neither major nor minor stand for themselves.
fn in_mode(name: &str, mode: Mode) -> &str {
    match (name, mode) {
        ("major" | "minor", Mode::Major) => "major",
        ("major" | "minor", Mode::Minor) => "minor",
        ("pentatonic" | "minor_pentatonic", Mode::Major) => "pentatonic",
        ("pentatonic" | "minor_pentatonic", Mode::Minor) => "minor_pentatonic",
        _ => name,
    }
}

/// The same in a key: from its tonic nearest to `tonic`, the scale that its mode asks for, and of that what lies in it.
pub(super) fn ladder_in(key: Key, name: &str, tonic: u8, octaves: u8) -> Vec<u8> {
    let away = (i32::from(key.tonic) - i32::from(tonic)).rem_euclid(12);
    let moved = i32::from(tonic) + if away > 6 { away - 12 } else { away };
    let moved = if moved < 0 { moved + 12 } else { moved };
    let tonic = u8::try_from(moved.min(126)).unwrap_or(tonic);
    let mut ladder = ladder(in_mode(name, key.mode), tonic, octaves);
    ladder.retain(|pitch| key.holds(i32::from(*pitch)));
    ladder
}

/// The keys from `tonic` up through so many octaves, the last tonic among them; MIDI's highest key is the last.
pub(super) fn ladder(name: &str, tonic: u8, octaves: u8) -> Vec<u8> {
    let octave = |number: u8| {
        keys(name)
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
        assert_eq!(ladder("pentatonic", 60, 1), [60, 62, 64, 67, 69, 72]);
        assert_eq!(ladder("minor", 57, 2).len(), 15);
        assert!(ladder("chromatic", 120, 6).iter().all(|key| *key < 128));
    }

    #[test]
    fn in_a_key_every_scale_begins_on_its_tonic_and_stays_in_it() {
        for tonic in 0..12 {
            for mode in [Mode::Major, Mode::Minor] {
                let key = Key { tonic, mode };
                for name in NAMES {
                    let ladder = ladder_in(key, name, 57, 2);
                    assert_eq!(ladder[0] % 12, tonic, "{name} in {key}");
                    assert!(ladder[0].abs_diff(57) <= 6);
                    assert!(ladder.iter().all(|pitch| key.holds(i32::from(*pitch))));
                    assert!(ladder.len() > 5, "{name} in {key}: {ladder:?}");
                }
            }
        }
        let minor: Key = "A minor".parse().unwrap();
        assert_eq!(
            ladder_in(minor, "pentatonic", 57, 1),
            ladder("minor_pentatonic", 57, 1)
        );
        assert!(!ladder_in(minor, "major", 0, 1).is_empty());
    }

    #[test]
    fn every_name_is_a_scale_of_its_own() {
        let scales: std::collections::BTreeSet<_> = NAMES.iter().map(|name| keys(name)).collect();
        assert_eq!(scales.len(), NAMES.len());
    }
}
