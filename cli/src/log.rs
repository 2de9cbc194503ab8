//! What a live run tells while it plays: on standard error, or into a file that does not grow without end.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use score_engine::NodeError;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::arguments::LogFormat;
use crate::capped_file::CappedFile;
use crate::failure::Failure;
use crate::unhurried::Unhurried;

/// Log lines that may wait for whoever reads them.
const ROOM: usize = 1024;

/// How long the end of the run waits for whoever reads.
const PATIENCE: Duration = Duration::from_millis(300);

/// Begins to log. `bar` is what stands on the terminal, which log lines must not tear; RUST_LOG chooses what is told.
pub(crate) fn start(
    format: LogFormat,
    file: Option<&Path>,
    most: u64,
    bar: &ProgressBar,
) -> Result<Log, Failure> {
    let terminal = Terminal(Arc::new(Mutex::new(Unhurried::start("log", ROOM))));
    let target = match file {
        Some(path) => Target::File(Arc::new(Mutex::new(open(path, most)?))),
        None => Target::Terminal(terminal.clone(), bar.clone()),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = file.is_none() && anstream::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_target(false)
        .with_writer(target);
    // Only a second start could fail; a program has one.
    let _ = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    Ok(Log(terminal))
}

/// The log. Dropped, it waits a moment until all is shown.
pub(crate) struct Log(Terminal);

impl Log {
    /// Shows a table in place of the last.
    pub(crate) fn show(&self, bar: &ProgressBar, table: String) {
        let bar = bar.clone();
        self.0.ask(move || bar.set_message(table));
    }

    /// Takes the table away.
    pub(crate) fn clear(&self, bar: &ProgressBar) {
        let bar = bar.clone();
        self.0.ask(move || bar.finish_and_clear());
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.lock().finish(PATIENCE);
    }
}

/// What is shown on the terminal, log lines and a table, by a thread of its own: whoever reads may stand still.
#[derive(Clone)]
struct Terminal(Arc<Mutex<Unhurried>>);

impl Terminal {
    fn lock(&self) -> MutexGuard<'_, Unhurried> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, job: impl FnOnce() + Send + 'static) {
        self.lock().ask(job);
    }
}

/// Tells what nodes warn of during a render, above the `bar`.
pub(crate) fn warnings(bar: &ProgressBar) {
    // Only a second start could fail; a program has one.
    let _ = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .without_time()
        .with_ansi(anstream::stderr().is_terminal())
        .with_target(false)
        .with_writer(Target::AtOnce(bar.clone()))
        .try_init();
}

/// Opens a file to append to that stays below `most` megabytes.
pub(crate) fn open(path: &Path, most: u64) -> Result<CappedFile, Failure> {
    CappedFile::open(path, most.saturating_mul(1_000_000)).map_err(|error| {
        let message = format!("`{}` cannot be written: {error}", path.display());
        Failure::Node(NodeError::output(message).help("give another file"))
    })
}

/// Where log lines go.
#[derive(Clone)]
enum Target {
    Terminal(Terminal, ProgressBar),
    /// The terminal, of a render, which may wait.
    AtOnce(ProgressBar),
    File(Arc<Mutex<CappedFile>>),
}

impl<'a> MakeWriter<'a> for Target {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line {
            target: self.clone(),
            text: Vec::new(),
        }
    }
}

/// One entry, written as a whole when it is complete.
struct Line {
    target: Target,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Where a log cannot be written there is nowhere to tell it; the music goes on.
        let text = std::mem::take(&mut self.text);
        match &self.target {
            Target::Terminal(terminal, bar) => {
                let bar = bar.clone();
                terminal.ask(move || {
                    let _ = bar.suspend(|| anstream::stderr().write_all(&text));
                });
            }
            Target::AtOnce(bar) => {
                let _ = bar.suspend(|| anstream::stderr().write_all(&text));
            }
            Target::File(file) => {
                let _ = file
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .write_all(&text);
            }
        }
    }
}
