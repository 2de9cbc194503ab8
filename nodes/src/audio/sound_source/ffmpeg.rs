//! Any sound that the ffmpeg program decodes.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use score_engine::{NodeError, Time};

use super::{SoundSource, breaks_off};
use crate::video::ffmpeg::{PROTOCOLS, Running, input_url, last_line, start};
use crate::video::timeline::{Contents, Declared};

/// Bytes read at a time; a frame has eight.
const PIECE: usize = 1 << 16;

/// A pause in the sound no shorter than this, in seconds, is filled with silence: a packet that is
/// missing is longer, and times that containers round are not.
const PAUSE: f64 = 0.015;

/// A file being decoded.
pub(crate) struct FfmpegSound {
    path: PathBuf,
    rate: u32,
    child: Running,
    samples: ChildStdout,
    listener: Option<JoinHandle<Option<String>>>,
    /// Where the sound ought to end.
    declared: Option<Declared>,
    frames: u64,
}

impl FfmpegSound {
    /// Begins to decode the first sound in `path`, at `rate` frames a second. The first frame is
    /// the file's zero; where the sound begins later or pauses, there is silence.
    ///
    /// # Errors
    /// ffmpeg is missing, or finds no sound.
    pub(crate) fn open(path: &Path, rate: u32) -> Result<Self, NodeError> {
        let contents = Contents::of(path, "sound")?;
        let stream = contents.sound().ok_or_else(|| {
            NodeError::input(format!("`{}` has no sound", path.display()))
                .help("choose a file with sound")
        })?;
        let filter = format!("aresample={rate}:async=1:first_pts=0:min_hard_comp={PAUSE}");
        let mut command = Command::new("ffmpeg");
        command.args([
            "-hide_banner",
            "-nostdin",
            "-nostats",
            "-loglevel",
            "repeat+error",
        ]);
        command
            .args(PROTOCOLS)
            .args(contents.timeline().arguments());
        command.arg("-i").arg(input_url(path));
        command.args(["-map", "0:a:0", "-af", &filter, "-ac", "2"]);
        command.args(["-f", "f32le", "pipe:1"]);
        let mut child = Running(start("ffmpeg", Stdio::null(), &mut command)?);
        let (Some(samples), Some(stderr)) = (child.0.stdout.take(), child.0.stderr.take()) else {
            return Err(NodeError::internal("ffmpeg was started without its pipes"));
        };
        Ok(FfmpegSound {
            path: path.to_owned(),
            rate,
            child,
            samples,
            listener: Some(std::thread::spawn(move || last_complaint(stderr))),
            declared: contents.declared(stream),
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
                self.path.display()
            )));
        }
        match self.declared {
            Some(declared) if declared.is_missed(&self.path, at)? => {
                let name = self.path.display().to_string();
                Err(breaks_off(
                    &name,
                    at,
                    Some(declared.end),
                    complaint.as_deref(),
                ))
            }
            _ => Ok(None),
        }
    }
}

impl SoundSource for FfmpegSound {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn duration(&self) -> Option<Time> {
        self.declared.map(|declared| declared.end)
    }

    fn next(&mut self) -> Result<Option<Vec<f32>>, NodeError> {
        let mut bytes = Vec::with_capacity(PIECE);
        (&mut self.samples)
            .take(PIECE as u64)
            .read_to_end(&mut bytes)
            .map_err(|error| {
                let name = self.path.display();
                NodeError::input(format!("`{name}` cannot be read any further ({error})"))
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

/// Listens until ffmpeg ends; a damaged film may make it say a line for each of thousands of
/// packets.
fn last_complaint(stderr: ChildStderr) -> Option<String> {
    BufReader::new(stderr)
        .split(b'\n')
        .map_while(Result::ok)
        .filter(|line| !line.trim_ascii().is_empty())
        .last()
        .map(|line| last_line(&String::from_utf8_lossy(&line)))
}
