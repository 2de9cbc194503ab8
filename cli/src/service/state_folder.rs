//! The folder of what is known of a patch that is kept playing: made, recognised, and locked.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use score_engine::NodeError;

use super::kept::FILES;
use super::state_file::{MARK, next};

/// The file that a keeper holds locked, and by which the folder is known as one of these.
const LOCK: &str = "keeper.lock";

/// What is in it.
const LOCK_MARK: &str = "score-state-folder 1: what `score run --keep-alive` knows of a patch\n";

/// Bytes that are read of a file to know whose it is.
const BEGINNING: u64 = 256;

/// A folder that nobody else keeps a patch by, for as long as this is held.
pub(crate) struct StateFolder {
    path: PathBuf,
    _lock: File,
}

impl StateFolder {
    /// Makes the folder at `path` where it is not there, and locks it.
    ///
    /// # Errors
    /// It cannot be made or written to, it has files of somebody else under the names that are
    /// written there, or another keeper has it.
    pub(crate) fn open(path: &Path) -> Result<Self, NodeError> {
        let made = std::fs::create_dir_all(path).and_then(|()| std::path::absolute(path));
        let path = made.map_err(|error| refused(path, "cannot be made", &error.to_string()))?;
        require_own(&path)?;
        let lock = path.join(LOCK);
        let opened = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock);
        let unwritten =
            |error: std::io::Error| refused(&lock, "cannot be written", &error.to_string());
        let mut file = opened.map_err(unwritten)?;
        // On a file system without locks, nobody is kept from it.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let why = "another `score run --keep-alive` keeps this patch playing";
            return Err(
                NodeError::output(why).help("end that one, or give this one a folder with --state")
            );
        }
        file.write_all(LOCK_MARK.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(unwritten)?;
        Ok(StateFolder { path, _lock: file })
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Requires that no file of somebody else has a name that is written in the folder. In a folder with
/// a lock of this program's even a damaged file is its own.
fn require_own(folder: &Path) -> Result<(), NodeError> {
    let lock = folder.join(LOCK);
    let names = FILES.iter().map(|name| folder.join(name));
    match beginning(&lock) {
        Some(Ok(text)) if !text.is_empty() && is_of(&text, LOCK_MARK) => return Ok(()),
        Some(Ok(text)) if !text.is_empty() => return Err(foreign(&lock)),
        Some(Err(())) => return Err(foreign(&lock)),
        _ => {}
    }
    let names = names.flat_map(|path| [next(&path), path]);
    for path in names {
        let is_own = match beginning(&path) {
            None => true,
            Some(Ok(text)) => is_of(&text, MARK),
            Some(Err(())) => false,
        };
        if !is_own {
            return Err(foreign(&path));
        }
    }
    Ok(())
}

/// Whether a text begins like this, or is the beginning of it, as a power cut leaves it.
fn is_of(text: &[u8], mark: &str) -> bool {
    text.starts_with(mark.as_bytes()) || mark.as_bytes().starts_with(text)
}

/// How the file at `path` begins; `None`: nothing is there, `Err`: what is there is no file, or it
/// cannot be read.
fn beginning(path: &Path) -> Option<Result<Vec<u8>, ()>> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Ok(metadata) if metadata.is_file() => {}
        _ => return Some(Err(())),
    }
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BEGINNING).read_to_end(&mut text));
    Some(read.map(|_| text).map_err(drop))
}

fn foreign(path: &Path) -> NodeError {
    refused(path, "would be replaced", "`score` has not written it")
}

fn refused(path: &Path, what: &str, why: &str) -> NodeError {
    NodeError::output(format!("`{}` {what}: {why}", path.display()))
        .help("name another folder with --state, such as one that is not there yet")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::state_file::write;

    /// The names and contents of a folder.
    fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap());
        let mut files: Vec<(String, Vec<u8>)> = entries
            .map(|entry| {
                let content = std::fs::read(entry.path()).unwrap_or_default();
                (entry.file_name().into_string().unwrap(), content)
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn a_folder_with_somebody_elses_files_of_these_names_is_refused_and_stays_as_it_is() {
        let all = FILES.iter().map(|name| (*name).to_owned());
        let hidden = FILES.iter().map(|name| format!(".{name}.next"));
        for name in all.chain(hidden).chain([LOCK.to_owned()]) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(&name);
            std::fs::write(&path, "a diary").unwrap();
            std::fs::write(folder.path().join("letter.txt"), "dear").unwrap();
            let before = files(folder.path());
            let error = StateFolder::open(folder.path()).err().unwrap();
            assert!(error.to_string().contains(&name), "{error}");
            assert!(error.advice().unwrap().contains("--state"), "{name}");
            assert_eq!(files(folder.path()), before);
            std::fs::remove_file(&path).unwrap();
            std::fs::create_dir(&path).unwrap();
            assert!(StateFolder::open(folder.path()).is_err(), "{name}/");
        }
    }

    #[test]
    fn a_folder_of_its_own_is_opened_again_whatever_is_damaged_in_it() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("deep/state");
        let folder = StateFolder::open(&path).unwrap();
        assert!(StateFolder::open(&path).is_err(), "it is kept");
        drop(folder);
        std::fs::write(path.join(FILES[0]), [0; 100]).unwrap();
        assert!(StateFolder::open(&path).is_ok());
        // As a version left it that did not mark its folder, and a power cut.
        let path = above.path().join("old");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join(LOCK), "").unwrap();
        write(&path.join(FILES[0]), &1).unwrap();
        std::fs::write(path.join(FILES[1]), &MARK[..5]).unwrap();
        assert!(StateFolder::open(&path).is_ok());
    }
}
