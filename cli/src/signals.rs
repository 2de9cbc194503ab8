//! Signals that would end the program, or ask it to end.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};

/// Signals that may wait to be handed on.
const WAITING: usize = 4;

/// From here on, writing beyond the system's limit for the size of a file is an error, and does not
/// end the program (SIGXFSZ). Called at the start, before anything writes. It does not change the
/// programs that this one starts.
pub(crate) fn survive_file_limits() {
    #[cfg(unix)]
    {
        use signal_hook::consts::SIGXFSZ;
        // Nobody reads the flag: a handler is enough. If it is refused, nothing changes.
        let _ =
            signal_hook::flag::register(SIGXFSZ, Arc::<std::sync::atomic::AtomicBool>::default());
    }
}

/// Set for a program that is to end, at once, when the one that started it does.
pub(crate) const ENDS_WITH_STARTER: &str = "SCORE_ENDS_WITH_STARTER";

/// Ends this program when the thread that started it has ended, even by a signal that nobody can
/// catch, where [`ENDS_WITH_STARTER`] asks for that and the system can do it.
pub(crate) fn end_with_starter() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
        let Some(starter) = std::env::var(ENDS_WITH_STARTER).ok() else {
            return;
        };
        // If it is refused, this program works on for nobody, and what it writes is removed later.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        let now = getppid().map(Pid::as_raw_nonzero);
        // It may have ended before it could be asked about.
        if now.is_none_or(|now| starter != now.to_string()) {
            std::process::exit(1);
        }
    }
}

/// Calls `end` at each Ctrl-C, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2. Of several calls the first
/// counts. Where a handler cannot be set, the signal ends the program at once.
pub(crate) fn on_end(end: impl Fn() + Clone + Send + 'static) {
    if ctrlc::set_handler(end.clone()).is_err() {
        return;
    }
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGUSR1, SIGUSR2};
        let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGUSR1, SIGUSR2]) else {
            return;
        };
        let _ = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    tracing::debug!("signal {signal}");
                    end();
                }
            });
    }
}

/// The exit code of a program that a second signal has ended at once.
pub(crate) const AT_ONCE: u8 = 130;

/// Signals that come so soon after the first are part of it: a session that ends sends two.
pub(crate) const MOMENT: Duration = Duration::from_millis(250);

/// Receives the first signal that ends a live run; the second ends the program at once, whether or
/// not the first was received.
pub(crate) fn end_of_run() -> Receiver<()> {
    let (tell, told) = bounded(1);
    let first = Arc::new(OnceLock::new());
    on_end(move || {
        if first.get_or_init(Instant::now).elapsed() > MOMENT {
            std::process::exit(AT_ONCE.into());
        }
        let _ = tell.try_send(());
    });
    told
}

/// Receives every signal that asks for an end, for a program that hands them on.
pub(crate) fn each_end() -> Receiver<()> {
    let (tell, told) = bounded(WAITING);
    on_end(move || {
        let _ = tell.try_send(());
    });
    told
}
