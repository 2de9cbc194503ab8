//! Signals that ask the program to end.

/// Calls `end` at each Ctrl-C, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2. From then on a file that grows beyond the limit that
/// the system sets gives an error to whoever writes it, and does not end the program (SIGXFSZ). Of several calls the
/// first counts. Where a handler cannot be set, the signal ends the program at once.
pub(crate) fn on_end(end: impl Fn() + Clone + Send + 'static) {
    if ctrlc::set_handler(end.clone()).is_err() {
        return;
    }
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGUSR1, SIGUSR2, SIGXFSZ};
        let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGUSR1, SIGUSR2, SIGXFSZ])
        else {
            return;
        };
        let _ = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever().filter(|signal| *signal != SIGXFSZ) {
                    tracing::debug!("signal {signal}");
                    end();
                }
            });
    }
}
