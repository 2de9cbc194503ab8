//! Remembers what ffprobe has said of files: everything that reads a film asks about it, and each
//! question takes a fifth of a second.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use score_engine::NodeError;
use serde_json::Value;

use crate::file_state::FileState;

/// Answers that are kept, at most.
const MOST: usize = 16;

/// A file, and the ending of the name by which it is asked about: ffprobe goes by that too.
type Asked = (PathBuf, Option<OsString>);

/// What was answered, and what is being asked.
struct Memory {
    /// A file, as it was when it was asked about, and the answer; the newest last.
    known: VecDeque<(Asked, FileState, Value)>,
    /// Files that somebody asks about just now.
    asked: BTreeSet<Asked>,
}

static MEMORY: Mutex<Memory> = Mutex::new(Memory {
    known: VecDeque::new(),
    asked: BTreeSet::new(),
});

/// A question is over.
static OVER: Condvar = Condvar::new();

fn memory() -> MutexGuard<'static, Memory> {
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Somebody asks about this file, as long as this lives.
struct Question(Asked);

impl Drop for Question {
    fn drop(&mut self) {
        memory().asked.remove(&self.0);
        OVER.notify_all();
    }
}

/// The answer that was given of the file at `path` as it is now, by whatever name with the same
/// ending, else what `ask` says. Who asks while another does waits for the other's answer.
///
/// # Errors
/// What `ask` fails with; that is not remembered.
pub(super) fn known_or(
    path: &Path,
    ask: impl FnOnce() -> Result<Value, NodeError>,
) -> Result<Value, NodeError> {
    let Some(before) = state(path) else {
        return ask();
    };
    let file = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let file = (file, path.extension().map(OsStr::to_owned));
    let is_it = |(of, then, _): &&(Asked, FileState, Value)| *of == file && *then == before;
    let mut held = memory();
    loop {
        if let Some((.., answer)) = held.known.iter().find(is_it) {
            return Ok(answer.clone());
        }
        if held.asked.insert(file.clone()) {
            break;
        }
        held = OVER.wait(held).unwrap_or_else(PoisonError::into_inner);
    }
    // Questions about other files do not wait.
    drop(held);
    let question = Question(file);
    let answer = ask()?;
    // One that was written to meanwhile is asked about again.
    if state(path).is_some_and(|now| now == before) {
        let mut held = memory();
        held.known.retain(|(of, ..)| *of != question.0);
        if held.known.len() >= MOST {
            held.known.pop_front();
        }
        let newest = (question.0.clone(), before, answer.clone());
        held.known.push_back(newest);
    }
    Ok(answer)
}

/// The state of the file at `path`, through links; `None` where it is none, such as a pipe.
fn state(path: &Path) -> Option<FileState> {
    let metadata = path.metadata().ok().filter(|file| file.is_file())?;
    Some(FileState::of(&metadata))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_file_is_asked_about_once_and_again_when_it_has_changed_or_the_answer_failed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film");
        let answer = |said: &str| known_or(&path, || Ok(Value::from(said))).unwrap();
        std::fs::write(&path, "one").unwrap();
        assert!(known_or(&path, || Err(NodeError::input("cut off"))).is_err());
        assert_eq!(answer("first"), "first");
        assert_eq!(answer("second"), "first");
        std::fs::write(&path, "other").unwrap();
        assert_eq!(answer("third"), "third");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(answer("fourth"), "fourth");
        assert_eq!(answer("fifth"), "fifth");
    }

    #[cfg(unix)]
    #[test]
    fn a_name_with_another_ending_is_asked_about_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (raw, link) = (folder.path().join("a.h264"), folder.path().join("a.mkv"));
        std::fs::write(&raw, "one").unwrap();
        std::os::unix::fs::symlink(&raw, &link).unwrap();
        let answer = |path: &Path, said: &str| known_or(path, || Ok(Value::from(said))).unwrap();
        assert_eq!(answer(&raw, "raw"), "raw");
        assert_eq!(answer(&link, "not raw"), "not raw");
        assert_eq!(answer(&raw, "again"), "raw");
    }

    #[test]
    fn who_asks_while_another_does_gets_the_others_answer_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("cut")).unwrap();
        std::fs::write(folder.path().join("film"), "one").unwrap();
        let (asked, together) = (AtomicU32::new(0), Barrier::new(4));
        let ask = |name: &'static str| {
            together.wait();
            let answer = known_or(&folder.path().join(name), || {
                asked.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
                Ok(Value::from("said"))
            });
            assert_eq!(answer.unwrap(), "said");
        };
        std::thread::scope(|scope| {
            for name in ["film", "cut/../film", "film", "cut/../film"] {
                scope.spawn(move || ask(name));
            }
        });
        assert_eq!(asked.into_inner(), 1);
    }
}
