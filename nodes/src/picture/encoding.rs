//! Pictures as the bytes of PNG and JPEG files.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use score_engine::{Frame, NodeError};

use crate::video::ffmpeg::{last_line, quiet, start};

/// A format of pictures that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PictureFormat {
    Png,
    Jpeg,
}

impl PictureFormat {
    /// The one that the ending of `path` names.
    ///
    /// # Errors
    /// It names none.
    pub(crate) fn of(path: &Path) -> Result<Self, NodeError> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        match ending.unwrap_or_default().to_lowercase().as_str() {
            "png" => Ok(PictureFormat::Png),
            "jpg" | "jpeg" => Ok(PictureFormat::Jpeg),
            _ => {
                let path = path.display();
                let why = format!("`{path}` has no ending that names a format of pictures");
                Err(NodeError::output(why).help("it ends in .png or .jpg"))
            }
        }
    }

    /// `frame` as the content of a file; `quality`, 1 to 100, is that of a JPEG.
    ///
    /// # Errors
    /// The picture is empty, or for a JPEG ffmpeg is missing or fails.
    pub(crate) fn encode(self, frame: &Frame, quality: u32) -> Result<Vec<u8>, NodeError> {
        match self {
            PictureFormat::Png => png(frame.width(), frame.height(), frame.pixels()),
            PictureFormat::Jpeg => jpeg(frame, quality),
        }
    }
}

/// RGB pixels as a PNG file.
///
/// # Errors
/// There are none, or not as many as the sides say.
pub(crate) fn png(width: u32, height: u32, pixels: &[u8]) -> Result<Vec<u8>, NodeError> {
    let refuse = |error: png::EncodingError| {
        NodeError::internal(format!("the picture cannot be encoded: {error}"))
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(refuse)?;
    writer.write_image_data(pixels).map_err(refuse)?;
    writer.finish().map_err(refuse)?;
    Ok(bytes)
}

/// A frame as a JPEG file, whose colours are as sharp as its brightness.
///
/// # Errors
/// The frame is empty, or ffmpeg is missing or fails.
fn jpeg(frame: &Frame, quality: u32) -> Result<Vec<u8>, NodeError> {
    let failed = |why: &str| NodeError::output(format!("the picture cannot be encoded ({why})"));
    if frame.pixels().is_empty() {
        return Err(failed("it is empty"));
    }
    let mut command = quiet();
    command.args(["-threads", "1", "-f", "rawvideo", "-pixel_format", "rgb24"]);
    command.args([
        "-video_size",
        &format!("{}x{}", frame.width(), frame.height()),
    ]);
    command.args(["-framerate", "1", "-i", "pipe:0", "-frames:v", "1"]);
    command.args([
        "-vf",
        "scale=out_range=pc,format=yuvj444p,setsar=1",
        "-threads",
        "1",
    ]);
    command.args(["-c:v", "mjpeg", "-q:v", &quantiser(quality).to_string()]);
    command.args(["-fflags", "+bitexact", "-flags:v", "+bitexact"]);
    command.args(["-f", "image2pipe", "pipe:1"]);
    let mut child = start("ffmpeg", Stdio::piped(), &mut command)?;
    let (stdin, pixels) = (child.stdin.take(), frame.pixels());
    let output = std::thread::scope(|scope| {
        let feeds = std::thread::Builder::new().spawn_scoped(scope, move || {
            // Where ffmpeg has given up, it says why.
            stdin.map(|mut stdin| stdin.write_all(pixels))
        });
        // Without the thread, ffmpeg's input has ended, and so does ffmpeg.
        feeds.and(child.wait_with_output())
    });
    let output = output.map_err(|error| failed(&error.to_string()).source(error))?;
    if !output.status.success() || output.stdout.is_empty() {
        let said = last_line(&String::from_utf8_lossy(&output.stderr));
        return Err(failed(&format!("ffmpeg: {said}")));
    }
    Ok(output.stdout)
}

/// ffmpeg's measure of a JPEG's quality, 31 (worst) to 1, for one of 1 to 100.
fn quantiser(quality: u32) -> u32 {
    31 - (quality.clamp(1, 100) - 1) * 30 / 99
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ffmpeg;

    #[test]
    fn an_ending_names_a_format_in_any_case() {
        let format = |name: &str| PictureFormat::of(Path::new(name)).ok();
        assert_eq!(format("a.PNG"), Some(PictureFormat::Png));
        assert_eq!(format("a.b.jpeg"), Some(PictureFormat::Jpeg));
        assert_eq!(format("a.gif"), None);
        assert_eq!(format("png"), None);
    }

    /// ffmpeg decodes what was written, which shares no code with the PNG encoder.
    #[test]
    fn what_is_encoded_shows_the_same_picture() {
        let folder = tempfile::tempdir().unwrap();
        let pixels = (0..12 * 10)
            .flat_map(|n: u32| [(n * 2) as u8, 200 - n as u8, 90])
            .collect();
        let frame = Frame::rgb(12, 10, pixels).unwrap();
        for (name, farthest) in [("a.png", 0), ("a.jpg", 12)] {
            let format = PictureFormat::of(Path::new(name)).unwrap();
            let bytes = format.encode(&frame, 100).unwrap();
            assert_eq!(bytes, format.encode(&frame, 100).unwrap());
            std::fs::write(folder.path().join(name), bytes).unwrap();
            let arguments = ["-i", name, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
            let shown = ffmpeg(folder.path(), &arguments);
            assert_eq!(shown.len(), frame.pixels().len(), "{name}");
            let pairs = shown.iter().zip(frame.pixels());
            let far = pairs.map(|(one, other)| one.abs_diff(*other)).max();
            assert!(far <= Some(farthest), "{name}: {far:?}");
        }
    }

    #[test]
    fn a_lower_quality_takes_fewer_bytes() {
        assert_eq!([quantiser(1), quantiser(100)], [31, 1]);
        let pixels = (0..64 * 64 * 3).map(|n: u32| (n * n / 7 % 256) as u8);
        let frame = Frame::rgb(64, 64, pixels.collect()).unwrap();
        let size = |quality| jpeg(&frame, quality).unwrap().len();
        assert!(size(30) * 2 < size(100));
    }
}
