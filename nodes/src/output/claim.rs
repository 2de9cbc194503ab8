//! Claims names for files: whether a file may have a name is checked before the work begins, and
//! again when the file gets it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use score_engine::{Build, NodeError, Value};
use tempfile::TempPath;

use super::mark;
use super::owner::{Outputs, Owner, Written};
use super::unwritable;
use crate::file_state::FileState;

/// What lies where a file is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Free,
    /// What the same node of the same patch has written, as it was written.
    Own,
    /// A file that must not be replaced without consent, and why.
    Foreign(String),
    /// Something that is never replaced, and what it is.
    Never(String),
}

/// What lay at a name when it was looked at.
#[derive(Clone, Debug)]
enum Before {
    Nothing,
    /// A file that may be replaced.
    Replaceable(FileState),
}

/// Looks at what lies at `path`, where `owner` wants to write.
pub fn look(path: &Path, owner: &Owner) -> Standing {
    // Where it may not be looked at, the system refuses the write later.
    let Ok(Some((_, metadata))) = FileState::lying_at(path) else {
        return Standing::Free;
    };
    if metadata.is_dir() {
        Standing::Never("it is a folder".to_owned())
    } else if metadata.is_symlink() {
        Standing::Foreign("it is a link".to_owned())
    } else if !metadata.is_file() {
        Standing::Never("it is a device or a pipe".to_owned())
    } else {
        match objection(path, owner) {
            Ok(None) => Standing::Own,
            Ok(Some(why)) => Standing::Foreign(why),
            Err(error) => Standing::Foreign(format!("it cannot be read ({error})")),
        }
    }
}

/// Why the file at `path` is not what `owner` has written.
fn objection(path: &Path, owner: &Owner) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    let Some(found) = mark::find(&mut file)? else {
        return Ok(Some("it has no mark of SCORE!".to_owned()));
    };
    let mark = &found.mark;
    if mark.id != owner.id() {
        let is_alike = mark.node == owner.node && mark.patch == owner.patch;
        return Ok(Some(match (mark.node.as_str(), mark.patch.as_str()) {
            ("", "") => "another program wrote it".to_owned(),
            ("", part) => format!("`{part}` wrote it"),
            (node, "") => format!("`{node}` of another patch wrote it"),
            (_, patch) if is_alike => {
                format!("another {patch} wrote it, or this one before it was moved")
            }
            (node, patch) => format!("`{node}` of {patch} wrote it"),
        }));
    }
    if mark.sha256.is_none() {
        return Ok(Some("it is a take".to_owned()));
    }
    let changed = || "it has changed since SCORE! wrote it".to_owned();
    Ok((!found.is_whole(&mut file)?).then(changed))
}

/// A name that a file will have, and its owner.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    owner: Owner,
    before: Before,
    /// Whether the file is never replaced, so that its mark needs no hash.
    take: bool,
    /// The mark of another file, which this one is to have.
    marked_as: Option<Value>,
    outputs: Option<Arc<Outputs>>,
}

impl Claim {
    /// The name `path` for what `owner` writes, in place of nothing, or of a file that may be
    /// replaced: its own, or with `overwrite` any that is not [`Standing::Never`].
    ///
    /// # Errors
    /// What lies there must not be replaced.
    pub fn new(path: &Path, owner: Owner, overwrite: bool) -> Result<Self, NodeError> {
        let claim = |before| Claim {
            path: path.to_owned(),
            owner: owner.clone(),
            before,
            take: false,
            marked_as: None,
            outputs: None,
        };
        let Some((seen, _)) = FileState::lying_at(path).map_err(|error| unwritable(path, error))?
        else {
            return Ok(claim(Before::Nothing));
        };
        match look(path, &owner) {
            Standing::Free => Ok(claim(Before::Nothing)),
            Standing::Own => Ok(claim(Before::Replaceable(seen))),
            Standing::Foreign(_) if overwrite => Ok(claim(Before::Replaceable(seen))),
            Standing::Foreign(why) => Err(refused(path, &why)
                .help("give the file another name, or replace it with --overwrite")),
            Standing::Never(why) => Err(refused(path, &why).help("give the file another name")),
        }
    }

    /// The name `path` for what the node that is being built writes.
    ///
    /// # Errors
    /// What lies there must not be replaced.
    pub(crate) fn of(path: &Path, build: &Build<'_>) -> Result<Self, NodeError> {
        let owner = Owner::of(build);
        let outputs = Self::outputs(build);
        let seen = FileState::lying_at(path).map_err(|error| unwritable(path, error))?;
        let may_replace = |(seen, _): &(FileState, _)| {
            let outputs = outputs.as_ref();
            outputs.is_some_and(|outputs| outputs.may_replace(path, seen))
        };
        let mut claim = match seen.filter(may_replace) {
            Some((seen, _)) => Claim {
                path: path.to_owned(),
                owner,
                before: Before::Replaceable(seen),
                take: false,
                marked_as: None,
                outputs: None,
            },
            None => Claim::new(path, owner, false)?,
        };
        claim.outputs = outputs;
        Ok(claim)
    }

