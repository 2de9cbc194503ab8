//! A file of sound that grows: knows how much of it has really been written, also when the disk is
//! full.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// What is collected before it is written.
const BUFFER: usize = 64 * 1024;

/// Where sound is written to: a file, or in tests what behaves like one.
pub(crate) trait Target: Write + Seek {
    /// Cuts it off after its first `length` bytes.
    ///
    /// # Errors
    /// The disk is gone.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Target for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// A target with a buffer in front. [`std::io::BufWriter`] does not say how much has arrived when a
/// write fails.
pub(crate) struct SoundSink<W> {
    target: W,
    waiting: Vec<u8>,
    /// Bytes that have arrived.
    length: u64,
}

impl<W: Target> SoundSink<W> {
    /// Writes from the beginning of `target`, in place of what it holds.
    ///
    /// # Errors
    /// The disk is gone.
    pub(crate) fn new(mut target: W) -> io::Result<Self> {
        target.cut(0)?;
        target.seek(SeekFrom::Start(0))?;
        Ok(SoundSink {
            target,
            waiting: Vec::with_capacity(BUFFER),
            length: 0,
        })
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// The disk is full. What waited and did not arrive is thrown away.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() < BUFFER {
            return Ok(());
        }
        self.flush()
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// As [`SoundSink::append`].
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut left = &waiting[..];
        while !left.is_empty() {
            match self.target.write(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.length += count as u64;
                    left = &left[count..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.waiting = waiting;
        self.waiting.clear();
        Ok(())
    }

    /// Bytes that have arrived, those that wait not counted.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Writes `bytes` over those at the beginning, which have arrived already.
    ///
    /// # Errors
    /// The disk is gone.
    pub(crate) fn rewrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.target.seek(SeekFrom::Start(0))?;
        self.target.write_all(bytes)?;
        self.target.seek(SeekFrom::Start(self.length)).map(drop)
    }

    /// Cuts off what has arrived after its first `length` bytes, and drops what waits.
    ///
    /// # Errors
    /// The disk is gone.
    pub(crate) fn cut(&mut self, length: u64) -> io::Result<()> {
        self.waiting.clear();
        self.length = self.length.min(length);
        self.target.cut(self.length)?;
        self.target.seek(SeekFrom::Start(self.length)).map(drop)
    }
}

/// A file on a disk that has room for `room` bytes.
#[cfg(test)]
pub(super) struct SmallDisk {
    pub(super) file: File,
    pub(super) room: u64,
}

#[cfg(test)]
impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let at = self.file.stream_position()?;
        let count = self.room.saturating_sub(at).min(bytes.len() as u64) as usize;
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write(&bytes[..count])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
impl Seek for SmallDisk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
impl Target for SmallDisk {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }
}
