//! `score plugins`

use std::io::Write;

use serde_json::json;

use crate::arguments::Plugins;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::terminal::{out, tell};

pub(crate) fn run(arguments: &Plugins, kinds: &Kinds<'_>) -> Result<(), Failure> {
    let patch = arguments.patch.as_deref();
    let (_, entries) = kinds.look(patch);
    let folders = kinds.folders(patch);
    let mut out = out();
    if arguments.json {
        let plugins = entries.iter().map(|entry| {
            json!({
                "path": entry.path, "name": entry.name, "version": entry.version, "kinds": entry.kinds,
                "refused": entry.refused,
            })
        });
        let plugins: Vec<_> = plugins.collect();
        writeln!(
            out,
            "{:#}",
            json!({ "folders": folders, "plugins": plugins })
        )?;
        return Ok(());
    }
    for entry in &entries {
        let path = entry.path.display();
        match (&entry.name, &entry.version, &entry.refused) {
            (Some(name), Some(version), None) => {
                writeln!(out, "{name} {version}  {}  {path}", entry.kinds.join(", "))?;
            }
            (_, _, Some(why)) => writeln!(out, "refused  {path}: {why}")?,
            _ => {}
        }
    }
    if entries.is_empty() {
        tell("there are no plugins; these folders are searched:");
        for folder in folders {
            tell(format_args!("  {}", folder.display()));
        }
    }
    Ok(())
}
