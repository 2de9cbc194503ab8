//! `score preset`: recalls a preset of a running patch, or lists its presets.

use std::io::Write;

use score_engine::Preset as Listed;
use serde_json::json;

use super::steer::{read, refused};
use crate::arguments::Preset;
use crate::failure::Failure;
use crate::remote::connect;
use crate::remote::protocol::Request;
use crate::terminal::out;

pub(crate) fn run(arguments: &Preset) -> Result<(), Failure> {
    let connection = connect(arguments.run.as_deref()).map_err(refused)?;
    if let Some(name) = &arguments.name {
        let recall = Request::Recall {
            preset: name.clone(),
            glide: arguments.glide,
        };
        connection.ask(&recall).map_err(Failure::Remote)?;
        return Ok(());
    }
    let answer = connection.ask(&Request::Presets);
    let presets: Vec<Listed> = read(answer.map_err(Failure::Remote)?)?;
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
