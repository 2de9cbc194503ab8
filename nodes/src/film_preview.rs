//! Films for a browser: whether it plays one as it is, a small one that every browser plays, and
//! stills.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use score_engine::NodeError;
use serde_json::Value;

use crate::video::ffmpeg::{Film, Running, ask, input_url, last_line, probe, quiet, start};

/// How often it is looked at whether ffmpeg has ended.
const LOOK: Duration = Duration::from_millis(20);

/// The height of a preview, in lines, at most.
const PREVIEW_HEIGHT: u32 = 480;

/// The height of one of several stills, in lines.
const STILL_HEIGHT: u32 = 72;

/// How long ffmpeg may take for one still: it reads from the picture before that stands alone, or
/// from the still before.
const LONGEST_STILL: Duration = Duration::from_secs(60);

/// What browsers play: containers as ffprobe calls them, and the codecs of picture and sound in
/// them (<https://developer.mozilla.org/docs/Web/Media/Guides/Formats/Containers>).
const PLAYED: [(&str, &[&str], &[&str]); 2] = [
    ("mp4", &["h264"], &["aac", "mp3"]),
    ("webm", &["vp8", "vp9", "av1"], &["opus", "vorbis"]),
];

/// Whether the browsers of today play the film at `film` as it is.
///
/// # Errors
/// ffprobe is missing, or cannot read the film.
pub fn plays_in_browsers(film: &Path) -> Result<bool, NodeError> {
    let entries = "stream=codec_type,codec_name,pix_fmt:format=format_name";
    let found = ask(film, "a film", &[], entries)?;
    Ok(is_played(&found))
}

fn is_played(found: &Value) -> bool {
    let text = |of: &Value, entry: &str| of[entry].as_str().unwrap_or_default().to_owned();
    let format = text(&found["format"], "format_name");
    let Some((_, pictures, sounds)) = PLAYED
        .iter()
        .find(|(name, ..)| format.split(',').any(|one| one == *name))
    else {
        return false;
    };
    let streams = found["streams"].as_array().map_or(&[][..], Vec::as_slice);
    let has_picture = streams
        .iter()
        .any(|stream| text(stream, "codec_type") == "video");
    has_picture
        && streams.iter().all(|stream| {
            let codec = text(stream, "codec_name");
            match text(stream, "codec_type").as_str() {
                // More bits, or colours of every pixel, are for other players.
                "video" => {
                    pictures.contains(&codec.as_str())
                        && ["yuv420p", "yuvj420p"].contains(&text(stream, "pix_fmt").as_str())
                }
                "audio" => sounds.contains(&codec.as_str()),
                _ => true,
            }
        })
}

/// Writes `to`, an .mp4 in small with the picture and the sound of the film at `film`, which
/// browsers play; unless it is stopped.
///
/// # Errors
/// ffmpeg is missing or fails, or it was stopped.
pub fn write_preview(
    film: &Path,
    to: &Path,
    is_stopped: impl Fn() -> bool,
) -> Result<(), NodeError> {
    let found = probe(film, None)?;
    let mut command = quiet();
    command.args(found.timeline.arguments());
    command.arg("-i").arg(input_url(film));
    command.args(["-map", &format!("0:{}", found.stream), "-map", "0:a:0?"]);
    let size = format!(
        "scale=trunc(iw*sar*min(1\\,{PREVIEW_HEIGHT}/ih)/2)*2:trunc(min(ih\\,{PREVIEW_HEIGHT})/2)*2,setsar=1"
    );
    command.args(["-vf", &size, "-pix_fmt", "yuv420p"]);
    command.args(["-c:v", "libx264", "-preset", "veryfast", "-crf", "26"]);
    command.args(["-c:a", "aac", "-b:a", "160k", "-movflags", "+faststart"]);
    command.args(["-f", "mp4"]).arg(input_url(to));
    done(
        &mut command,
        "a preview of the film cannot be made",
        is_stopped,
    )
}

/// A still that was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Still {
    /// Which it is, counted from 0.
    pub number: usize,
    /// How many there will be.
    pub of: usize,
    /// The length of the film, in seconds.
    pub seconds: f64,
}

