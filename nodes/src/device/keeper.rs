//! Keeps a device open: opens it on a thread of its own, notices when it is gone, and tries again
//! until it is back.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use score_engine::{Counters, NodeError, NodeErrorKind};

use crate::backoff::Backoff;

/// The wait before the second try; doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How often an open device is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How long the start of a run waits for a device to open.
const START: Duration = Duration::from_secs(5);

/// How long the end of a node waits for its device to close.
const END: Duration = Duration::from_secs(1);

/// Opens one device, again and again.
pub(crate) trait Opener: Send + 'static {
    /// The open device; dropped, it is closed. It never leaves the keeper's thread.
    type Device;

    /// What is opened, as the user knows it: "the sound device `JACK`".
    fn name(&self) -> String;

    /// Opens it.
    ///
    /// # Errors
    /// It is not there, or refuses.
    fn open(&mut self) -> Result<Self::Device, NodeError>;

    /// Looks whether the device still works, ten times a second.
    ///
    /// # Errors
    /// It does not, and must be opened again.
    fn look(&mut self, device: &mut Self::Device) -> Result<(), NodeError>;

    /// What was opened, where the name does not say it: which device the system's is.
    fn which(&self, _device: &Self::Device) -> Option<String> {
        None
    }

    /// The device is about to be closed because the node goes away.
    fn closing(&mut self, _device: &mut Self::Device) {}
}

/// The thread that keeps a device open. Dropped, it closes the device.
pub(crate) struct Keeper {
    stop: Option<Sender<()>>,
    over: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts to keep a device and waits for the first try. A device that is missing is tried again
    /// while the run continues, unless it is `required`.
    ///
    /// # Errors
    /// The device is required and cannot be opened, or no thread can be started.
    pub(crate) fn start<O: Opener>(
        opener: O,
        required: bool,
        counters: &Arc<Counters>,
    ) -> Result<Self, NodeError> {
        let (stop, stopped) = channel();
        let (tell, tried) = channel();
        let (_over, over) = channel();
        let name = opener.name();
        let kept = counters.clone();
        let thread = std::thread::Builder::new()
            .name("device".to_owned())
            .spawn(move || {
                let _over = _over;
                let wait = |time| stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
                keep(opener, required, &kept, wait, &tell);
            })
            .map_err(|error| {
                NodeError::internal(format!("no thread can be started for {name} ({error})"))
            })?;
        let keeper = Keeper {
            stop: Some(stop),
            over,
            thread: Some(thread),
        };
        match tried.recv_timeout(START) {
            Ok(Err(error)) if required => Err(error),
            Err(_) if required => Err(missing(format!("{name} does not open"))),
            Err(_) => {
                counters.lack(format!("{name} does not open yet"));
                tracing::warn!("{name} does not open yet; the run continues without it");
                Ok(keeper)
            }
            Ok(_) => Ok(keeper),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.take();
        // A driver that hangs must not hang the run.
        let is_over = self.over.recv_timeout(END) == Err(RecvTimeoutError::Disconnected);
        if let Some(thread) = self.thread.take().filter(|_| is_over) {
            let _ = thread.join();
        }
    }
}

/// A device that is not there.
pub(crate) fn missing(message: impl Into<String>) -> NodeError {
    NodeError::new(NodeErrorKind::Device, message).help("`score devices` lists what there is")
}

/// Opens, looks and opens again until told to stop: `wait` waits, and says whether to go on.
fn keep<O: Opener>(
    mut opener: O,
    required: bool,
    counters: &Counters,
    mut wait: impl FnMut(Duration) -> bool,
    tell: &Sender<Result<(), NodeError>>,
) {
    let _silence = silence();
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    let mut told = String::new();
    let mut gone: Option<Instant> = None;
    let mut first = true;
    loop {
        let worked = match opener.open() {
            Ok(mut device) => {
                let opened = Instant::now();
                counters.go_on();
                let _ = tell.send(Ok(()));
                let name = opener.name();
                let which = opener.which(&device);
                let which = which.map(|which| format!(": {which}")).unwrap_or_default();
                match gone.take() {
                    Some(since) => {
                        let seconds = since.elapsed().as_secs_f64();
                        tracing::info!("{name} is back after {seconds:.1} s{which}");
                    }
                    None if first => tracing::info!("{name} is open{which}"),
                    None => tracing::info!("{name} is open now{which}"),
                }
                told.clear();
                let why = loop {
                    if !wait(POLL_INTERVAL) {
                        opener.closing(&mut device);
                        return;
                    }
                    if let Err(why) = opener.look(&mut device) {
                        break why;
                    }
                };
                gone = Some(Instant::now());
                counters.lack(why.to_string());
                tracing::warn!("{why}; the run continues without it and keeps trying");
                opened.elapsed()
            }
            Err(why) => {
                let (name, text) = (opener.name(), why.to_string());
                // The system's own words are only used where there are no better ones, and come
                // last.
                let text = match text.starts_with(&name) {
                    true => text,
                    false => format!("{name} cannot be opened ({text})"),
                };
                counters.lack(text.clone());
                if text != told && !(first && required) {
                    let help = why.advice().unwrap_or_default();
                    tracing::warn!(
                        "{text}; the run continues without it and keeps trying ({help})"
                    );
                    told = text;
                }
                let _ = tell.send(Err(why));
                if first && required {
                    return;
                }
                Duration::ZERO
            }
        };
        first = false;
        if !wait(backoff.after(worked)) {
            return;
        }
    }
}

/// Keeps the system's sound library from writing to the terminal from this thread, for as long as
/// the result lives: what it says comes as errors as well.
#[cfg(target_os = "linux")]
pub(crate) fn silence() -> impl Sized {
    alsa::Output::local_error_handler().ok()
}

/// Nothing to keep silent on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn silence() -> impl Sized {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    /// A device that can be pulled out.
    struct Toy {
        is_there: Arc<AtomicBool>,
        openings: Arc<AtomicUsize>,
        closings: Arc<AtomicUsize>,
        misses: Arc<AtomicUsize>,
    }

