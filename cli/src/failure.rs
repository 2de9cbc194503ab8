//! Why a command failed, in words for the terminal.

use std::fmt::{self, Display};
use std::process::ExitCode;

use score_engine::{Diagnostics, NodeError, NodeErrorKind, RunError};
use serde_json::{Value, json};

use crate::remote::protocol::Refusal;
use crate::terminal::{colourful, error};

/// Why a command failed. It is displayed in colours, which [`crate::terminal::tell`] removes where
/// they are not wanted.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A patch is wrong.
    Patch(Diagnostics),
    /// Patches were checked and some are wrong; each was reported already.
    Checked {
        /// How many are wrong.
        wrong: usize,
        /// How many were checked.
        checked: usize,
    },
    /// Patches could not be formatted because they cannot be read; each was reported already.
    Unreadable {
        /// How many.
        wrong: usize,
        /// How many there were.
        checked: usize,
    },
    /// How many patches are not in the one layout; each was named already.
    Unformatted(usize),
    /// Models were verified and some are wrong; each was reported already.
    Verified {
        /// How many are wrong.
        wrong: usize,
        /// How many were verified.
        verified: usize,
    },
    /// What was looked at is not all fine; each was reported already.
    Found(String),
    /// A model or a file cannot be used.
    Node(NodeError),
    /// The run did not end well.
    Run(RunError),
    /// Some films of a batch failed; the report says which.
    Films {
        /// How many failed, and trying again does not help.
        failed: usize,
        /// How many are neither done nor failed yet.
        left: usize,
        /// Why work stopped before all was done.
        why: Option<String>,
    },
    /// The run has ended, and these nodes could not write everything that they received.
    Lost(Vec<String>),
    /// A run that was kept playing has ended otherwise than well: why, and its exit code.
    Kept {
        /// How it has ended.
        why: String,
        /// What it has ended with.
        code: u8,
    },
    /// A live run refuses what was asked of it, or cannot be reached.
    Remote(Vec<Refusal>),
    /// What was named does not exist.
    Message(String),
    /// The terminal or the pipe is gone.
    Print(std::io::Error),
}

/// The exit code of a run that lost something that it should have written.
const LOST: u8 = 3;

/// The exit codes of a batch: those that sysexits.h calls EX_DATAERR and EX_TEMPFAIL, which mail and
/// queue systems take for "do not try again" and "try again".
const FILMS_FAILED: u8 = 65;
const TRY_AGAIN: u8 = 75;

impl Failure {
    /// The exit code of the program.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Lost(_) => ExitCode::from(LOST),
            Failure::Kept { code, .. } => ExitCode::from(*code),
            Failure::Films {
                left: 0, why: None, ..
            } => ExitCode::from(FILMS_FAILED),
            Failure::Films { .. } => ExitCode::from(TRY_AGAIN),
            _ => ExitCode::FAILURE,
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Patch(diagnostics) => {
                if let [one] = diagnostics.mistakes.as_slice()
                    && one.place.is_none()
                {
                    return error(&one.message, one.help.as_deref()).fmt(f);
                }
                let count = errors(diagnostics.count());
                let diagnostics = colourful(diagnostics);
                write!(f, "{diagnostics}\n\n{count} in the patch; nothing was run")
            }
            Failure::Checked { checked: 1, .. } => f.write_str("this patch cannot run"),
            Failure::Checked { wrong, checked } => {
                write!(f, "{wrong} of {checked} patches cannot run")
            }
            Failure::Unreadable { checked: 1, .. } => f.write_str("this patch cannot be read"),
            Failure::Unreadable { wrong, checked } => {
                write!(f, "{wrong} of {checked} patches cannot be read")
            }
            Failure::Unformatted(1) => {
                write!(f, "1 patch is not formatted; `score fmt` formats it")
            }
            Failure::Unformatted(count) => {
                write!(
                    f,
                    "{count} patches are not formatted; `score fmt` formats them"
                )
            }
            Failure::Verified { wrong, verified } => {
                write!(f, "{wrong} of {verified} models must not be used")
            }
            Failure::Found(what) => f.write_str(what),
            Failure::Node(why) => error(why, why.advice()).fmt(f),
            Failure::Run(why) => error(why, why.advice()).fmt(f),
            Failure::Films { failed, left, why } => {
                let (message, help) = films(*failed, *left, why.as_deref());
                error(message, Some(&help)).fmt(f)
            }
            Failure::Lost(nodes) => error(
                format_args!("not everything was written by: {}", nodes.join(", ")),
                Some("what was written has its name; the log says what is missing and why"),
            )
            .fmt(f),
            Failure::Remote(refusals) => {
                let lines = refusals
                    .iter()
                    .map(|refusal| error(&refusal.message, refusal.help.as_deref()).to_string());
                f.write_str(&lines.collect::<Vec<_>>().join("\n"))
            }
            Failure::Message(what) | Failure::Kept { why: what, .. } => error(what, None).fmt(f),
            Failure::Print(why) => error(format_args!("cannot print: {why}"), None).fmt(f),
        }
    }
}

