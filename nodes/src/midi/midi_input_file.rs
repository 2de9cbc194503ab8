//! Plays the notes of a Standard MIDI File.

use std::path::PathBuf;
use std::vec::IntoIter;

use midly::{MetaMessage, MidiMessage, Smf, Timing, TrackEventKind};
use score_engine::{
    Build, Check, Descriptor, Flow, Io, Node, NodeError, Note, Param, Payload, Port, PortType,
    Processor, Time,
};
use serde::Deserialize;

const NOTES: usize = 0;

/// The tempo of a file that gives none: 120 quarter notes a minute, in microseconds each.
const DEFAULT_TEMPO: u32 = 500_000;

/// `midi_input_file`.
#[derive(Deserialize)]
pub(crate) struct MidiInputFile {
    path: PathBuf,
}

impl Node for MidiInputFile {
    fn descriptor() -> Descriptor {
        Descriptor::new("midi", "midi_input_file", "Plays the notes of a MIDI file")
            .details("All tracks together, at the file's own tempo and its changes, on the channels of the file.")
            .output(Port::new("notes", PortType::Notes, "the notes"))
            .param(Param::file_to_read("path", "the file, .mid"))
    }

    fn check(&self, check: &mut Check<'_>) {
        check.require_file("path", &self.path, "MIDI file");
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let name = self.path.display();
        let bytes = std::fs::read(&self.path).map_err(|error| {
            NodeError::input(format!("`{name}` cannot be read: {error}")).source(error)
        })?;
        let (notes, end) =
            read(&bytes).map_err(|why| NodeError::input(format!("`{name}`: {why}")))?;
        Ok(Box::new(Playing {
            notes: notes.into_iter(),
            end,
        }))
    }
}

struct Playing {
    notes: IntoIter<(Time, Vec<Note>)>,
    end: Time,
}

impl Processor for Playing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        io.end_at(self.end);
        let Some((time, notes)) = self.notes.next() else {
            return Ok(Flow::Done);
        };
        io.send_captured_now(NOTES, time, Payload::Notes(notes.into()))?;
        Ok(Flow::Continue)
    }
}

/// What a file contains, instant by instant, and when it ends.
type Contents = (Vec<(Time, Vec<Note>)>, Time);

fn read(bytes: &[u8]) -> Result<Contents, String> {
    let smf = Smf::parse(bytes)
        .map_err(|error| format!("this is not a MIDI file that can be read ({error})"))?;
    let Timing::Metrical(ticks_per_beat) = smf.header.timing else {
        return Err("its times are counted in film frames, which is not supported".to_owned());
    };
    let mut events = Vec::new();
    for (track, messages) in smf.tracks.iter().enumerate() {
        let mut tick = 0u64;
        for message in messages {
            tick += u64::from(message.delta.as_int());
            events.push((tick, track, message.kind));
        }
    }
    // Stable: events of one tick keep their order, track by track.
    events.sort_by_key(|(tick, track, _)| (*tick, *track));

    let nanos_per_tick =
        |tempo: u32| f64::from(tempo) * 1000.0 / f64::from(ticks_per_beat.as_int().max(1));
    let mut instants: Vec<(Time, Vec<Note>)> = Vec::new();
    let (mut tempo, mut tempo_tick, mut tempo_nanos) = (DEFAULT_TEMPO, 0, 0.0);
    let mut end = Time::ZERO;
    for (tick, _, kind) in events {
        // Counted from the last change of tempo, so that rounding does not add up.
        let nanos = tempo_nanos + (tick - tempo_tick) as f64 * nanos_per_tick(tempo);
        let time = Time::from_nanos(nanos.round() as i64);
        end = end.max(time);
        match kind {
            TrackEventKind::Meta(MetaMessage::Tempo(new)) => {
                (tempo, tempo_tick, tempo_nanos) = (new.as_int(), tick, nanos);
            }
            TrackEventKind::Midi { channel, message } => {
                if let Some(note) = note(channel.as_int(), message) {
                    match instants.last_mut() {
                        Some((last, notes)) if *last == time => notes.push(note),
                        _ => instants.push((time, vec![note])),
                    }
                }
            }
            _ => {}
        }
    }
    Ok((instants, end))
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
    use midly::num::{u4, u7, u15, u24, u28};
    use midly::{Format, Header, TrackEvent};
    use score_engine::harness::Harness;
    use serde_json::json;

    use super::*;

    fn event(delta: u32, kind: TrackEventKind<'static>) -> TrackEvent<'static> {
        TrackEvent {
            delta: u28::from(delta),
            kind,
        }
    }

    fn key_down(pitch: u8, velocity: u8) -> TrackEventKind<'static> {
        let message = MidiMessage::NoteOn {
            key: u7::from(pitch),
            vel: u7::from(velocity),
        };
        TrackEventKind::Midi {
            channel: u4::from(2),
            message,
        }
    }

    #[test]
    fn notes_follow_every_change_of_tempo_and_velocity_zero_is_an_end() {
        let tempo =
            |microseconds| TrackEventKind::Meta(MetaMessage::Tempo(u24::from(microseconds)));
        let tracks = vec![
            vec![
                event(0, tempo(1_000_000)),
                event(100, tempo(500_000)),
                event(0, TrackEventKind::Meta(MetaMessage::EndOfTrack)),
            ],
            vec![
                event(50, key_down(60, 127)),
                event(100, key_down(60, 0)),
                event(0, TrackEventKind::Meta(MetaMessage::EndOfTrack)),
            ],
        ];
        let header = Header {
            format: Format::Parallel,
            timing: Timing::Metrical(u15::from(100)),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mid");
        Smf { header, tracks }.save(&path).unwrap();
        let outputs = Harness::<MidiInputFile>::new(json!({ "path": path }))
            .run()
            .unwrap();
        let seen: Vec<(f64, Note)> = outputs
            .packets("notes")
            .iter()
            .map(|packet| (packet.time.seconds(), packet.notes().unwrap()[0]))
            .collect();
        let down = Note::On {
            channel: 2,
            pitch: 60,
            velocity: 1.0,
        };
        assert_eq!(
            seen,
            [
                (0.5, down),
                (
                    1.25,
                    Note::Off {
                        channel: 2,
                        pitch: 60
                    }
                )
            ]
        );
        assert_eq!(outputs.end("notes"), Some(Time::from_seconds(1.25)));
    }

    #[test]
    fn what_is_no_midi_file_is_refused_in_words() {
        for bytes in [&b""[..], b"MThd", b"once upon a time"] {
            assert!(
                read(bytes).unwrap_err().contains("not a MIDI file"),
                "{bytes:?}"
            );
        }
    }
}
