//! Asks the ffmpeg programs about a film and has them decode it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use score_engine::{NodeError, Time};
use serde_json::Value;

/// The protocols that ffmpeg may use: a playlist or a name such as `http:…` must not reach the network.
pub(crate) const PROTOCOLS: [&str; 2] = ["-protocol_whitelist", "file,pipe"];

/// Frames no larger than this each way, in pixels, are shrunk so much that the filter which smooths the edges of a
/// codec's blocks (16 pixels and less) can be left out: a sixth of the decoder's time, for a difference of about one
/// level of 255 in 64 × 64 pixels of a film in 854 × 480.
const THUMBNAIL: u32 = 96;

/// What a film says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Film {
    /// How long its picture lasts, where it says so.
    pub(crate) duration: Option<Time>,
    /// How long one frame lasts on average, where it says so.
    pub(crate) frame: Option<Time>,
    /// How many pixels a picture has, where it says so.
    pub(crate) pixels: Option<u64>,
}

/// `file:` before the path keeps a leading `-` or a `name:` from becoming an option or a protocol.
pub(crate) fn input_url(path: &Path) -> String {
    format!("file:{}", path.display())
}

/// Starts `program` with pipes for what it gives and says.
///
/// # Errors
/// It is not installed.
pub(crate) fn start(
    program: &str,
    stdin: Stdio,
    command: &mut Command,
) -> Result<Child, NodeError> {
    command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A Ctrl-C in the terminal is meant for the run, which ends its programs itself.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    command.spawn().map_err(|error| {
        NodeError::missing(
            format!("the program {program} cannot be started: {error}"),
            "install it with `sudo apt install ffmpeg`",
        )
        .source(error)
    })
}

/// A program that is stopped when nobody needs it any more.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the child is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Looks whether `program` can be started.
///
/// # Errors
/// It is not installed.
pub(crate) fn require(program: &str) -> Result<(), NodeError> {
    let mut child = start(
        program,
        Stdio::null(),
        Command::new(program).arg("-version"),
    )?;
    // Its answer fits into the pipes; whether it is a good one shows when it is used.
    let _ = child.wait();
    Ok(())
}

