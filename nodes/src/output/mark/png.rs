//! The mark of PNG files: a text in front of their end (PNG specification, third edition, 11.3.3.2
//! "tEXt").

use std::fs::File;
use std::io;

use super::{Found, Mark, Piece, last_opening, reserve, tail, write_at};

/// The chunk that ends the file, of no bytes, with its checksum.
const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";

/// What the text is: the specification's word for a remark of any kind.
const KEYWORD: &[u8] = b"tEXtComment\0";

pub(super) fn put(file: &mut File, text: &[u8]) -> io::Result<bool> {
    let (from, tail) = tail(file)?;
    if !tail.ends_with(END) {
        return Ok(false);
    }
    let end = from + (tail.len() - END.len()) as u64;
    let mut checked = KEYWORD.to_vec();
    checked.extend_from_slice(text);
    let mut chunk = ((checked.len() - 4) as u32).to_be_bytes().to_vec();
    chunk.extend_from_slice(&checked);
    chunk.extend_from_slice(&checksum(&checked).to_be_bytes());
    chunk.extend_from_slice(END);
    reserve(file, chunk.len() - END.len())?;
    write_at(file, end, &chunk)?;
    Ok(true)
}

pub(super) fn find(file: &mut File) -> io::Result<Option<Found>> {
    let (from, tail) = tail(file)?;
    let found = last_opening(&tail).and_then(|text| {
        let start = text.checked_sub(KEYWORD.len() + 4)?;
        let chunk = tail[start..].strip_suffix(END)?;
        let claimed = u32::from_be_bytes(*chunk.first_chunk()?) as usize;
        let is_last = chunk[4..].starts_with(KEYWORD) && claimed + 12 == chunk.len();
        is_last.then_some(())?;
        let end = from + (start + chunk.len()) as u64;
        Some(Found {
            mark: Mark::parse(chunk.get(4 + KEYWORD.len()..chunk.len() - 4)?)?,
            rest: vec![
                Piece::Kept(0..from + start as u64),
                Piece::Kept(end..end + END.len() as u64),
            ],
        })
    });
    Ok(found)
}

/// The checksum of a chunk's name and content: the CRC-32 of ISO 3309, as the specification's Annex
/// D computes it.
fn checksum(bytes: &[u8]) -> u32 {
    let register = bytes.iter().fold(u32::MAX, |register, byte| {
        (0..8).fold(register ^ u32::from(*byte), |register, _| {
            (register >> 1) ^ if register & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    });
    !register
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_that_ends_every_png() {
        assert_eq!(checksum(b"IEND").to_be_bytes(), END[8..]);
    }
}
