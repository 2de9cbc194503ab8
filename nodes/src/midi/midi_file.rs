//! Writes notes to a Standard MIDI File.

use std::path::PathBuf;
use std::time::Instant;

use score_engine::{
    Build, Check, Custom, Descriptor, Event, Flow, InputPort, Io, Node, NodeError, Note, Params,
    Processor, Time, Transport,
};

use super::file_beat::FileBeat;
use super::note_writer::{Casting, NoteWriter};
use crate::chords::Chords;
use crate::growing_file::GrowingFile;
use crate::output::Claim;
use crate::syncing::{Pace, Syncing};

const NOTES: InputPort<Note> = InputPort::new(0, "notes", "what to write").many();
const CHORDS: InputPort<Custom<Chords>> = InputPort::new(1, "chords", "chord symbols and key")
    .custom("Chords")
    .optional();
const EVENTS: InputPort<Event> =
    InputPort::new(2, "events", "cuts and cues, which become markers").many();

/// `midi_file`.
#[derive(Clone, Params)]
pub(crate) struct MidiFile {
    /// the file to write, .mid
    #[param(rebuild = "the file is begun once", writes, content = Notes, ending = "mid")]
    path: PathBuf,
    /// General MIDI sound, from 0
    #[param(live, range = 0..=127, default = 0)]
    program: u8,
    /// General MIDI sound of each wire, from 0
    #[param(live, range = 0..=127, default = Vec::new(), for_each_wire = NOTES.name())]
    programs: Vec<u8>,
    /// name of each wire's part
    #[param(live, default = Vec::new(), for_each_wire = NOTES.name())]
    names: Vec<String>,
}

impl Node for MidiFile {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>("midi", "midi_file", "Writes notes to a MIDI file")
            .example(
                r#"nodes: {
                    "walk": latent_random(dimension: 64, duration: beats(32)),
                    "tune": music_decoder(),
                    "notes": midi_file(path: "walk.mid"),
                },
                wires: ["walk -> tune -> notes"]"#,
            )
            .details(
                "A Standard MIDI File of type 1, which every DAW and notation program reads: a \
                 track with the patch's tempo and metre, and their changes, then a track for each \
                 wire and channel, named after the node that the wire comes from. It ends when its \
                 notes' source ends; notes that still sound end there. Live, after a million notes \
                 and controllers the file is closed and the next begins, `NAME-2`. Controllers and \
                 pitch bend that travel with the notes are written too.\n\n\
                 `names` and `programs` count the wires in the order of the patch; wires beyond \
                 the end of a list are named after their nodes and get `program`. With `programs`, \
                 every part is written on a channel of its own (drums stay on 10), so that one \
                 synthesiser plays them all as intended.\n\n\
                 The key signature is the transport's key, or comes with `chords`, which also adds \
                 a track `chords` with their symbols as texts. `events` become markers: a cut \
                 begins `scene 2`, `scene 3`…, other events keep their names.",
            )
            .input(NOTES)
            .input(CHORDS)
            .input(EVENTS)
    }

    fn check(&self, check: &mut Check<'_>) {
        if check.input_type(NOTES).is_none() {
            let help = "wire a node with notes into it";
            check.refuse(
                "path",
                "nothing is wired into its `notes`",
                Some(help.to_owned()),
            );
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        let (notes, upkeep) = match build.clock {
            None => (
                NoteWriter::offline(Claim::of(&self.path, build)?, build, NOTES)?,
                None,
            ),
            Some(_) => {
                let file = GrowingFile::begin(&self.path, build)?;
                let upkeep = (Syncing::start()?, Pace::start());
                let notes = NoteWriter::live(file, build, NOTES, build.transport);
                (notes, Some(upkeep))
            }
        };
        Ok(Box::new(Writing {
            notes,
            beat: FileBeat::of_run(build),
            upkeep,
        }))
    }
}

impl MidiFile {
    fn casting(&self) -> Casting<'_> {
        Casting {
            program: self.program,
            programs: &self.programs,
            names: &self.names,
        }
    }
}

struct Writing {
    notes: NoteWriter,
    beat: FileBeat,
    /// What keeps the file of a live run whole.
    upkeep: Option<(Syncing, Pace)>,
}

