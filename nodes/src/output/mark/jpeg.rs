//! The mark of JPEG files: a comment behind the file's first segment (ITU-T T.81, B.2.4.5 "Comment";
//! JFIF has its own segment come first).

use std::fs::File;
use std::io;

use super::{Found, Mark, OPENING, Piece, read_at, reserve, write_at};

/// What a comment's segment begins with.
const COMMENT: [u8; 2] = [0xff, 0xfe];

/// What the segment begins with that JFIF has first.
const JFIF: [u8; 2] = [0xff, 0xe0];

/// A file that is larger is not a picture that SCORE! has written.
const LARGEST: u64 = 512 << 20;

/// Where the comment lies: behind the file's opening, and JFIF's segment.
fn place(file: &mut File) -> io::Result<u64> {
    let head = read_at(file, 2, 4)?;
    Ok(match head.as_slice() {
        [first, second, high, low] if [*first, *second] == JFIF => {
            4 + u64::from(u16::from_be_bytes([*high, *low]))
        }
        _ => 2,
    })
}

pub(super) fn put(file: &mut File, text: &[u8]) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let at = place(file)?;
    let Ok(size) = u16::try_from(text.len() + 2) else {
        return Ok(false);
    };
    if at > length || length > LARGEST {
        return Ok(false);
    }
    let mut rest = COMMENT.to_vec();
    rest.extend_from_slice(&size.to_be_bytes());
    rest.extend_from_slice(text);
    let longer = rest.len();
    rest.extend(read_at(file, at, length)?);
    reserve(file, longer)?;
    write_at(file, at, &rest)?;
    Ok(true)
}

pub(super) fn find(file: &mut File) -> io::Result<Option<Found>> {
    let length = file.metadata()?.len();
    let at = place(file)?;
    let segment = read_at(file, at, super::LONGEST as u64 + 4)?;
    let found = segment.strip_prefix(&COMMENT).and_then(|rest| {
        let size = u64::from(u16::from_be_bytes(*rest.first_chunk()?));
        let text = rest.get(2..usize::try_from(size).ok()?)?;
        text.starts_with(OPENING.as_bytes()).then_some(())?;
        Some(Found {
            mark: Mark::parse(text)?,
            rest: vec![Piece::Kept(0..at), Piece::Kept(at + 2 + size..length)],
        })
    });
    Ok(found)
}
