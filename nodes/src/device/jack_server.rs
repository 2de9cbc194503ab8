//! Keeps this program's JACK clients together when their server goes away.
//!
//! JACK's library has one memory for all clients of a program. A client that is opened at a new
//! server while another still belongs to the old one takes that memory from under it, and the
//! program crashes. So once one client notices that the server is gone, all must be closed before
//! the first is opened again. And as a server may go and another come before anyone has noticed, a
//! client is opened only after those that are open have been called once more: a server takes much
//! longer to start than a client to open.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jack::{Client, ClientOptions};
use score_engine::NodeError;

use super::keeper::missing;
use super::midi::port::CLIENT;

/// How long a call of the open clients is waited for: more than two of the longest periods that
/// JACK has (8192 frames at 44.1 kHz).
const CALL: Duration = Duration::from_millis(500);

/// How often their calls are counted meanwhile.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The clients of a program.
struct Clients(Mutex<State>);

struct State {
    /// How often the server has called each that is open.
    open: Vec<Arc<AtomicU64>>,
    /// The server of those that are open is gone.
    lost: bool,
}

static CLIENTS: Clients = Clients::new();

impl Clients {
    const fn new() -> Self {
        Clients(Mutex::new(State {
            open: Vec::new(),
            lost: false,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the server calls those that it has called before: one that is being opened is
    /// not called yet.
    fn await_call(&self) -> Result<(), NodeError> {
        let called: Vec<(Arc<AtomicU64>, u64)> = self
            .state()
            .open
            .iter()
            .map(|calls| (calls.clone(), calls.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let started = Instant::now();
        while self.is_any_quiet(&called) {
            if started.elapsed() > CALL {
                return Err(missing("the JACK server does not respond"));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Whether any of these has not been called since. One that was closed meanwhile does not
    /// count.
    fn is_any_quiet(&self, called: &[(Arc<AtomicU64>, u64)]) -> bool {
        let state = self.state();
        let is_open = |calls| state.open.iter().any(|open| Arc::ptr_eq(open, calls));
        called
            .iter()
            .any(|(calls, count)| calls.load(Ordering::Relaxed) == *count && is_open(calls))
    }

    fn admit(&'static self) -> Result<Ticket, NodeError> {
        self.await_call()?;
        let mut state = self.state();
        if state.lost && !state.open.is_empty() {
            return Err(missing("the JACK server is gone"));
        }
        state.lost = false;
        let calls = Arc::new(AtomicU64::new(0));
        state.open.push(calls.clone());
        Ok(Ticket {
            clients: self,
            calls,
        })
    }
}

/// Permission to have a client. To be dropped after it.
pub(crate) struct Ticket {
    clients: &'static Clients,
    calls: Arc<AtomicU64>,
}

impl Ticket {
    /// Asks for permission to open a client. Waits for a call of those that are open.
    ///
    /// # Errors
    /// The server is gone or calls nobody, and clients of it are still open.
    pub(crate) fn take() -> Result<Self, NodeError> {
        CLIENTS.admit()
    }

    /// The count of the server's calls, which the client's callback counts on.
    pub(crate) fn calls(&self) -> Arc<AtomicU64> {
        self.calls.clone()
    }

    /// Says that the server of this client is gone.
    pub(crate) fn report_lost(&self) {
        self.clients.state().lost = true;
    }

    /// Whether any client of the program has noticed that the server is gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.clients.state().lost
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.clients.state();
        state.open.retain(|calls| !Arc::ptr_eq(calls, &self.calls));
    }
}

/// Opens a client that is called after `name`, where a server runs. The ticket comes first, so that
/// it goes after the client.
///
/// # Errors
/// As [`Ticket::take`], or no server runs.
pub(crate) fn client(name: &str) -> Result<(Ticket, Client), NodeError> {
    let ticket = Ticket::take()?;
    // JACK's names have at most 63 bytes and their parts are parted by a colon.
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .take(45)
        .collect();
    let name = format!("{CLIENT}_{name}");
    let opened = Client::new(&name, ClientOptions::NO_START_SERVER);
    let (client, _) = opened.map_err(|error| missing("no JACK server runs").source(error))?;
    Ok((ticket, client))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients() -> &'static Clients {
        Box::leak(Box::new(Clients::new()))
    }

    #[test]
    fn no_client_is_opened_anew_before_all_of_a_lost_server_are_closed() {
        let clients = clients();
        let (one, two) = (clients.admit().unwrap(), clients.admit().unwrap());
        one.report_lost();
        assert!(two.is_lost());
        drop(one);
        assert!(clients.admit().is_err());
        drop(two);
        let new = clients.admit().unwrap();
        assert!(!new.is_lost());
    }

    #[test]
    fn no_client_is_opened_while_a_server_that_called_before_is_silent() {
        let clients = clients();
        let open = clients.admit().unwrap();
        let calls = open.calls();
        drop(
            clients
                .admit()
                .expect("one that was never called is being opened"),
        );
        calls.store(7, Ordering::Relaxed);
        assert!(clients.admit().is_err());
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let server = std::thread::spawn(move || {
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                calls.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(POLL_INTERVAL);
            }
        });
        assert!(clients.admit().is_ok());
        drop(stop);
        server.join().unwrap();
    }

    #[test]
    fn a_client_that_is_closed_meanwhile_is_not_waited_for() {
        let clients = clients();
        let open = clients.admit().unwrap();
        open.calls().store(7, Ordering::Relaxed);
        std::thread::scope(|scope| {
            let new = scope.spawn(|| clients.admit().map(|_| ()));
            std::thread::sleep(POLL_INTERVAL * 20);
            drop(open);
            assert!(new.join().unwrap().is_ok());
        });
    }
}
