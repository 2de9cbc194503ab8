//! Asks the ffmpeg programs about a film and has them decode it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use score_engine::{NodeError, Time};
use serde_json::Value;

use super::container::Container;
use super::demuxers::{DEMUXERS, leads_elsewhere};
use super::picture_choice;
use super::timeline::{Contents, Declared, Picture, Timeline, rate, rotation};

/// What ffmpeg may use to read a file, before each input: a playlist or a name such as `http:…`
/// must not reach the network or other files.
pub(crate) const PROTOCOLS: [&str; 4] = [
    "-protocol_whitelist",
    "file,pipe",
    "-format_whitelist",
    DEMUXERS,
];

/// ffmpeg that only reports errors, replaces what it writes, and reads files only.
pub(crate) fn quiet() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-hide_banner",
        "-nostdin",
        "-nostats",
        "-loglevel",
        "error",
        "-y",
    ]);
    command.args(PROTOCOLS);
    command
}

/// Frames no larger than this each way, in pixels, are shrunk so much that the filter which smooths
/// the edges of a codec's blocks (16 pixels and less) can be left out: a sixth of the decoder's
/// time, for a difference of about one level of 255 in 64 × 64 pixels of a film in 854 × 480.
const THUMBNAIL: u32 = 96;

/// What a film's container says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Film {
    /// Which of its streams is the picture.
    pub(crate) stream: u64,
    /// How it counts.
    pub(crate) timeline: Timeline,
    /// Where its picture ought to end, where it says so.
    pub(crate) declared: Option<Declared>,
    /// How long one frame lasts on average, where it says so.
    pub(crate) frame: Option<Time>,
    /// How many pixels a picture has, where it says so.
    pub(crate) pixels: Option<u64>,
    /// How wide its picture is shown for its height, where it says so.
    pub(crate) shape: Option<f64>,
}

impl Film {
    /// Whether it can be begun in its middle: what does not say how long it is, a raw stream or what
    /// came through a pipe, cannot.
    pub(crate) fn is_seekable(&self) -> bool {
        self.declared.is_some()
    }

