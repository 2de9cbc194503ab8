//! What a run has published last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use score_engine::Status;

/// What a run has published last. The run only replaces it, and never waits.
#[derive(Clone, Default)]
pub(crate) struct Published(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    status: Option<Arc<(SystemTime, Status)>>,
    text: Option<Arc<str>>,
    #[cfg_attr(not(feature = "page"), allow(dead_code))]
    refusal: Option<Arc<str>>,
}

impl Published {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes the status of this moment.
    pub(crate) fn publish(&self, status: &Status) {
        let status = Some(Arc::new((SystemTime::now(), status.clone())));
        self.lock().status = status;
    }

    /// The last status, and when that was; `None`: the patch does not play yet.
    pub(crate) fn status(&self) -> Option<Arc<(SystemTime, Status)>> {
        self.lock().status.clone()
    }

    /// Publishes the text of the patch that plays.
    pub(crate) fn publish_text(&self, text: Arc<str>) {
        self.lock().text = Some(text);
    }

    /// Publishes why the saved patch does not play; `None`: it does.
    pub(crate) fn publish_refusal(&self, why: Option<Arc<str>>) {
        self.lock().refusal = why;
    }

    /// Why the saved patch does not play, if it does not.
    #[cfg(feature = "page")]
    pub(crate) fn refusal(&self) -> Option<Arc<str>> {
        self.lock().refusal.clone()
    }

    /// The text of the patch that plays.
    pub(crate) fn text(&self) -> Option<Arc<str>> {
        self.lock().text.clone()
    }
}
