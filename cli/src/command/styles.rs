//! `score styles`

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use clap::Parser;
use score_engine::Settings;

use super::film::{self, require_film};
use crate::arguments::{Film, Styles};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::library::{STYLES, summary};
use crate::terminal::{out, tell};

/// The arguments of `score film` alone.
#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    film: Film,
}

/// Lists the styles, each with what it is like; or scores a film in every one.
pub(crate) fn run(
    arguments: &Styles,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    if let Some(film) = &arguments.film {
        require_film(film)?;
        return STYLES.iter().try_for_each(|(style, _)| {
            let typed = typed(film, style, arguments.overwrite)?;
            tell(format_args!("{style}:"));
            film::run(&typed, kinds, settings)
        });
    }
    let wide = STYLES.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, text) in STYLES {
        let summary = summary(text);
        let what = summary.split_once(": ").map_or(&*summary, |(_, what)| what);
        writeln!(out(), "{name:<wide$}  {what}")?;
    }
    Ok(())
}

/// `score film FILM --style STYLE --out NAME-STYLE`.
fn typed(film: &Path, style: &str, overwrite: bool) -> Result<Film, Failure> {
    let mut name = film.file_stem().unwrap_or_default().to_os_string();
    name.push(format!("-{style}"));
    let mut words: Vec<OsString> = ["film", "--style", style, "--out"].map(Into::into).into();
    words.push(name);
    words.extend(overwrite.then(|| "--overwrite".into()));
    words.extend(["--".into(), film.into()]);
    let typed = Typed::try_parse_from(words);
    typed
        .map(|typed| typed.film)
        .map_err(|wrong| Failure::Message(wrong.to_string()))
}
