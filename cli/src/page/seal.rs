//! Secrets: random ones, their hashes, and what is sealed with a key.

use score_nodes::sha256::{self, hexadecimal};
use sha2::{Digest, Sha256};

/// Bytes of a secret and of a hash.
const LENGTH: usize = 32;

/// The block of SHA-256, in bytes.
const BLOCK: usize = 64;

/// A secret that nobody can guess, as 64 digits.
///
/// # Errors
/// The system gives no random numbers.
pub(super) fn secret() -> std::io::Result<String> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(hexadecimal(&bytes))
}

/// The SHA-256 of `text`, as 64 digits.
pub(super) fn hash(text: &str) -> String {
    sha256::of(text.as_bytes())
}

/// The seal that only who has `key` can put on `text`: HMAC-SHA-256 (RFC 2104), as 64 digits.
pub(super) fn seal(key: &str, text: &str) -> String {
    let mut block = [0; BLOCK];
    match key.len() <= BLOCK {
        true => block[..key.len()].copy_from_slice(key.as_bytes()),
        false => block[..LENGTH].copy_from_slice(&Sha256::digest(key.as_bytes())),
    }
    let padded = |with: u8| block.map(|byte| byte ^ with);
    let mut inner = Sha256::new();
    inner.update(padded(0x36));
    inner.update(text.as_bytes());
    let mut outer = Sha256::new();
    outer.update(padded(0x5c));
    outer.update(inner.finalize());
    hexadecimal(&outer.finalize())
}

/// Whether two texts are the same, in a time that does not tell how much of them is.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let differences = one.bytes().zip(other.bytes()).map(|(a, b)| a ^ b);
    one.len() == other.len() && differences.fold(0, |all, one| all | one) == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_seal_is_that_of_rfc_4231() {
        let sealed = seal("Jefe", "what do ya want for nothing?");
        let wanted = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(sealed, wanted);
        assert_ne!(seal(&"k".repeat(65), "a"), seal(&"k".repeat(66), "a"));
    }

    #[test]
    fn secrets_differ_and_are_compared_whole() {
        let (one, other) = (secret().unwrap(), secret().unwrap());
        assert_eq!(one.len(), 2 * LENGTH);
        assert!(is_same(&one, &one.clone()) && !is_same(&one, &other));
        assert!(!is_same(&one, &one[1..]) && !is_same("", "a"));
    }
}
