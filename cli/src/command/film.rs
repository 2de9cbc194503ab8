//! `score film`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use score_engine::{NodeError, Override, Settings, Source};
use serde_json::json;

use crate::arguments::Film;
use crate::command::{checked, require_place};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::library::FILM;
use crate::performance::perform;
use crate::terminal::{out, tell, warn};

/// Containers of films; a scored film keeps its own where it is one of these.
const CONTAINERS: [&str; 4] = ["mp4", "mkv", "mov", "webm"];

pub(crate) fn run(arguments: &Film, kinds: &Kinds<'_>, settings: &Settings) -> Result<(), Failure> {
    require_film(&arguments.film)?;
    let source = source(arguments.patch.as_deref())?;
    let name = match &arguments.out {
        Some(name) => name.clone(),
        None => beside(&arguments.film),
    };
    let (mut overrides, outputs) =
        bound(&source, &arguments.film, &name, arguments.voice.as_deref())?;
    for (param, value) in [("tempo", &arguments.tempo), ("seed", &arguments.seed)] {
        if let Some(value) = value {
            let given = Override::parse(&format!("transport.{param}={value}"))
                .map_err(|wrong| Failure::Unknown(wrong.to_string()))?;
            overrides.push(given.typed_as(&format!("--{param}")));
        }
    }
    overrides.extend(arguments.overrides.set.iter().cloned());
    let graph = checked(
        &source,
        &overrides,
        &kinds.of(arguments.patch.as_deref()),
        settings,
    )?;
    if !arguments.quiet {
        warn(graph.warnings());
    }
    let started = Instant::now();
    perform(graph, settings, arguments.quiet)?;
    let seconds = started.elapsed().as_secs_f64();
    let mut out = out();
    if arguments.json {
        writeln!(
            out,
            "{:#}",
            json!({ "written": outputs, "seconds": seconds })
        )?;
    } else if !arguments.quiet {
        for written in &outputs {
            writeln!(out, "{}", written.display())?;
        }
        tell(format_args!("done in {seconds:.1} s"));
    }
    Ok(())
}

/// Refuses a film that is no file. The patch would say so too, but of every node that reads the film, in terms of
/// parameters.
pub(crate) fn require_film(film: &Path) -> Result<(), Failure> {
    if film.is_file() {
        return Ok(());
    }
    let what = if film.exists() {
        "is not a file"
    } else {
        "does not exist"
    };
    Err(Failure::Unknown(format!(
        "the film `{}` {what}",
        film.display()
    )))
}

/// The patch that scores a film: the one given, or the one that ships.
pub(crate) fn source(patch: Option<&Path>) -> Result<Source, Failure> {
    match patch {
        Some(patch) => Source::read(patch).map_err(Failure::Patch),
        None => {
            let here = std::env::current_dir().unwrap_or_default();
            Ok(Source::text("the built-in film patch", FILM, here))
        }
    }
}

/// What binds a patch to a film: the values that its nodes get, and the files that they will write, called `name`.
pub(crate) fn bound(
    source: &Source,
    film: &Path,
    name: &Path,
    voice: Option<&str>,
) -> Result<(Vec<Override>, Vec<PathBuf>), Failure> {
    let nodes = source.nodes();
    let mut overrides = Vec::new();
    let mut outputs = Vec::new();
    for (id, kind) in &nodes {
        let ending = match kind.as_str() {
            "video_file" => {
                overrides.push(path(id, "path", film)?);
                continue;
            }
            "synth" => {
                overrides.extend(voice.map(|voice| Override::text(id, "voice", voice)));
                continue;
            }
            "video_mux" => {
                overrides.push(path(id, "film", film)?);
                container(film)
            }
            "audio_file" => "wav",
            "midi_file" => "mid",
            "piano_roll" => "png",
            _ => continue,
        };
        // Two files of one kind: the node's id tells them apart.
        let alone = nodes.iter().filter(|(_, other)| other == kind).count() == 1;
        let written = with_ending(name, id, alone, ending);
        require_place(&written)?;
        if is_one_file(&written, film) {
            let why = format!("`{}` is the film itself", written.display());
            return Err(NodeError::output(why)
                .help("give another name with --out")
                .into());
        }
        overrides.push(path(id, "path", &written)?);
        outputs.push(written);
    }
    Ok((overrides, outputs))
}

/// `name-scored` in the current folder, for a film anywhere.
fn beside(film: &Path) -> PathBuf {
    let mut name = film.file_stem().unwrap_or_default().to_os_string();
    name.push("-scored");
    PathBuf::from(name)
}

fn is_one_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn container(film: &Path) -> &'static str {
    let ending = film
        .extension()
        .and_then(|ending| ending.to_str())
        .map(str::to_lowercase);
    CONTAINERS
        .into_iter()
        .find(|known| Some(*known) == ending.as_deref())
        .unwrap_or("mp4")
}

fn with_ending(name: &Path, id: &str, alone: bool, ending: &str) -> PathBuf {
    let mut name = name.as_os_str().to_os_string();
    if !alone {
        name.push(format!("-{id}"));
    }
    name.push(format!(".{ending}"));
    PathBuf::from(name)
}

fn path(node: &str, param: &str, path: &Path) -> Result<Override, Failure> {
    let text = path.to_str().ok_or_else(|| {
        Failure::Unknown(format!(
            "the name `{}` is not UTF-8; give the file another",
            path.display()
        ))
    })?;
    Ok(Override::text(node, param, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_keeps_its_container_where_it_is_a_known_one() {
        assert_eq!(container(Path::new("a/b.MKV")), "mkv");
        assert_eq!(container(Path::new("b.avi")), "mp4");
        assert_eq!(container(Path::new("b")), "mp4");
    }

    #[test]
    fn a_name_with_a_dot_keeps_it() {
        assert_eq!(
            with_ending(Path::new("out/take.2"), "sound", true, "wav"),
            Path::new("out/take.2.wav")
        );
        assert_eq!(
            with_ending(Path::new("out"), "left", false, "wav"),
            Path::new("out-left.wav")
        );
    }
}
