//! The libraries beside a patch, as far as their bytes tell: which of them a patch needs is known
//! before one is loaded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::LoadError;
use super::consent::sha256;
use super::inspect::{Inspected, inspect};
use super::library::{Stamp, read, stamp};

/// What is known of the files beside patches, read once and again when they change.
#[derive(Default)]
pub(super) struct Beside {
    seen: BTreeMap<PathBuf, Glance>,
}

/// What the bytes of a file told.
pub(super) struct Glance {
    stamp: Stamp,
    /// None where it cannot be read.
    pub(super) sha256: Option<String>,
    pub(super) inspected: Result<Inspected, LoadError>,
}

/// How sure it is that a library has a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Has {
    No,
    /// Its name stands somewhere in the library, and the library does not tell its kinds, or tells
    /// others.
    Perhaps,
    Yes,
}

impl Beside {
    /// Looks at a file, unless it is as it was.
    pub(super) fn look(&mut self, path: &Path) -> &Glance {
        let now = stamp(path);
        let is_known = (self.seen.get(path)).is_some_and(|seen| now.is_some() && seen.stamp == now);
        if !is_known {
            self.seen.insert(path.to_path_buf(), Glance::of(path, now));
        }
        &self.seen[path]
    }

    /// The files that were looked at.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.seen.keys()
    }
}

impl Glance {
    pub(super) fn of(path: &Path, stamp: Stamp) -> Self {
        match read(path) {
            Ok(bytes) => Glance {
                stamp,
                sha256: Some(sha256(&bytes)),
                inspected: inspect(&bytes),
            },
            Err(error) => Glance {
                stamp,
                sha256: None,
                inspected: Err(error),
            },
        }
    }

    /// Whether the library says that it has the kind called `kind`.
    pub(super) fn declares(&self, kind: &str) -> bool {
        let told = self.inspected.as_ref().ok();
        let kinds = told.and_then(|told| told.kinds.as_ref());
        kinds.is_some_and(|kinds| kinds.iter().any(|known| known == kind))
    }

    /// Whether the library at `path` has the kind called `kind`. A kind's name must stand somewhere
    /// in a library that declares it.
    pub(super) fn has(&self, path: &Path, kind: &str) -> Has {
        if self.declares(kind) {
            return Has::Yes;
        }
        match read(path) {
            Ok(bytes) if memchr::memmem::find(&bytes, kind.as_bytes()).is_some() => Has::Perhaps,
            _ => Has::No,
        }
    }
}
