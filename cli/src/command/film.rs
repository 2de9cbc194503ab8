//! `score film`

mod binding;
pub(crate) mod for_page;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use score_engine::{Graph, NodeErrorKind, Override, Registry, Settings, Source, did_you_mean};
use score_nodes::film_facts::FilmFacts;
use score_nodes::film_preview::write_still;
use score_nodes::scored_film::ScoredFilm;
use serde_json::{Value, json};

pub(crate) use self::binding::Binding;
use self::binding::written_film;
use self::for_page::Collected;
use crate::arguments::{Film, Tune};
use crate::command::checked;
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::library::{FILM, STYLED, STYLES};
use crate::ownership::{Ownership, shown};
use crate::rendering::{Showing, is_stopped, render_showing};
use crate::terminal::{out, tell, warn};

/// The ending of a film for which none was given, until its picture is known.
const USUAL: &str = "mp4";

/// The width of the still of a film, in pixels.
const STILL_WIDTH: u32 = 192;

pub(crate) fn run(arguments: &Film, kinds: &Kinds<'_>, settings: &Settings) -> Result<(), Failure> {
    require_film(&arguments.film)?;
    if let Some(folder) = &arguments.stills_for_page {
        for_page::be_modest();
        return for_page::stills(&arguments.film, folder);
    }
    if let Some(file) = &arguments.tags_for_page {
        for_page::be_modest();
        let own = &arguments.own_words_in;
        return for_page::tags(&arguments.film, file, own, kinds, settings);
    }
    if arguments.for_page.is_some() {
        for_page::be_modest();
    }
    let tune = &arguments.tune;
    tune.require()?;
    let source = tune.source()?;
    let (name, named) = named(arguments);
    let order = Order {
        arguments,
        source: &source,
        registry: &kinds.of(tune.patch.as_deref(), &source),
        settings,
        name: &name,
        can_be_left_out: arguments.for_page.is_some(),
    };
    let usual = named.unwrap_or(USUAL);
    let mut graph = order.graph(usual)?;
    let (mut notes, mut encoded) = (Vec::new(), false);
    if let Some(scored) = order.plan(&graph, named)? {
        if scored.ending != usual {
            graph = order.graph(scored.ending)?;
        }
        encoded = scored.encoded;
        if let Some(why) = scored.why {
            let film = written_film(&graph).map_or(name.clone(), |(_, film)| shown(&film));
            notes.push(format!("{}: {why}", film.display()));
        }
    }
    if !arguments.quiet {
        warn(graph.warnings());
    }
    // The node that encodes a picture reports it.
    if !arguments.quiet && !encoded {
        notes.iter().for_each(tell);
    }
    let ownership = match &tune.patch {
        Some(patch) => Ownership::of_file(patch, &arguments.consent),
        None => Ownership::of_built_in("film", &arguments.consent),
    };
    ownership.require(&graph)?;
    let started = Instant::now();
    let film = written_film(&graph).map(|(_, film)| film);
    let collected = (arguments.for_page.as_ref()).map(|_| Collected::of(&mut graph));
    let showing = match (&collected, arguments.quiet) {
        (Some(collected), _) => Showing::Lines(collected.reached()),
        (None, true) => Showing::Nothing,
        (None, false) => Showing::Bar,
    };
    let mut done = render_showing(graph, &ownership.settings(settings), showing);
    if let (Some(folder), Some(collected)) = (&arguments.for_page, collected)
        && let Ok(rendered) = &mut done
    {
        let score = collected.score(rendered.fit.take()).to_string();
        std::fs::write(folder.join(for_page::SCORE), score)?;
        if let Some(film) = film {
            for_page::preview(&film, folder)?;
        }
    }
    if let Err(failure) = &done
        && !matches!(failure, Failure::Run(failed) if failed.not_placed().is_some())
    {
        return done.map(drop);
    }
    let seconds = started.elapsed().as_secs_f64();
    if let Some(to) = arguments.still.as_ref().filter(|_| done.is_ok()) {
        // Whoever wants it sees that there is none; the music is there all the same.
        let _ = write_still(&arguments.film, STILL_WIDTH, to, is_stopped);
    }
    let written = ownership.written();
    let mut out = out();
    if arguments.json {
        let written: Vec<_> = written.iter().map(|one| one.to_string_lossy()).collect();
        // Its nodes have asked about it already.
        let facts = FilmFacts::of(&arguments.film).ok();
        let facts = facts.map(|facts| facts.json());
        writeln!(
            out,
            "{:#}",
            json!({ "written": written, "seconds": seconds, "notes": notes, "film": facts })
        )?;
    } else if !arguments.quiet {
        for written in &written {
            writeln!(out, "{}", written.display())?;
        }
    }
    done?;
    if !arguments.json && !arguments.quiet {
        tell(format_args!("done in {seconds:.1} s"));
    }
    Ok(())
}

