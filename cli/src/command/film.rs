//! `score film`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use score_engine::{
    Graph, NodeError, NodeErrorKind, Override, Registry, Settings, Source, did_you_mean,
};
use score_nodes::scored_film::ScoredFilm;
use score_nodes::stem_files;
use serde_json::{Value, json};

use crate::arguments::Film;
use crate::command::{checked, require_place};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::library::{FILM, STYLED, STYLES};
use crate::performance::perform;
use crate::terminal::{out, tell, warn};

/// What a film is called that gets no name of its own, until its picture was looked at.
const USUAL: &str = "mp4";

pub(crate) fn run(arguments: &Film, kinds: &Kinds<'_>, settings: &Settings) -> Result<(), Failure> {
    require_film(&arguments.film)?;
    let source = match &arguments.style {
        Some(style) => styled(style)?,
        None => source(arguments.patch.as_deref())?,
    };
    let wanted = match &arguments.out {
        Some(name) => name.clone(),
        None => beside(&arguments.film),
    };
    let named = arguments.out.as_deref().and_then(ScoredFilm::ending_of);
    let name = match named {
        Some(_) => wanted.with_extension(""),
        None => wanted,
    };
    let order = Order {
        arguments,
        source: &source,
        registry: &kinds.of(arguments.patch.as_deref(), &source),
        settings,
        name: &name,
    };
    let usual = named.unwrap_or(USUAL);
    let (mut graph, mut outputs) = order.graph(usual)?;
    let (mut notes, mut encoded) = (Vec::new(), false);
    if let Some(scored) = order.plan(&graph, named)? {
        if scored.ending != usual {
            (graph, outputs) = order.graph(scored.ending)?;
        }
        encoded = scored.encoded;
        if let Some(why) = scored.why {
            let film = outputs.iter().find(|output| output.is_film);
            let film = film.map_or(&*name, |output| &output.path);
            notes.push(format!("{}: {why}", film.display()));
        }
    }
    if !arguments.quiet {
        warn(graph.warnings());
    }
    // That a picture is encoded is told by the node that does so.
    if !arguments.quiet && !encoded {
        notes.iter().for_each(tell);
    }
    let started = Instant::now();
    let done = perform(graph, settings, arguments.quiet);
    if let Err(failure) = &done {
        let Failure::Run(failed) = failure else {
            return done.map(drop);
        };
        let Some(missing) = failed.not_placed() else {
            return done.map(drop);
        };
        outputs.retain(|output| !missing.contains(&output.node.as_str()));
    }
    let seconds = started.elapsed().as_secs_f64();
    let mut out = out();
    let written: Vec<&PathBuf> = outputs.iter().map(|output| &output.path).collect();
    if arguments.json {
        writeln!(
            out,
            "{:#}",
            json!({ "written": written, "seconds": seconds, "notes": notes })
        )?;
    } else if !arguments.quiet {
        for written in written {
            writeln!(out, "{}", written.display())?;
        }
    }
    done?;
    if !arguments.json && !arguments.quiet {
        tell(format_args!("done in {seconds:.1} s"));
    }
    Ok(())
}

/// What is to be done, but for the container of the film that is written.
struct Order<'a> {
    arguments: &'a Film,
    source: &'a Source,
    registry: &'a Registry,
    settings: &'a Settings,
    /// What all that is written is called, without an ending.
    name: &'a Path,
}

