//! The marks of films, which come after everything that a player reads: in MP4 and MOV a box of
//! free space (ISO/IEC 14496-12, 8.1.2 "free"), in Matroska and WebM an element that is void (RFC
//! 8794, 11.3.2 "Void").

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use super::{Found, Mark, Piece, last_opening, tail};

/// The id of a void element, and its size in two bytes.
const VOID: u8 = 0xec;
const TWO_BYTES: u16 = 0x4000;

pub(super) fn put_box(file: &mut File, text: &[u8]) -> io::Result<bool> {
    let mut free = ((text.len() + 8) as u32).to_be_bytes().to_vec();
    free.extend_from_slice(b"free");
    free.extend_from_slice(text);
    append(file, &free)
}

pub(super) fn find_box(file: &mut File) -> io::Result<Option<Found>> {
    find(file, 8, |head, length| {
        head.ends_with(b"free") && head[..4] == (length as u32).to_be_bytes()
    })
}

pub(super) fn put_void(file: &mut File, text: &[u8]) -> io::Result<bool> {
    let mut void = vec![VOID];
    void.extend_from_slice(&(TWO_BYTES | text.len() as u16).to_be_bytes());
    void.extend_from_slice(text);
    append(file, &void)
}

pub(super) fn find_void(file: &mut File) -> io::Result<Option<Found>> {
    find(file, 3, |head, length| {
        let size = (TWO_BYTES | (length - 3) as u16).to_be_bytes();
        head[0] == VOID && head[1..] == size
    })
}

fn append(file: &mut File, bytes: &[u8]) -> io::Result<bool> {
    file.seek(SeekFrom::End(0))?;
    file.write_all(bytes)?;
    Ok(true)
}

/// The last thing in a file, whose `head` bytes in front of its text `is_right` knows, given the
/// length of all.
fn find(
    file: &mut File,
    head: usize,
    is_right: impl Fn(&[u8], usize) -> bool,
) -> io::Result<Option<Found>> {
    let (from, tail) = tail(file)?;
    let found = last_opening(&tail).and_then(|text| {
        let start = text.checked_sub(head)?;
        is_right(&tail[start..text], tail.len() - start).then_some(())?;
        Some(Found {
            mark: Mark::parse(&tail[text..])?,
            rest: vec![Piece::Kept(0..from + start as u64)],
        })
    });
    Ok(found)
}
