//! How often and how hard parts strike.

use super::grid::{Grid, Placed, mean};
use crate::rank::{quantile, spearman};

/// Onsets in a bar: notes that begin together are one.
pub(super) fn onset_rate(grid: &Grid) -> Option<f64> {
    let onsets = onsets(&grid.accompaniment);
    (!onsets.is_empty()).then(|| onsets.len() as f64 / grid.bars().max(1) as f64)
}

/// Notes of an onset.
pub(super) fn notes_an_onset(grid: &Grid) -> Option<f64> {
    mean(
        onsets(&grid.accompaniment)
            .into_iter()
            .map(|(_, count)| count as f64),
    )
}

fn onsets(notes: &[Placed]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for note in notes {
        match found.last_mut() {
            Some((start, count)) if *start == note.start => *count += 1,
            _ => found.push((note.start, 1)),
        }
    }
    found
}

/// Spearman's correlation of how many notes a bar has and how hard they are struck.
fn velocity_with_density(grid: &Grid, notes: &[Placed]) -> Option<f64> {
    let mut bars = vec![(0.0, 0.0); grid.bars()];
    for note in notes {
        if let Some((count, sum)) = bars.get_mut(note.start / grid.bar) {
            *count += 1.0;
            *sum += f64::from(note.velocity);
        }
    }
    let sounding = || bars.iter().filter(|(count, _)| *count > 0.0);
    let counts: Vec<f64> = sounding().map(|(count, _)| *count).collect();
    let velocities: Vec<f64> = sounding().map(|(count, sum)| sum / count).collect();
    spearman(&counts, &velocities)
}

/// Of the accompaniment.
pub(super) fn accompaniment(grid: &Grid) -> Option<f64> {
    velocity_with_density(grid, &grid.accompaniment)
}

/// Of the melody.
pub(super) fn melody(grid: &Grid) -> Option<f64> {
    velocity_with_density(grid, &grid.melody)
}

/// From the softest to the hardest tenth, in MIDI's steps.
pub(super) fn span(notes: &[Placed]) -> Option<f64> {
    let velocities: Vec<f64> = notes
        .iter()
        .map(|note| f64::from(note.velocity) * 127.0)
        .collect();
    Some(quantile(&velocities, 0.9)? - quantile(&velocities, 0.1)?)
}
