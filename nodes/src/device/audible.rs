//! Whether what a run plays is heard, by its opening hours.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use score_engine::Settings;

/// How long sound takes to fade where hours end or begin, in seconds: an end that is heard as one.
pub(crate) const FADE_SECONDS: f64 = 4.0;

/// Whether what a run plays is heard: sound devices and MIDI ports ask it, and all else goes on. Who
/// starts the run shares it by [`Settings::with_shared`]; without it, all is heard.
#[derive(Debug)]
pub struct Audible(AtomicBool);

impl Default for Audible {
    fn default() -> Self {
        Audible(AtomicBool::new(true))
    }
}

impl Audible {
    /// What a run's nodes share.
    pub(crate) fn of(settings: &Settings) -> Option<Arc<Audible>> {
        settings.shared()
    }

    /// Says whether it is heard from now on. Gives whether that is news.
    pub fn set(&self, is_heard: bool) -> bool {
        self.0.swap(is_heard, Ordering::AcqRel) != is_heard
    }

    /// Whether it is heard.
    pub fn is_heard(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
