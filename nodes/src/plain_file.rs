//! Reads a file whole, if it is a plain one and not larger than it may be.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The content of the file at `path`.
///
/// # Errors
/// It cannot be read; it is a folder, a device or a pipe, which might be read without end; or it has
/// more than `largest` bytes ([`ErrorKind::FileTooLarge`]).
pub(crate) fn read(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    // Before it is opened: a pipe would be waited for.
    if !std::fs::metadata(path)?.is_file() {
        let why = "it is not a plain file";
        return Err(io::Error::new(ErrorKind::InvalidInput, why));
    }
    let mut content = Vec::new();
    let file = File::open(path)?;
    file.take(largest.saturating_add(1))
        .read_to_end(&mut content)?;
    match content.len() as u64 > largest {
        true => Err(ErrorKind::FileTooLarge.into()),
        false => Ok(content),
    }
}

/// The text of the file at `path`.
///
/// # Errors
/// As [`read`], and [`ErrorKind::InvalidData`] for what is not UTF-8.
pub(crate) fn read_text(path: &Path, largest: u64) -> io::Result<String> {
    let content = read(path, largest)?;
    String::from_utf8(content).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_or_might_be_read_without_end_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "four").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"four");
        assert_eq!(read_text(&path, 4).unwrap(), "four");
        let kind = |path: &Path, largest| read(path, largest).unwrap_err().kind();
        assert_eq!(kind(&path, 3), ErrorKind::FileTooLarge);
        assert_eq!(kind(folder.path(), 4), ErrorKind::InvalidInput);
        assert_eq!(kind(&folder.path().join("b"), 4), ErrorKind::NotFound);
        #[cfg(unix)]
        assert_eq!(kind(Path::new("/dev/zero"), 4), ErrorKind::InvalidInput);
    }
}