/// Writes stills of the film at `film`, `most` at most, to 0.jpg, 1.jpg and so on in `folder`: each
/// from the middle of its share of the film. Those that are there are not made again; `tell` is
/// told each. It ends where it is stopped.
///
/// # Errors
/// ffmpeg is missing, the film has no pictures, or it was stopped before its length was known.
pub fn write_stills(
    film: &Path,
    folder: &Path,
    most: usize,
    is_stopped: impl Fn() -> bool,
    mut tell: impl FnMut(Still),
) -> Result<(), NodeError> {
    let found = probe(film, None)?;
    let seconds = found.lasts(film, &is_stopped)?;
    let seconds = seconds.ok_or_else(|| NodeError::input("the film has no pictures"))?;
    // No more than one a second: a short film changes no faster.
    let of = (seconds.ceil() as usize).clamp(1, most.max(1));
    let name = |number: usize| folder.join(format!("{number}.jpg"));
    let size = format!("trunc(iw*sar*{STILL_HEIGHT}/ih/2)*2:{STILL_HEIGHT}");
    let mut tell = |number: usize| {
        tell(Still {
            number,
            of,
            seconds,
        });
    };
    // It cannot be begun in its middle: each still would be all that is before it.
    if !found.is_seekable() && !(0..of).all(|number| name(number).exists()) {
        let rate = of as f64 / seconds;
        stills_in_one_pass((film, &found), folder, (of, rate), &size, &is_stopped, tell);
        return Ok(());
    }
    for number in 0..of {
        if is_stopped() {
            break;
        }
        let path = name(number);
        if !path.exists() {
            let partial = folder.join(format!("{number}.partial"));
            let at = (number as f64 + 0.5) * seconds / of as f64;
            let made = still((film, &found), at, (&size, &[]), &partial, &is_stopped);
            // A place that cannot be read has no still; the others may have theirs.
            if made.is_err() || std::fs::rename(&partial, &path).is_err() {
                continue;
            }
        }
        tell(number);
    }
    Ok(())
}

/// Writes `of` stills of a film that was looked at, `rate` a second, each from the middle of its
/// share, in the size that the filter `scale` is given; `tell` is told the number of each. It ends
/// where ffmpeg fails or is stopped, and what was written until then stays.
fn stills_in_one_pass(
    (film, found): (&Path, &Film),
    folder: &Path,
    (of, rate): (usize, f64),
    size: &str,
    is_stopped: impl Fn() -> bool,
    mut tell: impl FnMut(usize),
) {
    let partial = |number: usize| folder.join(format!("{number}.partial"));
    let mut command = quiet();
    command.args(found.timeline.arguments());
    command.arg("-i").arg(input_url(film));
    command.args(["-map", &format!("0:{}", found.stream)]);
    // Of the pictures that lie nearest to its beginning each share has the last.
    let filter = format!("fps=fps={rate:.9}:start_time=0,scale={size},setsar=1");
    command.args(["-vf", &filter, "-pix_fmt", "yuvj420p", "-q:v", "5"]);
    command.args(["-frames:v", &of.to_string(), "-c:v", "mjpeg"]);
    command.args(["-f", "image2", "-start_number", "0"]);
    let folder_in_pattern = input_url(folder).replace('%', "%%");
    command.arg(format!("{folder_in_pattern}/%d.partial"));
    // Of a program that was killed while it was at it.
    for number in 0..=of {
        let _ = std::fs::remove_file(partial(number));
    }
    let mut keep = |number: usize| {
        let name = folder.join(format!("{number}.jpg"));
        if std::fs::rename(partial(number), name).is_ok() {
            tell(number);
        }
    };
    let (mut next, mut began) = (0, Instant::now());
    let what = "stills of the film cannot be made";
    let made = done(&mut command, what, || {
        // One is whole when the one behind it is begun.
        while next < of && partial(next + 1).exists() {
            keep(next);
            (next, began) = (next + 1, Instant::now());
        }
        is_stopped() || began.elapsed() > LONGEST_STILL
    });
    while next < of && partial(next).exists() {
        if made.is_ok() || partial(next + 1).exists() {
            keep(next);
        } else {
            // What was being written; that it stays is no harm.
            let _ = std::fs::remove_file(partial(next));
        }
        next += 1;
    }
}

