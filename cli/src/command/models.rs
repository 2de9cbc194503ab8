//! `score models`

use std::io::Write;

use score_engine::{NodeErrorKind, Settings};
use score_magenta::Import;
use score_nodes::model::{Manifest, Model, verify};
use serde_json::{Value, json};

use crate::arguments::Models;
use crate::failure::Failure;
use crate::terminal::{error, out, tell, tell_styled};

pub(crate) fn run(arguments: &Models, settings: &Settings) -> Result<(), Failure> {
    match arguments {
        Models::List { json } => list(&Manifest::of(settings)?, *json),
        Models::Info { name, json } => info(&Manifest::of(settings)?, name, *json),
        Models::Verify { names, json } => verify_all(&Manifest::of(settings)?, names, *json),
        Models::Import {
            checkpoint,
            name,
            to,
            licence,
            json,
        } => {
            let to = match to {
                Some(to) => to.clone(),
                None => Manifest::of(settings)?.folder().to_owned(),
            };
            let import = Import {
                checkpoint,
                name,
                to: &to,
                licence: licence.as_deref(),
            };
            import_one(import, *json)
        }
    }
}

fn import_one(import: Import<'_>, json: bool) -> Result<(), Failure> {
    let (folder, name) = (import.to, import.name);
    let imported = score_magenta::import(import)?;
    let mut out = out();
    if json {
        let report = json!({
            "name": name, "folder": folder.to_string_lossy(), "manifest": imported.model,
            "without_encoder": imported.without_encoder,
            "largest_difference": imported.largest_difference,
        });
        writeln!(out, "{report:#}")?;
        return Ok(());
    }
    let model = &imported.model;
    let place = folder.join(name);
    writeln!(
        out,
        "{name}: {}, latent of {} dimensions: {}",
        model.summary,
        model.latent,
        place.display()
    )?;
    match imported.largest_difference {
        Some(difference) => writeln!(
            out,
            "its output is what its tensors say; largest difference {}",
            scientific(difference)
        )?,
        None => tell("not tested: ONNX Runtime is missing; `score models verify` tests it later"),
    }
    if let Some(why) = imported.without_encoder {
        tell(format_args!(
            "without an encoder, so that `score interpolate` cannot use it: {why}"
        ));
    }
    Ok(())
}

fn list(manifest: &Manifest, json: bool) -> Result<(), Failure> {
    let mut out = out();
    if json {
        let models: Vec<Value> = manifest
            .models
            .iter()
            .map(|(name, model)| {
                json!({
                    "name": name, "task": model.task, "latent": model.latent, "bytes": model.bytes(),
                    "licence": model.licence, "summary": model.summary,
                })
            })
            .collect();
        let list = json!({ "folder": manifest.folder().to_string_lossy(), "models": models });
        writeln!(out, "{list:#}")?;
        return Ok(());
    }
    let rows: Vec<[String; 6]> = manifest
        .models
        .iter()
        .map(|(name, model)| {
            [
                name.clone(),
                model.task.name().to_owned(),
                model.latent.to_string(),
                megabytes(model.bytes()),
                model.licence.clone(),
                model.summary.clone(),
            ]
        })
        .collect();
    for line in aligned(&rows) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The rows as lines whose columns stand below each other.
fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    });
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn info(manifest: &Manifest, name: &str, json: bool) -> Result<(), Failure> {
    let model = manifest.find(name)?;
    let card = manifest.card(model)?;
    let mut out = out();
    if json {
        let info = json!({
            "name": name, "folder": manifest.folder().to_string_lossy(), "manifest": model,
            "card": card,
        });
        writeln!(out, "{info:#}")?;
        return Ok(());
    }
    writeln!(out, "{name}: {}\n", model.summary)?;
    for line in aligned(&facts(model)) {
        writeln!(out, "{line}")?;
    }
    for (role, file) in &model.files {
        writeln!(out, "\n{role}")?;
        let mut rows = vec![
            ["  file".to_owned(), file.path.display().to_string()],
            ["  size".to_owned(), format!("{} bytes", file.bytes)],
            ["  sha256".to_owned(), file.sha256.clone()],
        ];
        for (heading, tensors) in [("  in", &file.inputs), ("  out", &file.outputs)] {
            for (tensor, form) in tensors {
                rows.push([heading.to_owned(), format!("{tensor}: {form}")]);
            }
        }
        for line in aligned(&rows) {
            writeln!(out, "{line}")?;
        }
    }
    if let Some(file) = &model.names {
        writeln!(out, "\nnames")?;
        let rows = [
            ["  file".to_owned(), file.path.display().to_string()],
            ["  size".to_owned(), format!("{} bytes", file.bytes)],
            ["  sha256".to_owned(), file.sha256.clone()],
        ];
        for line in aligned(&rows) {
            writeln!(out, "{line}")?;
        }
    }
    writeln!(out, "\n{}", card.trim_end())?;
    Ok(())
}

