//! A piece on its sixteenths.

use super::score::{Role, Score, Stroke};
use crate::key::{Key, key};
use score_nodes::music::Chord;

/// Sixteenths in a quarter note.
pub(super) const QUARTER: usize = 4;

/// A piece longer than this is cut off: ten hours at 120 quarter notes a minute.
const MOST: usize = 4 * 120 * 60 * 10;

/// A note on the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placed {
    /// The sixteenth at which it begins.
    pub(super) start: usize,
    /// The sixteenth at which it ends, after `start`.
    pub(super) end: usize,
    pub(super) pitch: u8,
    pub(super) velocity: f32,
}

/// What sounds at each sixteenth.
pub(super) struct Grid {
    /// Sixteenths in a bar.
    pub(super) bar: usize,
    /// Sixteenths in the piece.
    pub(super) steps: usize,
    pub(super) melody: Vec<Placed>,
    pub(super) accompaniment: Vec<Placed>,
    pub(super) bass: Vec<Placed>,
    /// The chord at each sixteenth; empty where none is known.
    pub(super) chords: Vec<Option<Chord>>,
    pub(super) key: Option<Key>,
}

impl Grid {
    pub(super) fn new(score: &Score) -> Self {
        let place = |notes: Vec<Stroke>| -> Vec<Placed> {
            let on = |beat: f64| (beat * QUARTER as f64).round().max(0.0) as usize;
            notes
                .into_iter()
                .map(|note| Placed {
                    start: on(note.start),
                    end: on(note.end).max(on(note.start) + 1),
                    pitch: note.pitch,
                    velocity: note.velocity,
                })
                .filter(|note| note.end < MOST)
                .collect()
        };
        let melody = place(score.notes(Role::Melody));
        let accompaniment = place(score.notes(Role::Accompaniment));
        let bass = place(score.notes(Role::Bass));
        let all = || melody.iter().chain(&accompaniment).chain(&bass);
        let steps = all().map(|note| note.end).max().unwrap_or(0);
        let mut classes = [0.0; 12];
        for note in all() {
            classes[usize::from(note.pitch % 12)] += (note.end - note.start) as f64;
        }
        let known = score.key.map(|key| Key {
            tonic: usize::from(key.tonic),
            minor: key.mode == score_engine::Mode::Minor,
        });
        let mut chords = Vec::new();
        if !score.chords.is_empty() {
            chords = vec![None; steps];
            for (index, (beat, chord)) in score.chords.iter().enumerate() {
                let on = |beat: f64| ((beat * QUARTER as f64).round().max(0.0) as usize).min(steps);
                let next = score
                    .chords
                    .get(index + 1)
                    .map_or(steps, |(next, _)| on(*next));
                chords[on(*beat).min(next)..next].fill(*chord);
            }
        }
        Grid {
            bar: ((score.bar * QUARTER as f64).round() as usize).max(1),
            steps,
            key: known.or_else(|| key(&classes)),
            melody,
            accompaniment,
            bass,
            chords,
        }
    }

    /// Bars of the piece, the last one whole or not.
    pub(super) fn bars(&self) -> usize {
        self.steps.div_ceil(self.bar)
    }

    /// The half bars, or bars where a half is not a whole number of quarters: where beats are
    /// strong.
    pub(super) fn strong(&self) -> usize {
        if self.bar.is_multiple_of(2 * QUARTER) {
            self.bar / 2
        } else {
            self.bar
        }
    }
}

/// The notes of a line at each sixteenth: of what sounds together the highest.
pub(super) fn line(notes: &[Placed], steps: usize) -> Vec<Option<u8>> {
    let mut line: Vec<Option<u8>> = vec![None; steps];
    for note in notes {
        for step in line
            .get_mut(note.start..note.end.min(steps))
            .unwrap_or(&mut [])
        {
            *step = Some(step.map_or(note.pitch, |pitch| pitch.max(note.pitch)));
        }
    }
    line
}

/// All notes at each sixteenth.
pub(super) fn together(notes: &[Placed], steps: usize) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new(); steps];
    for note in notes {
        for step in all
            .get_mut(note.start..note.end.min(steps))
            .unwrap_or(&mut [])
        {
            if !step.contains(&note.pitch) {
                step.push(note.pitch);
            }
        }
    }
    all
}

/// The share of those for which `holds`; `None` of nothing.
pub(super) fn share<T>(
    items: impl IntoIterator<Item = T>,
    holds: impl Fn(&T) -> bool,
) -> Option<f64> {
    let (mut all, mut hit) = (0.0, 0.0);
    for item in items {
        all += 1.0;
        hit += f64::from(u8::from(holds(&item)));
    }
    (all > 0.0).then(|| hit / all)
}

/// The mean; `None` of nothing.
pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values
        .into_iter()
        .fold((0.0, 0.0), |(n, sum), value| (n + 1.0, sum + value));
    (count > 0.0).then(|| sum / count)
}
