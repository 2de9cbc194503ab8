//! What a recorder has kept of a live run, read again: a take.
//!
//! A take is the files of one name: the sound (.wav, .flac), the notes (.mid), what steered them
//! (.jsonl), the pictures (.mkv) and the trace (.trace), by which the nodes that played run again.
//! None of them is trusted: a take may have been cut off by a power cut, or come from somebody else.

mod again;
mod log;
mod note_log;
mod played;
mod trace_file;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use score_engine::{NodeError, Time};

pub use self::again::{Again, play_again};
pub use self::log::{Log, Revised, Set};
pub(crate) use self::note_log::NoteLog;
pub(crate) use self::played::Codes;
pub use self::played::Played;
pub use self::trace_file::Frames;
pub(crate) use self::trace_file::{MAGIC, frame};

/// The endings of a take's files. That of its sound comes first.
const ENDINGS: [&str; 6] = ["wav", "flac", "jsonl", "mid", "trace", "mkv"];

/// The files of a take, and what its log says.
#[derive(Debug)]
pub struct Take {
    /// Any of its files, without the ending.
    name: PathBuf,
    /// What steered it.
    pub log: Log,
    /// How long it lasts, once that was asked.
    length: OnceLock<Time>,
}

impl Take {
    /// Opens the take that `path`, any of its files, is of.
    ///
    /// # Errors
    /// There is no such take, or its log cannot be read.
    pub fn open(path: &Path) -> Result<Self, NodeError> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let known = ending.is_some_and(|ending| {
            ENDINGS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(ending))
        });
        let name = match known {
            true => path.with_extension(""),
            false => path.to_owned(),
        };
        let lies_at = with_ending(&name, "jsonl");
        let text = std::fs::read(&lies_at).map_err(|error| {
            NodeError::input(format!(
                "there is no take `{}`: `{}` cannot be read ({error})",
                path.display(),
                lies_at.display()
            ))
            .help("name one of the files that a recorder wrote, such as take.wav; all lie together")
            .source(error)
        })?;
        let log = Log::read(&text, &lies_at)?;
        Ok(Take {
            name,
            log,
            length: OnceLock::new(),
        })
    }

    /// Its file with this ending, whether or not it is there.
    pub fn file(&self, ending: &str) -> PathBuf {
        with_ending(&self.name, ending)
    }

    /// The file with its notes, where it has one.
    pub fn notes(&self) -> Option<PathBuf> {
        Some(self.file("mid")).filter(|path| path.is_file())
    }

    /// The file with its pictures, where it has one.
    pub fn pictures(&self) -> Option<PathBuf> {
        Some(self.file("mkv")).filter(|path| path.is_file())
    }

    /// The file by which its nodes run again, where it has one.
    pub fn trace(&self) -> Option<PathBuf> {
        Some(self.file("trace")).filter(|path| path.is_file())
    }

    /// How long it lasts: to its end, or where it was cut off, to the last thing that any of its
    /// files knows. Of sound that is no .wav this is not known.
    pub fn length(&self) -> Time {
        let known = || match self.log.end {
            Some(end) => end,
            None => {
                let notes = self.played(None).unwrap_or_default();
                let notes = notes.last().map_or(Time::ZERO, |(time, _)| *time);
                self.log.length().max(notes).max(self.length_of_sound())
            }
        };
        *self.length.get_or_init(known)
    }

    fn length_of_sound(&self) -> Time {
        let sound = hound::WavReader::open(self.file("wav"));
        sound.map_or(Time::ZERO, |sound| {
            Time::from_samples(u64::from(sound.duration()), sound.spec().sample_rate)
        })
    }

    /// Its name, without folder and ending.
    pub fn name(&self) -> String {
        let name = self.name.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// The file beside `path` that has `what` behind its name: `take-stem.wav`.
pub fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push("-");
    name.push(what.replace('/', "_"));
    if let Some(ending) = path.extension() {
        name.push(".");
        name.push(ending);
    }
    path.with_file_name(name)
}

/// `name` with another ending; a point in the name is part of it.
fn with_ending(name: &Path, ending: &str) -> PathBuf {
    let mut path = name.as_os_str().to_os_string();
    path.push(".");
    path.push(ending);
    PathBuf::from(path)
}

/// Reads a part of a trace, of a node and of a recorder, as `score replay` does.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz_trace(bytes: &[u8]) {
    let _ = score_engine::trace::check_chunk(bytes, &crate::custom_forms());
    let _ = note_log::read(bytes);
}

#[cfg(test)]
mod tests;
