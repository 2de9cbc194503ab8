//! The mark of MIDI files: the first event of the first track, a text (Standard MIDI Files 1.0,
//! "Text Event").

use std::fs::File;
use std::io;

use super::{Found, Mark, OPENING, Piece, read_at, reserve, write_at};

/// A file that is larger is not a piece of music that SCORE! has written.
const LARGEST: u64 = 256 << 20;

/// Where the first track's length and its events stand: behind the header, whose length is in it.
fn track(file: &mut File) -> io::Result<Option<(u64, u32)>> {
    let head = read_at(file, 0, 8)?;
    let Some(header) = head.get(4..).and_then(|bytes| bytes.first_chunk()) else {
        return Ok(None);
    };
    let track = 8 + u64::from(u32::from_be_bytes(*header));
    let head = read_at(file, track, 8)?;
    let length = head.get(4..).and_then(|bytes| bytes.first_chunk());
    Ok(length
        .filter(|_| head.starts_with(b"MTrk"))
        .map(|length| (track + 4, u32::from_be_bytes(*length))))
}

/// The event up to its text: no time since the one before, a meta event, a text, its length in
/// seven bits a byte.
fn head(length: usize) -> Vec<u8> {
    let mut head = vec![0, 0xff, 0x01];
    if length >= 0x80 {
        head.push(0x80 | (length >> 7) as u8);
    }
    head.push((length & 0x7f) as u8);
    head
}

pub(super) fn put(file: &mut File, text: &[u8]) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let Some((at, named)) = track(file)?.filter(|_| length <= LARGEST) else {
        return Ok(false);
    };
    let mut event = head(text.len());
    event.extend_from_slice(text);
    let Some(grown) = named.checked_add(event.len() as u32) else {
        return Ok(false);
    };
    let mut rest = grown.to_be_bytes().to_vec();
    rest.extend_from_slice(&event);
    rest.extend(read_at(file, at + 4, length)?);
    reserve(file, event.len())?;
    write_at(file, at, &rest)?;
    Ok(true)
}

pub(super) fn find(file: &mut File) -> io::Result<Option<Found>> {
    let length = file.metadata()?.len();
    let Some((at, named)) = track(file)? else {
        return Ok(None);
    };
    let start = at + 4;
    let event = read_at(file, start, super::LONGEST as u64 + 8)?;
    let opening = OPENING.as_bytes();
    let found = [4, 5].into_iter().find_map(|skip| {
        let text = event.get(skip..)?;
        text.starts_with(opening).then_some(())?;
        let size = match event[..skip] {
            [0, 0xff, 0x01, size] if size < 0x80 => usize::from(size),
            [0, 0xff, 0x01, high, low] => usize::from(high & 0x7f) << 7 | usize::from(low),
            _ => return None,
        };
        let whole = skip + size;
        let before = named.checked_sub(whole as u32)?;
        Some(Found {
            mark: Mark::parse(text.get(..size)?)?,
            rest: vec![
                Piece::Kept(0..at),
                Piece::Instead(before.to_be_bytes().to_vec()),
                Piece::Kept(start + whole as u64..length),
            ],
        })
    });
    Ok(found)
}
