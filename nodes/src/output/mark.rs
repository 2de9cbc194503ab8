//! The mark in what SCORE! writes: which patch and node a file comes from, and a hash of its
//! content.
//!
//! One rule for all formats: the hash is the SHA-256 of the file **as it was before the mark was
//! put into it**. So a file is checked by undoing the mark, whose place each format fixes, and
//! hashing what is left:
//!
//! | format | the mark | undone |
//! |---|---|---|
//! | RIFF (WAV, AVI), RF64 | the last chunk: `LIST` `INFO` `ICMT` | the chunk goes, the size in the header becomes smaller by it |
//! | FLAC | a comment in the Vorbis comments, in room that padding gives | the comment goes, the padding grows by it |
//! | PNG | a `tEXt` chunk in front of `IEND` | the chunk goes |
//! | JPEG | a comment behind the first segment | the comment goes |
//! | MP4, MOV | the last box, `free` | the box goes |
//! | Matroska, WebM | the last element, `Void` | the element goes |
//! | MIDI | the first event of the first track, a text | the event goes, the track's length becomes smaller by it |
//! | HTML, XML (MusicXML), PDF | a comment at the end | the comment goes |
//! | chords (`chord_track`), words of one's own (`score tag`) | the last line, a comment | the line goes |
//! | JSON lines | `score` in the first line, without a hash: these are takes | |
//!
//! So the hash needs one read of the file when it is finished, which comes out of the system's
//! cache, and no second one when the mark is put in. It covers all bytes: an editor that keeps
//! length and tags changes the middle alone. A take, which is never replaced, needs no hash, and so
//! no read at all.

mod boxes;
mod flac;
mod jpeg;
mod midi;
mod png;
mod remark;
mod riff;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use score_engine::Value;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::remark::Remark;
use super::owner::Owner;
use crate::sha256::hexadecimal;

/// What every mark begins with.
const OPENING: &str = "SCORE! ";

/// Bytes of a mark's text, at most: a FLAC that is written live has 1,024 bytes of header.
const LONGEST: usize = 880;

/// Bytes at the end of a file among which a mark is looked for.
const TAIL: u64 = 2048;

/// Bytes of the first line of a file of JSON lines, at most.
const LONGEST_LINE: u64 = 1 << 16;

/// What a mark says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The program's version.
    version: String,
    /// The patch's name, for people.
    pub(super) patch: String,
    /// The node, for people.
    pub(super) node: String,
    /// Tells the node of the patch from all others.
    pub(super) id: String,
    /// The hash of the file without its mark; a take has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) sha256: Option<String>,
}

impl Mark {
    /// The mark of a file that belongs to `owner`.
    fn new(owner: &Owner, sha256: Option<String>) -> Self {
        Mark {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            patch: shortened(&owner.patch),
            node: shortened(&owner.node),
            id: owner.id(),
            sha256,
        }
    }

    /// `SCORE! {"version":"0.1.0",…}`, in ASCII, and without what a comment of HTML or XML cannot
    /// hold.
    fn text(&self) -> Option<String> {
        let json = serde_json::to_string(self).ok()?;
        let mut text = String::from(OPENING);
        for letter in json.chars() {
            // Beside letters and digits JSON's own signs are plain; all else stands within its
            // texts.
            let is_plain = match letter {
                '<' | '>' => false,
                // XML has no two of them in a comment.
                '-' => !text.ends_with('-'),
                letter => letter.is_ascii(),
            };
            if is_plain {
                text.push(letter);
            } else {
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        (text.len() <= LONGEST).then_some(text)
    }

    /// Reads a mark's text.
    fn parse(text: &[u8]) -> Option<Mark> {
        serde_json::from_slice(text.strip_prefix(OPENING.as_bytes())?).ok()
    }
}

/// A name as long as a mark has room for: 300 bytes, as [`Mark::text`] writes it.
fn shortened(name: &str) -> String {
    let mut left: usize = 300;
    let fits = |letter: &char| {
        let bytes = match letter {
            ' '..='~' if !matches!(letter, '"' | '\\' | '<' | '>' | '-') => 1,
            _ => 6 * letter.len_utf16(),
        };
        left = left.saturating_sub(bytes);
        left > 0
    };
    name.chars().take_while(fits).collect()
}

/// A part of a file without its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Bytes of the marked file.
    Kept(Range<u64>),
    /// Other bytes in their place.
    Instead(Vec<u8>),
}

/// A mark that was found, and the file without it.
pub(super) struct Found {
    pub(super) mark: Mark,
    rest: Vec<Piece>,
}

impl Found {
    /// Whether the file is still what was marked; that of a mark without a hash is not known to be.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn is_whole(&self, file: &mut File) -> io::Result<bool> {
        match &self.mark.sha256 {
            Some(sha256) => Ok(hash(file, &self.rest)? == *sha256),
            None => Ok(false),
        }
    }
}

/// A format that has a place for a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Riff,
    Flac,
    Png,
    Jpeg,
    Midi,
    Boxes,
    Matroska,
    Text(Remark),
}

impl Format {
    /// The format of what a file begins with.
    fn of(head: &[u8]) -> Option<Self> {
        let starts = |opening: &[u8]| head.starts_with(opening);
        if starts(b"RIFF") || starts(b"RF64") {
            Some(Format::Riff)
        } else if starts(b"fLaC") {
            Some(Format::Flac)
        } else if starts(b"\x89PNG\r\n\x1a\n") {
            Some(Format::Png)
        } else if starts(b"\xff\xd8\xff") {
            Some(Format::Jpeg)
        } else if starts(b"MThd") {
            Some(Format::Midi)
        } else if head.get(4..8) == Some(b"ftyp") {
            Some(Format::Boxes)
        } else if starts(b"\x1a\x45\xdf\xa3") {
            Some(Format::Matroska)
        } else if starts(b"<?xml")
            || head.len() >= 9 && head[..9].eq_ignore_ascii_case(b"<!doctype")
        {
            Some(Format::Text(remark::MARKUP))
        } else if starts(b"%PDF-") {
            Some(Format::Text(remark::PDF))
        } else if starts(b"# bar ") {
            Some(Format::Text(remark::CHORDS))
        } else if starts(b"Names(") {
            Some(Format::Text(remark::NAMES))
        } else {
            None
        }
    }
}

