//! An open stream of sound, and how it is noticed that it has ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cpal::{Error, ErrorKind, Stream};
use score_engine::NodeError;

use super::jack_server::Ticket;
use super::keeper::missing;
use super::watchdog::Watchdog;

/// What a stream said last about why it stopped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Complaint(Arc<Mutex<Option<String>>>);

impl Complaint {
    /// Keeps an error that ends a stream; a dropout or a change of priority does not.
    pub(super) fn take_note(&self, error: &Error) {
        let goes_on = [
            ErrorKind::Xrun,
            ErrorKind::DeviceChanged,
            ErrorKind::RealtimeDenied,
        ];
        if !goes_on.contains(&error.kind()) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        }
    }

    /// What was said, where anything was.
    fn get(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// An open stream and the device's name.
pub(crate) struct Opened {
    /// Dropped, it stops.
    _stream: Stream,
    /// As `score devices` prints it.
    pub(crate) device: String,
    complaint: Complaint,
    /// Calls of the device.
    calls: Arc<AtomicU64>,
    watchdog: Watchdog,
    /// Last, so that it goes after the stream.
    ticket: Option<Ticket>,
}

impl Opened {
    pub(super) fn new(
        stream: Stream,
        device: String,
        ticket: Option<Ticket>,
        complaint: Complaint,
        calls: Arc<AtomicU64>,
    ) -> Self {
        Opened {
            _stream: stream,
            device,
            complaint,
            calls,
            watchdog: Watchdog::new(),
            ticket,
        }
    }

    /// The device does not work any more: other nodes on its server need not find out by
    /// themselves.
    fn report_lost(&self) {
        if let Some(ticket) = &self.ticket {
            ticket.report_lost();
        }
    }

    /// Looks whether the device still works. `name` is the device in words, `work` what it does:
    /// "asking for sound".
    ///
    /// # Errors
    /// It does not.
    pub(crate) fn look(&mut self, name: &str, work: &str) -> Result<(), NodeError> {
        if let Some(why) = self.complaint.get() {
            self.report_lost();
            return Err(missing(format!("{name} is gone ({why})")));
        }
        if self.ticket.as_ref().is_some_and(Ticket::is_lost) {
            return Err(missing(format!("{name} is gone")));
        }
        if !self.watchdog.is_alive(self.calls.load(Ordering::Relaxed)) {
            self.report_lost();
            return Err(missing(format!("{name} has stopped {work}")));
        }
        Ok(())
    }
}
