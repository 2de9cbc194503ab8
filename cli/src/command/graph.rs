//! `score graph`

use std::io::Write;

use score_engine::Settings;

use crate::arguments::{Graph, Notation};
use crate::command::load;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::terminal::out;

pub(crate) fn run(
    arguments: &Graph,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let graph = load(&arguments.patch, &arguments.overrides.set, kinds, settings)?;
    let drawing = match arguments.format {
        Notation::Mermaid => graph.mermaid(),
        Notation::Dot => graph.dot(),
        Notation::Json => format!("{:#}\n", graph.json()),
    };
    out().write_all(drawing.as_bytes())?;
    Ok(())
}
