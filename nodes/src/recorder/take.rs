//! The files of one recording.

use std::path::{Path, PathBuf};

use score_engine::NodeError;

use crate::growing_file::{GrowingFile, Naming, grows, numbered, recover};

/// The files of one recording, by the one with the sound.
pub(super) struct Take(PathBuf);

/// The files of a take of a live run, those that are wanted.
pub(super) struct Files {
    pub(super) sound: Option<GrowingFile>,
    pub(super) notes: Option<GrowingFile>,
    pub(super) log: GrowingFile,
}

impl Take {
    /// The take whose sound is at `path`.
    pub(super) fn at(path: &Path) -> Self {
        Take(path.to_owned())
    }

    /// Begins the files of the first take of which there is none yet: at `path`, `NAME-2`, `NAME-3`…
    ///
    /// # Errors
    /// The folder is missing or cannot be written to, or the disk is full.
    pub(super) fn begin(path: &Path, sound: bool, notes: bool) -> Result<Files, NodeError> {
        recover(path);
        for number in 1..u32::MAX {
            if let Some(files) = Take(numbered(path, number)).try_begin(sound, notes)? {
                return Ok(files);
            }
        }
        Err(NodeError::output("there is no free name for a take"))
    }

    /// Begins the files if nothing of this name is there or grows.
    fn try_begin(&self, sound: bool, notes: bool) -> Result<Option<Files>, NodeError> {
        let files = [self.0.clone(), self.midi_path(), self.log_path()];
        if files.iter().any(|file| file.exists() || grows(file)) {
            return Ok(None);
        }
        // The log is part of every take. Of two runs that begin at once, one has it.
        let Some(log) = GrowingFile::create(&self.log_path(), Naming::Counts)? else {
            return Ok(None);
        };
        let create = |wanted: bool, path: &Path| match wanted {
            true => GrowingFile::create(path, Naming::Counts),
            false => Ok(None),
        };
        let files = Files {
            sound: create(sound, &self.0)?,
            notes: create(notes, &self.midi_path())?,
            log,
        };
        let complete = files.sound.is_some() == sound && files.notes.is_some() == notes;
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

    /// The file with the controls, events and revisions.
    pub(super) fn log_path(&self) -> PathBuf {
        self.0.with_extension("jsonl")
    }
}
