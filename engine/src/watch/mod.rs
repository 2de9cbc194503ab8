//! Reports when files have been saved.
//!
//! A file is watched at each symbolic link on the way to it as well, so that it does not matter
//! which of them is replaced. The system's notices come at once; beside them every file is looked
//! at once per second, which finds what gives no notice: a folder that was replaced as a whole, a
//! network share, some containers. Whatever can block, such as a hung mount, happens on the watch's
//! own thread.

mod mark;
#[cfg(test)]
mod tests;
mod trail;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use notify::event::EventKind;
use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};

use self::mark::{Mark, identity};
use self::trail::trail;

/// Events closer together than this are one saving.
const TOGETHER: Duration = Duration::from_millis(20);

/// Between two looks at all files.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How long a change that a look has found is waited for: its notice may be on the way.
const NOTICE: Duration = Duration::from_millis(100);

/// How long [`Watch::set`] waits for the watch's thread, which may stand still on a hung mount.
const SET_WITHIN: Duration = Duration::from_secs(1);

/// Watches files, whichever way their editors save them: the folders are watched, since a watch on
/// a file goes with the file when an editor puts a new one in its place.
#[derive(Clone)]
pub struct Watch {
    orders: Sender<Order>,
    saved: Receiver<BTreeSet<PathBuf>>,
}

/// A folder that gives no notice of what is saved in it; its files are read once a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwatched {
    /// The folder.
    pub folder: PathBuf,
    /// Why, in the system's words.
    pub why: String,
}

struct Order {
    files: BTreeSet<PathBuf>,
    done: Sender<Vec<Unwatched>>,
}

impl Watch {
    /// Watches nothing yet. `polls`: nothing is asked of the system; the files are read once a
    /// second.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn new(polls: bool) -> Result<Watch, std::io::Error> {
        let (tell, saved) = unbounded();
        let (orders, received) = unbounded();
        let shared: Arc<Mutex<Watched>> = Arc::default();
        std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || {
                let notices = match polls {
                    true => Err("polls".to_owned()),
                    false => listen(&shared, &tell).map_err(|error| error.to_string()),
                };
                Watcher {
                    notices,
                    polls,
                    shared,
                    folders: BTreeMap::new(),
                    told: BTreeSet::new(),
                    odd: BTreeMap::new(),
                    tell,
                }
                .run(&received);
            })?;
        Ok(Watch { orders, saved })
    }

    /// Watches these files, given by absolute paths, and no others. Returns the folders that give
    /// no notice, each once; their files are read once a second. A file whose folder is not
    /// there yet is looked for as often.
    pub fn set(&self, files: BTreeSet<PathBuf>) -> Vec<Unwatched> {
        let (done, unwatched) = bounded(1);
        // The thread ends only with the last watch.
        let _ = self.orders.send(Order { files, done });
        unwatched.recv_timeout(SET_WITHIN).unwrap_or_default()
    }

    /// Gives the files of each saving, by the paths by which they were given.
    pub fn saved(&self) -> &Receiver<BTreeSet<PathBuf>> {
        &self.saved
    }
}

/// What is watched. Nobody holds it while waiting for a file.
#[derive(Default)]
struct Watched {
    /// The paths that the system reports, and the files that each concerns.
    entries: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    files: BTreeMap<PathBuf, Known>,
}

/// A file as it was reported or found last.
#[derive(Clone)]
struct Known {
    mark: Mark,
    by_hash: bool,
}

type Notices = Debouncer<RecommendedWatcher, RecommendedCache>;

/// Receives what the system reports.
fn listen(
    shared: &Arc<Mutex<Watched>>,
    tell: &Sender<BTreeSet<PathBuf>>,
) -> notify::Result<Notices> {
    let (shared, tell) = (shared.clone(), tell.clone());
    let receive = move |events: DebounceEventResult| {
        let paths: Vec<PathBuf> = (events.into_iter().flatten())
            .filter(|event| !matches!(event.kind, EventKind::Access(_)))
            .flat_map(|event| event.event.paths)
            .collect();
        let touched: BTreeMap<PathBuf, bool> = {
            let watched = lock(&shared);
            let files = paths
                .iter()
                .filter_map(|path| watched.entries.get(path))
                .flatten();
            files
                .filter_map(|file| Some((file.clone(), watched.files.get(file)?.by_hash)))
                .collect()
        };
        if touched.is_empty() {
            return;
        }
        for (file, by_hash) in &touched {
            let mark = Mark::of(file, *by_hash);
            if let Some(known) = lock(&shared).files.get_mut(file) {
                known.mark = mark;
            }
        }
        // Whoever listened may be gone.
        let _ = tell.send(touched.into_keys().collect());
    };
    new_debouncer(TOGETHER, None, receive)
}

