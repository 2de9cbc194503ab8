//! The checksum of a file, which is read again only when it has changed.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::stamp::Stamp;
use crate::sha256;

/// The most files whose checksums are remembered: those of a patch, and those that are tried
/// beside it.
const MOST: usize = 64;

static KNOWN: Mutex<Vec<(Stamp, String)>> = Mutex::new(Vec::new());

/// The SHA-256 of the file at `path`, in small hexadecimal, and its length in bytes.
///
/// # Errors
/// The file cannot be read.
pub(super) fn checksum(path: &Path) -> std::io::Result<(String, u64)> {
    // Looked at first: a file that changes while it is read has another stamp afterwards.
    let stamp = Stamp::of(path)?;
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, found)) = known.iter().find(|(of, _)| *of == stamp) {
        return Ok((found.clone(), stamp.bytes()));
    }
    drop(known);
    let (found, length) = sha256::of_file(path)?;
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|(of, _)| !of.is_of_same_path(&stamp));
    if known.len() >= MOST {
        known.remove(0);
    }
    known.push((stamp, found.clone()));
    Ok((found, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_replaced_has_the_checksum_of_what_it_holds_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        // FIPS 180-2 gives the first three letters' digest as an example.
        std::fs::write(&path, "abc").unwrap();
        let (first, length) = checksum(&path).unwrap();
        assert!(first.starts_with("ba7816bf"), "{first}");
        assert_eq!(length, 3);
        assert_eq!(checksum(&path).unwrap().0, first);
        let new = folder.path().join("new");
        std::fs::write(&new, "abd").unwrap();
        std::fs::rename(new, &path).unwrap();
        assert_ne!(checksum(&path).unwrap().0, first);
    }
}