/// Writes `to`, a still of the film at `film` in JPEG, `width` pixels wide: the picture a third of
/// the way in, or the first where that one cannot be had within a minute. It ends where it is
/// stopped, and where it fails nothing is left of it.
///
/// # Errors
/// ffmpeg is missing, fails, takes more than a minute for the first picture, or was stopped.
pub fn write_still(
    film: &Path,
    width: u32,
    to: &Path,
    is_stopped: impl Fn() -> bool,
) -> Result<(), NodeError> {
    let found = probe(film, None)?;
    let at = found.lasts(film, &is_stopped)?.unwrap_or(0.0) / 3.0;
    let size = format!("{width}:max(2\\,trunc({width}*ih/(iw*sar)/2)*2)");
    // Starting more threads costs more than one picture.
    let threads: &[&str] = &["-threads", "1"];
    let more = (size.as_str(), threads);
    let made = still((film, &found), at, more, to, &is_stopped);
    match made {
        // A long film that must be decoded from its beginning, or one with a hole.
        Err(_) if at > 0.0 && !is_stopped() => still((film, &found), 0.0, more, to, &is_stopped),
        made => made,
    }
}

/// Writes `to`, a still of a film that was looked at, in JPEG: the picture that is shown `at`
/// seconds, in the size that the filter `scale` is given, whose pixels are square. `more`: what the
/// decoder is told besides.
fn still(
    (film, found): (&Path, &Film),
    at: f64,
    (size, more): (&str, &[&str]),
    to: &Path,
    is_stopped: impl Fn() -> bool,
) -> Result<(), NodeError> {
    let begun = Instant::now();
    let mut command = quiet();
    command.args(more);
    if found.is_seekable() {
        command.args(["-ss", &found.timeline.seek(at)]);
        command.arg("-i").arg(input_url(film));
    } else {
        command.args(found.timeline.arguments());
        command.arg("-i").arg(input_url(film));
        command.args(["-ss", &format!("{at:.6}")]);
    }
    command.args(["-map", &format!("0:{}", found.stream), "-frames:v", "1"]);
    let size = format!("scale={size},setsar=1");
    command.args(["-vf", &size, "-pix_fmt", "yuvj420p", "-q:v", "5"]);
    command.args(["-f", "mjpeg"]).arg(input_url(to));
    let made = done(&mut command, "a still of the film cannot be made", || {
        is_stopped() || begun.elapsed() > LONGEST_STILL
    });
    // Behind the last picture ffmpeg finds none, and is content.
    let made = made.and_then(|()| match to.metadata() {
        Ok(made) if made.len() > 0 => Ok(()),
        _ => Err(NodeError::output("there is no picture of the film there")),
    });
    if made.is_err() {
        // Fails where nothing was begun.
        let _ = std::fs::remove_file(to);
    }
    made
}

