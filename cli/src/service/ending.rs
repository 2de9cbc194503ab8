//! Signs of life of a run that ends: it may finish files for longer than it is waited for otherwise.

use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::Manager;
use super::beat::beat;

/// How long a run that ends asks to be waited for: what takes longer may hang.
const LONGEST: Duration = Duration::from_secs(600);

/// Between two signs of life.
const INTERVAL: Duration = Duration::from_secs(1);

/// A run ends: its keeper, or the service manager where it has none, waits on for as long as this
/// value lives, though not longer than [`LONGEST`].
pub(crate) struct Ending {
    _alive: Sender<()>,
}

impl Ending {
    /// Begins with a first sign.
    pub(crate) fn begin(is_kept: bool) -> Self {
        let (alive, over) = bounded::<()>(0);
        let began = Instant::now();
        let says = move || {
            let mut manager = (!is_kept).then(Manager::new);
            loop {
                match &mut manager {
                    Some(manager) => manager.ends(),
                    None => beat(),
                }
                let is_over = over.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout);
                if is_over || began.elapsed() >= LONGEST {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("ending".to_owned());
        // Without it the run is waited for as long as it would be anyway.
        let _ = thread.spawn(says);
        Ending { _alive: alive }
    }
}
