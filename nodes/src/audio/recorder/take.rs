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

    /// The take after all that there are: at `path`, `NAME-2`, `NAME-3`…
    pub(super) fn next(path: &Path) -> Self {
        let mut takes = (next_number(path)..u32::MAX).map(|number| Take(numbered(path, number)));
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

    /// Begins the files of the take after all that there are: at `path`, `NAME-2`, `NAME-3`…; with
    /// one for traces where they are wanted.
    ///
    /// # Errors
    /// The folder is missing or cannot be written to, or the disk is full.
    pub(super) fn begin(
        path: &Path,
        build: &Build<'_>,
        traces: bool,
    ) -> Result<(Self, Files), NodeError> {
        recover(path);
        for number in next_number(path)..u32::MAX {
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

/// The number after the highest that a take at `path` has or had, also one that was recovered; those
/// of takes that were removed before stay free, so that names tell which is the newest.
fn next_number(path: &Path) -> u32 {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let own = path.extension().unwrap_or_default().to_string_lossy();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| {
        let file = entry.file_name();
        let file = file.to_string_lossy();
        // What grows is hidden and has an ending more.
        let (file, _) = match file.strip_prefix('.') {
            Some(hidden) => hidden.rsplit_once('.')?,
            None => (&*file, ""),
        };
        let (stem, ending) = file.rsplit_once('.')?;
        let is_part = ending == own || Take::ENDINGS.contains(&ending);
        number_in(stem.strip_prefix(&*name)?).filter(|_| is_part)
    });
    numbers.max().map_or(1, |number| number.saturating_add(1))
}

/// The number of a take in what stands behind its name: nothing, `-recovered` and the like, `-2`.
fn number_in(rest: &str) -> Option<u32> {
    let Some(rest) = rest.strip_prefix('-') else {
        return rest.is_empty().then_some(1);
    };
    let first = rest.split('-').next().unwrap_or_default();
    match first.parse() {
        Ok(number) => Some(number),
        Err(_) => ["part", "recovered"].contains(&first).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_take_comes_after_all_others_by_its_number_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("take.flac");
        let is = |name: &str, expected: u32| {
            std::fs::write(folder.path().join(name), "").unwrap();
            assert_eq!(next_number(&path), expected, "{name}");
        };
        // What is not of a take.
        is("take.txt", 1);
        is("intake-7.flac", 1);
        is("take-of-the-day.flac", 1);
        is("take-recovered.mid", 2);
        is("take-2.flac", 3);
        // The oldest were removed, and one was ended by a power cut.
        is("take-10.flac", 11);
        is("take-11-recovered.jsonl", 12);
        is("take-12-part-2.mid", 13);
        is(".take-13.flac.partial", 14);
        is("take-4.flac", 14);
        assert_eq!(next_number(&folder.path().join("other/take.flac")), 1);
    }
}
