//! A worker: takes one film after another, as far as others leave it any.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::board::{Board, Next, Standing};
use super::class::{Class, Failed, Fault, verdict};
use super::collection::Film;
use super::identity::{Identity, State};
use super::job::{Order, here};
use super::lease::{Heart, History, Lease, Sighting, forgive};
use super::share::{Placed, remove};

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
}

impl Workshop<'_> {
    /// Works until nothing is left, or nothing goes any more.
    pub(super) fn work(&self) {
        let stops = || self.stop.load(Ordering::Acquire);
        while let Next::Film(index, standing) = self.board.take(stops) {
            let Some(film) = self.films.get(index) else {
                continue;
            };
            match self.visit(film, standing) {
                Ok(standing) => self.board.put(index, standing),
                Err(fault) => {
                    self.board.put(index, Standing::Open);
                    self.give_up(fault);
                }
            }
        }
    }

    /// Ends the work of this process.
    fn give_up(&self, fault: Fault) {
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
            Err(why) => return Ok(Standing::Failed(unreadable(film, &why))),
        };
        let job = identity.job(&self.order.recipe.id);
        if share.done(&job).map_err(|why| here(&why))?.is_some() {
            return Ok(Standing::Done(job));
        }
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
            let seen = Sighting::again(None, &folder, history.last + 1);
            return Ok(Standing::Elsewhere(seen));
        };
        match self.hold(film, &identity, &job, &lease) {
            Ok(standing) => Ok(standing),
            // Whatever went wrong, it did so because somebody has taken over.
            Err(_) if lease.is_last().is_ok_and(|last| !last) => Ok(Standing::Open),
            Err(Fault::Film(failed)) => {
                lease.fail(&failed).map_err(|why| here(&why))?;
                Ok(Standing::Open)
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
        if share.done(job).map_err(|why| here(&why))?.is_some() {
            lease.free();
            return Ok(Standing::Done(job.to_owned()));
        }
        let work = share.workplace(job, lease.term).map_err(|why| here(&why))?;
        let scored = self.order.score(film, identity, (job, lease.term), &work);
        let placed = scored.and_then(|()| self.publish(film, identity, job, lease, &work));
        if !matches!(placed, Ok(Some(Placed::Here))) {
            remove(&work);
        }
        match placed? {
            Some(_) => Ok(Standing::Done(job.to_owned())),
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
        if self.order.recipe.is_outdated() {
            let why = "the patch was changed meanwhile; start it again";
            return Err(Fault::Surroundings(why.to_owned()));
        }
        let is_changed = State::of(&film.path).ok() != Some(identity.state);
        if is_changed || !lease.is_last().map_err(|why| here(&why))? {
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
            Err(why) => return Ok(Standing::Failed(unreadable(film, &why))),
        };
        let job = identity.job(&self.order.recipe.id);
        if share.done(&job)?.is_some() {
            return Ok(Standing::Done(job));
        }
        let history = History::read(&share.job(&job))?;
        let lost = if history.is_held() { 0 } else { history.lost() };
        let given_up = verdict(history.failures.values(), lost, self.order.arguments.tries);
        Ok(given_up.map_or(Standing::Open, Standing::Failed))
    }

    /// Has a film tried again that was given up.
    pub(super) fn forgive(&self, film: &Film) -> io::Result<()> {
        let share = self.order.share;
        let Ok(Some(identity)) = Identity::of(film, share, false) else {
            return Ok(());
        };
        forgive(&share.job(&identity.job(&self.order.recipe.id)))
    }
}

fn unreadable(film: &Film, why: &io::Error) -> Failed {
    let reason = format!("`{}` cannot be read ({why})", film.path.display());
    Failed::new(Class::Missing, reason)
}
