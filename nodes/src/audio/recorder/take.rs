//! The files of one recording.

use std::path::{Path, PathBuf};

use score_engine::{Build, NodeError};

use super::{NOTES, PICTURES, SOUND};
use crate::growing_file::{GrowingFile, grows, recover};
use crate::output::{Claim, numbered};

/// The files of one recording, by the one with the sound.
pub(super) struct Take(PathBuf);

/// The files of a take of a live run, those that are wanted.
pub(super) struct Files {
    pub(super) sound: Option<GrowingFile>,
    pub(super) notes: Option<GrowingFile>,
    pub(super) log: GrowingFile,
    pub(super) trace: Option<GrowingFile>,
    pub(super) film: Option<GrowingFile>,
}

impl Take {
    /// The take whose sound is at `path`.
    pub(super) fn at(path: &Path) -> Self {
        Take(path.to_owned())
    }

    /// The first take of which there is none yet: at `path`, `NAME-2`, `NAME-3`…
    pub(super) fn next(path: &Path) -> Self {
        let mut takes = (1..u32::MAX).map(|number| Take(numbered(path, number)));
        takes
            .find(|take| !take.is_taken())
            .unwrap_or_else(|| Take::at(path))
    }

    /// Endings of its files, beside that of its sound.
    pub(super) const ENDINGS: [&str; 4] = ["mid", "jsonl", "trace", "mkv"];

    /// The files that it may have.
    pub(super) fn files(&self) -> [PathBuf; 5] {
        [
            self.0.clone(),
            self.midi_path(),
            self.log_path(),
            self.trace_path(),
            self.film_path(),
        ]
    }

    /// Whether a file of this name is there or grows.
    fn is_taken(&self) -> bool {
        let files = self.files();
        files.iter().any(|file| file.exists() || grows(file))
    }

    /// Begins the files of the first take of which there is none yet: at `path`, `NAME-2`,
    /// `NAME-3`…; with one for traces where they are wanted.
    ///
    /// # Errors
    /// The folder is missing or cannot be written to, or the disk is full.
    pub(super) fn begin(
        path: &Path,
        build: &Build<'_>,
        traces: bool,
    ) -> Result<(Self, Files), NodeError> {
        recover(path);
        for number in 1..u32::MAX {
            let take = Take(numbered(path, number));
            if let Some(files) = take.try_begin(build, traces)? {
                return Ok((take, files));
            }
        }
        Err(NodeError::output("there is no free name for a take"))
    }

    /// Begins the files if nothing of this name is there or grows.
    fn try_begin(&self, build: &Build<'_>, traces: bool) -> Result<Option<Files>, NodeError> {
        let (sound, notes) = (build.is_wired(SOUND), build.is_wired(NOTES));
        let pictures = build.is_wired(PICTURES);
        if self.is_taken() {
            return Ok(None);
        }
        // The log is part of every take. Of two runs that begin at once, one has it.
        let Some(log) = GrowingFile::create(Claim::take(&self.log_path(), build))? else {
            return Ok(None);
        };
        let create = |wanted: bool, path: &Path| match wanted {
            true => GrowingFile::create(Claim::take(path, build)),
            false => Ok(None),
        };
        let files = Files {
            sound: create(sound, &self.0)?,
            notes: create(notes, &self.midi_path())?,
            log,
            trace: create(notes && traces, &self.trace_path())?,
            film: create(pictures, &self.film_path())?,
        };
        let complete = files.sound.is_some() == sound
            && files.notes.is_some() == notes
            && files.trace.is_some() == (notes && traces)
            && files.film.is_some() == pictures;
        Ok(complete.then_some(files))
    }

    /// The file with the sound.
    pub(super) fn sound_path(&self) -> &Path {
        &self.0
    }

    /// The file with the notes.
    pub(super) fn midi_path(&self) -> PathBuf {
        self.0.with_extension("mid")
    }

    /// What further files with notes are called, without their numbers: `NAME-part`.
    pub(super) fn parts_path(&self) -> PathBuf {
        let mut name = self.0.file_stem().unwrap_or_default().to_os_string();
        name.push("-part.mid");
        self.0.with_file_name(name)
    }

    /// The file with the pictures.
    pub(super) fn film_path(&self) -> PathBuf {
        self.0.with_extension("mkv")
    }

    /// The file by which the nodes that played run again.
    pub(super) fn trace_path(&self) -> PathBuf {
        self.0.with_extension("trace")
    }

    /// The file with the controls, events and revisions.
    pub(super) fn log_path(&self) -> PathBuf {
        self.0.with_extension("jsonl")
    }
}
