//! Files that get their names only when the whole run has succeeded, and never replace a file that
//! is not their own.
//!
//! A node claims a name when it is built ([`Claim`]). The name is free, or the file there is one
//! that the same node of the same patch wrote and nobody has changed since (`mark`), or one that
//! the user has agreed to replace ([`Outputs`]). The file grows beside its place, under a unique
//! name. When it is finished it gets its mark, then its name; if another file has got the name
//! meanwhile, it gets the next free number.

mod claim;
mod mark;
mod owner;
mod survey;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use score_engine::{Build, NodeError};
use tempfile::{NamedTempFile, TempPath};

pub use claim::{Claim, Standing, look};
pub(crate) use claim::{numbered, put_mark, rename_to_free};
pub use owner::{Outputs, Owner, Written};
pub use survey::{Before, Objection, Survey, Why, allow, missing_folders, survey};

/// A file being written beside its final place. Dropped before [`OutputFile::commit`], it leaves
/// nothing.
pub(crate) struct OutputFile {
    claim: Claim,
    file: Option<BufWriter<NamedTempFile>>,
}

impl OutputFile {
    /// Begins the file that the node that is being built will write as `path`.
    ///
    /// # Errors
    /// Its folder is missing or cannot be written to, or what lies at `path` must not be replaced.
    pub(crate) fn create(path: &Path, build: &Build<'_>) -> Result<Self, NodeError> {
        Self::begin(Claim::of(path, build)?)
    }

    /// Begins the file whose name is claimed.
    ///
    /// # Errors
    /// Its folder is missing or cannot be written to.
    pub(crate) fn begin(claim: Claim) -> Result<Self, NodeError> {
        let path = claim.path();
        let file = tempfile::Builder::new()
            .prefix(".score-")
            .suffix(".partial")
            .tempfile_in(folder_of(path))
            .map_err(|error| unwritable(path, error))?;
        Ok(OutputFile {
            claim,
            file: Some(BufWriter::new(file)),
        })
    }

    /// Where the file grows, for another program to write to.
    ///
    /// # Errors
    /// It was committed.
    pub(crate) fn growing_path(&self) -> Result<&Path, NodeError> {
        let file = self
            .file
            .as_ref()
            .ok_or_else(|| NodeError::internal("the file is closed"))?;
        Ok(file.get_ref().path())
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), NodeError> {
        let file = self
            .file
            .as_mut()
            .ok_or_else(|| NodeError::internal("the file is closed"))?;
        file.write_all(bytes)
            .map_err(|error| unwritable(self.claim.path(), error))
    }

    /// Flushes the buffer and gives the file itself, to read back or change before
    /// [`OutputFile::commit`].
    ///
    /// # Errors
    /// The disk is full or gone.
    pub(crate) fn finished(&mut self) -> Result<&mut File, NodeError> {
        let file = self
            .file
            .as_mut()
            .ok_or_else(|| NodeError::internal("the file is closed"))?;
        file.flush()
            .map_err(|error| unwritable(self.claim.path(), error))?;
        Ok(file.get_mut().as_file_mut())
    }

    /// Gives the file its mark, then its final name.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub(crate) fn commit(&mut self) -> Result<(), NodeError> {
        self.commit_as().map(drop)
    }

    /// The same; returns the name that the file has got.
    ///
    /// # Errors
    /// As [`OutputFile::commit`].
    pub(crate) fn commit_as(&mut self) -> Result<PathBuf, NodeError> {
        match self.close()? {
            Some(partial) => name(&self.claim, partial),
            None => Ok(self.claim.path().to_owned()),
        }
    }

    /// Closes the file with its mark, so that many can wait for their names.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub(crate) fn set_aside(mut self) -> Result<SetAside, NodeError> {
        let partial = self.close()?;
        Ok(SetAside {
            claim: self.claim,
            partial,
        })
    }

    /// Gives the file its mark and closes it; `None`: that was done.
    fn close(&mut self) -> Result<Option<TempPath>, NodeError> {
        let path = self.claim.path();
        let Some(file) = self.file.take() else {
            return Ok(None);
        };
        let mut file = file
            .into_inner()
            .map_err(|error| unwritable(path, error.into_error()))?;
        self.claim.mark(file.as_file_mut())?;
        file.as_file()
            .sync_all()
            .map_err(|error| unwritable(path, error))?;
        publish(&file).map_err(|error| unwritable(path, error))?;
        Ok(Some(file.into_temp_path()))
    }
}

/// A whole file that waits for its name. Dropped before [`SetAside::commit`], it leaves nothing.
pub(crate) struct SetAside {
    claim: Claim,
    partial: Option<TempPath>,
}

impl SetAside {
    /// Gives the file its name.
    ///
    /// # Errors
    /// The disk is gone, or the folder may no longer be written to.
    pub(crate) fn commit(mut self) -> Result<PathBuf, NodeError> {
        match self.partial.take() {
            Some(partial) => name(&self.claim, partial),
            None => Ok(self.claim.path().to_owned()),
        }
    }
}

/// Gives a whole file the name that was claimed; returns the one that it has got.
fn name(claim: &Claim, mut partial: TempPath) -> Result<PathBuf, NodeError> {
    let named = claim.settle(&partial)?;
    partial.disable_cleanup(true);
    Ok(named)
}

/// Writes `bytes` as the file whose name is claimed, whole or not at all.
///
/// # Errors
/// The folder is missing or cannot be written to, or the disk is full.
pub fn write(claim: Claim, bytes: &[u8]) -> Result<(), NodeError> {
    let mut file = OutputFile::begin(claim)?;
    file.write(bytes)?;
    file.commit()
}

/// Replaces the content of a file of the user's own, such as a patch, by `bytes`: whole or not at
/// all, without a mark, and with the permissions that the file has. A link stays one: its target is
/// written.
///
/// # Errors
/// The folder cannot be written to, or the disk is full.
pub fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut file = tempfile::Builder::new()
        .prefix(".score-")
        .suffix(".partial")
        .tempfile_in(folder_of(&path))?;
    file.write_all(bytes)?;
    match path.metadata() {
        Ok(metadata) => file.as_file().set_permissions(metadata.permissions())?,
        Err(_) => publish(&file)?,
    }
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// The folder that a file lies in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Temporary files are private; a result is readable like other files of the user.
#[cfg(unix)]
pub(crate) fn publish(file: &NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file()
        .set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
pub(crate) fn publish(_file: &NamedTempFile) -> std::io::Result<()> {
    Ok(())
}

/// The error of a file that cannot be written, for the system's reason.
pub(crate) fn unwritable(path: &Path, error: std::io::Error) -> NodeError {
    NodeError::output(format!("`{}` cannot be written ({error})", path.display()))
        .help("check that the folder exists, may be written to, and has room")
        .source(error)
}

#[cfg(test)]
mod tests;
