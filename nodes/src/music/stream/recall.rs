//! Remembers what was played, so that a bar whose code and chords come again is played again.

use super::super::remembered::Remembered;
use crate::music::Chord;

/// Bars that are remembered, at most: half an hour and more, in which none is like another.
const MOST: usize = 1024;

/// Every third time that a bar comes, it ends otherwise than it did, so that what returns also
/// varies.
const VARIED: u32 = 3;

/// Sixteenths of a bar that varies which are as they were: it is known by its beginning.
const KNOWN: usize = 8;

/// What was said at a sixteenth, and under which chord.
type Said = (i64, Option<Chord>);

/// A bar as it was played first; what a cut took from it is not known.
#[derive(Default)]
struct Bar {
    said: Vec<Option<Said>>,
    /// How often its code came.
    times: u32,
}

/// The bars so far, by their codes.
pub(super) struct Recall {
    known: Remembered<Vec<u32>, Bar>,
    code: Vec<u32>,
    /// Up to which sixteenth of the bar it is played as it was.
    again: usize,
}

impl Default for Recall {
    fn default() -> Self {
        Recall {
            known: Remembered::new(MOST),
            code: Vec::new(),
            again: 0,
        }
    }
}

impl Recall {
    /// From here on `code` holds: a bar begins with it, or a cut brought it.
    pub(super) fn begin(&mut self, code: &[f32]) {
        self.code = code.iter().map(|value| value.to_bits()).collect();
        let bar = self.known.hear(self.code.clone(), Bar::default);
        bar.times += 1;
        self.again = match bar.times {
            times if times.is_multiple_of(VARIED) => KNOWN,
            _ => usize::MAX,
        };
    }

    /// What was said at sixteenth `place` of the bar when this code held first, if the chord was
    /// the same.
    pub(super) fn recall(&self, place: usize, chord: Option<Chord>) -> Option<i64> {
        let bar = (self.known.get(&self.code)).filter(|_| place < self.again)?;
        let (token, then) = (*bar.said.get(place)?)?;
        (then == chord).then_some(token)
    }

    /// Moves everything that was said, and the chords under it, up by `semitones`; `moved` says
    /// what becomes of a token.
    pub(super) fn move_by(&mut self, semitones: i32, moved: impl Fn(i64) -> i64) {
        let said = self.known.values_mut().flat_map(|bar| &mut bar.said);
        for (token, chord) in said.flatten() {
            *token = moved(*token);
            if let Some(chord) = chord {
                chord.root = (i32::from(chord.root) + semitones).rem_euclid(12) as u8;
            }
        }
    }

    /// This was said at sixteenth `place` of the bar.
    pub(super) fn keep(&mut self, place: usize, token: i64, chord: Option<Chord>) {
        if let Some(bar) = self.known.get_mut(&self.code) {
            if bar.said.len() <= place {
                bar.said.resize(place + 1, None);
            }
            bar.said[place].get_or_insert((token, chord));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(
        recall: &mut Recall,
        code: f32,
        from: usize,
        says: &[i64],
        chord: &str,
    ) -> Vec<Option<i64>> {
        let chord = chord.parse().ok();
        recall.begin(&[code]);
        let mut heard = Vec::new();
        for (place, token) in (from..).zip(says) {
            let recalled = recall.recall(place, chord);
            recall.keep(place, recalled.unwrap_or(*token), chord);
            heard.push(recalled);
        }
        heard
    }

    #[test]
    fn a_bar_that_returns_is_played_again_and_every_third_time_ends_otherwise() {
        let mut recall = Recall::default();
        let first: Vec<i64> = (0..16).collect();
        let again: Vec<Option<i64>> = first.iter().copied().map(Some).collect();
        assert_eq!(play(&mut recall, 0.5, 0, &first, "C"), [None; 16]);
        assert_eq!(play(&mut recall, 0.7, 0, &[9; 16], "C"), [None; 16]);
        assert_eq!(play(&mut recall, 0.5, 0, &[7; 16], "C"), again);
        let varied = play(&mut recall, 0.5, 0, &[7; 16], "C");
        assert_eq!(varied[..KNOWN], again[..KNOWN]);
        assert_eq!(varied[KNOWN..], [None; 8]);
        assert_eq!(play(&mut recall, 0.5, 0, &[7; 16], "C"), again);
        // On other chords it would be wrong.
        assert_eq!(play(&mut recall, 0.5, 0, &[7; 16], "Am"), [None; 16]);
    }

    #[test]
    fn what_was_played_returns_in_another_key_on_its_chords() {
        let mut recall = Recall::default();
        play(&mut recall, 0.5, 0, &[30, 1, 0], "C");
        recall.move_by(2, |token| if token > 1 { token + 2 } else { token });
        assert_eq!(
            play(&mut recall, 0.5, 0, &[7; 3], "D"),
            [Some(32), Some(1), Some(0)]
        );
        assert_eq!(play(&mut recall, 0.5, 0, &[7; 3], "C"), [None; 3]);
    }

    #[test]
    fn what_a_cut_left_of_a_bar_returns_at_its_place() {
        let mut recall = Recall::default();
        play(&mut recall, 0.5, 2, &[3, 4], "C");
        assert_eq!(
            play(&mut recall, 0.5, 0, &[7; 4], "C"),
            [None, None, Some(3), Some(4)]
        );
        assert_eq!(
            play(&mut recall, 0.5, 0, &[8; 4], "C"),
            [Some(7), Some(7), Some(3), Some(4)]
        );
    }

    #[test]
    fn however_many_codes_come_memory_does_not_grow_and_the_last_ones_return() {
        let mut recall = Recall::default();
        for number in 0..3000_u16 {
            play(&mut recall, f32::from(number), 0, &[1], "C");
        }
        assert_eq!(recall.known.values_mut().count(), MOST);
        assert_eq!(play(&mut recall, 2999.0, 0, &[7], "C"), [Some(1)]);
        assert_eq!(play(&mut recall, 0.0, 0, &[7], "C"), [None]);
    }
}
