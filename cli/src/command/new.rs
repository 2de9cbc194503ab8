//! `score new`

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use score_engine::{NodeError, Source};

use crate::arguments::New;
use crate::failure::Failure;
use crate::library;
use crate::terminal::out;

/// What is copied where nothing else is said.
const USUAL: &str = "film";

pub(crate) fn run(new: &New) -> Result<(), Failure> {
    let mut out = out();
    let Some(name) = &new.name else {
        for (name, text) in library::PATCHES {
            writeln!(out, "{name:<23}{}", library::summary(text))?;
        }
        return Ok(());
    };
    // Whoever wants a built-in one may well call it so.
    let own = name.file_stem().and_then(|name| name.to_str());
    let own = own.filter(|name| library::patch(name).is_some());
    let from = new.from.as_deref().or(own).unwrap_or(USUAL);
    let built_in = library::patch(from);
    let mut text = text_of(from, built_in)?;
    let mut path = name.clone().into_os_string();
    if name.extension().is_none_or(|end| end != "ron") {
        path.push(".ron");
    }
    let path = PathBuf::from(path);
    if built_in.is_some() {
        // Its head says how to play it, by the place that it had.
        let named = path.display().to_string();
        text = text.replace(&format!("graphs/{from}.ron"), &named);
    }
    write(&path, &text)?;
    let brought = bring_parts(&path, &text)?;
    let path = path.display();
    writeln!(out, "{path}: {}", library::summary(&text))?;
    for part in brought {
        writeln!(out, "{}: included by it", part.display())?;
    }
    writeln!(
        out,
        "Read its first lines, change what you like, then: score check {path}"
    )?;
    Ok(())
}

/// The text of the patch to copy: a built-in one, or a file.
fn text_of(from: &str, built_in: Option<&'static str>) -> Result<String, Failure> {
    if let Some(text) = built_in {
        return Ok(text.to_owned());
    }
    let names: Vec<&str> = library::PATCHES.iter().map(|(name, _)| *name).collect();
    let help = format!("name a .ron file, or one of these: {}", names.join(", "));
    if Path::new(from).extension().is_none_or(|end| end != "ron") {
        let why = format!("there is no built-in patch called `{from}`");
        return Err(NodeError::input(why).help(help).into());
    }
    let source = Source::read(Path::new(from)).map_err(Failure::Patch)?;
    Ok(source.text)
}

/// Copies the built-in parts that the new patch includes beside it, unless they are there.
fn bring_parts(patch: &Path, text: &str) -> Result<Vec<PathBuf>, Failure> {
    let folder = patch.parent().unwrap_or(Path::new(""));
    let mut brought = Vec::new();
    for (name, part) in library::PARTS {
        let path = folder.join(name);
        if !text.contains(&format!("\"{name}\"")) || path.exists() {
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                let why = format!("`{}` cannot be made: {error}", folder.display());
                NodeError::output(why).help("check that the folder is yours to write in")
            })?;
        }
        write(&path, part)?;
        brought.push(path);
    }
    Ok(brought)
}

/// Writes a new file, and never over another.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = File::create_new(path).and_then(|mut file| {
        // Half a patch is removed.
        (file.write_all(text.as_bytes())).inspect_err(|_| drop(std::fs::remove_file(path)))
    });
    written.map_err(|error| {
        let shown = path.display();
        if error.kind() == ErrorKind::AlreadyExists {
            let why = format!("there is a file `{shown}` already");
            return NodeError::output(why)
                .help("give the new patch another name")
                .into();
        }
        let why = format!("`{shown}` cannot be written: {error}");
        NodeError::output(why)
            .help("check that the folder exists and is yours to write in")
            .into()
    })
}
