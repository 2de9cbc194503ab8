//! The contents of a Standard MIDI File as on a sheet of music: by ticks, all tracks together.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use score_engine::{Metre, NodeError, Note};

use super::smf::{Division, File, Item};
use super::strokes::{Stroke, strokes};
use crate::plain_file;

/// The tempo of a file that gives none: 120 quarter notes a minute, in microseconds each.
pub(crate) const DEFAULT_TEMPO: u32 = 500_000;

/// A larger file is not a tune.
const MOST_BYTES: u64 = 64 << 20;

/// The contents of a file.
#[derive(Debug)]
pub(crate) struct Song {
    /// Ticks in a quarter note, at least 1.
    pub(crate) ticks_per_beat: u64,
    /// What happens at which tick: all tracks together, in order.
    pub(crate) events: Vec<(u64, Event)>,
    /// The tick at which the longest track ends.
    pub(crate) end: u64,
}

/// Something that happens in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// From here on a quarter note lasts this many microseconds.
    Tempo(u32),
    /// From here on bars are of this metre.
    Metre(Metre),
    /// A note begins or ends.
    Note(Note),
}

/// Reads the file at `path`.
///
/// # Errors
/// It cannot be read, or there is no MIDI in it.
pub(crate) fn open(path: &Path) -> Result<File, NodeError> {
    let name = path.display();
    File::parse(&content(path)?).map_err(|why| NodeError::input(format!("`{name}`: {why}")))
}

/// The bytes of the file at `path`, which [`File::parse`] reads.
///
/// # Errors
/// It cannot be read, or is larger than a tune can be.
pub fn content(path: &Path) -> Result<Vec<u8>, NodeError> {
    let name = path.display();
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::FileTooLarge => {
            NodeError::input(format!("`{name}` is too large for a MIDI file"))
        }
        _ => NodeError::input(format!("`{name}` cannot be read ({error})")).source(error),
    };
    plain_file::read(path, MOST_BYTES).map_err(unreadable)
}

impl Song {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, or there is no MIDI in it.
    pub(crate) fn open(path: &Path) -> Result<Self, NodeError> {
        let file = open(path)?;
        if !file.flaws.is_empty() {
            tracing::warn!("`{}`: {}", path.display(), file.flaws);
        }
        Ok(Self::of(&file))
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// There is no MIDI in it.
    #[cfg(test)]
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        Ok(Self::of(&File::parse(bytes)?))
    }

    /// The contents of `file`, without what pedals do.
    pub(crate) fn of(file: &File) -> Self {
        let ticks_per_beat = match file.division {
            Division::Beat(ticks) => ticks,
            // Files that count in film frames have no beats: those of the usual tempo are assumed.
            Division::Film(nanos) => {
                (f64::from(DEFAULT_TEMPO) * 1000.0 / nanos).round().max(1.0) as u64
            }
        };
        let mut found: Vec<(Order, Found)> = Vec::new();
        for (track, read) in file.tracks.iter().enumerate() {
            for stroke in strokes(read) {
                let down = (stroke.start.tick, track, stroke.start.event);
                let up = (stroke.end.tick, track, stroke.end.event);
                found.extend([(down, Found::Down(stroke)), (up, Found::Up(stroke))]);
            }
            for (index, (tick, item)) in read.events.iter().enumerate() {
                if let Some(event) = event(*item) {
                    found.push(((*tick, track, index), Found::Event(event)));
                }
            }
        }
        found.sort_by_key(|(order, _)| *order);
        Song {
            ticks_per_beat,
            events: merged(&found),
            end: file.tracks.iter().map(|track| track.end).max().unwrap_or(0),
        }
    }
}

/// Tick, track, and number among the events of the track.
type Order = (u64, usize, usize);

enum Found {
    Down(Stroke),
    Up(Stroke),
    Event(Event),
}

/// A key that several tracks hold sounds until the last lets go, and a new stroke ends the note
/// before it.
fn merged(found: &[(Order, Found)]) -> Vec<(u64, Event)> {
    let mut fingers: BTreeMap<(u8, u8), usize> = BTreeMap::new();
    let mut events = Vec::new();
    for ((tick, ..), found) in found {
        let mut add = |note| events.push((*tick, Event::Note(note)));
        match found {
            Found::Down(stroke) => {
                let (channel, pitch) = (stroke.channel, stroke.pitch);
                let fingers = fingers.entry((channel, pitch)).or_default();
                if *fingers > 0 {
                    add(Note::Off { channel, pitch });
                }
                *fingers += 1;
                let velocity = f32::from(stroke.velocity) / 127.0;
                add(Note::On {
                    channel,
                    pitch,
                    velocity,
                });
            }
            Found::Up(stroke) => {
                let (channel, pitch) = (stroke.channel, stroke.pitch);
                let fingers = fingers.entry((channel, pitch)).or_default();
                *fingers = fingers.saturating_sub(1);
                if *fingers == 0 {
                    add(Note::Off { channel, pitch });
                }
            }
            Found::Event(event) => events.push((*tick, *event)),
        }
    }
    events
}

fn event(item: Item) -> Option<Event> {
    match item {
        Item::Tempo(tempo) => Some(Event::Tempo(tempo)),
        // The second number is a power of two; no metre counts in less than sixty-fourths.
        Item::Metre(beats @ 1.., unit @ ..=6) => {
            Some(Event::Metre(Metre(u32::from(beats), 1 << unit)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_midi_file_is_refused_in_words() {
        for bytes in [&b""[..], b"MThd", b"once upon a time"] {
            assert!(
                Song::parse(bytes).unwrap_err().contains("not a MIDI file"),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_file_in_film_frames_has_beats_of_the_usual_tempo() {
        let mut bytes = b"MThd\0\0\0\x06\0\x01\0\x01\0\x28MTrk\0\0\0\x04\0\xFF\x2F\0".to_vec();
        assert_eq!(Song::parse(&bytes).unwrap().ticks_per_beat, 40);
        // 25 pictures of 40 ticks a second.
        bytes[12] = (-25_i8).to_be_bytes()[0];
        assert_eq!(Song::parse(&bytes).unwrap().ticks_per_beat, 500);
        // −128, whose negative is too large, is no count of pictures.
        bytes[12] = 0x80;
        assert_eq!(Song::parse(&bytes).unwrap().ticks_per_beat, 480);
    }
}
