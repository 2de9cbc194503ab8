//! A recording under way.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use score_engine::{
    AudioBlock, Build, Flow, Io, LiveClock, NodeError, Processor, Revision, Steered, Time,
    Transport,
};
use serde_json::{Value, json};

use super::line_file::LineFile;
use super::take::Take;
use super::{CONTROLS, EVENTS, NOTES, Recorder, SOUND};
use crate::audio::sound_writer::SoundWriter;
use crate::midi::note_writer::{Casting, NoteWriter};
use crate::output::{Claim, OutputFile};
use crate::syncing::{Pace, Syncing, sync};

/// Frames of silence written at a time where sound is missing.
const SILENCE: u64 = 8192;

/// A recording under way.
pub(super) struct Recording {
    sound: Option<SoundWriter>,
    notes: Option<NoteWriter>,
    log: Option<LineFile>,
    /// What the log's first line says of whose it is.
    mark: Value,
    /// The run's latest transport, and that of the take, whose times are the take's.
    told: Transport,
    transport: Transport,
    clock: Option<Arc<LiveClock>>,
    /// The run's time at which the take begins, once it is known.
    begins: Option<Time>,
    /// Lines about revisions and hands that are not written yet: when, and what they say beside
    /// that.
    news: Vec<(Time, &'static str, Value)>,
    /// What a live run keeps up while it records.
    upkeep: Option<Upkeep>,
}

/// What a live run keeps up while it records.
struct Upkeep {
    syncing: Syncing,
    pace: Pace,
    /// Notes are written again as a whole, which takes longer and longer.
    notes_pace: Pace,
    turned_down: Arc<AtomicU64>,
}

impl Recording {
    /// Begins the take of a render.
    ///
    /// # Errors
    /// A file cannot be made.
    pub(super) fn offline(take: &Take, build: &Build<'_>) -> Result<Self, NodeError> {
        let claim = |path: &Path| Claim::take(path, build);
        let sound = build
            .is_wired(SOUND)
            .then(|| SoundWriter::offline(claim(take.sound_path()), 1.0));
        let notes = build
            .is_wired(NOTES)
            .then(|| NoteWriter::offline(claim(&take.midi_path()), build, NOTES));
        let logs = build.is_wired(CONTROLS) || build.is_wired(EVENTS);
        let log = logs.then(|| OutputFile::begin(claim(&take.log_path())));
        Ok(Recording {
            sound: sound.transpose()?,
            notes: notes.transpose()?,
            log: log.transpose()?.map(LineFile::offline),
            mark: claim(&take.log_path()).line(),
            told: build.transport.clone(),
            transport: build.transport.clone(),
            clock: None,
            begins: Some(Time::ZERO),
            news: Vec::new(),
            upkeep: None,
        })
    }

    /// Begins the next take of a live run at `path`.
    ///
    /// # Errors
    /// A file cannot be made, or the disk is full.
    pub(super) fn live(path: &Path, build: &Build<'_>) -> Result<Self, NodeError> {
        let files = Take::begin(path, build)?;
        let transport = match build.with_run {
            true => build.transport.clone(),
            // The take's own beat begins with it.
            false => Transport {
                anchor: (Time::ZERO, 0.0),
                ..build.transport.clone()
            },
        };
        let sound = files.sound.map(|file| SoundWriter::live(file, 1.0));
        let notes = files
            .notes
            .map(|file| NoteWriter::live(file, build, NOTES, &transport));
        Ok(Recording {
            sound: sound.transpose()?,
            notes,
            log: Some(LineFile::live(files.log)?),
            mark: Claim::take(path, build).line(),
            told: build.transport.clone(),
            transport,
            clock: build.clock.cloned(),
            begins: build.with_run.then_some(Time::ZERO),
            news: Vec::new(),
            upkeep: Some(Upkeep {
                syncing: Syncing::start()?,
                pace: Pace::start(),
                notes_pace: Pace::start(),
                turned_down: build.counters.counter("turned_down_frames"),
            }),
        })
    }

    /// When the take begins; with the first call, if not with the run. The log's first line says
    /// so.
    fn begin(&mut self, io: &Io<'_>) -> Result<Time, NodeError> {
        let begins = self.begins.unwrap_or_else(|| io.now());
        self.begins = Some(begins);
        if let Some(log) = &mut self.log
            && !log.has_begun()
        {
            log.line(&json!({
                "format": 1, "score": self.mark, "transport": self.transport, "begins": begins.seconds(),
            }))?;
        }
        Ok(begins)
    }

    fn write_news(&mut self, begins: Time) -> Result<(), NodeError> {
        for (time, what, news) in self.news.drain(..) {
            let seconds = (time - begins).max(Time::ZERO).seconds();
            if let Some(log) = &mut self.log {
                log.line(&json!({ "time": seconds, what: news }))?;
            }
        }
        Ok(())
    }

