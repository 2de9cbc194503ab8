//! Writes samples of 16 or 24 bits as a FLAC file that can be read at any time while it grows.
//!
//! The crate encodes the frames; the header is written here, because the crate's own file writers
//! remember a seek point a frame, which for a take of months is a gigabyte, and fail at the end of
//! one of 2³⁶ samples.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use flac_codec::encode::{FlacStreamWriter, Options};

use super::encoder::{Depth, Form};
use super::sound_sink::{SoundSink, Target};

/// Samples of each channel in a frame.
const BLOCK: u16 = 4096;

/// Bytes of everything in front of the frames: room for tags is kept.
pub(crate) const HEADER: usize = 1024;

/// The most samples of each channel whose number the header can say; 0 there means that it is not
/// known.
pub(super) const MOST_COUNTED: u64 = (1 << 36) - 1;

/// The most channels.
const MOST_CHANNELS: u16 = 8;

/// Where the encoder puts a frame, to be taken from there.
#[derive(Clone, Default)]
struct Tray(Arc<Mutex<Vec<u8>>>);

impl Write for Tray {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut tray = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tray.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why samples were not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}")]
    Form(String),
}

impl From<flac_codec::Error> for Refusal {
    fn from(error: flac_codec::Error) -> Self {
        match error {
            flac_codec::Error::Io(error) => Refusal::Io(error),
            other => Refusal::Form(other.to_string()),
        }
    }
}

/// A FLAC file being written.
pub(crate) struct FlacWriter<W> {
    sink: SoundSink<W>,
    form: Form,
    most_counted: u64,
    encoder: FlacStreamWriter<Tray>,
    tray: Tray,
    /// Samples that do not fill a frame yet.
    waiting: Vec<i32>,
    /// Samples of each channel up to the end of each frame that was given to the sink, and the
    /// length of the file once the frame has arrived; the latest that has.
    given: VecDeque<(u64, u64)>,
    arrived: (u64, u64),
    digest: md5::Context,
}

impl<W: Target> FlacWriter<W> {
    /// Begins the file. Up to `most_counted` samples of each channel its header says how many there
    /// are.
    ///
    /// # Errors
    /// The disk is full, or FLAC has no room for such a sound.
    pub(super) fn start(target: W, form: Form, most_counted: u64) -> Result<Self, Refusal> {
        if form.channels == 0 || form.channels > MOST_CHANNELS {
            return Err(Refusal::Form(format!(
                "FLAC has at most {MOST_CHANNELS} channels, not {}",
                form.channels
            )));
        }
        if form.depth == Depth::Float {
            let why = "FLAC has no floating-point samples";
            return Err(Refusal::Form(why.to_owned()));
        }
        let mut sink = SoundSink::new(target)?;
        sink.append(&header(form, 0, [0; 16]))?;
        sink.flush()?;
        let tray = Tray::default();
        Ok(FlacWriter {
            sink,
            form,
            most_counted,
            encoder: FlacStreamWriter::new(tray.clone(), Options::default()),
            tray,
            waiting: Vec::new(),
            given: VecDeque::new(),
            arrived: (0, HEADER as u64),
            digest: md5::Context::new(),
        })
    }

    /// Appends interleaved `samples`.
    ///
    /// # Errors
    /// The disk is full, or FLAC has no room for such a sound.
    pub(super) fn write(&mut self, samples: &[f32]) -> Result<(), Refusal> {
        let depth = self.form.depth;
        self.waiting
            .extend(samples.iter().map(|sample| depth.whole_number(*sample)));
        let frame = usize::from(BLOCK) * usize::from(self.form.channels);
        while self.waiting.len() >= frame {
            let rest = self.waiting.split_off(frame);
            let block = std::mem::replace(&mut self.waiting, rest);
            self.encode(&block)?;
        }
        Ok(())
    }

