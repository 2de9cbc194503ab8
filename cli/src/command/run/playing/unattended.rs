//! What the main loop does for a run that nobody looks after: it keeps its hours, and tells those who
//! start it again how it is.

use std::time::{Duration, Instant};

use score_engine::{LiveOptions, Status};

use super::{Playing, Step};
use crate::failure::Failure;
use crate::service::beat::beat;

/// How the run behaves. What is kept alive gives up no node.
pub(super) fn options(is_kept: bool) -> LiveOptions {
    let mut options = LiveOptions::default();
    if is_kept {
        options.restart.most = usize::MAX;
        options.restart.longest = Duration::from_secs(300);
    }
    options
}

/// Ends the program as a power cut does: nothing is waited for.
fn end_at_once() -> ! {
    #[cfg(unix)]
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

impl Playing<'_> {
    /// Has the run heard or not, by the patch's hours.
    pub(super) fn heed_hours(&mut self, status: &Status) {
        let hours = status.hours.as_ref();
        let is_open = hours.is_none_or(|hours| hours.open);
        // Before the first patch plays its hours are not known here.
        if status.revision == 0 || !self.audible.set(is_open) {
            return;
        }
        let until = hours.and_then(|hours| hours.until.as_ref());
        let until = until
            .map(|until| format!(" until {until}"))
            .unwrap_or_default();
        match is_open {
            true => tracing::info!("its hours begin: it is heard{until}"),
            false => tracing::info!("its hours are over: it is silent on purpose{until}"),
        }
    }

    /// Tells those who look after the run how it is.
    pub(super) fn look_after(&mut self, status: &Status, now: Instant) -> Step {
        let stands = self.service.look(status, &self.live, now);
        let Some(kept) = self.kept else {
            return Ok(());
        };
        if let Some(why) = stands {
            // What stands still may not end either.
            kept.ends(&why);
            end_at_once();
        }
        if kept.is_left_alone() {
            return Err(Failure::Message("its keeper is gone".to_owned()));
        }
        let text = self.published.text();
        let steering = self.live.steering();
        let (recalled, show) = (steering.recalled(), steering.show());
        let hours = show.hours.as_ref();
        let patch = (self.writes.as_slice(), self.device.as_deref());
        kept.look(text.as_deref(), (recalled, hours), patch, now);
        // All that should move does.
        beat();
        Ok(())
    }
}
