//! `score nodes`

use std::io::Write;

use score_engine::{reference, snippets};

use crate::arguments::Nodes;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::terminal::out;

pub(crate) fn run(arguments: &Nodes, kinds: &Kinds<'_>) -> Result<(), Failure> {
    // The page is the program's own, whatever lies about.
    let registry = match arguments.markdown {
        true => kinds.built_in().clone(),
        false => kinds.of(None),
    };
    let mut out = out();
    if arguments.markdown {
        out.write_all(reference::markdown(&registry).as_bytes())?;
        return Ok(());
    }
    if arguments.snippets {
        writeln!(out, "{:#}", snippets::snippets(&registry))?;
        return Ok(());
    }
    let Some(name) = &arguments.kind else {
        for kind in registry.kinds() {
            let descriptor = kind.descriptor();
            writeln!(
                out,
                "{:<18}  {:<7}  {}",
                descriptor.kind, descriptor.family, descriptor.summary
            )?;
        }
        return Ok(());
    };
    let kind = registry.kind(name).ok_or_else(|| {
        Failure::Unknown(format!(
            "there is no node kind `{name}`; `score nodes` lists all"
        ))
    })?;
    out.write_all(reference::markdown_of(kind.descriptor()).as_bytes())?;
    Ok(())
}