    /// How many seconds the film at `path`, this one, lasts: as it says, or by reading it to its
    /// end, unless that is stopped. `None`: it has no picture.
    ///
    /// # Errors
    /// ffprobe is missing, cannot read it, or was stopped.
    pub(crate) fn lasts(
        &self,
        path: &Path,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Option<f64>, NodeError> {
        let said = self.declared.map(|declared| declared.end.seconds());
        match said.filter(|seconds| *seconds > 0.0) {
            None => self.timeline.read_to_end(path, self.stream, is_stopped),
            said => Ok(said),
        }
    }
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
    command
        .spawn()
        .map_err(|error| cannot_start(program, error))
}

/// Why a program cannot be started: only a missing one is to be installed.
fn cannot_start(program: &str, error: std::io::Error) -> NodeError {
    let message = format!("the program {program} cannot be started ({error})");
    #[cfg(unix)]
    let advice = match error.raw_os_error() {
        Some(libc::EMFILE) => Some(
            "this run has too many files open: allow it more, with `ulimit -n 4096` or `LimitNOFILE=` of its unit",
        ),
        Some(libc::ENFILE) => Some("the system has too many files open; end what is not needed"),
        Some(libc::EAGAIN) => Some(
            "too many programs and threads run: allow more, with `ulimit -u` or `TasksMax=` of the unit",
        ),
        Some(libc::ENOMEM) => Some("the memory is full; end what is not needed"),
        Some(libc::EACCES | libc::EPERM) => Some("check that you may run it"),
        _ => None,
    };
    #[cfg(not(unix))]
    let advice: Option<&str> = None;
    match advice {
        Some(advice) => NodeError::input(message).help(advice),
        None => NodeError::missing(message, "install it with `sudo apt install ffmpeg`"),
    }
    .source(error)
}

/// A program that is killed when this is dropped.
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

/// Asks ffprobe for `entries` of the file at `path`, which ought to be `what`; `arguments` say of
/// which part of it.
///
/// # Errors
/// ffprobe is missing, or cannot read the file.
pub(crate) fn ask(
    path: &Path,
    what: &str,
    arguments: &[&str],
    entries: &str,
) -> Result<Value, NodeError> {
    let mut command = question(path, arguments, entries);
    let output = start("ffprobe", Stdio::null(), &mut command)?
        .wait_with_output()
        .map_err(|error| {
            NodeError::input(format!("`{}` cannot be probed ({error})", path.display()))
        })?;
    if !output.status.success() {
        return Err(refusal(path, what, &output.stderr));
    }
    // Titles are in whatever encoding somebody has used.
    let printed = String::from_utf8_lossy(&output.stdout);
    Ok(serde_json::from_str(&printed).unwrap_or(Value::Null))
}

/// ffprobe, to be asked for `entries` of the file at `path`; `arguments` say of which part of it.
pub(crate) fn question(path: &Path, arguments: &[&str], entries: &str) -> Command {
    let mut command = Command::new("ffprobe");
    command
        .args(["-v", "error"])
        .args(PROTOCOLS)
        .args(arguments)
        .args(["-of", "json"])
        .args(["-show_entries", entries])
        .arg(input_url(path));
    command
}

/// Why the file at `path` is not `what`, by what ffprobe said.
pub(crate) fn refusal(path: &Path, what: &str, said: &[u8]) -> NodeError {
    let said = String::from_utf8_lossy(said);
    if let Some(through) = leads_elsewhere(&said) {
        return list_of_files(path, what, &through);
    }
    let complaint = last_line(&said);
    NodeError::input(format!(
        "`{}` is not {what} that can be read (ffprobe: {complaint})",
        path.display()
    ))
    .help("try to play it; a file cut off while it was copied often lacks its index")
}

/// Refuses a file that only leads to others.
fn list_of_files(path: &Path, what: &str, through: &str) -> NodeError {
    let path = path.display();
    NodeError::input(format!(
        "`{path}` is not {what} but a list of other files or addresses (ffmpeg's {through})"
    ))
    .help("give the file that it leads to; or make one file of all, where you trust it: ffmpeg -i LIST -c copy whole.mkv")
}

/// Asks ffprobe about the film at `path`, of which `stream` is wanted or the first picture that is
/// no cover.
///
/// # Errors
/// ffprobe is missing, or finds no picture.
pub(crate) fn probe(path: &Path, stream: Option<u32>) -> Result<Film, NodeError> {
    let contents = Contents::of(path, "a film")?;
    let stream = contents.picture(path, stream)?;
    let side = |name: &str| stream.get(name)?.as_u64();
    let rate = stream.get("avg_frame_rate").and_then(rate);
    Ok(Film {
        stream: picture_choice::index(stream).unwrap_or(0),
        timeline: contents.timeline(),
        declared: contents.declared(stream),
        frame: rate.map(|rate| Time::from_seconds(1.0 / rate)),
        pixels: side("width").and_then(|width| width.checked_mul(side("height")?)),
        shape: shape(stream),
    })
}

/// How wide a player shows the picture of `stream` for its height, where it says so: its pixels may
/// not be square, and it may be turned.
fn shape(stream: &Value) -> Option<f64> {
    let side = |name: &str| stream.get(name)?.as_f64().filter(|side| *side > 0.0);
    let ratio = |text: &str| {
        let (over, under) = text.split_once(':')?;
        let (over, under): (f64, f64) = (over.parse().ok()?, under.parse().ok()?);
        (over > 0.0 && under > 0.0).then(|| over / under)
    };
    let pixel = stream.get("sample_aspect_ratio").and_then(Value::as_str);
    let shape = side("width")? / side("height")? * pixel.and_then(ratio).unwrap_or(1.0);
    match rotation(stream).abs() % 180 {
        90 => Some(1.0 / shape),
        _ => Some(shape),
    }
}

/// A time that ffprobe gives, in seconds.
pub(crate) fn seconds(of: &Value, entry: &str) -> Option<f64> {
    of.get(entry)?.as_str()?.parse().ok()
}

/// What a program said last, without the name of its component.
pub(crate) fn last_line(text: &str) -> String {
    let line = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no reason given");
    // ffmpeg puts the name of the component first: `[mov,mp4 @ 0x55…] moov atom not found`.
    line.rsplit("] ").next().unwrap_or(line).trim().to_owned()
}

/// What a program says first: what follows are mostly consequences, and may be a line for each
/// packet of a film. All of it is read, so that the program is not held up.
fn first_line(says: impl Read) -> String {
    let lines = BufReader::new(says).split(b'\n').map_while(Result::ok);
    let mut lines = lines.filter(|line| !line.trim_ascii().is_empty());
    let first = lines.next().unwrap_or_default();
    lines.for_each(drop);
    last_line(&String::from_utf8_lossy(&first))
}

/// What the ffmpeg program says while it decodes.
enum Remark {
    /// The next frame's presentation time, on the film's timeline.
    Frame(Time),
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
    /// Begins to decode the picture of `film`, the file at `path`, to RGB frames of `width` ×
    /// `height`, all of them or `rate` a second, `from` a time on its timeline or from its
    /// beginning. `sparing`: on one thread, which takes some 10 MB less.
    ///
    /// # Errors
    /// ffmpeg is missing.
    pub(crate) fn start(
        (path, film): (&Path, &Film),
        (width, height): (u32, u32),
        rate: Option<f64>,
        from: Option<Time>,
        sparing: bool,
    ) -> Result<Self, NodeError> {
        let fps = rate.map(|rate| format!("fps={rate},")).unwrap_or_default();
        // `showinfo` gives each frame's true time in the same pass that delivers its pixels.
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
            let from = format!("{:.6}", from.seconds());
            command.args(["-copyts", "-start_at_zero", "-ss", &from]);
        }
        command
            .args(film.timeline.arguments())
            .arg("-i")
            .arg(input_url(path))
            .args(["-map", &format!("0:{}", film.stream), "-vf", &filter]);
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
            let mut unit = None;
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                unit = time_base(&line).or(unit);
                let remark = if let Some(time) = presentation_time(&line, unit) {
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

    /// The next frame: its time on the film's timeline, and its pixels; `None` after the last.
    ///
    /// # Errors
    /// ffmpeg fails.
    pub(crate) fn next(&mut self) -> Result<Option<(Time, Vec<u8>)>, NodeError> {
        let mut pixels = vec![0; self.frame_bytes];
        match self.pixels.read_exact(&mut pixels) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return self.end(),
            Err(error) => {
                return Err(NodeError::input(format!(
                    "the film cannot be read any further ({error})"
                ))
                .source(error));
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

    fn end(&mut self) -> Result<Option<(Time, Vec<u8>)>, NodeError> {
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
            "the film cannot be decoded (ffmpeg: {reason})"
        )))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // A stopper may still hold the program.
        self.stopper.stop();
    }
}

/// An ffmpeg that is fed through its standard input, and ends when this is dropped.
pub(crate) struct Fed {
    child: Running,
    input: Option<ChildStdin>,
    listener: Option<JoinHandle<String>>,
}

impl Fed {
    /// Starts ffmpeg.
    ///
    /// # Errors
    /// It is missing.
    pub(crate) fn start(command: &mut Command) -> Result<Self, NodeError> {
        let mut child = Running(start("ffmpeg", Stdio::piped(), command)?);
        let (input, Some(stderr)) = (child.0.stdin.take(), child.0.stderr.take()) else {
            return Err(NodeError::internal("ffmpeg was started without its pipes"));
        };
        let listener = std::thread::spawn(move || first_line(stderr));
        Ok(Fed {
            child,
            input,
            listener: Some(listener),
        })
    }

