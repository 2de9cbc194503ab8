//! `score index`

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};

use score_engine::Settings;
use score_nodes::output::{Claim, Owner};
use score_nodes::stills::{self, ENDING, Indexed, StillIndex, Told, Wanted};
use serde_json::{Value, json};

use crate::arguments::Index;
use crate::command::batch::collection::Collection;
use crate::command::{claim, require_place};
use crate::failure::Failure;
use crate::terminal::{out, tell};

/// The owner of what is written.
const COMMAND: &str = "score index";

pub(crate) fn run(arguments: &Index, settings: &Settings) -> Result<(), Failure> {
    let path = match &arguments.out {
        Some(out) => out.clone(),
        None => named_after(&arguments.folder),
    };
    require_place(&path)?;
    // The index is no film, so nothing lies in the way of the search.
    let films = Collection::of(&arguments.folder, Path::new(""))?.films;
    let films: Vec<PathBuf> = films.into_iter().map(|film| film.path).collect();
    let before = StillIndex::open(&path).ok();
    // One of the same films is what this one is to replace.
    let before = before.filter(|before| before.is_of(&films));
    let claim = match &before {
        Some(_) => Claim::new(&path, Owner::program(COMMAND), true)?,
        None => claim(&path, COMMAND, arguments.overwrite)?,
    };
    let wanted = Wanted {
        model: arguments.model.clone(),
        every: arguments.every,
        width: arguments.width,
    };
    let mut done = Vec::new();
    let told = |one: &Told<'_>| {
        if !arguments.quiet && !arguments.json {
            tell(line(one));
        } else if let Err(error) = one.done {
            tell(format_args!("warning: {error}"));
        }
        done.push(entry(one));
    };
    let stills = stills::index(settings, claim, &films, (&wanted, before), told)?;
    let mut out = out();
    if arguments.json {
        let written = [path.to_string_lossy()];
        let report = json!({ "written": written, "stills": stills, "films": done });
        writeln!(out, "{report:#}")?;
    } else if !arguments.quiet {
        writeln!(out, "{}", path.display())?;
    }
    Ok(())
}

/// The index of a folder, or of a film or list, where no other is named.
fn named_after(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = match absolute.is_dir() {
        true => absolute.file_name(),
        false => absolute.file_stem(),
    };
    let mut name = name.unwrap_or(OsStr::new("films")).to_owned();
    name.push(".");
    name.push(ENDING);
    PathBuf::from(name)
}

/// What became of a film, in a line.
fn line(one: &Told<'_>) -> String {
    let film = one.film.display();
    match one.done {
        Ok((how, stills)) => {
            let plural = if *stills == 1 { "still" } else { "stills" };
            let known = if *how == Indexed::Known {
                ", as before"
            } else {
                ""
            };
            format!("`{film}`: {stills} {plural}{known}")
        }
        Err(error) => format!("warning: {error}; it is left out"),
    }
}

/// What became of a film, for programs.
fn entry(one: &Told<'_>) -> Value {
    let film = one.film.to_string_lossy();
    match one.done {
        Ok((how, stills)) => {
            json!({ "film": film, "stills": stills, "known": *how == Indexed::Known })
        }
        Err(error) => json!({ "film": film, "error": error.to_string() }),
    }
}
