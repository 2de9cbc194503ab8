//! Which of a file's picture streams is the film.
//!
//! A file may have several: a cover image in front of the film or behind the sound, thumbnails, a
//! second camera. The film is the first that is none of the images, unless the user chooses another
//! by its number.

use std::path::Path;

use score_engine::NodeError;
use serde_json::Value;

/// Codecs of images: a stream in one of these may be a cover that is not marked as one.
const IMAGES: [&str; 11] = [
    "mjpeg", "png", "bmp", "gif", "webp", "tiff", "jpeg2000", "jpegls", "jpegxl", "targa", "ppm",
];

/// A codec that ffmpeg has no name for.
const UNKNOWN: &str = "unknown";

/// The picture stream numbered `wanted`, or the first that is not a cover, of `streams`, which are
/// the picture streams that ffprobe lists in the file at `path`.
///
/// # Errors
/// There is none, or none of that number.
pub(crate) fn choose<'a>(
    path: &Path,
    streams: &[&'a Value],
    wanted: Option<u32>,
) -> Result<&'a Value, NodeError> {
    let name = path.display();
    if streams.is_empty() {
        return Err(
            NodeError::input(format!("`{name}` has no picture, only sound"))
                .help("choose a film with a picture"),
        );
    }
    if let Some(wanted) = wanted {
        let found = streams
            .iter()
            .find(|stream| index(stream) == Some(u64::from(wanted)));
        return found.copied().ok_or_else(|| {
            let there: Vec<String> = streams.iter().map(|stream| describe(stream)).collect();
            let are = match there.len() {
                1 => "its only one is",
                _ => "its own are",
            };
            NodeError::input(format!(
                "`{name}` has no picture stream {wanted}; {are} {}",
                there.join(", ")
            ))
            .help("give one of these numbers as `stream`, or leave `stream` out")
        });
    }
    let films = || streams.iter().filter(|stream| !is_cover(stream));
    // A copy of a file may have lost the mark of its cover. What ffmpeg cannot decode is never
    // chosen by itself.
    let known = || films().filter(|stream| codec(stream) != UNKNOWN);
    let moving = known()
        .find(|stream| !is_still(stream))
        .or_else(|| known().next())
        .or_else(|| films().next());
    match moving {
        Some(film) if codec(film) == UNKNOWN => Err(NodeError::input(format!(
            "`{name}` has pictures of a codec that this ffmpeg does not know"
        ))
        .help("convert the film with the program that made it, or install a newer ffmpeg")),
        Some(film) => Ok(film),
        None => Err(NodeError::input(format!(
            "`{name}` is a sound file with a cover picture, not a film"
        ))
        .help("choose a film; `stream` takes the cover all the same")),
    }
}

/// A stream's number in its file, as ffprobe and ffmpeg count.
pub(super) fn index(stream: &Value) -> Option<u64> {
    stream.get("index")?.as_u64()
}

/// What ffprobe calls a stream's codec.
pub(super) fn codec(stream: &Value) -> &str {
    let codec = stream.get("codec_name").and_then(Value::as_str);
    codec.filter(|codec| *codec != "none").unwrap_or(UNKNOWN)
}

/// Whether the file says that a stream is a cover or a thumbnail, not a film.
pub(super) fn is_cover(stream: &Value) -> bool {
    ["attached_pic", "timed_thumbnails"]
        .into_iter()
        .any(|mark| {
            let mark = stream.get("disposition").and_then(|marks| marks.get(mark));
            mark.and_then(Value::as_i64) == Some(1)
        })
}

/// Whether a stream is an image that never changes, as far as is known without reading it.
fn is_still(stream: &Value) -> bool {
    let rate = stream.get("avg_frame_rate").and_then(Value::as_str);
    IMAGES.contains(&codec(stream)) && rate.is_none_or(|rate| rate == "0/0")
}

/// `1 (h264, 320x240)`.
fn describe(stream: &Value) -> String {
    let number = index(stream).unwrap_or(0);
    let side = |name: &str| stream.get(name).and_then(Value::as_u64).unwrap_or(0);
    let cover = if is_cover(stream) { ", a cover" } else { "" };
    let (width, height) = (side("width"), side("height"));
    format!("{number} ({}, {width}x{height}{cover})", codec(stream))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stream(index: u32, codec: &str, rate: &str, cover: u32) -> Value {
        json!({
            "index": index, "codec_name": codec, "avg_frame_rate": rate, "width": 320, "height": 240,
            "disposition": { "attached_pic": cover, "timed_thumbnails": 0 },
        })
    }

    fn chosen(streams: &[Value], wanted: Option<u32>) -> Result<u64, String> {
        let streams: Vec<&Value> = streams.iter().collect();
        let choice = choose(Path::new("a.mp4"), &streams, wanted);
        choice
            .map(|stream| index(stream).unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_picture_that_is_no_cover_is_the_film() {
        let film = stream(1, "h264", "25/1", 0);
        let other = stream(2, "h264", "25/1", 0);
        for cover in [stream(0, "mjpeg", "0/0", 1), stream(0, "png", "0/0", 0)] {
            let all = [cover, film.clone(), other.clone()];
            assert_eq!(chosen(&all, None), Ok(1));
            assert_eq!(chosen(&all, Some(2)), Ok(2));
            assert_eq!(chosen(&all, Some(0)), Ok(0));
        }
        // Motion JPEG is a film.
        assert_eq!(chosen(&[stream(0, "mjpeg", "10/1", 0), film], None), Ok(0));
        assert_eq!(chosen(&[stream(0, "png", "0/0", 0)], None), Ok(0));
    }

    #[test]
    fn a_number_that_is_no_picture_is_told_with_those_that_are() {
        let all = [stream(0, "mjpeg", "0/0", 1), stream(1, "h264", "25/1", 0)];
        assert_eq!(
            chosen(&all, Some(2)).unwrap_err(),
            "`a.mp4` has no picture stream 2; its own are 0 (mjpeg, 320x240, a cover), \
             1 (h264, 320x240)"
        );
    }

    #[test]
    fn a_codec_that_ffmpeg_does_not_know_is_told() {
        let unknown = json!({ "index": 0, "avg_frame_rate": "10/1" });
        let refusal = chosen(std::slice::from_ref(&unknown), None).unwrap_err();
        assert!(
            refusal.contains("a codec that this ffmpeg does not know"),
            "{refusal}"
        );
        assert_eq!(
            chosen(&[unknown, stream(1, "h264", "25/1", 0)], None),
            Ok(1)
        );
    }

    #[test]
    fn a_cover_alone_makes_a_sound_file() {
        let refusal = chosen(&[stream(1, "mjpeg", "0/0", 1)], None).unwrap_err();
        assert!(
            refusal.contains("is a sound file with a cover picture"),
            "{refusal}"
        );
        assert!(
            chosen(&[], None)
                .unwrap_err()
                .contains("has no picture, only sound")
        );
    }
}
