//! Pieces drawn as a sheet of small piano rolls, beside one another.

use score_engine::NodeError;

use super::drums;
use super::figure::{BAR as FIGURE_BAR, Figure};
use super::tokens::{MelodyNote, notes};
use crate::model::Music;
use crate::output::{self, Claim};
use crate::picture::canvas::{Canvas, Colour};
use crate::picture::contact_sheet;
use crate::picture::encoding::PictureFormat;

/// Width of a sixteenth, and height of a semitone, in pixels.
const STEP: usize = 6;
const SEMITONE: usize = 4;
/// Height of a drum, in pixels.
const DRUM: usize = 10;
/// Classes of drums.
const DRUMS: usize = 9;
/// Semitones above and below the notes, and the fewest in all.
const MARGIN: u8 = 2;
const FEWEST: u8 = 24;

const LANE: Colour = [28, 28, 36];
const BEAT: Colour = [38, 38, 50];
const BAR: Colour = [70, 70, 92];
const NOTE: Colour = [255, 220, 90];

/// Writes a picture of `melodies` (tokens), `columns` in a row, as the file whose name is claimed.
///
/// # Errors
/// The name has no ending of a picture, or the file cannot be written.
pub fn write(
    claim: Claim,
    melodies: &[Vec<i64>],
    layout: &Music,
    columns: usize,
) -> Result<(), NodeError> {
    let tiles = match layout.drums {
        true => melodies
            .iter()
            .map(|tokens| struck(tokens, layout))
            .collect(),
        false => {
            let pieces: Vec<_> = melodies
                .iter()
                .map(|tokens| notes(tokens, layout))
                .collect();
            let range = range(pieces.iter().flatten());
            let lengths = (layout.steps, layout.steps_per_bar);
            let tiles = pieces.iter().map(|notes| played(notes, lengths, range));
            tiles.collect()
        }
    };
    write_tiles(claim, tiles, columns)
}

/// As [`write`], of pieces with several notes at once.
pub(super) fn write_figures(
    claim: Claim,
    figures: &[Figure],
    columns: usize,
) -> Result<(), NodeError> {
    let range = range(figures.iter().flat_map(|figure| &figure.notes));
    let tile = |figure: &Figure| played(&figure.notes, (figure.length(), FIGURE_BAR), range);
    write_tiles(claim, figures.iter().map(tile).collect(), columns)
}

fn write_tiles(claim: Claim, tiles: Vec<Canvas>, columns: usize) -> Result<(), NodeError> {
    let format = PictureFormat::of(claim.path())?;
    let frames: Vec<_> = tiles.into_iter().filter_map(Canvas::frame).collect();
    let sheet = contact_sheet::of(&frames, columns)
        .ok_or_else(|| NodeError::input("there is no music to draw"))?;
    output::write(claim, &format.encode(&sheet, 92)?)
}

/// The lowest and the highest pitch that are shown of some notes.
fn range<'a>(notes: impl Iterator<Item = &'a MelodyNote> + Clone) -> (u8, u8) {
    let pitches = || notes.clone().map(|note| note.pitch);
    let low = pitches().min().unwrap_or(60).saturating_sub(MARGIN);
    let high = pitches()
        .max()
        .unwrap_or(60)
        .saturating_add(MARGIN)
        .min(127);
    let wider = FEWEST.saturating_sub(high - low) / 2;
    (
        low.saturating_sub(wider),
        high.saturating_add(wider).min(127),
    )
}

/// The ground of a tile of so many steps, with its beats and bars.
fn ground((steps, bar): (usize, usize), height: usize) -> Canvas {
    let mut canvas = Canvas::new(steps * STEP, height, LANE);
    for step in (0..steps).step_by(4) {
        let is_bar = step.is_multiple_of(bar.max(1));
        canvas.fill(step * STEP, 0, 1, height, if is_bar { BAR } else { BEAT });
    }
    canvas
}

fn played(notes: &[MelodyNote], lengths: (usize, usize), (low, high): (u8, u8)) -> Canvas {
    let rows = usize::from(high - low) + 1;
    let mut canvas = ground(lengths, rows * SEMITONE);
    for note in notes {
        let Some(row) = high.checked_sub(note.pitch) else {
            continue;
        };
        let wide = (note.end.saturating_sub(note.start) * STEP).saturating_sub(1);
        let (x, y) = (note.start * STEP, usize::from(row) * SEMITONE);
        canvas.fill(x, y, wide, SEMITONE - 1, NOTE);
    }
    canvas
}

fn struck(tokens: &[i64], layout: &Music) -> Canvas {
    let mut canvas = ground((layout.steps, layout.steps_per_bar), DRUMS * DRUM);
    for (step, token) in tokens.iter().enumerate() {
        for class in drums::classes(*token) {
            let row = DRUMS.saturating_sub(class + 1);
            canvas.fill(step * STEP, row * DRUM + 1, STEP - 1, DRUM - 2, NOTE);
        }
    }
    canvas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_drawn_where_it_sounds_and_all_tiles_show_the_same_pitches() {
        let note = |pitch: u8| MelodyNote {
            start: 4,
            end: 8,
            pitch,
        };
        let pieces = [[note(60)], [note(90)]];
        let range = range(pieces.iter().flatten());
        assert_eq!(range, (58, 92));
        let canvas = played(&pieces[0], (32, 16), range);
        let y = usize::from(92 - 60_u8) * SEMITONE;
        for (x, sounds) in [(4 * STEP - 2, false), (4 * STEP, true), (8 * STEP, false)] {
            assert_eq!(canvas.at(x, y) == NOTE, sounds, "{x}");
        }
    }
}
