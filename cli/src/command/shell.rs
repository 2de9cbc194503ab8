//! `score completions` and `score man`

use std::io::Write;

use clap::CommandFactory;

use crate::arguments::Arguments;
use crate::failure::Failure;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    // Into memory first: clap panics where nobody reads any more.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "score", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(())
}

pub(crate) fn man() -> Result<(), Failure> {
    clap_mangen::Man::new(Arguments::command()).render(&mut std::io::stdout().lock())?;
    Ok(())
}
