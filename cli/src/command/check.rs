//! `score check`

use std::io::Write;

use score_engine::{Registry, Settings};
use serde_json::json;

use crate::arguments::Check;
use crate::command::load;
use crate::failure::Failure;
use crate::terminal::{colourful, tell};

pub(crate) fn run(check: &Check, registry: &Registry, settings: &Settings) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let mut wrong = 0;
    let mut found = Vec::new();
    for patch in &check.patches {
        match load(patch, &check.overrides.set, registry, settings) {
            Ok(_) if check.json => {}
            Ok(graph) => writeln!(
                out,
                "{}: fine, {} nodes",
                patch.display(),
                graph.node_ids().count()
            )?,
            Err(Failure::Patch(diagnostics)) => {
                wrong += 1;
                if check.json {
                    found.extend(diagnostics.0);
                } else {
                    tell(format_args!("{}\n", colourful(&diagnostics)));
                }
            }
            Err(other) => return Err(other),
        }
    }
    if check.json {
        writeln!(out, "{:#}", json!({ "diagnostics": found }))?;
    }
    if wrong == 0 {
        Ok(())
    } else {
        Err(Failure::Checked {
            wrong,
            checked: check.patches.len(),
        })
    }
}