/// Runs ffmpeg to its end, or until it is stopped.
fn done(
    command: &mut Command,
    what: &str,
    mut is_stopped: impl FnMut() -> bool,
) -> Result<(), NodeError> {
    let mut child = Running(start("ffmpeg", Stdio::null(), command)?);
    let stderr = child.0.stderr.take();
    let listener = std::thread::spawn(move || {
        let mut said = String::new();
        // What cannot be read is not said.
        let _ = stderr.map(|mut stderr| stderr.read_to_string(&mut said));
        said
    });
    let status = loop {
        if is_stopped() {
            return Err(NodeError::output("stopped"));
        }
        match child.0.try_wait() {
            Ok(None) => std::thread::sleep(LOOK),
            ended => break ended,
        }
    };
    match status {
        Ok(Some(status)) if status.success() => Ok(()),
        _ => {
            let said = listener.join().unwrap_or_default();
            let said = last_line(&said);
            Err(NodeError::output(format!("{what} (ffmpeg: {said})")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::ffmpeg;

    #[test]
    fn a_still_has_the_shape_in_which_the_film_is_shown_and_none_is_left_of_what_is_no_film() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let wide = "testsrc2=size=64x64:rate=8:duration=2,setsar=2";
        ffmpeg(folder, &["-f", "lavfi", "-i", wide, "wide.mkv"]);
        let to = folder.join("still.jpg");
        write_still(&folder.join("wide.mkv"), 192, &to, || false).unwrap();
        let shape = ask(&to, "a picture", &[], "stream=width,height").unwrap();
        assert_eq!(shape["streams"][0], json!({ "width": 192, "height": 96 }));
        for (film, is_stopped) in [("wide.mkv", true), ("none.mkv", false)] {
            assert!(write_still(&folder.join(film), 192, &to, || is_stopped).is_err());
        }
        assert!(!to.exists());
    }

    #[test]
    fn a_film_that_does_not_say_how_long_it_is_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let black = "color=black:size=64x48:rate=10:duration=1[a]";
        let white = "color=white:size=64x48:rate=10:duration=3[b]";
        let source = format!("{black};{white};[a][b]concat");
        for (name, format) in [("raw.h264", "h264"), ("piped.mkv", "matroska")] {
            let source = ["-f", "lavfi", "-i", &source, "-c:v", "libx264"];
            let piped = ffmpeg(folder, &[&source[..], &["-f", format, "-"]].concat());
            let film = folder.join(name);
            std::fs::write(&film, piped).unwrap();
            let found = probe(&film, None).unwrap();
            assert!(found.declared.is_none(), "{name}");
            let lasts = found.lasts(&film, || false).unwrap().unwrap();
            assert!((lasts - 4.0).abs() < 0.11, "{name}: {lasts}");
            let to = folder.join("still.jpg");
            write_still(&film, 64, &to, || false).unwrap();
            let still = crate::picture::files::read(&to).unwrap();
            assert!(still.pixels()[0] > 200, "{name}");
            let mut told = 0;
            // In the name of a file ffmpeg would count with this.
            let stills = folder.join(format!("{format} %d"));
            std::fs::create_dir(&stills).unwrap();
            write_stills(&film, &stills, 9, || false, |_| told += 1).unwrap();
            assert!((4..=5).contains(&told), "{name}: {told}");
            for number in 0..told {
                let still = stills.join(format!("{number}.jpg"));
                let still = crate::picture::files::read(&still).unwrap();
                assert_eq!(still.pixels()[0] > 200, number > 0, "{name}: {number}");
            }
            assert_eq!(std::fs::read_dir(&stills).unwrap().count(), told);
            write_stills(&film, &stills, 9, || false, |_| told -= 1).unwrap();
            assert_eq!(told, 0, "{name}: those that are there");
            std::fs::remove_file(stills.join("1.jpg")).unwrap();
            assert!(write_stills(&film, &stills, 9, || true, |_| told += 1).is_err());
            assert_eq!(told, 0, "{name}: stopped");
        }
    }

    #[test]
    fn what_browsers_play_is_told_from_what_they_do_not() {
        let film = |format: &str, picture: &str, pixels: &str, sound: &str| {
            json!({
                "format": { "format_name": format },
                "streams": [
                    { "codec_type": "video", "codec_name": picture, "pix_fmt": pixels },
                    { "codec_type": "audio", "codec_name": sound },
                ],
            })
        };
        let mp4 = "mov,mp4,m4a,3gp,3g2,mj2";
        let webm = "matroska,webm";
        for (played, format, picture, pixels, sound) in [
            (true, mp4, "h264", "yuv420p", "aac"),
            (true, webm, "vp9", "yuv420p", "opus"),
            (false, mp4, "h264", "yuv422p10le", "aac"),
            (false, mp4, "hevc", "yuv420p", "aac"),
            (false, mp4, "mpeg4", "yuv420p", "aac"),
            (false, webm, "h264", "yuv420p", "aac"),
            (false, "avi", "h264", "yuv420p", "mp3"),
        ] {
            let film = film(format, picture, pixels, sound);
            assert_eq!(is_played(&film), played, "{film}");
        }
        assert!(!is_played(&json!({ "format": { "format_name": mp4 } })));
        assert!(!is_played(&json!(null)));
    }
}
