//! Who is at a film: a lease, which ends when its holder gives no sign of life.
//!
//! The n-th holder of a job makes `lease-n`, which only one can, and counts up in `beat-n`. Whoever
//! sees that count stand still for the length of a lease, by their own clock that never goes back,
//! may make the next lease. No time is ever written or compared between machines. A holder who
//! slept for longer finds a later lease and publishes nothing; should that be made just after it
//! has looked, the results are put in place by a step that only one can do (`Share::place`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::class::Failed;
use super::share::{Share, make, read_json, replace};

/// What has been agreed on a job so far.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The number of the last lease; 0: there was none.
    pub(super) last: u32,
    /// What went wrong, by the number of the lease.
    pub(super) failures: BTreeMap<u32, Failed>,
    /// Leases that were given back.
    freed: BTreeSet<u32>,
}

impl History {
    /// Of the job in `folder`.
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let mut history = History::default();
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(why) if why.kind() == ErrorKind::NotFound => return Ok(history),
            Err(why) => return Err(why),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some((what, term)) = name.to_str().and_then(|name| name.split_once('-')) else {
                continue;
            };
            let Ok(term) = term.parse() else { continue };
            match what {
                "lease" => history.last = history.last.max(term),
                "free" => {
                    history.freed.insert(term);
                }
                "failed" => {
                    let failed = read_json(&entry.path())?;
                    let failed = failed.and_then(|failed| serde_json::from_value(failed).ok());
                    history.failures.extend(failed.map(|failed| (term, failed)));
                }
                _ => {}
            }
        }
        Ok(history)
    }

    /// Whether the last lease may still be held.
    pub(super) fn is_held(&self) -> bool {
        self.last > 0 && !self.freed.contains(&self.last) && !self.failures.contains_key(&self.last)
    }

    /// How many holders have ended without a word, if the last one has too.
    pub(super) fn lost(&self) -> u32 {
        let said = self.freed.len() + self.failures.len();
        self.last
            .saturating_sub(u32::try_from(said).unwrap_or(u32::MAX))
    }
}

/// What was seen of somebody else's lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    term: u32,
    beat: Vec<u8>,
    since: Instant,
}

impl Sighting {
    /// Looks at the lease `term` of the job in `folder`; `before` is what was seen last.
    pub(super) fn again(before: Option<Sighting>, folder: &Path, term: u32) -> Self {
        // A beat that is not there or cannot be read is one that stands still.
        let beat = std::fs::read(file(folder, "beat", term)).unwrap_or_default();
        match before {
            Some(before) if before.term == term && before.beat == beat => before,
            _ => Sighting {
                term,
                beat,
                since: Instant::now(),
            },
        }
    }

    /// Whether the holder has given no sign of life for `length`.
    pub(super) fn is_over(&self, length: Duration) -> bool {
        self.since.elapsed() >= length
    }
}

/// A lease that is held.
#[derive(Debug)]
pub(super) struct Lease<'a> {
    folder: PathBuf,
    /// Its number, which grows with each holder: the fencing number of what is published.
    pub(super) term: u32,
    share: &'a Share,
    heart: &'a Heart,
}

impl<'a> Lease<'a> {
    /// Takes the lease after the last; `None`: somebody else has taken it first.
    pub(super) fn take(
        job: &str,
        history: &History,
        share: &'a Share,
        heart: &'a Heart,
    ) -> io::Result<Option<Self>> {
        let folder = share.job(job);
        if history.last == 0 {
            std::fs::create_dir_all(&folder)?;
        }
        let term = history.last + 1;
        let who = format!("{}\n{}\n{}\n", share.worker, machine(), std::process::id());
        if !make(&file(&folder, "lease", term), &who)? {
            return Ok(None);
        }
        let lease = Lease {
            folder,
            term,
            share,
            heart,
        };
        heart.begin(lease.beat());
        Ok(Some(lease))
    }

    /// Whether nobody has taken over.
    pub(super) fn is_last(&self) -> io::Result<bool> {
        Ok(History::read(&self.folder)?.last == self.term)
    }

