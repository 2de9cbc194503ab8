//! A file's state at one time, known without reading it.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// A file's length and times, and what distinguishes it from any other in its place. Where two
/// states are equal, so is what the file holds: writing into a file or replacing it changes one of
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    bytes: u64,
    modified: Option<SystemTime>,
    identity: Identity,
}

/// What else the system knows: on Unix the file's device, its inode, and when its entry last
/// changed, which no program can set back.
#[cfg(unix)]
type Identity = (u64, u64, i64, i64);
#[cfg(not(unix))]
type Identity = ();

impl FileState {
    /// The state by the system's metadata.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        FileState {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            identity: identity(metadata),
        }
    }

    /// The state of what lies at `path`, itself and not what it leads to, and what the system tells
    /// of it; `None`: nothing.
    ///
    /// # Errors
    /// It may not be looked at.
    pub(crate) fn lying_at(path: &Path) -> io::Result<Option<(Self, Metadata)>> {
        match path.symlink_metadata() {
            Ok(metadata) => Ok(Some((FileState::of(&metadata), metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The file's length in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (
        metadata.dev(),
        metadata.ino(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    )
}

#[cfg(not(unix))]
fn identity(_metadata: &Metadata) -> Identity {}
