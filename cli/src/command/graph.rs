//! `score graph`

use std::io::Write;

use score_engine::{Registry, Settings};

use crate::arguments::{Graph, Notation};
use crate::command::load;
use crate::failure::Failure;

pub(crate) fn run(
    arguments: &Graph,
    registry: &Registry,
    settings: &Settings,
) -> Result<(), Failure> {
    let graph = load(
        &arguments.patch,
        &arguments.overrides.set,
        registry,
        settings,
    )?;
    let drawing = match arguments.format {
        Notation::Mermaid => graph.mermaid(),
        Notation::Dot => graph.dot(),
        Notation::Json => format!("{:#}\n", graph.json()),
    };
    std::io::stdout().lock().write_all(drawing.as_bytes())?;
    Ok(())
}