impl Processor<MidiFile> for Writing {
    fn process(&mut self, params: &MidiFile, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            let time = self.beat.time(input.packet.time);
            if input.is(CHORDS) {
                self.notes.hear_chords(time, *input.read(CHORDS)?);
            } else if input.is(EVENTS) {
                self.notes.mark(time, input.read(EVENTS)?);
            } else {
                self.notes.write(input.wire, time, &input.packet)?;
            }
        }
        if self.notes.is_full() && self.upkeep.is_some() {
            self.begin_next(params, io.now())?;
        }
        let Some((syncing, pace)) = &mut self.upkeep else {
            return Ok(Flow::Continue);
        };
        if pace.is_due() {
            let began = Instant::now();
            let end = self.beat.time(io.now());
            if let Some(write) = self.notes.checkpoint(params.casting(), end)? {
                syncing.ask(write)?;
            }
            pace.done(began);
        }
        Ok(Flow::WakeAt(io.now() + Time::from_seconds(1.0)))
    }

    fn finish(&mut self, params: &MidiFile, io: &mut Io<'_>) -> Result<(), NodeError> {
        // Waits for the write in progress, which must not replace what is written now.
        self.upkeep = None;
        let end = self.beat.time(io.end().unwrap_or(Time::ZERO));
        self.notes.finish(params.casting(), end)
    }

    fn changed(&mut self, _params: &MidiFile, transport: &Transport) -> Result<(), NodeError> {
        if let Some(since) = self.beat.go_over(transport) {
            self.notes.retime(self.beat.transport(), since);
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.notes.commit()
    }
}

impl Writing {
    /// Closes the file of a live run and begins the next, in which time begins at `now`.
    fn begin_next(&mut self, params: &MidiFile, now: Time) -> Result<(), NodeError> {
        // Waits for the write in progress, which must not replace what is written now.
        self.upkeep = None;
        let end = self.beat.time(now);
        self.beat.restart(now);
        let transport = self.beat.transport();
        (self.notes).begin_next(&params.path, params.casting(), end, transport)?;
        self.upkeep = Some((Syncing::start()?, Pace::start()));
        Ok(())
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
    use std::time::Duration;

    use score_engine::{
        ChannelChange, Metre, Payload, Performance, PortType, Run, Settings, Source, Stretch,
        Tempi, Transport, check,
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
    fn a_render_with_chords_that_go_on_for_ever_ends_with_its_notes() {
        let nodes = r#"
            "left": midi_input_file(path: "b.mid"),
            "chords": chords_in(chords: "C G", each: 0.5),
        "#;
        let wires = r#""left -> out", "chords -> out.chords""#;
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(tracks(nodes, wires)));
        let tracks = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
        let names: Vec<&str> = tracks.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["left", "chords"]);
    }

    /// What a track says, as text, by tick.
    fn said(track: &[midly::TrackEvent<'_>]) -> Vec<(u32, String)> {
        let mut at = 0;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (track.iter())
            .filter_map(|event| {
                at += event.delta.as_int();
                let said = match event.kind {
                    TrackEventKind::Meta(MetaMessage::TrackName(name)) => text(name),
                    TrackEventKind::Meta(MetaMessage::Text(symbol)) => text(symbol),
                    TrackEventKind::Meta(MetaMessage::Marker(name)) => text(name),
                    TrackEventKind::Meta(MetaMessage::KeySignature(signs, minor)) => {
                        format!("key {signs} {minor}")
                    }
                    TrackEventKind::Midi {
                        channel,
                        message: MidiMessage::ProgramChange { program },
                    } => format!("program {program} on {channel}"),
                    TrackEventKind::Midi {
                        channel,
                        message: MidiMessage::NoteOn { key, .. },
                    } => format!("note {key} on {channel}"),
                    _ => return None,
                };
                Some((at, said))
            })
            .collect()
    }

    #[test]
    fn parts_have_programs_and_channels_and_chords_keys_and_scenes_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mid");
        let on = |channel, pitch| {
            let note = Note::On {
                channel,
                pitch,
                velocity: 0.5,
            };
            vec![(Time::ZERO, Payload::Notes([note].into()))]
        };
        let beat = |beat: f64| Transport::default().beats(beat);
        let chord = |symbol: &str, key: &str| {
            Chords {
                key: key.parse().unwrap(),
                chord: symbol.parse().ok(),
                fresh: true,
                next: None,
                close: None,
                last: false,
            }
            .payload()
        };
        let chords = vec![
            (beat(0.0), chord("Am", "A minor")),
            (beat(1.0), chord("Am", "A minor")),
            (beat(2.0), chord("G7", "A minor")),
            (beat(4.0), chord("", "Eb major")),
        ];
        let event = |name: &str| {
            let name = name.to_owned();
            Payload::Event(
                Event {
                    name,
                    strength: 1.0,
                }
                .into(),
            )
        };
        let events = vec![(beat(3.0), event("cut")), (beat(4.0), event("cue"))];
        let params = json!({
            "path": path, "program": 5, "programs": [73, 0], "names": ["Flute"]
        });
        Harness::<MidiFile>::new(params)
            .feed("notes", PortType::Notes, on(0, 60), beat(4.0))
            .feed("notes", PortType::Notes, on(9, 36), beat(4.0))
            .feed("notes", PortType::Notes, on(0, 40), beat(4.0))
            .feed("chords", Chords::port_type(), chords, beat(4.0))
            .feed("events", PortType::Event, events, beat(4.0))
            .run()
            .unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let smf = Smf::parse(&bytes).unwrap();
        let tracks: Vec<_> = smf.tracks.iter().map(|track| said(track)).collect();
        let of = |lines: &[(u32, &str)]| -> Vec<(u32, String)> {
            let line = |(at, said): &(u32, &str)| (*at, (*said).to_owned());
            lines.iter().map(line).collect()
        };
        let conductor = [
            (0, "key 0 true"),
            (0, "scene 1"),
            (1440, "scene 2"),
            (1920, "key -3 false"),
            (1920, "cue"),
        ];
        assert!(tracks[0][0].1.starts_with("SCORE! "), "{:?}", tracks[0]);
        assert_eq!(tracks[0][1..], of(&conductor));
        let melody = [(0, "Flute"), (0, "program 73 on 0"), (0, "note 60 on 0")];
        assert_eq!(tracks[1], of(&melody));
        assert_eq!(tracks[2], of(&[(0, "notes 2"), (0, "note 36 on 9")]));
        let bass = [(0, "notes 3"), (0, "program 5 on 1"), (0, "note 40 on 1")];
        assert_eq!(tracks[3], of(&bass));
        let symbols = [(0, "chords"), (0, "Am"), (960, "G7"), (1920, "N.C.")];
        assert_eq!(tracks[4], of(&symbols));
    }

