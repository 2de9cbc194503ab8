//! The files of one recording.

use std::path::{Path, PathBuf};

/// The files of one recording, by the one with the sound.
pub(super) struct Take(PathBuf);

impl Take {
    /// The take whose sound is at `path`.
    pub(super) fn at(path: &Path) -> Self {
        Take(path.to_owned())
    }

    /// The first take of which there is none yet: at `path`, `NAME-2`, `NAME-3`…
    pub(super) fn next(path: &Path) -> Self {
        let stem = path.file_stem().unwrap_or_default();
        let ending = path.extension().unwrap_or_default();
        let numbered = (2..u32::MAX).map(|number| {
            let mut name = stem.to_os_string();
            name.push(format!("-{number}."));
            name.push(ending);
            Take(path.with_file_name(name))
        });
        let mut takes = std::iter::once(Take::at(path)).chain(numbered);
        let free = takes.find(|take| !take.files().iter().any(|file| file.exists()));
        free.unwrap_or_else(|| Take::at(path))
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

    fn files(&self) -> [PathBuf; 3] {
        [self.0.clone(), self.midi_path(), self.log_path()]
    }
}
