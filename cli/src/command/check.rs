//! `score check`

use std::io::Write;
use std::path::{Path, PathBuf};

use score_engine::{Diagnostic, NodeError, Settings, Watch};
use score_nodes::output::missing_folders;
use serde_json::json;

use crate::arguments::Check;
use crate::command::{files_of, load, looked_at};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::ownership::shown;
use crate::terminal::{colourful, out, tell, tell_styled, warn};

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
    let watch = Watch::new(check.poll).map_err(|error| unseen(error.to_string()))?;
    loop {
        let files = check.patches.iter().flat_map(|patch| files_of(patch));
        for unwatched in watch.set(files.collect()) {
            tell(looked_at(&unwatched));
        }
        look(check, kinds, settings)?;
        if watch.saved().recv().is_err() {
            return Ok(());
        }
    }
}

/// Prints what is wrong with the patches; gives how many are wrong.
fn look(check: &Check, kinds: &Kinds<'_>, settings: &Settings) -> Result<usize, Failure> {
    let mut out = out();
    let mut wrong = 0;
    let (mut found, mut warned, mut live_only) = (Vec::new(), Vec::new(), Vec::new());
    let mut untold = 0;
    for patch in &check.patches {
        match load(patch, &check.overrides.set, kinds, settings) {
            Ok(graph) => {
                let mut warnings = graph.warnings().clone();
                let missing = missing_folders(&graph).into_iter();
                (warnings.mistakes).extend(missing.map(|missing| folder_missing(patch, &missing)));
                let endless = graph.require_end().err().map(|error| error.to_string());
                if check.json {
                    warned.extend(warnings.mistakes);
                    let patch = patch.to_string_lossy();
                    live_only.extend(endless.map(|why| json!({ "patch": patch, "why": why })));
                    continue;
                }
                warn(&warnings);
                let (patch, nodes) = (patch.display(), graph.node_ids().count());
                write!(out, "{patch}: fine, {nodes} nodes")?;
                match endless {
                    Some(why) => writeln!(out, "; only for live play: {why}")?,
                    None => writeln!(out)?,
                }
            }
            Err(Failure::Patch(diagnostics)) => {
                wrong += 1;
                if check.json {
                    untold += diagnostics.untold;
                    found.extend(diagnostics.mistakes);
                } else {
                    tell_styled(format_args!("{}\n", colourful(&diagnostics)));
                }
            }
            Err(other) => return Err(other),
        }
    }
    if check.json {
        writeln!(
            out,
            "{:#}",
            json!({
                "diagnostics": found, "untold": untold, "warnings": warned, "live_only": live_only,
            })
        )?;
    }
    out.flush()?;
    Ok(wrong)
}

/// The warning about a missing folder that a node writes to.
pub(crate) fn folder_missing(patch: &Path, (node, folder): &(String, PathBuf)) -> Diagnostic {
    let (patch, folder) = (patch.display(), shown(folder));
    let folder = folder.display();
    Diagnostic {
        message: format!("{patch}: `{node}` writes into `{folder}`, which is not there"),
        help: Some("make the folder with mkdir".to_owned()),
        place: None,
    }
}
