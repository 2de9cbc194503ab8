//! How far this process knows each film to be, and which is to be looked at next.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::class::Failed;
use super::lease::Sighting;

/// How far a film is.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    /// Not known.
    Open,
    /// Somebody else is at it.
    Elsewhere(Sighting),
    /// Its results are there, those of this job.
    Done(String),
    /// It is given up.
    Failed(Failed),
    /// It could not be read now, for this reason: it is left to another command.
    Later(String),
}

impl Standing {
    /// Whether this command is through with it.
    fn is_settled(&self) -> bool {
        match self {
            Standing::Open | Standing::Elsewhere(_) => false,
            Standing::Done(_) | Standing::Failed(_) | Standing::Later(_) => true,
        }
    }
}

/// What a worker does next.
#[derive(Debug)]
pub(super) enum Next {
    /// It looks at this film, which it knows to be so far.
    Film(usize, Standing),
    /// Nothing is left for it.
    Nothing,
}

#[derive(Debug)]
struct Entry {
    standing: Standing,
    /// Whether a worker of this process is at it.
    taken: bool,
    /// Before when it is not looked at again.
    not_before: Option<Instant>,
    /// How often it was tried here: those that were not are first.
    turns: u32,
}

/// All films. Each process begins at another one, so that they do not meet at each.
#[derive(Debug)]
pub(super) struct Board {
    entries: Mutex<Vec<Entry>>,
    changed: Condvar,
    /// From which film on.
    first: usize,
    /// How long a film is left alone that somebody else is at.
    pause: Duration,
    /// Whether those films are waited for.
    waits: bool,
}

/// How many films are how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) done: usize,
    pub(super) failed: usize,
    pub(super) left: usize,
}

impl Board {
    pub(super) fn new(films: usize, first: usize, pause: Duration, waits: bool) -> Self {
        let entry = || Entry {
            standing: Standing::Open,
            taken: false,
            not_before: None,
            turns: 0,
        };
        Board {
            entries: Mutex::new((0..films).map(|_| entry()).collect()),
            changed: Condvar::new(),
            first,
            pause,
            waits,
        }
    }

    /// The film to look at; waits until there is one. `stops` says whether to give up.
    pub(super) fn take(&self, stops: impl Fn() -> bool) -> Next {
        let mut entries = self.lock();
        loop {
            if stops() {
                return Next::Nothing;
            }
            let count = entries.len();
            let now = Instant::now();
            let is_due = |entry: &Entry| entry.not_before.is_none_or(|at| at <= now);
            let order = (0..count).map(|step| (self.first + step) % count);
            let next = order
                .filter(|&film| {
                    let entry = &entries[film];
                    let is_left = matches!(entry.standing, Standing::Elsewhere(_)) && !self.waits;
                    !entry.taken && !entry.standing.is_settled() && !is_left && is_due(entry)
                })
                .min_by_key(|&film| entries[film].turns);
            if let Some(film) = next {
                let entry = &mut entries[film];
                entry.taken = true;
                entry.turns += 1;
                return Next::Film(film, entry.standing.clone());
            }
            let is_waited_for = |entry: &Entry| match entry.standing {
                Standing::Open => true,
                Standing::Elsewhere(_) => self.waits,
                _ => false,
            };
            // A worker of this process may give back what it is at.
            if !entries.iter().any(is_waited_for) {
                return Next::Nothing;
            }
            let waited = self
                .changed
                .wait_timeout(entries, self.pause.min(Duration::from_millis(200)));
            entries = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How far a film is now that a worker has looked.
    pub(super) fn put(&self, film: usize, standing: Standing) {
        let mut entries = self.lock();
        if let Some(entry) = entries.get_mut(film) {
            entry.not_before = match standing {
                Standing::Elsewhere(_) => Some(Instant::now() + self.pause),
                _ => None,
            };
            entry.standing = standing;
            entry.taken = false;
        }
        self.changed.notify_all();
    }

    /// How many films are how far.
    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for entry in self.lock().iter() {
            match entry.standing {
                Standing::Done(_) => tally.done += 1,
                Standing::Failed(_) => tally.failed += 1,
                Standing::Open | Standing::Elsewhere(_) | Standing::Later(_) => tally.left += 1,
            }
        }
        tally
    }

    /// How far each film is.
    pub(super) fn standings(&self) -> Vec<Standing> {
        self.lock()
            .iter()
            .map(|entry| entry.standing.clone())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::class::Class;
    use super::*;

    fn film(board: &Board) -> Option<usize> {
        match board.take(|| false) {
            Next::Film(film, _) => Some(film),
            Next::Nothing => None,
        }
    }

    #[test]
    fn each_film_is_taken_once_and_what_failed_here_comes_last() {
        let board = Board::new(3, 1, Duration::from_millis(1), true);
        assert_eq!(film(&board), Some(1));
        board.put(1, Standing::Open);
        assert_eq!(
            (film(&board), film(&board), film(&board)),
            (Some(2), Some(0), Some(1))
        );
        board.put(2, Standing::Done("a".to_owned()));
        board.put(0, Standing::Failed(Failed::new(Class::Crashed, "")));
        let seen = Sighting::again(None, std::path::Path::new("none"), 1);
        board.put(1, Standing::Elsewhere(seen));
        assert_eq!(film(&board), Some(1));
        board.put(1, Standing::Done("b".to_owned()));
        assert_eq!(film(&board), None);
        assert_eq!(
            board.tally(),
            Tally {
                done: 2,
                failed: 1,
                left: 0
            }
        );
    }

    #[test]
    fn what_others_are_at_is_left_to_them_if_it_is_not_waited_for() {
        let board = Board::new(1, 0, Duration::from_millis(1), false);
        assert_eq!(film(&board), Some(0));
        board.put(
            0,
            Standing::Elsewhere(Sighting::again(None, std::path::Path::new("none"), 1)),
        );
        assert_eq!(film(&board), None);
        assert_eq!(board.tally().left, 1);
        assert_eq!(
            Board::new(0, 0, Duration::from_millis(1), true)
                .tally()
                .left,
            0
        );
    }
}
