//! `score run`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, never, select_biased};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use score_engine::{Graph, Live, LiveOptions, Revision, RunError, Settings, Status, Watch};

use crate::arguments::Run;
use crate::command::{files_of, load};
use crate::failure::Failure;
use crate::kinds::Kinds;
use crate::log;
use crate::ownership::Ownership;
use crate::status::{Lines, table};

/// How long the music may take to end. Files may take longer: the run waits for them.
const DRAINS_WITHIN: Duration = Duration::from_millis(900);

/// How often the run is looked after.
const LOOK: Duration = Duration::from_millis(200);

/// How often it tells what it does.
const TELL: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: &Run, kinds: &Kinds<'_>, settings: &Settings) -> Result<(), Failure> {
    let bar = bar(arguments);
    // Before the patch is read, so that no save is missed; what cannot be watched is told once the log is there.
    let mut watch = Some(arguments)
        .filter(|arguments| !arguments.no_reload)
        .and_then(|_| Watch::new().ok());
    if let Some(watch) = &mut watch {
        let _ = watch.set(files_of(&arguments.patch));
    }
    let graph = load(&arguments.patch, &arguments.overrides.set, kinds, settings)?;
    let ownership = Ownership::of_file(&arguments.patch, &arguments.consent);
    ownership.settle(&graph)?;
    let settings = &ownership.settings(settings);
    let log = log::start(
        arguments.log_format,
        arguments.log_file.as_deref(),
        arguments.log_size,
        &bar,
    )?;
    kinds.say_by(|line| tracing::warn!("{line}"));
    warn(&graph);
    let lines = arguments
        .status_json
        .as_deref()
        .map(Lines::open)
        .transpose()?;
    let stop = signals();
    let (live, revision) =
        Live::start(graph, settings, LiveOptions::default()).map_err(Failure::Run)?;
    tracing::info!(
        revision = revision.number,
        nodes = revision.begun.len(),
        generations = generations(&revision),
        "plays"
    );
    let mut playing = Playing {
        arguments,
        kinds,
        settings,
        ownership: &ownership,
        live,
        watch,
    };
    playing.watch();
    playing.play(&stop, |status| {
        log.show(&bar, table(status));
        if let Some(lines) = &lines {
            lines.write(status);
        }
    });
    log.clear(&bar);
    let drained = playing.live.drain(DRAINS_WITHIN);
    if !drained.left.is_empty() {
        tracing::warn!("did not end in time: {}", drained.left.join(", "));
    }
    match drained.lost.is_empty() {
        true => Ok(()),
        false => Err(Failure::Lost(drained.lost)),
    }
}

/// A table on a terminal, unless something else writes there.
fn bar(arguments: &Run) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if arguments.quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    bar
}

/// Hears of Ctrl-C, SIGTERM and SIGHUP; the second time ends the program at once.
fn signals() -> Receiver<()> {
    let (tell, told) = bounded(1);
    // Where no handler can be set, a signal ends the program at once.
    let _ = ctrlc::set_handler(move || {
        if tell.try_send(()).is_err() {
            std::process::exit(130);
        }
    });
    told
}

/// A patch that plays, and what its edits are checked with.
struct Playing<'a> {
    arguments: &'a Run,
    kinds: &'a Kinds<'a>,
    settings: &'a Settings,
    ownership: &'a Ownership<'a>,
    live: Live,
    watch: Option<Watch>,
}

impl Playing<'_> {
    /// Plays until a signal comes or every node has ended, and has shown what it does.
    fn play(&mut self, stop: &Receiver<()>, show: impl Fn(&Status)) {
        let mut told = Instant::now();
        let mut steered = None;
        loop {
            let saved = match &self.watch {
                Some(watch) => watch.saved().clone(),
                None => never(),
            };
            select_biased! {
                recv(stop) -> _ => return,
                recv(saved) -> files => self.reload(files.unwrap_or_default()),
                default(LOOK) => {}
            }
            if self.live.is_over() {
                tracing::info!("every node has ended");
                return;
            }
            if told.elapsed() < TELL {
                continue;
            }
            told = Instant::now();
            let status = self.live.status();
            if steered.replace(status.steered) != Some(status.steered) && !status.steered {
                tracing::info!("no sound device leads the clock; the system's clock does");
            }
            show(&status);
        }
    }

    /// Takes over what the patch says now, or plays on and says why not.
    fn reload(&mut self, touched: BTreeSet<PathBuf>) {
        let started = Instant::now();
        let running = self.live.revision();
        let loaded = load(
            &self.arguments.patch,
            &self.arguments.overrides.set,
            self.kinds,
            self.settings,
        );
        let done = loaded.and_then(|graph| {
            self.ownership.settle_edit(&graph)?;
            warn(&graph);
            self.live
                .replace(graph, &touched)
                .map_err(|error| match error {
                    RunError::Stopped => Failure::Unknown("a node gave up".to_owned()),
                    error => Failure::Run(error),
                })
        });
        match done {
            Ok(None) => {}
            Ok(Some(revision)) => tell(&revision, started.elapsed()),
            Err(why) => {
                let why = match &why {
                    Failure::Patch(diagnostics) => diagnostics.to_string(),
                    why => anstream::adapter::strip_str(&why.to_string()).to_string(),
                };
                tracing::warn!(
                    revision = running,
                    refused = true,
                    "the edit is refused, revision {running} plays on:\n{why}"
                );
            }
        }
        self.watch();
    }

    /// Watches the patch, what it includes, the plugins, and the files that its nodes read.
    fn watch(&mut self) {
        if self.arguments.no_reload {
            return;
        }
        if self.watch.is_none() {
            match Watch::new() {
                Ok(watch) => self.watch = Some(watch),
                Err(error) => tracing::warn!("edits will not be seen: {error}"),
            }
        }
        let Some(watch) = &mut self.watch else { return };
        let mut files = self.live.files();
        files.extend(files_of(&self.arguments.patch));
        files.extend(self.kinds.files());
        for folder in watch.set(files) {
            tracing::warn!(
                "edits in `{}` will not be seen: it cannot be watched",
                folder.display()
            );
        }
    }
}

/// Logs what a patch warns of.
fn warn(graph: &Graph) {
    for warning in &graph.warnings().0 {
        tracing::warn!("{warning}");
    }
}

fn tell(revision: &Revision, took: Duration) {
    let parts = [
        ("began", &revision.begun),
        ("got new values", &revision.set),
        ("went", &revision.gone),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(what, ids)| format!("{what}: {}", ids.join(", ")))
        .collect();
    tracing::info!(
        revision = revision.number,
        milliseconds = took.as_millis() as u64,
        generations = generations(revision),
        "the edit plays; {}",
        parts.join("; ")
    );
}

/// The generations of the nodes that began, in their order: `7, 8`.
fn generations(revision: &Revision) -> String {
    let numbers: Vec<String> = revision.generations.iter().map(u64::to_string).collect();
    numbers.join(", ")
}
