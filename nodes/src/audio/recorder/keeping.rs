//! Removes the oldest takes of a recorder, and nothing that it did not write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use score_engine::{Build, Time};

use super::Recorder;
use super::take::Take;
use crate::growing_file::grows;
use crate::output::{Claim, Owner, folder_of};

/// Between two looks, in seconds.
const LOOK: f64 = 600.0;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Bytes of a gigabyte.
const GIGABYTE: f64 = 1e9;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Limits {
    days: Option<f64>,
    bytes: Option<u64>,
}

/// A finished take.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    files: Vec<PathBuf>,
    bytes: u64,
    /// When the last of its files was written.
    written: SystemTime,
}

/// Looks at the takes from time to time, on a thread of its own.
pub(super) struct Keeping {
    path: PathBuf,
    owner: Owner,
    /// When it is looked next, for the limits of the last look.
    next: Time,
    limits: Option<Limits>,
    is_looking: Arc<AtomicBool>,
    /// How many takes were removed.
    removed: Arc<AtomicU64>,
}

impl Keeping {
    /// Of the recorder that is being built, whose takes are at `path`.
    pub(super) fn of(path: &Path, build: &Build<'_>) -> Self {
        Keeping {
            path: path.to_owned(),
            owner: Claim::take(path, build).owner().clone(),
            next: Time::ZERO,
            limits: None,
            is_looking: Arc::default(),
            removed: build.counters.counter("removed_takes"),
        }
    }

    /// Has takes removed beyond what is kept, if it is time to look.
    pub(super) fn look(&mut self, params: &Recorder, now: Time) {
        let limits = Limits {
            days: params.keep_days,
            bytes: params.keep_gb.map(|size| (size * GIGABYTE) as u64),
        };
        let has_none = limits.days.is_none() && limits.bytes.is_none();
        // Whoever has just changed them wants to see it.
        let is_due = now >= self.next || self.limits != Some(limits);
        if has_none || !is_due || self.is_looking.swap(true, Ordering::AcqRel) {
            return;
        }
        self.next = now + Time::from_seconds(LOOK);
        self.limits = Some(limits);
        let (path, owner) = (self.path.clone(), self.owner.clone());
        let (is_looking, removed) = (self.is_looking.clone(), self.removed.clone());
        let done = is_looking.clone();
        let looking = std::thread::Builder::new().name("takes".to_owned());
        let started = looking.spawn(move || {
            let count = remove_oldest(&path, &owner, limits, SystemTime::now());
            removed.fetch_add(count, Ordering::Relaxed);
            done.store(false, Ordering::Release);
        });
        if started.is_err() {
            is_looking.store(false, Ordering::Release);
        }
    }
}

/// Removes the oldest takes of `owner` at `path` beyond the limits; gives how many.
fn remove_oldest(path: &Path, owner: &Owner, limits: Limits, now: SystemTime) -> u64 {
    let takes = takes_at(path, owner);
    let mut count = 0;
    for take in doomed(takes, limits, now) {
        let name = take.files.first().map(|file| file.display().to_string());
        let name = name.unwrap_or_default();
        let done = take.files.iter().try_for_each(std::fs::remove_file);
        match done {
            Ok(()) => {
                count += 1;
                tracing::info!(
                    "removed the take of `{name}`, which was the oldest beyond what is kept"
                );
            }
            Err(error) => tracing::warn!("the take of `{name}` cannot be removed: {error}"),
        }
    }
    count
}

/// How much the finished takes of `owner` that were recorded as `path` have together, in bytes: of
/// these the oldest go, beyond what a recorder keeps.
pub fn bytes_of_takes(path: &Path, owner: &Owner) -> u64 {
    takes_at(path, owner).iter().map(|take| take.bytes).sum()
}

/// The takes that are beyond the limits, the oldest first. The newest is never among them.
fn doomed(mut takes: Vec<Kept>, limits: Limits, now: SystemTime) -> Vec<Kept> {
    takes.sort_by(|a, b| (a.written, &a.files).cmp(&(b.written, &b.files)));
    let mut bytes: u64 = takes.iter().map(|take| take.bytes).sum();
    let longest = limits
        .days
        .and_then(|days| Duration::try_from_secs_f64(days * DAY).ok());
    let is_beyond = |take: &Kept, bytes: u64| {
        // What was written later than now, by a clock that was set back, is not old.
        let age = now.duration_since(take.written).unwrap_or_default();
        longest.is_some_and(|longest| age > longest)
            || limits.bytes.is_some_and(|most| bytes > most)
    };
    takes.pop();
    let count = takes.iter().take_while(|take| {
        let is_beyond = is_beyond(take, bytes);
        bytes = bytes.saturating_sub(take.bytes);
        is_beyond
    });
    let count = count.count();
    takes.truncate(count);
    takes
}

/// The finished takes of `owner` that were recorded as `path`: those of which every file has the
/// owner's mark, or belongs to one that has.
fn takes_at(path: &Path, owner: &Owner) -> Vec<Kept> {
    let folder = folder_of(path);
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut found: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for entry in entries {
        let name = entry.file_name();
        let Some(take) = name.to_str().and_then(|name| take_of(name, path)) else {
            continue;
        };
        found
            .entry(folder.join(take))
            .or_default()
            .push(entry.path());
    }
    let takes = found.into_iter().filter_map(|(stem, files)| {
        // Names may have dots.
        let mut sound = stem.clone().into_os_string();
        sound.push(".");
        sound.push(path.extension()?);
        let growing = Take::at(Path::new(&sound)).files();
        if growing.iter().any(|file| grows(file)) {
            return None;
        }
        let is_own = |file: &PathBuf| {
            let has_own_mark = Claim::is_take_of(file, owner);
            // A trace has no place for a mark: it goes with the log that has.
            let goes_along = || {
                file.extension().is_some_and(|ending| ending == "trace")
                    && Claim::is_take_of(&file.with_extension("jsonl"), owner)
            };
            has_own_mark || goes_along()
        };
        if !files.iter().all(is_own) {
            return None;
        }
        let mut take = Kept {
            bytes: 0,
            written: SystemTime::UNIX_EPOCH,
            files,
        };
        for file in &take.files {
            let metadata = file.symlink_metadata().ok().filter(|file| file.is_file())?;
            take.bytes += metadata.len();
            take.written = take.written.max(metadata.modified().ok()?);
        }
        Some(take)
    });
    takes.collect()
}

/// The take that a file called `name` is of, without its ending, if it was recorded as `path`:
/// `take-2` of `take-2-part-3.mid`.
fn take_of<'a>(name: &'a str, path: &Path) -> Option<&'a str> {
    let (stem, ending) = name.rsplit_once('.')?;
    let own = path.extension().is_some_and(|own| own == ending);
    if !own && !Take::ENDINGS.contains(&ending) {
        return None;
    }
    let base = path.file_stem()?.to_str()?;
    let rest = stem.strip_prefix(base)?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // `-2`, `-recovered`, `-2-recovered-3`, and then `-part` or `-part-2` of its notes.
    let take = match rest.split_once("-part") {
        Some((take, part)) if part.is_empty() || part.strip_prefix('-').is_some_and(is_number) => {
            take
        }
        Some(_) => return None,
        None => rest,
    };
    let mut words = take.split('-').skip(1);
    let is_known = take.is_empty()
        || (take.starts_with('-') && words.all(|word| word == "recovered" || is_number(word)));
    is_known.then(|| &stem[..base.len() + take.len()])
}

#[cfg(test)]
mod tests;
