//! Reads and checks what is saved, on its own threads: a file that is slow, or never answers,
//! blocks nothing else.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use score_engine::{Graph, Override, Registry, Settings, Source, Watch};
use score_nodes::output::Survey;

use crate::command::{checked, files_of, load_edit, load_with, looked_at};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::ownership::Ownership;

/// If a patch is still being read after this time, the next save does not wait for it.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(1);

/// Threads that may hang on files before no further save is read.
const MAX_THREADS: usize = 4;

/// An editor that replaces a file may remove the old one first.
const RECHECK_DELAY: Duration = Duration::from_millis(100);

/// What a patch is read and checked with.
pub(super) struct Given {
    pub(super) patch: PathBuf,
    pub(super) overrides: Vec<Override>,
    /// What is played in place of the patch.
    pub(super) instead: Option<Source>,
    pub(super) settings: Settings,
    pub(super) ownership: Ownership,
    pub(super) kinds: Mutex<Kinds<'static>>,
    pub(super) watch: Option<Watch>,
}

/// The result of reading the patch once.
pub(super) struct Loaded {
    /// Which reading it is.
    pub(super) number: u64,
    pub(super) begun: Instant,
    pub(super) patch: Result<Checked, Unloaded>,
    /// Warnings about folders without notifications.
    pub(super) unwatched: Vec<String>,
}

/// A patch that can be played, if it may write what it would.
pub(super) struct Checked {
    pub(super) graph: Graph,
    pub(super) survey: Survey,
}

/// Why there is no patch to play.
pub(super) enum Unloaded {
    /// The file is gone.
    Gone,
    Refused(Failure),
}

/// Reads the patch again when it is saved.
pub(super) struct Loader {
    given: Arc<Given>,
    /// How many readings were started.
    number: u64,
    /// The readings that are under way.
    running: Vec<(u64, Instant)>,
    /// Files that were saved, each with the reading that follows.
    touched: Vec<(u64, PathBuf)>,
    /// Whether something was saved since the last reading began.
    wanted: bool,
    tell: Sender<Loaded>,
    told: Receiver<Loaded>,
}

impl Loader {
    pub(super) fn new(given: Given) -> Self {
        let (tell, told) = unbounded();
        Loader {
            given: Arc::new(given),
            number: 0,
            running: Vec::new(),
            touched: Vec::new(),
            wanted: false,
            tell,
            told,
        }
    }

    pub(super) fn ownership(&self) -> &Ownership {
        &self.given.ownership
    }

    pub(super) fn kinds(&self) -> MutexGuard<'_, Kinds<'static>> {
        lock(&self.given.kinds)
    }

    /// Gives the kinds that the patch may use as it is now in its file, to whoever asks on a thread
    /// of their own.
    #[cfg(feature = "page")]
    pub(super) fn kinds_of_file(&self) -> Box<dyn Fn() -> Registry + Send + Sync> {
        let given = self.given.clone();
        Box::new(move || lock(&given.kinds).of_file(&given.patch))
    }

    /// The program's own kinds.
    #[cfg(feature = "page")]
    pub(super) fn built_in(&self) -> Registry {
        lock(&self.given.kinds).built_in().clone()
    }

    /// Gives the files of each saving.
    pub(super) fn saved(&self) -> Option<&Receiver<BTreeSet<PathBuf>>> {
        self.given.watch.as_ref().map(Watch::saved)
    }

    /// Gives what was read.
    pub(super) fn loaded(&self) -> &Receiver<Loaded> {
        &self.told
    }

    /// Notes that these files were saved.
    pub(super) fn note(&mut self, files: BTreeSet<PathBuf>) {
        let next = self.number + 1;
        self.touched
            .extend(files.into_iter().map(|file| (next, file)));
        self.wanted = true;
    }

    /// Since when the newest reading is under way.
    pub(super) fn since(&self) -> Option<Instant> {
        let newest = self
            .running
            .iter()
            .find(|(number, _)| *number == self.number);
        newest.map(|(_, since)| *since)
    }

