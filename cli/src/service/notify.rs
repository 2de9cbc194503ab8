//! Messages to the service manager: systemd's protocol, see sd_notify(3).

use std::time::Duration;

use crate::background_queue::BackgroundQueue;

/// Messages that may wait for a service manager that does not read.
const QUEUE_LENGTH: usize = 16;

/// How long the end of the run waits until the last one is sent.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(200);

/// Where the service manager listens; `None`: there is none, and nothing is sent.
pub(super) struct Notify {
    queue: Option<BackgroundQueue>,
    watchdog: Option<Duration>,
}

impl Notify {
    pub(super) fn new() -> Self {
        let is_heard = std::env::var_os("NOTIFY_SOCKET").is_some_and(|path| !path.is_empty());
        let is_heard = cfg!(target_os = "linux") && is_heard;
        Notify {
            queue: is_heard.then(|| BackgroundQueue::start("notify", QUEUE_LENGTH)),
            watchdog: watchdog().filter(|time| is_heard && !time.is_zero()),
        }
    }

    /// Within what time the service manager wants to hear again.
    pub(super) fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Sends the lines `message`, from a thread of its own.
    pub(super) fn send(&mut self, message: &str) {
        if let Some(queue) = &mut self.queue {
            let message = message.to_owned();
            queue.push(move || send(&message));
        }
    }
}

impl Drop for Notify {
    fn drop(&mut self) {
        if let Some(queue) = &mut self.queue {
            queue.finish(FLUSH_TIMEOUT);
        }
    }
}

#[cfg(target_os = "linux")]
fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

#[cfg(target_os = "linux")]
fn send(message: &str) {
    // A service manager that does not listen is not the run's to mend.
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Custom(message)]) {
        tracing::debug!("the service manager does not listen: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
fn watchdog() -> Option<Duration> {
    None
}

#[cfg(not(target_os = "linux"))]
fn send(_message: &str) {}
