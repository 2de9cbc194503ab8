//! Who is at a film: a lease, which ends when its holder gives no sign of life.
//!
//! The n-th holder of a job makes `lease-n`, which only one can, and lets it grow by a byte from
//! time to time. Whoever sees its length stand still for the length of a lease, by their own clock
//! that never goes back, may make the next lease. No time is ever written or compared between
//! machines. A holder who slept for longer finds a later lease and publishes nothing; should that
//! be made just after it has looked, the results are put in place by a step that only one can do
//! (`Share::place`).
//!
//! What a network file system keeps of a folder may be a minute old. So no decision trusts a list:
//! who has a lease is decided by making its file, a sign of life is seen by opening one (NFS asks
//! the server at that), it is a length since times may be coarse, and whether there is a later
//! lease is asked by its name. An old list only makes somebody wait, or do what is dropped later.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use score_nodes::output::replace;

use super::class::Failed;
use super::share::{Share, make, read_json};

/// What has been agreed on a job so far.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The number of the last lease; 0: there was none.
    pub(super) last: u32,
    /// What went wrong, by the number of the lease.
    pub(super) failures: BTreeMap<u32, Failed>,
    /// Leases of which nothing was said at their end, or that are held.
    silent: BTreeSet<u32>,
}

impl History {
    /// Of the job in `folder`.
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let mut history = History::default();
        let mut freed = BTreeSet::new();
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
                "lease" => {
                    history.last = history.last.max(term);
                    history.silent.insert(term);
                }
                "free" => {
                    freed.insert(term);
                }
                "failed" => {
                    let failed = read_json(&entry.path())?;
                    let failed = failed.and_then(|failed| serde_json::from_value(failed).ok());
                    history.failures.extend(failed.map(|failed| (term, failed)));
                }
                _ => {}
            }
        }
        // A failure that was forgiven is none.
        history.failures.retain(|term, _| !freed.contains(term));
        let failures = &history.failures;
        (history.silent).retain(|term| !freed.contains(term) && !failures.contains_key(term));
        Ok(history)
    }

    /// Whether the last lease may still be held.
    pub(super) fn is_held(&self) -> bool {
        self.silent.contains(&self.last)
    }

    /// How many holders have ended without a word, if the last one has too.
    pub(super) fn lost(&self) -> u32 {
        u32::try_from(self.silent.len()).unwrap_or(u32::MAX)
    }
}

/// What was seen of somebody else's lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    term: u32,
    length: u64,
    since: Instant,
}