    /// Begins to read what was saved, unless a reading has just begun. Nodes that play read the
    /// files `live`.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(super) fn tend(&mut self, live: impl FnOnce() -> BTreeSet<PathBuf>) -> std::io::Result<()> {
        let busy = self
            .since()
            .is_some_and(|since| since.elapsed() < READ_TIMEOUT);
        if !self.wanted || busy || self.running.len() >= MAX_THREADS {
            return Ok(());
        }
        self.wanted = false;
        self.begin(live(), load_edit)
    }

    /// Begins to read the patch for the first time.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(super) fn begin_first(&mut self) -> std::io::Result<()> {
        self.begin(BTreeSet::new(), load_with)
    }

    fn begin(&mut self, live: BTreeSet<PathBuf>, check: Check) -> std::io::Result<()> {
        self.number += 1;
        let (number, begun) = (self.number, Instant::now());
        let (given, tell) = (self.given.clone(), self.tell.clone());
        let is_edit = number > 1;
        std::thread::Builder::new()
            .name("patch".to_owned())
            .spawn(move || {
                let mut unwatched = BTreeSet::new();
                let patch = read(&given, live, check, is_edit, &mut unwatched);
                // Whoever waited may be gone.
                let _ = tell.send(Loaded {
                    number,
                    begun,
                    patch,
                    unwatched: unwatched.into_iter().collect(),
                });
            })?;
        self.running.push((number, begun));
        Ok(())
    }

    /// Notes that a reading is over. `false`: it is older than one that came back before, and of no
    /// use.
    pub(super) fn is_over(&mut self, number: u64) -> bool {
        let newer_is_over = |newer: u64| self.running.iter().all(|(number, _)| *number != newer);
        let is_news = !(number + 1..=self.number).any(newer_is_over);
        self.running.retain(|(running, _)| *running != number);
        is_news
    }

    /// The files that were saved before a reading began.
    pub(super) fn touched_before(&self, number: u64) -> BTreeSet<PathBuf> {
        let before = self.touched.iter().filter(|(next, _)| *next <= number);
        before.map(|(_, file)| file.clone()).collect()
    }

    /// Forgets them: they are played.
    pub(super) fn forget_before(&mut self, number: u64) {
        self.touched.retain(|(next, _)| *next > number);
    }
}

type Check = fn(&std::path::Path, &[Override], &Registry, &Settings) -> Result<Graph, Failure>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads and checks the patch. Before and after, the watch gets the files that belong to it.
fn read(
    given: &Given,
    live: BTreeSet<PathBuf>,
    check: Check,
    is_edit: bool,
    unwatched: &mut BTreeSet<String>,
) -> Result<Checked, Unloaded> {
    let mut files = live;
    files.extend(files_of(&given.patch));
    files.extend(lock(&given.kinds).files());
    let mut set = |files: &BTreeSet<PathBuf>| {
        if let Some(watch) = &given.watch {
            unwatched.extend(watch.set(files.clone()).iter().map(looked_at));
        }
    };
    set(&files);
    if is_edit && is_gone(given) {
        return Err(Unloaded::Gone);
    }
    let registry = lock(&given.kinds).of_file(&given.patch);
    let checked = match &given.instead {
        Some(source) => checked(source, &given.overrides, &registry, &given.settings),
        None => check(&given.patch, &given.overrides, &registry, &given.settings),
    };
    let before = files.len();
    if let Ok(graph) = &checked {
        files.extend(graph.files_to_read());
    }
    files.extend(lock(&given.kinds).files());
    if files.len() > before {
        set(&files);
    }
    let graph = checked.map_err(Unloaded::Refused)?;
    let survey = given.ownership.survey(&graph);
    Ok(Checked { graph, survey })
}

/// Whether the patch's file is gone, and not just being replaced.
fn is_gone(given: &Given) -> bool {
    let gone = || (given.patch.metadata()).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    gone() && {
        std::thread::sleep(RECHECK_DELAY);
        gone()
    }
}
