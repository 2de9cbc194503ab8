//! `score preset`: recalls a preset of a running patch, or lists its presets.

use std::io::Write;

use score_engine::Preset as Listed;
use serde_json::json;

use super::steer::{named, read, refusals, refused};
use crate::arguments::Preset;
use crate::failure::Failure;
use crate::remote::protocol::Request;
use crate::remote::{Connection, connect};
use crate::terminal::out;

pub(crate) fn run(arguments: &Preset) -> Result<(), Failure> {
    let connection = connect(arguments.run.as_deref()).map_err(refused)?;
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
        let count = preset.values.len();
        let values = if count == 1 { "value" } else { "values" };
        format!("{:widest$}  {count} {values}\n", preset.name)
    });
    rows.collect()
}
