//! Key, intervals, and what returns of a melody.

use super::grid::{Grid, Placed, QUARTER, line, mean, share};
use crate::key::{best_scales, fifths, scale_shares};

/// Bars over which a melody may be in a scale of its own.
const LOCAL: usize = 8;

/// Bars of the windows that are compared.
const WINDOW: usize = 2;

/// A bar counts as returning where it is the same as one of this many before it.
const LAG: usize = 32;

/// Bars of a segment that returns.
pub(super) const SEGMENT: usize = 4;

/// The share of notes of two segments that must be the same for one to be the other's return.
const ALIKE: f64 = 0.8;

/// How much sounds of each pitch class from one sixteenth to another.
fn classes(line: &[Option<u8>]) -> [f64; 12] {
    let mut classes = [0.0; 12];
    for pitch in line.iter().flatten() {
        classes[usize::from(pitch % 12)] += 1.0;
    }
    classes
}

/// The share of the time in the best scale.
pub(super) fn in_scale(grid: &Grid) -> Option<f64> {
    best_share(&classes(&line(&grid.melody, grid.steps)))
}

fn best_share(classes: &[f64; 12]) -> Option<f64> {
    Some(scale_shares(classes)?.into_iter().fold(0.0, f64::max))
}

/// The same with a scale of its own for every eight bars.
pub(super) fn in_local_scale(grid: &Grid) -> Option<f64> {
    let line = line(&grid.melody, grid.steps);
    let (mut all, mut hit) = (0.0, 0.0);
    for window in line.chunks(LOCAL * grid.bar) {
        let classes = classes(window);
        let sounding: f64 = classes.iter().sum();
        all += sounding;
        hit += best_share(&classes).unwrap_or(0.0) * sounding;
    }
    (all > 0.0).then(|| hit / all)
}

/// The share of two-bar windows that are wholly in the piece's scale.
pub(super) fn windows_in_scale(grid: &Grid) -> Option<f64> {
    let line = line(&grid.melody, grid.steps);
    let best = *best_scales(&classes(&line)).first()?;
    let windows = line.chunks(WINDOW * grid.bar).map(classes);
    let sounding = windows.filter(|classes| classes.iter().sum::<f64>() > 0.0);
    share(sounding, |classes| {
        scale_shares(classes).is_some_and(|shares| shares[best] > 1.0 - 1e-9)
    })
}

/// How many fifths the scales of neighbouring two-bar windows lie apart: of equally good scales the
/// nearest.
pub(super) fn window_fifths(grid: &Grid) -> Option<f64> {
    let line = line(&grid.melody, grid.steps);
    let scales: Vec<Vec<usize>> = line
        .chunks(WINDOW * grid.bar)
        .map(|window| best_scales(&classes(window)))
        .filter(|scales| !scales.is_empty())
        .collect();
    mean(scales.windows(2).filter_map(|pair| {
        let ways = pair[0]
            .iter()
            .flat_map(|one| pair[1].iter().map(|other| fifths(*one, *other)));
        ways.min().map(|fifths| fifths as f64)
    }))
}

/// The intervals from note to note, in semitones.
fn intervals(notes: &[Placed]) -> impl Iterator<Item = u8> {
    notes
        .windows(2)
        .map(|pair| pair[0].pitch.abs_diff(pair[1].pitch))
}

/// The share of steps of two semitones and less.
pub(super) fn steps(grid: &Grid) -> Option<f64> {
    share(intervals(&grid.melody), |interval| *interval <= 2)
}

/// The share of leaps of more than a fifth.
pub(super) fn leaps(grid: &Grid) -> Option<f64> {
    share(intervals(&grid.melody), |interval| *interval > 7)
}

/// From the lowest to the highest note.
pub(super) fn range(grid: &Grid) -> Option<f64> {
    let pitches = || grid.melody.iter().map(|note| note.pitch);
    Some(f64::from(pitches().max()? - pitches().min()?))
}

