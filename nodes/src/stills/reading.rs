//! Reads an index of stills.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use score_engine::{Frame, NodeError};

use super::jpegs::decode;
use super::{Codes, FORMAT, Header, LONGEST_HEADER, MOST, PLACE};
use crate::output::folder_of;
use crate::sha256;

/// Where a still is in the films.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The film, as the index calls it: from its own folder.
    pub film: String,
    /// Seconds from its beginning.
    pub seconds: f64,
}

/// Where a still's picture lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) film: u32,
    pub(super) milliseconds: u32,
    pub(super) offset: u64,
    pub(super) length: u32,
}

/// A loaded index: the codes and places of all stills. Pictures are read when they are needed.
pub struct StillIndex {
    path: PathBuf,
    file: File,
    header: Header,
    codes: Codes,
    entries: Vec<Entry>,
    /// Where the codes begin, in bytes.
    written: u64,
    /// Where the pictures begin, in bytes.
    pictures: u64,
}

/// The first line of the index at `path`, and the file behind it.
///
/// # Errors
/// It cannot be read, or is not an index that this program reads.
fn begin(path: &Path) -> Result<(Header, BufReader<File>, u64), NodeError> {
    let name = path.display();
    let unreadable = |error: std::io::Error| {
        NodeError::input(format!("`{name}` cannot be read ({error})")).source(error)
    };
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut line = Vec::new();
    let mut head = file.by_ref().take(LONGEST_HEADER);
    head.read_until(b'\n', &mut line).map_err(unreadable)?;
    let other = || {
        NodeError::input(format!("`{name}` is not an index of stills"))
            .help("make one of a folder of films with `score index FOLDER`")
    };
    let known: serde_json::Value = serde_json::from_slice(&line).map_err(|_| other())?;
    let format = known.get("format").and_then(serde_json::Value::as_u64);
    let is_index = known.get("encoder_sha256").is_some() && line.ends_with(b"\n");
    let format = format.filter(|_| is_index).ok_or_else(other)?;
    if format > u64::from(FORMAT) {
        let why = format!("`{name}` has format {format}, but this program reads format {FORMAT}");
        return Err(NodeError::input(why).help("make it again with `score index FOLDER`"));
    }
    let header: Header = serde_json::from_value(known).map_err(|_| other())?;
    if header.stills > MOST || header.dimension == 0 || header.dimension > 4096 {
        return Err(other());
    }
    Ok((header, file, line.len() as u64))
}

/// What the index at `path` says of itself.
///
/// # Errors
/// It cannot be read, or is not an index that this program reads.
pub(crate) fn header(path: &Path) -> Result<Header, NodeError> {
    begin(path).map(|(header, ..)| header)
}

impl StillIndex {
    /// Loads the index at `path`.
    ///
    /// # Errors
    /// It cannot be read, is not an index that this program reads, or is damaged.
    pub fn open(path: &Path) -> Result<Self, NodeError> {
        let (header, mut file, line) = begin(path)?;
        let name = path.display();
        let damaged = |why: &str| {
            NodeError::input(format!("`{name}` is damaged: {why}"))
                .help("make it again with `score index FOLDER`")
        };
        let length = file.get_ref().metadata();
        let length = length.map_err(|error| damaged(&error.to_string()))?.len();
        let codes_bytes = header.stills * header.dimension * 4;
        let whole = codes_bytes + header.stills * PLACE;
        let pictures = line + whole as u64;
        if pictures.checked_add(header.pictures) != Some(length) {
            return Err(damaged("it is longer or shorter than it says"));
        }
        let mut bytes = vec![0; whole];
        (file.read_exact(&mut bytes)).map_err(|error| damaged(&error.to_string()))?;
        if sha256::of(&bytes) != header.sha256 {
            return Err(damaged("its checksum is another"));
        }
        let (codes_part, places) = bytes.split_at(codes_bytes);
        let mut codes = Codes::new(header.dimension);
        codes.reserve(header.stills);
        (codes_part.chunks_exact(header.dimension * 4)).for_each(|code| codes.push(&floats(code)));
        let entries: Vec<Entry> = places.chunks_exact(PLACE).filter_map(entry).collect();
        let lies = |entry: &Entry| {
            let end = entry.offset.checked_add(u64::from(entry.length));
            end.is_some_and(|end| end <= header.pictures)
                && (entry.film as usize) < header.films.len()
        };
        if !entries.iter().all(lies) {
            return Err(damaged("a still lies beyond its end"));
        }
        Ok(StillIndex {
            path: path.to_owned(),
            file: file.into_inner(),
            header,
            codes,
            entries,
            written: line,
            pictures,
        })
    }

