//! `score completions` and `score man`

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use score_engine::NodeError;

use crate::arguments::Arguments;
use crate::failure::Failure;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    // Into memory first: clap panics where nobody reads any more.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "score", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(())
}

/// Prints the page of the whole, or writes the pages of all commands into `folder`.
pub(crate) fn man(folder: Option<&Path>) -> Result<(), Failure> {
    let command = Arguments::command();
    let Some(folder) = folder else {
        clap_mangen::Man::new(command).render(&mut std::io::stdout().lock())?;
        return Ok(());
    };
    clap_mangen::generate_to(command, folder).map_err(|error| {
        let why = format!(
            "the pages cannot be written into `{}`: {error}",
            folder.display()
        );
        NodeError::output(why)
            .help("check that the folder exists and is yours to write in")
            .into()
    })
}
