//! Notes on their way to the plug-ins in a DAW: from `daw_out` to the thread that follows the DAW.

use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use score_link::daw::Change;

/// Notes that may wait for that thread, which takes them at once.
const ROOM: usize = 8_192;

/// What a node says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ToDaw {
    /// What becomes of a note.
    Note {
        /// The part that it is of.
        part: u8,
        /// Which note.
        id: u32,
        /// Where in the run's own quarter notes, as a clock counts them.
        position: f64,
        /// What becomes of it.
        change: Change,
    },
    /// All notes of a part end.
    EndPart(u8),
}

/// What the nodes of a run and the thread that follows a DAW share. Who starts the run shares it by
/// [`score_engine::Settings::with_shared`], and gives it to what follows the clock.
#[derive(Debug)]
pub struct DawNotes {
    to: Sender<ToDaw>,
    from: Receiver<ToDaw>,
    waker: Option<Waker>,
    next: AtomicU32,
}

impl Default for DawNotes {
    fn default() -> Self {
        let (to, from) = bounded(ROOM);
        DawNotes {
            to,
            from,
            // Without it notes are taken some milliseconds later.
            waker: Waker::new(),
            next: AtomicU32::new(0),
        }
    }
}

impl DawNotes {
    /// The name of another note.
    pub(crate) fn name(&self) -> u32 {
        // CLAP has room for as many.
        self.next.fetch_add(1, Ordering::Relaxed) & 0x7FFF_FFFF
    }

    /// Sends something, and wakes who takes it. Never waits: where nobody takes anything, it is
    /// lost.
    pub(crate) fn send(&self, what: ToDaw) {
        if self.to.try_send(what).is_ok()
            && let Some(waker) = &self.waker
        {
            waker.wake();
        }
    }

    /// Takes what was sent next.
    pub(crate) fn take(&self) -> Option<ToDaw> {
        self.from.try_recv().ok()
    }

    /// What becomes readable when something was sent.
    pub(crate) fn waker(&self) -> Option<&Waker> {
        self.waker.as_ref()
    }
}

/// Wakes a thread that waits at sockets.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Waker {
    here: std::os::unix::net::UnixStream,
    there: std::os::unix::net::UnixStream,
}

#[cfg(unix)]
impl Waker {
    fn new() -> Option<Self> {
        let (here, there) = std::os::unix::net::UnixStream::pair().ok()?;
        here.set_nonblocking(true).ok()?;
        there.set_nonblocking(true).ok()?;
        Some(Waker { here, there })
    }

    fn wake(&self) {
        // Full, it wakes too.
        let _ = std::io::Write::write(&mut &self.here, &[0]);
    }

    /// What becomes readable.
    pub(crate) fn readable(&self) -> &std::os::unix::net::UnixStream {
        &self.there
    }

    /// Forgets what has woken.
    pub(crate) fn forget(&self) {
        let mut bytes = [0; 256];
        while std::io::Read::read(&mut &self.there, &mut bytes).is_ok_and(|count| count > 0) {}
    }
}

/// There is none.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Waker;

#[cfg(not(unix))]
impl Waker {
    fn new() -> Option<Self> {
        None
    }

    fn wake(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_makes_nobody_wait() {
        let notes = DawNotes::default();
        for _ in 0..2 * ROOM {
            notes.send(ToDaw::EndPart(1));
        }
        let mut taken = 0;
        while notes.take().is_some() {
            taken += 1;
        }
        assert_eq!(taken, ROOM);
        notes.send(ToDaw::EndPart(2));
        assert_eq!(notes.take(), Some(ToDaw::EndPart(2)));
        assert_ne!(notes.name(), notes.name());
    }
}
