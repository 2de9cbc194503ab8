//! A worker: takes one film after another, as far as others leave it any.

use std::any::Any;
use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::board::{Board, Next, Standing};
use super::class::{Class, Failed, Fault, is_temporary, verdict};
use super::collection::Film;
use super::identity::Identity;
use super::job::{Order, here};
use super::lease::{Heart, History, Lease, Sighting, forgive};
use super::share::{Found, Placed, remove};

/// What the workers of a process share.
pub(super) struct Workshop<'a> {
    pub(super) order: Order<'a>,
    pub(super) films: &'a [Film],
    pub(super) board: &'a Board,
    pub(super) heart: &'a Heart,
    /// After how long without a sign of life a lease is over.
    pub(super) lease: Duration,
    /// Ends all work.
    pub(super) stop: &'a AtomicBool,
    /// Why work stopped before all was done.
    pub(super) trouble: Mutex<Option<String>>,
    /// Jobs whose failures before this command were forgiven; `None`: none is.
    pub(super) forgiven: Option<Mutex<BTreeSet<String>>>,
}

impl Workshop<'_> {
    /// Works until nothing is left, or nothing goes any more.
    pub(super) fn work(&self) {
        let stops = || self.stop.load(Ordering::Acquire);
        let visit = |index: usize, standing| match self.films.get(index) {
            Some(film) => self.visit(film, standing),
            None => Err(Fault::Stopped),
        };
        work(self.board, stops, visit, |fault| self.give_up(fault));
    }

    /// Ends the work of this process.
    pub(super) fn give_up(&self, fault: Fault) {
        let why = match fault {
            Fault::Film(failed) => failed.reason,
            Fault::Surroundings(why) => why,
            Fault::Stopped => "it was stopped".to_owned(),
        };
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.get_or_insert(why);
        self.stop.store(true, Ordering::Release);
    }

    /// Looks at a film, and scores it if nobody has done so or is at it.
    fn visit(&self, film: &Film, before: Standing) -> Result<Standing, Fault> {
        let share = self.order.share;
        let identity = match Identity::of(film, share, true) {
            Ok(Some(identity)) => identity,
            Ok(None) => return Ok(Standing::Open),
            Err(why) => return Ok(unread(film, &why)),
        };
        let job = identity.job(&self.order.recipe.id);
        if let Some(standing) = self.found(&job).map_err(|why| here(&why))? {
            return Ok(standing);
        }
        self.forgive(&job).map_err(|why| here(&why))?;
        let folder = share.job(&job);
        let history = History::read(&folder).map_err(|why| here(&why))?;
        if history.is_held() {
            let before = match before {
                Standing::Elsewhere(sighting) => Some(sighting),
                _ => None,
            };
            let seen = Sighting::again(before, &folder, history.last);
            if !seen.is_over(self.lease) {
                return Ok(Standing::Elsewhere(seen));
            }
        }
        let tries = self.order.arguments.tries;
        if let Some(failed) = verdict(history.failures.values(), history.lost(), tries) {
            return Ok(Standing::Failed(failed));
        }
        let taken = Lease::take(&job, &history, share, self.heart).map_err(|why| here(&why))?;
        let Some(lease) = taken else {
            let seen = Sighting::again(None, &folder, history.last.saturating_add(1));
            return Ok(Standing::Elsewhere(seen));
        };
        let held = catch_unwind(AssertUnwindSafe(|| {
            self.hold(film, &identity, &job, &lease)
        }));
        match held.unwrap_or_else(|panic| Err(Fault::Film(panicked(&*panic)))) {
            Ok(standing) => Ok(standing),
            // Whatever went wrong, it did so because somebody has taken over.
            Err(_) if lease.is_last().is_ok_and(|last| !last) => Ok(Standing::Open),
            Err(Fault::Film(failed)) => {
                let standing = standing_of(film, &identity, failed);
                match &standing {
                    Standing::Failed(failed) if failed.class.is_noted() => {
                        lease.fail(failed).map_err(|why| here(&why))?;
                        // Whether it is tried again is decided by all that is noted.
                        return Ok(Standing::Open);
                    }
                    _ => lease.free(),
                }
                Ok(standing)
            }
            Err(fault) => {
                lease.free();
                Err(fault)
            }
        }
    }

    /// Scores a film under a lease.
    fn hold(
        &self,
        film: &Film,
        identity: &Identity,
        job: &str,
        lease: &Lease<'_>,
    ) -> Result<Standing, Fault> {
        let share = self.order.share;
        // Somebody may have finished between two looks.
        if let Some(standing) = self.found(job).map_err(|why| here(&why))? {
            lease.free();
            return Ok(standing);
        }
        let made = share.workplace(job, lease.term).map_err(|why| here(&why))?;
        let work = Unplaced(Some(&made));
        let scored = self.order.score(film, identity, (job, lease.term), &made);
        let placed = scored.and_then(|()| self.publish(film, identity, job, lease, &made));
        match placed {
            Ok(Some(Placed::Here)) => work.keep(),
            _ => drop(work),
        }
        match placed? {
            Some(Placed::Here | Placed::Theirs) => Ok(Standing::Done(job.to_owned())),
            Some(Placed::Occupied) => Err(Fault::Film(self.occupied(job))),
            None => {
                lease.free();
                Ok(Standing::Open)
            }
        }
    }

    /// Puts results in place; `None`: they are not of this film any more, or no longer this
    /// worker's to publish.
    fn publish(
        &self,
        film: &Film,
        identity: &Identity,
        job: &str,
        lease: &Lease<'_>,
        work: &Path,
    ) -> Result<Option<Placed>, Fault> {
        let current = self.order.recipe.require_current();
        current.map_err(Fault::Surroundings)?;
        if !identity.is_of(&film.path) || !lease.is_last().map_err(|why| here(&why))? {
            return Ok(None);
        }
        let placed = self
            .order
            .share
            .place(work, job)
            .map_err(|why| here(&why))?;
        Ok(Some(placed))
    }

    /// How far a film is, by what others have noted; nothing is done for it, and it is not read.
    pub(super) fn look(&self, film: &Film) -> io::Result<Standing> {
        let share = self.order.share;
        let identity = match Identity::of(film, share, false) {
            Ok(Some(identity)) => identity,
            Ok(None) => return Ok(Standing::Open),
            Err(why) => return Ok(unread(film, &why)),
        };
        let job = identity.job(&self.order.recipe.id);
        if let Some(standing) = self.found(&job)? {
            return Ok(standing);
        }
        let history = History::read(&share.job(&job))?;
        let lost = if history.is_held() { 0 } else { history.lost() };
        let given_up = verdict(history.failures.values(), lost, self.order.arguments.tries);
        Ok(given_up.map_or(Standing::Open, Standing::Failed))
    }

    /// How far a job is by what lies where its results go; `None`: nothing does.
    fn found(&self, job: &str) -> io::Result<Option<Standing>> {
        Ok(match self.order.share.found(job)? {
            Found::Nothing => None,
            Found::Results(_) => Some(Standing::Done(job.to_owned())),
            Found::Other => Some(Standing::Failed(self.occupied(job))),
        })
    }

    fn occupied(&self, job: &str) -> Failed {
        let place = self.order.share.result(job);
        let reason = format!(
            "`{}` is where its results go, but what is there has no result.json of them that can be read; \
             move it away",
            place.display()
        );
        Failed::new(Class::Occupied, reason)
    }

    /// Has a film tried again that was given up before this command, if others have read it. The
    /// rest is forgiven when it has been read.
    pub(super) fn forgive_known(&self, film: &Film) -> io::Result<()> {
        match Identity::of(film, self.order.share, false) {
            Ok(Some(identity)) => self.forgive(&identity.job(&self.order.recipe.id)),
            _ => Ok(()),
        }
    }

    /// Has a job tried again that was given up before this command: once, so that what fails again
    /// stays so.
    fn forgive(&self, job: &str) -> io::Result<()> {
        let Some(forgiven) = &self.forgiven else {
            return Ok(());
        };
        let mut forgiven = forgiven.lock().unwrap_or_else(PoisonError::into_inner);
        match forgiven.insert(job.to_owned()) {
            true => forgive(&self.order.share.job(job)),
            false => Ok(()),
        }
    }
}

