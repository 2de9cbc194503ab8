//! Signs of life of a run that ends: it may finish files for longer than it is waited for otherwise.

use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::Manager;
use super::beat::beat;

/// How long a run that ends asks to be waited for: what takes longer may hang.
const LONGEST: Duration = Duration::from_secs(120);

/// Between two signs of life.
const INTERVAL: Duration = Duration::from_secs(1);

/// A run ends: its keeper and the service manager wait on for as long as this value lives, though
/// not longer than [`LONGEST`].
pub(crate) struct Ending {
    _alive: Sender<()>,
}

impl Ending {
    /// Begins with a first sign.
    pub(crate) fn begin(is_kept: bool) -> Self {
        let mut manager = Manager::new();
        Ending::with(INTERVAL, LONGEST, move || match is_kept {
            // Whoever ends it, the keeper asks for the time that it takes.
            true => {
                beat();
                manager.beats();
            }
            false => manager.ends(),
        })
    }

    /// Gives a `sign` at once and then every `interval`, for as long as this lives and not longer
    /// than `limit`.
    fn with(interval: Duration, limit: Duration, mut sign: impl FnMut() + Send + 'static) -> Self {
        let (alive, over) = bounded::<()>(0);
        let began = Instant::now();
        let signs = move || {
            loop {
                sign();
                let is_over = over.recv_timeout(interval) != Err(RecvTimeoutError::Timeout);
                if is_over || began.elapsed() >= limit {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("ending".to_owned());
        // Without it the run is waited for as long as it would be anyway.
        let _ = thread.spawn(signs);
        Ending { _alive: alive }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::Receiver;

    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    /// What never happens in a test that passes, on however busy a machine.
    const NEVER: Duration = Duration::from_secs(60);

    /// Signs of an end, of which the channel has no more when its thread has ended.
    fn signs(limit: Duration) -> (Ending, Receiver<()>) {
        let (sign, signs) = bounded(0);
        let ending = Ending::with(SOON, limit, move || {
            // The test has seen enough.
            let _ = sign.send(());
        });
        (ending, signs)
    }

    #[test]
    fn signs_come_while_a_run_ends_and_stop_when_it_has_ended() {
        let (ending, signs) = signs(NEVER);
        for sign in 0..20 {
            assert_eq!(signs.recv_timeout(NEVER), Ok(()), "{sign}");
        }
        drop(ending);
        // One may be on its way.
        let after = signs.iter().count();
        assert!(after <= 1, "{after}");
    }

    #[test]
    fn a_run_that_hangs_at_its_end_gives_no_more_signs_after_the_limit() {
        let (ending, signs) = signs(Duration::from_millis(50));
        assert!(signs.iter().count() > 0);
        drop(ending);
    }
}
