//! Keeps this program's JACK clients together when their server goes away.
//!
//! JACK's library has one memory for all clients of a program. A client that is opened at a new server while another
//! still belongs to the old one takes that memory from under it, and the program crashes. So once one client notices
//! that the server is gone, all must be closed before the first is opened again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use score_engine::NodeError;

use super::keeper::missing;

/// The clients of this program.
struct Clients {
    open: usize,
    /// The server of those that are open is gone.
    lost: bool,
}

static CLIENTS: Mutex<Clients> = Mutex::new(Clients {
    open: 0,
    lost: false,
});

fn clients() -> MutexGuard<'static, Clients> {
    CLIENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leave to have a client. To be dropped after it.
#[derive(Debug)]
pub(crate) struct Ticket(());

impl Ticket {
    /// Asks for leave to open a client.
    ///
    /// # Errors
    /// The server is gone, and clients of it are still open.
    pub(crate) fn take() -> Result<Self, NodeError> {
        let mut clients = clients();
        if clients.lost && clients.open > 0 {
            return Err(missing("the JACK server is gone"));
        }
        clients.lost = false;
        clients.open += 1;
        Ok(Ticket(()))
    }

    /// Says that the server of this client is gone.
    pub(crate) fn report_lost(&self) {
        clients().lost = true;
    }

    /// Whether any client of the program has noticed that the server is gone.
    pub(crate) fn is_lost(&self) -> bool {
        clients().lost
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut clients = clients();
        clients.open = clients.open.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_client_is_opened_anew_before_all_of_a_lost_server_are_closed() {
        let (one, two) = (Ticket::take().unwrap(), Ticket::take().unwrap());
        one.report_lost();
        assert!(two.is_lost());
        drop(one);
        assert!(Ticket::take().is_err());
        drop(two);
        let new = Ticket::take().unwrap();
        assert!(!new.is_lost());
    }
}
