//! Files of a live run, which are kept however the run ends.
//!
//! A file grows beside its place, as `.NAME.partial`, locked by the program that writes it, and is
//! complete whenever it is read. What a broken-off run leaves (a power cut, `kill -9`) is no longer
//! locked: the next start finds it and keeps it as `NAME-recovered`.

mod recovery;

use std::fs::{File, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use score_engine::{Build, NodeError};

use crate::output::{Claim, numbered, unwritable};

pub use self::recovery::recover;

/// A disk without room for this much counts as full: a file on it could not grow.
const ROOM: usize = 256 * 1024;

/// A file being written beside its final place.
pub(crate) struct GrowingFile {
    claim: Claim,
    partial: PathBuf,
    file: File,
    done: bool,
}

impl GrowingFile {
    /// Begins the file whose name is claimed; `None` if another one grows there.
    ///
    /// # Errors
    /// Its folder is missing or cannot be written to, or the disk is full.
    pub(crate) fn create(claim: Claim) -> Result<Option<Self>, NodeError> {
        let path = claim.path().to_owned();
        let partial = partial(&path);
        let opened = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&partial);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(unwritable(&path, error)),
        };
        // Where the system has no locks the file is ours all the same, but cannot be recovered.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) || !lies_at(&file, &partial) {
            // Another program took it for one that was left behind.
            return Ok(None);
        }
        let mut growing = GrowingFile {
            claim,
            partial,
            file,
            done: false,
        };
        if let Err(error) = growing.require_room() {
            growing.remove();
            return Err(unwritable(&path, error));
        }
        Ok(Some(growing))
    }

    /// Begins a file of a live run: at `path` if the node begins with the run, else beside it,
    /// under the next free number, because the file at `path` may be of this run.
    ///
    /// # Errors
    /// As [`GrowingFile::create`], another run writes the file, or what lies there must not be
    /// replaced.
    pub(crate) fn begin(path: &Path, build: &Build<'_>) -> Result<Self, NodeError> {
        recover(path);
        if build.with_run {
            return GrowingFile::create(Claim::of(path, build)?)?.ok_or_else(|| {
                NodeError::output(format!("another run writes `{}`", path.display()))
                    .help("give one of them another path")
            });
        }
        Self::beside(path, 1, |path| Claim::free(path, build))
    }

    /// Begins the file that follows this one: beside `path`, under the next free number from 2 on.
    ///
    /// # Errors
    /// As [`GrowingFile::create`].
    pub(crate) fn following(&self, path: &Path) -> Result<Self, NodeError> {
        Self::beside(path, 2, |path| self.claim.following(path))
    }

    /// Begins a file beside `path`, under the next free number.
    fn beside(path: &Path, first: u32, claim: impl Fn(&Path) -> Claim) -> Result<Self, NodeError> {
        for number in first..u32::MAX {
            let path = numbered(path, number);
            if !path.exists()
                && let Some(file) = GrowingFile::create(claim(&path))?
            {
                return Ok(file);
            }
        }
        Err(NodeError::output(format!(
            "there is no free name beside `{}`",
            path.display()
        )))
    }

    fn require_room(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&vec![0; ROOM]);
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        written
    }

    /// The name that the file will have.
    pub(crate) fn path(&self) -> &Path {
        self.claim.path()
    }

    /// A second handle of the file.
    ///
    /// # Errors
    /// The system has none left.
    pub(crate) fn handle(&self) -> Result<File, NodeError> {
        self.file
            .try_clone()
            .map_err(|error| unwritable(self.claim.path(), error))
    }

    /// Replaces its content by `bytes`. If the power fails, either the old or the new content is
    /// there.
    ///
    /// # Errors
    /// The disk is full or gone; the old content stays.
    pub(crate) fn replace(&mut self, bytes: &[u8]) -> Result<(), NodeError> {
        self.try_replace(bytes)
            .map_err(|error| unwritable(self.claim.path(), error))
    }

    fn try_replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let next = self.partial.with_extension("next");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&next)?;
        let written = file
            .write_all(bytes)
            .and_then(|()| file.sync_data())
            .and_then(|()| {
                let _ = file.try_lock();
                std::fs::rename(&next, &self.partial)
            });
        if written.is_err() {
            // It is only in the way.
            let _ = std::fs::remove_file(&next);
        }
        written?;
        self.file = file;
        Ok(())
    }

    /// Gives the file its final name.
    ///
    /// # Errors
    /// The disk is full or gone; the file stays where it grew.
    pub(crate) fn commit(&mut self) -> Result<(), NodeError> {
        if self.done {
            return Ok(());
        }
        self.done = true;
        // The file is as good without a mark, for which a full disk has no room.
        let _ = self.claim.mark(&mut self.file);
        let synced = self.file.sync_all();
        self.claim.settle(&self.partial)?;
        synced.map_err(|error| unwritable(self.claim.path(), error))
    }

    /// Removes it, because it is empty.
    pub(crate) fn remove(&mut self) {
        if !self.done {
            self.done = true;
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

impl Drop for GrowingFile {
    fn drop(&mut self) {
        match self.file.metadata() {
            Ok(metadata) if metadata.len() == 0 => self.remove(),
            // If it cannot get its name it stays, and is found at the next start.
            _ => drop(self.commit()),
        }
    }
}

/// The name of a file that will be called `path` while it grows.
fn partial(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".partial");
    path.with_file_name(name)
}

/// Whether something grows at `path`.
pub(crate) fn grows(path: &Path) -> bool {
    partial(path).exists()
}

/// Whether `file` is what lies at `path`.
#[cfg(unix)]
fn lies_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    match (file.metadata(), path.metadata()) {
        (Ok(file), Ok(there)) => (file.dev(), file.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn lies_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests;
