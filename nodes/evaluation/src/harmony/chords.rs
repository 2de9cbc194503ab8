//! The chords, and how a melody and a bass lie on them.

use super::grid::{Grid, Placed, share};
use super::melody::{SEGMENT, back};
use crate::key::{best_scales, scale_shares};
use score_nodes::music::Chord;

/// The chord under a note.
fn under(grid: &Grid, note: &Placed) -> Option<Chord> {
    grid.chords.get(note.start).copied().flatten()
}

/// The share of notes that are chord tones, of those that `counts`.
fn chord_tones(grid: &Grid, counts: impl Fn(&Placed) -> bool) -> Option<f64> {
    let notes = grid.melody.iter().filter(|note| counts(note));
    let with_chord = notes.filter_map(|note| Some((note.pitch, under(grid, note)?)));
    share(with_chord, |(pitch, chord)| chord.holds(*pitch))
}

/// The share of the melody's notes that are chord tones.
pub(super) fn tones(grid: &Grid) -> Option<f64> {
    chord_tones(grid, |_| true)
}

/// The same of notes on strong beats.
pub(super) fn strong_tones(grid: &Grid) -> Option<f64> {
    chord_tones(grid, |note| note.start % grid.strong() == 0)
}

/// The same of notes on first beats.
pub(super) fn first_tones(grid: &Grid) -> Option<f64> {
    chord_tones(grid, |note| note.start % grid.bar == 0)
}

/// The share of the other notes that go on by a step.
pub(super) fn left_by_step(grid: &Grid) -> Option<f64> {
    let pairs = grid
        .melody
        .windows(2)
        .filter(|pair| under(grid, &pair[0]).is_some_and(|chord| !chord.holds(pair[0].pitch)));
    share(pairs, |pair| {
        (1..=2).contains(&pair[0].pitch.abs_diff(pair[1].pitch))
    })
}

/// Where the chord changes, from one to another.
fn changes(grid: &Grid) -> Vec<usize> {
    (1..grid.chords.len())
        .filter(|step| grid.chords[*step].is_some() && grid.chords[*step] != grid.chords[*step - 1])
        .collect()
}

/// Changes of the chord in a bar.
pub(super) fn change_rate(grid: &Grid) -> Option<f64> {
    (!grid.chords.is_empty()).then(|| changes(grid).len() as f64 / grid.bars().max(1) as f64)
}

/// The share of changes that lie on strong beats.
pub(super) fn changes_on_strong(grid: &Grid) -> Option<f64> {
    share(changes(grid), |step| step % grid.strong() == 0)
}

/// The share of the time in which all of the chord lies in the piece's scale.
pub(super) fn diatonic(grid: &Grid) -> Option<f64> {
    let mut classes = [0.0; 12];
    for note in grid
        .melody
        .iter()
        .chain(&grid.accompaniment)
        .chain(&grid.bass)
    {
        classes[usize::from(note.pitch % 12)] += (note.end - note.start) as f64;
    }
    let scale = *best_scales(&classes).first()?;
    share(grid.chords.iter().flatten(), |chord| {
        let mut of_chord = [0.0; 12];
        chord
            .classes()
            .for_each(|class| of_chord[usize::from(class)] = 1.0);
        scale_shares(&of_chord).is_some_and(|shares| shares[scale] > 1.0 - 1e-9)
    })
}

/// The share of bars whose chords were there before.
pub(super) fn bars_back(grid: &Grid) -> Option<f64> {
    let bars: Vec<&[Option<Chord>]> = grid.chords.chunks(grid.bar).collect();
    back(&bars, |bar| bar.iter().any(Option::is_some))
}

/// The share of four-bar segments whose chords were there before.
pub(super) fn segments_back(grid: &Grid) -> Option<f64> {
    let segments: Vec<&[Option<Chord>]> = grid.chords.chunks_exact(SEGMENT * grid.bar).collect();
    share(0..segments.len(), |index| {
        segments[..*index].contains(&segments[*index])
    })
}

/// The bass: the part that is one, else of what the accompaniment strikes together the lowest,
/// where that is low.
pub(super) fn bass(grid: &Grid) -> Vec<Placed> {
    /// A bass lies below this, as in `models/training/texture`.
    const HIGHEST: u8 = 55;
    if !grid.bass.is_empty() {
        return grid.bass.clone();
    }
    let mut lowest: Vec<Placed> = Vec::new();
    for note in grid
        .accompaniment
        .iter()
        .filter(|note| note.pitch < HIGHEST)
    {
        match lowest.last_mut() {
            Some(last) if last.start == note.start => {
                if note.pitch < last.pitch {
                    *last = *note;
                }
            }
            _ => lowest.push(*note),
        }
    }
    lowest
}

/// The share of changes of the chord at which the bass strikes.
pub(super) fn bass_at_changes(grid: &Grid) -> Option<f64> {
    let bass = bass(grid);
    if bass.is_empty() {
        return None;
    }
    share(changes(grid), |step| {
        bass.iter().any(|note| note.start == *step)
    })
}

/// The share of those strokes that are the root.
pub(super) fn bass_is_root(grid: &Grid) -> Option<f64> {
    let bass = bass(grid);
    let struck = changes(grid).into_iter().filter_map(|step| {
        let note = bass.iter().find(|note| note.start == step)?;
        Some((note.pitch, grid.chords[step]?))
    });
    share(struck, |(pitch, chord)| pitch % 12 == chord.root)
}

/// Strokes of the bass in a bar.
pub(super) fn bass_rate(grid: &Grid) -> Option<f64> {
    let bass = bass(grid);
    (!bass.is_empty()).then(|| bass.len() as f64 / grid.bars().max(1) as f64)
}

/// Whether the last chord is the tonic's: 1 or 0.
pub(super) fn ends_on_tonic(grid: &Grid) -> Option<f64> {
    let last = grid.chords.iter().rev().flatten().next()?;
    let key = grid.key?;
    Some(f64::from(u8::from(usize::from(last.root) == key.tonic)))
}
