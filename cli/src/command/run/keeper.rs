//! `score run --keep-alive`: a program that starts the run again whenever it dies or hangs, and
//! something quieter where that is of no use.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use score_engine::{NodeError, Source, patch_hash};

use crate::arguments::Run;
use crate::command::files_of;
use crate::failure::Failure;
use crate::folders::state_of;
use crate::log;
use crate::service::beat::Listener;
use crate::service::kept::{self, LADDER};
use crate::service::ladder::{FORGIVEN, Ladder, Rung};
use crate::service::state_folder::StateFolder;
use crate::service::{Manager, state_file};
use crate::signals::{AT_ONCE, MOMENT, each_end};

/// How often the run is looked at.
const POLL: Duration = Duration::from_millis(100);

/// How often it is looked whether another patch was saved.
const LOOK: Duration = Duration::from_secs(1);

/// How long a run may take until it reports itself to the service manager.
const STARTS: Duration = Duration::from_secs(60);

/// How long a run in silence may take to end.
const ENDS: Duration = Duration::from_secs(5);

/// How long a run may take to end that is to end at once.
const ENDS_AT_ONCE: Duration = Duration::from_secs(1);

/// How long a run that was killed is waited for.
const DIES: Duration = Duration::from_secs(10);

/// How a life of the run has ended.
enum Ended {
    /// Somebody has asked for it.
    Stopped(ExitStatus),
    /// Somebody has asked for it twice.
    StoppedAtOnce,
    /// Every node has come to its end.
    Itself,
    /// Another patch was saved, while something else played.
    Saved,
    /// The silence is over.
    SilenceOver,
    Died(String),
}

/// Keeps the patch playing until a signal comes.
pub(super) fn keep_alive(arguments: &Run) -> Result<(), Failure> {
    let folder = folder(arguments)?;
    let bar = indicatif::ProgressBar::hidden();
    let log = log::start(arguments.log_format, None, arguments.log_size, &bar)?;
    let stop = each_end();
    let mut keeper = Keeper {
        program: std::env::current_exe().map_err(lost)?,
        arguments,
        ladder: state_file::read(&folder.path().join(LADDER)).unwrap_or_default(),
        manager: Manager::new(),
        folder,
        boot: boot(),
        words: words(),
        lingering: Vec::new(),
    };
    let has_good = kept::has_good(keeper.folder.path());
    keeper
        .ladder
        .recover(now(), keeper.boot.as_deref(), has_good);
    let patch = keeper.fingerprint();
    keeper.ladder.begin(&patch, now());
    // It ends only where somebody wants it to.
    let kept = keeper.keep(&stop);
    keeper.stopped();
    drop(log);
    kept
}

struct Keeper<'a> {
    /// This program, by the name that a new version gets as well.
    program: PathBuf,
    arguments: &'a Run,
    folder: StateFolder,
    ladder: Ladder,
    manager: Manager,
    /// What tells this start of the machine from every other.
    boot: Option<String>,
    /// The words of the command line: what was refused may play with others.
    words: String,
    /// Runs that could not be ended.
    lingering: Vec<Child>,
}

