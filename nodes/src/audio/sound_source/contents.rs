//! The bytes of a file, or of parts of it that are read as if they were a file of their own.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use symphonia::core::io::MediaSource;

/// Where the bytes are.
#[derive(Clone)]
pub(super) enum Contents {
    File(PathBuf),
    #[cfg(feature = "fuzzing")]
    Bytes(std::sync::Arc<[u8]>),
}

impl Contents {
    /// Opens them again.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(super) fn open(&self) -> io::Result<Box<dyn MediaSource>> {
        match self {
            Contents::File(path) => Ok(Box::new(std::fs::File::open(path)?)),
            #[cfg(feature = "fuzzing")]
            Contents::Bytes(bytes) => Ok(Box::new(io::Cursor::new(bytes.clone()))),
        }
    }
}

/// Stretches of a file, read one after another as if nothing lay between them.
pub(super) struct Stretches {
    file: Box<dyn MediaSource>,
    stretches: Vec<Range<u64>>,
    at: u64,
    is_seekable: bool,
}

impl Stretches {
    /// Reads `stretches` of `file`. Symphonia guesses the length of an MP3 that it can seek in, and
    /// reads no further than its guess.
    pub(super) fn new(
        file: Box<dyn MediaSource>,
        stretches: Vec<Range<u64>>,
        is_seekable: bool,
    ) -> Self {
        Stretches {
            file,
            stretches,
            at: 0,
            is_seekable,
        }
    }

    fn length(&self) -> u64 {
        self.stretches
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }
}

impl Read for Stretches {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut before = 0;
        for stretch in &self.stretches {
            let length = stretch.end - stretch.start;
            if self.at < before + length {
                let within = self.at - before;
                let most = (length - within).min(buffer.len() as u64) as usize;
                self.file.seek(SeekFrom::Start(stretch.start + within))?;
                let read = self.file.read(&mut buffer[..most])?;
                self.at += read as u64;
                return Ok(read);
            }
            before += length;
        }
        Ok(0)
    }
}

impl Seek for Stretches {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => self.length().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl MediaSource for Stretches {
    fn is_seekable(&self) -> bool {
        self.is_seekable
    }

    fn byte_len(&self) -> Option<u64> {
        self.is_seekable.then(|| self.length())
    }
}

/// A file of which a few bytes are looked at here and there, from its start to its end.
pub(super) struct Look<R> {
    reader: io::BufReader<R>,
    at: u64,
}

impl<R: Read + Seek> Look<R> {
    /// Looks at `reader`, which is at its start.
    pub(super) fn new(reader: R) -> Self {
        Look {
            reader: io::BufReader::with_capacity(1 << 16, reader),
            at: 0,
        }
    }

    /// The `N` bytes from `place` on, zeros after the end of the file. Returns how many are of the
    /// file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn bytes<const N: usize>(&mut self, place: u64) -> io::Result<([u8; N], usize)> {
        let mut bytes = [0; N];
        let known = self.fill(place, &mut bytes)?;
        Ok((bytes, known))
    }

    /// Fills `bytes` from `place` on. Returns how many there were.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn fill(&mut self, place: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let distance = i64::try_from(i128::from(place) - i128::from(self.at));
        self.reader
            .seek_relative(distance.map_err(|_| io::ErrorKind::InvalidInput)?)?;
        self.at = place;
        let mut known = 0;
        while known < bytes.len() {
            match self.reader.read(&mut bytes[known..])? {
                0 => break,
                read => known += read,
            }
        }
        self.at += known as u64;
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_read_as_one_and_can_be_sought_in() {
        let file = Box::new(io::Cursor::new(b"0123456789".to_vec()));
        let mut read = Stretches::new(file, vec![1..3, 5..9], true);
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "125678");
        assert_eq!(read.seek(SeekFrom::End(-5)).unwrap(), 1);
        text.clear();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "25678");
        assert_eq!(read.byte_len(), Some(6));
    }
}
