//! `score render`

use std::io::Write;
use std::time::Instant;

use score_engine::Settings;

use crate::arguments::Render;
use crate::command::load;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::performance::perform;
use crate::terminal::{out, tell, warn};

pub(crate) fn run(
    arguments: &Render,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let graph = load(&arguments.patch, &arguments.overrides.set, kinds, settings)?;
    if !arguments.quiet {
        warn(graph.warnings());
    }
    let started = Instant::now();
    let report = perform(graph, settings, arguments.quiet)?.report;
    if arguments.json {
        let json = serde_json::to_string_pretty(&report).unwrap_or_default();
        writeln!(out(), "{json}")?;
    } else if !arguments.quiet {
        let seconds = started.elapsed().as_secs_f64();
        tell(format_args!("done in {seconds:.1} s"));
    }
    Ok(())
}
