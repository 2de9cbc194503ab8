//! WAV, FLAC, Ogg Vorbis and MP3 with the built-in decoders of Symphonia.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::Path;

use score_engine::{NodeError, Time};
use score_fourier::Resampler;
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use super::contents::{Contents, Look, Stretches};
use super::{SoundSource, breaks_off, mp3, ogg};
use crate::audio::mixdown::Mixdown;

/// Sample rates that occur, Hz. Others are mistakes in the file, and to resample them could take
/// all memory.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// A file being decoded.
pub(super) struct NativeSound {
    name: String,
    contents: Contents,
    /// The sounds in the file that are still to come.
    parts: VecDeque<Part>,
    /// The one that plays.
    playing: Decoding,
    /// The rate of the first; others are resampled to it.
    rate: u32,
    duration: Option<Time>,
    /// Whether the file ends in the middle of something.
    is_cut: bool,
    frames: u64,
}

/// A sound in a file that may hold several.
struct Part {
    /// Where it lies; of what is not known, everywhere.
    stretches: Vec<Range<u64>>,
    form: Form,
}

/// What is known of a part before it is decoded.
enum Form {
    /// Nothing.
    Any,
    /// An Ogg stream, and which streams in it have their end.
    Ogg(ogg::Link),
    /// An MP3: frames of sound, and whether the file itself says how many; then Symphonia knows how
    /// many are filling.
    Mp3 { frames: u64, is_tagged: bool },
}

/// Finds the sounds in a file that begins with `start`, how long they are, and whether the file is
/// cut off.
fn outline(contents: &Contents, start: &[u8]) -> io::Result<(VecDeque<Part>, Option<Time>, bool)> {
    let whole = || {
        let stretches = Vec::new();
        let form = Form::Any;
        (VecDeque::from([Part { stretches, form }]), None, false)
    };
    if start.starts_with(b"OggS") {
        let links = ogg::links(contents.open()?)?;
        let part = |link: ogg::Link| Part {
            stretches: vec![link.place.clone()],
            form: Form::Ogg(link),
        };
        return Ok((links.into_iter().map(part).collect(), None, false));
    }
    if !(start.starts_with(b"ID3") || start.first() == Some(&0xFF)) {
        return Ok(whole());
    }
    let outline = mp3::outline(contents.open()?)?;
    let length =
        |part: &mp3::Mp3| Time::from_samples(part.frames * part.samples, part.rate).nanos();
    let duration = Time::from_nanos(outline.parts.iter().map(length).sum());
    let part = |mp3: mp3::Mp3| Part {
        form: Form::Mp3 {
            frames: mp3.frames * mp3.samples,
            is_tagged: mp3.is_tagged,
        },
        stretches: mp3.stretches,
    };
    let parts: VecDeque<Part> = outline.parts.into_iter().map(part).collect();
    if parts.is_empty() {
        // A FLAC file with a title as MP3s have it, or nothing that is known here.
        return Ok(whole());
    }
    Ok((parts, Some(duration), outline.is_cut))
}

