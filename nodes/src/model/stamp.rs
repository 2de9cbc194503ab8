//! What tells, without reading a file, whether it is still the one that was read before.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file's place, length and times. Where two are equal, so is what the file holds: whoever writes into a file or puts
/// another in its place changes one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    path: PathBuf,
    bytes: u64,
    modified: Option<SystemTime>,
    identity: Identity,
}

/// What the system knows besides: on Unix the file's device, its number there, and when its entry last changed, which no
/// program can set back.
#[cfg(unix)]
type Identity = (u64, u64, i64, i64);
#[cfg(not(unix))]
type Identity = ();

impl Stamp {
    /// The stamp of the file at `path`.
    ///
    /// # Errors
    /// There is no such file, or it may not be looked at.
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        let path = std::fs::canonicalize(path)?;
        let metadata = std::fs::metadata(&path)?;
        Ok(Stamp {
            path,
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            identity: identity(&metadata),
        })
    }

    /// The file's length in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether both are of a file in the same place, as it was at two times.
    pub(super) fn is_of_same_path(&self, other: &Stamp) -> bool {
        self.path == other.path
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_put_in_the_place_of_another_has_another_stamp_although_length_and_time_are_the_same()
    {
        let folder = tempfile::tempdir().unwrap();
        let (path, new) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&path, "old").unwrap();
        let before = Stamp::of(&path).unwrap();
        assert_eq!(Stamp::of(&path).unwrap(), before);
        std::fs::write(&new, "new").unwrap();
        let file = std::fs::File::options().write(true).open(&new).unwrap();
        file.set_modified(before.modified.unwrap()).unwrap();
        std::fs::rename(&new, &path).unwrap();
        let after = Stamp::of(&path).unwrap();
        assert!(after.is_of_same_path(&before));
        if cfg!(unix) {
            assert_ne!(after, before);
        }
    }
}
