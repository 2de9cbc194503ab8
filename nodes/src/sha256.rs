//! The SHA-256 of bytes and of files, in small hexadecimal.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// What is read at once.
const PIECE: usize = 1 << 20;

/// The SHA-256 of `bytes`, as 64 digits.
#[must_use]
pub fn of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The SHA-256 of the file at `path`, as 64 digits, and its length in bytes.
///
/// # Errors
/// The file cannot be read.
pub fn of_file(path: &Path) -> std::io::Result<(String, u64)> {
    of_all(&mut File::open(path)?)
}

/// The SHA-256 of all that there is to read, as 64 digits, and how many bytes that is. It is read
/// piece by piece: it may be larger than the memory.
///
/// # Errors
/// It cannot be read to its end.
pub fn of_all(from: &mut impl Read) -> std::io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut length = 0;
    loop {
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok((hexadecimal(&hash.finalize()), length)),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&piece[..read]);
        length += read as u64;
    }
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_standards_and_that_of_a_file_is_that_of_its_bytes() {
        // FIPS 180-2 gives the first three letters' digest as an example.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of(b"abc"), abc);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        let long = vec![7; PIECE + 1];
        std::fs::write(&path, &long).unwrap();
        assert_eq!(of_file(&path).unwrap(), (of(&long), long.len() as u64));
        assert!(of_file(&folder.path().join("none")).is_err());
    }
}
