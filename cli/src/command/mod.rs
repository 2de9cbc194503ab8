//! One module a command.

pub(crate) mod check;
pub(crate) mod devices;
mod drawing;
pub(crate) mod eval;
pub(crate) mod film;
pub(crate) mod fmt;
pub(crate) mod graph;
pub(crate) mod interpolate;
pub(crate) mod models;
pub(crate) mod new;
pub(crate) mod nodes;
pub(crate) mod plugin;
pub(crate) mod plugins;
pub(crate) mod render;
pub(crate) mod run;
pub(crate) mod sample;
pub(crate) mod shell;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use score_engine::{Graph, NodeError, Override, Registry, Settings, Source};
use score_nodes::output::{Claim, Owner, Standing, look};

use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::ownership::confirmed;

/// Reads and checks a patch.
fn load(
    path: &Path,
    overrides: &[Override],
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<Graph, Failure> {
    checked(
        &Source::read(path).map_err(Failure::Patch)?,
        overrides,
        &kinds.of(Some(path)),
        settings,
    )
}

/// The files that a patch is made of, by their absolute paths: its own, and those that it includes.
fn files_of(path: &Path) -> BTreeSet<PathBuf> {
    let mut files = Source::read(path).map_or_else(|_| BTreeSet::new(), |patch| patch.included());
    files.extend(std::path::absolute(path));
    files
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

/// The name `path` for what a command writes that is no patch's; what lies there is replaced if the same command wrote it
/// and nobody has changed it since, or by consent.
fn claim(path: &Path, command: &str, overwrite: bool) -> Result<Claim, Failure> {
    let owner = Owner::program(command);
    let consent = |why: &str| {
        let line = format!("`{}` would be replaced: {why}", path.display());
        confirmed(&[line])
    };
    let overwrite =
        overwrite || matches!(look(path, &owner), Standing::Foreign(why) if consent(&why));
    Ok(Claim::new(path, owner, overwrite)?)
}

/// Refuses a file to write that cannot be, before anything is done for it.
fn require_place(path: &Path) -> Result<(), Failure> {
    let refuse = |why: String, help: &str| {
        let why = format!("`{}` cannot be written: {why}", path.display());
        Err(NodeError::output(why).help(help).into())
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    if path.is_dir() {
        return refuse("it is a folder".to_owned(), "give the file another name");
    }
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    refuse(
        format!("there is no folder `{}`", folder.display()),
        "check that the folder exists, or make it with mkdir",
    )
}
