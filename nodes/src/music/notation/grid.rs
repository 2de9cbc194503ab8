//! Puts what was played on the grid that it was played from: sixteenths, and triplets where they
//! are wanted.

use std::collections::BTreeMap;

/// Units of the grid in a quarter note: sixteenths have three, triplets of eighths four.
pub(super) const QUARTER: u32 = 12;
pub(super) const SIXTEENTH: u32 = 3;
pub(super) const TRIPLET: u32 = 4;

/// Players are early by at most this many units: a note that is this little before a beat belongs
/// to it.
const EARLIEST: f64 = 1.25;

/// A note in a beat of triplets lies at most this many units beside one.
const NEAR: f64 = 0.6;

/// A note as it was played: where it begins and ends, in quarter notes from the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Played {
    pub(super) pitch: u8,
    pub(super) start: f64,
    pub(super) end: f64,
}

/// A note as it is written, in units from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Written {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) pitch: u8,
}

/// Which quarter notes are divided in three.
#[derive(Clone, Debug, Default)]
pub(super) struct Triplets(BTreeMap<u32, bool>);

impl Triplets {
    /// Of what was played in a part: a quarter has triplets where a note lies two thirds into it,
    /// and all its notes lie on thirds. A sixteenth never comes late or early enough to be
    /// taken for that.
    pub(super) fn of(notes: &[Played]) -> Self {
        let mut quarters: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for note in notes {
            let place = (note.start * f64::from(QUARTER)).max(0.0);
            let quarter = ((place + EARLIEST) / f64::from(QUARTER)).floor();
            let within = place - quarter * f64::from(QUARTER);
            quarters.entry(quarter as u32).or_default().push(within);
        }
        let is_near = |place: f64, of: f64| (place - of).abs() < NEAR;
        let is_triplet = |places: &Vec<f64>| {
            places.iter().any(|place| is_near(*place, 8.0))
                && places
                    .iter()
                    .all(|place| [0.0, 4.0, 8.0, 12.0].iter().any(|of| is_near(*place, *of)))
        };
        let quarters = quarters.iter();
        Triplets(
            quarters
                .map(|(quarter, places)| (*quarter, is_triplet(places)))
                .collect(),
        )
    }

    /// Whether the quarter that holds the unit `place` is divided in three.
    pub(super) fn holds(&self, place: u32) -> bool {
        self.0.get(&(place / QUARTER)).copied().unwrap_or(false)
    }

    /// The distance of the lines at `place`.
    fn step(&self, place: u32) -> u32 {
        if self.holds(place) {
            TRIPLET
        } else {
            SIXTEENTH
        }
    }

    /// The line nearest to `quarters` from the start.
    fn nearest(&self, quarters: f64) -> u32 {
        let place = (quarters * f64::from(QUARTER)).max(0.0);
        let step = self.step((place + EARLIEST) as u32);
        let quarter = (place + EARLIEST) as u32 / QUARTER * QUARTER;
        let within = (place - f64::from(quarter)).max(0.0);
        quarter + (within / f64::from(step)).round() as u32 * step
    }
}

/// What was played, on the grid and in order. Each note is a step long at least; of two of one
/// pitch the first ends where the second begins, and of two at once the longer stays.
pub(super) fn written(notes: &[Played], triplets: &Triplets) -> Vec<Written> {
    let mut all: Vec<Written> = (notes.iter())
        .map(|note| {
            let start = triplets.nearest(note.start);
            let least = start + triplets.step(start);
            let end = triplets.nearest(note.end).max(least);
            Written {
                start,
                end,
                pitch: note.pitch,
            }
        })
        .collect();
    all.sort_by_key(|note| (note.pitch, note.start, note.end));
    let mut kept: Vec<Written> = Vec::with_capacity(all.len());
    for note in all {
        if let Some(last) = kept.last_mut().filter(|last| last.pitch == note.pitch) {
            if last.start == note.start {
                last.end = note.end;
                continue;
            }
            last.end = last.end.min(note.start);
        }
        kept.push(note);
    }
    kept.sort();
    kept
}