    /// The name `path` for a take of the node that is being built: nothing is replaced.
    pub(crate) fn take(path: &Path, build: &Build<'_>) -> Self {
        Claim {
            outputs: Self::outputs(build),
            ..Self::numbered(path, Owner::of(build))
        }
    }

    /// The free name `path` for what the node that is being built writes: not a take, so that the
    /// next run may replace it.
    pub(crate) fn free(path: &Path, build: &Build<'_>) -> Self {
        Claim {
            take: false,
            ..Self::take(path, build)
        }
    }

    /// The name `path` for a file of the same owner that follows this one.
    pub(crate) fn following(&self, path: &Path) -> Self {
        Claim {
            path: path.to_owned(),
            owner: self.owner.clone(),
            before: Before::Nothing,
            take: self.take,
            marked_as: None,
            outputs: self.outputs.clone(),
        }
    }

    /// What the run shares about its files; the node is noted there as one that claims its own.
    fn outputs(build: &Build<'_>) -> Option<Arc<Outputs>> {
        let outputs = build.settings.shared::<Outputs>()?;
        outputs.note_claiming(build.id);
        Some(outputs)
    }

    /// The name `path`, or the next free number of it, for a take of `owner`.
    pub(crate) fn numbered(path: &Path, owner: Owner) -> Self {
        Claim {
            path: path.to_owned(),
            owner,
            before: Before::Nothing,
            take: true,
            marked_as: None,
            outputs: None,
        }
    }

    /// Gives the file the mark of another, of which it is a copy, as [`Claim::line`] has it.
    pub(crate) fn marked_as(mut self, mark: Value) -> Self {
        self.marked_as = Some(mark);
        self
    }

    /// Whose it is.
    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Whether the file at `path` has the mark of a take that `owner` has written.
    pub(crate) fn is_take_of(path: &Path, owner: &Owner) -> bool {
        let found = File::open(path).and_then(|mut file| mark::find_take(&mut file));
        found.is_ok_and(|mark| mark.is_some_and(|mark| mark.id == owner.id()))
    }

    /// The name that the file is to have.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The mark of a file of JSON lines, for its first line: such a file is a take, whose mark has
    /// no hash.
    pub(crate) fn line(&self) -> Value {
        mark::line(&self.owner)
    }

    /// Puts the mark into the finished file.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub(crate) fn mark(&self, file: &mut File) -> Result<(), NodeError> {
        let put = match &self.marked_as {
            Some(mark) => mark::put_as(file, mark),
            None => mark::put(file, &self.owner, !self.take),
        };
        put.map(drop).map_err(|error| unwritable(&self.path, error))
    }

    /// Gives the finished file at `partial` its name, or the next free number of it if somebody has
    /// taken it since it was looked at. Returns the name that it has.
    ///
    /// # Errors
    /// The disk is gone, or the folder may no longer be written to. The file stays where it is.
    pub(crate) fn settle(&self, partial: &Path) -> Result<PathBuf, NodeError> {
        let path = self
            .rename(partial)
            .map_err(|error| unwritable(&self.path, error))?;
        if path != self.path && !self.take {
            tracing::warn!(
                "another program has written `{}` meanwhile; this run's file is `{}`",
                self.path.display(),
                path.display()
            );
        }
        if let Some(outputs) = &self.outputs {
            outputs.tell_written(Written {
                node: self.owner.node.clone(),
                wanted: self.path.clone(),
                path: path.clone(),
                is_take: self.take,
            });
        }
        tracing::info!("wrote `{}`", path.display());
        Ok(path)
    }

    fn rename(&self, partial: &Path) -> io::Result<PathBuf> {
        if let Before::Replaceable(seen) = &self.before
            && FileState::lying_at(&self.path)?.is_some_and(|(now, _)| now == *seen)
        {
            std::fs::rename(partial, &self.path)?;
            return Ok(self.path.clone());
        }
        for number in 1..u32::MAX {
            let path = numbered(&self.path, number);
            if rename_to_free(partial, &path)? {
                return Ok(path);
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// Puts the mark of another file, as [`Claim::line`] has it, into one; whether its format has a place
/// for it.
///
/// # Errors
/// The disk is full or gone.
pub(crate) fn put_mark(file: &mut File, mark: &Value) -> io::Result<bool> {
    mark::put_as(file, mark)
}

/// `NAME`, `NAME-2`, `NAME-3`…
pub(crate) fn numbered(path: &Path, number: u32) -> PathBuf {
    if number < 2 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push(format!("-{number}"));
    if let Some(ending) = path.extension() {
        name.push(".");
        name.push(ending);
    }
    path.with_file_name(name)
}

/// Renames a file unless the new name is taken, atomically; `false`: it is taken.
pub(crate) fn rename_to_free(from: &Path, to: &Path) -> io::Result<bool> {
    let mut path = TempPath::try_from_path(from)?;
    path.disable_cleanup(true);
    match path.persist_noclobber(to) {
        Ok(()) => Ok(true),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error),
    }
}

fn refused(path: &Path, why: &str) -> NodeError {
    NodeError::output(format!("`{}` is not replaced: {why}", path.display()))
}