impl Failure {
    /// The same as data, for a command that prints JSON; `None` where the command has printed all
    /// that there is.
    pub(crate) fn json(&self) -> Option<Value> {
        let (message, help) = match self {
            Failure::Checked { .. }
            | Failure::Verified { .. }
            | Failure::Found(_)
            | Failure::Films { .. } => {
                return None;
            }
            Failure::Node(why) => return Some(of_kind(why, why.advice(), kind(why.kind()))),
            Failure::Run(why) => return Some(of_kind(why, why.advice(), kind_of_run(why))),
            Failure::Message(what) | Failure::Kept { why: what, .. } => {
                (what.clone(), None::<&str>)
            }
            Failure::Print(why) => (format!("cannot print: {why}"), None),
            Failure::Patch(diagnostics) => {
                let (message, help) = match diagnostics.mistakes.as_slice() {
                    [only] if only.place.is_none() => (only.message.clone(), only.help.clone()),
                    _ => (
                        format!("{} in the patch", errors(diagnostics.count())),
                        None,
                    ),
                };
                let error = json!({ "message": message, "help": help });
                return Some(
                    json!({ "error": error, "diagnostics": diagnostics.mistakes, "untold": diagnostics.untold }),
                );
            }
            Failure::Remote(refusals) => {
                let first = refusals.first();
                return Some(json!({
                    "error": {
                        "message": first.map(|refusal| &refusal.message),
                        "help": first.and_then(|refusal| refusal.help.as_ref()),
                        "kind": first.map(|refusal| &refusal.kind),
                    },
                }));
            }
            Failure::Lost(nodes) => (
                format!("not everything was written by: {}", nodes.join(", ")),
                None,
            ),
            Failure::Unreadable { .. } | Failure::Unformatted(_) => (self.to_string(), None),
        };
        Some(json!({ "error": { "message": message, "help": help } }))
    }
}

/// An error with the kind of thing that went wrong, for programs that act upon it.
fn of_kind(message: &impl Display, help: Option<&str>, kind: &str) -> Value {
    json!({ "error": { "message": message.to_string(), "help": help, "kind": kind } })
}

/// The word for a kind of error.
fn kind(kind: NodeErrorKind) -> &'static str {
    match kind {
        NodeErrorKind::Input => "input",
        NodeErrorKind::Output => "output",
        NodeErrorKind::Model => "model",
        NodeErrorKind::Missing => "missing",
        NodeErrorKind::Device => "device",
        NodeErrorKind::Stopped => "stopped",
        _ => "internal",
    }
}

/// The word for what ended a run.
fn kind_of_run(why: &RunError) -> &'static str {
    match why {
        RunError::Node { error, .. } => kind(error.kind()),
        RunError::NotPlaced { failures } => failures.first().map_or("output", kind_of_run),
        RunError::Stopped => "stopped",
        RunError::NotReady { .. } | RunError::TooMuchWaits { .. } | RunError::NeverEnds { .. } => {
            "patch"
        }
        _ => "internal",
    }
}

/// What is said of a batch that is not done, and what to do.
fn films(failed: usize, left: usize, why: Option<&str>) -> (String, String) {
    let count = |count: usize| match count {
        1 => "1 film".to_owned(),
        several => format!("{several} films"),
    };
    let mut said: Vec<String> = why.map(str::to_owned).into_iter().collect();
    if failed > 0 {
        said.push(format!("{} failed", count(failed)));
    }
    if left > 0 {
        let are = if left == 1 { "is" } else { "are" };
        said.push(format!("{} {are} not done yet", count(left)));
    }
    let help = match (left, why) {
        (0, None) => "the report says why; once that is mended, add --retry-failed",
        _ => "the same command goes on where this one ended",
    };
    (said.join("; "), help.to_owned())
}

/// `1 error`, `2 errors`.
fn errors(count: usize) -> String {
    match count {
        1 => "1 error".to_owned(),
        several => format!("{several} errors"),
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        Failure::Node(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Print(error)
    }
}
