//! `score styles`

use std::io::Write;

use crate::failure::Failure;
use crate::library::{STYLES, summary};
use crate::terminal::out;

/// Lists the styles, each with what it is like.
pub(crate) fn run() -> Result<(), Failure> {
    let wide = STYLES.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, text) in STYLES {
        let summary = summary(text);
        let what = summary.split_once(": ").map_or(&*summary, |(_, what)| what);
        writeln!(out(), "{name:<wide$}  {what}")?;
    }
    Ok(())
}
