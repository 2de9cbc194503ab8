//! Records a run: its sound, its notes, and what steered it.

use std::path::PathBuf;

use score_engine::{
    AudioBlock, Build, Check, Descriptor, Flow, Io, Node, NodeError, Param, Port, PortType,
    Processor, Resource, Revision, Time,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::audio::sound_writer::SoundWriter;
use crate::midi::note_writer::NoteWriter;
use crate::output::OutputFile;

const SOUND: usize = 0;
const NOTES: usize = 1;
const CONTROLS: usize = 2;

/// Frames of silence written at a time where sound is missing.
const SILENCE: u64 = 8192;

/// `recorder`.
#[derive(Deserialize)]
pub(crate) struct Recorder {
    path: PathBuf,
}

impl Recorder {
    /// The files of the first take of which there is none yet.
    fn next_take(&self) -> Take {
        let stem = self.path.file_stem().unwrap_or_default().to_os_string();
        let ending = self.path.extension().unwrap_or_default().to_os_string();
        let numbered = (2..u32::MAX).map(|number| {
            let mut name = stem.clone();
            name.push(format!("-{number}."));
            name.push(&ending);
            Take(self.path.with_file_name(name))
        });
        let mut takes = std::iter::once(Take(self.path.clone())).chain(numbered);
        let free = takes.find(|take| !take.files().iter().any(|file| file.exists()));
        free.unwrap_or_else(|| Take(self.path.clone()))
    }
}

/// The files of one recording, by the one with the sound.
struct Take(PathBuf);

impl Take {
    /// The file with the notes.
    fn midi_path(&self) -> PathBuf {
        self.0.with_extension("mid")
    }

    /// The file with the controls, events and revisions.
    fn log_path(&self) -> PathBuf {
        self.0.with_extension("jsonl")
    }

    fn files(&self) -> [PathBuf; 3] {
        [self.0.clone(), self.midi_path(), self.log_path()]
    }
}

impl Node for Recorder {
    fn descriptor() -> Descriptor {
        Descriptor::new("audio", "recorder", "Records what is heard, the notes, and what steered them")
            .details(
                "Beside the sound at `path` it writes the notes to a .mid and the controls and events to a .jsonl of \
                 the same name. All begin with the run, so that they can be laid on each other: where sound is \
                 missing there is silence. The .jsonl has one JSON object a line: the transport first, then each \
                 value with its time in seconds, the input, and the number of the wire, counted from 0 as the patch \
                 lists them; and, live, each revision of the patch with the time from which it plays, so that the run \
                 can be played again. The files get their names when the run ends; sound whose peak would clip is \
                 turned down as a whole. A live run leaves earlier takes as they are: the second is called `NAME-2`.",
            )
            .input(Port::new("sound", PortType::Audio, "what is heard").optional())
            .input(Port::new("notes", PortType::Notes, "what is played").many())
            .input(Port::new("controls", PortType::Control, "what steers").many())
            .input(Port::new("events", PortType::Event, "what happens").many())
            .param(Param::file_to_write("path", "the sound file to write, .wav or .flac"))
    }

    fn check(&self, check: &mut Check<'_>) {
        let ending = self.path.extension().and_then(|ending| ending.to_str());
        let is_known = ending.is_some_and(|ending| {
            ["wav", "flac"]
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        });
        if !is_known {
            check.refuse(
                "path",
                format!(
                    "`{}` has no ending that names a sound format",
                    self.path.display()
                ),
                Some("it ends in .wav or .flac".to_owned()),
            );
        }
        let take = Take(self.path.clone());
        for path in [take.midi_path(), take.log_path()] {
            check.claim(Resource(path.display().to_string()), Some("path"));
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let live = build.clock.is_some();
        let take = match live {
            true => self.next_take(),
            false => Take(self.path.clone()),
        };
        let sound = build
            .is_wired("sound")
            .then(|| SoundWriter::create(&take.0, 1.0));
        let notes = build
            .is_wired("notes")
            .then(|| NoteWriter::create(&take.midi_path(), build.transport, 0));
        let logs = live || build.is_wired("controls") || build.is_wired("events");
        let mut log = logs
            .then(|| OutputFile::create(&take.log_path()))
            .transpose()?;
        if let Some(log) = &mut log {
            line(log, &json!({ "format": 1, "transport": build.transport }))?;
        }
        Ok(Box::new(Recording {
            sound: sound.transpose()?,
            notes: notes.transpose()?,
            log,
            revisions: Vec::new(),
        }))
    }
}

struct Recording {
    sound: Option<SoundWriter>,
    notes: Option<NoteWriter>,
    log: Option<OutputFile>,
    /// Lines about revisions that are not written yet.
    revisions: Vec<Value>,
}

/// Appends a line to the log.
fn line(log: &mut OutputFile, value: &Value) -> Result<(), NodeError> {
    log.write(format!("{value}\n").as_bytes())
}

/// Lays a block in its place: silence before it where some is missing, without what is there already.
fn lay(sound: &mut SoundWriter, time: Time, block: &AudioBlock) -> Result<(), NodeError> {
    let start = time.to_samples(block.rate);
    let channels = usize::from(block.channels.max(1));
    while sound.frames() < start {
        let frames = (start - sound.frames()).min(SILENCE) as usize;
        sound.append(block.rate, block.channels, &vec![0.0; frames * channels])?;
    }
    let known = (sound.frames() - start).min(block.frames() as u64) as usize;
    sound.append(
        block.rate,
        block.channels,
        &block.samples[known * channels..],
    )
}

impl Processor for Recording {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        self.write_revisions()?;
        while let Some(input) = io.take() {
            let packet = &input.packet;
            match (input.port, &mut self.sound, &mut self.notes, &mut self.log) {
                (SOUND, Some(sound), _, _) => lay(sound, packet.time, packet.audio()?)?,
                (NOTES, _, Some(notes), _) => notes.write(packet.time, packet.notes()?),
                (CONTROLS, _, _, Some(log)) => {
                    let value = *packet.control()?;
                    let seconds = packet.time.seconds();
                    line(
                        log,
                        &json!({ "time": seconds, "control": input.wire, "value": value }),
                    )?;
                }
                (_, _, _, Some(log)) => {
                    let event = packet.event()?;
                    let seconds = packet.time.seconds();
                    line(
                        log,
                        &json!({
                            "time": seconds, "event": input.wire, "name": event.name,
                            "strength": event.strength,
                        }),
                    )?;
                }
                _ => {}
            }
        }
        Ok(Flow::Continue)
    }

    fn revised(&mut self, time: Time, revision: &Revision) {
        self.revisions
            .push(json!({ "time": time.seconds(), "revision": revision }));
    }

    fn finish(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        self.write_revisions()?;
        if let Some(sound) = &mut self.sound {
            sound.finish()?;
        }
        if let Some(notes) = &mut self.notes {
            notes.finish(io.end().unwrap_or(Time::ZERO))?;
        }
        if let Some(log) = &mut self.log {
            line(
                log,
                &json!({ "end": io.end().unwrap_or(Time::ZERO).seconds() }),
            )?;
            log.finished()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        if let Some(sound) = &mut self.sound {
            sound.commit()?;
        }
        if let Some(notes) = &mut self.notes {
            notes.commit()?;
        }
        if let Some(log) = &mut self.log {
            log.commit()?;
        }
        Ok(())
    }
}

impl Recording {
    fn write_revisions(&mut self) -> Result<(), NodeError> {
        for revision in self.revisions.drain(..) {
            if let Some(log) = &mut self.log {
                line(log, &revision)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use midly::Smf;
    use score_engine::harness::Harness;
    use score_engine::{Event, Live, LiveOptions, Note, Payload, Settings, Source, check};

    use super::*;

    fn block(time: f64, value: f32) -> (Time, Payload) {
        let block = AudioBlock {
            rate: 48_000,
            channels: 1,
            samples: vec![value; 4800],
        };
        (Time::from_seconds(time), Payload::Audio(Arc::new(block)))
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn sound_notes_and_controls_lie_at_their_times_in_files_of_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let end = Time::from_seconds(1.0);
        let note = Note::On {
            channel: 0,
            pitch: 60,
            velocity: 1.0,
        };
        let cut = Event {
            name: "cut".to_owned(),
            strength: 0.5,
        };
        let at = |seconds: f64, payload| vec![(Time::from_seconds(seconds), payload)];
        Harness::<Recorder>::new(json!({ "path": folder.path().join("take.wav") }))
            .feed(
                "sound",
                PortType::Audio,
                vec![block(0.2, 0.5), block(0.5, -0.5)],
                end,
            )
            .feed(
                "notes",
                PortType::Notes,
                at(0.5, Payload::Notes([note].into())),
                end,
            )
            .feed(
                "controls",
                PortType::Control,
                at(0.25, Payload::Control(0.75)),
                end,
            )
            .feed(
                "events",
                PortType::Event,
                at(0.75, Payload::Event(Arc::new(cut))),
                end,
            )
            .run()
            .unwrap();
        assert_eq!(names(folder.path()), ["take.jsonl", "take.mid", "take.wav"]);
        let samples: Vec<i16> = hound::WavReader::open(folder.path().join("take.wav"))
            .unwrap()
            .samples()
            .map(Result::unwrap)
            .collect();
        assert_eq!(samples.len(), 28_800);
        let at = |seconds: f64| samples[(seconds * 48_000.0) as usize];
        assert_eq!(
            [at(0.1), at(0.21), at(0.4), at(0.51)],
            [0, 16_384, 0, -16_384]
        );

        let bytes = std::fs::read(folder.path().join("take.mid")).unwrap();
        // The note, its end at the end of the run, and four events that every file has.
        assert_eq!(Smf::parse(&bytes).unwrap().tracks[0].len(), 6);

        let log = std::fs::read_to_string(folder.path().join("take.jsonl")).unwrap();
        let lines: Vec<Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[0]["transport"]["tempo"], 120.0);
        assert_eq!(
            lines[1],
            json!({ "time": 0.25, "control": 0, "value": 0.75 })
        );
        assert_eq!(lines[2]["name"], "cut");
        assert_eq!(lines[3], json!({ "end": 1.0 }));
    }

    #[test]
    fn a_live_run_keeps_earlier_takes_and_writes_down_the_patch_and_its_edits() {
        let folder = tempfile::tempdir().unwrap();
        let registry = crate::registry();
        let graph = |level: i32| {
            let text = format!(
                "Patch(format: 1, nodes: {{\"a\": tone(gain: {level}), \"r\": recorder(path: \"take.wav\")}}, wires: [\"a -> r\"])"
            );
            let source = Source::text("p.ron", &text, folder.path().to_owned());
            check(&source, &[], &registry, &Settings::default()).unwrap()
        };
        for take in ["take", "take-2"] {
            let (mut live, _) =
                Live::start(graph(-20), &Settings::default(), LiveOptions::default()).unwrap();
            live.replace(graph(-30), &BTreeSet::new()).unwrap().unwrap();
            std::thread::sleep(Duration::from_millis(50));
            assert!(live.drain(Duration::from_secs(10)).is_empty());
            let log = std::fs::read_to_string(folder.path().join(take).with_extension("jsonl"));
            let log = log.unwrap();
            let patches: Vec<String> = log
                .lines()
                .filter_map(|line| {
                    let line: Value = serde_json::from_str(line).unwrap();
                    Some(line["revision"]["patch"].as_str()?.to_owned())
                })
                .collect();
            assert_eq!(patches.len(), 2, "{log}");
            assert!(patches[0].contains("-20") && patches[1].contains("-30"));
            assert!(folder.path().join(take).with_extension("wav").exists());
        }
    }

    #[test]
    fn only_what_is_wired_is_written() {
        let folder = tempfile::tempdir().unwrap();
        Harness::<Recorder>::new(json!({ "path": folder.path().join("take.wav") }))
            .feed(
                "sound",
                PortType::Audio,
                vec![block(0.0, 0.5)],
                Time::from_seconds(0.1),
            )
            .run()
            .unwrap();
        assert_eq!(names(folder.path()), ["take.wav"]);
    }

    #[test]
    fn a_block_that_comes_twice_is_heard_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("take.wav");
        let mut sound = SoundWriter::create(&path, 1.0).unwrap();
        for (time, payload) in [block(0.0, 0.5), block(0.0, 0.1), block(0.05, 0.25)] {
            if let Payload::Audio(block) = payload {
                lay(&mut sound, time, &block).unwrap();
            }
        }
        assert_eq!(sound.frames(), 7_200);
    }
}
