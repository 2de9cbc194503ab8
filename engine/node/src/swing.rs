//! Swing: the first note of each pair is longer than the second.

use serde::{Deserialize, Serialize};

use crate::param::Choice;
use crate::time::Metre;

/// The first note's share of a pair of equal notes.
const STRAIGHT: f64 = 0.5;

/// The notes that swing, in pairs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, score_derive::NodeChoice,
)]
#[serde(rename_all = "snake_case")]
pub enum SwingNotes {
    /// Two per quarter note.
    #[default]
    Eighths,
    /// Four per quarter note.
    Sixteenths,
}

impl SwingNotes {
    /// The word of patches.
    pub fn word(self) -> &'static str {
        Choice::word(&self)
    }

    /// The length of a pair, in quarter notes.
    fn pair(self) -> f64 {
        match self {
            SwingNotes::Eighths => 1.0,
            SwingNotes::Sixteenths => 0.5,
        }
    }
}

/// How the grid swings. Pairs are counted from the start of the run; where they begin nothing
/// moves. Within the longer and the shorter note time passes evenly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swing {
    /// The first note's share of a pair: 0.5 is straight, 2/3 is two notes of a triplet, 0.75 a
    /// dotted note.
    pub share: f64,
    /// The notes that swing.
    pub of: SwingNotes,
}

impl Default for Swing {
    fn default() -> Self {
        Swing {
            share: STRAIGHT,
            of: SwingNotes::Eighths,
        }
    }
}

impl Swing {
    /// Whether nothing swings.
    pub fn is_straight(&self) -> bool {
        self.share == STRAIGHT
    }

    /// Whether these notes swing in `metre`: only where a beat holds whole pairs of them. The
    /// eighths of 6/8 and 7/8 are beats or thirds of beats, and no pairs.
    pub fn fits(&self, metre: Metre) -> bool {
        metre.1 <= if self.of == SwingNotes::Eighths { 4 } else { 8 }
    }

    /// The quarter notes that have passed on a clock at `position` of the grid.
    pub(crate) fn swung(&self, position: f64) -> f64 {
        let pair = self.of.pair();
        let (number, within) = parted(position / pair);
        let within = if within < STRAIGHT {
            within / STRAIGHT * self.share
        } else {
            self.share + (within - STRAIGHT) / STRAIGHT * (1.0 - self.share)
        };
        (number + within) * pair
    }

    /// The position on the grid when `passed` quarter notes have passed on a clock.
    pub(crate) fn straightened(&self, passed: f64) -> f64 {
        let pair = self.of.pair();
        let (number, within) = parted(passed / pair);
        let within = if within < self.share {
            within / self.share * STRAIGHT
        } else {
            STRAIGHT + (within - self.share) / (1.0 - self.share) * STRAIGHT
        };
        (number + within) * pair
    }
}

/// The whole number below, and what is left.
fn parted(value: f64) -> (f64, f64) {
    let number = value.floor();
    (number, value - number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_off_beat_eighth_lies_where_its_share_says_and_beats_stay() {
        let swing = Swing {
            share: 0.62,
            of: SwingNotes::Eighths,
        };
        let places = [0.0, 0.25, 0.5, 0.75, 1.0, 7.5, -0.5];
        let wanted = [0.0, 0.31, 0.62, 0.81, 1.0, 7.62, -0.38];
        for (place, wanted) in places.into_iter().zip(wanted) {
            assert!((swing.swung(place) - wanted).abs() < 1e-12, "{place}");
        }
        let swing = Swing {
            of: SwingNotes::Sixteenths,
            ..swing
        };
        let wanted = [0.0, 0.31, 0.5, 0.81, 1.0, 7.5, -0.5];
        for (place, wanted) in places.into_iter().zip(wanted) {
            assert!((swing.swung(place) - wanted).abs() < 1e-12, "{place}");
        }
    }

    #[test]
    fn beats_that_are_no_pairs_do_not_swing() {
        let of = |of, metre| Swing { share: 0.6, of }.fits(metre);
        for metre in [Metre(4, 4), Metre(3, 4), Metre(2, 2), Metre(5, 4)] {
            assert!(of(SwingNotes::Eighths, metre) && of(SwingNotes::Sixteenths, metre));
        }
        for metre in [Metre(6, 8), Metre(12, 8), Metre(7, 8)] {
            assert!(!of(SwingNotes::Eighths, metre) && of(SwingNotes::Sixteenths, metre));
        }
        assert!(!of(SwingNotes::Sixteenths, Metre(6, 16)));
    }

    proptest! {
        #[test]
        fn swing_keeps_the_order_and_can_be_taken_out_again(
            share in 0.5_f64..=0.75,
            sixteenths in any::<bool>(),
            place in -1e5_f64..1e5,
            further in 1e-6_f64..10.0,
        ) {
            let of = if sixteenths { SwingNotes::Sixteenths } else { SwingNotes::Eighths };
            let swing = Swing { share, of };
            prop_assert!((swing.straightened(swing.swung(place)) - place).abs() < 1e-9);
            prop_assert!(swing.swung(place + further) > swing.swung(place));
            prop_assert_eq!(swing.swung(place.floor()), place.floor());
        }
    }
}
