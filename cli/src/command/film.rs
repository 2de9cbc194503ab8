//! `score film`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use score_engine::{
    FileContent, FileRole, NodeError, Override, ParamType, Registry, Settings, Source,
};
use serde_json::json;

use crate::arguments::Film;
use crate::command::{checked, require_place};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::library::FILM;
use crate::ownership::Ownership;
use crate::performance::perform;
use crate::terminal::{tell, warn};

/// Containers of films; a scored film keeps its own where it is one of these.
const CONTAINERS: [&str; 4] = ["mp4", "mkv", "mov", "webm"];

pub(crate) fn run(arguments: &Film, kinds: &Kinds<'_>, settings: &Settings) -> Result<(), Failure> {
    require_film(&arguments.film)?;
    let source = source(arguments.patch.as_deref())?;
    let registry = kinds.of(arguments.patch.as_deref());
    let name = match &arguments.out {
        Some(name) => name.clone(),
        None => beside(&arguments.film),
    };
    let voice = arguments.voice.as_deref();
    let mut overrides = bound(
        &source,
        (&registry, settings),
        &arguments.film,
        &name,
        voice,
    )?;
    for (param, value) in [("tempo", &arguments.tempo), ("seed", &arguments.seed)] {
        if let Some(value) = value {
            overrides.push(
                Override::parse(&format!("transport.{param}={value}"))
                    .map_err(|wrong| Failure::Unknown(wrong.to_string()))?,
            );
        }
    }
    overrides.extend(arguments.overrides.set.iter().cloned());
    let graph = checked(&source, &overrides, &registry, settings)?;
    if !arguments.quiet {
        warn(graph.warnings());
    }
    let ownership = match &arguments.patch {
        Some(patch) => Ownership::of_file(patch, &arguments.consent),
        None => Ownership::of_built_in("film", &arguments.consent),
    };
    ownership.settle(&graph)?;
    let before = ownership.before(&graph);
    let started = Instant::now();
    perform(graph, &ownership.settings(settings), arguments.quiet)?;
    let seconds = started.elapsed().as_secs_f64();
    let written = ownership.written(&before);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let json = json!({ "written": written, "seconds": seconds });
        writeln!(out, "{json:#}")?;
    } else if !arguments.quiet {
        for written in &written {
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

/// What binds a patch to a film: the values that its nodes get, so that they read the film, and what they write is called
/// `name`. Each kind declares what its files are for.
pub(crate) fn bound(
    source: &Source,
    (registry, settings): (&Registry, &Settings),
    film: &Path,
    name: &Path,
    voice: Option<&str>,
) -> Result<Vec<Override>, Failure> {
    let mut overrides = Vec::new();
    let mut outputs: Vec<Output> = Vec::new();
    for (id, kind) in source.nodes() {
        let Some(kind) = registry.kind(&kind) else {
            continue;
        };
        for param in &kind.descriptor().params {
            let is_film = param.purpose.content == Some(FileContent::Film);
            match param.param_type {
                ParamType::File(FileRole::Read) if is_film => {
                    overrides.push(path(&id, &param.name, film)?);
                }
                ParamType::File(FileRole::Write) => outputs.push(Output {
                    node: id.clone(),
                    param: param.name.to_string(),
                    ending: match &param.purpose.ending {
                        _ if is_film => Some(container(film).to_owned()),
                        Some(ending) => Some(ending.to_string()),
                        None => None,
                    },
                    take: param.purpose.take,
                }),
                _ if param.name == "voice" => {
                    overrides.extend(voice.map(|voice| Override::text(&id, "voice", voice)));
                }
                _ => {}
            }
        }
    }
    if outputs.iter().any(|output| output.ending.is_none()) {
        endings_of_patch(source, &overrides, (registry, settings), &mut outputs);
    }
    for output in &outputs {
        let written = output.named(name, &outputs);
        require_place(&written)?;
        if is_one_file(&written, film) {
            let why = format!("`{}` is the film itself", written.display());
            return Err(NodeError::output(why)
                .help("give another name with --out")
                .into());
        }
        overrides.push(path(&output.node, &output.param, &written)?);
    }
    Ok(overrides)
}

/// A file that a node will write.
struct Output {
    node: String,
    param: String,
    /// How its name ends, without the point; `None`: its kind does not say.
    ending: Option<String>,
    take: bool,
}

impl Output {
    /// `name` with the output's ending. A node's id tells several of one ending apart; a take always has it.
    fn named(&self, name: &Path, all: &[Output]) -> PathBuf {
        let is_alike = |other: &&Output| !other.take && other.ending == self.ending;
        let own = all.iter().filter(|other| other.node == self.node);
        let mut name = name.as_os_str().to_os_string();
        if self.take || all.iter().filter(is_alike).count() > 1 {
            name.push(format!("-{}", self.node.replace('/', "_")));
        }
        if own.filter(|other| other.ending == self.ending).count() > 1 {
            name.push(format!("-{}", self.param));
        }
        if let Some(ending) = &self.ending {
            name.push(format!(".{ending}"));
        }
        PathBuf::from(name)
    }
}

/// Where a kind does not declare how a file's name ends, it ends as in the patch, if that can be read.
fn endings_of_patch(
    source: &Source,
    overrides: &[Override],
    (registry, settings): (&Registry, &Settings),
    outputs: &mut [Output],
) {
    // What is wrong with the patch is told when all names are known.
    let Ok(graph) = score_engine::check(source, overrides, registry, settings) else {
        return;
    };
    for output in outputs.iter_mut().filter(|output| output.ending.is_none()) {
        let mut files = graph.files();
        let own = files.find(|file| (file.node, file.param) == (&output.node, &output.param));
        let ending = own.and_then(|file| Some(file.path.extension()?.to_str()?.to_owned()));
        output.ending = ending;
    }
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

    fn output(node: &str, ending: &str, take: bool) -> Output {
        Output {
            node: node.to_owned(),
            param: "path".to_owned(),
            ending: Some(ending.to_owned()),
            take,
        }
    }

    #[test]
    fn a_name_with_a_dot_keeps_it_and_ids_tell_apart_what_ends_alike() {
        let names = |outputs: &[Output], name: &str| -> Vec<String> {
            let named = |one: &Output| one.named(Path::new(name), outputs).display().to_string();
            outputs.iter().map(named).collect()
        };
        let sound = output("sound", "wav", false);
        let take = output("take", "wav", true);
        assert_eq!(
            names(&[sound, take, output("notes", "mid", false)], "out/take.2"),
            ["out/take.2.wav", "out/take.2-take.wav", "out/take.2.mid"]
        );
        let two = [
            output("left", "wav", false),
            output("a/right", "wav", false),
        ];
        assert_eq!(names(&two, "out"), ["out-left.wav", "out-a_right.wav"]);
        let mut both = [output("both", "wav", false), output("both", "wav", false)];
        both[1].param = "other".to_owned();
        assert_eq!(
            names(&both, "out"),
            ["out-both-path.wav", "out-both-other.wav"]
        );
    }
}
