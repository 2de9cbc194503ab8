//! For systems without Unix sockets.

use serde_json::Value;

use super::Remote;
use super::protocol::{About, Refusal, Request};

/// There is none.
pub(crate) struct Server;

impl Server {
    /// Plays without.
    pub(crate) fn start(_: Remote) -> Option<Server> {
        None
    }
}

/// There is none.
pub(crate) struct Connection {
    pub(crate) about: About,
}

impl Connection {
    /// Refuses.
    ///
    /// # Errors
    /// In any case.
    pub(crate) fn ask(&self, _: &Request) -> Result<Value, Vec<Refusal>> {
        Err(vec![refused()])
    }
}

/// Refuses.
///
/// # Errors
/// In any case.
pub(crate) fn connect(_: Option<&str>) -> Result<Connection, Refusal> {
    Err(refused())
}

fn refused() -> Refusal {
    Refusal::new(
        "no_sockets",
        "a live run can be steered from outside only on a Unix system",
    )
    .help("save the patch to change what plays")
}
