//! The thread that reads a sequence of pictures ahead of time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use score_engine::{Frame, NodeError};

use super::gallery::Gallery;
use super::read_sized;
use crate::file_state::FileState;

/// Pictures that are read before they are due.
const AHEAD: usize = 4;

/// Pictures that are kept to be shown again, in bytes.
const KEPT_BYTES: usize = 64 << 20;

/// The wait before a folder without a picture is looked at again, live.
const REST: Duration = Duration::from_secs(1);

/// How often the thread looks meanwhile whether it is still needed.
const LOOK: Duration = Duration::from_millis(50);

/// What the thread gives.
pub(super) enum Item {
    /// The picture with this number, counted over all rounds.
    Frame(u64, Arc<Frame>),
    /// There are no more.
    End,
    /// One cannot be read.
    Failed(NodeError),
}

/// What the thread is told while it reads.
#[derive(Default)]
pub(super) struct Desk {
    /// Begin again after the last.
    is_looped: AtomicBool,
    /// Each round in an order of its own.
    is_random: AtomicBool,
    /// Pictures with smaller numbers are no longer wanted.
    wanted: AtomicU64,
    gone: AtomicBool,
}

impl Desk {
    /// What the thread begins with.
    pub(super) fn new(is_looped: bool, is_random: bool) -> Self {
        let desk = Desk::default();
        desk.set(is_looped, is_random);
        desk
    }

    /// Whether to begin again after the last, and whether in an order of its own each time.
    pub(super) fn set(&self, is_looped: bool, is_random: bool) {
        self.is_looped.store(is_looped, Ordering::Relaxed);
        self.is_random.store(is_random, Ordering::Relaxed);
    }

    /// Pictures with smaller numbers than this are no longer wanted.
    pub(super) fn want(&self, number: u64) {
        self.wanted.store(number, Ordering::Relaxed);
    }
}

/// What is read, and how.
pub(super) struct Plan {
    pub(super) node: String,
    pub(super) gallery: Gallery,
    pub(super) size: (u32, u32),
    /// Whether a picture that cannot be read ends the run, rather than being left out.
    pub(super) is_strict: bool,
    pub(super) rng: ChaCha8Rng,
}

/// Pictures as they are read, until this is dropped.
pub(super) struct Pictures {
    items: Option<Receiver<Item>>,
    pub(super) desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

impl Pictures {
    /// Begins to read.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(super) fn start(plan: Plan, desk: Desk) -> Result<Self, NodeError> {
        let (sender, items) = sync_channel(AHEAD);
        let desk = Arc::new(desk);
        let reader = Reader {
            plan,
            desk: desk.clone(),
            items: sender,
            kept: HashMap::new(),
            kept_bytes: 0,
            told: String::new(),
        };
        let thread = std::thread::Builder::new()
            .name("pictures".into())
            .spawn(move || {
                // Nobody takes pictures any more.
                let _ = reader.run();
            })
            .map_err(|error| {
                NodeError::internal(format!("no thread can be started: {error}")).source(error)
            })?;
        Ok(Pictures {
            items: Some(items),
            desk,
            thread: Some(thread),
        })
    }

    /// What comes next; waits for it `longest` at most.
    pub(super) fn next(&self, longest: Duration) -> Option<Item> {
        match self.items.as_ref()?.recv_timeout(longest) {
            Ok(item) => Some(item),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Item::Failed(NodeError::internal(
                "the thread that reads pictures is gone",
            ))),
        }
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        self.desk.gone.store(true, Ordering::Release);
        self.items = None;
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked, and there would be nothing to do about it.
            let _ = thread.join();
        }
    }
}

/// Nobody takes pictures any more.
struct Gone;

struct Reader {
    plan: Plan,
    desk: Arc<Desk>,
    items: SyncSender<Item>,
    /// Pictures that were read, as their files were then.
    kept: HashMap<PathBuf, (FileState, Arc<Frame>)>,
    kept_bytes: usize,
    /// What was complained of last: a folder that is away for weeks must not fill the log.
    told: String,
}

impl Reader {
    /// Reads round after round. Each looks anew which files there are.
    fn run(mut self) -> Result<(), Gone> {
        let mut number = 0;
        loop {
            let began = number;
            let mut files = match self.plan.gallery.files() {
                Ok(files) => files,
                Err(why) if self.plan.is_strict => {
                    return self.send(Item::Failed(NodeError::input(why)));
                }
                Err(why) => {
                    self.complain(why);
                    self.rest()?;
                    continue;
                }
            };
            if self.desk.is_random.load(Ordering::Relaxed) {
                self.shuffle(&mut files);
            }
            // After a long sleep, whole rounds are not wanted any more.
            let behind = self.wanted().saturating_sub(number);
            let count = files.len() as u64;
            number += behind / count * count;
            for path in files {
                if number < self.wanted() {
                    number += 1;
                    continue;
                }
                match self.frame(&path) {
                    Ok(frame) => {
                        self.send(Item::Frame(number, frame))?;
                        number += 1;
                    }
                    Err(error) if self.plan.is_strict => {
                        return self.send(Item::Failed(error));
                    }
                    Err(error) => self.complain(format!("{error}; it is left out")),
                }
            }
            if !self.desk.is_looped.load(Ordering::Relaxed) {
                return self.send(Item::End);
            }
            if number == began {
                self.rest()?;
            }
        }
    }

    fn wanted(&self) -> u64 {
        self.desk.wanted.load(Ordering::Relaxed)
    }

    fn send(&self, item: Item) -> Result<(), Gone> {
        self.items.send(item).map_err(|_| Gone)
    }

    /// Fisher and Yates's shuffle.
    fn shuffle(&mut self, files: &mut [PathBuf]) {
        for last in (1..files.len()).rev() {
            let other = self.plan.rng.next_u64() % (last as u64 + 1);
            files.swap(last, other as usize);
        }
    }

    /// The picture in a file, read anew only where the file has changed.
    fn frame(&mut self, path: &Path) -> Result<Arc<Frame>, NodeError> {
        let state = std::fs::metadata(path)
            .ok()
            .map(|file| FileState::of(&file));
        if let Some((kept_state, frame)) = self.kept.get(path)
            && state.as_ref() == Some(kept_state)
        {
            return Ok(frame.clone());
        }
        let (width, height) = self.plan.size;
        let frame = Arc::new(read_sized(path, Some(width), Some(height))?);
        let bytes = frame.pixels().len();
        if let Some((_, old)) = self.kept.remove(path) {
            self.kept_bytes -= old.pixels().len();
        }
        if self.kept_bytes + bytes > KEPT_BYTES && self.desk.is_looped.load(Ordering::Relaxed) {
            // Other files may have come in their place.
            self.kept.clear();
            self.kept_bytes = 0;
        }
        if let Some(state) = state.filter(|_| self.kept_bytes + bytes <= KEPT_BYTES) {
            self.kept_bytes += bytes;
            self.kept.insert(path.to_owned(), (state, frame.clone()));
        }
        Ok(frame)
    }

    fn complain(&mut self, why: String) {
        if self.told != why {
            tracing::warn!(node = %self.plan.node, "{why}");
            self.told = why;
        }
    }

    /// Waits before the next look.
    fn rest(&self) -> Result<(), Gone> {
        let until = Instant::now() + REST;
        while Instant::now() < until {
            if self.desk.gone.load(Ordering::Acquire) {
                return Err(Gone);
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}
