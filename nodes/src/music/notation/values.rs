//! Lengths of notes as they are written: which note value, how many dots, and where a note has to
//! be tied.

use score_engine::Metre;

use super::grid::{QUARTER, Triplets};

/// A note value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// MusicXML's name.
    pub(super) name: &'static str,
    pub(super) dots: usize,
    /// Whether three of it take the time of two.
    pub(super) is_triplet: bool,
}

/// All values, by their lengths in units.
const VALUES: [(u32, &str, usize, bool); 10] = [
    (48, "whole", 0, false),
    (36, "half", 1, false),
    (24, "half", 0, false),
    (18, "quarter", 1, false),
    (12, "quarter", 0, false),
    (9, "eighth", 1, false),
    (6, "eighth", 0, false),
    (3, "16th", 0, false),
    (8, "quarter", 0, true),
    (4, "eighth", 0, true),
];

/// The value that is `units` long, where there is one.
pub(super) fn value(units: u32) -> Option<Value> {
    let known = VALUES.iter().find(|(length, ..)| *length == units)?;
    Some(Value {
        name: known.1,
        dots: known.2,
        is_triplet: known.3,
    })
}

/// A metre, in units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bars {
    pub(super) metre: Metre,
    /// Units in a bar.
    pub(super) length: u32,
    /// Units in a beat: a dotted quarter in 6/8, a quarter elsewhere.
    pub(super) beat: u32,
}

impl Bars {
    pub(super) fn new(metre: Metre) -> Self {
        let Metre(beats, unit) = metre;
        let is_compound = unit == 8 && beats.is_multiple_of(3);
        Bars {
            metre,
            length: (beats * QUARTER * 4 / unit.max(1)).max(1),
            beat: if is_compound {
                QUARTER * 3 / 2
            } else {
                QUARTER
            },
        }
    }

    /// Whether quarters may be divided in three.
    pub(super) fn has_triplets(&self) -> bool {
        self.beat == QUARTER && self.length.is_multiple_of(QUARTER)
    }

    /// Cuts what lasts from `start` to `end`, within a bar and both in units from the start of the
    /// piece, where a reader expects it to be tied: each piece is one value, and hides no beat
    /// that the value does not begin with.
    pub(super) fn pieces(&self, start: u32, end: u32, triplets: &Triplets) -> Vec<u32> {
        let mut pieces = Vec::new();
        let mut at = start;
        while at < end {
            let length = self.piece(at, end, triplets).clamp(1, end - at);
            pieces.push(length);
            at += length;
        }
        pieces
    }

    fn piece(&self, at: u32, end: u32, triplets: &Triplets) -> u32 {
        let in_bar = at % self.length;
        let left = end - at;
        let in_beat = in_bar % self.beat;
        if in_beat > 0 {
            let in_beat = left.min(self.beat - in_beat);
            // Fifteen units, five sixteenths, have no value; the sixteenth stands where the beat is
            // not.
            return if in_beat == 15 { 3 } else { in_beat };
        }
        let whole_beats = [48, 36, 24, 18, 12];
        let fits = |length: u32| {
            length <= left
                && length.is_multiple_of(self.beat)
                && match length {
                    48 => in_bar.is_multiple_of(48),
                    36 => {
                        self.length == 36
                            || in_bar % 48 <= 12 && self.beat == QUARTER
                            || self.beat != QUARTER && in_bar.is_multiple_of(36)
                    }
                    _ => true,
                }
        };
        // A dotted quarter on a beat is read at once; into a beat of triplets it does not reach.
        if self.beat == QUARTER && left == 18 && !triplets.holds(at + QUARTER) {
            return 18;
        }
        if let Some(length) = whole_beats.into_iter().find(|length| fits(*length)) {
            return length;
        }
        // Less than a beat: in quarters each has a value; of a dotted quarter five sixteenths have
        // none.
        if left >= 12 { 12 } else { left }
    }
}