/// Notes of each bar in which one begins.
pub(super) fn density(grid: &Grid) -> Option<f64> {
    mean(
        bars(grid)
            .into_iter()
            .filter(|bar| !bar.is_empty())
            .map(|bar| bar.len() as f64),
    )
}

/// The share of sixteenths in which nothing sounds, from the first note to the last.
pub(super) fn rest(grid: &Grid) -> Option<f64> {
    let (first, last) = (
        grid.melody.first()?.start,
        grid.melody.iter().map(|note| note.end).max()?,
    );
    let line = line(&grid.melody, grid.steps);
    share(line.get(first..last)?, |pitch| pitch.is_none())
}

/// The notes of each bar: place in the bar and pitch.
fn bars(grid: &Grid) -> Vec<Vec<(usize, u8)>> {
    let mut bars = vec![Vec::new(); grid.bars()];
    for note in &grid.melody {
        if let Some(bar) = bars.get_mut(note.start / grid.bar) {
            bar.push((note.start % grid.bar, note.pitch));
        }
    }
    bars
}

/// The share of bars that were there before, note for note.
pub(super) fn bars_back(grid: &Grid) -> Option<f64> {
    back(&bars(grid), |bar| !bar.is_empty())
}

/// The share of `bars`, of those that count, that are the same as one of the 32 before.
pub(super) fn back<T: PartialEq>(bars: &[T], counts: impl Fn(&T) -> bool) -> Option<f64> {
    let counted = (0..bars.len()).filter(|index| counts(&bars[*index]));
    share(counted, |index| {
        bars[index.saturating_sub(LAG)..*index].contains(&bars[*index])
    })
}

/// The notes of each four bars, from the first: place in them and pitch.
fn segments(grid: &Grid) -> Vec<Vec<(usize, u8)>> {
    bars(grid)
        .chunks_exact(SEGMENT)
        .map(|bars| {
            let placed = |(number, bar): (usize, &Vec<(usize, u8)>)| {
                let start = number * grid.bar;
                bar.iter()
                    .map(move |(place, pitch)| (start + place, *pitch))
                    .collect::<Vec<_>>()
            };
            bars.iter().enumerate().flat_map(placed).collect()
        })
        .collect()
}

/// Whether one segment is the other's return.
fn alike(one: &[(usize, u8)], other: &[(usize, u8)]) -> bool {
    let both = one.iter().filter(|note| other.contains(note)).count();
    let either = one.len() + other.len() - both;
    both as f64 >= ALIKE * either as f64
}

/// The share of four-bar segments that were there before.
pub(super) fn segments_back(grid: &Grid) -> Option<f64> {
    let segments = segments(grid);
    let counted = (0..segments.len()).filter(|index| !segments[*index].is_empty());
    share(counted, |index| {
        segments[..*index]
            .iter()
            .any(|before| alike(before, &segments[*index]))
    })
}

/// The bars at which the segment that returns most often begins, the first time and each other; the
/// earliest of equals, none where none returns.
pub(super) fn theme(grid: &Grid) -> Vec<usize> {
    let segments = segments(grid);
    let of = |one: usize| -> Vec<usize> {
        let same = (one..segments.len())
            .filter(|other| !segments[one].is_empty() && alike(&segments[one], &segments[*other]));
        same.map(|index| index * SEGMENT).collect()
    };
    let mut theme = Vec::new();
    for places in (0..segments.len()).map(of) {
        if places.len() > theme.len().max(1) {
            theme = places;
        }
    }
    theme
}

/// The last notes of phrases: long ones, and those with a quarter's rest behind them.
pub(super) fn phrase_ends(grid: &Grid) -> Vec<Placed> {
    let notes = &grid.melody;
    let rest = |index: usize| {
        let next = notes.get(index + 1).map_or(usize::MAX, |next| next.start);
        next.saturating_sub(notes[index].end) >= QUARTER
    };
    let is_long = |index: usize| notes[index].end - notes[index].start >= 2 * QUARTER;
    (0..notes.len())
        .filter(|index| rest(*index) || is_long(*index))
        .map(|index| notes[index])
        .collect()
}
