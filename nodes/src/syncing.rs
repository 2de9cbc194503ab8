//! Puts on the disk what a live run has written, on a thread of its own: a slow disk must not hold
//! up what is recorded.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError, bounded};
use score_engine::NodeError;

/// Between two moments at which a file of a live run is whole.
const PERIOD: Duration = Duration::from_millis(900);

/// What is written as a whole each time takes at most this share of the time.
const SHARE: u32 = 20;

/// When a file of a live run is made whole again.
pub(crate) struct Pace(Instant);

impl Pace {
    /// It is due in a moment.
    pub(crate) fn start() -> Self {
        Pace(Instant::now() + PERIOD)
    }

    /// Whether it is due.
    pub(crate) fn is_due(&self) -> bool {
        Instant::now() >= self.0
    }

    /// It was done, and has taken the time since `began`.
    pub(crate) fn done(&mut self, began: Instant) {
        self.0 = Instant::now() + PERIOD.max(began.elapsed() * SHARE);
    }
}

/// Something to be done with a disk.
type Job = Box<dyn FnOnce() -> Result<(), NodeError> + Send>;

/// A thread that does jobs with a disk, one at a time. Dropped, it waits for the one under way.
pub(crate) struct Syncing {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    failure: Arc<Mutex<Option<NodeError>>>,
}

impl Syncing {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system refuses it.
    pub(crate) fn start() -> Result<Self, NodeError> {
        let (jobs, to_do) = bounded::<Job>(1);
        let failure = Arc::new(Mutex::new(None));
        let told = failure.clone();
        let thread = std::thread::Builder::new()
            .name("syncing".to_owned())
            .spawn(move || {
                for job in to_do {
                    if let Err(error) = job() {
                        *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    }
                }
            })
            .map_err(|error| {
                NodeError::output(format!("no thread can be started ({error})")).source(error)
            })?;
        Ok(Syncing {
            jobs: Some(jobs),
            thread: Some(thread),
            failure,
        })
    }

    /// Has files put on the disk soon.
    ///
    /// # Errors
    /// As [`Syncing::ask`].
    pub(crate) fn sync(&self, files: Vec<File>) -> Result<(), NodeError> {
        self.ask(move || sync(&files))
    }

    /// Has a job done soon, or not at all while another waits.
    ///
    /// # Errors
    /// An earlier job has failed.
    pub(crate) fn ask(
        &self,
        job: impl FnOnce() -> Result<(), NodeError> + Send + 'static,
    ) -> Result<(), NodeError> {
        let failure = self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(failure) = failure {
            return Err(failure);
        }
        match self.jobs.as_ref().map(|jobs| jobs.try_send(Box::new(job))) {
            Some(Ok(()) | Err(TrySendError::Full(_))) => Ok(()),
            _ => Err(NodeError::internal("the thread that writes has ended")),
        }
    }
}

/// Puts files on the disk.
///
/// # Errors
/// The disk is full or gone.
pub(crate) fn sync(files: &[File]) -> Result<(), NodeError> {
    files.iter().try_for_each(|file| {
        file.sync_data().map_err(|error| {
            NodeError::output(format!(
                "what was written cannot be put on the disk ({error})"
            ))
            .source(error)
        })
    })
}

impl Drop for Syncing {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
