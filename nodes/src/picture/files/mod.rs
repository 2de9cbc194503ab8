//! Pictures from files, by the ffmpeg program.

mod gallery;
mod picture;
mod picture_sequence;
mod reader;
mod ticks;

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Stdio;

use score_engine::{Frame, NodeError, Registry};

use super::scale::{Scaler, Window, sides};
use crate::plain_file;
use crate::video::ffmpeg::{last_line, quiet, start};

/// No larger file is taken for a picture, in bytes.
const LARGEST_FILE: u64 = 512 << 20;

/// The longest side of a picture, in pixels; larger ones are shrunk to it.
const LONGEST_SIDE: u32 = 4096;

pub(super) fn register(registry: &mut Registry) {
    registry.add::<picture::Picture>();
    registry.add::<picture_sequence::PictureSequence>();
}

/// The picture in a file, as large as it is; what is transparent in it lies on black.
///
/// # Errors
/// The file cannot be read, is not a picture, or ffmpeg is missing.
pub(crate) fn read(path: &Path) -> Result<Frame, NodeError> {
    let name = path.display();
    let content = plain_file::read(path, LARGEST_FILE).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => NodeError::input(format!("`{name}` is too large for a picture"))
            .help("pictures may have up to 512 MB"),
        _ => NodeError::input(format!("`{name}` cannot be read ({error})")).source(error),
    })?;
    let (output, said) = decode(&content)?;
    let frame = portable_pixmap(&output).ok_or_else(|| {
        let message = format!("`{name}` is not a picture that can be read (ffmpeg: {said})");
        NodeError::input(message).help("try to open it; save it again as PNG or JPEG")
    })?;
    if !said.is_empty() {
        tracing::warn!("`{name}` is damaged (ffmpeg: {said}); what can be read of it is shown");
    }
    Ok(frame)
}

/// The picture in a file, in this size; where only one side is given, the other is in proportion.
///
/// # Errors
/// As [`read`].
fn read_sized(path: &Path, width: Option<u32>, height: Option<u32>) -> Result<Frame, NodeError> {
    let frame = read(path)?;
    let own = (frame.width(), frame.height());
    let (width, height) = sides(own, (width, height));
    let (width, height) = (width.min(LONGEST_SIDE), height.min(LONGEST_SIDE));
    if (width, height) == own {
        return Ok(frame);
    }
    let pixels = Scaler::default().scale(&frame, Window::WHOLE, [width as usize, height as usize]);
    Frame::rgb(width, height, pixels)
        .ok_or_else(|| NodeError::internal("a picture has another number of pixels than its size"))
}

/// What ffmpeg makes of a picture, and what it says. The content goes through a pipe, so that no
/// name can be taken for a pattern or an address.
fn decode(content: &[u8]) -> Result<(Vec<u8>, String), NodeError> {
    let filter = format!(
        "scale=w='min(iw,{LONGEST_SIDE})':h='min(ih,{LONGEST_SIDE})':flags=area:\
         force_original_aspect_ratio=decrease,format=gbrap,premultiply=inplace=1,format=rgb24"
    );
    let mut command = quiet();
    command.args(["-threads", "1", "-i", "pipe:0", "-frames:v", "1"]);
    command.args(["-vf", &filter, "-threads", "1"]);
    command.args(["-f", "image2pipe", "-c:v", "ppm", "pipe:1"]);
    let mut child = start("ffmpeg", Stdio::piped(), &mut command)?;
    let stdin = child.stdin.take();
    let failed = |error: std::io::Error| {
        NodeError::internal(format!("the picture cannot be decoded ({error})")).source(error)
    };
    let output = std::thread::scope(|scope| {
        let feeds = std::thread::Builder::new().spawn_scoped(scope, move || {
            // ffmpeg may have seen enough before the end.
            stdin.map(|mut stdin| stdin.write_all(content))
        });
        // Without the thread, ffmpeg's input has ended, and so does ffmpeg.
        feeds.and(child.wait_with_output())
    });
    let output = output.map_err(failed)?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = match said.trim() {
        "" if output.stdout.is_empty() => "no reason given".to_owned(),
        "" => String::new(),
        said => last_line(said),
    };
    Ok((output.stdout, said))
}

