//! Plays the notes of a Standard MIDI File.

use std::path::PathBuf;
use std::vec::IntoIter;

use score_engine::{
    Build, Check, Descriptor, Flow, Io, Node, NodeError, Note, OutputPort, Params, Performance,
    Processor, Time,
};

use super::performance::instants;
use super::reading;

const NOTES: OutputPort<Note> = OutputPort::new(0, "notes", "the notes");

/// `midi_input_file`.
#[derive(Clone, Params)]
pub(crate) struct MidiInputFile {
    /// the file, .mid
    #[param(rebuild = "the file is read once", content = Notes)]
    path: PathBuf,
}

impl Node for MidiInputFile {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("midi", "midi_input_file", "Plays the notes of a MIDI file")
            .example(
                r#"nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "piano": synth(voice: electric_piano),
                    "sound": audio_file(path: "song.wav"),
                },
                wires: ["tune -> piano -> sound"]"#,
            )
            .details(
                "All tracks together, at the file's own tempo and its changes, on the channels of \
                 the file; in a file of format 2 each track keeps its own tempo. Pedals hold notes \
                 as on a piano, a key that is struck again ends the note before, and a note \
                 without a length sounds for 20 ms. Volume, expression, pan, pitch bend and other \
                 controllers travel with the notes to a `synth`, a `midi_out` or a file.\n\n\
                 A damaged file is read as far as possible. What cannot be read is a warning that \
                 names the track and the byte; with `--strict` the file is refused.",
            )
            .output(NOTES)
            .paced()
    }

    fn check(&self, check: &mut Check<'_>) {
        if check.require_file("path", &self.path, "MIDI file")
            && let Ok(file) = reading::open(&self.path)
            && !file.flaws.is_empty()
        {
            let why = format!("`{}`: {}", self.path.display(), file.flaws);
            let help =
                "everything else in it is played; export it again, or mend it in a MIDI editor";
            check.warn("path", why, Some(help.to_owned()));
        }
    }

    fn build(&self, _build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let (notes, end) = instants(&reading::open(&self.path)?);
        Ok(Box::new(FilePlayer {
            notes: notes.into_iter(),
            end,
        }))
    }
}

struct FilePlayer {
    notes: IntoIter<(Time, Performance)>,
    end: Time,
}

impl Processor<MidiInputFile> for FilePlayer {
    fn process(&mut self, _params: &MidiInputFile, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        io.end_at(self.end);
        let Some((time, performance)) = self.notes.next() else {
            return Ok(Flow::Done);
        };
        match performance.changes.is_empty() {
            true => io.send_captured_now(NOTES, time, performance.notes)?,
            false => io.send_captured_now(NOTES, time, performance)?,
        }
        Ok(Flow::Continue)
    }
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
