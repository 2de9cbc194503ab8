//! Writes samples as a WAV file that can be read at any time while it grows.
//!
//! Up to 4 GiB the file is a RIFF with a chunk `JUNK` in front; beyond, that chunk becomes the
//! `ds64` of RF64 (EBU Tech 3306), which has the sizes in 64 bits. Written here because no crate
//! keeps the header true while the file grows.

use std::io;

use super::encoder::{Depth, Form};
use super::sound_sink::{SoundSink, Target};

/// The largest size that a RIFF can name; the largest number itself means "see ds64".
pub(super) const LARGEST_RIFF: u64 = u32::MAX as u64 - 1;

/// The most bytes in front of the samples.
pub(crate) const LONGEST_HEADER: u64 = 116;

/// The codes of `WAVE_FORMAT_EXTENSIBLE` for whole and floating-point samples: they differ in the
/// first byte.
const PCM: [u8; 16] = [1, 0, 0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113];
const FLOAT: u8 = 3;

/// Bytes of a chunk that counts the frames, which all but whole numbers must have.
const FACT: u64 = 12;

/// Bytes of a frame.
fn frame(form: Form) -> u64 {
    u64::from(form.depth.bits() / 8) * u64::from(form.channels)
}

/// Bytes of the chunk, with its head, that counts the frames.
fn fact(form: Form) -> u64 {
    if form.depth == Depth::Float { FACT } else { 0 }
}

/// A WAV file being written.
pub(crate) struct WavWriter<W> {
    sink: SoundSink<W>,
    form: Form,
    largest_riff: u64,
    /// Bytes in front of the samples.
    header: u64,
    bytes: Vec<u8>,
}

impl<W: Target> WavWriter<W> {
    /// Begins the file; it becomes an RF64 when its RIFF would be larger than `largest_riff`.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn start(target: W, form: Form, largest_riff: u64) -> io::Result<Self> {
        let header = header(form, 0, largest_riff);
        let mut sink = SoundSink::new(target)?;
        sink.append(&header)?;
        sink.flush()?;
        Ok(WavWriter {
            sink,
            form,
            largest_riff,
            header: header.len() as u64,
            bytes: Vec::new(),
        })
    }

    /// Appends interleaved `samples`.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn write(&mut self, samples: &[f32]) -> io::Result<()> {
        self.bytes.clear();
        let depth = self.form.depth;
        let samples = samples.iter();
        match depth {
            Depth::Sixteen => self.bytes.extend(
                samples.flat_map(|sample| (depth.whole_number(*sample) as i16).to_le_bytes()),
            ),
            Depth::TwentyFour => self.bytes.extend(samples.flat_map(|sample| {
                let [low, middle, high, _] = depth.whole_number(*sample).to_le_bytes();
                [low, middle, high]
            })),
            Depth::Float => self
                .bytes
                .extend(samples.flat_map(|sample| sample.to_le_bytes())),
        }
        self.sink.append(&self.bytes)
    }

    /// Writes what is held back, and a header that is true.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn checkpoint(&mut self) -> io::Result<()> {
        self.sink.flush()?;
        self.write_header()
    }

    /// Makes what has arrived a whole file when no more can be written.
    ///
    /// # Errors
    /// The disk is gone.
    pub(super) fn salvage(&mut self) -> io::Result<()> {
        let frame = frame(self.form).max(1);
        let frames = self.sink.length().saturating_sub(self.header) / frame;
        self.sink.cut(self.header + frames * frame)?;
        self.write_header()
    }

    /// Frames that have arrived.
    pub(super) fn arrived(&self) -> u64 {
        let bytes = self.sink.length().saturating_sub(self.header);
        bytes / frame(self.form).max(1)
    }

    fn write_header(&mut self) -> io::Result<()> {
        let samples = self.sink.length().saturating_sub(self.header);
        let header = header(self.form, samples, self.largest_riff);
        self.sink.rewrite(&header)
    }
}

