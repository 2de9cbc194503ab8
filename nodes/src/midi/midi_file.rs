//! Writes notes to a Standard MIDI File.

use std::path::PathBuf;
use std::time::Instant;

use score_engine::{
    Build, Check, Descriptor, FileContent, Flow, Io, Node, NodeError, Param, Port, PortType,
    Processor, Time,
};
use serde::Deserialize;

use super::note_writer::NoteWriter;
use crate::growing_file::GrowingFile;
use crate::output::Claim;
use crate::syncing::{Pace, Syncing};

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
                "A Standard MIDI File of type 1, which every DAW and notation program reads: a track with the patch's \
                 tempo and metre, then one for each wire and channel, which is called as the node is that the wire \
                 comes from. It ends when its notes' source ends; notes that still sound are closed there. Controllers \
                 and pitch bend that travel with the notes are written too.",
            )
            .input(Port::new("notes", PortType::Notes, "what to write").many())
            .param(Param::file_to_write("path", "the file to write, .mid").content(FileContent::Notes).ending("mid"))
            .param(Param::integer("program", (0, 127), "General MIDI sound, from 0").default(0))
    }

    fn check(&self, check: &mut Check<'_>) {
        if check.input_type("notes").is_none() {
            let help = "wire a node with notes into it";
            check.refuse(
                "path",
                "nothing is wired into its `notes`",
                Some(help.to_owned()),
            );
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let program = self.program;
        let (notes, upkeep) = match build.clock {
            None => (
                NoteWriter::offline(Claim::of(&self.path, build)?, build, "notes", program)?,
                None,
            ),
            Some(_) => {
                let file = GrowingFile::begin(&self.path, build)?;
                let upkeep = (Syncing::start()?, Pace::start());
                let notes = NoteWriter::live(file, build, "notes", build.transport, program);
                (notes, Some(upkeep))
            }
        };
        Ok(Box::new(Writing { notes, upkeep }))
    }
}

struct Writing {
    notes: NoteWriter,
    /// What keeps the file of a live run whole.
    upkeep: Option<(Syncing, Pace)>,
}

impl Processor for Writing {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = input.packet.time;
            self.notes.write(input.wire, time, &input.packet)?;
        }
        let Some((syncing, pace)) = &mut self.upkeep else {
            return Ok(Flow::Continue);
        };
        if pace.is_due() {
            let began = Instant::now();
            if let Some(write) = self.notes.checkpoint(io.now())? {
                syncing.ask(write)?;
            }
            pace.done(began);
        }
        Ok(Flow::WakeAt(io.now() + Time::from_seconds(1.0)))
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        // Waits for what is under way, which must not be put in place of what comes now.
        self.upkeep = None;
        self.notes.finish(io.end().unwrap_or(Time::ZERO))
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.notes.commit()
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // Before the file is given its name.
        self.upkeep = None;
    }
}

#[cfg(test)]
mod tests {
    use midly::{MetaMessage, MidiMessage, Smf, TrackEventKind};
    use score_engine::harness::Harness;
    use std::collections::BTreeSet;

    use score_engine::{
        ChannelChange, Metre, Note, Payload, Performance, Run, Settings, Source, Transport, check,
    };
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
        assert_eq!(smf.header.format, midly::Format::Parallel);
        let mut at = 0;
        let mut seen = Vec::new();
        let mut named = Vec::new();
        // Both tracks begin at once and are equally long.
        let ends = smf.tracks.iter().map(|track| {
            let deltas = track.iter().map(|event| event.delta.as_int());
            deltas.sum::<u32>()
        });
        assert_eq!(ends.collect::<Vec<_>>(), [2400, 2400]);
        for event in smf.tracks.iter().flatten() {
            at += event.delta.as_int();
            if matches!(event.kind, TrackEventKind::Meta(MetaMessage::EndOfTrack)) {
                at -= 2400;
            }
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
                TrackEventKind::Meta(MetaMessage::TrackName(name)) => named.push(name),
                TrackEventKind::Midi {
                    message: MidiMessage::ProgramChange { program },
                    ..
                } => assert_eq!(program.as_int(), 4),
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
        assert_eq!(named, [b"notes"]);
    }

