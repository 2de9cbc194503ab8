//! The mark of FLAC files: a comment among the tags, in room that the padding gives (RFC 9639, 8.3
//! and 8.6).

use std::fs::File;
use std::io;

use super::{Found, Mark, OPENING, Piece, read_at, write_at};

/// Everything in front of the frames is looked at up to this many bytes: cover pictures may be
/// among it.
const MOST: u64 = 32 << 20;

const PADDING: u8 = 1;
const COMMENTS: u8 = 4;

/// Whose tags a block has that holds the mark alone.
const VENDOR: &[u8] = b"SCORE!";

/// The tag's name.
const FIELD: &[u8] = b"COMMENT=";

/// A block in front of the frames.
#[derive(Clone, Debug, PartialEq)]
struct Block {
    kind: u8,
    content: Vec<u8>,
}

/// The blocks in front of the frames, and where the frames begin.
fn blocks(file: &mut File) -> io::Result<Option<(Vec<Block>, u64)>> {
    let mut blocks = Vec::new();
    let mut at = 4;
    loop {
        let head = read_at(file, at, 4)?;
        let &[kind, high, middle, low] = head.as_slice() else {
            return Ok(None);
        };
        let length = u64::from(u32::from_be_bytes([0, high, middle, low]));
        let content = read_at(file, at + 4, length)?;
        at += 4 + length;
        if content.len() as u64 != length || at > MOST {
            return Ok(None);
        }
        blocks.push(Block {
            kind: kind & 0x7f,
            content,
        });
        if kind & 0x80 != 0 {
            return Ok(Some((blocks, at)));
        }
    }
}

/// The blocks as they stand in the file.
fn bytes(blocks: &[Block]) -> Option<Vec<u8>> {
    let mut bytes = b"fLaC".to_vec();
    for (index, block) in blocks.iter().enumerate() {
        let last = if index + 1 == blocks.len() { 0x80 } else { 0 };
        let [high, rest @ ..] = u32::try_from(block.content.len()).ok()?.to_be_bytes();
        (high == 0).then_some(())?;
        bytes.push(last | block.kind);
        bytes.extend_from_slice(&rest);
        bytes.extend_from_slice(&block.content);
    }
    Some(bytes)
}

/// Tags: whose they are, and each.
struct Tags {
    vendor: Vec<u8>,
    tags: Vec<Vec<u8>>,
}

impl Tags {
    fn parse(content: &[u8]) -> Option<Tags> {
        let mut rest = content;
        let vendor = take_text(&mut rest)?;
        let count = take_number(&mut rest)?;
        let mut tags = Vec::new();
        for _ in 0..count {
            tags.push(take_text(&mut rest)?);
        }
        rest.is_empty().then_some(Tags { vendor, tags })
    }

    fn content(&self) -> Vec<u8> {
        let mut content = Vec::new();
        put_text(&mut content, &self.vendor);
        content.extend_from_slice(&(self.tags.len() as u32).to_le_bytes());
        for tag in &self.tags {
            put_text(&mut content, tag);
        }
        content
    }
}

/// Takes a number from the front of `bytes`.
fn take_number(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

/// Takes a text, behind its length, from the front of `bytes`.
fn take_text(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let length = take_number(bytes)? as usize;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(text.to_vec())
}

fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text);
}

/// Takes bytes from the padding (`by` below 0), or gives them back.
fn resize_padding(blocks: &mut [Block], by: isize) -> Option<()> {
    let padding = blocks.iter_mut().rfind(|block| block.kind == PADDING)?;
    let length = padding.content.len().checked_add_signed(by)?;
    padding.content.resize(length, 0);
    Some(())
}

/// The blocks with the mark among their tags, as long as they were.
fn marked(mut blocks: Vec<Block>, text: &[u8]) -> Option<Vec<u8>> {
    let tag = [FIELD, text].concat();
    let needed = match blocks.iter_mut().find(|block| block.kind == COMMENTS) {
        Some(block) => {
            let mut tags = Tags::parse(&block.content)?;
            let before = block.content.len();
            tags.tags.push(tag);
            block.content = tags.content();
            block.content.len() - before
        }
        None => {
            let tags = Tags {
                vendor: VENDOR.to_vec(),
                tags: vec![tag],
            };
            let content = tags.content();
            let needed = content.len() + 4;
            let place = blocks.iter().rposition(|block| block.kind == PADDING)?;
            let kind = COMMENTS;
            blocks.insert(place, Block { kind, content });
            needed
        }
    };
    resize_padding(&mut blocks, -isize::try_from(needed).ok()?)?;
    bytes(&blocks)
}

/// The mark among the tags, and the blocks without it.
fn unmarked(mut blocks: Vec<Block>) -> Option<(Mark, Vec<u8>)> {
    let place = blocks.iter().position(|block| block.kind == COMMENTS)?;
    let mut tags = Tags::parse(&blocks[place].content)?;
    let tag = tags.tags.pop()?;
    let text = tag.strip_prefix(FIELD)?;
    text.starts_with(OPENING.as_bytes()).then_some(())?;
    let mark = Mark::parse(text)?;
    let before = blocks[place].content.len();
    let freed = if tags.tags.is_empty() && tags.vendor == VENDOR {
        blocks.remove(place);
        before + 4
    } else {
        blocks[place].content = tags.content();
        before - blocks[place].content.len()
    };
    resize_padding(&mut blocks, isize::try_from(freed).ok()?)?;
    Some((mark, bytes(&blocks)?))
}

pub(super) fn put(file: &mut File, text: &[u8]) -> io::Result<bool> {
    let Some((blocks, end)) = blocks(file)? else {
        return Ok(false);
    };
    match marked(blocks, text).filter(|bytes| bytes.len() as u64 == end) {
        Some(bytes) => write_at(file, 0, &bytes).map(|()| true),
        None => Ok(false),
    }
}

pub(super) fn find(file: &mut File) -> io::Result<Option<Found>> {
    let length = file.metadata()?.len();
    let Some((blocks, end)) = blocks(file)? else {
        return Ok(None);
    };
    Ok(unmarked(blocks).map(|(mark, bytes)| Found {
        mark,
        rest: vec![Piece::Instead(bytes), Piece::Kept(end..length)],
    }))
}
