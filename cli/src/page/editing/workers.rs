//! Threads on which files are read and texts checked, so that neither the page nor the run waits
//! for a disk that hangs.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use serde_json::Value;
use tokio::sync::oneshot;

/// What is to be done, which gives an answer.
pub(super) type Job = Box<dyn FnOnce() -> Value + Send>;

/// Jobs that wait; whoever asks for more is refused.
const MOST: usize = 16;

/// Too much is asked already, or the system gives no thread.
#[derive(Debug)]
pub(super) struct Busy;

/// A job of a page, and who waits for its answer.
type Waiting = (u64, Job, oneshot::Sender<Option<Value>>);

/// One job at a time; of each page the newest, which takes the place of the one that still waits.
#[derive(Default)]
pub(super) struct Newest {
    waiting: Arc<Mutex<VecDeque<Waiting>>>,
    wake: Mutex<Option<Sender<()>>>,
}

impl Newest {
    /// Has a job done for `page`. The answer is `None` where a newer one came before its turn.
    ///
    /// # Errors
    /// Too many pages wait.
    pub(super) fn ask(
        &self,
        page: u64,
        job: Job,
    ) -> Result<oneshot::Receiver<Option<Value>>, Busy> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        let is_full = waiting.len() >= MOST;
        match waiting.iter_mut().find(|(known, ..)| *known == page) {
            Some(place) => {
                let (_, _, older) = std::mem::replace(place, (page, job, answer));
                let _ = older.send(None);
            }
            None if is_full => return Err(Busy),
            None => waiting.push_back((page, job, answer)),
        }
        drop(waiting);
        let mut wake = lock(&self.wake);
        if wake.is_none() {
            *wake = Some(self.start()?);
        }
        // One that is awake looks once more before it sleeps.
        let _ = wake.as_ref().map(|wake| wake.try_send(()));
        Ok(answered)
    }

    fn start(&self) -> Result<Sender<()>, Busy> {
        let (wake, woken) = bounded::<()>(1);
        let waiting = self.waiting.clone();
        let works = move || {
            for () in woken {
                loop {
                    let next = lock(&waiting).pop_front();
                    let Some((_, job, answer)) = next else { break };
                    // If the page is gone, nobody waits for it.
                    if !answer.is_closed()
                        && let Some(done) = done(job)
                    {
                        let _ = answer.send(Some(done));
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("page checks".to_owned());
        thread.spawn(works).map(|_| wake).map_err(|_| Busy)
    }
}

/// Jobs one after another, in the order in which they were asked for.
#[derive(Default)]
pub(super) struct Acts(Mutex<Option<Sender<Act>>>);

type Act = (Job, oneshot::Sender<Value>);

impl Acts {
    /// Has a job done.
    ///
    /// # Errors
    /// Too many wait.
    pub(super) fn ask(&self, job: Job) -> Result<oneshot::Receiver<Value>, Busy> {
        let (answer, answered) = oneshot::channel();
        let mut acts = lock(&self.0);
        let acts = match acts.as_ref() {
            Some(acts) => acts,
            None => acts.insert(start()?),
        };
        match acts.try_send((job, answer)) {
            Ok(()) => Ok(answered),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Busy),
        }
    }
}

fn start() -> Result<Sender<Act>, Busy> {
    let (acts, asked): (Sender<Act>, Receiver<Act>) = bounded(MOST);
    let works = move || {
        for (job, answer) in asked {
            // What was asked for is done, even if nobody waits for the answer.
            if let Some(done) = done(job) {
                let _ = answer.send(done);
            }
        }
    };
    let thread = std::thread::Builder::new().name("page edits".to_owned());
    thread.spawn(works).map(|_| acts).map_err(|_| Busy)
}

/// Does a job; `None`: it panicked, which the program's log has said. Whoever waits for its answer is
/// told by the end of the channel, and the thread goes on with the next.
fn done(job: Job) -> Option<Value> {
    catch_unwind(AssertUnwindSafe(job)).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn of_each_page_the_newest_text_is_checked_and_one_at_a_time() {
        let newest = Newest::default();
        let (open, opens) = bounded::<()>(0);
        let slow = newest.ask(
            1,
            Box::new(move || {
                let _ = opens.recv();
                Value::from("slow")
            }),
        );
        let slow = slow.unwrap();
        // It has begun, or begins before those that come now.
        while !lock(&newest.waiting).is_empty() {
            std::thread::yield_now();
        }
        let job = |name: &'static str| -> Job { Box::new(move || name.into()) };
        let older = newest.ask(1, job("older")).unwrap();
        let other = newest.ask(2, job("other")).unwrap();
        let newer = newest.ask(1, job("newer")).unwrap();
        for page in 3..=MOST as u64 {
            newest.ask(page, job("more")).unwrap();
        }
        assert!(newest.ask(99, job("too many")).is_err());
        assert_eq!(older.blocking_recv().unwrap(), None);
        open.send(()).unwrap();
        assert_eq!(slow.blocking_recv().unwrap(), Some("slow".into()));
        assert_eq!(newer.blocking_recv().unwrap(), Some("newer".into()));
        assert_eq!(other.blocking_recv().unwrap(), Some("other".into()));
    }

    #[test]
    fn a_job_that_panics_has_no_answer_and_those_after_it_have() {
        let fails = || -> Job { Box::new(|| panic!("a mistake in the checker")) };
        let works = || -> Job { Box::new(|| "done".into()) };
        let newest = Newest::default();
        let failed = newest.ask(1, fails()).unwrap();
        assert!(failed.blocking_recv().is_err());
        let next = newest.ask(1, works()).unwrap();
        assert_eq!(next.blocking_recv().unwrap(), Some("done".into()));
        let acts = Acts::default();
        let failed = acts.ask(fails()).unwrap();
        assert!(failed.blocking_recv().is_err());
        let next = acts.ask(works()).unwrap();
        assert_eq!(next.blocking_recv().unwrap(), "done");
    }

    #[test]
    fn what_is_asked_is_done_in_its_order() {
        let acts = Acts::default();
        let done = Arc::new(Mutex::new(Vec::new()));
        let asked: Vec<_> = (0..5)
            .map(|number| {
                let done = done.clone();
                acts.ask(Box::new(move || {
                    lock(&done).push(number);
                    number.into()
                }))
                .unwrap()
            })
            .collect();
        for answer in asked {
            answer.blocking_recv().unwrap();
        }
        assert_eq!(*lock(&done), [0, 1, 2, 3, 4]);
    }
}
