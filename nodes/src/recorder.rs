//! Records a run: its sound, its notes, and what steered it.

mod take;

use std::path::PathBuf;

use score_engine::{
    AudioBlock, Build, Check, Descriptor, Flow, Io, Node, NodeError, Param, Port, PortType,
    Processor, Resource, Revision, Time,
};
use serde::Deserialize;
use serde_json::{Value, json};

use self::take::Take;
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

impl Node for Recorder {
    fn descriptor() -> Descriptor {
        Descriptor::new("audio", "recorder", "Records what is heard, the notes, and what steered them")
            .example(
                r#"nodes: {
                    "camera": camera(),
                    "motion": motion(),
                    "tune": scale_walk(),
                    "piano": synth(),
                    "sound": audio_out(),
                    "take": recorder(path: "take.wav"),
                },
                wires: ["camera -> motion -> tune -> piano -> sound", "piano -> take.sound", "tune -> take.notes", "motion -> take.controls"]"#,
            )
            .details(
                "Beside the sound at `path` it writes the notes to a .mid, a track for each wire and channel, and the controls and events to a .jsonl of \
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
        let take = Take::at(&self.path);
        for path in [take.midi_path(), take.log_path()] {
            check.claim(Resource(path.display().to_string()), Some("path"));
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let live = build.clock.is_some();
        let take = match live {
            true => Take::next(&self.path),
            false => Take::at(&self.path),
        };
        let sound = build
            .is_wired("sound")
            .then(|| SoundWriter::create(take.sound_path(), 1.0));
        let notes = build
            .is_wired("notes")
            .then(|| NoteWriter::create(&take.midi_path(), build, "notes", 0));
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
                (NOTES, _, Some(notes), _) => notes.write(input.wire, packet)?,
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
mod tests;
