//! `score eval harmony`

use std::io::Write;

use score_engine::Settings;
use score_evaluation::harmony::{Row, Score, evaluate};
use serde_json::json;

use super::film::Music;
use crate::arguments::EvalHarmony;
use crate::command::film::{require_film, source};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::terminal::out;

pub(super) fn run(
    arguments: &EvalHarmony,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    let score = score(arguments, kinds, settings)?;
    let rows = evaluate(&score);
    let mut out = out();
    if arguments.json {
        let parts: Vec<_> = score.parts.iter().map(|part| &part.name).collect();
        let key = score.key.map(|key| key.to_string());
        let file = arguments.file.to_string_lossy();
        let found = json!({ "file": file, "key": key, "parts": parts, "figures": rows });
        writeln!(out, "{found:#}")?;
    } else {
        table(&mut out, &score, &rows)?;
    }
    Ok(())
}

/// What is measured: a MIDI file, or what a patch makes of a film.
fn score(
    arguments: &EvalHarmony,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<Score, Failure> {
    let ending = arguments
        .file
        .extension()
        .and_then(|ending| ending.to_str());
    if ending.is_some_and(|ending| ["mid", "midi"].contains(&ending.to_lowercase().as_str())) {
        return Ok(Score::open(&arguments.file)?);
    }
    require_film(&arguments.file)?;
    let source = source(arguments.patch.as_deref())?;
    let registry = kinds.of(arguments.patch.as_deref(), &source);
    let music = Music {
        film: &arguments.file,
        theme: None,
        theme_scene: None,
        overrides: &arguments.overrides.set,
        quiet: arguments.quiet,
    };
    Ok(music.play(&source, &registry, settings)?.score())
}

/// The figures as lines.
fn table(out: &mut impl Write, score: &Score, rows: &[Row]) -> std::io::Result<()> {
    let parts: Vec<String> = score
        .parts
        .iter()
        .map(|part| format!("{} ({} notes)", part.name, part.notes.len()))
        .collect();
    writeln!(out, "{}", parts.join(", "))?;
    if let Some(key) = score.key {
        writeln!(out, "in {key}")?;
    }
    let wide = rows
        .iter()
        .map(|row| row.title.chars().count())
        .max()
        .unwrap_or(0);
    writeln!(out, "\n{:<wide$}  measured  songs (10 % to 90 %)", "")?;
    for row in rows {
        let Some(value) = row.value else {
            writeln!(out, "{:<wide$}         -", row.title)?;
            continue;
        };
        let songs = row.songs.map_or(String::new(), |(low, middle, high)| {
            format!("{middle:>6.2} ({low:.2} to {high:.2})")
        });
        let outside = if row.is_usual() == Some(false) {
            "  *"
        } else {
            ""
        };
        let line = format!("{:<wide$}  {value:>8.3}  {songs}{outside}", row.title);
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out, "\n* outside the range of most songs")?;
    Ok(())
}
