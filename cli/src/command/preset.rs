//! `score preset`: recalls a preset of a running patch, lists its presets, or makes one of what is
//! set by hand.

use std::io::Write;
use std::path::Path;

use score_engine::{
    Preset as Listed, PresetValue, Registry, Settings, keep_preset_file, patch_hash,
};
use serde_json::json;

use super::steer::{named, read, refusals, refused};
use super::write_back::{Ask, is_loaded, unwritten};
use crate::arguments::Preset;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::remote::protocol::{Held, Refusal, Request};
use crate::remote::{Connection, connect};
use crate::terminal::{out, tell};

pub(crate) fn run(
    arguments: &Preset,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let connection = connect(arguments.run.as_deref()).map_err(refused)?;
    if let Some(name) = &arguments.save {
        return save(&connection, (name, arguments.replace), kinds, settings);
    }
    if let Some(name) = &arguments.name {
        let recall = Request::Recall {
            preset: name.clone(),
            glide: arguments.glide,
        };
        connection.ask(&recall).map_err(Failure::Remote)?;
        return match arguments.glide.is_zero() {
            true => require_taken(&connection, name),
            // On its way a value may be refused later: the log says so then.
            false => Ok(()),
        };
    }
    let presets = presets(&connection)?;
    let mut out = out();
    if arguments.json {
        let about = &connection.about;
        let json = json!({ "pid": about.pid, "patch": about.patch, "presets": presets });
        writeln!(out, "{json:#}")?;
    } else if presets.is_empty() {
        writeln!(out, "{} has no presets", connection.about.patch)?;
    } else {
        write!(out, "{}", table(&presets))?;
    }
    Ok(())
}

/// What was kept.
pub(crate) struct Kept {
    /// How many values it has.
    pub(crate) count: usize,
    /// The text of the patch that has it.
    text: String,
}

/// Puts what hands hold in the run that `ask` asks, all of it but orders, into its patch at `path`
/// as the preset `name`; `replaces`: also in the place of one of that name. It stays set.
///
/// # Errors
/// The run refuses, nothing is set, or the patch cannot be written.
pub(crate) fn keep(
    ask: &Ask<'_>,
    path: &Path,
    (name, replaces): (&str, bool),
    kinds: &dyn Fn() -> Registry,
    settings: &Settings,
) -> Result<Kept, Failure> {
    let held: Held = read(ask(&Request::Held).map_err(Failure::Remote)?)?;
    let values = held.values.into_iter().filter(|held| !held.is_order);
    let values = values.map(|held| PresetValue {
        node: held.node,
        param: held.param,
        value: held.value,
    });
    let preset = Listed {
        name: name.to_owned(),
        values: values.collect(),
    };
    if preset.values.is_empty() {
        let none = Refusal::new(
            "param",
            "no value was set, so that there is nothing to keep",
        );
        let help = "set values with `score set`, a controller or on the page, and try again";
        return Err(refused(none.help(help)));
    }
    let seen = &held.patch_hash;
    let text = keep_preset_file(path, seen, (&preset, replaces), &kinds(), settings);
    Ok(Kept {
        count: preset.values.len(),
        text: text.map_err(unwritten)?,
    })
}

/// Keeps what hands hold as a preset, and waits until it can be recalled.
fn save(
    connection: &Connection,
    (name, replaces): (&str, bool),
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let ask = |request: &Request| connection.ask(request);
    let path = Path::new(&connection.about.path);
    let kinds = || kinds.of_file(path);
    let kept = keep(&ask, path, (name, replaces), &kinds, settings)?;
    let patch = &connection.about.patch;
    let values = counted(kept.count);
    writeln!(out(), "{patch}: the preset {name} has {values}")?;
    if !is_loaded(&ask, &patch_hash(&kept.text))? {
        tell("the run has not loaded the new patch, and cannot recall the preset yet");
    }
    Ok(())
}

/// How many values a preset has.
fn counted(count: usize) -> String {
    let values = if count == 1 { "value" } else { "values" };
    format!("{count} {values}")
}

fn presets(connection: &Connection) -> Result<Vec<Listed>, Failure> {
    read((connection.ask(&Request::Presets)).map_err(Failure::Remote)?)
}

/// Says what nodes refuse of a preset that was just recalled.
fn require_taken(connection: &Connection, name: &str) -> Result<(), Failure> {
    let presets = presets(connection)?;
    // An edit may have taken it away meanwhile.
    let Some(preset) = presets.into_iter().find(|preset| preset.name == name) else {
        return Ok(());
    };
    let refusals = refusals(connection, &preset.values)?;
    if refusals.is_empty() {
        return Ok(());
    }
    let targets: Vec<String> = (preset.values.iter())
        .map(|value| format!("{}.{}", value.node, value.param))
        .collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    Err(named(refusals, &targets))
}

/// One row per preset: its name, and how many values it has.
fn table(presets: &[Listed]) -> String {
    let width = |preset: &Listed| preset.name.chars().count();
    let widest = presets.iter().map(width).max().unwrap_or(0);
    let rows = presets.iter().map(|preset| {
        let values = counted(preset.values.len());
        format!("{:widest$}  {values}\n", preset.name)
    });
    rows.collect()
}
