//! What a listener asks of a piece: its key, where its theme is, how it ends.

use score_engine::{Key, Transport};
use serde::Serialize;

use super::figures::{Row, evaluate};
use super::grid::Grid;
use super::melody;
use super::score::Score;

/// What a piece is, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    /// The key as a patch writes it, such as `D minor`: that of the run, else the one that fits
    /// the notes best.
    pub key: Option<String>,
    /// The parts and the number of their notes, in order.
    pub parts: Vec<(String, usize)>,
    /// The times at which the four bars of the melody begin that return most often, in seconds:
    /// the first and those that are like it. Empty where none returns.
    pub theme: Vec<f64>,
    /// How long these four bars last, in seconds, at the piece's tempo.
    pub theme_lasts: f64,
    /// The last chord, such as `Dm`, and when it begins, in seconds.
    pub last_chord: Option<(String, f64)>,
    /// Whether the last chord is the tonic's.
    pub closes: Option<bool>,
    /// When the last note ends, in seconds.
    pub ends: f64,
    /// The figures.
    pub figures: Vec<Row>,
}

impl Account {
    /// What `score` is; its positions are times of `transport`.
    pub fn of(score: &Score, transport: &Transport) -> Self {
        let grid = Grid::new(score);
        let figures = evaluate(score);
        let seconds = |beat: f64| transport.time_at(beat).seconds();
        let fits = grid.key.map(Key::from);
        let last = (score.chords.iter().rev()).find_map(|(beat, chord)| Some((*beat, (*chord)?)));
        let closes = figures.iter().find(|row| row.name == "last_chord_tonic");
        let notes = score.parts.iter().flat_map(|part| &part.notes);
        Account {
            key: score.key.or(fits).map(|key| key.to_string()),
            parts: (score.parts.iter())
                .map(|part| (part.name.clone(), part.notes.len()))
                .collect(),
            theme: (melody::theme(&grid).into_iter())
                .map(|bar| seconds(bar as f64 * score.bar))
                .collect(),
            theme_lasts: transport
                .beats(melody::SEGMENT as f64 * score.bar)
                .seconds(),
            last_chord: last.map(|(beat, chord)| (chord.to_string(), seconds(beat))),
            closes: closes.and_then(|row| row.value).map(|value| value > 0.5),
            ends: seconds(notes.map(|note| note.end).fold(0.0, f64::max)),
            figures,
        }
    }
}
