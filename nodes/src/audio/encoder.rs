//! Writes 16-bit samples as a WAV or FLAC file, block by block.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use flac_codec::encode::{FlacSampleWriter, Options};
use score_engine::NodeError;

/// A kind of sound file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Wav,
    Flac,
}

impl Format {
    /// The format that the ending of `path` names.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_lowercase().as_str() {
            "wav" => Some(Format::Wav),
            "flac" => Some(Format::Flac),
            _ => None,
        }
    }
}

/// What a file contains: frames a second, samples a frame, and frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(crate) rate: u32,
    pub(crate) channels: u16,
    pub(crate) frames: u64,
}

/// Where the encoders write. They lend it, so that what it still holds at the end is flushed with its error told.
type Target<'a, 'b> = &'a mut BufWriter<&'b mut File>;

/// A sound file being written.
pub(crate) enum Encoder<'a, 'b> {
    Wav(hound::WavWriter<Target<'a, 'b>>),
    Flac(Box<FlacSampleWriter<Target<'a, 'b>>>),
}

impl<'a, 'b> Encoder<'a, 'b> {
    /// Begins the file.
    ///
    /// # Errors
    /// The disk is full, or the format has no room for such a sound.
    pub(crate) fn start(
        format: Format,
        target: Target<'a, 'b>,
        form: Form,
    ) -> Result<Self, NodeError> {
        Ok(match format {
            Format::Wav => {
                let spec = hound::WavSpec {
                    channels: form.channels,
                    sample_rate: form.rate,
                    bits_per_sample: 16,
                    sample_format: hound::SampleFormat::Int,
                };
                Encoder::Wav(hound::WavWriter::new(target, spec).map_err(refuse_wav)?)
            }
            Format::Flac => {
                let channels = u8::try_from(form.channels)
                    .map_err(|_| refuse(&"FLAC has at most 8 channels"))?;
                let samples = form.frames * u64::from(form.channels);
                let writer = FlacSampleWriter::new(
                    target,
                    Options::default(),
                    form.rate,
                    16,
                    channels,
                    Some(samples),
                );
                Encoder::Flac(Box::new(writer.map_err(refuse_flac)?))
            }
        })
    }

    /// Appends interleaved `samples`.
    ///
    /// # Errors
    /// The disk is full, or the file would grow larger than its format allows.
    pub(crate) fn write(&mut self, samples: &[i16]) -> Result<(), NodeError> {
        match self {
            Encoder::Wav(writer) => samples
                .iter()
                .try_for_each(|sample| writer.write_sample(*sample))
                .map_err(refuse_wav),
            Encoder::Flac(writer) => {
                let samples: Vec<i32> = samples.iter().map(|sample| i32::from(*sample)).collect();
                writer.write(&samples).map_err(refuse_flac)
            }
        }
    }

    /// Writes what is held back, and the header anew.
    ///
    /// # Errors
    /// The disk is full.
    pub(crate) fn finish(self) -> Result<(), NodeError> {
        match self {
            Encoder::Wav(writer) => writer.finalize().map_err(refuse_wav),
            Encoder::Flac(writer) => writer.finalize().map_err(refuse_flac),
        }
    }
}

/// Writes what `target` still holds.
///
/// # Errors
/// The disk is full.
pub(crate) fn flush(target: Target<'_, '_>) -> Result<(), NodeError> {
    target.flush().map_err(no_room)
}

fn refuse(why: &dyn std::fmt::Display) -> NodeError {
    NodeError::output(format!("the sound cannot be written: {why}"))
}

fn no_room(error: std::io::Error) -> NodeError {
    refuse(&error).help("make room on the disk").source(error)
}

fn refuse_wav(error: hound::Error) -> NodeError {
    match error {
        hound::Error::IoError(error) => no_room(error),
        other => refuse(&other).help("a WAV file holds at most 4 GB; a .flac holds more"),
    }
}

fn refuse_flac(error: flac_codec::Error) -> NodeError {
    match error {
        flac_codec::Error::Io(error) => no_room(error),
        other => refuse(&other),
    }
}
