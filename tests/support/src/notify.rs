//! A service manager's end of the socket on which a run reports how it is.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where a run's messages arrive.
pub struct NotifySocket {
    path: PathBuf,
    socket: UnixDatagram,
    /// All that has come, each with its time.
    pub messages: Vec<(Instant, String)>,
}

impl NotifySocket {
    pub fn new(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let wait = Some(Duration::from_millis(20));
        socket.set_read_timeout(wait).unwrap();
        NotifySocket {
            path,
            socket,
            messages: Vec::new(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes what has come.
    fn take(&mut self) {
        let mut bytes = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            self.messages.push((Instant::now(), text));
        }
    }

    /// Listens for so long; how many messages have a line that begins so.
    pub fn count(&mut self, line: &str, within: Duration) -> usize {
        self.take();
        let (before, until) = (self.messages.len(), Instant::now() + within);
        while Instant::now() < until {
            self.take();
        }
        let new = self.messages[before..].iter();
        new.filter(|(_, text)| has(text, line)).count()
    }

    /// Waits for a message with a line that begins so, which may have come before; gives its time.
    pub fn until(&mut self, line: &str, within: Duration) -> Instant {
        let until = Instant::now() + within;
        loop {
            self.take();
            let found = self.messages.iter().find(|(_, text)| has(text, line));
            if let Some((at, _)) = found {
                return *at;
            }
            assert!(Instant::now() < until, "no {line} in {:#?}", self.messages);
        }
    }

    /// Forgets what has come.
    pub fn forget(&mut self) {
        self.take();
        self.messages.clear();
    }
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|found| found.starts_with(line))
}
