//! Where plugins lie.

use std::collections::BTreeSet;
use std::env::consts::DLL_EXTENSION;
use std::path::{Path, PathBuf};

/// The folder of plugins beside a patch, and in the user's own data.
const FOLDER: &str = "plugins";

/// The folders whose libraries are loaded without a question, since who started the program named
/// them or filled them.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    named: Vec<PathBuf>,
}

impl Folders {
    /// The folders `given`, those that SCORE_PLUGINS lists, and the one in the user's own data.
    pub(super) fn new(given: &[PathBuf]) -> Self {
        let mut named = given.to_vec();
        let listed = std::env::var_os("SCORE_PLUGINS").unwrap_or_default();
        named.extend(std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()));
        named.extend(users_own());
        let mut seen = BTreeSet::new();
        named.retain(|folder| seen.insert(real(folder)));
        Folders { named }
    }

    /// The folders whose libraries are trusted, in order, whether they exist or not.
    pub(super) fn trusted(&self) -> &[PathBuf] {
        &self.named
    }

    /// The folder beside a patch that lies in `patch_folder`, unless it is trusted anyway.
    pub(super) fn beside(&self, patch_folder: &Path) -> Option<PathBuf> {
        let folder = patch_folder.join(FOLDER);
        let own = real(&folder);
        let is_trusted = self.named.iter().any(|named| real(named) == own);
        (!is_trusted).then_some(folder)
    }
}

/// A folder by the one name of the several that it may have.
fn real(folder: &Path) -> PathBuf {
    folder
        .canonicalize()
        .unwrap_or_else(|_| folder.to_path_buf())
}

/// The libraries in a folder, in order of their names.
pub(super) fn libraries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == DLL_EXTENSION) && path.is_file())
        .filter_map(|path| std::path::absolute(path).ok())
        .collect();
    found.sort();
    found
}

/// Where the user keeps plugins for every patch: the XDG base directory specification's place for
/// data.
fn users_own() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let data = match set("XDG_DATA_HOME") {
        Some(data) => PathBuf::from(data),
        None => PathBuf::from(set("HOME")?).join(".local/share"),
    };
    Some(data.join("score").join(FOLDER))
}