/// The picture in a binary portable pixmap with bytes: `P6`, width, height, 255, pixels.
fn portable_pixmap(bytes: &[u8]) -> Option<Frame> {
    let mut rest = bytes.strip_prefix(b"P6")?;
    let mut number = || -> Option<u32> {
        let begin = rest.iter().position(u8::is_ascii_digit)?;
        let digits = rest[begin..]
            .iter()
            .position(|byte| !byte.is_ascii_digit())?;
        let text = std::str::from_utf8(&rest[begin..begin + digits]).ok()?;
        // One blank follows each number, the last too.
        rest = &rest[begin + digits + 1..];
        text.parse().ok()
    };
    let (width, height, largest) = (number()?, number()?, number()?);
    (largest == 255).then_some(())?;
    Frame::rgb(width, height, rest.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ffmpeg;

    #[test]
    fn png_and_jpeg_are_read_and_what_is_transparent_lies_on_black() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let one = ["-frames:v", "1"];
        let make = |source: &str, name: &str| {
            let arguments = [&["-f", "lavfi", "-i", source][..], &one, &[name]].concat();
            ffmpeg(folder.path(), &arguments);
        };
        make("color=0x3366cc:size=6x4,format=rgb24", "a.png");
        make("color=white:size=8x8", "b.jpg");
        make("color=red@0.5:size=2x2,format=rgba", "half.png");
        let png = read(&at("a.png")).unwrap();
        assert_eq!((png.width(), png.height()), (6, 4));
        // The colour goes through the encoder's own way of telling colours.
        let near = |found: &[u8], wanted: [u8; 3]| {
            let close = |(found, wanted): (&u8, &u8)| found.abs_diff(*wanted) <= 2;
            found.iter().zip(&wanted).all(close)
        };
        assert!(
            near(&png.pixels()[..3], [0x33, 0x66, 0xcc]),
            "{:?}",
            &png.pixels()[..3]
        );
        assert!(near(&read(&at("b.jpg")).unwrap().pixels()[..3], [255; 3]));
        let half = read(&at("half.png")).unwrap();
        assert!(
            near(&half.pixels()[..3], [128, 0, 0]),
            "{:?}",
            half.pixels()
        );
        let sized = |width, height| {
            let frame = read_sized(&at("a.png"), width, height).unwrap();
            (frame.width(), frame.height())
        };
        assert_eq!(sized(Some(3), None), (3, 2));
        assert_eq!(sized(None, Some(8)), (12, 8));
        assert_eq!(sized(Some(5), Some(5)), (5, 5));
    }

    #[test]
    fn a_picture_that_is_made_smaller_keeps_its_proportions() {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("color=white:size={}x40", 2 * LONGEST_SIDE);
        let one = ["-frames:v", "1", "wide.png"];
        ffmpeg(
            folder.path(),
            &[&["-f", "lavfi", "-i", &size][..], &one].concat(),
        );
        let wide = read(&folder.path().join("wide.png")).unwrap();
        assert_eq!((wide.width(), wide.height()), (LONGEST_SIDE, 20));
    }

    #[test]
    fn what_is_not_a_picture_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("empty.png", ""), ("text.jpg", "once upon a time")] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let refused = read(&path).unwrap_err().to_string();
            assert!(
                refused.contains(name) && refused.contains("not a picture"),
                "{refused}"
            );
        }
        assert!(read(&folder.path().join("none.png")).is_err());
        assert!(read(folder.path()).is_err());
    }

    #[test]
    fn a_pixmap_is_read_to_the_byte_and_a_broken_one_is_none() {
        let frame = portable_pixmap(b"P6\n2 1\n255\n\x0a\x20\x30\x01\x02\x03").unwrap();
        assert_eq!(frame.pixels(), [10, 32, 48, 1, 2, 3]);
        for broken in [
            &b"P6\n2 1\n255\n\x0a"[..],
            b"P6\n2 1\n65535\n\x0a\x20\x30\x01\x02\x03",
            b"P6\n99999999999 1\n255\n",
            b"P6\n2",
            b"P5\n1 1\n255\n\x00",
            b"",
        ] {
            assert!(portable_pixmap(broken).is_none());
        }
    }
}
