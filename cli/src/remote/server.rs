//! The socket of a run: one thread that waits for clients, and one thread per client.

use std::io::{self, ErrorKind};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use score_link::folder::{self, CONTROL};
use score_link::socket::Socket;

use super::Remote;
use super::line::{Line, Lines, write};
use super::protocol::{MAX_REQUEST, Refusal, too_long, write_answer};

/// Clients that are served at the same time.
const MAX_CLIENTS: usize = 16;

/// How long a client may take to ask, and again to read the answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is checked that the socket is still there: a program that cleans up temporary files
/// may have removed it.
const CHECK_INTERVAL: Timespec = Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};

/// After an error that may last, such as too many open files.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// How long the end of the run waits for the socket to be removed.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(200);

/// The socket of a run. It is removed with this value.
pub(crate) struct Server {
    /// Closed, it tells the thread to end.
    stop: Option<UnixStream>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Makes the socket and answers clients, on threads of their own. If it cannot be made, a
    /// warning says so, and the run continues without it.
    pub(crate) fn start(remote: Remote) -> Option<Server> {
        let started = UnixStream::pair().and_then(|(stop, stopped)| {
            let thread = std::thread::Builder::new()
                .name("remote".to_owned())
                .spawn(move || serve(&Arc::new(remote), &stopped))?;
            Ok(Server {
                stop: Some(stop),
                thread,
            })
        });
        started
            .map_err(|error| warn(&format!("no thread for it ({error})")))
            .ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop = None;
        let asked = Instant::now();
        while !self.thread.is_finished() && asked.elapsed() < SHUTDOWN_TIMEOUT {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn warn(why: &str) {
    tracing::warn!("`score set` and `score get` cannot reach this run: {why}");
}

/// Answers clients until `stopped` is closed.
fn serve(remote: &Arc<Remote>, stopped: &UnixStream) {
    let mut socket = match Socket::make(CONTROL) {
        Ok(socket) => socket,
        Err(why) => return warn(&why),
    };
    let clients = Arc::new(AtomicUsize::new(0));
    folder::clean(socket.path());
    loop {
        let waited = {
            let mut ends = [
                PollFd::new(socket.listener(), PollFlags::IN),
                PollFd::new(stopped, PollFlags::IN),
            ];
            let waited = poll(&mut ends, Some(&CHECK_INTERVAL));
            if !ends[1].revents().is_empty() {
                return;
            }
            waited
        };
        match waited {
            Ok(0) if !socket.is_there() => {
                // It is tried again after the next check.
                if let Ok(another) = Socket::make(CONTROL) {
                    socket = another;
                }
            }
            Ok(_) => accept(socket.listener(), remote, &clients),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => std::thread::sleep(RETRY_DELAY),
        }
    }
}

/// Accepts the clients that wait.
fn accept(listener: &UnixListener, remote: &Arc<Remote>, clients: &Arc<AtomicUsize>) {
    loop {
        match listener.accept() {
            Ok((client, _)) => take_in(client, remote, clients),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => return std::thread::sleep(RETRY_DELAY),
        }
    }
}

/// Answers a client on its own thread.
fn take_in(client: UnixStream, remote: &Arc<Remote>, clients: &Arc<AtomicUsize>) {
    // On some systems it does not wait, since the listener does not.
    if client.set_nonblocking(false).is_err() {
        return;
    }
    let slot = ClientSlot::take(clients);
    if slot.number > MAX_CLIENTS {
        let message = format!("{MAX_CLIENTS} other clients are being answered");
        let busy = Refusal::new("busy", message).help("try again");
        // Such a line fits into the socket's buffer.
        let soon = Instant::now() + RETRY_DELAY;
        let _ = write(&client, &write_answer(Err(vec![busy])), soon);
        return;
    }
    let remote = remote.clone();
    // Without a thread the client finds the socket closed, and may try again.
    let _ = std::thread::Builder::new()
        .name("client".to_owned())
        .spawn(move || {
            let _slot = slot;
            // A client that leaves or is too slow is dropped.
            let _ = converse(&client, &remote);
        });
}

/// One of the places for clients; given back with this value.
struct ClientSlot {
    clients: Arc<AtomicUsize>,
    number: usize,
}

impl ClientSlot {
    fn take(clients: &Arc<AtomicUsize>) -> Self {
        ClientSlot {
            clients: clients.clone(),
            number: clients.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }
}

impl Drop for ClientSlot {
    fn drop(&mut self) {
        self.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers one line after another.
fn converse(client: &UnixStream, remote: &Remote) -> io::Result<()> {
    let mut lines = Lines::new(client, MAX_REQUEST);
    loop {
        let deadline = || Instant::now() + CLIENT_TIMEOUT;
        match lines.next(deadline())? {
            Line::Whole(line) => write(client, &remote.answer(&line), deadline())?,
            Line::TooLong => {
                return write(client, &write_answer(Err(vec![too_long()])), deadline());
            }
            Line::End => return Ok(()),
        }
    }
}