    /// Makes the files whole and has them put on the disk, if it is time to.
    fn keep_up(&mut self, now: Time) -> Result<(), NodeError> {
        let Some(upkeep) = &mut self.upkeep else {
            return Ok(());
        };
        if !upkeep.pace.is_due() {
            return Ok(());
        }
        let began = Instant::now();
        let mut files = Vec::new();
        if let Some(sound) = &mut self.sound {
            files.extend(sound.checkpoint()?);
            upkeep
                .turned_down
                .store(sound.turned_down(), Ordering::Relaxed);
        }
        if let Some(log) = &mut self.log {
            files.extend(log.flush()?);
        }
        let mut write_notes = None;
        if let Some(notes) = self.notes.as_mut().filter(|_| upkeep.notes_pace.is_due()) {
            let began = Instant::now();
            write_notes = notes.checkpoint(Casting::default(), now)?;
            upkeep.notes_pace.done(began);
        }
        upkeep.pace.done(began);
        upkeep.syncing.ask(move || {
            sync(&files)?;
            write_notes.map_or(Ok(()), |write| write())
        })
    }
}

/// Lays a block in its place: silence before it where some is missing, without what is there
/// already.
pub(super) fn lay(
    sound: &mut SoundWriter,
    time: Time,
    block: &AudioBlock,
) -> Result<(), NodeError> {
    let start = time.to_samples(block.rate);
    let channels = usize::from(block.channels.max(1));
    // What lies before the take's beginning does not belong to it.
    let early = (Time::ZERO - time).to_samples(block.rate);
    while sound.frames() < start {
        let frames = (start - sound.frames()).min(SILENCE) as usize;
        sound.append(block.rate, block.channels, &vec![0.0; frames * channels])?;
    }
    let known = (sound.frames() - start + early).min(block.frames() as u64) as usize;
    sound.append(
        block.rate,
        block.channels,
        &block.samples[known * channels..],
    )
}

impl Processor<Recorder> for Recording {
    fn process(&mut self, _params: &Recorder, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        let begins = self.begin(io)?;
        self.write_news(begins)?;
        while let Some(input) = io.take() {
            let packet = &input.packet;
            let time = packet.time - begins;
            let seconds = time.max(Time::ZERO).seconds();
            if input.is(SOUND) {
                if let Some(sound) = &mut self.sound {
                    lay(sound, time, input.read(SOUND)?)?;
                }
                continue;
            }
            if input.is(NOTES) {
                if let Some(notes) = &mut self.notes {
                    notes.write(input.wire, time.max(Time::ZERO), packet)?;
                }
                continue;
            }
            let line = if input.is(CONTROLS) {
                let value = input.read(CONTROLS)?;
                json!({ "time": seconds, "control": input.wire, "value": value })
            } else {
                let event = input.read(EVENTS)?;
                json!({
                    "time": seconds, "event": input.wire, "name": event.name,
                    "strength": event.strength,
                })
            };
            if let Some(log) = &mut self.log {
                log.line(&line)?;
            }
        }
        if self.upkeep.is_none() {
            return Ok(Flow::Continue);
        }
        self.keep_up(io.now() - begins)?;
        Ok(Flow::WakeAt(io.now() + Time::from_seconds(1.0)))
    }

    fn revised(&mut self, time: Time, revision: &Revision) {
        self.news.push((time, "revision", json!(revision)));
    }

    fn steered(&mut self, steered: &Steered) {
        self.news.push((steered.time, "steered", json!(steered)));
    }

    fn changed(&mut self, _params: &Recorder, transport: &Transport) -> Result<(), NodeError> {
        if *transport == self.told {
            return Ok(());
        }
        let moved = transport.anchor != self.told.anchor;
        let now = self.clock.as_ref().filter(|_| !moved);
        let since = now.map_or(transport.anchor.0, |clock| clock.now());
        self.told = transport.clone();
        let since = match self.begins {
            Some(begins) => (since - begins).max(Time::ZERO),
            None => Time::ZERO,
        };
        let anchor = match moved {
            // The take may have a beat of its own, which goes on.
            true => (since, self.transport.clock_position(since)),
            false => self.transport.anchor,
        };
        self.transport = Transport {
            anchor,
            ..transport.clone()
        };
        if let Some(notes) = &mut self.notes {
            notes.retime(&self.transport, since);
        }
        Ok(())
    }

    fn finish(&mut self, _params: &Recorder, io: &mut Io<'_>) -> Result<(), NodeError> {
        let begins = self.begin(io)?;
        self.write_news(begins)?;
        let end = io.end().unwrap_or(Time::ZERO).max(begins) - begins;
        // Waits for what is under way, which must not be put in place of what comes now.
        self.upkeep = None;
        if let Some(sound) = &mut self.sound {
            sound.finish()?;
        }
        if let Some(notes) = &mut self.notes {
            notes.finish(Casting::default(), end)?;
        }
        if let Some(log) = &mut self.log {
            log.line(&json!({ "end": end.seconds() }))?;
            log.flush()?;
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

impl Drop for Recording {
    fn drop(&mut self) {
        // Before the files are given their names.
        self.upkeep = None;
    }
}