/// A folder of what is being made: it is removed with this value, also where its maker panics.
struct Unplaced<'a>(Option<&'a Path>);

impl Unplaced<'_> {
    /// It was put in place.
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unplaced<'_> {
    fn drop(&mut self) {
        if let Some(folder) = self.0 {
            remove(folder);
        }
    }
}

/// Has `visit` look at the films that the board gives, until it has no more, and puts there how far
/// each is. A film at which it panics has failed, and what else goes wrong is for `give_up`.
fn work(
    board: &Board,
    stops: impl Fn() -> bool,
    visit: impl Fn(usize, Standing) -> Result<Standing, Fault>,
    give_up: impl Fn(Fault),
) {
    while let Next::Film(index, standing) = board.take(&stops) {
        match catch_unwind(AssertUnwindSafe(|| visit(index, standing))) {
            Ok(Ok(standing)) => board.put(index, standing),
            Ok(Err(fault)) => {
                board.put(index, Standing::Open);
                give_up(fault);
            }
            // Others would wait for it.
            Err(panic) => board.put(index, Standing::Failed(panicked(&*panic))),
        }
    }
}

/// What is said of a film at which this program panics.
fn panicked(panic: &(dyn Any + Send)) -> Failed {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_default();
    Failed::new(
        Class::Crashed,
        format!("`score batch` failed at it: {text}"),
    )
}

