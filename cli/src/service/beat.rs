//! Signs of life that a run gives its keeper, through the standard input that it has from it: a
//! hung run is one that gives none.

use std::io;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How long a run may take for its first one: it reads its patch, and every file that it checks.
const STARTS: Duration = Duration::from_secs(300);

/// The share of the service manager's time after which a run counts as hung, so that its keeper
/// ends it before the service manager ends both.
const SHARE: f64 = 0.9;

/// Where a keeper hears its run.
pub(crate) struct Listener {
    #[cfg(unix)]
    stream: std::os::unix::net::UnixStream,
    /// When it was heard last; before the first time, when it was started.
    heard: Instant,
    has_been_heard: bool,
    /// How long a run that was heard may say nothing.
    patience: Duration,
}

impl Listener {
    /// A listener, and what its run gets as standard input. A run that is to be heard every `time`
    /// at least counts as hung a little before that.
    ///
    /// # Errors
    /// The system refuses a pair of sockets.
    #[cfg(unix)]
    pub(crate) fn new(time: Duration, now: Instant) -> io::Result<(Self, Stdio)> {
        let (stream, run) = std::os::unix::net::UnixStream::pair()?;
        // Neither waits for the other.
        stream.set_nonblocking(true)?;
        run.set_nonblocking(true)?;
        let listener = Listener {
            stream,
            heard: now,
            has_been_heard: false,
            patience: time.mul_f64(SHARE),
        };
        Ok((listener, std::os::fd::OwnedFd::from(run).into()))
    }

    #[cfg(not(unix))]
    pub(crate) fn new(time: Duration, now: Instant) -> io::Result<(Self, Stdio)> {
        let listener = Listener {
            heard: now,
            has_been_heard: false,
            patience: time.mul_f64(SHARE),
        };
        Ok((listener, Stdio::null()))
    }

    /// Listens once; gives for how long the run has said nothing, if that is too long.
    pub(crate) fn look(&mut self, now: Instant) -> Option<Duration> {
        if self.hears() {
            (self.heard, self.has_been_heard) = (now, true);
        }
        let patience = match self.has_been_heard {
            true => self.patience,
            false => STARTS.max(self.patience),
        };
        let silent = now.saturating_duration_since(self.heard);
        // Where nobody can be heard, nobody is missed.
        (cfg!(unix) && silent > patience).then_some(silent)
    }

    #[cfg(unix)]
    fn hears(&mut self) -> bool {
        use std::io::Read;

        let (mut block, mut heard) = ([0; 64], false);
        while let Ok(1..) = self.stream.read(&mut block) {
            heard = true;
        }
        heard
    }

    #[cfg(not(unix))]
    fn hears(&mut self) -> bool {
        false
    }
}

/// Gives the keeper a sign of life. Of a keeper that does not listen, it is not the run to know.
pub(crate) fn beat() {
    #[cfg(unix)]
    let _ = rustix::io::write(io::stdin(), b".");
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_heard_and_says_no_more_is_found_and_one_that_starts_has_its_time() {
        let start = Instant::now();
        let (mut listener, run) = Listener::new(Duration::from_secs(30), start).unwrap();
        let at = |second| start + Duration::from_secs(second);
        assert_eq!(listener.look(at(299)), None);
        assert!(listener.look(at(301)).is_some(), "it never began");
        let (mut listener, second) = Listener::new(Duration::from_secs(30), start).unwrap();
        // As the run's standard input, of which this is the other name.
        let mut child = std::process::Command::new("sh")
            .args(["-c", "printf . >&0"])
            .stdin(second)
            .spawn()
            .unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(listener.look(at(100)), None);
        assert_eq!(listener.look(at(127)), None);
        assert_eq!(listener.look(at(128)), Some(Duration::from_secs(28)));
        drop(run);
    }

    #[test]
    fn a_keeper_that_stood_still_itself_hears_what_came_meanwhile_first() {
        let start = Instant::now();
        let (mut listener, run) = Listener::new(Duration::from_secs(30), start).unwrap();
        let child = std::process::Command::new("sh")
            .args(["-c", "for beat in 1 2 3 4 5; do printf . >&0; done"])
            .stdin(run)
            .status();
        assert!(child.unwrap().success());
        assert_eq!(listener.look(start + Duration::from_secs(1_000)), None);
    }
}