impl Keeper<'_> {
    fn keep(&mut self, stop: &Receiver<()>) -> Result<(), Failure> {
        loop {
            let patch = self.fingerprint();
            self.ladder.take(&patch);
            if !self.rest(self.ladder.wait(), stop, &patch) {
                return Ok(());
            }
            let patch = self.fingerprint();
            self.ladder.take(&patch);
            self.ladder.started(now(), self.boot.as_deref());
            self.save();
            let began = Instant::now();
            let ended = self.live(stop, &patch)?;
            let lived = began.elapsed();
            match ended {
                Ended::Stopped(status) if status.success() => return Ok(()),
                Ended::Stopped(status) => {
                    let why = format!("the run has ended with {}", said(status));
                    let code = status.code().and_then(|code| u8::try_from(code).ok());
                    return Err(match code {
                        Some(code) => Failure::Kept { why, code },
                        None => Failure::Message(why),
                    });
                }
                Ended::StoppedAtOnce => {
                    let why = "a second Ctrl-C or signal has ended the run at once".to_owned();
                    return Err(Failure::Kept { why, code: AT_ONCE });
                }
                Ended::Saved => tracing::info!("the patch was saved: it is tried again"),
                Ended::SilenceOver => {
                    tracing::info!("the patch is tried again");
                    self.ladder.try_again();
                }
                Ended::Itself => {
                    tracing::info!("every node has ended; the patch begins again");
                    self.ladder.ended();
                    if !self.rest(LOOK, stop, &patch) {
                        return Ok(());
                    }
                }
                Ended::Died(why) => self.bury(&why, lived),
            }
        }
    }

    /// Counts a death.
    fn bury(&mut self, why: &str, lived: Duration) {
        let has_good = kept::has_good(self.folder.path());
        // What was saved while it lived may be what it died of.
        let patch = self.fingerprint();
        self.ladder.take(&patch);
        let goes_down = self.ladder.died(now(), lived, why, has_good);
        let seconds = lived.as_secs();
        match goes_down {
            true => tracing::error!(
                "the run died after {seconds} s ({why}), as it did before: from now on it plays {}",
                self.ladder.rung().said()
            ),
            false => tracing::warn!(
                "the run died after {seconds} s ({why}); it is started again in {:.1} s",
                self.ladder.wait().as_secs_f64()
            ),
        }
    }

    /// Waits so long, or until another patch is saved; and for a port that the run before still
    /// has. `false`: it is to end.
    fn rest(&mut self, time: Duration, stop: &Receiver<()>, patch: &str) -> bool {
        let began = Instant::now();
        loop {
            let left = time.saturating_sub(began.elapsed());
            let has_port = self.has_port();
            if left.is_zero() && !has_port {
                return true;
            }
            let line = match has_port {
                true => "waits for the end of the run before, which has the port".to_owned(),
                false => format!(
                    "waits {} s before the next start: {}",
                    left.as_secs(),
                    self.ladder.why()
                ),
            };
            self.manager.alive(&line);
            let pause = if has_port { LOOK } else { left.min(LOOK) };
            match stop.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return false,
            }
            if !has_port && self.fingerprint() != patch {
                return true;
            }
        }
    }

    /// Whether a run that could not be ended is still there, and may have a port that the next
    /// needs. Without one, the next plays beside it.
    fn has_port(&mut self) -> bool {
        self.lingering
            .retain_mut(|run| matches!(run.try_wait(), Ok(None)));
        !self.lingering.is_empty() && needs_port(self.arguments)
    }

    /// One life of the run.
    fn live(&mut self, stop: &Receiver<()>, patch: &str) -> Result<Ended, Failure> {
        kept::forget_end(self.folder.path());
        let rung = self.ladder.rung();
        // A system without memory may have some later.
        let (mut run, mut beats) = match self.start(rung) {
            Ok(started) => started,
            Err(why) => return Ok(Ended::Died(format!("it cannot be started: {why}"))),
        };
        let (began, silence) = (Instant::now(), self.ladder.silence());
        let (mut looked, mut thrives) = (Instant::now(), false);
        loop {
            if stop.try_recv().is_ok() {
                return self.stop((run, beats), stop);
            }
            match run.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) if status.success() => return Ok(Ended::Itself),
                Ok(Some(status)) => return Ok(Ended::Died(self.why(status))),
                Err(error) => {
                    self.end(run);
                    return Ok(Ended::Died(format!("it cannot be waited for: {error}")));
                }
            }
            if let Some(silent) = beats.look(Instant::now()) {
                // What hangs may not end either.
                self.kill(run);
                let seconds = silent.as_secs();
                let why = format!("it hung: it gave no sign of life for {seconds} s");
                return Ok(Ended::Died(why));
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                if !thrives && began.elapsed() >= FORGIVEN {
                    thrives = true;
                    self.ladder.thrives();
                    self.save();
                }
                if began.elapsed() < STARTS {
                    self.manager.alive("");
                }
                // The patch itself sees what is saved; what plays in its place does not.
                if rung != Rung::Patch && self.fingerprint() != patch {
                    self.end(run);
                    return Ok(Ended::Saved);
                }
            }
            if rung == Rung::Silence && began.elapsed() >= silence {
                self.end(run);
                return Ok(Ended::SilenceOver);
            }
            std::thread::sleep(POLL);
        }
    }

    /// Has the run end as it was asked to: by itself, whatever that takes, or when it is asked again
    /// at once.
    fn stop(
        &mut self,
        (mut run, mut beats): (Child, Listener),
        stop: &Receiver<()>,
    ) -> Result<Ended, Failure> {
        self.manager.stopping();
        ask_to_end(&mut run);
        // Whoever loses patience and kills both has still ended them on purpose.
        self.stopped();
        let (asked, mut looked) = (Instant::now(), Instant::now());
        loop {
            if let Some(status) = run.try_wait().map_err(lost)? {
                return Ok(Ended::Stopped(status));
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                // As long as it says that it is at it, the service manager waits too.
                if beats.look(looked).is_none() {
                    self.manager.ends();
                }
            }
            if stop.recv_timeout(POLL).is_ok() && asked.elapsed() > MOMENT {
                self.end_within(run, ENDS_AT_ONCE);
                return Ok(Ended::StoppedAtOnce);
            }
        }
    }

    /// Ends the run, however it takes that.
    fn end(&mut self, run: Child) {
        self.end_within(run, ENDS);
    }

    /// Asks the run to end, and ends it itself where that takes longer than `time`.
    fn end_within(&mut self, mut run: Child, time: Duration) {
        ask_to_end(&mut run);
        if !self.is_gone_within(&mut run, time) {
            self.kill(run);
        }
    }

    /// Ends the run at once. The system may not be able to: a process that waits for a disk or a
    /// server which does not answer is there until they do, and is not waited for that long.
    fn kill(&mut self, mut run: Child) {
        let _ = run.kill();
        if !self.is_gone_within(&mut run, DIES) {
            let id = run.id();
            tracing::error!(
                "the run, process {id}, cannot be ended: it may wait for a disk or a server"
            );
            self.lingering.push(run);
        }
    }

    /// Waits for the end of the run, at most so long. Meanwhile the service manager hears of the
    /// keeper, and of the run no more.
    fn is_gone_within(&mut self, run: &mut Child, time: Duration) -> bool {
        let (began, mut told) = (Instant::now(), None::<Instant>);
        while matches!(run.try_wait(), Ok(None)) {
            if began.elapsed() >= time {
                return false;
            }
            if told.is_none_or(|told| told.elapsed() >= LOOK) {
                told = Some(Instant::now());
                self.manager.beats();
            }
            std::thread::sleep(POLL);
        }
        true
    }

    /// Starts the run, with the same words on its command line.
    fn start(&self, rung: Rung) -> std::io::Result<(Child, Listener)> {
        let time = Duration::from_secs(self.arguments.hangs_after);
        let time = self.manager.watchdog().unwrap_or(time);
        let (listener, signs) = Listener::new(time, Instant::now())?;
        let mut command = Command::new(&self.program);
        command
            .args(std::env::args_os().skip(1))
            .env(kept::RUNG, rung.word())
            .env(kept::FOLDER, self.folder.path())
            // The time within which the service manager wants to hear is the run's to keep.
            .env_remove("WATCHDOG_PID")
            .stdin(signs);
        // Ctrl-C reaches the keeper alone, which hands it on.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok((command.spawn()?, listener))
    }

    /// Why the run has died.
    fn why(&self, status: ExitStatus) -> String {
        kept::end(self.folder.path()).unwrap_or_else(|| said(status))
    }

    /// Notes that it is ended on purpose.
    fn stopped(&mut self) {
        self.ladder.stopped();
        self.save();
    }

    /// What tells the patch, and the words with which it is played, from every other.
    fn fingerprint(&self) -> String {
        patch_hash(&format!("{}{}", self.words, texts(&self.arguments.patch)))
    }

    fn save(&self) {
        let path = self.folder.path().join(LADDER);
        if let Err(error) = state_file::write(&path, &self.ladder) {
            tracing::warn!("`{}` cannot be written: {error}", path.display());
        }
    }
}

