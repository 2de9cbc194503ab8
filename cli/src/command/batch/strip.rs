//! A strip of a score: the notes of a MIDI file from left to right, as small as a thumbnail.

use std::fmt::Write;

use score_nodes::shared::midi::{File, strokes};

/// The strip's sides: columns of time, and rows of pitch.
pub(super) const COLUMNS: usize = 240;
pub(super) const ROWS: usize = 44;

/// The channel of drums, which have no pitch, counted from 0 (General MIDI).
const DRUMS: u8 = 9;

/// The strip as an SVG path of rectangles; `None`: it is no MIDI file, or has no notes.
pub(super) fn strip(midi: &[u8]) -> Option<String> {
    let file = File::parse(midi).ok()?;
    let notes: Vec<(u64, u64, u8)> = (file.tracks.iter())
        .flat_map(strokes)
        .filter(|stroke| stroke.channel != DRUMS)
        .map(|stroke| (stroke.start.tick, stroke.end.tick, stroke.pitch))
        .collect();
    let end = notes
        .iter()
        .map(|(_, end, _)| *end)
        .max()
        .filter(|end| *end > 0)?;
    let low = notes.iter().map(|(.., pitch)| *pitch).min()?;
    let high = notes.iter().map(|(.., pitch)| *pitch).max()?;
    let span = usize::from(high - low).max(1);
    let mut cells = vec![false; COLUMNS * ROWS];
    let column = |tick: u64| (u128::from(tick) * COLUMNS as u128 / u128::from(end)) as usize;
    for (from, to, pitch) in notes {
        let row = usize::from(high - pitch) * (ROWS - 1) / span;
        let first = column(from).min(COLUMNS - 1);
        // A note that is too short to see is seen all the same.
        let last = column(to).saturating_sub(1).clamp(first, COLUMNS - 1);
        cells[row * COLUMNS + first..=row * COLUMNS + last].fill(true);
    }
    Some(path(&cells))
}

/// The cells that are set, as rectangles that lie in one row each.
fn path(cells: &[bool]) -> String {
    let mut path = String::new();
    for (row, cells) in cells.chunks(COLUMNS).enumerate() {
        let mut column = 0;
        while let Some(from) = cells[column..].iter().position(|set| *set) {
            let from = column + from;
            let long = cells[from..].iter().take_while(|set| **set).count();
            // Writing to a text cannot fail.
            let _ = write!(path, "M{from} {row}h{long}v1h-{long}z");
            column = from + long;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of one track at 4 ticks a beat, with these notes: ticks before, status, pitch, velocity.
    fn midi(events: &[[u8; 4]]) -> Vec<u8> {
        let mut track: Vec<u8> = events.concat();
        track.extend([0, 0xFF, 0x2F, 0]);
        let mut file = b"MThd\0\0\0\x06\0\0\0\x01\0\x04MTrk".to_vec();
        file.extend((track.len() as u32).to_be_bytes());
        file.extend(track);
        file
    }

    #[test]
    fn notes_lie_where_they_sound_and_what_is_no_music_gives_nothing() {
        let two = midi(&[
            [0, 0x90, 72, 64],
            [8, 0x80, 72, 0],
            [0, 0x90, 60, 64],
            [8, 0x80, 60, 0],
        ]);
        assert_eq!(strip(&two).unwrap(), "M0 0h120v1h-120zM120 43h120v1h-120z");
        let one = midi(&[[0, 0x90, 60, 64], [8, 0x80, 60, 0]]);
        assert_eq!(strip(&one).unwrap(), "M0 0h240v1h-240z");
        assert_eq!(strip(&midi(&[[0, 0x99, 36, 64], [8, 0x89, 36, 0]])), None);
        assert_eq!(strip(b"MThd"), None);
        assert_eq!(strip(b""), None);
    }
}
