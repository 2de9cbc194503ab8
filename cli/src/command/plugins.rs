//! `score plugins`

use std::io::Write;
use std::path::Path;

use score_engine::NodeError;
use score_plugin::host::{Consents, FoundLibrary, Trust, look_at, to_type};
use serde_json::json;

use crate::arguments::{Plugins, PluginsAction};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::terminal::{out, tell};

/// Digits of a sha256 that are enough to name one.
const FEWEST_DIGITS: usize = 8;

pub(crate) fn run(arguments: &Plugins, kinds: &Kinds<'_>) -> Result<(), Failure> {
    match &arguments.action {
        None => list(arguments, kinds),
        Some(PluginsAction::Allow { file }) => allow(file),
        Some(PluginsAction::Revoke { what }) => revoke(what),
        Some(PluginsAction::Allowed { json }) => allowed(*json),
    }
}

fn list(arguments: &Plugins, kinds: &Kinds<'_>) -> Result<(), Failure> {
    let patch = arguments.patch.as_deref();
    let entries = kinds.list(patch);
    let folders = kinds.folders(patch);
    let mut out = out();
    if arguments.json {
        let plugins = entries.iter().map(|entry| {
            json!({
                "path": entry.path.to_string_lossy(), "name": entry.name, "version": entry.version,
                "kinds": entry.kinds, "kinds_known": entry.kinds_known, "replaces": entry.replaces,
                "refused": entry.refused, "sha256": entry.sha256,
                "trust": match entry.trust {
                    Trust::Folder => "folder",
                    Trust::Allowed => "allowed",
                    Trust::Missing => "missing",
                },
            })
        });
        let plugins: Vec<_> = plugins.collect();
        let folders: Vec<_> = folders.iter().map(|one| one.to_string_lossy()).collect();
        writeln!(
            out,
            "{:#}",
            json!({ "folders": folders, "plugins": plugins })
        )?;
        return Ok(());
    }
    for entry in &entries {
        writeln!(out, "{}", line(entry))?;
    }
    if entries.is_empty() {
        tell("there are no plugins; these folders are searched:");
        for folder in folders {
            tell(format_args!("  {}", folder.display()));
        }
    }
    Ok(())
}

/// What is known of a plugin, in one line.
fn line(entry: &FoundLibrary) -> String {
    let path = entry.path.display();
    if let Some(why) = &entry.refused {
        return format!("refused  {path}: {why}");
    }
    let unknown = || "without a name".to_owned();
    let name = entry.name.clone().unwrap_or_else(unknown);
    let version = entry.version.as_deref().unwrap_or_default();
    let kinds = match entry.kinds_known {
        true => entry.kinds.join(", "),
        false => "kinds unknown until it is loaded: built with an older score-plugin".to_owned(),
    };
    let trust = match entry.trust {
        Trust::Folder => String::new(),
        Trust::Allowed => "  (allowed)".to_owned(),
        Trust::Missing => {
            let path = to_type(&entry.path);
            format!("  (not allowed; if you trust it: score plugins allow {path})")
        }
    };
    let namesakes = match entry.replaces.as_slice() {
        [] => String::new(),
        replaces => format!("  (in place of the built-in {})", replaces.join(", ")),
    };
    format!("{name} {version}  {kinds}  {path}{namesakes}{trust}")
}

fn allow(file: &Path) -> Result<(), Failure> {
    let candidate = look_at(file).map_err(|why| {
        NodeError::input(format!("`{}` cannot be allowed: {why}", file.display()))
            .help("name a plugin's library, such as plugins/libecho.so; `score plugins` lists those beside a patch")
    })?;
    let path = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
    let mut consents = Consents::of_user();
    consents
        .add(&candidate.sha256, &path)
        .map_err(|error| unwritable(&consents, &error))?;
    let mut out = out();
    let name = candidate.name.unwrap_or_else(|| "a plugin".to_owned());
    let version = candidate.version.unwrap_or_default();
    let kinds = match candidate.kinds {
        Some(kinds) => kinds.join(", "),
        None => "kinds unknown until it is loaded".to_owned(),
    };
    writeln!(
        out,
        "allowed: {name} {version}  {kinds}  {}",
        path.display()
    )?;
    writeln!(out, "sha256 {}", candidate.sha256)?;
    writeln!(
        out,
        "A patch that uses it loads it from now on; another build has to be allowed again. To take it back: score plugins \
         revoke {}",
        to_type(&path)
    )?;
    Ok(())
}

fn revoke(what: &Path) -> Result<(), Failure> {
    let path = std::path::absolute(what).unwrap_or_else(|_| what.to_path_buf());
    let of_file = look_at(what).ok().map(|candidate| candidate.sha256);
    let digits = what.to_str().filter(|text| {
        text.len() >= FEWEST_DIGITS && text.chars().all(|letter| letter.is_ascii_hexdigit())
    });
    let is_meant = |hash: &str, at: &Path| {
        at == path
            || of_file.as_deref() == Some(hash)
            || digits.is_some_and(|digits| hash.starts_with(digits))
    };
    let mut consents = Consents::of_user();
    let gone = consents.remove(is_meant);
    let gone = gone.map_err(|error| unwritable(&consents, &error))?;
    if gone.is_empty() {
        let why = format!("`{}` was not allowed", what.display());
        return Err(NodeError::input(why)
            .help("`score plugins allowed` lists what is")
            .into());
    }
    let mut out = out();
    for (hash, path) in gone {
        writeln!(out, "no longer allowed: {hash}  {}", path.display())?;
    }
    Ok(())
}

fn allowed(json: bool) -> Result<(), Failure> {
    let consents = Consents::of_user();
    let mut out = out();
    if json {
        let all = consents.iter();
        let all =
            all.map(|(sha256, path)| json!({ "sha256": sha256, "path": path.to_string_lossy() }));
        let all: Vec<_> = all.collect();
        let file = consents.file().map(Path::to_string_lossy);
        writeln!(out, "{:#}", json!({ "file": file, "allowed": all }))?;
        return Ok(());
    }
    for (hash, path) in consents.iter() {
        writeln!(out, "{hash}  {}", path.display())?;
    }
    Ok(())
}

fn unwritable(consents: &Consents, error: &std::io::Error) -> NodeError {
    match consents.file() {
        Some(file) => NodeError::output(format!("`{}` cannot be written: {error}", file.display()))
            .help("check that the folder is yours to write in"),
        None => NodeError::output(format!("what is allowed cannot be remembered: {error}")).help(
            "set one of the two; or name the folder of the plugins with --plugins or SCORE_PLUGINS",
        ),
    }
}
