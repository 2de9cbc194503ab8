//! A file as it was seen at one time, without reading it.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// What tells a file from any other that comes into its place, and from itself once somebody has written into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    bytes: u64,
    modified: Option<SystemTime>,
    identity: Identity,
}

/// On Unix the device, the file's number there, and when its entry last changed, which no program can set back.
#[cfg(unix)]
type Identity = (u64, u64, i64, i64);
#[cfg(not(unix))]
type Identity = ();

impl Seen {
    /// What lies at `path` now, itself and not what it leads to; `None`: nothing.
    ///
    /// # Errors
    /// It may not be looked at.
    pub(super) fn at(path: &Path) -> io::Result<Option<(Self, Metadata)>> {
        match path.symlink_metadata() {
            Ok(metadata) => Ok(Some((
                Seen {
                    bytes: metadata.len(),
                    modified: metadata.modified().ok(),
                    identity: identity(&metadata),
                },
                metadata,
            ))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
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