    impl Opener for Toy {
        type Device = ();

        fn name(&self) -> String {
            "the toy".to_owned()
        }

        fn open(&mut self) -> Result<(), NodeError> {
            self.look(&mut ())?;
            self.openings.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }

        fn look(&mut self, (): &mut ()) -> Result<(), NodeError> {
            if self.is_there.load(Ordering::SeqCst) {
                Ok(())
            } else {
                self.misses.fetch_add(1, Ordering::SeqCst);
                Err(missing("the toy is gone"))
            }
        }

        fn closing(&mut self, (): &mut ()) {
            self.closings.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn until(what: impl Fn() -> bool) {
        let started = Instant::now();
        while !what() {
            assert!(started.elapsed() < Duration::from_secs(30), "it never came");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_device_that_comes_late_goes_and_comes_back_is_opened_each_time_and_closed_once() {
        let is_there = Arc::new(AtomicBool::new(false));
        let counters = Arc::<Counters>::default();
        let (openings, closings) = (Arc::default(), Arc::default());
        let misses: Arc<AtomicUsize> = Arc::default();
        let toy = Toy {
            is_there: is_there.clone(),
            openings: Arc::clone(&openings),
            closings: Arc::clone(&closings),
            misses: misses.clone(),
        };
        let keeper = Keeper::start(toy, false, &counters).unwrap();
        assert_eq!(openings.load(Ordering::SeqCst), 0);
        let (reason, since) = counters.condition().waits.unwrap();
        assert_eq!(reason, "the toy is gone");
        is_there.store(true, Ordering::SeqCst);
        until(|| openings.load(Ordering::SeqCst) == 1);
        until(|| counters.condition().waits.is_none());
        let before = misses.load(Ordering::SeqCst);
        is_there.store(false, Ordering::SeqCst);
        until(|| misses.load(Ordering::SeqCst) > before);
        until(|| counters.condition().waits.is_some());
        assert!(
            counters
                .condition()
                .waits
                .is_some_and(|(_, anew)| anew > since)
        );
        is_there.store(true, Ordering::SeqCst);
        until(|| openings.load(Ordering::SeqCst) == 2);
        until(|| counters.condition().waits.is_none());
        let last = counters.condition().last_error;
        assert_eq!(last.as_deref(), Some("the toy is gone"));
        drop(keeper);
        assert_eq!(closings.load(Ordering::SeqCst), 1);
    }

    /// A device that comes at a time of a clock, which goes on when the keeper waits.
    struct Late {
        milliseconds: Arc<AtomicUsize>,
        comes: usize,
        openings: Arc<AtomicUsize>,
        misses: Arc<AtomicUsize>,
    }

    impl Opener for Late {
        type Device = ();

        fn name(&self) -> String {
            "the late one".to_owned()
        }

        fn open(&mut self) -> Result<(), NodeError> {
            if self.milliseconds.load(Ordering::SeqCst) < self.comes {
                self.misses.fetch_add(1, Ordering::SeqCst);
                return Err(missing("the late one is not there"));
            }
            self.openings.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }

        fn look(&mut self, (): &mut ()) -> Result<(), NodeError> {
            Ok(())
        }
    }

    /// By a clock of the test's own.
    #[test]
    fn a_device_that_is_gone_for_an_hour_is_open_within_two_seconds_of_its_return() {
        let milliseconds = Arc::<AtomicUsize>::default();
        let (openings, misses) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let hour = 3_600_000;
        let late = Late {
            milliseconds: milliseconds.clone(),
            comes: hour,
            openings: openings.clone(),
            misses: misses.clone(),
        };
        let counters = Counters::default();
        let is_open = openings.clone();
        let wait = |time: Duration| {
            milliseconds.fetch_add(time.as_millis() as usize, Ordering::SeqCst);
            is_open.load(Ordering::SeqCst) == 0
        };
        keep(late, false, &counters, wait, &channel().0);
        let took = milliseconds.load(Ordering::SeqCst);
        assert!((hour..=hour + 2_100).contains(&took), "{took}");
        assert_eq!(openings.load(Ordering::SeqCst), 1);
        // Neither more often than every two seconds, once that is clear, nor less.
        let tries = misses.load(Ordering::SeqCst);
        assert!((1_800..1_810).contains(&tries), "{tries}");
        assert!(
            counters.condition().waits.is_none(),
            "it says that it is there"
        );
    }

    /// Counts how often it is opened, and is gone at each first look.
    struct Flapping(Arc<AtomicUsize>);

    impl Opener for Flapping {
        type Device = ();

        fn name(&self) -> String {
            "the loose plug".to_owned()
        }

        fn open(&mut self) -> Result<(), NodeError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }

        fn look(&mut self, (): &mut ()) -> Result<(), NodeError> {
            Err(missing("the loose plug is gone"))
        }
    }

    #[test]
    fn a_device_that_goes_away_at_once_is_opened_ever_less_often() {
        let openings: Arc<AtomicUsize> = Arc::default();
        let keeper = Keeper::start(Flapping(openings.clone()), false, &Arc::default()).unwrap();
        std::thread::sleep(Duration::from_secs(2));
        drop(keeper);
        // Each is looked at after 0.1 s; in between it rests for 0.1, 0.2, 0.4 and 0.8 s.
        let count = openings.load(Ordering::SeqCst);
        assert!((2..=5).contains(&count), "{count}");
    }

    #[test]
    fn a_required_device_that_is_missing_is_an_error_with_advice() {
        let toy = Toy {
            is_there: Arc::default(),
            openings: Arc::default(),
            closings: Arc::default(),
            misses: Arc::default(),
        };
        let error = Keeper::start(toy, true, &Arc::default()).err().unwrap();
        assert_eq!(error.to_string(), "the toy is gone");
        assert!(error.advice().unwrap().contains("score devices"));
    }
}
