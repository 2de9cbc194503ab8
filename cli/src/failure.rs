//! Why a command did not do what was asked, in words for the terminal.

use std::fmt::{self, Display};
use std::process::ExitCode;

use score_engine::{Diagnostics, NodeError, RunError};

use crate::terminal::{colourful, error};

/// Why a command did not do what was asked. Prints itself in colours, which [`crate::terminal::tell`] takes away
/// where they are not wanted.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A patch is wrong.
    Patch(Diagnostics),
    /// Patches were checked and some are wrong; each was told already.
    Checked {
        /// How many are wrong.
        wrong: usize,
        /// How many were checked.
        checked: usize,
    },
    /// Patches could not be set because they cannot be read; each was told already.
    Unreadable {
        /// How many.
        wrong: usize,
        /// How many there were.
        checked: usize,
    },
    /// So many patches are in another layout than theirs; each was named already.
    Unset(usize),
    /// Models were verified and some are wrong; each was told already.
    Verified {
        /// How many are wrong.
        wrong: usize,
        /// How many were verified.
        verified: usize,
    },
    /// A model or a file does not do.
    Node(NodeError),
    /// The run did not end well.
    Run(RunError),
    /// The run has ended, and these nodes could not keep all of what they were given.
    Lost(Vec<String>),
    /// There is no such thing as was asked for.
    Unknown(String),
    /// The terminal or the pipe is gone.
    Print(std::io::Error),
}

/// What a program ends with that has lost something which was to be kept.
const LOST: u8 = 3;

impl Failure {
    /// What the program ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Lost(_) => ExitCode::from(LOST),
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
                let count = match diagnostics.count() {
                    1 => "1 mistake".to_owned(),
                    several => format!("{several} mistakes"),
                };
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
            Failure::Unset(1) => write!(f, "1 patch is not set; `score fmt` sets it"),
            Failure::Unset(count) => {
                write!(f, "{count} patches are not set; `score fmt` sets them")
            }
            Failure::Verified { wrong, verified } => {
                write!(f, "{wrong} of {verified} models must not be used")
            }
            Failure::Node(why) => error(why, why.advice()).fmt(f),
            Failure::Run(why) => error(why, why.advice()).fmt(f),
            Failure::Lost(nodes) => error(
                format_args!("not everything was kept by: {}", nodes.join(", ")),
                Some("what was kept stands under its name; the log says what is missing and why"),
            )
            .fmt(f),
            Failure::Unknown(what) => error(what, None).fmt(f),
            Failure::Print(why) => {
                error(format_args!("nothing can be printed: {why}"), None).fmt(f)
            }
        }
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
