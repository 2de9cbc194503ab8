//! One start of a capturing program, from its first sign of life to its end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::{Picture, Shared, Source, Start};
use crate::video::ffmpeg::{last_line, start};
use crate::video::supervised::{REAP, stop};

/// How soon a program that has closed its output is gone.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Between two looks whether what is captured is still there.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How a start went.
pub(super) struct Outcome {
    /// Why it is over, in words that follow the source's name and a colon.
    pub(super) reason: String,
    /// How long pictures came.
    pub(super) worked: Duration,
    /// Whether any came.
    pub(super) pictures: bool,
}

impl Outcome {
    fn failed(reason: String) -> Self {
        Outcome {
            reason,
            worked: Duration::ZERO,
            pictures: false,
        }
    }
}

/// Starts the program and watches over it until it ends, no picture comes in time, or the capture
/// is no longer needed. Calls `first` when the first picture has come.
pub(super) fn attempt(shared: &Arc<Shared>, source: &mut Source, first: impl FnOnce()) -> Outcome {
    let start = match (source.begin)() {
        Ok(start) => start,
        Err(reason) => return Outcome::failed(reason),
    };
    let mut child = match spawn(source.program, &start) {
        Ok(child) => child,
        Err(reason) => return Outcome::failed(reason),
    };
    let (Some(pixels), Some(words)) = (child.stdout.take(), child.stderr.take()) else {
        return Outcome::failed("its output cannot be read".into());
    };
    let number = begin(shared, child.id());
    let (reader, reading) = (shared.clone(), source.frame_bytes());
    // These threads end with the program, which closes its pipes. They are not joined: see `REAP`.
    let reads = std::thread::Builder::new()
        .name("capture pixels".into())
        .spawn(move || read(&reader, number, pixels, reading));
    let complaint = listen(words);
    let too_late = match reads {
        Ok(_) => watch(shared, source, &start.is_there, first),
        Err(error) => Some(format!("no thread can be started: {error}")),
    };
    let was_killed = too_late.is_none() && !shared.lock().stop && is_killed(&mut child);
    stop(&mut child, "captures");
    let (worked, pictures) = {
        let state = shared.lock();
        (state.worked(), state.pictures > 0)
    };
    let reason = too_late.unwrap_or_else(|| {
        if was_killed {
            return "its program was killed".into();
        }
        let said = complaint.recv_timeout(REAP).ok().flatten();
        let said = (source.explain)().or(said);
        hide(
            said.unwrap_or_else(|| "it ended".into()),
            source.hidden.as_ref(),
        )
    });
    Outcome {
        reason,
        worked,
        pictures,
    }
}

fn spawn(program: &str, beginning: &Start) -> Result<Child, String> {
    let mut command = Command::new(program);
    command.args(&beginning.arguments);
    if let Some(proxy) = &beginning.proxy {
        // All of ffmpeg's protocols that can be led elsewhere read these.
        command.env("http_proxy", proxy).env_remove("no_proxy");
    }
    start(program, Stdio::null(), &mut command).map_err(|error| error.to_string())
}

/// Makes room for a new start; gives its number.
fn begin(shared: &Shared, process: u32) -> u64 {
    let mut state = shared.lock();
    state.attempt += 1;
    state.pictures = 0;
    state.first = None;
    state.last = None;
    state.ended = false;
    state.process = Some(process);
    state.attempt
}

/// Puts each picture in the place of the one before, until the program's output ends.
fn read(shared: &Shared, number: u64, mut output: ChildStdout, frame_bytes: usize) {
    loop {
        let mut pixels = vec![0; frame_bytes];
        let read = output.read_exact(&mut pixels);
        let captured = Instant::now();
        let mut state = shared.lock();
        if state.attempt != number {
            return;
        }
        if read.is_err() {
            state.ended = true;
        } else {
            state.newest = Some(Picture { pixels, captured });
            state.pictures += 1;
            state.first.get_or_insert(captured);
            state.last = Some(captured);
        }
        drop(state);
        shared.wake();
        if read.is_err() {
            return;
        }
    }
}

/// Reads what the program says; the last of it comes when the program has ended.
fn listen(words: ChildStderr) -> Receiver<Option<String>> {
    let (tell, complaint) = channel();
    let listens = std::thread::Builder::new()
        .name("capture words".into())
        .spawn(move || {
            let mut last = None;
            for line in BufReader::new(words).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                // Two pictures within one tick of ffmpeg's clock; both are written.
                let is_noise = line.contains("non monotonically increasing dts");
                if !line.trim().is_empty() && !is_noise {
                    last = Some(last_line(&line));
                }
            }
            // Nobody listens when the run is over.
            let _ = tell.send(last);
        });
    // Without the thread, the channel is closed and the reason is simply not known.
    drop(listens);
    complaint
}

/// Waits until the program has ended or is not needed; says so if it is too late with a picture.
fn watch(
    shared: &Shared,
    source: &Source,
    is_there: &dyn Fn() -> bool,
    first: impl FnOnce(),
) -> Option<String> {
    let began = Instant::now();
    let mut looked = began;
    let mut first = Some(first);
    let mut state = shared.lock();
    loop {
        if state.stop || state.ended {
            return None;
        }
        let (since, longest) = match state.last {
            Some(last) => (last, state.timeout),
            None => (began, source.opening.max(state.timeout)),
        };
        if state.pictures > 0
            && let Some(first) = first.take()
        {
            drop(state);
            first();
            state = shared.lock();
            continue;
        }
        if looked.elapsed() >= POLL_INTERVAL {
            looked = Instant::now();
            drop(state);
            if !is_there() {
                return Some("it has gone away".into());
            }
            state = shared.lock();
            continue;
        }
        let left = longest.saturating_sub(since.elapsed());
        if left.is_zero() {
            return Some(format!("no picture for {:.1} s", longest.as_secs_f64()));
        }
        state = shared.wait(state, left.min(POLL_INTERVAL));
    }
}

/// Whether the program, which has closed its output, was ended by somebody else rather than by
/// itself.
fn is_killed(child: &mut Child) -> bool {
    let until = Instant::now() + LAST_WORDS;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.code().is_none(),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
            _ => return false,
        }
    }
}

/// What was said, without what must not be shown.
fn hide(said: String, hidden: Option<&(String, String)>) -> String {
    match hidden {
        Some((secret, instead)) if !secret.is_empty() => said.replace(secret, instead),
        _ => said,
    }
}
