//! Files that appear under their names only when the whole run has gone well.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use score_engine::NodeError;
use tempfile::NamedTempFile;

/// A file being written beside its final place. Dropped before [`OutputFile::commit`], it leaves nothing.
pub(crate) struct OutputFile {
    path: PathBuf,
    file: Option<BufWriter<NamedTempFile>>,
}

impl OutputFile {
    /// Begins a file that will be called `path`.
    ///
    /// # Errors
    /// Its folder is missing or cannot be written to.
    pub(crate) fn create(path: &Path) -> Result<Self, NodeError> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let file = tempfile::Builder::new()
            .prefix(".score-")
            .suffix(".partial")
            .tempfile_in(folder)
            .map_err(|error| refuse(path, error))?;
        Ok(OutputFile {
            path: path.to_owned(),
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
            .map_err(|error| refuse(&self.path, error))
    }

    /// Writes everything down and gives the file itself, to read back or change before [`OutputFile::commit`].
    ///
    /// # Errors
    /// The disk is full or gone.
    pub(crate) fn finished(&mut self) -> Result<&mut File, NodeError> {
        let file = self
            .file
            .as_mut()
            .ok_or_else(|| NodeError::internal("the file is closed"))?;
        file.flush().map_err(|error| refuse(&self.path, error))?;
        Ok(file.get_mut().as_file_mut())
    }

    /// Gives the file its final name.
    ///
    /// # Errors
    /// The name is taken by a folder, or the disk is full or gone.
    pub(crate) fn commit(&mut self) -> Result<(), NodeError> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let file = file
            .into_inner()
            .map_err(|error| refuse(&self.path, error.into_error()))?;
        file.as_file()
            .sync_all()
            .map_err(|error| refuse(&self.path, error))?;
        publish(&file).map_err(|error| refuse(&self.path, error))?;
        file.persist(&self.path)
            .map_err(|error| refuse(&self.path, error.error))?;
        Ok(())
    }
}

/// Temporary files are private; a result is readable as any other file that the user makes.
#[cfg(unix)]
fn publish(file: &NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file()
        .set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn publish(_file: &NamedTempFile) -> std::io::Result<()> {
    Ok(())
}

fn refuse(path: &Path, error: std::io::Error) -> NodeError {
    NodeError::output(format!("`{}` cannot be written: {error}", path.display()))
        .help("check that the folder exists, may be written to, and has room")
        .source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_committed_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = OutputFile::create(&folder.path().join("a.mid")).unwrap();
        file.write(b"half").unwrap();
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_committed_file_stands_under_its_name_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mid");
        let mut file = OutputFile::create(&path).unwrap();
        file.write(b"whole").unwrap();
        file.commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_told_with_its_path() {
        let error = OutputFile::create(Path::new("/no/such/folder/a.mid"))
            .err()
            .unwrap();
        assert!(
            error.to_string().contains("/no/such/folder/a.mid"),
            "{error}"
        );
    }
}
