//! `score fmt`

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use score_engine::limits::MAX_FILE;
use score_engine::{NodeError, Source, patch_hash, replace_patch};

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
            Ok((text, set)) => {
                other += 1;
                if !fmt.check {
                    let replaced = replace_patch(path, &patch_hash(&text), &set);
                    replaced.map_err(|why| Failure::Patch(why.into()))?;
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
        return Err(Failure::Unformatted(other));
    }
    Ok(())
}

/// The patch from standard input.
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
