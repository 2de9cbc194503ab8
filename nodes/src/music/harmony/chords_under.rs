//! The chords of a text under a piece, sixteenth by sixteenth.

use score_engine::{Key, NodeError};

use super::super::figure::{BAR, HALF};
use super::chord::Chord;
use super::chords_in::{fitting, heard};
use super::lead_sheet;
use crate::chords::Chords;

/// The chords under a piece, and the key that they are in.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::music) struct ChordsUnder {
    /// The key.
    pub(in crate::music) key: Key,
    /// The chord of each sixteenth.
    pub(in crate::music) chords: Vec<Option<Chord>>,
}

impl ChordsUnder {
    /// Reads a text as `chords_in` has them, for `bars` bars of 4/4; what is shorter begins again.
    /// Without a `key` it is the one that they fit.
    ///
    /// # Errors
    /// The text is not one of chords, has more bars, or has a chord that changes within half a bar.
    pub(in crate::music) fn read(
        text: &str,
        bars: usize,
        key: Option<Key>,
    ) -> Result<Self, NodeError> {
        let spans = lead_sheet::read(text, BAR as u64, BAR as u64)?;
        let long: u64 = spans.iter().map(|(_, length)| length).sum();
        if long > (bars * BAR) as u64 {
            return Err(NodeError::input(format!(
                "the chords are {} bars long, and the model plays {bars} bars at a time",
                long.div_ceil(BAR as u64)
            ))
            .help(
                "without bar lines each chord is a bar: write \"| C Am | F G |\" for two a bar",
            ));
        }
        let chords: Vec<Option<Chord>> = (spans.iter())
            .flat_map(|(chord, length)| (0..*length).map(move |_| *chord))
            .collect();
        let mut halves = chords.chunks(HALF);
        if let Some(number) = halves.position(|half| half.iter().any(|chord| *chord != half[0])) {
            return Err(NodeError::input(format!(
                "bar {}: the chord changes within half a bar, and the model plays at most two \
                 chords in a bar, one in each half",
                number / (BAR / HALF) + 1
            ))
            .help(
                "write \"| C Am | F G |\", and what is faster over more bars at a faster tempo",
            ));
        }
        Ok(ChordsUnder {
            key: key.or_else(|| fitting(&heard(&spans))).unwrap_or_default(),
            chords: chords.into_iter().cycle().take(bars * BAR).collect(),
        })
    }

    /// The chord that sounds at a sixteenth.
    pub(in crate::music) fn chord(&self, place: usize) -> Option<Chord> {
        self.chords.get(place).copied().flatten()
    }

    /// Whether a chord begins at a sixteenth.
    pub(in crate::music) fn begins(&self, place: usize) -> bool {
        let before = place.checked_sub(1);
        before.is_none_or(|before| self.chord(before) != self.chord(place))
    }

    /// What is known of the chords at a sixteenth.
    pub(in crate::music) fn at(&self, place: usize) -> Chords {
        let next = (place + 1..self.chords.len()).find(|later| self.begins(*later));
        Chords {
            key: self.key,
            chord: self.chord(place),
            fresh: self.begins(place),
            next: next
                .and_then(|later| Some((self.chord(later)?, u32::try_from(later - place).ok()?))),
            close: None,
            last: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_lie_under_every_sixteenth_and_those_to_come_are_known() {
        let under = ChordsUnder::read("| G D7 |", 2, None).unwrap();
        assert_eq!(under.chords.len(), 32);
        let at = |place| {
            let chords = under.at(place);
            let name = |chord: Chord| chord.to_string();
            let next = chords.next.map(|(chord, ahead)| (name(chord), ahead));
            (chords.chord.map(name), chords.fresh, next)
        };
        let (g, d) = ("G".to_owned(), "D7".to_owned());
        assert_eq!(at(0), (Some(g.clone()), true, Some((d.clone(), 8))));
        assert_eq!(at(5), (Some(g.clone()), false, Some((d.clone(), 3))));
        assert_eq!(at(8), (Some(d.clone()), true, Some((g, 8))));
        assert_eq!(at(31), (Some(d), false, None));
        for wrong in ["C G Am", "| C | H |", "", "| C F G |", "| C | Am F G C |"] {
            assert!(ChordsUnder::read(wrong, 2, None).is_err(), "{wrong}");
        }
    }
}
