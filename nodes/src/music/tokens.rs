//! Melodies as tokens: 0 nothing happens, 1 the note ends, from 2 a note of the lowest pitch and up
//! begins.

use score_engine::NodeError;

use crate::model::{Model, Music};

/// The layout of a model's tokens.
///
/// # Errors
/// The manifest gives none.
pub(super) fn layout(model: &Model, name: &str) -> Result<Music, NodeError> {
    model
        .music
        .filter(|layout| layout.steps > 0 && layout.steps_per_bar > 0)
        .ok_or_else(|| {
            NodeError::model(format!(
                "the manifest gives no layout of tokens for `{name}`"
            ))
        })
}

/// A note of a melody, in steps of a sixteenth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MelodyNote {
    /// The step at which it begins.
    pub start: usize,
    /// The step at which it ends, after `start`.
    pub end: usize,
    /// MIDI pitch.
    pub pitch: u8,
}

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Hold,
    Off,
    On(u8),
}

/// What `token` says; what is not in the layout says nothing.
pub(super) fn step(token: i64, lowest_pitch: u8) -> Step {
    match token {
        1 => Step::Off,
        2.. => u8::try_from((token - 2).saturating_add(i64::from(lowest_pitch)))
            .ok()
            .filter(|pitch| *pitch < 128)
            .map_or(Step::Hold, Step::On),
        _ => Step::Hold,
    }
}

/// The notes of a melody; a note still sounding at the end is closed there.
pub fn notes(tokens: &[i64], layout: &Music) -> Vec<MelodyNote> {
    let mut notes = Vec::new();
    let mut open: Option<(usize, u8)> = None;
    for (at, token) in tokens.iter().enumerate() {
        let said = step(*token, layout.lowest_pitch);
        if said == Step::Hold {
            continue;
        }
        if let Some((start, pitch)) = open.take() {
            notes.push(MelodyNote {
                start,
                end: at,
                pitch,
            });
        }
        if let Step::On(pitch) = said {
            open = Some((at, pitch));
        }
    }
    if let Some((start, pitch)) = open {
        notes.push(MelodyNote {
            start,
            end: tokens.len(),
            pitch,
        });
    }
    notes
}

/// The tokens of a melody. Of notes that overlap the later cuts the earlier off; notes outside the
/// layout's pitches or steps are left out.
pub fn tokens(notes: &[MelodyNote], layout: &Music) -> Vec<i64> {
    let mut tokens = vec![0; layout.steps];
    let mut sorted = notes.to_vec();
    sorted.sort_by_key(|note| note.start);
    for note in sorted {
        let token = i64::from(note.pitch) - i64::from(layout.lowest_pitch) + 2;
        let known = token >= 2 && usize::try_from(token).is_ok_and(|token| token < layout.tokens);
        if !known || note.start >= layout.steps {
            continue;
        }
        tokens[note.start..].fill(0);
        tokens[note.start] = token;
        if let Some(end) = tokens.get_mut(note.end.max(note.start + 1)) {
            *end = 1;
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::music::LAYOUT;

    #[test]
    fn notes_survive_the_way_through_tokens() {
        let tune = [(0, 4, 60), (4, 6, 62), (10, 32, 64)].map(|(start, end, pitch)| MelodyNote {
            start,
            end,
            pitch,
        });
        assert_eq!(notes(&tokens(&tune, &LAYOUT), &LAYOUT), tune);
    }

    #[test]
    fn what_the_layout_cannot_say_is_left_out() {
        let tune =
            [(0, 4, 127), (40, 41, 60)].map(|(start, end, pitch)| MelodyNote { start, end, pitch });
        assert_eq!(tokens(&tune, &LAYOUT), vec![0; 32]);
        assert_eq!(notes(&[-5, i64::MAX, 500, 90 + 40], &LAYOUT), []);
    }
}