/// Asks ffprobe for `entries` of the stream that `stream` selects in the file at `path`, which ought to be `what`.
///
/// # Errors
/// ffprobe is missing, or cannot read the file.
pub(crate) fn ask(
    path: &Path,
    what: &str,
    stream: &str,
    entries: &str,
) -> Result<Value, NodeError> {
    let mut command = Command::new("ffprobe");
    command
        .args(["-v", "error"])
        .args(PROTOCOLS)
        .args(["-select_streams", stream, "-of", "json"]);
    command
        .args(["-show_entries", entries])
        .arg(input_url(path));
    let output = start("ffprobe", Stdio::null(), &mut command)?
        .wait_with_output()
        .map_err(|error| {
            NodeError::input(format!("`{}` cannot be probed: {error}", path.display()))
        })?;
    if !output.status.success() {
        let complaint = last_line(&String::from_utf8_lossy(&output.stderr));
        return Err(NodeError::input(format!(
            "`{}` is not {what} that can be read: {complaint}",
            path.display()
        ))
        .help("try to play it; a file cut off while it was copied often lacks its index"));
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

/// Asks ffprobe about the film at `path`.
///
/// # Errors
/// ffprobe is missing, or finds no picture.
pub(crate) fn probe(path: &Path) -> Result<Film, NodeError> {
    let answer = ask(
        path,
        "a film",
        "v:0",
        "stream=duration,avg_frame_rate,width,height:format=duration",
    )?;
    let stream = answer
        .get("streams")
        .and_then(|streams| streams.get(0))
        .ok_or_else(|| {
            NodeError::input(format!("`{}` has no picture, only sound", path.display()))
                .help("choose a film with a picture")
        })?;
    let side = |name: &str| stream.get(name)?.as_u64();
    Ok(Film {
        pixels: side("width").and_then(|width| width.checked_mul(side("height")?)),
        duration: duration(stream).or_else(|| duration(answer.get("format")?)),
        frame: stream.get("avg_frame_rate").and_then(frame_length),
    })
}

/// How long a stream or file says that it lasts.
pub(crate) fn duration(of: &Value) -> Option<Time> {
    seconds(of, "duration").map(Time::from_seconds)
}

/// A time that ffprobe gives, in seconds.
pub(crate) fn seconds(of: &Value, entry: &str) -> Option<f64> {
    of.get(entry)?.as_str()?.parse().ok()
}

/// `25/1` → 40 ms.
fn frame_length(rate: &Value) -> Option<Time> {
    let (frames, seconds) = rate.as_str()?.split_once('/')?;
    let (frames, seconds): (f64, f64) = (frames.parse().ok()?, seconds.parse().ok()?);
    (frames > 0.0 && seconds > 0.0).then(|| Time::from_seconds(seconds / frames))
}

/// What a program said last, without the part of it that speaks.
pub(crate) fn last_line(text: &str) -> String {
    let line = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no reason given");
    // ffmpeg puts the part that speaks before what it says: `[mov,mp4 @ 0x55…] moov atom not found`.
    line.rsplit("] ").next().unwrap_or(line).trim().to_owned()
}

/// What the ffmpeg program says while it decodes.
enum Remark {
    /// The next frame's presentation time, in seconds.
    Frame(f64),
    /// An error in ffmpeg's own words.
    Complaint(String),
}

/// Ends a decoder from another thread: one that hangs cannot be asked.
#[derive(Clone)]
pub(crate) struct Stopper(Arc<Mutex<Running>>);

impl Stopper {
    /// Ends ffmpeg, so that the decoder fails.
    pub(crate) fn stop(&self) {
        // Fails only when it is gone already.
        let _ = self.child().0.kill();
    }

    fn child(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A film being decoded.
pub(crate) struct Decoder {
    stopper: Stopper,
    pixels: ChildStdout,
    remarks: Receiver<Remark>,
    frame_bytes: usize,
    complaint: Option<String>,
}

impl Decoder {
    /// Begins to decode the first picture stream of `path` to RGB frames of `width` × `height`, all of them or
    /// `rate` a second; `from` a time in seconds as the film counts, or from its beginning. `sparing`: on one thread,
    /// which takes some 10 MB less, and is as fast as one processor is.
    ///
    /// # Errors
    /// ffmpeg is missing.
    pub(crate) fn start(
        path: &Path,
        (width, height): (u32, u32),
        rate: Option<f64>,
        from: Option<f64>,
        sparing: bool,
    ) -> Result<Self, NodeError> {
        let fps = rate.map(|rate| format!("fps={rate},")).unwrap_or_default();
        // `showinfo` tells each frame's true time in the same pass that delivers its pixels.
        let filter =
            format!("{fps}scale={width}:{height}:flags=area,format=rgb24,showinfo=checksum=0");
        let mut command = Command::new("ffmpeg");
        command
            .args([
                "-hide_banner",
                "-nostdin",
                "-nostats",
                "-loglevel",
                "level+info",
            ])
            .args(PROTOCOLS);
        if width.max(height) <= THUMBNAIL {
            command.args(["-skip_loop_filter", "all"]);
        }
        if sparing {
            command.args(["-threads", "1", "-filter_threads", "1"]);
        }
        if let Some(from) = from {
            // The times stay those that the film has when it is read from its beginning.
            command.args(["-copyts", "-start_at_zero", "-ss", &format!("{from:.6}")]);
        }
        command
            .arg("-i")
            .arg(input_url(path))
            .args(["-map", "0:v:0", "-vf", &filter]);
        if sparing {
            command.args(["-threads", "1"]);
        }
        command.args(["-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"]);
        let mut child = Running(start("ffmpeg", Stdio::null(), &mut command)?);
        let (Some(pixels), Some(stderr)) = (child.0.stdout.take(), child.0.stderr.take()) else {
            return Err(NodeError::internal("ffmpeg was started without its pipes"));
        };
        let (tell, remarks) = channel();
        // This thread ends with ffmpeg, which closes its pipes.
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                let remark = if let Some(time) = presentation_time(&line) {
                    Remark::Frame(time)
                } else if line.contains("[error]") || line.contains("[fatal]") {
                    Remark::Complaint(last_line(&line))
                } else {
                    continue;
                };
                if tell.send(remark).is_err() {
                    return;
                }
            }
        });
        let frame_bytes = width as usize * height as usize * 3;
        Ok(Decoder {
            stopper: Stopper(Arc::new(Mutex::new(child))),
            pixels,
            remarks,
            frame_bytes,
            complaint: None,
        })
    }

    /// The next frame: its time in seconds as the film counts, and its pixels; `None` after the last.
    ///
    /// # Errors
    /// ffmpeg fails.
    pub(crate) fn next(&mut self) -> Result<Option<(f64, Vec<u8>)>, NodeError> {
        let mut pixels = vec![0; self.frame_bytes];
        match self.pixels.read_exact(&mut pixels) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return self.end(),
            Err(error) => {
                return Err(
                    NodeError::input(format!("the film cannot be read on: {error}")).source(error),
                );
            }
        }
        loop {
            match self.remarks.recv() {
                Ok(Remark::Frame(time)) => return Ok(Some((time, pixels))),
                Ok(Remark::Complaint(complaint)) => self.complaint = Some(complaint),
                Err(_) => {
                    return Err(NodeError::internal(
                        "ffmpeg gave a picture without its time",
                    ));
                }
            }
        }
    }

    /// What ends the decoder from another thread.
    pub(crate) fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// What ffmpeg complained of while it went on.
    pub(crate) fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    fn end(&mut self) -> Result<Option<(f64, Vec<u8>)>, NodeError> {
        let status = self.stopper.child().0.wait();
        for remark in self.remarks.iter() {
            if let Remark::Complaint(complaint) = remark {
                self.complaint = Some(complaint);
            }
        }
        if status.is_ok_and(|status| status.success()) {
            return Ok(None);
        }
        let reason = self.complaint.as_deref().unwrap_or("no reason given");
        Err(NodeError::input(format!(
            "the film cannot be decoded: {reason}"
        )))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // Whoever may stop it still holds it.
        self.stopper.stop();
    }
}

