//! What stands in a Standard MIDI File, by ticks.

use std::path::Path;

use midly::{MetaMessage, MidiMessage, Smf, Timing, TrackEventKind};
use score_engine::{Metre, NodeError, Note};

/// The tempo of a file that gives none: 120 quarter notes a minute, in microseconds each.
pub(crate) const DEFAULT_TEMPO: u32 = 500_000;

const IN_FRAMES: &str = "its times are counted in film frames, which is not supported";

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
    /// From here on a quarter note lasts so many microseconds.
    Tempo(u32),
    /// From here on bars are of this metre.
    Metre(Metre),
    /// A note begins or ends.
    Note(Note),
}

impl Song {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, is not a MIDI file, or counts its times in film frames.
    pub(crate) fn open(path: &Path) -> Result<Self, NodeError> {
        let name = path.display();
        let bytes = std::fs::read(path).map_err(|error| {
            NodeError::input(format!("`{name}` cannot be read: {error}")).source(error)
        })?;
        Self::parse(&bytes).map_err(|why| NodeError::input(format!("`{name}`: {why}")))
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// It is not a MIDI file, or counts its times in film frames.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        // midly negates the count of frames a second in every header it meets, and overflows where that is −128.
        let overflows = |header: &[u8]| header.starts_with(b"MThd") && header[12] == 0x80;
        if bytes.windows(13).any(overflows) {
            return Err(IN_FRAMES.to_owned());
        }
        let smf = Smf::parse(bytes)
            .map_err(|error| format!("this is not a MIDI file that can be read ({error})"))?;
        let Timing::Metrical(ticks_per_beat) = smf.header.timing else {
            return Err(IN_FRAMES.to_owned());
        };
        let mut events = Vec::new();
        let mut end = 0;
        for messages in &smf.tracks {
            let mut tick = 0;
            for message in messages {
                tick += u64::from(message.delta.as_int());
                events.extend(event(message.kind).map(|event| (tick, event)));
            }
            end = end.max(tick);
        }
        // Stable: events of one tick keep their order, track by track.
        events.sort_by_key(|(tick, _)| *tick);
        Ok(Song {
            ticks_per_beat: u64::from(ticks_per_beat.as_int().max(1)),
            events,
            end,
        })
    }
}

fn event(kind: TrackEventKind<'_>) -> Option<Event> {
    match kind {
        TrackEventKind::Meta(MetaMessage::Tempo(tempo)) => Some(Event::Tempo(tempo.as_int())),
        // The second number is a power of two; no metre counts in less than sixty-fourths.
        TrackEventKind::Meta(MetaMessage::TimeSignature(beats @ 1.., unit @ ..=6, ..)) => {
            Some(Event::Metre(Metre(u32::from(beats), 1 << unit)))
        }
        TrackEventKind::Midi { channel, message } => {
            note(channel.as_int(), message).map(Event::Note)
        }
        _ => None,
    }
}

fn note(channel: u8, message: MidiMessage) -> Option<Note> {
    match message {
        MidiMessage::NoteOn { key, vel } if vel.as_int() > 0 => Some(Note::On {
            channel,
            pitch: key.as_int(),
            velocity: f32::from(vel.as_int()) / 127.0,
        }),
        MidiMessage::NoteOn { key, .. } | MidiMessage::NoteOff { key, .. } => Some(Note::Off {
            channel,
            pitch: key.as_int(),
        }),
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
    fn times_in_film_frames_are_refused_however_many_a_second() {
        let mut bytes = b"MThd\0\0\0\x06\0\x01\0\x01\0\x28MTrk\0\0\0\x04\0\xFF\x2F\0".to_vec();
        assert!(Song::parse(&bytes).is_ok());
        for frames in [-24_i8, -30, -128] {
            bytes[12] = frames.to_be_bytes()[0];
            assert_eq!(Song::parse(&bytes).unwrap_err(), IN_FRAMES, "{frames}");
        }
        // A second header, inside what follows the first.
        let first = bytes.clone();
        bytes[12] = 0;
        bytes.splice(14..14, first);
        assert!(Song::parse(&bytes).is_err());
    }
}
