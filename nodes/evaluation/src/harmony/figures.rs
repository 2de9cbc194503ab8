//! All figures of a piece, beside those of songs.

use serde::Serialize;

use super::grid::{Grid, share};
use super::score::Score;
use super::{chords, dynamics, melody, together};

/// What is fixed of a figure: its name in JSON, its title, and what POP909's songs have (853 songs
/// in four-four, MIT): the range of the middle eight tenths, and the middle; `None` where they were
/// not measured.
struct Words {
    name: &'static str,
    title: &'static str,
    songs: Option<(f64, f64, f64)>,
    measure: fn(&Grid) -> Option<f64>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The figure; `None` where there is nothing to measure.
    pub value: Option<f64>,
    /// Songs: from a tenth of them, the middle, up to nine tenths.
    pub songs: Option<(f64, f64, f64)>,
}

impl Row {
    /// Whether it lies where nine of ten songs do; `None` where either is not known.
    pub fn is_usual(&self) -> Option<bool> {
        let ((low, _, high), value) = (self.songs?, self.value?);
        Some((low - 1e-9..=high + 1e-9).contains(&value))
    }
}

/// Measures a piece.
pub fn evaluate(score: &Score) -> Vec<Row> {
    let grid = Grid::new(score);
    let row = |words: &Words| Row {
        name: words.name,
        title: words.title,
        value: (words.measure)(&grid).filter(|value| value.is_finite()),
        songs: words.songs,
    };
    ALL.iter().map(row).collect()
}

/// The share of phrases that end on the tonic.
fn phrases_on_tonic(grid: &Grid) -> Option<f64> {
    let key = grid.key?;
    share(melody::phrase_ends(grid), |note| {
        usize::from(note.pitch % 12) == key.tonic
    })
}

/// Whether the melody's last note is the tonic: 1 or 0.
fn ends_on_tonic(grid: &Grid) -> Option<f64> {
    let last = grid.melody.last()?;
    Some(f64::from(u8::from(
        usize::from(last.pitch % 12) == grid.key?.tonic,
    )))
}

const fn words(
    name: &'static str,
    title: &'static str,
    songs: Option<(f64, f64, f64)>,
    measure: fn(&Grid) -> Option<f64>,
) -> Words {
    Words {
        name,
        title,
        songs,
        measure,
    }
}