/// How the original sound and the new one become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum OriginalSound {
    /// The original sound is left out.
    Dropped,
    /// It is mixed in, this many times as loud as it was.
    Mixed(f64),
}

/// A film whose picture is being joined with new sound.
pub(crate) struct Muxer {
    child: Running,
    sound: Option<ChildStdin>,
    listener: Option<JoinHandle<String>>,
}

impl Muxer {
    /// Begins to write `output`, in the container that ffmpeg calls `container`: the picture of `film` as it is,
    /// with interleaved 16-bit samples given to [`Muxer::write`], little end first: the AAC encoder takes twice as
    /// long over floating-point ones, whose silence is never quite silent.
    ///
    /// # Errors
    /// ffmpeg is missing.
    pub(crate) fn start(
        film: &Path,
        output: &Path,
        container: &str,
        (rate, channels): (u32, u16),
        original: OriginalSound,
    ) -> Result<Self, NodeError> {
        let mut command = Command::new("ffmpeg");
        command.args([
            "-hide_banner",
            "-nostdin",
            "-nostats",
            "-loglevel",
            "error",
            "-y",
        ]);
        command.args(PROTOCOLS).arg("-i").arg(input_url(film));
        command.args([
            "-f",
            "s16le",
            "-ar",
            &rate.to_string(),
            "-ac",
            &channels.to_string(),
        ]);
        command.args(["-i", "pipe:0", "-map", "0:v:0"]);
        match original {
            OriginalSound::Dropped => command.args(["-map", "1:a"]),
            OriginalSound::Mixed(level) => {
                let mix = format!(
                    // Two sounds together may pass full scale although neither does.
                    "[0:a:0]volume={level}[old];[1:a][old]amix=duration=first:normalize=0,\
                     alimiter=limit=0.9:level=false[mix]"
                );
                command.args(["-filter_complex", &mix, "-map", "[mix]"])
            }
        };
        let codec = if container == "webm" {
            "libopus"
        } else {
            "aac"
        };
        command.args(["-c:v", "copy", "-c:a", codec, "-b:a", "192k"]);
        if codec == "aac" {
            // Half the time of the default search; what is left out saves bits, of which there are enough here.
            command.args(["-aac_coder", "fast", "-aac_tns", "0", "-aac_pns", "0"]);
            command.args(["-aac_is", "0", "-aac_ms", "0"]);
        }
        // Without these, the date and ffmpeg's version would make each file another.
        command.args([
            "-fflags",
            "+bitexact",
            "-flags:a",
            "+bitexact",
            "-f",
            container,
        ]);
        command.arg(input_url(output));
        let mut child = Running(start("ffmpeg", Stdio::piped(), &mut command)?);
        let (sound, Some(mut stderr)) = (child.0.stdin.take(), child.0.stderr.take()) else {
            return Err(NodeError::internal("ffmpeg was started without its pipes"));
        };
        let listener = std::thread::spawn(move || {
            let mut said = String::new();
            // What cannot be read is not needed: the exit status tells whether all went well.
            let _ = stderr.read_to_string(&mut said);
            said
        });
        Ok(Muxer {
            child,
            sound,
            listener: Some(listener),
        })
    }