    /// Names of the tracks of the file that `wires` lead to, and the channels of their notes.
    fn tracks(nodes: &str, wires: &str) -> Vec<(String, BTreeSet<u8>)> {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "Patch(format: 1, nodes: {{{nodes} \"out\": midi_file(path: \"out.mid\")}}, wires: [{wires}])"
        );
        let source = Source::text("p.ron", &text, folder.path().to_owned());
        for (name, channels) in [("a.mid", &[0u8, 9][..]), ("b.mid", &[0]), ("c.mid", &[3])] {
            std::fs::write(folder.path().join(name), one_note_on(channels)).unwrap();
        }
        let settings = Settings::default();
        let graph = check(&source, &[], &crate::registry(), &settings).unwrap();
        Run::start(graph, &settings).unwrap().wait().unwrap();
        let bytes = std::fs::read(folder.path().join("out.mid")).unwrap();
        let smf = Smf::parse(&bytes).unwrap();
        let track = |track: &Vec<midly::TrackEvent<'_>>| {
            let name = track.iter().find_map(|event| match event.kind {
                TrackEventKind::Meta(MetaMessage::TrackName(name)) => Some(name),
                _ => None,
            });
            let channels = track.iter().filter_map(|event| match event.kind {
                TrackEventKind::Midi { channel, .. } => Some(channel.as_int()),
                _ => None,
            });
            let name = String::from_utf8(name.unwrap().to_vec()).unwrap();
            (name, channels.collect())
        };
        // The first holds tempo and metre.
        smf.tracks[1..].iter().map(track).collect()
    }

    /// A file with one note on each of some channels.
    fn one_note_on(channels: &[u8]) -> Vec<u8> {
        let notes = channels
            .iter()
            .flat_map(|channel| [0, 0x90 | channel, 60, 80, 96, 0x80 | channel, 60, 0]);
        let track: Vec<u8> = notes.chain([0, 0xFF, 0x2F, 0]).collect();
        let mut bytes = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk".to_vec();
        bytes.extend((track.len() as u32).to_be_bytes());
        bytes.extend(track);
        bytes
    }

    #[test]
    fn every_part_has_a_track_that_is_called_as_its_source() {
        let nodes = r#"
            "band": midi_input_file(path: "a.mid"),
            "left": midi_input_file(path: "b.mid"),
            "right": midi_input_file(path: "c.mid"),
        "#;
        let wires = r#""band -> out", "left -> out.notes", "right -> out.notes""#;
        let on = |channel: u8| BTreeSet::from([channel]);
        let expected = [
            ("band, channel 1".to_owned(), on(0)),
            ("band, drums".to_owned(), on(9)),
            ("left".to_owned(), on(0)),
            ("right".to_owned(), on(3)),
        ];
        assert_eq!(tracks(nodes, wires), expected);
    }

    #[test]
    fn controllers_and_bends_are_written_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mid");
        let changes = vec![
            ChannelChange::Controller {
                channel: 2,
                number: 11,
                value: 64.0 / 127.0,
            },
            ChannelChange::Bend {
                channel: 2,
                value: -0.5,
            },
        ];
        let note = Note::On {
            channel: 2,
            pitch: 60,
            velocity: 1.0,
        };
        let performance = Performance {
            changes: changes.clone(),
            notes: [note].into(),
        };
        let payload = Payload::Performance(performance.into());
        Harness::<MidiFile>::new(json!({ "path": path }))
            .feed(
                "notes",
                PortType::Notes,
                vec![(Time::ZERO, payload)],
                Time::from_seconds(1.0),
            )
            .run()
            .unwrap();
        let file = crate::midi::reading::open(&path).unwrap();
        let (instants, _) = crate::midi::performance::instants(&file);
        let read: Vec<ChannelChange> = (instants.iter())
            .flat_map(|(_, performance)| performance.changes.clone())
            .filter(|change| !matches!(change, ChannelChange::Program { .. }))
            .collect();
        assert_eq!(read, changes);
    }
}