/// Everything in front of the samples, which are `data` bytes long.
pub(super) fn header(form: Form, data: u64, largest_riff: u64) -> Vec<u8> {
    // The short form is for two channels of 16 bits.
    let extensible = form.channels > 2 || form.depth != Depth::Sixteen;
    let format_size: u32 = if extensible { 40 } else { 16 };
    // WAVE, the chunk that may become ds64, and the heads of the others.
    let riff = 4 + (8 + 28) + (8 + u64::from(format_size)) + fact(form) + 8 + data;
    let is_large = riff > largest_riff;
    let small = |size: u64| {
        if is_large {
            u32::MAX
        } else {
            u32::try_from(size).unwrap_or(u32::MAX)
        }
    };
    let (frame, bits) = (frame(form), form.depth.bits());
    let mut bytes = Vec::with_capacity(LONGEST_HEADER as usize);
    bytes.extend(if is_large { b"RF64" } else { b"RIFF" });
    bytes.extend(small(riff).to_le_bytes());
    bytes.extend(b"WAVE");
    bytes.extend(if is_large { b"ds64" } else { b"JUNK" });
    bytes.extend(28u32.to_le_bytes());
    for size in [riff, data, data / frame.max(1)] {
        bytes.extend(if is_large { size } else { 0 }.to_le_bytes());
    }
    // A table of further chunks, which is empty.
    bytes.extend(0u32.to_le_bytes());
    bytes.extend(b"fmt ");
    bytes.extend(format_size.to_le_bytes());
    bytes.extend(if extensible { 0xFFFEu16 } else { 1 }.to_le_bytes());
    bytes.extend(form.channels.to_le_bytes());
    bytes.extend(form.rate.to_le_bytes());
    let per_second = u32::try_from(frame * u64::from(form.rate)).unwrap_or(u32::MAX);
    bytes.extend(per_second.to_le_bytes());
    bytes.extend(u16::try_from(frame).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    if extensible {
        bytes.extend(22u16.to_le_bytes());
        bytes.extend(bits.to_le_bytes());
        bytes.extend(speakers(form.channels).to_le_bytes());
        let is_float = form.depth == Depth::Float;
        bytes.push(if is_float { FLOAT } else { PCM[0] });
        bytes.extend(&PCM[1..]);
    }
    if fact(form) > 0 {
        bytes.extend(b"fact");
        bytes.extend(4u32.to_le_bytes());
        bytes.extend(small(data / frame.max(1)).to_le_bytes());
    }
    bytes.extend(b"data");
    bytes.extend(small(data).to_le_bytes());
    bytes
}

/// Which loudspeakers the channels belong to, a bit each: the first that there are names for, as
/// other programs assume; of more channels than names, none.
fn speakers(channels: u16) -> u32 {
    match channels {
        channels @ 1..=18 => (1 << channels) - 1,
        _ => 0,
    }
}

/// Makes a WAV file whole that a program did not finish: its sizes become those of what it holds.
///
/// # Errors
/// It cannot be read or written.
pub(crate) fn mend(file: &mut std::fs::File) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};

    let mut start = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(LONGEST_HEADER).read_to_end(&mut start)?;
    let number = |at: usize| {
        let bytes = start.get(at..at + 4)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes))
    };
    let half = |at: usize| {
        Some(u16::from_le_bytes(
            *start.get(at..at + 2)?.first_chunk::<2>()?,
        ))
    };
    let (Some(format_size), Some(channels), Some(rate)) = (number(52), half(58), number(60)) else {
        return Ok(());
    };
    let Some(depth) = half(70).and_then(Depth::of) else {
        return Ok(());
    };
    let is_ours = matches!(start.get(12..16), Some(b"JUNK" | b"ds64"));
    if !is_ours || channels == 0 || start.get(48..52) != Some(b"fmt ") {
        return Ok(());
    }
    let form = Form {
        rate,
        channels,
        depth,
    };
    let length = u64::from(format_size) + 64 + fact(form);
    let frame = frame(form);
    let frames = file.metadata()?.len().saturating_sub(length) / frame;
    file.set_len(length + frames * frame)?;
    let bytes = header(form, frames * frame, LARGEST_RIFF);
    file.seek(SeekFrom::Start(0))?;
    io::Write::write_all(file, &bytes)
}
