//! A recording under way.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use score_engine::{
    AudioBlock, Build, Flow, Io, NodeError, Processor, Revision, Steered, Time, Transport,
};
use serde_json::{Value, json};

use super::line_file::LineFile;
use super::picture_log::{Finishing, PictureLog};
use super::take::Take;
use super::trace_log::TraceLog;
use super::{CONTROLS, EVENTS, NOTES, PICTURES, Recorder, SOUND};
use crate::audio::sound_writer::SoundWriter;
use crate::midi::file_beat::FileBeat;
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
    trace: Option<TraceLog>,
    film: Option<PictureLog>,
    /// What the log's first line says of whose it is.
    mark: Value,
    /// The beat of the take, and that of the file of notes that is being written.
    beat: FileBeat,
    note_beat: FileBeat,
    /// What the further files of its notes are called, without their numbers.
    parts: PathBuf,
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
            trace: None,
            film: None,
            mark: claim(&take.log_path()).line(),
            beat: FileBeat::of_run(build),
            note_beat: FileBeat::of_run(build),
            parts: take.parts_path(),
            news: Vec::new(),
            upkeep: None,
        })
    }

    /// Begins the next take of a live run at `path`, with traces or without.
    ///
    /// # Errors
    /// A file cannot be made, or the disk is full.
    pub(super) fn live(path: &Path, build: &Build<'_>, traces: bool) -> Result<Self, NodeError> {
        let (take, files) = Take::begin(path, build, traces)?;
        let beat = FileBeat::of_node(build);
        let sound = files.sound.map(|file| SoundWriter::live(file, 1.0));
        let notes = files
            .notes
            .map(|file| NoteWriter::live(file, build, NOTES, beat.transport()));
        let trace = match (files.trace, &notes) {
            (Some(file), Some(notes)) => {
                TraceLog::begin(file, build, notes.sources(), beat.transport())?
            }
            _ => None,
        };
        Ok(Recording {
            sound: sound.transpose()?,
            notes,
            trace,
            film: (files.film.map(|file| PictureLog::begin(file, build))).transpose()?,
            log: Some(LineFile::live(files.log)?),
            mark: Claim::take(path, build).line(),
            note_beat: beat.clone(),
            beat,
            parts: take.parts_path(),
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
        let begins = self.beat.begin(io.now());
        self.note_beat.begin(begins);
        if let Some(log) = &mut self.log
            && !log.has_begun()
        {
            log.line(&json!({
                "format": 1, "score": self.mark, "transport": self.beat.transport(),
                "begins": begins.seconds(),
            }))?;
        }
        Ok(begins)
    }

    /// Has the take begin at this time of the run, before anything came.
    pub(super) fn begin_at(&mut self, time: Time) {
        self.beat.restart(time);
        self.note_beat.restart(time);
    }

    /// Where the sound that is written ends, on the run's clock; `None`: there is none yet.
    pub(super) fn end_of_sound(&self) -> Option<Time> {
        let sound = self.sound.as_ref().filter(|sound| sound.frames() > 0)?;
        // The beat has begun with the first packet, and says where with any time.
        let begins = Time::ZERO - self.beat.time(Time::ZERO);
        Some(begins + Time::from_samples(sound.frames(), sound.rate()?))
    }

    /// Finishes the files of a take that has begun, at this time of the run: all but its film,
    /// which waits for an encoder.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub(super) fn finish_at(&mut self, ends: Time) -> Result<(), NodeError> {
        let begins = ends - self.beat.time(ends);
        self.write_news(begins)?;
        let end = ends - begins;
        // Waits for what is under way, which must not be put in place of what comes now.
        self.upkeep = None;
        if let Some(sound) = &mut self.sound {
            sound.finish()?;
        }
        if let Some(notes) = &mut self.notes {
            let end = self.note_beat.time(ends);
            if let Some(trace) = &mut self.trace {
                trace.end(end);
            }
            notes.finish(Casting::default(), end)?;
        }
        if let Some(trace) = &mut self.trace {
            trace.flush()?;
        }
        if let Some(log) = &mut self.log {
            log.line(&json!({ "end": end.seconds() }))?;
            log.flush()?;
        }
        Ok(())
    }

    /// Has the film of a take that ends at this time of the run come to its end apart from it.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(super) fn let_go_of_film(&mut self, ends: Time) -> Result<Option<Finishing>, NodeError> {
        let end = self.beat.time(ends);
        let film = self.film.take();
        film.map(|film| film.finish_apart(end)).transpose()
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

    /// Begins another file of notes at `now` where the one before is full.
    fn keep_notes_small(&mut self, now: Time, begins: Time) -> Result<(), NodeError> {
        let (Some(notes), Some(upkeep)) = (&mut self.notes, &mut self.upkeep) else {
            return Ok(());
        };
        if !notes.is_full() {
            return Ok(());
        }
        // Waits for the write in progress, which must not replace what is written now.
        upkeep.syncing = Syncing::start()?;
        let end = self.note_beat.time(now);
        self.note_beat.restart(now);
        let transport = self.note_beat.transport();
        if let Some(trace) = &mut self.trace {
            trace.next(end, transport);
        }
        notes.begin_next(&self.parts, Casting::default(), end, transport)?;
        let path = notes.live_path().unwrap_or_default();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(log) = &mut self.log {
            log.line(&json!({ "time": (now - begins).seconds(), "notes": name }))?;
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
        if let Some(trace) = &mut self.trace {
            files.extend(trace.flush()?);
        }
        let mut write_notes = None;
        if let Some(notes) = self.notes.as_mut().filter(|_| upkeep.notes_pace.is_due()) {
            let began = Instant::now();
            write_notes = notes.checkpoint(Casting::default(), self.note_beat.time(now))?;
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
                    let time = self.note_beat.time(packet.time).max(Time::ZERO);
                    if let Some(trace) = &mut self.trace {
                        trace.notes(input.wire, time, packet);
                    }
                    notes.write(input.wire, time, packet)?;
                }
                continue;
            }
            if input.is(PICTURES) {
                if let Some(film) = &mut self.film {
                    film.take(time, input.read(PICTURES)?)?;
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
        if let Some(trace) = &mut self.trace {
            trace.keep()?;
        }
        self.keep_notes_small(io.now(), begins)?;
        self.keep_up(io.now())?;
        Ok(Flow::WakeAt(io.now() + Time::from_seconds(1.0)))
    }

    fn revised(&mut self, time: Time, revision: &Revision) {
        self.news.push((time, "revision", json!(revision)));
    }

    fn steered(&mut self, steered: &Steered) {
        self.news.push((steered.time, "steered", json!(steered)));
    }

    fn changed(&mut self, _params: &Recorder, transport: &Transport) -> Result<(), NodeError> {
        self.beat.go_over(transport);
        if let Some(since) = self.note_beat.go_over(transport)
            && let Some(notes) = &mut self.notes
        {
            let transport = self.note_beat.transport();
            if let Some(trace) = &mut self.trace {
                trace.retime(transport, since);
            }
            notes.retime(transport, since);
        }
        Ok(())
    }

    fn finish(&mut self, _params: &Recorder, io: &mut Io<'_>) -> Result<(), NodeError> {
        let begins = self.begin(io)?;
        let ends = io.end().unwrap_or(Time::ZERO).max(begins);
        self.finish_at(ends)?;
        let film = match &mut self.film {
            Some(film) => film.finish(ends - begins),
            None => Ok(()),
        };
        if film.is_err() {
            // The other files are whole: they have their names before it is said.
            self.commit()?;
        }
        film
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
        if let Some(film) = &mut self.film {
            film.commit()?;
        }
        match &mut self.trace {
            Some(trace) => trace.commit(),
            None => Ok(()),
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // Before the files are given their names.
        self.upkeep = None;
    }
}
