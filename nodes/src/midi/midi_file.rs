//! Writes notes to a Standard MIDI File.

use std::path::PathBuf;

use score_engine::{
    Build, Descriptor, Flow, Io, Node, NodeError, Param, Port, PortType, Processor, Time,
};
use serde::Deserialize;

use super::note_writer::NoteWriter;

/// `midi_file`.
#[derive(Deserialize)]
pub(crate) struct MidiFile {
    path: PathBuf,
    program: u8,
}

impl Node for MidiFile {
    fn descriptor() -> Descriptor {
        Descriptor::new("midi", "midi_file", "Writes notes to a MIDI file")
            .example(
                r#"nodes: {
                    "walk": latent_random(dimension: 64, duration: beats(32)),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "walk.mid"),
                },
                wires: ["walk -> tune -> notes"]"#,
            )
            .details(
                "A Standard MIDI File of one track with the patch's tempo and metre, which every DAW and notation \
                 program reads. It ends when its notes' source ends; notes that still sound are closed there.",
            )
            .input(Port::new("notes", PortType::Notes, "what to write"))
            .param(Param::file_to_write("path", "the file to write, .mid"))
            .param(Param::integer("program", (0, 127), "General MIDI sound, from 0").default(0))
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        Ok(Box::new(Writing(NoteWriter::create(
            &self.path,
            build.transport,
            self.program,
        )?)))
    }
}

struct Writing(NoteWriter);

impl Processor for Writing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            self.0.write(input.packet.time, input.packet.notes()?);
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.0.finish(io.end().unwrap_or(Time::ZERO))
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.0.commit()
    }
}

#[cfg(test)]
mod tests {
    use midly::{MetaMessage, MidiMessage, Smf, TrackEventKind};
    use score_engine::harness::Harness;
    use score_engine::{Metre, Note, Payload, Transport};
    use serde_json::json;

    use super::*;

    #[test]
    fn notes_stand_on_their_ticks_and_a_hanging_one_is_closed_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mid");
        let transport = Transport {
            tempo: 90.0,
            metre: Metre(3, 4),
            ..Transport::default()
        };
        let on = |pitch| {
            Payload::Notes(
                [Note::On {
                    channel: 0,
                    pitch,
                    velocity: 0.5,
                }]
                .into(),
            )
        };
        let off = |pitch| Payload::Notes([Note::Off { channel: 0, pitch }].into());
        let notes = vec![
            (transport.sixteenth(0), on(60)),
            (transport.sixteenth(3), off(60)),
            (transport.sixteenth(7), on(64)),
        ];
        Harness::<MidiFile>::new(json!({ "path": path, "program": 4 }))
            .transport(transport.clone())
            .feed("notes", PortType::Notes, notes, transport.beats(5.0))
            .run()
            .unwrap();

        let bytes = std::fs::read(&path).unwrap();
        let smf = Smf::parse(&bytes).unwrap();
        let mut at = 0;
        let mut seen = Vec::new();
        for event in &smf.tracks[0] {
            at += event.delta.as_int();
            match event.kind {
                TrackEventKind::Midi {
                    message: MidiMessage::NoteOn { key, vel },
                    ..
                } => {
                    seen.push((at, key.as_int(), vel.as_int()));
                }
                TrackEventKind::Midi {
                    message: MidiMessage::NoteOff { key, .. },
                    ..
                } => seen.push((at, key.as_int(), 0)),
                TrackEventKind::Meta(MetaMessage::Tempo(tempo)) => {
                    assert_eq!(tempo.as_int(), 666_667)
                }
                TrackEventKind::Meta(MetaMessage::TimeSignature(beats, unit, ..)) => {
                    assert_eq!((beats, unit), (3, 2))
                }
                _ => {}
            }
        }
        assert_eq!(
            seen,
            [(0, 60, 64), (360, 60, 0), (840, 64, 64), (2400, 64, 0)]
        );
        assert_eq!(at, 2400);
    }
}
