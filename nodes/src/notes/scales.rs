//! Scales as steps above their tonic.

use score_engine::{Key, Mode};

/// The steps of a major scale, in semitones above its tonic.
pub(super) const MAJOR: &[u8] = &[0, 2, 4, 5, 7, 9, 11];

/// The steps of a natural minor scale.
pub(super) const MINOR: &[u8] = &[0, 2, 3, 5, 7, 8, 10];

/// The steps of the scale of a mode.
pub(super) fn steps(mode: Mode) -> &'static [u8] {
    match mode {
        Mode::Major => MAJOR,
        Mode::Minor => MINOR,
    }
}

/// Where a pitch stands in a scale of seven steps: the number of the step below it, counted from
/// the tonic in MIDI's lowest octave, and how many semitones it lies above that step.
fn place(pitch: i32, key: Key) -> (i32, i32) {
    let steps = steps(key.mode);
    let above = pitch - i32::from(key.tonic);
    let within = above.rem_euclid(12);
    let below = steps.iter().rposition(|step| i32::from(*step) <= within);
    let number = below.unwrap_or(0);
    let step = steps.get(number).copied().unwrap_or(0);
    let octaves = above.div_euclid(12) * steps.len() as i32;
    (octaves + number as i32, within - i32::from(step))
}

/// The pitch of a step of the key, counted as [`place`] does.
fn pitch_of(number: i32, key: Key) -> i32 {
    let steps = steps(key.mode);
    let count = steps.len() as i32;
    let within = number.rem_euclid(count) as usize;
    let step = steps.get(within).copied().unwrap_or(0);
    i32::from(key.tonic) + number.div_euclid(count) * 12 + i32::from(step)
}

/// The pitch so many steps of the key higher; one beside the scale stays as far beside it.
pub(super) fn stepped(pitch: i32, steps: i32, key: Key) -> i32 {
    let (number, beside) = place(pitch, key);
    pitch_of(number + steps, key) + beside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lead_through_the_key_and_back() {
        let c = Key::default();
        let climbed = [60, 62, 64, 65, 67, 69, 71, 72];
        for (steps, pitch) in (0..).zip(climbed) {
            assert_eq!(stepped(60, steps, c), pitch);
            assert_eq!(stepped(pitch, -steps, c), 60);
        }
        // C sharp lies a semitone above the C, and D sharp above the D.
        assert_eq!(stepped(61, 1, c), 63);
        let a_minor: Key = "A minor".parse().unwrap();
        assert_eq!(
            [0, 2, 4, 7].map(|step| stepped(57, step, a_minor)),
            [57, 60, 64, 69]
        );
        for pitch in -20..150 {
            assert_eq!(stepped(pitch, 7, a_minor), pitch + 12);
        }
    }
}
