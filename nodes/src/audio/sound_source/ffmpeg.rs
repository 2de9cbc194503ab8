//! Any sound that the ffmpeg program decodes.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use score_engine::{NodeError, Time};
use serde_json::Value;

use super::{SoundSource, breaks_off};
use crate::video::ffmpeg::{
    PROTOCOLS, Running, ask, duration, input_url, last_line, seconds, start,
};

/// Bytes in a piece; a frame has eight.
const PIECE: usize = 1 << 16;

/// A file may end this much before it says it does: encoders round.
const TOLERATED_SECONDS: f64 = 1.0;

/// Sound that begins this much after the file does is meant to.
const LATE_SECONDS: f64 = 0.1;

/// A file being decoded.
pub(super) struct FfmpegSound {
    name: String,
    rate: u32,
    child: Running,
    samples: ChildStdout,
    listener: Option<JoinHandle<Option<String>>>,
    /// How long the sound says it lasts, and the whole file, whose picture may be longer.
    stream: Option<Time>,
    file: Option<Time>,
    frames: u64,
}

impl FfmpegSound {
    /// Begins to decode the first sound in `path`, at `rate` frames a second.
    ///
    /// # Errors
    /// ffmpeg is missing, or finds no sound.
    pub(super) fn open(path: &Path, rate: u32) -> Result<Self, NodeError> {
        let answer = ask(
            path,
            "sound",
            "a:0",
            "stream=index,start_time,duration:format=start_time,duration",
        )?;
        let name = path.display().to_string();
        let stream = answer
            .get("streams")
            .and_then(|streams| streams.get(0))
            .ok_or_else(|| {
                NodeError::input(format!("`{name}` has no sound")).help("choose a file with sound")
            })?;
        let format = answer.get("format");
        let starts = |of: Option<&Value>| seconds(of?, "start_time");
        let late = starts(Some(stream)).unwrap_or(0.0) - starts(format).unwrap_or(0.0);
        // Silence stands where sound pauses, and before sound that begins later than the picture; a few
        // milliseconds are no such beginning but the encoder's, which ffmpeg has left out already.
        let start_of_file = if late > LATE_SECONDS {
            ":first_pts=0"
        } else {
            ""
        };
        let filter = format!("aresample={rate}:async=1{start_of_file}");
        let mut command = Command::new("ffmpeg");
        command.args([
            "-hide_banner",
            "-nostdin",
            "-nostats",
            "-loglevel",
            "repeat+error",
        ]);
        command.args(PROTOCOLS).arg("-i").arg(input_url(path));
        command.args(["-map", "0:a:0", "-af", &filter, "-ac", "2"]);
        command.args(["-f", "f32le", "pipe:1"]);
        let mut child = Running(start("ffmpeg", Stdio::null(), &mut command)?);
        let (Some(samples), Some(stderr)) = (child.0.stdout.take(), child.0.stderr.take()) else {
            return Err(NodeError::internal("ffmpeg was started without its pipes"));
        };
        Ok(FfmpegSound {
            name,
            rate,
            child,
            samples,
            listener: Some(std::thread::spawn(move || last_complaint(stderr))),
            stream: duration(stream),
            file: format.and_then(duration),
            frames: 0,
        })
    }

    fn end(&mut self) -> Result<Option<Vec<f32>>, NodeError> {
        let status = self.child.0.wait();
        let complaint = self
            .listener
            .take()
            .and_then(|listener| listener.join().ok())
            .flatten();
        let at = Time::from_samples(self.frames, self.rate);
        if !status.is_ok_and(|status| status.success()) {
            let reason = complaint.as_deref().unwrap_or("no reason given");
            return Err(NodeError::input(format!(
                "`{}` cannot be decoded at {at}: {reason}",
                self.name
            )));
        }
        // That the file is longer than the sound says something only where ffmpeg complained as well.
        let of = self.stream.or(self.file.filter(|_| complaint.is_some()));
        match of.filter(|of| at.seconds() + TOLERATED_SECONDS < of.seconds()) {
            Some(of) => Err(breaks_off(&self.name, at, of, complaint.as_deref())),
            None => Ok(None),
        }
    }
}

impl SoundSource for FfmpegSound {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn duration(&self) -> Option<Time> {
        self.stream.or(self.file)
    }

    fn next(&mut self) -> Result<Option<Vec<f32>>, NodeError> {
        let mut bytes = Vec::with_capacity(PIECE);
        (&mut self.samples)
            .take(PIECE as u64)
            .read_to_end(&mut bytes)
            .map_err(|error| {
                NodeError::input(format!("`{}` cannot be read on: {error}", self.name))
                    .source(error)
            })?;
        let frames = bytes.len() / 8;
        if frames == 0 {
            return self.end();
        }
        self.frames += frames as u64;
        let samples = bytes[..frames * 8].chunks_exact(4);
        Ok(Some(
            samples
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .map(|sample| if sample.is_finite() { sample } else { 0.0 })
                .collect(),
        ))
    }
}

/// Listens until ffmpeg ends; a damaged film may make it say a line for each of thousands of packets.
fn last_complaint(stderr: ChildStderr) -> Option<String> {
    BufReader::new(stderr)
        .split(b'\n')
        .map_while(Result::ok)
        .filter(|line| !line.trim_ascii().is_empty())
        .last()
        .map(|line| last_line(&String::from_utf8_lossy(&line)))
}
