//! `score eval film`

use std::io::Write;
use std::path::Path;

use score_engine::{
    Graph, NodeError, Override, PortType, Registry, Settings, Source, Tap, Transport,
};
use score_nodes::evaluation::observe::{Observation, PATCH, READERS, Still};
use score_nodes::evaluation::page::{Page, probability};
use score_nodes::evaluation::{Film, FilmReport, Options, Played, Seen, evaluate, played};
use score_nodes::fit_cuts::Fit;
use score_nodes::output::{self, Claim};
use serde_json::json;

use crate::arguments::EvalFilm;
use crate::command::film::{Binding, require_film, source};
use crate::command::{checked, claim, require_place};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::performance::perform;
use crate::terminal::out;

/// Stills for the page, at most.
const STILLS: usize = 300;

pub(super) fn run(
    arguments: &EvalFilm,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    require_film(&arguments.film)?;
    let page = arguments.report.as_ref().map(|report| {
        require_place(report)?;
        claim(report, "score eval film", arguments.overwrite)
    });
    let page = page.transpose()?;
    let source = source(arguments.patch.as_deref())?;
    let registry = kinds.of(arguments.patch.as_deref(), &source);
    let music = Music {
        film: &arguments.film,
        overrides: &arguments.overrides.set,
        quiet: arguments.quiet,
    };
    let (taps, transport) = music.play(&source, &registry, settings, &[PortType::Notes])?;
    let bar = transport
        .sixteenth(transport.sixteenths_per_bar())
        .seconds();
    let mut notes: Vec<_> = taps.iter().flat_map(|(_, _, tap)| tap.take()).collect();
    notes.sort_by_key(|packet| packet.time);
    let (seen, stills) = observe(arguments, &registry, settings)?;
    let end = seen.seconds;
    let notes = played(&notes, end);
    let options = Options {
        shifts: arguments.shifts as usize,
        bars: arguments.bars as usize,
        within: arguments.within,
        bar,
    };
    let film = Film::new(seen);
    let report = evaluate(&film, &notes, &options).ok_or_else(|| {
        NodeError::input(format!(
            "the film lasts {end:.1} s, too short: six stretches of half of {} bars ({:.1} s each) are the least",
            options.bars,
            bar * options.bars as f64 / 2.0
        ))
        .help("take a longer film, a faster tempo (--set transport.tempo=160) or --bars 1")
    })?;
    if let Some(page) = page {
        write_page(arguments, page, &source.name, &report, &notes, &stills)?;
    }
    let mut out = out();
    if arguments.json {
        let found = json!({
            "film": arguments.film, "patch": source.name, "found": report, "report": arguments.report,
        });
        writeln!(out, "{found:#}")?;
    } else {
        table(&mut out, &report)?;
        if let Some(path) = &arguments.report {
            writeln!(out, "\n{}", path.display())?;
        }
    }
    Ok(())
}

/// The music that a patch makes of a film.
pub(super) struct Music<'a> {
    pub(super) film: &'a Path,
    pub(super) overrides: &'a [Override],
    pub(super) quiet: bool,
}

/// What leaves a node: its id, the type, and the packets.
pub(super) type Tapped = (String, PortType, Tap);

impl Music<'_> {
    /// Runs what leads to notes, and gives what leaves through ports of the types `wanted`, the first of which must be
    /// there.
    pub(super) fn play(
        &self,
        source: &Source,
        registry: &Registry,
        settings: &Settings,
        wanted: &[PortType],
    ) -> Result<(Vec<Tapped>, Transport), Failure> {
        // Nothing is written there: what writes files is left out of the run. Only the checker wants a place.
        let nowhere = std::env::temp_dir().join("score-evaluation");
        let binding = Binding {
            source,
            registry,
            settings,
            film: self.film,
            name: &nowhere,
            voice: None,
            stems: false,
        };
        let mut overrides = binding.overrides("mp4")?;
        overrides.extend(self.overrides.iter().cloned());
        let mut graph = checked(source, &overrides, registry, settings)?;
        let mut taps = Vec::new();
        for port_type in wanted {
            for (node, port) in graph.final_outputs(port_type) {
                taps.extend(
                    graph
                        .tap(&node, &port)
                        .map(|tap| (node, port_type.clone(), tap)),
                );
            }
            if taps.is_empty() {
                let why = format!("no notes are played in {}", source.name);
                return Err(NodeError::input(why)
                    .help(
                        "an evaluation needs a patch with notes, such as those of `music_decoder`",
                    )
                    .into());
            }
        }
        let mut transport = graph.transport().clone();
        if let Some(fit) = run_tapped(graph, settings, self.quiet)? {
            transport.tempo = fit.tempo;
            transport.tempi = Some(fit.tempi);
        }
        Ok((taps, transport))
    }
}

fn run_tapped(mut graph: Graph, settings: &Settings, quiet: bool) -> Result<Option<Fit>, Failure> {
    graph.keep_tapped();
    Ok(perform(graph, settings, quiet)?.fit)
}

/// Looks at the film.
fn observe(
    arguments: &EvalFilm,
    registry: &Registry,
    settings: &Settings,
) -> Result<(Seen, Vec<Still>), Failure> {
    let here = std::env::current_dir().unwrap_or_default();
    let source = Source::text("the patch that looks at the film", PATCH, here);
    let film = arguments.film.to_str().ok_or_else(|| {
        Failure::Unknown("the film's name is not UTF-8; give the file another".to_owned())
    })?;
    let overrides: Vec<Override> = READERS
        .iter()
        .map(|reader| Override::text(reader, "path", film))
        .collect();
    let mut graph = checked(&source, &overrides, registry, settings)?;
    let observation = Observation::of(&mut graph)?;
    run_tapped(graph, settings, arguments.quiet)?;
    Ok(observation.seen(STILLS)?)
}

fn write_page(
    arguments: &EvalFilm,
    claim: Claim,
    patch: &str,
    report: &FilmReport,
    notes: &[Played],
    stills: &[Still],
) -> Result<(), Failure> {
    let film = arguments.film.file_name().unwrap_or_default();
    let page = Page {
        film: &film.to_string_lossy(),
        patch,
        report,
        notes,
        stills,
    };
    Ok(output::write(claim, page.html().as_bytes())?)
}

/// The figures as lines.
fn table(out: &mut impl Write, report: &FilmReport) -> std::io::Result<()> {
    writeln!(
        out,
        "{:.1} s, {} notes, {} cuts, {} changes of the music; {} stretches of {:.1} s, {} shifts\n",
        report.seconds,
        report.notes,
        report.cuts.len(),
        report.changes.len(),
        report.segments,
        report.segment,
        report.shifts,
    )?;
    let wide = report
        .figures
        .iter()
        .map(|figure| figure.title.chars().count())
        .max()
        .unwrap_or(0);
    writeln!(out, "{:<wide$}  measured  chance       p", "")?;
    for figure in &report.figures {
        let title = figure.title;
        match &figure.tested {
            Some(tested) => {
                let line = format!(
                    "{title:<wide$}  {:>8.3}  {:>6.3}  {:>6}  {}",
                    tested.value,
                    tested.chance,
                    probability(tested.p),
                    figure.further().join(", ")
                );
                writeln!(out, "{}", line.trim_end())?;
            }
            None => writeln!(
                out,
                "{title:<wide$}  {}",
                figure.missing.unwrap_or("not to be had")
            )?,
        }
    }
    Ok(())
}
