//! Writes samples as a WAV or FLAC file while they come, so that the end needs only a flush.

use std::fs::File;
use std::path::Path;

use score_engine::NodeError;

use super::flac_writer::{FlacWriter, MOST_COUNTED, Refusal};
use super::sound_sink::Target;
use super::wav_writer::{LARGEST_RIFF, WavWriter};

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

/// How a sample is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Depth {
    /// A whole number of 16 bits.
    #[default]
    Sixteen,
    /// A whole number of 24 bits.
    TwentyFour,
    /// A floating-point number of 32 bits.
    Float,
}

impl Depth {
    /// The depth with this many bits per sample.
    pub(crate) fn of(bits: u16) -> Option<Self> {
        match bits {
            16 => Some(Depth::Sixteen),
            24 => Some(Depth::TwentyFour),
            32 => Some(Depth::Float),
            _ => None,
        }
    }

    /// Bits of a sample.
    pub(super) fn bits(self) -> u16 {
        match self {
            Depth::Sixteen => 16,
            Depth::TwentyFour => 24,
            Depth::Float => 32,
        }
    }

    /// A sample as a whole number of this depth; full scale is the same in both directions.
    pub(super) fn whole_number(self, sample: f32) -> i32 {
        let scale = match self {
            Depth::Sixteen => f32::from(i16::MAX),
            // Beyond 24 bits a floating-point number of 32 has no digits.
            Depth::TwentyFour | Depth::Float => 8_388_607.0,
        };
        (sample * scale).round().clamp(-scale, scale) as i32
    }
}

/// What a file contains: frames a second, samples a frame, and how each is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) rate: u32,
    pub(crate) channels: u16,
    pub(crate) depth: Depth,
}

/// Where the formats come to their limits. Tests lower them, so that no hours have to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The largest size that a RIFF can name.
    pub(super) riff: u64,
    /// The most samples of each channel that a FLAC's header can count.
    pub(super) counted: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            riff: LARGEST_RIFF,
            counted: MOST_COUNTED,
        }
    }
}

/// A sound file being written.
pub(crate) enum Encoder<W = File> {
    Wav(WavWriter<W>),
    Flac(Box<FlacWriter<W>>),
}

impl<W: Target> Encoder<W> {
    /// Begins the file, in place of what `target` holds.
    ///
    /// # Errors
    /// The disk is full, or the format has no room for such a sound.
    pub(super) fn start(
        format: Format,
        target: W,
        form: Form,
        limits: Limits,
    ) -> Result<Self, NodeError> {
        Ok(match format {
            Format::Wav => {
                Encoder::Wav(WavWriter::start(target, form, limits.riff).map_err(no_room)?)
            }
            Format::Flac => {
                let writer = FlacWriter::start(target, form, limits.counted).map_err(refuse)?;
                Encoder::Flac(Box::new(writer))
            }
        })
    }

    /// Appends interleaved `samples`, of which 1 is full scale.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn write(&mut self, samples: &[f32]) -> Result<(), NodeError> {
        match self {
            Encoder::Wav(writer) => writer.write(samples).map_err(no_room),
            Encoder::Flac(writer) => writer.write(samples).map_err(refuse),
        }
    }

    /// Makes the file one that can be read as it is, up to less than a tenth of a second ago.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn checkpoint(&mut self) -> Result<(), NodeError> {
        match self {
            Encoder::Wav(writer) => writer.checkpoint().map_err(no_room),
            Encoder::Flac(writer) => writer.checkpoint().map_err(refuse),
        }
    }

    /// Writes what is held back, and a header that is true.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn finish(&mut self) -> Result<(), NodeError> {
        match self {
            Encoder::Wav(writer) => writer.checkpoint().map_err(no_room),
            Encoder::Flac(writer) => writer.finish().map_err(refuse),
        }
    }

    /// Makes what has arrived a whole file when no more can be written.
    ///
    /// # Errors
    /// The disk is gone.
    pub(super) fn salvage(&mut self) -> Result<(), NodeError> {
        match self {
            Encoder::Wav(writer) => writer.salvage().map_err(no_room),
            Encoder::Flac(writer) => writer.salvage().map_err(refuse),
        }
    }

    /// Frames that have arrived in the file.
    pub(super) fn arrived(&self) -> u64 {
        match self {
            Encoder::Wav(writer) => writer.arrived(),
            Encoder::Flac(writer) => writer.arrived(),
        }
    }
}

fn no_room(error: std::io::Error) -> NodeError {
    NodeError::output(format!("the sound cannot be written ({error})"))
        .help("make room on the disk")
        .source(error)
}

fn refuse(refusal: Refusal) -> NodeError {
    match refusal {
        Refusal::Io(error) => no_room(error),
        Refusal::Form(why) => NodeError::output(format!("the sound cannot be written: {why}"))
            .help("a .wav takes any number of channels and any rate"),
    }
}

#[cfg(test)]
#[path = "encoder_tests.rs"]
mod tests;