fn lock(shared: &Mutex<Watched>) -> std::sync::MutexGuard<'_, Watched> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The watch's thread.
struct Watcher {
    /// The system's notices; or why there are none.
    notices: Result<Notices, String>,
    polls: bool,
    shared: Arc<Mutex<Watched>>,
    /// The folders that are watched, and what tells each from another of its name.
    folders: BTreeMap<PathBuf, Option<(u64, u64)>>,
    /// The folders without notices that were reported.
    told: BTreeSet<PathBuf>,
    /// Files that have changed without a notice, so far.
    odd: BTreeMap<PathBuf, Known>,
    tell: Sender<BTreeSet<PathBuf>>,
}

impl Watcher {
    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let pause = if self.odd.is_empty() {
                POLL_INTERVAL
            } else {
                NOTICE
            };
            match orders.recv_timeout(pause) {
                Ok(order) => {
                    let unwatched = self.set(order.files);
                    let _ = order.done.send(unwatched);
                }
                Err(RecvTimeoutError::Timeout) if self.odd.is_empty() => self.look(),
                Err(RecvTimeoutError::Timeout) => self.tell_odd(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn set(&mut self, files: BTreeSet<PathBuf>) -> Vec<Unwatched> {
        let mut entries: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
        let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
        let mut of_file: BTreeMap<&PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for file in &files {
            for entry in trail(file) {
                if let Some(folder) = entry.parent() {
                    folders.insert(folder.to_owned());
                    of_file.entry(file).or_default().push(folder.to_owned());
                }
                entries.entry(entry).or_default().insert(file.clone());
            }
        }
        let refused = self.watch_folders(&folders);
        let before = lock(&self.shared).files.clone();
        let mut changed = BTreeSet::new();
        let mut known: BTreeMap<PathBuf, Known> = BTreeMap::new();
        for file in &files {
            let silent = |folder: &PathBuf| refused.contains_key(folder);
            let by_hash =
                self.polls || (of_file.get(file)).is_some_and(|folders| folders.iter().any(silent));
            let mark = Mark::of(file, by_hash);
            // Saved after it was reported, or at a place that was not watched until now.
            let is_other = |before: &Known| match before.by_hash == by_hash {
                true => before.mark != mark,
                false => before.mark != Mark::of(file, before.by_hash),
            };
            if before.get(file).is_some_and(is_other) {
                changed.insert(file.clone());
            }
            known.insert(file.clone(), Known { mark, by_hash });
        }
        {
            let mut watched = lock(&self.shared);
            // What a notice has told of meanwhile was reported.
            changed.retain(|file| {
                let last = watched.files.get(file).map(|last| &last.mark);
                last == before.get(file).map(|before| &before.mark)
            });
            watched.entries = entries;
            watched.files = known;
        }
        if !changed.is_empty() {
            let _ = self.tell.send(changed);
        }
        let mut unwatched = Vec::new();
        for (folder, why) in refused {
            // A folder that does not exist is not reported; it may be made.
            if !self.polls && folder.is_dir() && self.told.insert(folder.clone()) {
                unwatched.push(Unwatched { folder, why });
            }
        }
        unwatched
    }

    /// Watches these folders and no others. Returns those that cannot be, and why.
    fn watch_folders(&mut self, wanted: &BTreeSet<PathBuf>) -> BTreeMap<PathBuf, String> {
        let notices = match &mut self.notices {
            Ok(notices) => notices,
            Err(why) => {
                return wanted
                    .iter()
                    .map(|folder| (folder.clone(), why.clone()))
                    .collect();
            }
        };
        let now = |folder: &Path| {
            folder
                .metadata()
                .ok()
                .and_then(|metadata| identity(&metadata))
        };
        // A folder that was made again has lost its watch.
        self.folders.retain(|folder, which| {
            let stays = wanted.contains(folder) && *which == now(folder);
            if !stays {
                // It may have been removed, and its watch with it.
                let _ = notices.unwatch(folder);
            }
            stays
        });
        let mut refused = BTreeMap::new();
        for folder in wanted {
            if self.folders.contains_key(folder) {
                continue;
            }
            // What was refused is tried again the next time: a folder may have been made by then.
            match notices.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.folders.insert(folder.clone(), now(folder))),
                Err(error) => drop(refused.insert(folder.clone(), error.to_string())),
            }
        }
        refused
    }

    /// Looks for files that have changed without a notice.
    fn look(&mut self) {
        let files = lock(&self.shared).files.clone();
        let changed =
            |(file, known): &(PathBuf, Known)| Mark::of(file, known.by_hash) != known.mark;
        self.odd = files.into_iter().filter(changed).collect();
    }

    /// Reports those of them that no notice has told of meanwhile.
    fn tell_odd(&mut self) {
        let mut saved = BTreeSet::new();
        for (file, known) in std::mem::take(&mut self.odd) {
            let mark = Mark::of(&file, known.by_hash);
            if let Some(last) = lock(&self.shared).files.get_mut(&file)
                && last.mark == known.mark
                && last.mark != mark
            {
                last.mark = mark;
                saved.insert(file);
            }
        }
        if !saved.is_empty() {
            let _ = self.tell.send(saved);
        }
    }
}