    /// The codes of all stills.
    pub fn codes(&self) -> &Codes {
        &self.codes
    }

    /// Which film the still with this number is of, and where in it.
    pub fn place(&self, number: usize) -> Option<Place> {
        let entry = self.entries.get(number)?;
        Some(Place {
            film: self.header.films.get(entry.film as usize)?.path.clone(),
            seconds: f64::from(entry.milliseconds) / 1000.0,
        })
    }

    /// The picture of the still with this number.
    ///
    /// # Errors
    /// It cannot be read: the file was changed since it was opened, or its disk is gone.
    pub fn picture(&mut self, number: usize) -> Result<Frame, NodeError> {
        let bytes = self.jpeg(number)?;
        decode(&bytes).ok_or_else(|| {
            let why = format!(
                "`{}` is damaged: a picture in it cannot be read",
                self.path.display()
            );
            NodeError::input(why).help("make it again with `score index FOLDER`")
        })
    }

    /// The bytes of that picture.
    pub(super) fn jpeg(&mut self, number: usize) -> Result<Vec<u8>, NodeError> {
        let missing = || NodeError::internal("there is no such still");
        let entry = *self.entries.get(number).ok_or_else(missing)?;
        self.bytes(self.pictures + entry.offset, entry.length as usize)
    }

    /// So many bytes of the file, from `begin` on.
    fn bytes(&mut self, begin: u64, count: usize) -> Result<Vec<u8>, NodeError> {
        let mut bytes = vec![0; count];
        let sought = self.file.seek(SeekFrom::Start(begin));
        let read = sought.and_then(|_| self.file.read_exact(&mut bytes));
        read.map_err(|error| {
            NodeError::input(format!(
                "`{}` cannot be read ({error})",
                self.path.display()
            ))
            .source(error)
        })?;
        Ok(bytes)
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// The stills of the film with this number in the header: their numbers and entries.
    pub(super) fn of_film(&self, film: usize) -> impl Iterator<Item = (usize, Entry)> {
        let entries = self.entries.iter().copied().enumerate();
        entries.filter(move |(_, entry)| entry.film as usize == film)
    }

    /// The code of a still as it is written, of whatever length: it is read again, since in memory
    /// codes have length 1.
    pub(super) fn code(&mut self, number: usize) -> Result<Vec<f32>, NodeError> {
        if number >= self.entries.len() {
            return Err(NodeError::internal("there is no such still"));
        }
        let length = self.header.dimension * 4;
        let bytes = self.bytes(self.written + (number * length) as u64, length)?;
        Ok(floats(&bytes))
    }

    /// Whether it is an index of these films: it has stills of one of them, and of no other that is
    /// still there.
    pub fn is_of(&self, films: &[PathBuf]) -> bool {
        let folder = std::path::absolute(folder_of(&self.path));
        let folder = folder.unwrap_or_else(|_| folder_of(&self.path).to_owned());
        let films: BTreeSet<PathBuf> = (films.iter())
            .filter_map(|film| std::path::absolute(film).ok())
            .collect();
        let known = self.header.films.iter();
        let (own, others): (Vec<PathBuf>, Vec<PathBuf>) = known
            .map(|film| folder.join(&film.path))
            .partition(|film| films.contains(film));
        !own.is_empty() && !others.iter().any(|film| film.exists())
    }
}

/// Numbers as they are written.
fn floats(bytes: &[u8]) -> Vec<f32> {
    let numbers = bytes.as_chunks::<4>().0.iter();
    numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// A still's place, as it is written.
fn entry(bytes: &[u8]) -> Option<Entry> {
    let number =
        |at: usize| -> Option<u32> { Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)) };
    Some(Entry {
        film: number(0)?,
        milliseconds: number(4)?,
        offset: u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?),
        length: number(16)?,
    })
}

impl Entry {
    /// As it is written.
    pub(super) fn bytes(self) -> [u8; PLACE] {
        let mut bytes = [0; PLACE];
        bytes[..4].copy_from_slice(&self.film.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.milliseconds.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.offset.to_le_bytes());
        bytes[16..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }
}