/// The songs' figures were measured on POP909 by a program of its own, whose definitions may differ
/// in detail; that of `models/training/harmony_figures.py` is another one.
const ALL: [Words; 36] = [
    words(
        "scale",
        "melody: time in the piece's scale",
        Some((0.93, 1.0, 1.0)),
        melody::in_scale,
    ),
    words(
        "local_scale",
        "the same, own scale every 8 bars",
        Some((0.98, 1.0, 1.0)),
        melody::in_local_scale,
    ),
    words(
        "scale_windows",
        "two-bar windows wholly in the scale",
        Some((0.79, 1.0, 1.0)),
        melody::windows_in_scale,
    ),
    words(
        "window_fifths",
        "fifths between neighbouring windows",
        Some((0.0, 0.0, 0.13)),
        melody::window_fifths,
    ),
    words(
        "steps",
        "steps of two semitones and less",
        None,
        melody::steps,
    ),
    words("leaps", "leaps of more than a fifth", None, melody::leaps),
    words(
        "range",
        "range in semitones",
        Some((14.0, 18.0, 23.0)),
        melody::range,
    ),
    words(
        "melody_density",
        "notes of a sounding bar",
        Some((4.0, 5.4, 7.7)),
        melody::density,
    ),
    words("rest", "rests", Some((0.14, 0.33, 0.48)), melody::rest),
    words(
        "bars_back",
        "bars that return note for note",
        Some((0.23, 0.46, 0.66)),
        melody::bars_back,
    ),
    words(
        "segments_back",
        "four bars that return",
        Some((0.23, 0.47, 0.65)),
        melody::segments_back,
    ),
    words(
        "chord_tones",
        "chords: melody notes that are chord tones",
        Some((0.54, 0.65, 0.76)),
        chords::tones,
    ),
    words(
        "strong_chord_tones",
        "the same on strong beats",
        Some((0.53, 0.76, 0.94)),
        chords::strong_tones,
    ),
    words(
        "first_chord_tones",
        "the same on first beats",
        None,
        chords::first_tones,
    ),
    words(
        "left_by_step",
        "other notes that go on by a step",
        Some((0.56, 0.74, 0.88)),
        chords::left_by_step,
    ),
    words(
        "chord_changes",
        "changes of the chord in a bar",
        Some((1.0, 1.45, 1.8)),
        chords::change_rate,
    ),
    words(
        "changes_on_strong",
        "changes on strong beats",
        None,
        chords::changes_on_strong,
    ),
    words(
        "diatonic",
        "time in which the chord is in the scale",
        Some((0.72, 0.92, 0.99)),
        chords::diatonic,
    ),
    words(
        "chord_bars_back",
        "bars that return chord for chord",
        Some((0.41, 0.66, 0.84)),
        chords::bars_back,
    ),
    words(
        "chord_segments_back",
        "four bars of chords that return",
        Some((0.11, 0.36, 0.59)),
        chords::segments_back,
    ),
    words(
        "melody_bass",
        "together: melody and bass that clash",
        Some((0.0, 0.02, 0.08)),
        together::melody_bass,
    ),
    words(
        "melody_accompaniment",
        "melody and accompaniment that clash",
        Some((0.01, 0.03, 0.07)),
        together::melody_accompaniment,
    ),
    words(
        "clash_time",
        "time with such a clash",
        Some((0.02, 0.06, 0.14)),
        together::clash_time,
    ),
    words(
        "bass_accompaniment",
        "bass and accompaniment that clash",
        Some((0.0, 0.003, 0.02)),
        together::bass_accompaniment,
    ),
    words(
        "accompaniment_onsets",
        "accompaniment: onsets in a bar",
        Some((5.7, 7.8, 11.6)),
        dynamics::onset_rate,
    ),
    words(
        "notes_an_onset",
        "notes of an onset",
        Some((1.2, 1.6, 2.2)),
        dynamics::notes_an_onset,
    ),
    words(
        "bass_onsets",
        "strokes of the bass in a bar",
        Some((2.2, 3.7, 5.6)),
        chords::bass_rate,
    ),
    words(
        "bass_at_changes",
        "bass strikes where the chord changes",
        Some((0.57, 0.92, 0.99)),
        chords::bass_at_changes,
    ),
    words(
        "bass_is_root",
        "and is the root there",
        Some((0.82, 0.95, 1.0)),
        chords::bass_is_root,
    ),
    words(
        "accompaniment_dynamics",
        "louder where it is denser: accompaniment",
        Some((0.0, 0.48, 0.72)),
        dynamics::accompaniment,
    ),
    words(
        "melody_dynamics",
        "louder where it is denser: melody",
        Some((-0.4, -0.03, 0.3)),
        dynamics::melody,
    ),
    words(
        "melody_velocities",
        "velocities from soft to hard: melody",
        Some((7.0, 17.0, 35.0)),
        |grid| dynamics::span(&grid.melody),
    ),
    words(
        "accompaniment_velocities",
        "velocities from soft to hard: accompaniment",
        Some((13.0, 29.0, 51.0)),
        |grid| dynamics::span(&grid.accompaniment),
    ),
    words(
        "phrases_on_tonic",
        "form: phrases that end on the tonic",
        None,
        phrases_on_tonic,
    ),
    words(
        "ends_on_tonic",
        "the melody ends on the tonic",
        None,
        ends_on_tonic,
    ),
    words(
        "last_chord_tonic",
        "the last chord is the tonic's",
        None,
        chords::ends_on_tonic,
    ),
];
