//! Keeps the pictures of a take as a film beside it.

use std::io::{Read, Write};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use score_engine::{Build, Frame, NodeError, Time};

use crate::growing_file::GrowingFile;
use crate::video::ffmpeg::{Running, quiet, require, start};

/// Pictures a second: what comes between two is left out, and where none comes the last stays.
const RATE: f64 = 25.0;

/// Pictures that wait while the encoder is slow; further ones are left out.
const MOST_WAITING: usize = 64;

/// How long the encoder may take for its last pictures.
const PATIENCE: Duration = Duration::from_secs(10);

/// A film that grows.
pub(super) struct PictureLog {
    growing: GrowingFile,
    encoder: Option<Encoder>,
    /// The size of the first picture, which all have.
    size: Option<(u32, u32)>,
    last: Option<Arc<Frame>>,
    /// How many pictures were handed over.
    count: u64,
    left_out: Arc<AtomicU64>,
    /// Bytes that the encoder gave until it ended.
    written: u64,
}

impl PictureLog {
    /// Begins a film.
    ///
    /// # Errors
    /// ffmpeg is missing.
    pub(super) fn begin(growing: GrowingFile, build: &Build<'_>) -> Result<Self, NodeError> {
        require("ffmpeg")?;
        Ok(PictureLog {
            growing,
            encoder: None,
            size: None,
            last: None,
            count: 0,
            left_out: build.counters.counter("left_out_pictures"),
            written: 0,
        })
    }

