//! Who owns a file, and what the nodes of a run share about the files that they write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use score_engine::Build;

use crate::file_state::FileState;
use crate::sha256;

/// Who owns a file: a node of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The patch's name, for people.
    pub(super) patch: String,
    /// What identifies the patch: its file from the root, or the name of a built-in one.
    identity: String,
    /// The node's id.
    pub(super) node: String,
}

impl Owner {
    /// The owner of what a part of the program writes that is not a node of a patch: `score
    /// sample`.
    pub fn program(part: &str) -> Self {
        Owner {
            patch: part.to_owned(),
            identity: part.to_owned(),
            node: String::new(),
        }
    }

    /// The node that is being built. Where nobody has said which patch is run, all patches are one.
    pub(super) fn of(build: &Build<'_>) -> Self {
        match build.settings.shared::<Outputs>() {
            Some(outputs) => outputs.owner(build.id),
            None => Owner {
                patch: String::new(),
                identity: String::new(),
                node: build.id.to_owned(),
            },
        }
    }

    /// Sixteen digits that identify this node of this patch. They do not reveal where the patch is:
    /// files go to other people.
    pub(super) fn id(&self) -> String {
        let text = [self.identity.as_str(), self.node.as_str()].join("\0");
        sha256::of(text.as_bytes())[..16].to_owned()
    }
}

/// What the nodes of a run share about the files that they write. It is given to them with the
/// settings ([`score_engine::Settings::with_shared`]).
#[derive(Debug)]
pub struct Outputs {
    patch: String,
    identity: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Files that may be replaced as they were seen, and no other way.
    replaceable: BTreeMap<PathBuf, FileState>,
    /// The nodes that claim the names of their files. Those of plugins do not see these outputs,
    /// so they cannot.
    claiming: BTreeSet<String>,
    written: Vec<Written>,
}

/// A file that a node has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The node's id.
    pub node: String,
    /// The name that the file was to have.
    pub wanted: PathBuf,
    /// The name that it has: another one if the wanted name was taken meanwhile.
    pub path: PathBuf,
    /// Whether it is a take, which is numbered anyway.
    pub is_take: bool,
}

impl Outputs {
    /// For the patch in `file`, whatever links lead to it.
    pub fn of_file(file: &Path) -> Self {
        let identity = file.canonicalize().or_else(|_| std::path::absolute(file));
        let identity = identity.unwrap_or_else(|_| file.to_owned());
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        Self::new(&name, &identity.to_string_lossy())
    }

    /// For a patch that is built in, called `name`.
    pub fn of_built_in(name: &str) -> Self {
        // No file from the root begins so.
        Self::new(name, &format!("built in: {name}"))
    }

    fn new(patch: &str, identity: &str) -> Self {
        Outputs {
            patch: patch.to_owned(),
            identity: identity.to_owned(),
            state: Mutex::default(),
        }
    }

    /// The owner of what the node `node` writes.
    pub fn owner(&self, node: &str) -> Owner {
        Owner {
            patch: self.patch.clone(),
            identity: self.identity.clone(),
            node: node.to_owned(),
        }
    }

    /// What was written so far.
    pub fn written(&self) -> Vec<Written> {
        self.with(|state| state.written.clone())
    }

    pub(super) fn note_claiming(&self, node: &str) {
        self.with(|state| {
            state.claiming.insert(node.to_owned());
        });
    }

    pub(super) fn is_claiming(&self, node: &str) -> bool {
        self.with(|state| state.claiming.contains(node))
    }

    pub(super) fn tell_written(&self, written: Written) {
        self.with(|state| state.written.push(written));
    }

    pub(super) fn may_replace(&self, path: &Path, seen: &FileState) -> bool {
        self.with(|state| state.replaceable.get(path) == Some(seen))
    }

    pub(super) fn allow(&self, path: &Path, seen: FileState) {
        self.with(|state| {
            state.replaceable.insert(path.to_owned(), seen);
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