    fn encode(&mut self, block: &[i32]) -> Result<(), Refusal> {
        let (rate, channels) = (self.form.rate, self.form.channels as u8);
        let bits = self.form.depth.bits();
        self.encoder.write(rate, channels, u32::from(bits), block)?;
        for sample in block {
            let bytes = sample.to_le_bytes();
            self.digest.consume(&bytes[..usize::from(bits / 8)]);
        }
        let mut tray = self.tray.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (samples, length) = self.given.back().copied().unwrap_or(self.arrived);
        self.given.push_back((
            samples + block.len() as u64 / u64::from(self.form.channels),
            length + tray.len() as u64,
        ));
        let appended = self.sink.append(&tray);
        tray.clear();
        drop(tray);
        self.see_arrived();
        Ok(appended?)
    }

    fn see_arrived(&mut self) {
        while let Some(frame) = self.given.front().copied()
            && frame.1 <= self.sink.length()
        {
            self.arrived = frame;
            self.given.pop_front();
        }
    }

    /// Writes what is held back but for the samples that do not fill a frame, and a header that is
    /// true.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn checkpoint(&mut self) -> Result<(), Refusal> {
        let flushed = self.sink.flush();
        self.see_arrived();
        flushed?;
        self.write_header([0; 16])
    }

    /// Writes everything, and the header with the digest of the samples.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn finish(&mut self) -> Result<(), Refusal> {
        let channels = usize::from(self.form.channels);
        let mut rest = std::mem::take(&mut self.waiting);
        rest.truncate(rest.len() / channels * channels);
        if !rest.is_empty() {
            self.encode(&rest)?;
        }
        let flushed = self.sink.flush();
        self.see_arrived();
        flushed?;
        let digest = self.digest.clone().finalize();
        self.write_header(digest.0)
    }

    /// Makes what has arrived a whole file when no more can be written.
    ///
    /// # Errors
    /// The disk is gone.
    pub(super) fn salvage(&mut self) -> Result<(), Refusal> {
        self.see_arrived();
        self.sink.cut(self.arrived.1)?;
        self.write_header([0; 16])
    }

    /// Samples of each channel that have arrived.
    pub(super) fn arrived(&self) -> u64 {
        self.arrived.0
    }

    fn write_header(&mut self, digest: [u8; 16]) -> Result<(), Refusal> {
        let samples = self.arrived.0;
        let counted = if samples > self.most_counted {
            0
        } else {
            samples
        };
        Ok(self.sink.rewrite(&header(self.form, counted, digest))?)
    }
}

/// Everything in front of the frames.
fn header(form: Form, samples: u64, digest: [u8; 16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER);
    bytes.extend(b"fLaC");
    // STREAMINFO. The sizes of the smallest and the largest frame are not known.
    bytes.extend([0, 0, 0, 34]);
    bytes.extend(BLOCK.to_be_bytes());
    bytes.extend(BLOCK.to_be_bytes());
    bytes.extend([0; 6]);
    let facts = (u64::from(form.rate) << 44)
        | (u64::from(form.channels.saturating_sub(1)) << 41)
        | (u64::from(form.depth.bits() - 1) << 36)
        | samples;
    bytes.extend(facts.to_be_bytes());
    bytes.extend(digest);
    // VORBIS_COMMENT with no tag but the program's name.
    let vendor = concat!("SCORE! ", env!("CARGO_PKG_VERSION"));
    let comment = [
        &(vendor.len() as u32).to_le_bytes()[..],
        vendor.as_bytes(),
        &0u32.to_le_bytes(),
    ]
    .concat();
    bytes.push(4);
    bytes.extend(&(comment.len() as u32).to_be_bytes()[1..]);
    bytes.extend(comment);
    // PADDING, the last block.
    let padding = HEADER.saturating_sub(bytes.len() + 4);
    bytes.push(0x80 | 1);
    bytes.extend(&(padding as u32).to_be_bytes()[1..]);
    bytes.resize(HEADER, 0);
    bytes
}