impl NativeSound {
    /// Opens `path`; `None` where the decoders do not know what is in it.
    ///
    /// # Errors
    /// The file cannot be read, or has an impossible sample rate.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, NodeError> {
        let name = path.display().to_string();
        Self::decode(Contents::File(path.to_owned()), name)
    }

    /// The same with the contents of a file, which errors call `name`.
    ///
    /// # Errors
    /// They cannot be read, or have an impossible sample rate.
    pub(super) fn decode(contents: Contents, name: String) -> Result<Option<Self>, NodeError> {
        let unreadable = |error: io::Error| {
            NodeError::input(format!("`{name}` cannot be read ({error})")).source(error)
        };
        let start = contents
            .open()
            .and_then(|file| Look::new(file).bytes::<4>(0));
        let (start, _) = start.map_err(unreadable)?;
        let (mut parts, duration, is_cut) = outline(&contents, &start).map_err(unreadable)?;
        let Some(first) = parts.pop_front() else {
            return Ok(None);
        };
        let file = contents.open().map_err(unreadable)?;
        let Some(playing) = Decoding::begin(first, file, &name)? else {
            return Ok(None);
        };
        let told = playing.expected.filter(|_| parts.is_empty());
        let told = told.map(|frames| Time::from_samples(frames, playing.rate));
        Ok(Some(NativeSound {
            name,
            contents,
            parts,
            rate: playing.rate,
            playing,
            duration: told.or(duration),
            is_cut,
            frames: 0,
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

    /// Goes on with the next sound in the file; `false` after the last.
    fn go_on(&mut self) -> Result<bool, NodeError> {
        let playing = &mut self.playing;
        if let Some(expected) = playing
            .expected
            .filter(|expected| playing.frames < *expected)
        {
            let missing = Time::from_samples(expected - playing.frames, playing.rate);
            let of = self.at() + missing;
            return Err(breaks_off(&self.name, self.at(), Some(of), None));
        }
        if playing.decoder.finalize().verify_ok == Some(false) {
            return Err(NodeError::input(format!(
                "`{}` is damaged: its sound does not match its checksum",
                self.name
            ))
            .help("copy or export it again"));
        }
        let Some(next) = self.parts.pop_front() else {
            if self.is_cut || playing.is_endless {
                return Err(breaks_off(&self.name, self.at(), None, None));
            }
            return Ok(false);
        };
        let file = self.contents.open().map_err(|error| self.damaged(&error))?;
        let Some(mut next) = Decoding::begin(next, file, &self.name)? else {
            return Err(self.damaged(&"sound of another kind follows, which cannot be read"));
        };
        next.resampler = Resampler::new(next.rate, self.rate)?;
        self.playing = next;
        Ok(true)
    }
}

impl SoundSource for NativeSound {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn duration(&self) -> Option<Time> {
        self.duration
    }

    fn next(&mut self) -> Result<Option<Vec<f32>>, NodeError> {
        loop {
            let samples = match self.playing.next() {
                Ok(samples) => samples,
                Err(why) => return Err(self.damaged(&why)),
            };
            let mut ready = Vec::new();
            match (samples, &mut self.playing.resampler) {
                (Some(samples), None) => ready = samples,
                (Some(samples), Some(resampler)) => resampler.push(&samples, &mut ready)?,
                (None, resampler) => {
                    if let Some(resampler) = resampler {
                        resampler.finish(&mut ready)?;
                    }
                    self.frames += ready.len() as u64 / 2;
                    return match (self.go_on()?, ready.is_empty()) {
                        (_, false) => Ok(Some(ready)),
                        (true, true) => continue,
                        (false, true) => Ok(None),
                    };
                }
            }
            self.frames += ready.len() as u64 / 2;
            if !ready.is_empty() {
                return Ok(Some(ready));
            }
        }
    }
}

/// One sound being decoded.
struct Decoding {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    mixdown: Option<Mixdown>,
    rate: u32,
    /// Frames that it must have, where that is known.
    expected: Option<u64>,
    /// Whether its end is missing.
    is_endless: bool,
    frames: u64,
    decoded: Vec<f32>,
    resampler: Option<Resampler>,
    is_over: bool,
}

impl Decoding {
    /// Begins to decode a part of `file`; `None` where the decoders do not know what is in it.
    ///
    /// # Errors
    /// It has an impossible sample rate.
    fn begin(
        part: Part,
        file: Box<dyn MediaSource>,
        name: &str,
    ) -> Result<Option<Self>, NodeError> {
        let source: Box<dyn MediaSource> = match part.form {
            Form::Any => file,
            Form::Ogg(_) => Box::new(Stretches::new(file, part.stretches, true)),
            Form::Mp3 { .. } => Box::new(Stretches::new(file, part.stretches, false)),
        };
        let probed = symphonia::default::get_probe().probe(
            &Hint::new(),
            MediaSourceStream::new(source, Default::default()),
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
        let is_mp3 = params.codec == CODEC_ID_MP3;
        let (expected, is_endless) = match part.form {
            Form::Mp3 {
                frames,
                is_tagged: false,
            } => (Some(frames), false),
            Form::Mp3 { .. } => (track.num_frames, false),
            Form::Ogg(link) => (track.num_frames, !link.ended.contains(&track.id)),
            // What is said of an MP3 that was not found frame by frame is a guess.
            Form::Any => (track.num_frames.filter(|_| !is_mp3), false),
        };
        Ok(Some(Decoding {
            track: track.id,
            format,
            decoder,
            mixdown: None,
            rate,
            expected,
            is_endless,
            frames: 0,
            decoded: Vec::new(),
            resampler: None,
            is_over: false,
        }))
    }

    /// The next samples, stereo; `None` after the last.
    ///
    /// # Errors
    /// It is damaged; why.
    fn next(&mut self) -> Result<Option<Vec<f32>>, String> {
        while !self.is_over {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => packet,
                Ok(Some(_)) => continue,
                Ok(None) => break,
                Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error.to_string()),
            };
            let buffer = (self.decoder.decode(&packet)).map_err(|error| error.to_string())?;
            let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels());
            let mixdown = self.mixdown.get_or_insert_with(|| Mixdown::new(channels));
            if rate != self.rate || channels.count() != mixdown.channels() {
                return Err("it changes its sample rate or its channels".to_owned());
            }
            buffer.copy_to_vec_interleaved(&mut self.decoded);
            let mut mixed = Vec::with_capacity(buffer.frames() * 2);
            mixdown.mix(&self.decoded, &mut mixed);
            self.frames += mixed.len() as u64 / 2;
            return Ok(Some(mixed));
        }
        self.is_over = true;
        Ok(None)
    }
}
