//! The mark of pages: a comment behind all.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use super::{Found, Mark, Piece, last_opening, tail};

const BEGIN: &[u8] = b"<!-- ";
const END: &[u8] = b" -->\n";

pub(super) fn put(file: &mut File, text: &[u8]) -> io::Result<bool> {
    file.seek(SeekFrom::End(0))?;
    file.write_all(&[BEGIN, text, END].concat())?;
    Ok(true)
}

pub(super) fn find(file: &mut File) -> io::Result<Option<Found>> {
    let (from, tail) = tail(file)?;
    let found = last_opening(&tail).and_then(|text| {
        let start = text.checked_sub(BEGIN.len())?;
        let is_last = tail[start..text] == *BEGIN && tail.ends_with(END);
        is_last.then_some(())?;
        Some(Found {
            mark: Mark::parse(tail[text..].strip_suffix(END)?)?,
            rest: vec![Piece::Kept(0..from + start as u64)],
        })
    });
    Ok(found)
}