/// The mark of a file without a hash, as JSON.
pub(super) fn line(owner: &Owner) -> Value {
    serde_json::to_value(Mark::new(owner, None)).unwrap_or_default()
}

/// Puts the mark of `owner` into a finished file, if its format has a place for one; with a hash of
/// what is in it, or without for a take. Returns whether it did.
///
/// # Errors
/// The disk is full or gone. What was begun is taken back where possible.
pub(super) fn put(file: &mut File, owner: &Owner, hashed: bool) -> io::Result<bool> {
    if format_of(file)?.is_none() {
        return Ok(false);
    }
    let length = file.metadata()?.len();
    let sha256 = match hashed {
        true => Some(hash(file, &[Piece::Kept(0..length)])?),
        false => None,
    };
    put_mark(file, &Mark::new(owner, sha256))
}

/// The same with a mark that [`line`] has made; `false` too where it is none.
///
/// # Errors
/// As [`put`].
pub(super) fn put_as(file: &mut File, line: &Value) -> io::Result<bool> {
    match Mark::deserialize(line) {
        Ok(mark) => put_mark(file, &mark),
        Err(_) => Ok(false),
    }
}

fn put_mark(file: &mut File, mark: &Mark) -> io::Result<bool> {
    let Some(format) = format_of(file)? else {
        return Ok(false);
    };
    let length = file.metadata()?.len();
    let Some(text) = mark.text() else {
        return Ok(false);
    };
    let text = text.as_bytes();
    let done = match format {
        Format::Riff => riff::put(file, text),
        Format::Flac => flac::put(file, text),
        Format::Png => png::put(file, text),
        Format::Jpeg => jpeg::put(file, text),
        Format::Midi => midi::put(file, text),
        Format::Boxes => boxes::put_box(file, text),
        Format::Matroska => boxes::put_void(file, text),
        Format::Text(remark) => remark.put(file, text),
    };
    if done.is_err() {
        // Half a mark behind a whole file.
        let _ = file.set_len(length);
    }
    done
}

/// Finds the mark of a file; `None`: it has none.
///
/// # Errors
/// The file cannot be read.
pub(super) fn find(file: &mut File) -> io::Result<Option<Found>> {
    match format_of(file)? {
        None => Ok(None),
        Some(Format::Riff) => riff::find(file),
        Some(Format::Flac) => flac::find(file),
        Some(Format::Png) => png::find(file),
        Some(Format::Jpeg) => jpeg::find(file),
        Some(Format::Midi) => midi::find(file),
        Some(Format::Boxes) => boxes::find_box(file),
        Some(Format::Matroska) => boxes::find_void(file),
        Some(Format::Text(remark)) => remark.find(file),
    }
}

/// The mark of a take: one without a hash, in a file of JSON lines too.
///
/// # Errors
/// The file cannot be read.
pub(super) fn find_take(file: &mut File) -> io::Result<Option<Mark>> {
    let mark = match find(file)? {
        Some(found) => Some(found.mark),
        None => {
            let head = read_at(file, 0, LONGEST_LINE)?;
            let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let line: Option<Value> = serde_json::from_slice(line).ok();
            line.and_then(|line| Mark::deserialize(&line["score"]).ok())
        }
    };
    Ok(mark.filter(|mark| mark.sha256.is_none()))
}

fn format_of(file: &mut File) -> io::Result<Option<Format>> {
    let head = read_at(file, 0, 16)?;
    Ok(Format::of(&head))
}

/// The SHA-256 of the pieces, one after another, in hexadecimal digits.
fn hash(file: &mut File, pieces: &[Piece]) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut block = vec![0; 1 << 18];
    for piece in pieces {
        match piece {
            Piece::Instead(bytes) => digest.update(bytes),
            Piece::Kept(range) => {
                file.seek(SeekFrom::Start(range.start))?;
                let mut left = range.end.saturating_sub(range.start);
                while left > 0 {
                    let most = left.min(block.len() as u64) as usize;
                    let read = file.read(&mut block[..most])?;
                    if read == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    digest.update(&block[..read]);
                    left -= read as u64;
                }
            }
        }
    }
    Ok(hexadecimal(&digest.finalize()))
}

/// Up to `most` bytes from `start` on.
fn read_at(file: &mut File, start: u64, most: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    Read::take(&mut *file, most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The end of a file, and where it begins.
fn tail(file: &mut File) -> io::Result<(u64, Vec<u8>)> {
    let start = file.metadata()?.len().saturating_sub(TAIL);
    Ok((start, read_at(file, start, TAIL)?))
}

/// Writes `bytes` at `start`.
fn write_at(file: &mut File, start: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(start))?;
    file.write_all(bytes)
}

/// Makes a file longer, so that a full disk is met before anything in it is changed.
fn reserve(file: &mut File, bytes: usize) -> io::Result<()> {
    file.seek(SeekFrom::End(0))?;
    file.write_all(&vec![0; bytes])
}

/// Where the last mark's text begins among `bytes`.
fn last_opening(bytes: &[u8]) -> Option<usize> {
    let opening = OPENING.as_bytes();
    (bytes.windows(opening.len())).rposition(|window| window == opening)
}

#[cfg(test)]
mod tests;
