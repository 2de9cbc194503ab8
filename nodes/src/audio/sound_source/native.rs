//! WAV, FLAC, Ogg Vorbis and MP3 with the built-in decoders of Symphonia.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use score_engine::{NodeError, Time};
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use super::{SoundSource, breaks_off};
use crate::audio::mixdown::Mixdown;

/// Sample rates that occur, Hz. Others are mistakes in the file, and to resample them could take all memory.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// A file being decoded.
pub(super) struct NativeSound {
    name: String,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    form: Option<(u32, Mixdown)>,
    rate: u32,
    /// Frames that the file says it holds.
    expected: Option<u64>,
    /// Whether it can be held to that: an MP3 may only be guessed at.
    exact: bool,
    frames: u64,
    decoded: Vec<f32>,
}

impl NativeSound {
    /// Opens `path`; `None` where the decoders do not know what is in it.
    ///
    /// # Errors
    /// The file cannot be read, or has an impossible sample rate.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, NodeError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| {
            NodeError::input(format!("`{name}` cannot be read: {error}")).source(error)
        })?;
        Self::decode(Box::new(file), name)
    }

    /// The same with the contents of a file, which errors call `name`.
    ///
    /// # Errors
    /// They have an impossible sample rate.
    pub(super) fn decode(
        file: Box<dyn MediaSource>,
        name: String,
    ) -> Result<Option<Self>, NodeError> {
        let stream = MediaSourceStream::new(file, Default::default());
        let probed = symphonia::default::get_probe().probe(
            &Hint::new(),
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        );
        let Ok(format) = probed else {
            return Ok(None);
        };
        let Some(track) = format.default_track(TrackType::Audio) else {
            return Ok(None);
        };
        let Some(params) = track
            .codec_params
            .as_ref()
            .and_then(|params| params.audio())
        else {
            return Ok(None);
        };
        // A FLAC file carries a checksum of its sound.
        let options = AudioDecoderOptions::default().verify(true);
        let Ok(decoder) = symphonia::default::get_codecs().make_audio_decoder(params, &options)
        else {
            return Ok(None);
        };
        let Some(rate) = params.sample_rate else {
            return Ok(None);
        };
        if !RATES.contains(&rate) {
            return Err(NodeError::input(format!(
                "`{name}` says that it has {rate} samples a second"
            ))
            .help("the file is damaged; copy or export it again"));
        }
        Ok(Some(NativeSound {
            track: track.id,
            expected: track.num_frames,
            exact: params.codec != CODEC_ID_MP3,
            name,
            format,
            decoder,
            form: None,
            rate,
            frames: 0,
            decoded: Vec::new(),
        }))
    }

    fn at(&self) -> Time {
        Time::from_samples(self.frames, self.rate)
    }

    fn damaged(&self, why: &dyn std::fmt::Display) -> NodeError {
        NodeError::input(format!(
            "`{}` is damaged at {}: {why}",
            self.name,
            self.at()
        ))
        .help("copy or export it again")
    }

    fn end(&mut self) -> Result<Option<Vec<f32>>, NodeError> {
        let expected = self.expected.filter(|_| self.exact);
        if let Some(expected) = expected.filter(|expected| self.frames < *expected) {
            let of = Time::from_samples(expected, self.rate);
            return Err(breaks_off(&self.name, self.at(), of, None));
        }
        if self.decoder.finalize().verify_ok == Some(false) {
            return Err(NodeError::input(format!(
                "`{}` is damaged: its sound does not match its checksum",
                self.name
            ))
            .help("copy or export it again"));
        }
        Ok(None)
    }
}

impl SoundSource for NativeSound {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn duration(&self) -> Option<Time> {
        self.expected
            .map(|frames| Time::from_samples(frames, self.rate))
    }

    fn next(&mut self) -> Result<Option<Vec<f32>>, NodeError> {
        loop {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => packet,
                Ok(Some(_)) => continue,
                Ok(None) => return self.end(),
                Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                    return self.end();
                }
                Err(error) => return Err(self.damaged(&error)),
            };
            let buffer = match self.decoder.decode(&packet) {
                Ok(buffer) => buffer,
                Err(error) => return Err(self.damaged(&error)),
            };
            let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels());
            if self.form.is_none() {
                self.form = Some((rate, Mixdown::new(channels)));
            }
            let Some((known_rate, mixdown)) = &self.form else {
                return Err(NodeError::internal("no form"));
            };
            if rate != *known_rate || rate != self.rate || channels.count() != mixdown.channels() {
                return Err(self.damaged(&"it changes its sample rate or its channels"));
            }
            buffer.copy_to_vec_interleaved(&mut self.decoded);
            let mut mixed = Vec::with_capacity(buffer.frames() * 2);
            mixdown.mix(&self.decoded, &mut mixed);
            self.frames += mixed.len() as u64 / 2;
            return Ok(Some(mixed));
        }
    }
}