impl Sighting {
    /// Looks at the lease `term` of the job in `folder`; `before` is what was seen last.
    pub(super) fn again(before: Option<Sighting>, folder: &Path, term: u32) -> Self {
        // Its length is asked of the open file: what is known of one by its name may be old. One
        // that is not there, or cannot be read, stands still.
        let lease = File::open(file(folder, "lease", term)).and_then(|lease| lease.metadata());
        let length = lease.map_or(0, |lease| lease.len());
        match before {
            Some(before) if before.term == term && before.length == length => before,
            _ => Sighting {
                term,
                length,
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
    heart: &'a Heart,
}

impl<'a> Lease<'a> {
    /// Takes the lease after the last; `None`: somebody else has taken it first.
    pub(super) fn take(
        job: &str,
        history: &History,
        share: &Share,
        heart: &'a Heart,
    ) -> io::Result<Option<Self>> {
        let folder = share.job(job);
        if history.last == 0 {
            std::fs::create_dir_all(&folder)?;
        }
        let term = history.last.saturating_add(1);
        let who = format!("{}\n{}\n{}\n", share.worker, machine(), std::process::id());
        if !make(&file(&folder, "lease", term), &who)? {
            return Ok(None);
        }
        let lease = Lease {
            folder,
            term,
            heart,
        };
        heart.begin(lease.file());
        Ok(Some(lease))
    }

    /// Whether nobody has taken over.
    pub(super) fn is_last(&self) -> io::Result<bool> {
        let next = file(&self.folder, "lease", self.term.saturating_add(1));
        match next.symlink_metadata() {
            Ok(_) => Ok(false),
            Err(why) if why.kind() == ErrorKind::NotFound => Ok(true),
            Err(why) => Err(why),
        }
    }

    /// Notes that the film failed, and gives the lease back.
    pub(super) fn fail(&self, failed: &Failed) -> io::Result<()> {
        let text = serde_json::to_vec(failed).map_err(io::Error::other)?;
        replace(&file(&self.folder, "failed", self.term), &text)
    }

    /// Gives the lease back: the film can be taken at once.
    pub(super) fn free(&self) {
        // Where it cannot be, it ends by itself.
        let _ = make(&file(&self.folder, "free", self.term), "");
    }

    fn file(&self) -> PathBuf {
        file(&self.folder, "lease", self.term)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.heart.end(&self.file());
    }
}

/// Has a film tried again that was given up, because it failed or because workers were lost at it.
pub(super) fn forgive(folder: &Path) -> io::Result<()> {
    let history = History::read(folder)?;
    for term in history.failures.keys() {
        make(&file(folder, "free", *term), "")?;
        match std::fs::remove_file(file(folder, "failed", *term)) {
            // Another has done the same.
            Err(why) if why.kind() != ErrorKind::NotFound => return Err(why),
            _ => {}
        }
    }
    // The last one may be alive.
    for term in history.silent.iter().filter(|term| **term < history.last) {
        make(&file(folder, "free", *term), "")?;
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
pub(super) struct Heart(Mutex<Vec<PathBuf>>);

impl Heart {
    /// One more beat of each.
    pub(super) fn beat(&self) {
        // Nobody who takes a lease waits for a slow disk here.
        let leases = self.lock().clone();
        for lease in leases {
            // It is opened and closed each time: that is when others see it. What cannot be written
            // is a missing sign of life, which is what it is.
            let lease = File::options().append(true).open(lease);
            let _ = lease.and_then(|mut lease| lease.write_all(b"."));
        }
    }

    fn begin(&self, lease: PathBuf) {
        self.lock().push(lease);
    }

    fn end(&self, lease: &Path) {
        self.lock().retain(|of| of != lease);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<PathBuf>> {
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

    #[test]
    fn a_sign_of_life_is_seen_whatever_time_the_file_system_gives_it() {
        let out = tempfile::tempdir().unwrap();
        let share = Share::open(out.path()).unwrap();
        let heart = Heart::default();
        let none = History::default();
        let _lease = Lease::take("a", &none, &share, &heart).unwrap().unwrap();
        let folder = share.job("a");
        let path = file(&folder, "lease", 1);
        let coarse = std::time::UNIX_EPOCH + Duration::from_secs(1);
        let stamp = || {
            let file = File::options().append(true).open(&path).unwrap();
            file.set_modified(coarse).unwrap();
        };
        stamp();
        let first = Sighting::again(None, &folder, 1);
        std::thread::sleep(LENGTH);
        heart.beat();
        stamp();
        assert!(first.is_over(LENGTH));
        assert!(Sighting::again(Some(first.clone()), &folder, 1).since > first.since);
    }

    #[test]
    fn a_film_that_workers_were_lost_at_is_forgiven_but_not_who_may_be_alive() {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path();
        for term in 1..=20 {
            make(&file(folder, "lease", term), "").unwrap();
        }
        replace(&file(folder, "failed", 3), b"damaged").unwrap();
        assert_eq!(History::read(folder).unwrap().lost(), 20);
        forgive(folder).unwrap();
        let history = History::read(folder).unwrap();
        assert_eq!((history.lost(), history.last), (1, 20));
        assert!(history.is_held());
        // Whoever forgives twice changes nothing.
        forgive(folder).unwrap();
        assert_eq!(History::read(folder).unwrap().lost(), 1);
    }
}
