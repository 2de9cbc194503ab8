//! Says in words what a film shows when.

use std::io::Write;
use std::path::Path;

use score_engine::{Override, Settings, Source};
use score_evaluation::Seen;
use score_evaluation::tagging::{LIKELY, Looking, PATCH, READERS, Shot, Timeline};
use score_nodes::model::Manifest;
use score_nodes::names::Names;
use score_nodes::output;
use serde_json::json;

use crate::arguments::Tag;
use crate::command::film::require_film;
use crate::command::{checked, claim, require_place};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::rendering::render;
use crate::terminal::{out, tell};

/// Looks at `film` and prints or writes what it shows.
pub(super) fn tag(
    arguments: &Tag,
    film: &Path,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    require_film(film)?;
    let place = arguments.out.as_ref().map(|path| {
        let is_csv = is_csv(path)?;
        require_place(path)?;
        Ok::<_, Failure>((claim(path, "score tag", arguments.overwrite)?, is_csv))
    });
    let place = place.transpose()?;
    let names = names(arguments, settings)?;
    let quiet = arguments.quiet || arguments.json || arguments.csv;
    let seen = seen(film, &arguments.model, quiet, kinds, settings)?;
    let timeline = Timeline::of(seen, &names);
    let json = || {
        let found = json!({ "film": film.to_string_lossy(), "timeline": timeline });
        format!("{found:#}\n")
    };
    let mut out = out();
    if let Some((claim, is_csv)) = place {
        let text = if is_csv { timeline.csv() } else { json() };
        output::write(claim, text.as_bytes())?;
    }
    if let Some(path) = arguments
        .out
        .as_ref()
        .filter(|_| !arguments.json && !arguments.csv)
    {
        writeln!(out, "{}", path.display())?;
    }
    match (arguments.json, arguments.csv) {
        (true, _) => write!(out, "{}", json())?,
        (_, true) => write!(out, "{}", timeline.csv())?,
        _ if arguments.quiet => {}
        _ => table(&mut out, &timeline)?,
    }
    Ok(())
}

/// Whether a file is to be CSV rather than JSON, by the end of its name.
fn is_csv(path: &Path) -> Result<bool, Failure> {
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    match ending.as_deref() {
        Some("csv") => Ok(true),
        Some("json") => Ok(false),
        _ => Err(Failure::Message(format!(
            "`{}` must end with .json or .csv, which says what is written",
            path.display()
        ))),
    }
}

/// The artist's own words, then the model's.
fn names(arguments: &Tag, settings: &Settings) -> Result<Vec<Names>, Failure> {
    let manifest = Manifest::of(settings)?;
    let model = Names::of_manifest(&manifest, &arguments.model)?;
    let mut names = Vec::new();
    for path in &arguments.own {
        let own = Names::read(path)?;
        own.require(model.mean.len(), path)?;
        if !own.is_of(&manifest, &arguments.model) {
            tell(format_args!(
                "warning: `{}` was taught with another version of the model `{}`; teach it again",
                path.display(),
                arguments.model
            ));
        }
        names.push(own);
    }
    names.push(model);
    Ok(names)
}

/// What the picture model called `model` sees in the film.
///
/// # Errors
/// The film cannot be read, or there is no such model.
pub(crate) fn seen(
    film: &Path,
    model: &str,
    quiet: bool,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<Seen, Failure> {
    let here = std::env::current_dir().unwrap_or_default();
    let source = Source::text("the patch that looks at the film", PATCH, here);
    let film = film.to_str().ok_or_else(|| {
        Failure::Message("the film's name is not UTF-8; give the file another".to_owned())
    })?;
    let mut overrides: Vec<Override> = READERS
        .iter()
        .map(|reader| Override::text(reader, "path", film))
        .collect();
    overrides.push(Override::text("eye", "model", model));
    let registry = kinds.of(None, &source);
    let mut graph = checked(&source, &overrides, &registry, settings)?;
    let looking = Looking::of(&mut graph)?;
    graph.keep_tapped();
    render(graph, settings, quiet)?;
    Ok(looking.seen()?)
}

/// A line for each shot: when, which scene, the words that are likely.
fn table(out: &mut impl Write, timeline: &Timeline) -> std::io::Result<()> {
    writeln!(out, "{:>9}  {:>9}  scene  shows", "from", "to")?;
    for shot in &timeline.shots {
        let (from, to, scene) = (clock(shot.from), clock(shot.to), shot.scene);
        writeln!(out, "{from:>9}  {to:>9}  {scene:>5}  {}", shows(shot))?;
    }
    Ok(())
}

/// `vehicle 0.97, outdoors 0.81`.
fn shows(shot: &Shot) -> String {
    let likely = shot
        .shows
        .iter()
        .filter(|shown| shown.is_word && shown.value >= LIKELY);
    let likely: Vec<String> = likely
        .map(|shown| format!("{} {:.2}", shown.name, shown.value))
        .collect();
    match likely.is_empty() {
        true => "no word is likely".to_owned(),
        false => likely.join(", "),
    }
}

/// `1:02.5`.
fn clock(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() as u64;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_minutes_and_seconds() {
        assert_eq!(
            [0.0, 9.96, 62.5, 3600.0].map(clock),
            ["0:00.0", "0:10.0", "1:02.5", "60:00.0"]
        );
    }

    #[test]
    fn the_ending_says_what_is_written() {
        assert!(is_csv(Path::new("a.CSV")).is_ok_and(|csv| csv));
        assert!(is_csv(Path::new("a.json")).is_ok_and(|csv| !csv));
        assert!(is_csv(Path::new("a.txt")).is_err());
    }
}