/// The patch that an order names, and the same ready to run.
///
/// # Errors
/// It cannot run.
pub(crate) fn checked_order(
    arguments: &Film,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(Source, Graph), Failure> {
    let source = arguments.tune.source()?;
    let order = Order {
        arguments,
        source: &source,
        registry: &kinds.of(arguments.tune.patch.as_deref(), &source),
        settings,
        name: arguments.out.as_deref().unwrap_or(Path::new("film")),
        can_be_left_out: false,
    };
    let graph = order.graph(USUAL)?;
    Ok((source, graph))
}

/// What is to be done, but for the container of the film that is written.
struct Order<'a> {
    arguments: &'a Film,
    source: &'a Source,
    registry: &'a Registry,
    settings: &'a Settings,
    /// The name of all files that are written, without an ending.
    name: &'a Path,
    /// Whether stems and drawn sheet music are left out where the patch has none.
    can_be_left_out: bool,
}

/// The name of all files that are written, without an ending, and the ending that the film's was
/// given.
pub(crate) fn named(arguments: &Film) -> (PathBuf, Option<&'static str>) {
    let wanted = match &arguments.out {
        Some(name) => name.clone(),
        None => beside(&arguments.film),
    };
    let ending = arguments.out.as_deref().and_then(ScoredFilm::ending_of);
    match ending {
        Some(_) => (wanted.with_extension(""), ending),
        None => (wanted, None),
    }
}

impl Order<'_> {
    /// The patch, ready to run; films that it writes get the name with `ending`.
    fn graph(&self, ending: &str) -> Result<Graph, Failure> {
        let arguments = self.arguments;
        let binding = Binding {
            source: self.source,
            registry: self.registry,
            settings: self.settings,
            film: &arguments.film,
            name: self.name,
            voice: arguments.voice.as_deref(),
            stems: arguments.stems,
            pdf: arguments.pdf,
            theme: arguments.tune.theme.as_deref(),
            theme_scene: arguments.tune.theme_scene.as_deref(),
            can_be_left_out: self.can_be_left_out,
        };
        let mut overrides = binding.overrides(ending)?;
        overrides.extend(arguments.tune.overrides()?);
        overrides.extend(arguments.overrides.set.iter().cloned());
        checked(self.source, &overrides, self.registry, self.settings)
    }

    /// In which container the film comes, if the patch writes one; `named` is the ending that the
    /// user gave.
    fn plan(&self, graph: &Graph, named: Option<&str>) -> Result<Option<ScoredFilm>, Failure> {
        let Some((id, _)) = written_film(graph) else {
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

impl Tune {
    /// Refuses files that are not there.
    pub(crate) fn require(&self) -> Result<(), Failure> {
        match &self.theme {
            Some(theme) => require("theme", theme),
            None => Ok(()),
        }
    }

    /// The patch that makes the music.
    pub(crate) fn source(&self) -> Result<Source, Failure> {
        match &self.style {
            Some(style) => styled(style),
            None => source(self.patch.as_deref()),
        }
    }

    /// The values that the transport gets.
    pub(crate) fn overrides(&self) -> Result<Vec<Override>, Failure> {
        let set = |param: &str, value: &str, typed: &str| {
            let given = Override::parse(&format!("transport.{param}={value}"));
            let given = given.map_err(|wrong| Failure::Message(wrong.to_string()))?;
            Ok::<_, Failure>(given.typed_as(typed))
        };
        let mut overrides = Vec::new();
        for (param, value) in [
            ("tempo", &self.tempo),
            ("swing", &self.swing),
            ("seed", &self.seed),
        ] {
            if let Some(value) = value {
                overrides.push(set(param, value, &format!("--{param}"))?);
            }
        }
        let fit = match (self.fit_cuts, self.no_fit_cuts, &self.tempo) {
            (true, ..) => Some(("--fit-cuts", "true")),
            (_, true, _) => Some(("--no-fit-cuts", "false")),
            (.., Some(_)) => Some(("--tempo", "false")),
            _ => None,
        };
        if let Some((typed, fit)) = fit {
            overrides.push(set("fit_cuts", fit, typed)?);
        }
        if let Some(key) = &self.key {
            overrides.push(Override::text("transport", "key", key).typed_as("--key"));
        }
        Ok(overrides)
    }
}

/// Refuses a film that is not a file. The patch would do so too, but for every node that reads the
/// film, in terms of parameters.
pub(crate) fn require_film(film: &Path) -> Result<(), Failure> {
    require("film", film)
}

/// Refuses `path`, the `what` that was named, if it is not a file.
fn require(what: &str, path: &Path) -> Result<(), Failure> {
    if path.is_file() {
        return Ok(());
    }
    let why = if path.exists() {
        "is not a file"
    } else {
        "does not exist"
    };
    Err(Failure::Message(format!(
        "the {what} `{}` {why}",
        path.display()
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
        Failure::Message(format!("there is no style `{name}`; {help}"))
    })?;
    let source = Source::text(&format!("the style `{name}`"), text, here);
    Ok(source.with_part(STYLED, FILM))
}

/// `name-scored` in the current folder, for a film anywhere.
fn beside(film: &Path) -> PathBuf {
    let mut name = film.file_stem().unwrap_or_default().to_os_string();
    name.push("-scored");
    PathBuf::from(name)
}