    /// A picture comes at this time of the take.
    ///
    /// # Errors
    /// The encoder cannot be started.
    pub(super) fn take(&mut self, time: Time, frame: &Arc<Frame>) -> Result<(), NodeError> {
        let size = (frame.width(), frame.height());
        if *self.size.get_or_insert(size) != size || size.0 == 0 || size.1 == 0 {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        if self.encoder.is_none() {
            let file = self.growing.handle()?;
            self.encoder = Some(Encoder::start(size, file)?);
        }
        self.fill(time);
        self.last = Some(frame.clone());
        Ok(())
    }

    /// Hands over the last picture until the film has come to `time`.
    fn fill(&mut self, time: Time) {
        let wanted = (time.max(Time::ZERO).seconds() * RATE) as u64;
        let (Some(last), Some(encoder)) = (&self.last, &self.encoder) else {
            return;
        };
        let times = wanted.saturating_sub(self.count);
        if times == 0 {
            return;
        }
        match encoder.pictures.try_send((last.clone(), times)) {
            Ok(()) => self.count += times,
            // Those that come next make up for its time.
            Err(_) => drop(self.left_out.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Ends the film at `end`.
    ///
    /// # Errors
    /// The disk is full, or the encoder has failed.
    pub(super) fn finish(&mut self, end: Time) -> Result<(), NodeError> {
        // One picture is shown at least.
        let least = Time::from_seconds((self.count + 1) as f64 / RATE);
        self.fill(if self.count == 0 { end.max(least) } else { end });
        match self.encoder.take() {
            Some(encoder) => {
                let (written, done) = encoder.end();
                self.written = written;
                done
            }
            None => Ok(()),
        }
    }

    /// Ends the film at `end` and gives it its name, on a thread of its own: whoever records goes on
    /// meanwhile.
    ///
    /// # Errors
    /// The system refuses a thread; what is written by then is kept.
    pub(super) fn finish_apart(mut self, end: Time) -> Result<Finishing, NodeError> {
        let finish = move || {
            let finished = self.finish(end);
            // Also what an encoder that has failed gave until then.
            self.commit().and(finished)
        };
        let thread = std::thread::Builder::new().name("film's end".to_owned());
        thread.spawn(finish).map_err(|error| {
            NodeError::output(format!("no thread can be started ({error})")).source(error)
        })
    }

    /// Gives the file its name, where there is something in it.
    ///
    /// # Errors
    /// It cannot be put in its place.
    pub(super) fn commit(&mut self) -> Result<(), NodeError> {
        match self.written {
            // An empty file goes when it is dropped.
            0 => Ok(()),
            _ => self.growing.commit(),
        }
    }
}

/// The thread on which a film comes to its end.
pub(super) type Finishing = JoinHandle<Result<(), NodeError>>;

/// ffmpeg, and the threads that feed it and write what it gives.
struct Encoder {
    pictures: Sender<(Arc<Frame>, u64)>,
    child: Running,
    feeding: Option<JoinHandle<()>>,
    writing: Option<JoinHandle<(u64, std::io::Result<()>)>>,
    is_written: Arc<AtomicBool>,
}

impl Encoder {
    fn start((width, height): (u32, u32), file: std::fs::File) -> Result<Self, NodeError> {
        let mut command = quiet();
        command.args(["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size"]);
        command.arg(format!("{width}x{height}"));
        command.args(["-framerate", &RATE.to_string(), "-i", "pipe:0"]);
        // Colours are not halved, so that any size will do and small pictures stay what they are.
        command.args(["-c:v", "libx264", "-preset", "veryfast", "-crf", "14"]);
        command.args(["-pix_fmt", "yuv444p", "-g", "50", "-tune", "zerolatency"]);
        command.args(["-flush_packets", "1", "-f", "matroska", "pipe:1"]);
        let mut child = Running(start("ffmpeg", Stdio::piped(), &mut command)?);
        // Nobody reads what it says.
        drop(child.0.stderr.take());
        let (Some(stdin), Some(stdout)) = (child.0.stdin.take(), child.0.stdout.take()) else {
            return Err(NodeError::internal("ffmpeg was started without its pipes"));
        };
        let (pictures, waiting) = bounded::<(Arc<Frame>, u64)>(MOST_WAITING);
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let refused = |error: std::io::Error| {
            NodeError::output(format!("no thread can be started ({error})")).source(error)
        };
        let feeding = thread("pictures")
            .spawn(move || feed(stdin, waiting.iter()))
            .map_err(refused)?;
        let is_written = Arc::new(AtomicBool::new(false));
        let done = is_written.clone();
        let writing = thread("film")
            .spawn(move || {
                let written = write(stdout, file);
                done.store(true, Ordering::Release);
                written
            })
            .map_err(refused)?;
        Ok(Encoder {
            pictures,
            child,
            feeding: Some(feeding),
            writing: Some(writing),
            is_written,
        })
    }

    /// Has it write its last pictures; gives the bytes that it gave in all.
    fn end(self) -> (u64, Result<(), NodeError>) {
        let Encoder {
            pictures,
            mut child,
            feeding,
            writing,
            is_written,
        } = self;
        drop(pictures);
        let until = Instant::now() + PATIENCE;
        while !is_written.load(Ordering::Acquire) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut ended = child.0.try_wait();
        while matches!(ended, Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
            ended = child.0.try_wait();
        }
        // If it hangs, it ends here, and with it whoever waits for it.
        drop(child);
        let _ = feeding.map(JoinHandle::join);
        let (bytes, written) = match writing.map(JoinHandle::join) {
            Some(Ok(written)) => written,
            _ => (0, Ok(())),
        };
        let done = match (written, ended) {
            (Err(error), _) => Err(NodeError::output(format!(
                "the pictures cannot be written ({error})"
            ))
            .help("make room on the disk")
            .source(error)),
            (Ok(()), Ok(Some(status))) if status.success() => Ok(()),
            (Ok(()), ended) => {
                let how = match ended {
                    Ok(Some(status)) => status.to_string(),
                    _ => format!("it hung for {} s", PATIENCE.as_secs()),
                };
                Err(NodeError::output(format!(
                    "the film of the pictures may lack its end: ffmpeg failed ({how})"
                )))
            }
        };
        (bytes, done)
    }
}

/// Gives the encoder each picture as often as it is shown.
fn feed(mut stdin: ChildStdin, pictures: impl Iterator<Item = (Arc<Frame>, u64)>) {
    for (frame, times) in pictures {
        for _ in 0..times {
            if stdin.write_all(frame.pixels()).is_err() {
                return;
            }
        }
    }
}

/// Writes what the encoder gives; gives how much that was.
fn write(mut stdout: ChildStdout, mut file: std::fs::File) -> (u64, std::io::Result<()>) {
    let (mut block, mut written) = (vec![0; 64 * 1024], 0);
    loop {
        let done = match stdout.read(&mut block) {
            Ok(0) => return (written, Ok(())),
            Ok(length) => file.write_all(&block[..length]).map(|()| length),
            Err(error) => Err(error),
        };
        match done {
            Ok(length) => written += length as u64,
            Err(error) => return (written, Err(error)),
        }
    }
}