/// The folder of what is known of the patch.
fn folder(arguments: &Run) -> Result<StateFolder, Failure> {
    let folder = match &arguments.state {
        Some(folder) => folder.clone(),
        None => state_of(&arguments.patch).ok_or_else(|| {
            NodeError::output("there is no folder for what is known of the patch")
                .help("name one with --state")
        })?,
    };
    Ok(StateFolder::open(&folder)?)
}

/// Whether the run listens at a port, which only one can at a time.
fn needs_port(arguments: &Run) -> bool {
    #[cfg(feature = "page")]
    // Without a number the page takes another port.
    if matches!(arguments.page.page, Some(Some(_))) {
        return true;
    }
    #[cfg(feature = "osc")]
    if arguments.osc.is_some() {
        return true;
    }
    let _ = arguments;
    false
}

/// The words with which this program was started, one a line.
fn words() -> String {
    let words = std::env::args_os().skip(1);
    words
        .map(|word| format!("{}\n", word.to_string_lossy()))
        .collect()
}

/// The text of the patch, and of all that it includes.
fn texts(patch: &Path) -> String {
    let texts = files_of(patch).into_iter().map(|file| {
        let text = Source::read(&file)
            .map(|source| source.text)
            .unwrap_or_default();
        format!("{}\n{text}\n", file.display())
    });
    texts.collect()
}

/// Asks the run to end.
fn ask_to_end(run: &mut Child) {
    #[cfg(unix)]
    if let Some(id) = i32::try_from(run.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        return;
    }
    let _ = run.kill();
}

/// How a program has ended, in words.
fn said(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => "no exit code".to_owned(),
    }
}

fn lost(error: std::io::Error) -> Failure {
    Failure::Message(format!("the run cannot be started: {error}"))
}

/// What tells this start of the machine from every other; `None`: the system does not say.
fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = id.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

/// The time of the system's clock.
fn now() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