impl Order<'_> {
    /// The patch, ready to run, and what it will write; films get the name with `ending`.
    fn graph(&self, ending: &str) -> Result<(Graph, Vec<Written>), Failure> {
        let Film {
            film,
            voice,
            tempo,
            key,
            seed,
            overrides: more,
            ..
        } = self.arguments;
        let (mut overrides, outputs) =
            bound(self.source, film, (self.name, ending), voice.as_deref())?;
        for (param, value) in [("tempo", tempo), ("seed", seed)] {
            if let Some(value) = value {
                let given = Override::parse(&format!("transport.{param}={value}"))
                    .map_err(|wrong| Failure::Unknown(wrong.to_string()))?;
                overrides.push(given.typed_as(&format!("--{param}")));
            }
        }
        let fit = match (self.arguments.fit_cuts, self.arguments.no_fit_cuts, tempo) {
            (true, ..) => Some(("--fit-cuts", true)),
            (_, true, _) => Some(("--no-fit-cuts", false)),
            (.., Some(_)) => Some(("--tempo", false)),
            _ => None,
        };
        if let Some((typed, fit)) = fit {
            let given = Override::parse(&format!("transport.fit_cuts={fit}"))
                .map_err(|wrong| Failure::Unknown(wrong.to_string()))?;
            overrides.push(given.typed_as(typed));
        }
        let stems = self.stems()?;
        overrides.extend((stems.iter()).map(|stems| stems.place.clone()));
        if let Some(key) = key {
            overrides.push(Override::text("transport", "key", key).typed_as("--key"));
        }
        overrides.extend(more.set.iter().cloned());
        let graph = checked(self.source, &overrides, self.registry, self.settings)?;
        let mut outputs = outputs;
        for stems in stems {
            let sources = graph.sources(&stems.mixer, "sounds");
            for file in stem_files(&stems.path, sources) {
                outputs.push(Written {
                    node: stems.mixer.clone(),
                    path: file,
                    is_film: false,
                });
            }
        }
        Ok((graph, outputs))
    }

    /// The mixers whose sounds are written apart, if that was asked for.
    fn stems(&self) -> Result<Vec<Stems>, Failure> {
        if !self.arguments.stems {
            return Ok(Vec::new());
        }
        let nodes = self.source.nodes();
        let mixers: Vec<&String> = (nodes.iter())
            .filter_map(|(id, kind)| (kind == MIXER).then_some(id))
            .collect();
        if mixers.is_empty() {
            let why = "there are no stems: the patch has no mixer into which parts are wired";
            return Err(NodeError::input(why)
                .help("leave --stems out, or use a patch with a mixer, such as graphs/film.ron")
                .into());
        }
        let mut name = self.name.as_os_str().to_os_string();
        name.push("-stem");
        let alone = mixers.len() == 1;
        (mixers.into_iter())
            .map(|mixer| {
                let file = with_ending(Path::new(&name), mixer, alone, "wav");
                Ok(Stems {
                    place: path(mixer, "stems", &file)?.typed_as("--stems"),
                    mixer: mixer.clone(),
                    path: file,
                })
            })
            .collect()
    }

    /// In which container the film comes, if the patch writes one; `named` is the ending that the user gave.
    fn plan(&self, graph: &Graph, named: Option<&str>) -> Result<Option<ScoredFilm>, Failure> {
        let nodes = self.source.nodes();
        let Some((id, _)) = nodes.iter().find(|(_, kind)| kind == MUX) else {
            return Ok(None);
        };
        let stream = graph.value(id, "stream").and_then(Value::as_u64);
        let stream = stream.and_then(|stream| u32::try_from(stream).ok());
        let encode = graph.value(id, "encode").and_then(Value::as_str) == Some("h264");
        let film = &self.arguments.film;
        match ScoredFilm::plan(film, stream, encode, named) {
            Ok(scored) => Ok(Some(scored)),
            Err(refusal) if refusal.kind() == NodeErrorKind::Output && named.is_some() => {
                let fits = ScoredFilm::plan(film, stream, encode, None)?;
                let name = self.name.display();
                let help = format!(
                    "use --out {name}.{}, or --set {id}.encode=h264 with --out {name}.mp4",
                    fits.ending
                );
                Err(refusal.help(help).into())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }
}

/// A mixer whose sounds are written apart.
struct Stems {
    mixer: String,
    /// What the files' names are made of.
    path: PathBuf,
    place: Override,
}

/// A file that a patch will write.
pub(crate) struct Written {
    /// The node that writes it.
    node: String,
    path: PathBuf,
    is_film: bool,
}

/// The kind of node that writes films, and that which adds parts up.
const MUX: &str = "video_mux";
const MIXER: &str = "mixer";

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

/// The style called `name`, as a patch.
pub(crate) fn styled(name: &str) -> Result<Source, Failure> {
    let here = std::env::current_dir().unwrap_or_default();
    let style = STYLES.iter().find(|(known, _)| *known == name);
    let (_, text) = style.ok_or_else(|| {
        let names: Vec<&str> = STYLES.iter().map(|(name, _)| *name).collect();
        let near = did_you_mean(name, names.iter().copied());
        let help = near.unwrap_or_else(|| format!("styles: {}", names.join(", ")));
        Failure::Unknown(format!("there is no style `{name}`; {help}"))
    })?;
    let source = Source::text(&format!("the style `{name}`"), text, here);
    Ok(source.with_part(STYLED, FILM))
}

/// What binds a patch to a film: the values that its nodes get, and the files that they will write, called `name`; films
/// end as told.
pub(crate) fn bound(
    source: &Source,
    film: &Path,
    (name, film_ending): (&Path, &str),
    voice: Option<&str>,
) -> Result<(Vec<Override>, Vec<Written>), Failure> {
    let nodes = source.nodes();
    let mut overrides = Vec::new();
    let mut outputs = Vec::new();
    let synth = nodes.iter().find(|(_, kind)| kind == "synth");
    let melody = synth.map(|(id, _)| id);
    for (id, kind) in &nodes {
        let ending = match kind.as_str() {
            "video_file" => {
                overrides.push(path(id, "path", film)?);
                continue;
            }
            // The first is the melody's, as in all patches that come along.
            "synth" if melody == Some(id) => {
                overrides.extend(
                    voice.map(|voice| Override::text(id, "voice", voice).typed_as("--voice")),
                );
                continue;
            }
            MUX => {
                overrides.push(path(id, "film", film)?);
                film_ending
            }
            "audio_file" => "wav",
            "midi_file" => "mid",
            "piano_roll" => "png",
            "sheet_music" => "musicxml",
            "chord_track" => "txt",
            _ => continue,
        };
        // Two files of one kind: the node's id tells them apart.
        let alone = nodes.iter().filter(|(_, other)| other == kind).count() == 1;
        let written = with_ending(name, id, alone, ending);
        require_place(&written)?;
        if is_one_file(&written, film) {
            let why = format!("`{}` would overwrite the film", written.display());
            return Err(NodeError::output(why)
                .help("choose another name with --out")
                .into());
        }
        overrides.push(path(id, "path", &written)?);
        outputs.push(Written {
            node: id.clone(),
            path: written,
            is_film: kind == MUX,
        });
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
