//! Reads a film a little ahead of the clock, on a thread of its own.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use score_engine::{Frame, LiveClock, NodeError, Time};

use super::pace::Pace;
use super::reader::{Beginning, Reader};
use crate::video::ffmpeg::{Decoder, Film, Stopper};

/// Frames that wait for their time take no more than this, in bytes.
const AHEAD_BYTES: usize = 16 << 20;

/// Frames that wait for their time: enough to restart a decoder meanwhile.
const MOST_AHEAD: usize = 32;

/// A film with pictures of this many pixels, at its own speed, is decoded in time by one processor:
/// 1920 × 1088.
const LIGHT_PIXELS: f64 = 1920.0 * 1088.0;

/// What is played, and how.
pub(super) struct Script {
    /// The node's id, for the log.
    pub(super) node: String,
    pub(super) path: PathBuf,
    /// Width and height of the frames.
    pub(super) size: (u32, u32),
    /// Frames a second, where not all are wanted.
    pub(super) rate: Option<f64>,
    pub(super) film: Film,
}

impl Script {
    /// Bytes in a frame.
    pub(super) fn frame_bytes(&self) -> usize {
        self.size.0 as usize * self.size.1 as usize * 3
    }

    /// Begins to decode the film for this speed, `from` a time in it, or from its beginning.
    ///
    /// # Errors
    /// ffmpeg is missing.
    pub(super) fn decoder(&self, from: Option<Time>, speed: f64) -> Result<Decoder, NodeError> {
        let film = (self.path.as_path(), &self.film);
        Decoder::start(film, self.size, self.rate, from, self.is_light(speed))
    }

    /// Whether it is little enough work for one processor.
    fn is_light(&self, speed: f64) -> bool {
        let pixels = self.film.pixels.unwrap_or(u64::MAX) as f64;
        pixels * speed <= LIGHT_PIXELS
    }
}

/// What the reel brings, in order. Times are positions in the film, counted on from round to round.
pub(super) enum Item {
    Frame(Time, Arc<Frame>),
    /// The film ends.
    End(Time),
}

/// What both sides of a reel share.
pub(super) struct ReelShared {
    clock: Arc<LiveClock>,
    state: Mutex<ReelState>,
}

struct ReelState {
    /// Where the film is at which time of the run's clock, once it plays.
    pace: Option<Pace>,
    /// Before it plays, how fast it will.
    speed: f64,
    /// Whether it starts again when it has ended.
    looped: bool,
    /// The decoder that is being read.
    decoder: Option<Stopper>,
    /// Why it was ended.
    ended: Option<&'static str>,
}

impl ReelShared {
    /// Of a film that will play at `speed`, and starts again where it is `looped`.
    pub(super) fn new(clock: Arc<LiveClock>, speed: f64, looped: bool) -> Self {
        ReelShared {
            clock,
            state: Mutex::new(ReelState {
                pace: None,
                speed,
                looped,
                decoder: None,
                ended: None,
            }),
        }
    }

    /// Why the decoder was ended from here, if it was.
    pub(super) fn why_ended(&self) -> Option<&'static str> {
        self.lock().ended.take()
    }

    fn lock(&self) -> MutexGuard<'_, ReelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the film ought to be now; may lie beyond its end where it loops.
    pub(super) fn position(&self) -> Time {
        let pace = self.lock().pace;
        pace.map_or(Time::ZERO, |pace| pace.position(self.clock.now()))
    }

    /// How fast the film plays.
    pub(super) fn speed(&self) -> f64 {
        let state = self.lock();
        state.pace.map_or(state.speed, Pace::speed)
    }

    /// Whether the film starts again when it has ended.
    pub(super) fn is_looped(&self) -> bool {
        self.lock().looped
    }

    /// This decoder is being read from now on.
    pub(super) fn watch(&self, decoder: &Decoder) {
        let mut state = self.lock();
        state.decoder = Some(decoder.stopper());
        state.ended = None;
    }
}

/// A film that is being read until the reel is dropped.
pub(super) struct Reel {
    items: Option<Receiver<Item>>,
    // Dropped with the reel, which ends the thread's rests.
    life: Option<Sender<()>>,
    shared: Arc<ReelShared>,
    thread: Option<JoinHandle<()>>,
}

impl Reel {
    /// Begins to read a film that will play at a speed, in a loop or not, and waits for the first
    /// frame. `reopened` counts how often a decoder is restarted.
    ///
    /// # Errors
    /// ffmpeg is missing, or the film has no frame that can be decoded.
    pub(super) fn start(
        script: Script,
        (speed, looped): (f64, bool),
        clock: Arc<LiveClock>,
        reopened: Arc<AtomicU64>,
    ) -> Result<Self, NodeError> {
        let shared = Arc::new(ReelShared::new(clock, speed, looped));
        let mut decoder = script.decoder(None, speed)?;
        shared.watch(&decoder);
        let Some(first) = decoder.next()? else {
            let name = script.path.display();
            return Err(NodeError::input(format!(
                "`{name}` has no picture that can be decoded"
            )));
        };
        let ahead = (AHEAD_BYTES / script.frame_bytes().max(1)).clamp(2, MOST_AHEAD);
        let (send, items) = sync_channel(ahead);
        let (life, alive) = channel();
        let from = Beginning {
            script,
            items: send,
            alive,
            shared: shared.clone(),
            reopened,
        };
        let reader = Reader::new(from);
        let thread = std::thread::Builder::new()
            .name("film".into())
            // An error only says that the reel was dropped.
            .spawn(move || drop(reader.run(decoder, first)))
            .map_err(|error| NodeError::internal(format!("no thread can be started: {error}")))?;
        Ok(Reel {
            items: Some(items),
            life: Some(life),
            shared,
            thread: Some(thread),
        })
    }

    /// The film plays so from now on.
    pub(super) fn go_by(&self, pace: Pace) {
        self.shared.lock().pace = Some(pace);
    }

    /// Whether the film starts again when it has ended. A round that has been read to its end is
    /// not taken back.
    pub(super) fn set_loop(&self, looped: bool) {
        self.shared.lock().looped = looped;
    }

    /// The time on the run's clock.
    pub(super) fn now(&self) -> Time {
        self.shared.clock.now()
    }

    /// What comes next; waits for it `longest` at most.
    pub(super) fn next(&self, longest: Duration) -> Option<Item> {
        let items = self.items.as_ref()?;
        match items.recv_timeout(longest) {
            Ok(item) => Some(item),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                // The thread only ends after the last item; further calls must not spin.
                std::thread::sleep(longest);
                None
            }
        }
    }

    /// Ends the decoder, for the reason `why`; another is started where the film ought to be.
    pub(super) fn start_anew(&self, why: &'static str) {
        let mut state = self.shared.lock();
        state.ended = Some(why);
        if let Some(decoder) = &state.decoder {
            decoder.stop();
        }
    }
}

impl Drop for Reel {
    fn drop(&mut self) {
        drop(self.items.take());
        drop(self.life.take());
        if let Some(decoder) = self.shared.lock().decoder.take() {
            decoder.stop();
        }
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked, and there would be nothing to do about it.
            let _ = thread.join();
        }
    }
}
