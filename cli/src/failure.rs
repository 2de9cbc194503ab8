//! Why a command did not do what was asked, in words for the terminal.

use std::fmt::{self, Display};

use score_engine::{Diagnostics, RunError};

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
    /// The run did not end well.
    Run(RunError),
    /// There is no such thing as was asked for.
    Unknown(String),
    /// The terminal or the pipe is gone.
    Print(std::io::Error),
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Patch(diagnostics) => {
                let count = match diagnostics.0.len() {
                    1 => "1 mistake".to_owned(),
                    several => format!("{several} mistakes"),
                };
                let diagnostics = colourful(diagnostics);
                write!(f, "{diagnostics}\n\n{count} in the patch; nothing was run")
            }
            Failure::Checked { wrong, checked } => {
                write!(f, "{wrong} of {checked} patches cannot run")
            }
            Failure::Run(why) => error(why, why.advice()).fmt(f),
            Failure::Unknown(what) => error(what, None).fmt(f),
            Failure::Print(why) => {
                error(format_args!("nothing can be printed: {why}"), None).fmt(f)
            }
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Print(error)
    }
}
