//! The last status of a run, for whoever asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use score_engine::Status;

/// The last status of a run, and when it was, for whoever asks. The run only puts it down.
#[derive(Clone, Default)]
pub(crate) struct Latest(Arc<Mutex<Option<Arc<(SystemTime, Status)>>>>);

impl Latest {
    /// Puts down the status of this moment.
    pub(crate) fn put(&self, status: &Status) {
        let news = Some(Arc::new((SystemTime::now(), status.clone())));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = news;
    }

    /// The status that was put down last; `None`: the patch does not play yet.
    pub(crate) fn get(&self) -> Option<Arc<(SystemTime, Status)>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
