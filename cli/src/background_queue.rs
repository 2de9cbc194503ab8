//! Writes to readers that may block (a terminal, a pipe) on its own thread, so that the run never
//! waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};

/// Between two looks whether all is done.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Something that may block.
type Job = Box<dyn FnOnce() + Send>;

/// A thread that does one job after another. Jobs that do not fit into its queue are dropped and
/// counted.
pub(crate) struct BackgroundQueue {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    missed: Arc<AtomicU64>,
}

impl BackgroundQueue {
    /// Starts the thread, before which `room` jobs may wait.
    pub(crate) fn start(name: &str, room: usize) -> Self {
        let (jobs, to_do) = bounded::<Job>(room);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || to_do.into_iter().for_each(|job| job()));
        BackgroundQueue {
            jobs: Some(jobs),
            // Without a thread every job counts as missed.
            thread: thread.ok(),
            missed: Arc::default(),
        }
    }

    /// Has a job done as soon as those before it are; `false`: too many wait.
    pub(crate) fn push(&self, job: impl FnOnce() + Send + 'static) -> bool {
        let pushed = match &self.jobs {
            Some(jobs) => jobs.try_send(Box::new(job)).is_ok(),
            None => false,
        };
        if !pushed {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
        pushed
    }

    /// How many jobs were left out.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Waits until all jobs are done, at most for `within`: a reader that blocks must not delay the
    /// end.
    pub(crate) fn finish(&mut self, within: Duration) {
        self.jobs = None;
        let started = Instant::now();
        let Some(thread) = self.thread.take() else {
            return;
        };
        while !thread.is_finished() && started.elapsed() < within {
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn whoever_stands_still_holds_nobody_up_and_what_is_left_out_is_counted() {
        let (open, gate) = bounded::<()>(0);
        let (begins, begun) = bounded::<()>(1);
        let done = Arc::new(Mutex::new(Vec::new()));
        let mut queue = BackgroundQueue::start("test", 4);
        queue.push(move || {
            let _ = begins.send(());
            let _ = gate.recv();
        });
        begun.recv().unwrap();
        for number in 0..100 {
            let done = done.clone();
            queue.push(move || done.lock().unwrap().push(number));
        }
        let missed = queue.missed();
        assert_eq!(missed, 96);
        let started = Instant::now();
        queue.finish(Duration::from_millis(50));
        assert!(started.elapsed() < Duration::from_secs(20));
        drop(open);
        while done.lock().unwrap().len() as u64 + missed < 100 {
            std::thread::sleep(POLL_INTERVAL);
        }
        assert_eq!(done.lock().unwrap()[..4], [0, 1, 2, 3]);
    }
}