    /// Gives ffmpeg the next samples.
    ///
    /// # Errors
    /// ffmpeg has given up, for the reason that it told.
    pub(crate) fn write(&mut self, samples: &[u8]) -> Result<(), NodeError> {
        match self.sound.as_mut().map(|sound| sound.write_all(samples)) {
            Some(Ok(())) => Ok(()),
            _ => Err(self
                .end()
                .err()
                .unwrap_or_else(|| NodeError::internal("ffmpeg closed its input"))),
        }
    }

    /// Ends the sound and waits until the film is written.
    ///
    /// # Errors
    /// ffmpeg has failed, for the reason that it told.
    pub(crate) fn end(&mut self) -> Result<(), NodeError> {
        drop(self.sound.take());
        let status = self.child.0.wait();
        let said = self
            .listener
            .take()
            .and_then(|listener| listener.join().ok())
            .unwrap_or_default();
        if status.is_ok_and(|status| status.success()) {
            return Ok(());
        }
        Err(
            NodeError::output(format!("the film cannot be written: {}", last_line(&said)))
                .help("try .mkv, which takes any picture, or make room on the disk"),
        )
    }
}

/// Whether the film at `path` has sound.
///
/// # Errors
/// ffprobe is missing, or cannot read the film.
pub(crate) fn has_sound(path: &Path) -> Result<bool, NodeError> {
    let answer = ask(path, "a film", "a:0", "stream=index")?;
    Ok(answer
        .get("streams")
        .and_then(|streams| streams.get(0))
        .is_some())
}

/// The time in a line of the `showinfo` filter: `… n:   3 pts:   1536 pts_time:0.12 …`.
fn presentation_time(line: &str) -> Option<f64> {
    if !line.contains("showinfo") {
        return None;
    }
    line.split("pts_time:")
        .nth(1)?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_frame_is_read_from_what_the_filter_says() {
        let line = "[Parsed_showinfo_2 @ 0x5] [info] n:   1 pts:    512 pts_time:0.04    pos:   1";
        assert_eq!(presentation_time(line), Some(0.04));
        assert_eq!(presentation_time("[info] pts_time:3"), None);
    }
}
