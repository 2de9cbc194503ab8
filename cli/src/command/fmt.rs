//! `score fmt`

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use score_engine::limits::MAX_FILE;
use score_engine::{NodeError, Source};

use crate::arguments::Fmt;
use crate::failure::Failure;
use crate::terminal::{colourful, out, tell_styled};

pub(crate) fn run(fmt: &Fmt) -> Result<(), Failure> {
    let mut out = out();
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
                tell_styled(format_args!("{}\n", colourful(&diagnostics)));
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
        .take(MAX_FILE + 1)
        .read_to_string(&mut text)
        .map_err(|error| {
            let why = format!("standard input cannot be read: {error}");
            NodeError::input(why).help("save the patch as UTF-8")
        })?;
    if text.len() as u64 > MAX_FILE {
        let why = format!("standard input is longer than {} MB", MAX_FILE >> 20);
        return Err(NodeError::input(why).into());
    }
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
    let folder = path.parent().unwrap_or(Path::new("."));
    // A name that nobody can guess, taken by making it: another's link is never written through.
    let replaced = tempfile::Builder::new()
        .prefix(".score-")
        .suffix(".partial")
        .tempfile_in(folder)
        .and_then(|mut beside| {
            beside.write_all(text.as_bytes())?;
            beside
                .as_file()
                .set_permissions(path.metadata()?.permissions())?;
            beside.persist(&path).map_err(|error| error.error)?;
            Ok(())
        });
    replaced.map_err(refuse)
}
