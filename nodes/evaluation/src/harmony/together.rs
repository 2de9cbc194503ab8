//! How parts sound together.

use super::chords::bass;
use super::grid::{Grid, line, share, together};

/// Whether two pitches clash: a minor second, a major seventh or a tritone, whatever the octave.
fn clash(one: u8, other: u8) -> bool {
    matches!(one.abs_diff(other) % 12, 1 | 6 | 11)
}

/// The share of pairs of melody and bass that clash.
pub(super) fn melody_bass(grid: &Grid) -> Option<f64> {
    pairs(
        &line(&grid.melody, grid.steps),
        &together(&bass(grid), grid.steps),
    )
}

/// The share of pairs of melody and accompaniment that clash.
pub(super) fn melody_accompaniment(grid: &Grid) -> Option<f64> {
    pairs(
        &line(&grid.melody, grid.steps),
        &together(&grid.accompaniment, grid.steps),
    )
}

fn pairs(line: &[Option<u8>], others: &[Vec<u8>]) -> Option<f64> {
    let all = line.iter().zip(others).flat_map(|(one, others)| {
        one.iter()
            .flat_map(|one| others.iter().map(|other| (*one, *other)))
    });
    share(all, |(one, other)| clash(*one, *other))
}

/// The share of the time, where melody and accompaniment both sound, in which they clash.
pub(super) fn clash_time(grid: &Grid) -> Option<f64> {
    let line = line(&grid.melody, grid.steps);
    let others = together(&grid.accompaniment, grid.steps);
    let both = line.iter().zip(&others).filter_map(|(one, others)| {
        Some((*one.as_ref()?, others)).filter(|(_, others)| !others.is_empty())
    });
    share(both, |(one, others)| {
        others.iter().any(|other| clash(*one, *other))
    })
}

/// The share of pairs of bass and accompaniment that clash.
pub(super) fn bass_accompaniment(grid: &Grid) -> Option<f64> {
    if grid.bass.is_empty() {
        return None;
    }
    pairs(
        &line(&grid.bass, grid.steps),
        &together(&grid.accompaniment, grid.steps),
    )
}
