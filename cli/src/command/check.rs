//! `score check`

use std::io::Write;
use std::path::PathBuf;

use score_engine::{Diagnostic, Diagnostics, NodeError, Settings, Watch};
use score_nodes::output::missing_folders;
use serde_json::json;

use crate::arguments::Check;
use crate::command::{files_of, load};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::terminal::{colourful, tell, warn};

pub(crate) fn run(check: &Check, kinds: &Kinds<'_>, settings: &Settings) -> Result<(), Failure> {
    if check.watch {
        return watch(check, kinds, settings);
    }
    match look(check, kinds, settings)? {
        0 => Ok(()),
        wrong => Err(Failure::Checked {
            wrong,
            checked: check.patches.len(),
        }),
    }
}

/// Checks the patches now and whenever one of them is saved, until the program is ended.
fn watch(check: &Check, kinds: &Kinds<'_>, settings: &Settings) -> Result<(), Failure> {
    let unseen = |why: String| {
        let why = format!("what is saved cannot be seen: {why}");
        NodeError::input(why).help("without `--watch` the patches are checked once")
    };
    let mut watch = Watch::new().map_err(|error| unseen(error.to_string()))?;
    loop {
        let files = check.patches.iter().flat_map(|patch| files_of(patch));
        let refused = watch.set(files.collect());
        // The folder of an included patch may not be there yet; those of the patches are.
        let own = |folder: &&PathBuf| folder.is_dir();
        if let Some(folder) = refused.iter().find(own) {
            let why = format!("`{}` cannot be watched", folder.display());
            return Err(unseen(why).into());
        }
        look(check, kinds, settings)?;
        if watch.saved().recv().is_err() {
            return Ok(());
        }
    }
}

/// Says what is wrong with the patches now; how many are wrong.
fn look(check: &Check, kinds: &Kinds<'_>, settings: &Settings) -> Result<usize, Failure> {
    let mut out = std::io::stdout().lock();
    let mut wrong = 0;
    let (mut found, mut warned) = (Vec::new(), Vec::new());
    for patch in &check.patches {
        match load(patch, &check.overrides.set, kinds, settings) {
            Ok(graph) => {
                let mut warnings = graph.warnings().0.clone();
                warnings.extend(missing_folders(&graph).into_iter().map(|(node, folder)| {
                    Diagnostic {
                        message: format!(
                            "{}: `{node}` writes into `{}`, which is not there",
                            patch.display(),
                            folder.display()
                        ),
                        help: Some("make the folder with mkdir".to_owned()),
                        place: None,
                    }
                }));
                if check.json {
                    warned.extend(warnings);
                    continue;
                }
                warn(&Diagnostics(warnings));
                let (patch, nodes) = (patch.display(), graph.node_ids().count());
                writeln!(out, "{patch}: fine, {nodes} nodes")?;
            }
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
        writeln!(
            out,
            "{:#}",
            json!({ "diagnostics": found, "warnings": warned })
        )?;
    }
    out.flush()?;
    Ok(wrong)
}
