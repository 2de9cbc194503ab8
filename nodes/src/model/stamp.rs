//! Says, without reading a file, whether it is still the one that was read before.

use std::path::{Path, PathBuf};

use crate::file_state::FileState;

/// A file's place and state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    path: PathBuf,
    state: FileState,
}

impl Stamp {
    /// The stamp of the file at `path`.
    ///
    /// # Errors
    /// There is no such file, or it may not be looked at.
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        let path = std::fs::canonicalize(path)?;
        let state = FileState::of(&std::fs::metadata(&path)?);
        Ok(Stamp { path, state })
    }

    /// The file's length in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.state.bytes()
    }

    /// Whether both are of a file in the same place, as it was at two times.
    pub(super) fn is_of_same_path(&self, other: &Stamp) -> bool {
        self.path == other.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_place_of_another_has_another_stamp_at_equal_length_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let (path, new) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&path, "old").unwrap();
        let before = Stamp::of(&path).unwrap();
        let modified = path.metadata().unwrap().modified().unwrap();
        assert_eq!(Stamp::of(&path).unwrap(), before);
        std::fs::write(&new, "new").unwrap();
        let file = std::fs::File::options().write(true).open(&new).unwrap();
        file.set_modified(modified).unwrap();
        std::fs::rename(&new, &path).unwrap();
        let after = Stamp::of(&path).unwrap();
        assert!(after.is_of_same_path(&before));
        if cfg!(unix) {
            assert_ne!(after, before);
        }
    }
}
