//! Melodies drawn as a sheet of small piano rolls, beside one another.

use score_engine::NodeError;

use super::drums;
use super::tokens::notes;
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
    let format = PictureFormat::of(claim.path())?;
    let tiles: Vec<Canvas> = match layout.drums {
        true => melodies
            .iter()
            .map(|tokens| struck(tokens, layout))
            .collect(),
        false => {
            let range = range(melodies, layout);
            let tiles = melodies.iter().map(|tokens| played(tokens, layout, range));
            tiles.collect()
        }
    };
    let frames: Vec<_> = tiles.into_iter().filter_map(Canvas::frame).collect();
    let sheet = contact_sheet::of(&frames, columns)
        .ok_or_else(|| NodeError::input("there are no melodies to draw"))?;
    output::write(claim, &format.encode(&sheet, 92)?)
}

/// The lowest and the highest pitch that are shown.
fn range(melodies: &[Vec<i64>], layout: &Music) -> (u8, u8) {
    let pitches = || {
        let all = melodies.iter().flat_map(|tokens| notes(tokens, layout));
        all.map(|note| note.pitch)
    };
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

/// The ground of a tile, with its beats and bars.
fn ground(layout: &Music, height: usize) -> Canvas {
    let mut canvas = Canvas::new(layout.steps * STEP, height, LANE);
    for step in (0..layout.steps).step_by(4) {
        let is_bar = step.is_multiple_of(layout.steps_per_bar.max(1));
        canvas.fill(step * STEP, 0, 1, height, if is_bar { BAR } else { BEAT });
    }
    canvas
}

fn played(tokens: &[i64], layout: &Music, (low, high): (u8, u8)) -> Canvas {
    let rows = usize::from(high - low) + 1;
    let mut canvas = ground(layout, rows * SEMITONE);
    for note in notes(tokens, layout) {
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
    let mut canvas = ground(layout, DRUMS * DRUM);
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
    use crate::music::{LAYOUT, MelodyNote, tokens};

    #[test]
    fn a_note_is_drawn_where_it_sounds_and_all_tiles_show_the_same_pitches() {
        let tune = |pitch: u8| {
            let note = MelodyNote {
                start: 4,
                end: 8,
                pitch,
            };
            tokens(&[note], &LAYOUT)
        };
        let melodies = [tune(60), tune(90)];
        let range = range(&melodies, &LAYOUT);
        assert_eq!(range, (58, 92));
        let canvas = played(&melodies[0], &LAYOUT, range);
        let y = usize::from(92 - 60_u8) * SEMITONE;
        for (x, sounds) in [(4 * STEP - 2, false), (4 * STEP, true), (8 * STEP, false)] {
            assert_eq!(canvas.at(x, y) == NOTE, sounds, "{x}");
        }
    }
}
