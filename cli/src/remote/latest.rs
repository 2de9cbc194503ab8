//! The last status of a run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use score_engine::Status;

/// The last status that a run has published, and when that was.
#[derive(Clone, Default)]
pub(crate) struct Latest(Arc<Mutex<Option<Arc<(SystemTime, Status)>>>>);

impl Latest {
    /// Publishes the status of this moment.
    pub(crate) fn publish(&self, status: &Status) {
        let news = Some(Arc::new((SystemTime::now(), status.clone())));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = news;
    }

    /// The status that was published last; `None`: the patch does not play yet.
    pub(crate) fn get(&self) -> Option<Arc<(SystemTime, Status)>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
