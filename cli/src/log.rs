//! The log of a live run: on standard error, or in a file of limited size.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use score_engine::{NodeError, shown};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::arguments::LogFormat;
use crate::background_queue::BackgroundQueue;
use crate::capped_file::CappedFile;
use crate::failure::Failure;
use crate::terminal::{shown_in_colours, shown_json};

/// Log lines that may wait for a slow reader.
const QUEUE_LENGTH: usize = 1024;

/// How long the end of the run waits for a slow reader.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(300);

/// Begins to log. `bar` is what stands on the terminal, which log lines must not tear; RUST_LOG
/// sets the level.
pub(crate) fn start(
    format: LogFormat,
    file: Option<&Path>,
    most: u64,
    bar: &ProgressBar,
) -> Result<Log, Failure> {
    let terminal = Terminal(Arc::new(Mutex::new(BackgroundQueue::start(
        "log",
        QUEUE_LENGTH,
    ))));
    let target = match file {
        Some(path) => Target::File(Arc::new(Mutex::new(open(path, most)?))),
        None => Target::Terminal(terminal.clone(), bar.clone()),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = file.is_none() && anstream::stderr().is_terminal();
    let form = match format {
        LogFormat::Json => Form::Json,
        LogFormat::Text if colours => Form::Colours,
        LogFormat::Text => Form::Text,
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_target(false)
        .with_writer(Writer {
            target,
            form,
            is_journal: file.is_none() && is_journal(),
        });
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
        self.0.push(move || bar.set_message(table));
    }

    /// Takes the table away.
    pub(crate) fn clear(&self, bar: &ProgressBar) {
        let bar = bar.clone();
        self.0.push(move || bar.finish_and_clear());
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.lock().finish(FLUSH_TIMEOUT);
    }
}

/// Shows log lines and a table on the terminal, from its own thread: a reader may block.
#[derive(Clone)]
struct Terminal(Arc<Mutex<BackgroundQueue>>);

impl Terminal {
    fn lock(&self) -> MutexGuard<'_, BackgroundQueue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: impl FnOnce() + Send + 'static) {
        self.lock().push(job);
    }
}

/// Prints what nodes warn of during a render, above the `bar`.
pub(crate) fn warnings(bar: &ProgressBar) {
    let colours = anstream::stderr().is_terminal();
    let form = if colours { Form::Colours } else { Form::Text };
    let target = Target::AtOnce(bar.clone());
    // Only a second start could fail; a program has one.
    let _ = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .without_time()
        .with_ansi(colours)
        .with_target(false)
        .with_writer(Writer {
            target,
            form,
            is_journal: false,
        })
        .try_init();
}

/// Whether the log is separate from the program's messages on standard error.
pub(crate) fn is_apart(format: LogFormat, file: Option<&Path>) -> bool {
    file.is_some() || matches!(format, LogFormat::Json)
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

/// How log lines are written.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Colours,
    Json,
}

impl Form {
    /// An entry as it is written: what would steer a terminal is shown, and what is longer than
    /// anybody reads is cut.
    fn of(self, entry: &[u8]) -> String {
        let entry = String::from_utf8_lossy(entry);
        match self {
            Form::Text => shown(&cut(&entry)).into_owned(),
            Form::Colours => shown_in_colours(&cut(&entry)),
            Form::Json if entry.len() <= MAX_ENTRY => shown_json(&entry).into_owned(),
            Form::Json => {
                let mut json: serde_json::Value = serde_json::from_str(&entry).unwrap_or_default();
                if let Some(fields) = json.as_object_mut() {
                    let texts = fields.values_mut();
                    for text in
                        texts.filter(|text| text.as_str().is_some_and(|text| text.len() > 1_000))
                    {
                        let all = text.as_str().unwrap_or_default();
                        *text = format!("{}…", &all[..floor(all, MAX_ENTRY / 8)]).into();
                    }
                }
                format!("{}\n", shown_json(&json.to_string()))
            }
        }
    }
}

