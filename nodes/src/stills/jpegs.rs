//! JPEGs, one behind another, as ffmpeg writes them to a pipe; and what is in one.

use std::io::{self, ErrorKind, Read};

use score_engine::Frame;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// What a file begins and ends with, and what stands before its coded picture.
const BEGIN: [u8; 2] = [0xff, 0xd8];
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// The longest picture that is taken, in bytes.
const LONGEST: usize = 64 << 20;

/// The next JPEG of a stream of them; `None` at its end.
///
/// # Errors
/// The stream cannot be read, or what comes is no JPEG.
pub(super) fn next(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut found = vec![0; 2];
    let read = stream.read(&mut found[..1])?;
    if read == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut found[1..])?;
    if found != BEGIN {
        return Err(ErrorKind::InvalidData.into());
    }
    loop {
        let [0xff, kind] = take::<2>(stream, &mut found)? else {
            return Err(ErrorKind::InvalidData.into());
        };
        match kind {
            END => return Ok(Some(found)),
            SCAN => {
                segment(stream, &mut found)?;
                // The coded picture has no marker but those that it is restarted by; what looks
                // like one has a zero behind it.
                let mut before = 0;
                loop {
                    let [byte] = take::<1>(stream, &mut found)?;
                    if before == 0xff && byte == END {
                        return Ok(Some(found));
                    }
                    before = byte;
                }
            }
            _ => segment(stream, &mut found)?,
        }
    }
}

/// Reads as many bytes, behind those that were found.
fn take<const COUNT: usize>(
    stream: &mut impl Read,
    found: &mut Vec<u8>,
) -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    stream.read_exact(&mut bytes)?;
    if found.len() > LONGEST {
        return Err(ErrorKind::InvalidData.into());
    }
    found.extend_from_slice(&bytes);
    Ok(bytes)
}

/// Reads a segment, whose length stands before it.
fn segment(stream: &mut impl Read, found: &mut Vec<u8>) -> io::Result<()> {
    let length = usize::from(u16::from_be_bytes(take(stream, found)?)).saturating_sub(2);
    let begin = found.len();
    found.resize(begin + length, 0);
    stream.read_exact(found.get_mut(begin..).unwrap_or_default())
}

/// The picture in a JPEG; `None`: there is none that can be read.
pub(crate) fn decode(jpeg: &[u8]) -> Option<Frame> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let pixels = decoder.decode().ok()?;
    let about = decoder.info()?;
    Frame::rgb(u32::from(about.width), u32::from(about.height), pixels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ffmpeg;

    #[test]
    fn of_a_stream_each_picture_comes_whole_and_shows_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let source = "testsrc2=size=48x32:rate=1:duration=3";
        let stream = ["-f", "lavfi", "-i", source, "-c:v", "mjpeg", "-q:v", "2"];
        let pipe = ["-f", "image2pipe", "-"];
        let bytes = ffmpeg(folder.path(), &[&stream[..], &pipe].concat());
        let raw = ["-f", "lavfi", "-i", source, "-f", "rawvideo"];
        let raw = ffmpeg(
            folder.path(),
            &[&raw[..], &["-pix_fmt", "rgb24", "-"]].concat(),
        );
        let mut rest = &bytes[..];
        for wanted in raw.chunks_exact(48 * 32 * 3) {
            let frame = decode(&next(&mut rest).unwrap().unwrap()).unwrap();
            assert_eq!((frame.width(), frame.height()), (48, 32));
            let far = frame.pixels().iter().zip(wanted);
            let far: u64 = far.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            assert!(far / (wanted.len() as u64) < 20, "{far}");
        }
        assert!(next(&mut rest).unwrap().is_none());
    }

    #[test]
    fn what_is_cut_off_or_no_jpeg_is_an_error_and_no_panic() {
        assert!(next(&mut &b"once upon a time"[..]).is_err());
        assert!(next(&mut &b"\xff\xd8\xff\xe0\xff\xff"[..]).is_err());
        assert!(next(&mut &b""[..]).unwrap().is_none());
        assert!(decode(b"\xff\xd8\xff\xd9").is_none());
        assert!(decode(b"").is_none());
    }
}