/// What the manifest says of the model as a whole.
fn facts(model: &Model) -> Vec<[String; 2]> {
    let mut facts = vec![
        ["task", model.task.name()].map(str::to_owned),
        ["latent".to_owned(), model.latent.to_string()],
        ["size".to_owned(), megabytes(model.bytes())],
        ["licence".to_owned(), model.licence.clone()],
    ];
    if let Some(music) = &model.music {
        let layout = format!(
            "{} steps, {} in a bar; {} tokens, {} to start; token 2 is MIDI pitch {}",
            music.steps, music.steps_per_bar, music.tokens, music.start_token, music.lowest_pitch
        );
        facts.push(["music".to_owned(), layout]);
    }
    if let Some(picture) = &model.picture {
        let size = format!("{} × {} pixels, RGB", picture.width, picture.height);
        facts.push(["picture".to_owned(), size]);
    }
    facts.push(["golden".to_owned(), model.golden.display().to_string()]);
    facts.push(["card".to_owned(), model.card.display().to_string()]);
    facts
}

fn verify_all(manifest: &Manifest, names: &[String], json: bool) -> Result<(), Failure> {
    let names: Vec<&String> = if names.is_empty() {
        manifest.models.keys().collect()
    } else {
        names.iter().collect()
    };
    for name in &names {
        manifest.find(name)?;
    }
    let mut out = out();
    let mut results = Vec::new();
    let mut wrong = 0;
    for name in &names {
        match verify(manifest, name) {
            // Without ONNX Runtime nothing is known of any model.
            Err(why) if why.kind() == NodeErrorKind::Missing => return Err(why.into()),
            Ok(found) if json => results.push(json!({
                "name": name, "fine": true, "files": found.files,
                "largest_difference": found.largest_difference,
            })),
            Ok(found) => {
                let files = if found.files == 1 { "file" } else { "files" };
                writeln!(
                    out,
                    "{name}: fine: {} {files}, largest difference {}",
                    found.files,
                    scientific(found.largest_difference)
                )?;
            }
            Err(why) => {
                wrong += 1;
                if json {
                    results.push(json!({
                        "name": name, "fine": false, "error": why.to_string(), "help": why.advice(),
                    }));
                } else {
                    tell_styled(error(format_args!("{name}: {why}"), why.advice()));
                }
            }
        }
    }
    if json {
        writeln!(out, "{:#}", json!({ "models": results }))?;
    }
    if wrong == 0 {
        Ok(())
    } else {
        Err(Failure::Verified {
            wrong,
            verified: names.len(),
        })
    }
}

/// One digit is enough to see how near two numbers are: `1e-6`.
fn scientific(number: f32) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else {
        format!("{number:.0e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_in_one_digit() {
        assert_eq!(scientific(0.0), "0");
        assert_eq!(scientific(0.000_001_2), "1e-6");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_nothing_trails() {
        let rows = [["é", "1", "x"], ["eye", "64", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), ["é    1   x", "eye  64"]);
    }
}