/// How far a film is that failed. Before it is held against a film that it is damaged, it is read:
/// the disk or the server may have failed, or it may be another film by now.
fn standing_of(film: &Film, identity: &Identity, failed: Failed) -> Standing {
    if !failed.class.is_of_reading() {
        return Standing::Failed(failed);
    }
    match Identity::read(&film.path) {
        Ok(now) if now.sha256 == identity.sha256 => Standing::Failed(failed),
        Ok(_) => Standing::Open,
        Err(why) => unread(film, &why),
    }
}

/// How far a film is that cannot be read.
fn unread(film: &Film, why: &io::Error) -> Standing {
    let reason = format!("`{}` cannot be read ({why})", film.path.display());
    match is_temporary(why) {
        true => Standing::Later(reason),
        false => Standing::Failed(Failed::new(Class::Missing, reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_at_one_film_is_its_failure_and_no_worker_waits_for_it() {
        let board = Board::new(3, 0, Duration::from_millis(1), true);
        let visit = |index: usize, _| match index {
            1 => panic!("a mistake"),
            _ => Ok(Standing::Done(String::new())),
        };
        let never = |fault: Fault| panic!("{fault:?}");
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| work(&board, || false, visit, never));
            }
        });
        let standings = board.standings();
        assert!(matches!(
            &standings[1],
            Standing::Failed(failed)
                if failed.class == Class::Crashed && failed.reason.contains("a mistake")
        ));
        assert_eq!(board.tally().done, 2);
    }

    #[test]
    fn what_a_maker_that_panics_has_begun_does_not_stay() {
        let folder = tempfile::tempdir().unwrap();
        let [made, placed] = ["made", "placed"].map(|name| folder.path().join(name));
        std::fs::create_dir(&made).unwrap();
        std::fs::create_dir(&placed).unwrap();
        let panics = || {
            let _work = Unplaced(Some(&made));
            assert!(!made.exists(), "a mistake");
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        Unplaced(Some(&placed)).keep();
        assert!(!made.exists() && placed.exists());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_film_that_cannot_be_read_now_is_left_and_one_that_is_not_there_is_missing() {
        let film = |path: &str| Film {
            name: String::new(),
            path: path.into(),
        };
        // Reading it where nothing is mapped gives EIO.
        let broken = film("/proc/self/mem");
        let why = Identity::read(&broken.path).unwrap_err();
        assert!(matches!(unread(&broken, &why), Standing::Later(_)), "{why}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp4");
        let here = film(path.to_str().unwrap());
        std::fs::write(&path, "no film").unwrap();
        let identity = Identity::read(&path).unwrap();
        let failed = || Failed::new(Class::Unreadable, "not a film");
        let class = |film: &Film| match standing_of(film, &identity, failed()) {
            Standing::Failed(failed) => Some(failed.class),
            _ => None,
        };
        assert_eq!(class(&here), Some(Class::Unreadable));
        assert_eq!(class(&broken), None);
        std::fs::write(&path, "another").unwrap();
        assert_eq!(class(&here), None);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(class(&here), Some(Class::Missing));
    }
}
