//! The chords of notes, half bar by half bar.

use std::path::Path;

use score_engine::{Key, NodeError};

use super::super::figure;
use super::super::sheet::Span;
use super::chord::Chord;
use super::chords_in::{fitting, heard};
use super::recognising::recognised;

/// Sixteenths in a half bar.
const HALF: u64 = figure::HALF as u64;

/// The chords of the first `count` half bars of notes: of what sounds for at least half of each,
/// else of all that sounds in it. Where none can be told the one before goes on; what ends sooner
/// begins again. `None`: there is no chord in them.
pub(in crate::music) fn chords_of(spans: &[Span], count: usize) -> Option<Vec<Chord>> {
    let end = spans.iter().map(|span| span.end).max()?;
    let there = usize::try_from(end.div_ceil(HALF)).ok()?.min(count);
    let mut told = Vec::with_capacity(there);
    for number in 0..there as u64 {
        let (from, to) = (number * HALF, (number + 1) * HALF);
        let sounds = |least: u64| {
            let long = spans.iter().filter(|span| {
                let within = span.end.min(to).saturating_sub(span.start.max(from));
                within >= least
            });
            recognised(long.map(|span| span.pitch))
        };
        told.push(sounds(HALF / 2).or_else(|| sounds(1)));
    }
    let mut goes_on = told.iter().flatten().next().copied()?;
    let chords: Vec<Chord> = told
        .into_iter()
        .map(|chord| {
            goes_on = chord.unwrap_or(goes_on);
            goes_on
        })
        .collect();
    Some(chords.into_iter().cycle().take(count).collect())
}

/// The key that fits chords of half bars best.
pub(in crate::music) fn key_of(chords: &[Chord]) -> Key {
    let spans = chords.iter().map(|chord| (Some(*chord), HALF)).collect();
    fitting(&heard(&spans)).unwrap_or_default()
}

/// The error of a MIDI file without a chord in its first `bars` bars.
pub(in crate::music) fn no_chords(path: &Path, bars: usize) -> NodeError {
    let path = path.display();
    NodeError::input(format!("`{path}` has no chords in its first {bars} bars"))
        .help("a chord has three tones that sound within half a bar of 4/4; drums do not count")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes of whole half bars, of the pitches of each.
    fn blocks(pitches: &[&[u8]]) -> Vec<Span> {
        let all = (0..).zip(pitches).flat_map(|(number, pitches)| {
            pitches.iter().map(move |pitch| Span {
                start: number * HALF,
                end: (number + 1) * HALF,
                pitch: *pitch,
            })
        });
        all.collect()
    }

    fn named(spans: &[Span], count: usize) -> Vec<String> {
        let chords = chords_of(spans, count).unwrap_or_default();
        chords.iter().map(Chord::to_string).collect()
    }

    #[test]
    fn what_sounds_longest_is_the_chord_which_goes_on_where_none_is_told() {
        let mut spans = blocks(&[&[60], &[57, 60, 64], &[65], &[53, 57, 60]]);
        // A note in passing.
        spans.push(Span {
            start: 9,
            end: 10,
            pitch: 66,
        });
        assert_eq!(named(&spans, 6), ["Am", "Am", "Am", "F", "Am", "Am"]);
        let broken = [48, 52, 55, 60].iter().zip(0..).map(|(pitch, start)| Span {
            start,
            end: start + 1,
            pitch: *pitch,
        });
        let broken: Vec<Span> = broken.collect();
        assert_eq!(named(&broken, 1), ["C"]);
        assert_eq!(named(&blocks(&[&[60], &[62]]), 2), [""; 0]);
    }

    #[test]
    fn the_key_is_the_one_that_the_chords_fit() {
        let chords: Vec<Chord> = (["D", "G", "A7", "D"].iter())
            .map(|name| name.parse().unwrap())
            .collect();
        assert_eq!(key_of(&chords).to_string(), "D major");
    }
}
