//! `score fmt`

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use score_engine::{NodeError, Source};

use crate::arguments::Fmt;
use crate::failure::Failure;
use crate::terminal::{colourful, tell};

pub(crate) fn run(fmt: &Fmt) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let (mut wrong, mut other) = (0, 0);
    for path in &fmt.patches {
        let is_pipe = path == Path::new("-");
        let read = if is_pipe {
            piped()
        } else {
            Source::read(path).map_err(Failure::Patch)
        };
        let set = read.and_then(|source| {
            let set = source.formatted().map_err(Failure::Patch)?;
            Ok((source.text, set))
        });
        match set {
            Err(Failure::Patch(diagnostics)) => {
                wrong += 1;
                tell(format_args!("{}\n", colourful(&diagnostics)));
            }
            Err(failure) => return Err(failure),
            Ok((_, set)) if is_pipe && !fmt.check => out.write_all(set.as_bytes())?,
            Ok((text, set)) if text == set => {}
            Ok((_, set)) => {
                other += 1;
                if !fmt.check {
                    write(path, &set)?;
                }
                writeln!(out, "{}", path.display())?;
            }
        }
    }
    out.flush()?;
    if wrong > 0 {
        let checked = fmt.patches.len();
        return Err(Failure::Unreadable { wrong, checked });
    }
    if fmt.check && other > 0 {
        return Err(Failure::Unset(other));
    }
    Ok(())
}

/// What comes along standard input.
fn piped() -> Result<Source, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| {
            let why = format!("standard input cannot be read: {error}");
            NodeError::input(why).help("save the patch as UTF-8")
        })?;
    Ok(Source::text("standard input", &text, PathBuf::new()))
}

/// Puts `text` in the place of what stands in a file, whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let refuse = |error: std::io::Error| {
        let why = format!("`{}` cannot be written: {error}", path.display());
        Failure::from(NodeError::output(why).help("check that it is yours to write"))
    };
    // A link stays one: what it leads to is written.
    let path = path.canonicalize().map_err(refuse)?;
    let mut beside = path.clone().into_os_string();
    beside.push(".partial");
    let beside = PathBuf::from(beside);
    let written = std::fs::write(&beside, text)
        .and_then(|()| path.metadata())
        .and_then(|old| std::fs::set_permissions(&beside, old.permissions()))
        .and_then(|()| std::fs::rename(&beside, &path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        refuse(error)
    })
}
