//! Plays the notes of a Standard MIDI File.

use std::path::PathBuf;
use std::vec::IntoIter;

use score_engine::{
    Build, Check, Descriptor, Flow, Io, Node, NodeError, Note, Param, Payload, Port, PortType,
    Processor, Time,
};
use serde::Deserialize;

use super::reading::{DEFAULT_TEMPO, Event, Song};

const NOTES: usize = 0;

/// `midi_input_file`.
#[derive(Deserialize)]
pub(crate) struct MidiInputFile {
    path: PathBuf,
}

impl Node for MidiInputFile {
    fn descriptor() -> Descriptor {
        Descriptor::new("midi", "midi_input_file", "Plays the notes of a MIDI file")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "piano": synth(voice: electric_piano),
                    "sound": audio_file(path: "song.wav"),
                },
                wires: ["tune -> piano -> sound"]"#,
            )
            .details("All tracks together, at the file's own tempo and its changes, on the channels of the file.")
            .output(Port::new("notes", PortType::Notes, "the notes"))
            .param(Param::file_to_read("path", "the file, .mid"))
            .paced()
    }

    fn check(&self, check: &mut Check<'_>) {
        check.require_file("path", &self.path, "MIDI file");
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let (notes, end) = instants(&Song::open(&self.path)?);
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
pub(crate) type Contents = (Vec<(Time, Vec<Note>)>, Time);

/// The notes of `song` by the instants at which they begin or end.
pub(crate) fn instants(song: &Song) -> Contents {
    let nanos_per_tick = |tempo: u32| f64::from(tempo) * 1000.0 / song.ticks_per_beat as f64;
    let mut instants: Vec<(Time, Vec<Note>)> = Vec::new();
    // Counted from the last change of tempo, so that rounding does not add up.
    let mut last_change = (DEFAULT_TEMPO, 0, 0.0);
    let nanos = |tick: u64, (tempo, since, nanos): (u32, u64, f64)| {
        nanos + (tick - since) as f64 * nanos_per_tick(tempo)
    };
    for (tick, event) in &song.events {
        let nanos = nanos(*tick, last_change);
        let time = Time::from_nanos(nanos.round() as i64);
        match event {
            Event::Tempo(new) => last_change = (*new, *tick, nanos),
            Event::Note(note) => match instants.last_mut() {
                Some((last, notes)) if *last == time => notes.push(*note),
                _ => instants.push((time, vec![*note])),
            },
            Event::Metre(_) => {}
        }
    }
    let end = nanos(song.end, last_change);
    (instants, Time::from_nanos(end.round() as i64))
}

#[cfg(test)]
mod tests {
    use midly::num::{u4, u7, u15, u24, u28};
    use midly::{
        Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind,
    };
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
}