    /// Gives ffmpeg more.
    ///
    /// # Errors
    /// It has given up, for this reason.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self.input.as_mut().map(|input| input.write_all(bytes)) {
            Some(Ok(())) => Ok(()),
            _ => Err((self.end().err()).unwrap_or_else(|| "it closed its input".to_owned())),
        }
    }

    /// Ends the input and waits until all is written.
    ///
    /// # Errors
    /// It has failed, for this reason.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        drop(self.input.take());
        let status = self.child.0.wait();
        let said = (self.listener.take()).and_then(|listener| listener.join().ok());
        match status.is_ok_and(|status| status.success()) {
            true => Ok(()),
            false => Err(said.unwrap_or_else(|| "no reason given".to_owned())),
        }
    }
}

/// A film whose picture is being joined with new sound.
pub(crate) struct Muxer {
    fed: Fed,
}

impl Muxer {
    /// Begins to write `output`, in `container`: the picture `stream` of `film`, which counts on
    /// `timeline`, with interleaved 16-bit samples given to [`Muxer::write`], little end first: the
    /// AAC encoder takes twice as long over floating-point ones, whose silence is never quite
    /// silent. Both begin at zero.
    ///
    /// # Errors
    /// ffmpeg is missing.
    pub(crate) fn start(
        (film, timeline): (&Path, Timeline),
        (stream, picture): (u64, Picture),
        (output, container): (&Path, &Container),
        (rate, channels): (u32, u16),
    ) -> Result<Self, NodeError> {
        let mut command = quiet();
        command.args(timeline.arguments());
        if picture == Picture::CopiedInOrder {
            command.args(["-fflags", "+genpts"]);
        }
        command.arg("-i").arg(input_url(film));
        command.args(["-f", "s16le"]);
        command.args(["-ar", &rate.to_string(), "-ac", &channels.to_string()]);
        command.args(["-i", "pipe:0", "-map", &format!("0:{stream}")]);
        command.args(["-map", "1:a"]);
        let codec = container.sound;
        match picture {
            Picture::Copied | Picture::CopiedInOrder => command.args(["-c:v", "copy"]),
            Picture::Encoded => {
                command.args(["-c:v", "libx264", "-preset", "fast", "-crf", "17"]);
                // Pictures in this format have even sides.
                command.args(["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"]);
                command.args(["-pix_fmt", "yuv420p", "-fps_mode", "passthrough"]);
                // In the film's own unit of time: a rounder one would move pictures.
                command.args(["-enc_time_base", "-1", "-flags:v", "+bitexact"])
            }
        };
        command.args(["-c:a", codec, "-b:a", "192k"]);
        if codec == "aac" {
            // Half the time of the default search; what is left out saves bits, of which there are
            // enough here.
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
            container.format,
        ]);
        command.arg(input_url(output));
        Ok(Muxer {
            fed: Fed::start(&mut command)?,
        })
    }

    /// Gives ffmpeg the next samples.
    ///
    /// # Errors
    /// ffmpeg has given up; the error holds its reason.
    pub(crate) fn write(&mut self, samples: &[u8]) -> Result<(), NodeError> {
        self.fed.write(samples).map_err(|said| unwritten(&said))
    }

    /// Ends the sound and waits until the film is written.
    ///
    /// # Errors
    /// ffmpeg has failed; the error holds its reason.
    pub(crate) fn end(&mut self) -> Result<(), NodeError> {
        self.fed.end().map_err(|said| unwritten(&said))
    }
}