    #[test]
    fn tempi_that_fit_a_film_are_a_tempo_map_and_notes_keep_their_times() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mid");
        let stretch = |from: f64, position: f64, tempo: f64| Stretch {
            from: Time::from_seconds(from),
            position,
            tempo,
        };
        let transport = Transport {
            tempi: Some(Tempi::new(vec![
                stretch(0.0, 0.0, 120.0),
                stretch(2.0, 4.0, 126.0),
            ])),
            ..Transport::default()
        };
        let note = Note::On {
            channel: 0,
            pitch: 60,
            velocity: 0.5,
        };
        let times: Vec<Time> = [1.0, 2.5, 3.7].map(Time::from_seconds).to_vec();
        let notes = times
            .iter()
            .map(|time| (*time, Payload::Notes([note].into())));
        Harness::<MidiFile>::new(json!({ "path": path }))
            .transport(transport)
            .feed(
                "notes",
                PortType::Notes,
                notes.collect(),
                Time::from_seconds(4.0),
            )
            .run()
            .unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let mut at = 0;
        let tempi: Vec<(u32, u32)> = (Smf::parse(&bytes).unwrap().tracks[0].iter())
            .filter_map(|event| {
                at += event.delta.as_int();
                match event.kind {
                    TrackEventKind::Meta(MetaMessage::Tempo(tempo)) => Some((at, tempo.as_int())),
                    _ => None,
                }
            })
            .collect();
        assert_eq!(tempi, [(0, 500_000), (1920, 476_190)]);
        // Read again, the notes begin when they did, to a tick.
        let file = crate::midi::reading::open(&path).unwrap();
        let (instants, _) = crate::midi::performance::instants(&file);
        let begun = |performance: &Performance| {
            let begins = |note: &Note| matches!(note, Note::On { .. });
            performance.notes.iter().any(begins)
        };
        let read = instants
            .iter()
            .filter(|(_, performance)| begun(performance));
        for ((found, _), sent) in read.zip(&times) {
            assert!((*found - *sent).seconds().abs() < 0.001, "{found} {sent}");
        }
    }

    #[test]
    fn a_live_run_of_very_many_notes_is_written_to_one_file_after_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mid");
        // A note every 10 ms, which lasts for 5.
        let strikes = super::super::note_writer::MOST_ACTS as i64 * 3 / 4;
        let notes = (0..2 * strikes).map(|number| {
            let (channel, pitch) = (0, 60);
            let note = match number % 2 {
                0 => Note::On {
                    channel,
                    pitch,
                    velocity: 0.5,
                },
                _ => Note::Off { channel, pitch },
            };
            let time = Time::from_nanos(number * 5_000_000);
            (time, Payload::Notes([note].into()))
        });
        let end = Time::from_nanos(strikes * 10_000_000);
        Harness::<MidiFile>::new(json!({ "path": path }))
            .feed("notes", PortType::Notes, notes.collect(), end)
            .play_live()
            .unwrap();
        let begun = |name: &str| -> Vec<Time> {
            let file = crate::midi::reading::open(&folder.path().join(name)).unwrap();
            let (instants, _) = crate::midi::performance::instants(&file);
            let begins = |performance: &Performance| {
                (performance.notes.iter()).any(|note| matches!(note, Note::On { .. }))
            };
            (instants.iter())
                .filter(|(_, performance)| begins(performance))
                .map(|(time, _)| *time)
                .collect()
        };
        let (first, second) = (begun("a.mid"), begun("a-2.mid"));
        assert_eq!((first.len() + second.len()) as i64, strikes);
        assert!(first.len() * 2 >= super::super::note_writer::MOST_ACTS);
        // The second begins where the first ends.
        assert!(second[0].seconds() < 0.02, "{}", second[0]);
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
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
