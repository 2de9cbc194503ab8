//! What tells one state of a file from another.

use std::fs::{File, Metadata};
use std::hash::{DefaultHasher, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::limits::MAX_FILE;

/// A state of a file, or of there being none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The file that the name leads to.
    file: Option<PathBuf>,
    stamp: Option<Stamp>,
    /// Of what is in it.
    hash: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    identity: Option<(u64, u64)>,
}

impl Mark {
    /// The state of the file at `path`. `by_hash`: a file as short as a patch is read, for file
    /// systems that do not say when a file was changed; then only its content tells it from
    /// another.
    pub(super) fn of(path: &Path, by_hash: bool) -> Mark {
        let metadata = path.metadata().ok();
        if by_hash && let Some(hash) = metadata.as_ref().and_then(|metadata| hash(path, metadata)) {
            return Mark {
                file: None,
                stamp: None,
                hash: Some(hash),
            };
        }
        Mark {
            file: path.canonicalize().ok(),
            stamp: metadata.map(|metadata| Stamp {
                length: metadata.len(),
                modified: metadata.modified().ok(),
                identity: identity(&metadata),
            }),
            hash: None,
        }
    }
}

fn hash(path: &Path, metadata: &Metadata) -> Option<u64> {
    if !metadata.is_file() || metadata.len() > MAX_FILE {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).ok()?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    Some(hasher.finish())
}

/// What tells a file from another of the same name.
#[cfg(unix)]
pub(super) fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

/// What tells a file from another of the same name.
#[cfg(not(unix))]
pub(super) fn identity(_metadata: &Metadata) -> Option<(u64, u64)> {
    None
}
