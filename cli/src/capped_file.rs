//! A file that grows line by line up to a limit: the older half is kept under another name.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file to append to. When it has reached its size it is renamed to end in `.1`, replacing the
/// one before, and a new one starts.
#[derive(Debug)]
pub(crate) struct CappedFile {
    path: PathBuf,
    file: File,
    length: u64,
    most: u64,
}

impl CappedFile {
    /// Opens the file at `path`; it and its predecessor together stay below about `most` bytes.
    ///
    /// # Errors
    /// It cannot be written, or another run writes into it: the lines of two would be mixed, and
    /// either would take the file away from the other when it is full.
    pub(crate) fn open(path: &Path, most: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        // On a file system without locks, nobody is kept from writing.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let why = "another run writes into it";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
        }
        Ok(CappedFile {
            path: path.to_owned(),
            length: file.metadata()?.len(),
            file,
            most: most / 2,
        })
    }

    fn rotate(&mut self) -> io::Result<()> {
        let mut older = self.path.clone().into_os_string();
        older.push(".1");
        match std::fs::rename(&self.path, older) {
            // Somebody has taken it away, or the last attempt got no further than this.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        *self = Self::open(&self.path, self.most * 2)?;
        Ok(())
    }
}

impl Write for CappedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length > 0 && self.length + bytes.len() as u64 > self.most {
            self.rotate()?;
        }
        // Whole, so that a line is never torn between two files; on a full disk not at all.
        if let Err(error) = self.file.write_all(bytes) {
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_another_run_writes_into_is_refused_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("score.log");
        let mut first = CappedFile::open(&path, 40).unwrap();
        let refused = |path: &Path| CappedFile::open(path, 40).unwrap_err().to_string();
        assert_eq!(refused(&path), "another run writes into it");
        // The file that takes its place is the run's own too.
        for _ in 0..3 {
            first.write_all(b"ten letters of line\n").unwrap();
        }
        assert_eq!(refused(&path), "another run writes into it");
        drop(first);
        CappedFile::open(&path, 40).unwrap();
    }

    #[test]
    fn a_file_that_was_taken_away_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("score.log");
        let mut file = CappedFile::open(&path, 40).unwrap();
        file.write_all(b"ten letters of line\n").unwrap();
        std::fs::remove_file(&path).unwrap();
        file.write_all(b"another of this kind\n").unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "another of this kind\n"
        );
    }

    #[test]
    fn the_newest_lines_are_kept_whole_and_the_size_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("score.log");
        for number in 0..100 {
            // Opened anew each time, as a program is that is started again.
            let mut file = CappedFile::open(&path, 200).unwrap();
            file.write_all(format!("line {number:04}\n").as_bytes())
                .unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let both = read("score.log.1") + &read("score.log");
        assert!(both.len() <= 200 && both.len() > 100, "{}", both.len());
        let first = 100 - both.lines().count();
        for (number, line) in (first..).zip(both.lines()) {
            assert_eq!(line, format!("line {number:04}"));
        }
    }
}
