//! Drums as tokens: bit n of a token says that class n is struck. The nine classes are Magenta's
//! (Roberts et al. 2018, drums_encoder_decoder.py), with the keys of its Roland kit that General
//! MIDI lacks.

pub(super) use crate::midi::PERCUSSION as CHANNEL;

/// The keys of each class; the first is the one that is played.
const CLASSES: [&[u8]; 9] = [
    // Bass drum.
    &[36, 35],
    // Snare.
    &[38, 27, 28, 31, 32, 33, 34, 37, 39, 40, 56, 65, 66, 75, 85],
    // Closed hi-hat.
    &[42, 22, 44, 54, 68, 69, 70, 71, 73, 78, 80],
    // Open hi-hat.
    &[46, 26, 67, 72, 74, 79, 81],
    // Low tom.
    &[45, 29, 41, 43, 61, 64, 84],
    // Mid tom.
    &[48, 47, 60, 63, 77, 86, 87],
    // High tom.
    &[50, 30, 62, 76, 83],
    // Crash cymbal.
    &[49, 52, 55, 57, 58],
    // Ride cymbal.
    &[51, 53, 59, 82],
];

/// The keys that a token strikes.
pub(super) fn struck(token: i64) -> impl Iterator<Item = u8> {
    classes(token).filter_map(key)
}

/// The classes that a token strikes.
pub(super) fn classes(token: i64) -> impl Iterator<Item = usize> {
    (0..CLASSES.len()).filter(move |class| token >= 0 && token >> class & 1 == 1)
}

/// The key of a class.
pub(super) fn key(class: usize) -> Option<u8> {
    CLASSES.get(class)?.first().copied()
}

/// For each class 1 where the token strikes it, else 0.
pub(super) fn hits(token: i64) -> [f32; CLASSES.len()] {
    let mut hits = [0.0; CLASSES.len()];
    for class in classes(token) {
        hits[class] = 1.0;
    }
    hits
}

/// The token that strikes `key` alone; 0 where no class has it.
pub(super) fn token(key: u8) -> i64 {
    (0u32..)
        .zip(CLASSES)
        .find(|(_, keys)| keys.contains(&key))
        .map_or(0, |(class, _)| 1 << class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_token_strikes_makes_that_token_and_no_key_has_two_classes() {
        for token in 0..512 {
            let again = struck(token).fold(0, |sum, key| sum | super::token(key));
            assert_eq!(again, token);
        }
        let mut keys: Vec<u8> = CLASSES.concat();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all);
        assert_eq!(struck(-1).count() + struck(512).count(), 0);
    }
}
