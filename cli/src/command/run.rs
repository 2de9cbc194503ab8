//! `score run`

use score_engine::{Registry, Run, Settings};

use crate::arguments::Live;
use crate::command::load;
use crate::failure::Failure;

pub(crate) fn run(
    arguments: &Live,
    registry: &Registry,
    settings: &Settings,
) -> Result<(), Failure> {
    let graph = load(
        &arguments.patch,
        &arguments.overrides.set,
        registry,
        settings,
    )?;
    let run = Run::start_live(graph, settings).map_err(Failure::Run)?;
    let stopper = run.stopper();
    // Where no handler can be set, a signal ends the program at once.
    let _ = ctrlc::set_handler(move || stopper.drain());
    run.wait().map_err(Failure::Run)?;
    Ok(())
}
