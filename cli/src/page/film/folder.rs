//! The folder in which results lie until they are kept: nobody else reads it, and it goes with the
//! page. One whose page was killed is removed by the next.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

/// How the names of such folders begin.
const PREFIX: &str = "score-page-";

/// A file in it that is locked while its page is there.
const LOCK: &str = "lock";

/// How long a folder may be without a lock: it has just been made.
const NEW: Duration = Duration::from_secs(60);

/// How long it is tried to remove the folder.
const GOES: Duration = Duration::from_secs(3);

/// The folder of this page. It is removed with this value.
pub(super) struct Folder {
    folder: TempDir,
    _lock: File,
}

impl Folder {
    /// Makes one where the system has temporary files, and removes those that were left.
    ///
    /// # Errors
    /// The disk is full, or nothing may be written there.
    pub(super) fn new() -> io::Result<Self> {
        let place = std::env::temp_dir();
        remove_left(&place);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&place)?;
        let lock = File::create_new(folder.path().join(LOCK))?;
        // Where files cannot be locked, nothing of others is removed either.
        let _ = lock.try_lock();
        Ok(Folder {
            folder,
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What a render had started may still write for a moment.
        let until = Instant::now() + GOES;
        while let Err(error) = std::fs::remove_dir_all(self.folder.path())
            && error.kind() != ErrorKind::NotFound
            && Instant::now() < until
        {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Removes the folders of this user's in `place` whose pages are gone.
fn remove_left(place: &Path) {
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let is_folder = |found: &Metadata| found.is_dir() && is_own(found);
        // What a link leads to is none.
        if name.to_string_lossy().starts_with(PREFIX)
            && entry.metadata().is_ok_and(|found| is_folder(&found))
            && is_left(&entry.path())
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether the page of this folder is gone.
fn is_left(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(_) => {
            let made = folder.metadata().and_then(|found| found.modified());
            made.is_ok_and(|made| {
                SystemTime::now()
                    .duration_since(made)
                    .is_ok_and(|age| age > NEW)
            })
        }
    }
}

#[cfg(unix)]
fn is_own(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    found.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_own(_: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_folder_is_removed_once_its_page_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let folder = place.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            File::create_new(folder.join(LOCK)).unwrap()
        };
        let held = make("score-page-held");
        held.try_lock().unwrap();
        drop(make("score-page-left"));
        drop(make("another"));
        std::fs::create_dir(place.path().join("score-page-new")).unwrap();
        remove_left(place.path());
        let mut names: Vec<_> = std::fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["another", "score-page-held", "score-page-new"]);
    }
}
