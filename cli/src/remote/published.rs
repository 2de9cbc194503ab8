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
    verdict: Verdict,
}

/// What came of the patch that was saved last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(feature = "page"), allow(dead_code))]
pub(crate) struct Verdict {
    /// How many savings have come to one: the same mistake, saved again, is refused again.
    pub(crate) number: u64,
    /// Why it does not play; `None`: it does.
    pub(crate) refusal: Option<Arc<str>>,
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
        let mut content = self.lock();
        content.verdict.number += 1;
        content.verdict.refusal = why;
    }

    /// What came of the patch that was saved last.
    #[cfg(feature = "page")]
    pub(crate) fn verdict(&self) -> Verdict {
        self.lock().verdict.clone()
    }

    /// The text of the patch that plays.
    pub(crate) fn text(&self) -> Option<Arc<str>> {
        self.lock().text.clone()
    }
}

#[cfg(all(test, feature = "page"))]
mod tests {
    use super::*;

    #[test]
    fn a_patch_that_is_refused_again_for_the_same_reason_has_another_verdict() {
        let published = Published::default();
        let refuse = || {
            published.publish_refusal(Some("show.ron:3:1: no such kind".into()));
            published.verdict()
        };
        let (first, second) = (refuse(), refuse());
        assert_eq!(first.refusal, second.refusal);
        assert!(second.number > first.number);
    }
}
