//! `score render`

use std::io::Write;
use std::time::Instant;

use score_engine::Settings;
use serde_json::json;

use crate::arguments::Render;
use crate::command::load;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::ownership::Ownership;
use crate::rendering::render;
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
    let ownership = Ownership::of_file(&arguments.patch, &arguments.consent);
    ownership.require(&graph)?;
    let started = Instant::now();
    let report = render(graph, &ownership.settings(settings), arguments.quiet)?.report;
    let seconds = started.elapsed().as_secs_f64();
    let written = ownership.written();
    let mut out = out();
    if arguments.json {
        let written: Vec<_> = written.iter().map(|one| one.to_string_lossy()).collect();
        let json = json!({ "nodes": report.nodes, "wires": report.wires, "written": written });
        writeln!(out, "{json:#}")?;
    } else if !arguments.quiet {
        for written in &written {
            writeln!(out, "{}", written.display())?;
        }
        tell(format_args!("done in {seconds:.1} s"));
    }
    Ok(())
}