/// Why a film with new sound is not written, by what ffmpeg said.
fn unwritten(said: &str) -> NodeError {
    NodeError::output(format!("the film cannot be written (ffmpeg: {said})"))
        .help("look whether the disk has room; `encode: h264` takes any picture")
}

/// The unit of the times in the lines of the `showinfo` filter, in seconds, from its first line:
/// `… config in time_base: 1/12800, frame_rate: 25/1`.
fn time_base(line: &str) -> Option<(i64, i64)> {
    let (_, unit) = line.split_once("config in time_base: ")?;
    let (over, under) = unit.split(',').next()?.split_once('/')?;
    Some((over.parse().ok()?, under.trim().parse().ok()?))
}

/// The time in a line of the `showinfo` filter, of which `unit` is known: `… n:   3 pts:   1536
/// pts_time:0.12 …`. What it says in seconds has six digits only: a tenth of a second in a film of
/// three hours.
fn presentation_time(line: &str, unit: Option<(i64, i64)>) -> Option<Time> {
    if !line.contains("showinfo") {
        return None;
    }
    let count = line.split(" pts:").nth(1)?.split_whitespace().next()?;
    let (over, under) = unit.filter(|(_, under)| *under > 0)?;
    let nanos = i128::from(count.parse::<i64>().ok()?) * i128::from(over) * 1_000_000_000;
    let (half, under) = (i128::from(under) / 2, i128::from(under));
    let time = i64::try_from((nanos + half).div_euclid(under)).ok()?;
    Some(Time::from_nanos(time).max(Time::ZERO))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_a_program_that_is_not_there_is_to_be_installed() {
        let advice = |code: i32| {
            let error = cannot_start("ffmpeg", std::io::Error::from_raw_os_error(code));
            error.advice().unwrap_or_default().to_owned()
        };
        assert!(advice(libc::ENOENT).contains("apt install"));
        for (code, wanted) in [
            (libc::EMFILE, "ulimit -n"),
            (libc::ENFILE, "too many files"),
            (libc::EAGAIN, "ulimit -u"),
            (libc::EACCES, "may run"),
        ] {
            let told = advice(code);
            assert!(told.contains(wanted) && !told.contains("install"), "{told}");
        }
    }

    #[test]
    fn a_picture_has_the_shape_in_which_a_player_shows_it() {
        let shown = |stream: Value| shape(&stream).map(|shape| (shape * 1e3).round());
        let wide = json!({ "width": 1920, "height": 1080 });
        assert_eq!(shown(wide), Some(1778.0));
        let narrow = json!({ "width": 720, "height": 576, "sample_aspect_ratio": "64:45" });
        assert_eq!(shown(narrow), Some(1778.0));
        let turned = json!({
            "width": 1920, "height": 1080, "sample_aspect_ratio": "0:1",
            "side_data_list": [{ "rotation": -90 }],
        });
        assert_eq!(shown(turned), Some(563.0));
        assert_eq!(shown(json!({ "width": 1920 })), None);
    }

    #[test]
    fn of_all_that_a_program_says_the_first_line_is_kept_in_any_encoding() {
        let consequences = b"Error while muxing\n".repeat(9);
        let said = [&b"\n[mp4 @ 0x5] no room for \xFF\n"[..], &consequences].concat();
        assert_eq!(first_line(&said[..]), "no room for \u{FFFD}");
        assert_eq!(first_line(&b""[..]), "no reason given");
    }

    #[test]
    fn the_time_of_a_frame_is_exact_however_late_it_comes() {
        let first =
            "[Parsed_showinfo_2 @ 0x5] [info] config in time_base: 1/12800, frame_rate: 25/1";
        let unit = time_base(first);
        let line = "[Parsed_showinfo_2 @ 0x5] [info] n:   1 pts:    512 pts_time:0.04    pos:   1";
        assert_eq!(
            presentation_time(line, unit),
            Some(Time::from_seconds(0.04))
        );
        let line = "[Parsed_showinfo_2 @ 0x5] [info] n:   1 pts:138240512 pts_time:10800 pos:   1";
        assert_eq!(
            presentation_time(line, unit),
            Some(Time::from_seconds(10_800.04))
        );
        assert_eq!(presentation_time("[info] pts_time:3", unit), None);
        assert_eq!(presentation_time(line, None), None);
    }
}
