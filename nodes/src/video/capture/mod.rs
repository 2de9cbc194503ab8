//! Pictures as they come from a program that captures them, which is restarted whenever it fails.

mod attempt;
mod node;

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use score_engine::{Counters, NodeError};

use self::attempt::attempt;
pub(crate) use self::node::{
    Captured, Captures, Capturing, PICTURES, REOPENED, after_input, before_input, require_live,
    tell_shape,
};
use super::supervised::{Stops, Supervised};
use crate::backoff::Backoff;

/// The wait before the first new try.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait between two tries: a camera that is plugged in again is seen after this at the
/// latest.
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// How a program is started.
pub(crate) struct Start {
    pub(crate) arguments: Vec<OsString>,
    /// Whether what it captures is still there, for what ffmpeg would not notice. Asked every
    /// second.
    pub(crate) is_there: Box<dyn Fn() -> bool + Send>,
    /// What it has to go through to the network.
    pub(crate) proxy: Option<String>,
}

impl From<Vec<OsString>> for Start {
    fn from(arguments: Vec<OsString>) -> Self {
        Start {
            arguments,
            is_there: Box::new(|| true),
            proxy: None,
        }
    }
}

/// What is captured, and how.
pub(crate) struct Source {
    /// What the artist calls it, for messages: `the camera "Integrated Camera"`.
    pub(crate) name: String,
    /// The program that writes frames of three bytes a pixel to its standard output.
    pub(crate) program: &'static str,
    /// How it is started, asked for at each start: a camera may be another device after it was
    /// plugged in again. Or why it cannot be started now.
    pub(crate) begin: Box<dyn FnMut() -> Result<Start, String> + Send>,
    /// Width and height of the frames that it writes.
    pub(crate) size: (u32, u32),
    /// Time without a frame after which it is restarted; [`Capture::set_timeout`] changes it.
    pub(crate) timeout: Duration,
    /// How long the first frame may take.
    pub(crate) opening: Duration,
    /// Counts how often it was restarted, and reports why no picture comes.
    pub(crate) counters: Arc<Counters>,
    /// Why it has ended, where that is known better than from what the program says.
    pub(crate) explain: Box<dyn Fn() -> Option<String> + Send>,
    /// What must not be shown of what the program says, and what is shown instead: an address with
    /// a password.
    pub(crate) hidden: Option<(String, String)>,
}

impl Source {
    /// Bytes in a frame.
    fn frame_bytes(&self) -> usize {
        self.size.0 as usize * self.size.1 as usize * 3
    }
}

/// A captured picture.
#[derive(Debug)]
pub(crate) struct Picture {
    /// Rows from the top, three bytes (R, G, B) a pixel.
    pub(crate) pixels: Vec<u8>,
    /// When its last byte came.
    pub(crate) captured: Instant,
}

type Shared = Supervised<State>;

#[derive(Debug, Default)]
struct State {
    /// The newest picture that nobody has taken; a newer one takes its place.
    newest: Option<Picture>,
    /// How many times the program was started. What a reader of an earlier start still brings is
    /// not taken.
    attempt: u64,
    /// Pictures of this start.
    pictures: u64,
    /// When this start's first picture came.
    first: Option<Instant>,
    /// When this start's last picture came.
    last: Option<Instant>,
    /// This start's program has closed its output.
    ended: bool,
    /// Time without a frame after which the program is restarted.
    timeout: Duration,
    /// The capture is no longer needed.
    stop: bool,
    /// The program that runs, for tests that kill it.
    process: Option<u32>,
}

impl State {
    /// How long pictures came since the program was started.
    fn worked(&self) -> Duration {
        let between = |(first, last): (Instant, Instant)| last.duration_since(first);
        self.first.zip(self.last).map_or(Duration::ZERO, between)
    }
}

impl Stops for State {
    fn stops(&self) -> bool {
        self.stop
    }
}

/// A source that is being captured until it is dropped.
pub(crate) struct Capture {
    shared: Arc<Shared>,
    supervisor: Option<JoinHandle<()>>,
}

impl Capture {
    /// Starts to capture. Whatever fails afterwards is tried again, at growing intervals.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(crate) fn start(source: Source) -> Result<Self, NodeError> {
        let shared = Arc::new(Shared::new(State {
            timeout: source.timeout,
            ..State::default()
        }));
        let supervised = shared.clone();
        let supervisor = std::thread::Builder::new()
            .name("capture".into())
            .spawn(move || supervise(&supervised, source))
            .map_err(|error| {
                NodeError::internal(format!("no thread can be started: {error}")).source(error)
            })?;
        Ok(Capture {
            shared,
            supervisor: Some(supervisor),
        })
    }

    /// The newest picture that was not taken yet; waits for it `longest` at most.
    pub(crate) fn next(&self, longest: Duration) -> Option<Picture> {
        let until = Instant::now() + longest;
        let mut state = self.shared.lock();
        loop {
            if let Some(picture) = state.newest.take() {
                return Some(picture);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self.shared.wait(state, left);
        }
    }

    /// Sets the time without a frame after which the source is opened again.
    pub(crate) fn set_timeout(&self, timeout: Duration) {
        self.shared.lock().timeout = timeout;
        self.shared.wake();
    }

    /// The program that captures now.
    #[cfg(test)]
    fn process(&self) -> Option<u32> {
        self.shared.lock().process
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.wake();
        if let Some(supervisor) = self.supervisor.take() {
            // It cannot have panicked, and there would be nothing to do about it.
            let _ = supervisor.join();
        }
    }
}

/// Starts the program again and again until the capture is no longer needed.
fn supervise(shared: &Arc<Shared>, mut source: Source) {
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    let name = source.name.clone();
    let counters = source.counters.clone();
    let reopened = counters.counter(REOPENED);
    counters.wait_for(format!("{name}: no picture yet"));
    // What was reported last, and since when: a camera that is away for weeks must not fill the
    // log.
    let mut trouble: Option<(String, Instant)> = None;
    let mut seen = false;
    loop {
        let outcome = attempt(shared, &mut source, || {
            counters.go_on();
            if let Some((_, since)) = trouble.take() {
                let seconds = since.elapsed().as_secs_f64();
                tracing::info!("{name}: pictures again after {seconds:.1} s");
            }
        });
        let pause = backoff.after(outcome.worked);
        seen |= outcome.pictures;
        if !shared.rest(Duration::ZERO) {
            return;
        }
        counters.lack(format!("{name}: {}", outcome.reason));
        let since = trouble
            .as_ref()
            .map_or_else(Instant::now, |(_, since)| *since);
        if trouble.is_none_or(|(told, _)| told != outcome.reason) {
            let meanwhile = match seen {
                true => "the last picture stays",
                false => "no picture yet",
            };
            tracing::warn!(
                "{name}: {}; {meanwhile}; trying again until it works",
                outcome.reason
            );
        }
        trouble = Some((outcome.reason, since));
        if !shared.rest(pause) {
            return;
        }
        reopened.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
