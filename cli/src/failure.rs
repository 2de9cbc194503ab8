//! Why a command did not do what was asked, in words for the terminal.

use score_engine::{Diagnostics, RunError};

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A patch is wrong.
    #[error("{0}\n\n{count} in the patch; nothing was run", count = count(.0))]
    Patch(Diagnostics),
    /// Patches were checked and some are wrong; each was told already.
    #[error("{wrong} of {checked} patches cannot run")]
    Checked {
        /// How many are wrong.
        wrong: usize,
        /// How many were checked.
        checked: usize,
    },
    /// The run did not end well.
    #[error("error: {0}{help}", help = advice(.0))]
    Run(RunError),
    /// There is no such thing as was asked for.
    #[error("error: {0}")]
    Unknown(String),
    /// The terminal or the pipe is gone.
    #[error("error: nothing can be printed: {0}")]
    Print(#[from] std::io::Error),
}

fn count(diagnostics: &Diagnostics) -> String {
    match diagnostics.0.len() {
        1 => "1 mistake".to_owned(),
        several => format!("{several} mistakes"),
    }
}

fn advice(error: &RunError) -> String {
    error
        .advice()
        .map(|advice| format!("\n  help: {advice}"))
        .unwrap_or_default()
}
