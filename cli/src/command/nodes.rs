//! `score nodes`

use std::io::Write;

use score_engine::{Registry, reference, snippets};

use crate::arguments::Nodes;
use crate::failure::Failure;

pub(crate) fn run(arguments: &Nodes, registry: &Registry) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if arguments.markdown {
        out.write_all(reference::markdown(registry).as_bytes())?;
        return Ok(());
    }
    if arguments.snippets {
        writeln!(out, "{:#}", snippets::snippets(registry))?;
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
