//! One module a command.

pub(crate) mod check;
pub(crate) mod film;
pub(crate) mod graph;
pub(crate) mod models;
pub(crate) mod nodes;
pub(crate) mod render;
pub(crate) mod shell;

use std::path::Path;

use score_engine::{Graph, Override, Registry, Settings, Source};

use crate::failure::Failure;

/// Reads and checks a patch.
fn load(
    path: &Path,
    overrides: &[Override],
    registry: &Registry,
    settings: &Settings,
) -> Result<Graph, Failure> {
    checked(
        &Source::read(path).map_err(Failure::Patch)?,
        overrides,
        registry,
        settings,
    )
}

/// Checks a patch that was read.
fn checked(
    source: &Source,
    overrides: &[Override],
    registry: &Registry,
    settings: &Settings,
) -> Result<Graph, Failure> {
    score_engine::check(source, overrides, registry, settings).map_err(Failure::Patch)
}
