//! A file of lines or frames, none of which is ever half.

use std::fs::File;
use std::io::Write;

use score_engine::NodeError;

use crate::growing_file::GrowingFile;
use crate::output::OutputFile;

/// Where the file grows.
enum Place {
    Offline(OutputFile),
    Live {
        growing: GrowingFile,
        file: File,
        /// Bytes of the lines that were written.
        written: u64,
    },
}

/// A file of lines.
pub(super) struct LineFile {
    place: Place,
    /// Lines that are not written yet.
    waiting: Vec<u8>,
    has_begun: bool,
}

impl LineFile {
    /// Writes the lines of a render.
    pub(super) fn offline(file: OutputFile) -> Self {
        LineFile {
            place: Place::Offline(file),
            waiting: Vec::new(),
            has_begun: false,
        }
    }

    /// Writes the lines of a live run.
    ///
    /// # Errors
    /// The system has no handle of the file left.
    pub(super) fn live(growing: GrowingFile) -> Result<Self, NodeError> {
        Ok(LineFile {
            place: Place::Live {
                file: growing.handle()?,
                growing,
                written: 0,
            },
            waiting: Vec::new(),
            has_begun: false,
        })
    }

    /// Whether it has a line.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Appends a line; live it is written by [`LineFile::flush`].
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn line(&mut self, line: &impl std::fmt::Display) -> Result<(), NodeError> {
        self.append(format!("{line}\n").as_bytes())
    }

    /// Appends bytes that belong together, as [`LineFile::line`].
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), NodeError> {
        self.has_begun = true;
        match &mut self.place {
            Place::Offline(file) => file.write(bytes),
            Place::Live { .. } => {
                self.waiting.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Writes what waits, whole lines only, and gives the file of a live run to be put on the disk.
    ///
    /// # Errors
    /// The disk is full; the lines that did not find room are lost.
    pub(super) fn flush(&mut self) -> Result<Option<File>, NodeError> {
        let waiting = std::mem::take(&mut self.waiting);
        match &mut self.place {
            Place::Offline(file) => file.finished().map(|_| None),
            Place::Live {
                growing,
                file,
                written,
            } => {
                if let Err(error) = file.write_all(&waiting) {
                    // Part of a line is of no use.
                    let _ = file.set_len(*written);
                    let path = growing.path().display();
                    let why = format!("`{path}` cannot be written ({error})");
                    return Err(NodeError::output(why)
                        .help("make room on the disk")
                        .source(error));
                }
                *written += waiting.len() as u64;
                growing.handle().map(Some)
            }
        }
    }

    /// Gives the file its final name.
    ///
    /// # Errors
    /// It cannot be put in its place.
    pub(super) fn commit(&mut self) -> Result<(), NodeError> {
        match &mut self.place {
            Place::Offline(file) => file.commit(),
            Place::Live { growing, .. } => growing.commit(),
        }
    }
}

impl Drop for LineFile {
    fn drop(&mut self) {
        if matches!(self.place, Place::Live { .. }) {
            let _ = self.flush();
        }
    }
}
