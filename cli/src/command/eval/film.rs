//! `score eval film`

use std::io::Write;
use std::path::Path;

use score_engine::{
    Graph, NodeError, Override, Packet, PortType, Registry, Settings, Source, Tap, Transport,
};
use score_evaluation::harmony::{Account, Score};
use score_evaluation::observe::{Observation, PATCH, READERS, Still};
use score_evaluation::page::{Page, probability};
use score_evaluation::{Chain, Film, FilmReport, Options, ReadBack, Seen, evaluate, played};
use score_nodes::fit_cuts::Fit;
use score_nodes::output;
use serde_json::json;

use crate::arguments::EvalFilm;
use crate::command::film::for_page::be_modest;
use crate::command::film::{Binding, require_film};
use crate::command::{checked, claim, require_place};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::rendering::render;
use crate::terminal::out;

/// Stills for the page, at most.
const STILLS: usize = 300;

pub(super) fn run(
    arguments: &EvalFilm,
    kinds: &Kinds<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    if arguments.for_page {
        be_modest();
    }
    require_film(&arguments.film)?;
    let page = arguments.report.as_ref().map(|report| {
        require_place(report)?;
        claim(report, "score eval film", arguments.overwrite)
    });
    let page = page.transpose()?;
    let tune = &arguments.tune;
    tune.require()?;
    let source = tune.source()?;
    let registry = kinds.of(tune.patch.as_deref(), &source);
    let mut overrides = tune.overrides()?;
    overrides.extend(arguments.overrides.set.iter().cloned());
    let music = Music {
        film: &arguments.film,
        theme: tune.theme.as_deref(),
        theme_scene: tune.theme_scene.as_deref(),
        overrides: &overrides,
        quiet: arguments.quiet,
    };
    let music = music.play(&source, &registry, settings)?;
    let transport = &music.transport;
    let bar = transport
        .sixteenth(transport.sixteenths_per_bar())
        .seconds();
    let account = Account::of(&music.score(), transport);
    let mut notes: Vec<_> = (music.parts.iter())
        .flat_map(|(_, packets)| packets.iter().cloned())
        .collect();
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
    let read = || music.read_back(settings, end);
    let report = evaluate(&film, &notes, read, &options).ok_or_else(|| {
        NodeError::input(format!(
            "the film lasts {end:.1} s, which is too short: it takes six segments of {:.1} s, half of {} each",
            bar * options.bars as f64 / 2.0,
            bars(options.bars),
        ))
        .help("take a longer film, a faster tempo (--set transport.tempo=160) or --bars 1")
    })?;
    if let Some(page) = page {
        let film = arguments.film.file_name().unwrap_or_default();
        let contents = Page {
            film: &film.to_string_lossy(),
            patch: &source.name,
            report: &report,
            music: &account,
            notes: &notes,
            stills: &stills,
        };
        output::write(page, contents.html().as_bytes())?;
    }
    let mut out = out();
    if arguments.json {
        let found = json!({
            "film": arguments.film.to_string_lossy(), "patch": source.name, "found": report,
            "music": account, "report": arguments.report.as_ref().map(|path| path.to_string_lossy()),
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
    pub(super) theme: Option<&'a Path>,
    pub(super) theme_scene: Option<&'a str>,
    pub(super) overrides: &'a [Override],
    pub(super) quiet: bool,
}

/// What a patch played of a film.
pub(super) struct Performed {
    /// What each node played that plays notes, by its id.
    pub(super) parts: Vec<(String, Vec<Packet>)>,
    /// The chords, where there are any.
    pub(super) chords: Vec<Packet>,
    /// The part that can be read back, or why there is none.
    chain: Result<Chain, &'static str>,
    /// The transport, with the tempi that were fitted to the film.
    pub(super) transport: Transport,
}

impl Performed {
    /// The same as a piece.
    pub(super) fn score(&self) -> Score {
        Score::of_run(&self.parts, &self.chords, &self.transport)
    }

    /// What the model that plays a part reads in it, of a film that lasts so many `seconds`, or why
    /// no part can be read: the other figures are to be had all the same.
    fn read_back(&self, settings: &Settings, seconds: f64) -> Result<ReadBack, String> {
        let chain = self.chain.as_ref().map_err(|why| (*why).to_owned())?;
        let part = self.parts.iter().find(|(node, _)| node == chain.node());
        let notes = part.map_or(&[][..], |(_, packets)| packets);
        let read = chain.read(settings, notes, &self.transport, seconds);
        read.map_err(|error| format!("`{}` cannot be read back: {error}", chain.node()))
    }
}

impl Music<'_> {
    /// Runs what leads to notes and chords.
    pub(super) fn play(
        &self,
        source: &Source,
        registry: &Registry,
        settings: &Settings,
    ) -> Result<Performed, Failure> {
        // Nothing is written there: what writes files is left out of the run. Only the checker
        // wants a place.
        let nowhere = std::env::temp_dir().join("score-evaluation");
        let binding = Binding {
            source,
            registry,
            settings,
            film: self.film,
            name: &nowhere,
            voice: None,
            stems: false,
            pdf: false,
            theme: self.theme,
            theme_scene: self.theme_scene,
            can_be_left_out: false,
        };
        let mut overrides = binding.overrides("mp4")?;
        overrides.extend(self.overrides.iter().cloned());
        let mut graph = checked(source, &overrides, registry, settings)?;
        let mut taps = |port_type: &PortType| -> Vec<(String, Tap)> {
            let outputs = graph.final_outputs(port_type);
            (outputs.into_iter())
                .filter_map(|(node, port)| Some((node.clone(), graph.tap(&node, &port)?)))
                .collect()
        };
        let parts = taps(&PortType::Notes);
        if parts.is_empty() {
            let why = format!("{} plays no notes", source.name);
            return Err(NodeError::input(why)
                .help("an evaluation needs a patch with notes, such as those of `music_decoder`")
                .into());
        }
        let chords = taps(&PortType::Custom("Chords".into()));
        let names: Vec<&str> = parts.iter().map(|(node, _)| node.as_str()).collect();
        let chain = Chain::of(&mut graph, &names, settings);
        let mut transport = graph.transport().clone();
        if let Some(fit) = run_tapped(graph, settings, self.quiet)? {
            transport.tempo = fit.tempo;
            transport.tempi = Some(fit.tempi);
        }
        Ok(Performed {
            parts: (parts.into_iter())
                .map(|(node, tap)| (node, tap.take()))
                .collect(),
            chords: (chords.into_iter().next()).map_or_else(Vec::new, |(_, tap)| tap.take()),
            chain,
            transport,
        })
    }
}

fn run_tapped(mut graph: Graph, settings: &Settings, quiet: bool) -> Result<Option<Fit>, Failure> {
    graph.keep_tapped();
    Ok(render(graph, settings, quiet)?.fit)
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
        Failure::Message("the film's name is not UTF-8; give the file another".to_owned())
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

/// `1 bar`, `2 bars`.
fn bars(count: usize) -> String {
    match count {
        1 => "1 bar".to_owned(),
        several => format!("{several} bars"),
    }
}

/// The figures as lines.
fn table(out: &mut impl Write, report: &FilmReport) -> std::io::Result<()> {
    writeln!(
        out,
        "{:.1} s, {} notes, {} cuts, {} changes of the music; {} segments of {:.1} s, {} shifts\n",
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
                figure.missing.as_deref().unwrap_or("not available")
            )?,
        }
    }
    if let Some(read) = &report.read {
        writeln!(
            out,
            "\nread back: {} of `{}`, by the model `{}` that plays it",
            bars(read.bars),
            read.node,
            read.model
        )?;
    }
    Ok(())
}
