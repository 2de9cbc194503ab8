//! One module per command.

pub(crate) mod batch;
pub(crate) mod check;
pub(crate) mod cue;
pub(crate) mod devices;
pub(crate) mod doctor;
pub(crate) mod draw;
mod drawing;
pub(crate) mod eval;
pub(crate) mod film;
pub(crate) mod fmt;
pub(crate) mod graph;
pub(crate) mod index;
pub(crate) mod interpolate;
pub(crate) mod learn;
pub(crate) mod models;
pub(crate) mod new;
pub(crate) mod nodes;
#[cfg(feature = "page")]
pub(crate) mod page;
pub(crate) mod plugin;
pub(crate) mod plugins;
pub(crate) mod preset;
pub(crate) mod render;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod sample;
pub(crate) mod service;
pub(crate) mod shell;
pub(crate) mod steer;
pub(crate) mod styles;
pub(crate) mod tag;
pub(crate) mod tap;
pub(crate) mod write_back;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use score_engine::{Graph, NodeError, Override, Registry, Settings, Source, Unwatched};
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
    let source = Source::read(path).map_err(Failure::Patch)?;
    let registry = kinds.of(Some(path), &source);
    checked(&source, overrides, &registry, settings)
}

/// Reads and checks a patch.
fn load_with(
    path: &Path,
    overrides: &[Override],
    registry: &Registry,
    settings: &Settings,
) -> Result<Graph, Failure> {
    let source = Source::read(path).map_err(Failure::Patch)?;
    checked(&source, overrides, registry, settings)
}

/// The files that a patch is made of, by their absolute paths: its own, and those that it includes.
fn files_of(path: &Path) -> BTreeSet<PathBuf> {
    let mut files = Source::read(path).map_or_else(|_| BTreeSet::new(), |patch| patch.included());
    files.extend(std::path::absolute(path));
    files
}

/// Reads and checks a patch that was edited while it plays.
fn load_edit(
    path: &Path,
    overrides: &[Override],
    registry: &Registry,
    settings: &Settings,
) -> Result<Graph, Failure> {
    let source = Source::read(path).map_err(Failure::Patch)?;
    score_engine::check_edit(&source, overrides, registry, settings).map_err(Failure::Patch)
}

/// The message for a folder without notifications.
fn looked_at(unwatched: &Unwatched) -> String {
    let Unwatched { folder, why } = unwatched;
    let folder = folder.display();
    format!("`{folder}` cannot be watched; its files are looked at once a second ({why})")
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

/// Claims `path` for a file of a command that runs no patch. A file that is there is replaced if
/// the same command wrote it and nobody has changed it since, or by consent.
fn claim(path: &Path, command: &str, overwrite: bool) -> Result<Claim, Failure> {
    let owner = Owner::program(command);
    let mut overwrite = overwrite;
    if let Standing::Foreign(why) = look(path, &owner)
        && !overwrite
        && let Some(answer) = confirmed(&[format!("`{}` would be replaced: {why}", path.display())])
    {
        if !answer {
            return Err(Failure::Message("nothing was written".to_owned()));
        }
        overwrite = true;
    }
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