/// Bytes of one entry.
const MAX_ENTRY: usize = 256 << 10;

/// An entry, or the beginning of a long one.
fn cut(entry: &str) -> Cow<'_, str> {
    if entry.len() <= MAX_ENTRY {
        return Cow::Borrowed(entry);
    }
    let kept = floor(entry, MAX_ENTRY);
    Cow::Owned(format!(
        "{}… ({} bytes more)\n",
        &entry[..kept],
        entry.len() - kept
    ))
}

/// The last place at or before `at` between two characters.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// Writes log lines.
struct Writer {
    target: Target,
    form: Form,
    /// Whether the journal of systemd reads it, which wants to know how serious each line is.
    is_journal: bool,
}

/// Whether standard error leads to the journal: JOURNAL_STREAM then has its device and inode
/// (systemd.exec(5)).
pub(crate) fn is_journal() -> bool {
    #[cfg(unix)]
    if let (Ok(told), Ok(error)) = (
        std::env::var("JOURNAL_STREAM"),
        rustix::fs::fstat(io::stderr()),
    ) {
        return told == format!("{}:{}", error.st_dev, error.st_ino);
    }
    false
}

/// What the journal reads in front of a line (sd-daemon(3)).
fn priority(level: &tracing::Level) -> &'static str {
    match *level {
        tracing::Level::ERROR => "<3>",
        tracing::Level::WARN => "<4>",
        tracing::Level::INFO => "<6>",
        _ => "<7>",
    }
}

/// An entry for the journal: each of its lines has the priority.
fn for_journal(entry: &str, priority: &str) -> String {
    let lines = entry.lines().map(|line| format!("{priority}{line}\n"));
    lines.collect()
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line {
            target: self.target.clone(),
            form: self.form,
            priority: None,
            text: Vec::new(),
        }
    }

    fn make_writer_for(&'a self, meta: &tracing::Metadata<'_>) -> Line {
        let mut line = self.make_writer();
        line.priority = self.is_journal.then(|| priority(meta.level()));
        line
    }
}

/// One entry, written as a whole when it is complete.
struct Line {
    target: Target,
    form: Form,
    /// What the journal is told of it.
    priority: Option<&'static str>,
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
        let text = self.form.of(&self.text);
        let text = match self.priority {
            Some(priority) => for_journal(&text, priority),
            None => text,
        };
        // An error of the log can be reported nowhere; the music goes on.
        match &self.target {
            Target::Terminal(terminal, bar) => {
                let bar = bar.clone();
                terminal.push(move || {
                    let _ = bar.suspend(|| anstream::stderr().write_all(text.as_bytes()));
                });
            }
            Target::AtOnce(bar) => {
                let _ = bar.suspend(|| anstream::stderr().write_all(text.as_bytes()));
            }
            Target::File(file) => {
                let _ = file
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .write_all(text.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_told_how_serious_every_line_is() {
        let entry = for_journal("it is refused:\nline 2\n", priority(&tracing::Level::WARN));
        assert_eq!(entry, "<4>it is refused:\n<4>line 2\n");
    }

    #[test]
    fn an_entry_is_cut_and_steers_no_terminal_whatever_comes() {
        let long = "\u{1b}[2J".to_owned() + &"é".repeat(1 << 20);
        let text = Form::Text.of(long.as_bytes());
        assert!(text.starts_with("\\u{1b}[2J") && text.len() < MAX_ENTRY + 100);
        assert!(text.ends_with("bytes more)\n"));
        let json =
            serde_json::json!({ "level": "WARN", "message": long, "patch": long }).to_string();
        let json = Form::Json.of(json.as_bytes());
        assert!(json.len() < MAX_ENTRY, "{}", json.len());
        let json: serde_json::Value = serde_json::from_str(&json).unwrap_or_default();
        assert_eq!(json["level"], "WARN");
        assert!(
            json["message"]
                .as_str()
                .is_some_and(|text| text.starts_with("\u{1b}[2J"))
        );
    }
}
