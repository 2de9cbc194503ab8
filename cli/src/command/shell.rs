//! `score completions` and `score man`

use clap::CommandFactory;

use crate::arguments::Arguments;
use crate::failure::Failure;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    clap_complete::generate(
        shell,
        &mut Arguments::command(),
        "score",
        &mut std::io::stdout().lock(),
    );
    Ok(())
}

pub(crate) fn man() -> Result<(), Failure> {
    clap_mangen::Man::new(Arguments::command()).render(&mut std::io::stdout().lock())?;
    Ok(())
}
