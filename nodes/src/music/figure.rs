//! Pieces of several notes at once on chords, written one after another as notes with their chords.

use score_engine::{NodeError, Note, Transport};

use super::harmony::{Chord, symbol};
use super::tokens::MelodyNote;
use crate::midi::writing::{self, Act, Conductor, Part};
use crate::output::{self, Claim};

/// Sixteenths in a bar, which is one of 4/4, and in half of one, in which there is one chord.
pub(super) const BAR: usize = 16;
pub(super) const HALF: usize = 8;

/// How hard notes are struck.
const VELOCITY: f32 = 0.7;

/// The General MIDI sound of what is written: the grand piano.
const PROGRAM: u8 = 0;

/// A piece in 4/4.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figure {
    /// Its notes, in sixteenths from its beginning.
    pub(super) notes: Vec<MelodyNote>,
    /// The chord of each of its half bars.
    pub(super) chords: Vec<Option<Chord>>,
}

impl Figure {
    /// Its length, in sixteenths.
    pub(super) fn length(&self) -> usize {
        self.chords.len() * HALF
    }

    /// Its chords as a lead sheet has them, which `chords_in` reads.
    pub(super) fn lead_sheet(&self) -> String {
        let bars = self.chords.chunks(BAR / HALF).map(|bar| match bar {
            [first, second] if first != second => {
                format!(" {} {} |", symbol(*first), symbol(*second))
            }
            [first, ..] => format!(" {} |", symbol(*first)),
            [] => String::new(),
        });
        format!("|{}", bars.collect::<String>())
    }
}

/// Writes `figures` one after another to the MIDI file whose name is claimed, as the part `name`
/// at the tempo of `transport`, with their chord symbols. The file gets its name when it is whole.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(
    claim: Claim,
    figures: &[Figure],
    name: &str,
    transport: &Transport,
) -> Result<(), NodeError> {
    output::write(claim, &bytes(figures, name, transport)?)
}

fn bytes(figures: &[Figure], name: &str, transport: &Transport) -> Result<Vec<u8>, NodeError> {
    let tick = |place: usize| writing::tick(transport, transport.sixteenth(place as u64));
    let (mut acts, mut symbols) = (Vec::new(), Vec::new());
    let mut begin = 0;
    let mut before = None;
    for figure in figures {
        for note in &figure.notes {
            let (channel, pitch, velocity) = (0, note.pitch, VELOCITY);
            let on = Note::On {
                channel,
                pitch,
                velocity,
            };
            acts.push((tick(begin + note.start), Act::Note(on)));
            let off = Note::Off { channel, pitch };
            acts.push((tick(begin + note.end), Act::Note(off)));
        }
        for (half, chord) in figure.chords.iter().enumerate() {
            if let Some(chord) = chord.filter(|_| before != *chord) {
                symbols.push((tick(begin + half * HALF), chord.to_string()));
            }
            before = *chord;
        }
        begin += figure.length();
    }
    // Of what happens together ends come first.
    acts.sort_by_key(|(tick, act)| (*tick, matches!(act, Act::Note(Note::On { .. }))));
    let part = Part {
        name: name.to_owned(),
        channel: 0,
        acts,
    };
    let conductor = Conductor {
        chords: symbols,
        ..Conductor::of(transport)
    };
    writing::file(&conductor, &[(&part, PROGRAM)], tick(begin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::midi::reading::Song;
    use crate::music::sheet::{Span, spans_of};

    #[test]
    fn figures_follow_each_other_with_their_notes_and_their_chords_are_a_lead_sheet() {
        let chord = |name: &str| Some(name.parse().unwrap());
        let note = |start, end, pitch| MelodyNote { start, end, pitch };
        let figure = Figure {
            notes: vec![note(0, 8, 48), note(0, 16, 64), note(8, 16, 48)],
            chords: vec![chord("Am"), chord("F"), chord("C"), chord("C"), None, None],
        };
        assert_eq!(figure.lead_sheet(), "| Am F | C | N.C. |");
        let twice = [figure.clone(), figure];
        let song = Song::parse(&bytes(&twice, "piano", &Transport::default()).unwrap()).unwrap();
        assert_eq!(song.end, 2 * 48 * 120);
        let mut spans = spans_of(&song, |_| true);
        spans.sort_by_key(|span| (span.start, span.pitch));
        let span = |start, end, pitch| Span { start, end, pitch };
        let once = [span(0, 8, 48), span(0, 16, 64), span(8, 16, 48)];
        let later = |one: Span| span(one.start + 48, one.end + 48, one.pitch);
        assert_eq!(spans, [once, once.map(later)].concat());
    }
}
