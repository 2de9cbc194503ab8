//! Whether a file is a whole library yet: a linker may still be writing it, and a library that ends
//! too early is a crash to come.

/// Whether `bytes` end before what their ELF header says is there. Files of other formats are taken
/// as whole.
pub(super) fn is_cut_short(bytes: &[u8]) -> bool {
    const MAGIC: &[u8] = b"\x7fELF";
    if bytes.is_empty() {
        return true;
    }
    if !bytes.starts_with(MAGIC) {
        return false;
    }
    // 64 bits, little-endian: e_shoff at 40, e_shentsize at 58, e_shnum at 60; the section headers
    // come last.
    let (Some([2, 1]), Some(header)) = (bytes.get(4..6), bytes.get(..64)) else {
        return bytes.len() < 64;
    };
    let number = |at: usize, size: usize| {
        (0..size).fold(0u64, |number, byte| {
            number | u64::from(header[at + byte]) << (8 * byte)
        })
    };
    let end = number(40, 8).saturating_add(number(58, 2) * number(60, 2));
    end > bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(
        target_os = "linux",
        target_pointer_width = "64",
        target_endian = "little"
    ))]
    fn a_library_is_whole_with_its_last_byte_and_not_before() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(!is_cut_short(&bytes));
        assert!(is_cut_short(&bytes[..bytes.len() / 2]));
        assert!(is_cut_short(&bytes[..50]) && is_cut_short(&[]));
        assert!(!is_cut_short(b"text"));
    }
}
