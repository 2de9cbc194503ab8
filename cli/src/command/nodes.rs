//! `score nodes`

use std::io::Write;

use score_engine::{Descriptor, NodeError, reference, snippets};
use serde_json::json;

use crate::arguments::Nodes;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::terminal::out;

pub(crate) fn run(arguments: &Nodes, kinds: &Kinds<'_>) -> Result<(), Failure> {
    let wanted: Vec<String> = arguments.kind.iter().cloned().collect();
    // The page is the program's own, whatever lies about.
    let registry = match arguments.markdown {
        true => kinds.built_in().clone(),
        false => kinds.with(None, &wanted),
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
        let all = registry.kinds().map(|kind| kind.descriptor());
        if arguments.json {
            let all: Vec<&Descriptor> = all.collect();
            writeln!(out, "{:#}", json!({ "kinds": all }))?;
            return Ok(());
        }
        for descriptor in all {
            writeln!(
                out,
                "{:<18}  {:<7}  {}",
                descriptor.kind, descriptor.family, descriptor.summary
            )?;
        }
        return Ok(());
    };
    let kind = registry.kind(name).ok_or_else(|| {
        let help = registry.advice(name).unwrap_or("`score nodes` lists all");
        NodeError::input(format!("there is no node kind `{name}`")).help(help)
    })?;
    if arguments.json {
        writeln!(out, "{:#}", json!(kind.descriptor()))?;
        return Ok(());
    }
    out.write_all(reference::markdown_of(kind.descriptor()).as_bytes())?;
    Ok(())
}