    /// Notes that the film failed, and gives the lease back.
    pub(super) fn fail(&self, failed: &Failed) -> io::Result<()> {
        let text = serde_json::to_vec(failed).map_err(io::Error::other)?;
        replace(
            &file(&self.folder, "failed", self.term),
            &self.share.worker,
            &text,
        )
    }

    /// Gives the lease back: the film can be taken at once.
    pub(super) fn free(&self) {
        // Where it cannot be, it ends by itself.
        let _ = make(&file(&self.folder, "free", self.term), "");
    }

    fn beat(&self) -> PathBuf {
        file(&self.folder, "beat", self.term)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.heart.end(&self.beat());
    }
}

/// Has films tried again that were given up.
pub(super) fn forgive(folder: &Path) -> io::Result<()> {
    for term in History::read(folder)?.failures.keys() {
        make(&file(folder, "free", *term), "")?;
        match std::fs::remove_file(file(folder, "failed", *term)) {
            // Another has done the same.
            Err(why) if why.kind() != ErrorKind::NotFound => return Err(why),
            _ => {}
        }
    }
    Ok(())
}

fn file(folder: &Path, what: &str, term: u32) -> PathBuf {
    folder.join(format!("{what}-{term}"))
}

/// What this machine is called, for people.
pub(super) fn machine() -> String {
    #[cfg(unix)]
    {
        rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned()
    }
    #[cfg(not(unix))]
    {
        std::env::var("COMPUTERNAME").unwrap_or_default()
    }
}

/// Gives signs of life for all leases of this process.
#[derive(Debug, Default)]
pub(super) struct Heart(Mutex<Vec<(PathBuf, u64)>>);

impl Heart {
    /// One more beat of each.
    pub(super) fn beat(&self) {
        let mut beats = self.lock().clone();
        for (beat, count) in &mut beats {
            *count += 1;
            // What cannot be written is a missing sign of life, which is what it is.
            let _ = std::fs::write(&*beat, count.to_string());
        }
        for (beat, count) in &mut *self.lock() {
            if let Some((_, now)) = beats.iter().find(|(of, _)| of == beat) {
                *count = *now;
            }
        }
    }

    fn begin(&self, beat: PathBuf) {
        let _ = std::fs::write(&beat, "0");
        self.lock().push((beat, 0));
    }

    fn end(&self, beat: &Path) {
        self.lock().retain(|(of, _)| of != beat);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(PathBuf, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::class::Class;
    use super::*;

    const LENGTH: Duration = Duration::from_millis(40);

    #[test]
    fn a_lease_is_held_as_long_as_it_beats_and_the_next_has_a_higher_number() {
        let out = tempfile::tempdir().unwrap();
        let share = Share::open(out.path()).unwrap();
        let (heart, others) = (Heart::default(), Heart::default());
        let folder = share.job("a");
        let none = History::read(&folder).unwrap();
        let lease = Lease::take("a", &none, &share, &heart).unwrap().unwrap();
        assert!(Lease::take("a", &none, &share, &others).unwrap().is_none());
        let mut seen = Sighting::again(None, &folder, 1);
        for _ in 0..5 {
            heart.beat();
            std::thread::sleep(LENGTH / 2);
            seen = Sighting::again(Some(seen), &folder, 1);
            assert!(!seen.is_over(LENGTH));
        }
        std::thread::sleep(LENGTH);
        seen = Sighting::again(Some(seen), &folder, 1);
        assert!(seen.is_over(LENGTH));
        let history = History::read(&folder).unwrap();
        assert!(history.is_held());
        assert_eq!(history.lost(), 1);
        let next = Lease::take("a", &history, &share, &others)
            .unwrap()
            .unwrap();
        assert_eq!(next.term, 2);
        assert!(!lease.is_last().unwrap() && next.is_last().unwrap());
        // The one who slept wakes: nobody takes its beat for the other's.
        heart.beat();
        next.fail(&Failed::new(Class::Crashed, "why")).unwrap();
        let history = History::read(&folder).unwrap();
        assert!(!history.is_held());
        assert_eq!(history.failures[&2].reason, "why");
        forgive(&folder).unwrap();
        let history = History::read(&folder).unwrap();
        assert!(history.failures.is_empty() && !history.is_held());
        assert_eq!(history.last, 2);
    }
}
