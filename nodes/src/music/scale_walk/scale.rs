//! Scales: which keys a melody may use.

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
    fn every_name_is_a_scale_of_its_own() {
        let scales: std::collections::BTreeSet<_> = NAMES.iter().map(|name| keys(name)).collect();
        assert_eq!(scales.len(), NAMES.len());
    }
}
