//! Sound in files, decoded block by block.

mod at_rate;
mod contents;
mod ffmpeg;
mod mp3;
mod native;
mod ogg;

use std::io::Read;
use std::path::Path;

use score_engine::{NodeError, Time};

pub(crate) use self::at_rate::SoundAtRate;
pub(crate) use self::ffmpeg::FfmpegSound;

/// Sound being decoded.
pub(crate) trait SoundSource: Send {
    /// Frames a second, Hz.
    fn rate(&self) -> u32;

    /// How long it says that it lasts, where it does.
    fn duration(&self) -> Option<Time>;

    /// The next block, interleaved stereo; `None` after the last.
    ///
    /// # Errors
    /// The file is damaged or cut off; the error names the time.
    fn next(&mut self) -> Result<Option<Vec<f32>>, NodeError>;
}

/// Opens the sound in the file at `path`: with the built-in decoders where they know it to the
/// sample, which they do not for MP4 (they leave out its edits, and with them 20 to 50 ms at the
/// start), else with the ffmpeg program, at `rate` frames a second.
///
/// # Errors
/// The file cannot be read or holds no sound, or the ffmpeg program is needed and missing.
pub(crate) fn open(path: &Path, rate: u32) -> Result<Box<dyn SoundSource>, NodeError> {
    if is_native(path)?
        && let Some(sound) = native::NativeSound::open(path)?
    {
        return Ok(Box::new(sound));
    }
    Ok(Box::new(FfmpegSound::open(path, rate)?))
}

/// Decodes a file's `bytes` with the built-in decoders; `None` where they are not asked, or do not
/// know it.
///
/// # Errors
/// The sound has an impossible sample rate.
#[cfg(feature = "fuzzing")]
pub(crate) fn decode(bytes: &[u8], name: &str) -> Result<Option<impl SoundSource>, NodeError> {
    if !begins_natively(bytes) {
        return Ok(None);
    }
    let contents = contents::Contents::Bytes(bytes.into());
    native::NativeSound::decode(contents, name.to_owned())
}

/// Whether the file begins as WAV, FLAC, Ogg or MP3 does. The built-in decoders look for anything
/// like them all through a file, and would find MP3 in a film.
fn is_native(path: &Path) -> Result<bool, NodeError> {
    let unreadable = |error: std::io::Error| {
        NodeError::input(format!("`{}` cannot be read ({error})", path.display())).source(error)
    };
    let mut start = Vec::new();
    std::fs::File::open(path)
        .map_err(unreadable)?
        .take(64)
        .read_to_end(&mut start)
        .map_err(unreadable)?;
    Ok(begins_natively(&start))
}

fn begins_natively(start: &[u8]) -> bool {
    match start {
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'A',
            b'V',
            b'E',
            ..,
        ] => true,
        [b'f', b'L', b'a', b'C', ..] => true,
        [b'O', b'g', b'g', b'S', ..] => !is_ogg_film(start),
        // An MP3's title, or the 11 bits with which each of its frames begins, and that it is layer
        // III.
        [b'I', b'D', b'3', ..] => true,
        [0xFF, second, ..] => second & 0xE6 == 0xE2,
        _ => false,
    }
}

/// Whether an Ogg file's first stream is a picture's, or an index of several: its sound has a place
/// beside the picture.
fn is_ogg_film(start: &[u8]) -> bool {
    let films: [&[u8]; 3] = [b"\x80theora", b"fishead\0", b"BBCD\0"];
    let begins = |film: &&[u8]| start.windows(film.len()).any(|part| part == *film);
    films.iter().any(begins)
}

/// The error for a file that ends too early.
fn breaks_off(name: &str, at: Time, of: Option<Time>, complaint: Option<&str>) -> NodeError {
    let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
    let complaint = complaint
        .map(|complaint| format!(" ({complaint})"))
        .unwrap_or_default();
    NodeError::input(format!("`{name}` breaks off at {at}{of}{complaint}")).help(
        "the file is cut off or damaged; copy or export it again, or keep what there is with \
         `ffmpeg -i FILE -c copy OTHER_FILE`",
    )
}
