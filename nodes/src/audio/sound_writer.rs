//! Writes sound of unknown peak and length to a file that never clips.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use score_engine::{AudioBlock, NodeError};

use super::encoder::{Encoder, Form, Format, flush};
use crate::output::OutputFile;

/// Samples converted at a time when the file is finished.
const CHUNK: usize = 16_384;

/// A sound file that grows beside its place.
pub(crate) struct SoundWriter {
    format: Format,
    file: OutputFile,
    ceiling: f32,
    /// The sound as it came. Its peak is known only at the end, and memory must not grow with the film.
    scratch: BufWriter<File>,
    form: Option<(u32, u16)>,
    peak: f32,
    samples: u64,
}

impl SoundWriter {
    /// Begins the file at `path`, whose ending names its format and whose peak will be `ceiling` at most.
    ///
    /// # Errors
    /// The file, or the temporary one, cannot be made.
    pub(crate) fn create(path: &Path, ceiling: f32) -> Result<Self, NodeError> {
        let scratch = tempfile::tempfile().map_err(|error| {
            let folder = std::env::temp_dir();
            NodeError::output(format!(
                "no temporary file can be made in `{}`: {error}",
                folder.display()
            ))
            .help("set TMPDIR to a folder that exists and may be written to")
            .source(error)
        })?;
        Ok(SoundWriter {
            format: Format::of(path).ok_or_else(|| NodeError::internal("no format"))?,
            file: OutputFile::create(path)?,
            ceiling,
            scratch: BufWriter::new(scratch),
            form: None,
            peak: 0.0,
            samples: 0,
        })
    }

    /// Frames written so far.
    pub(crate) fn frames(&self) -> u64 {
        let (_, channels) = self.form.unwrap_or((0, 1));
        self.samples / u64::from(channels.max(1))
    }

    /// Appends a block.
    ///
    /// # Errors
    /// The disk is full, or the sound has changed its form.
    pub(crate) fn write(&mut self, block: &AudioBlock) -> Result<(), NodeError> {
        self.append(block.rate, block.channels, &block.samples)
    }

    /// Appends interleaved samples.
    ///
    /// # Errors
    /// As [`SoundWriter::write`].
    pub(crate) fn append(
        &mut self,
        rate: u32,
        channels: u16,
        samples: &[f32],
    ) -> Result<(), NodeError> {
        let form = (rate, channels);
        if *self.form.get_or_insert(form) != form {
            return Err(NodeError::internal(
                "the sound changed its rate or its channels",
            ));
        }
        let mut bytes = Vec::with_capacity(samples.len() * 4);
        for sample in samples {
            let sample = if sample.is_finite() { *sample } else { 0.0 };
            self.peak = self.peak.max(sample.abs());
            bytes.extend_from_slice(&sample.to_le_bytes());
        }
        self.samples += samples.len() as u64;
        self.scratch.write_all(&bytes).map_err(full)
    }

    /// Writes the file, not yet under its final name.
    ///
    /// # Errors
    /// The disk is full, or the format cannot hold the sound.
    pub(crate) fn finish(&mut self) -> Result<(), NodeError> {
        let (rate, channels) = self.form.unwrap_or((48_000, 2));
        if self.format == Format::Flac && self.samples == 0 {
            return Err(NodeError::output("a FLAC file cannot hold no sound at all")
                .help("nothing came; see what is wired to `sound`"));
        }
        self.scratch.flush().map_err(full)?;
        let scratch = self.scratch.get_mut();
        scratch.seek(SeekFrom::Start(0)).map_err(full)?;
        let mut scratch = BufReader::new(scratch);
        let gain = if self.peak > self.ceiling {
            self.ceiling / self.peak
        } else {
            1.0
        };
        let form = Form {
            rate,
            channels,
            frames: self.samples / u64::from(channels.max(1)),
        };
        let mut target = BufWriter::new(self.file.finished()?);
        let mut encoder = Encoder::start(self.format, &mut target, form)?;
        let mut left = self.samples;
        let mut bytes = vec![0; CHUNK * 4];
        let mut block = Vec::with_capacity(CHUNK);
        while left > 0 {
            let count = left.min(CHUNK as u64) as usize;
            scratch.read_exact(&mut bytes[..count * 4]).map_err(full)?;
            block.clear();
            block.extend(bytes[..count * 4].chunks_exact(4).map(|sample| {
                let sample =
                    f32::from_le_bytes([sample[0], sample[1], sample[2], sample[3]]) * gain;
                (sample * f32::from(i16::MAX))
                    .round()
                    .clamp(-32_767.0, 32_767.0) as i16
            }));
            encoder.write(&block)?;
            left -= count as u64;
        }
        encoder.finish()?;
        flush(&mut target)
    }

    /// Gives the file its final name.
    ///
    /// # Errors
    /// It cannot be put in its place.
    pub(crate) fn commit(&mut self) -> Result<(), NodeError> {
        self.file.commit()
    }
}

fn full(error: std::io::Error) -> NodeError {
    NodeError::output(format!("the temporary sound cannot be kept: {error}"))
        .help("make room in the folder for temporary files")
        .source(error)
}
