//! The mark of RIFF files, WAV among them, and of RF64 files: a comment in a list of information at
//! their end (Multimedia Programming Interface and Data Specifications 1.0, "LIST INFO"; EBU Tech
//! 3306 for RF64).

use std::fs::File;
use std::io;

use super::{Found, Mark, Piece, last_opening, read_at, tail, write_at};

/// In front of the text: `LIST`, its size, `INFO`, `ICMT`, its size.
const HEAD: usize = 20;

/// Where the size of the whole stands, and in how many bytes.
struct Size {
    at: u64,
    wide: bool,
}

impl Size {
    /// The size that the header names, for a file that is one RIFF and nothing else.
    fn of(file: &mut File) -> io::Result<Option<(Size, u64)>> {
        let length = file.metadata()?.len();
        let head = read_at(file, 0, 28)?;
        let size = Size {
            wide: head.starts_with(b"RF64") && head.get(12..16) == Some(b"ds64"),
            at: match head.starts_with(b"RF64") {
                true => 20,
                false => 4,
            },
        };
        let bytes = head.get(size.at as usize..).unwrap_or_default();
        let named = match size.wide {
            true => bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)),
            false => (bytes.first_chunk()).map(|bytes| u64::from(u32::from_le_bytes(*bytes))),
        };
        let is_all = |named: &u64| named.checked_add(8) == Some(length);
        let fits = length.is_multiple_of(2) && (size.wide || head.starts_with(b"RIFF"));
        Ok(named
            .filter(|named| fits && is_all(named))
            .map(|named| (size, named)))
    }

    /// A size as it stands in the file; `None`: it has no room there.
    fn bytes(&self, size: u64) -> Option<Vec<u8>> {
        match self.wide {
            true => Some(size.to_le_bytes().to_vec()),
            // The largest of all means "see elsewhere".
            false => u32::try_from(size)
                .ok()
                .filter(|size| *size < u32::MAX)
                .map(|size| size.to_le_bytes().to_vec()),
        }
    }
}

pub(super) fn put(file: &mut File, text: &[u8]) -> io::Result<bool> {
    let Some((size, named)) = Size::of(file)? else {
        return Ok(false);
    };
    let mut text = text.to_vec();
    // A text of C's ends in a zero, and chunks begin at even bytes.
    text.push(0);
    if text.len() % 2 == 1 {
        text.push(0);
    }
    let mut chunk = Vec::with_capacity(HEAD + text.len());
    chunk.extend_from_slice(b"LIST");
    chunk.extend_from_slice(&((HEAD - 8 + text.len()) as u32).to_le_bytes());
    chunk.extend_from_slice(b"INFOICMT");
    chunk.extend_from_slice(&(text.len() as u32).to_le_bytes());
    chunk.extend_from_slice(&text);
    let Some(bytes) = size.bytes(named + chunk.len() as u64) else {
        return Ok(false);
    };
    write_at(file, named + 8, &chunk)?;
    write_at(file, size.at, &bytes)?;
    Ok(true)
}

pub(super) fn find(file: &mut File) -> io::Result<Option<Found>> {
    let Some((size, named)) = Size::of(file)? else {
        return Ok(None);
    };
    let (from, tail) = tail(file)?;
    let found = last_opening(&tail).and_then(|text| {
        let start = text.checked_sub(HEAD)?;
        let chunk = &tail[start..];
        let claimed = u32::from_le_bytes(*chunk.get(4..)?.first_chunk()?) as usize;
        let is_last = chunk.starts_with(b"LIST")
            && chunk.get(8..16) == Some(b"INFOICMT")
            && claimed + 8 == chunk.len();
        let before = size.bytes(named.checked_sub(chunk.len() as u64)?)?;
        let start = from + start as u64;
        let kept = size.at + before.len() as u64;
        is_last.then_some(())?;
        Some(Found {
            mark: Mark::parse(trimmed(&chunk[HEAD..]))?,
            rest: vec![
                Piece::Kept(0..size.at),
                Piece::Instead(before),
                Piece::Kept(kept..start),
            ],
        })
    });
    Ok(found)
}

/// A text without the zeros that end it.
fn trimmed(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != 0);
    &text[..end.map_or(0, |end| end + 1)]
}
