//! Runs a checked patch to its end, with a bar that shows how far it is.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use score_engine::{Graph, Progress, Report, Run, Settings, Stopper};
use score_nodes::fit_cuts::{Fit, fit_cuts};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::log;
use crate::signals::on_end;
use crate::terminal::tell;

/// How often the bar is redrawn.
const REDRAW: Duration = Duration::from_millis(100);

/// How far what is heard has come, in seconds.
pub(crate) type Reached = Arc<dyn Fn() -> Option<f64> + Send + Sync>;

/// How it is shown how far a rendering is.
#[derive(Clone)]
pub(crate) enum Showing {
    Nothing,
    /// A bar, where standard error is a terminal.
    Bar,
    /// Lines of JSON on standard error, for a program that reads them.
    Lines(Reached),
}

impl Showing {
    fn is_nothing(&self) -> bool {
        matches!(self, Showing::Nothing)
    }
}

/// Which of the parts of a rendering goes on, of how many.
#[derive(Clone, Copy)]
struct Act(u8, u8);

/// What was performed.
pub(crate) struct Rendered {
    pub(crate) report: Report,
    /// Tempi that were chosen, where bars were fitted to a film's cuts.
    pub(crate) fit: Option<Fit>,
}

/// Runs `graph` to its end; Ctrl-C stops it. Where its transport wants that, its bars are fitted to
/// the film's cuts.
pub(crate) fn render(graph: Graph, settings: &Settings, quiet: bool) -> Result<Rendered, Failure> {
    let showing = if quiet {
        Showing::Nothing
    } else {
        Showing::Bar
    };
    render_showing(graph, settings, showing)
}

/// The same, shown as wanted.
pub(crate) fn render_showing(
    graph: Graph,
    settings: &Settings,
    showing: Showing,
) -> Result<Rendered, Failure> {
    if graph.transport().follow.is_some() && !showing.is_nothing() {
        let tempo = graph.transport().tempo;
        tell(format_args!(
            "a render has no clock to follow: the tempo is {tempo} throughout"
        ));
    }
    if !graph.transport().fit_cuts {
        let report = play(graph, settings, showing, Act(1, 1))?;
        return Ok(Rendered { report, fit: None });
    }
    let transport = graph.transport().clone();
    let (first, second) = match graph.in_two_acts() {
        Ok(acts) => acts,
        Err(graph) => {
            let report = play(*graph, settings, showing, Act(1, 1))?;
            return Ok(Rendered { report, fit: None });
        }
    };
    let mut report = play(first, settings, showing.clone(), Act(1, 2))?;
    let fit = fit_cuts(&second.cuts(), transport.tempo, transport.metre);
    let graph = second.begin(fit.as_ref().map(|fit| fit.tempi.clone()));
    let then = play(graph, settings, showing, Act(2, 2))?;
    report.nodes.extend(then.nodes);
    report.wires.extend(then.wires);
    Ok(Rendered { report, fit })
}

/// Runs `graph` to its end; Ctrl-C stops it.
fn play(graph: Graph, settings: &Settings, showing: Showing, act: Act) -> Result<Report, Failure> {
    let bar = ProgressBar::new(1000);
    if !showing.is_nothing() {
        log::warnings(&bar);
    }
    let run = Run::start(graph, settings).map_err(Failure::Run)?;
    stop_at_signals(run.stopper());
    let progress: Vec<Arc<Progress>> = run
        .progress()
        .iter()
        .map(|(_, progress)| progress.clone())
        .collect();
    let over = Arc::new(AtomicBool::new(false));
    let drawing = (!showing.is_nothing()).then(|| {
        let over = over.clone();
        std::thread::spawn(move || match showing {
            Showing::Lines(reached) => tell_lines(act, (&progress, &reached), &over),
            _ => draw(&bar, &progress, &over),
        })
    });
    let report = run.wait();
    over.store(true, Ordering::Release);
    if let Some(drawing) = drawing {
        drawing.thread().unpark();
        // A bar that could not be drawn is no reason to fail.
        let _ = drawing.join();
    }
    report.map_err(Failure::Run)
}

/// The run that signals stop: of a rendering of several runs the one that goes on.
static RUNNING: Mutex<Option<Stopper>> = Mutex::new(None);

/// Whether a signal has come: no run begins any more.
static ENDED: AtomicBool = AtomicBool::new(false);

/// From here on a signal stops this run, and whatever would follow it.
fn stop_at_signals(stopper: Stopper) {
    *running() = Some(stopper);
    on_end(stop);
    // One that came between two runs has stopped the one before.
    if is_stopped()
        && let Some(stopper) = &*running()
    {
        stopper.stop();
    }
}

/// Stops the run that goes on, and begins no other, as a signal does.
pub(crate) fn stop() {
    ENDED.store(true, Ordering::Release);
    if let Some(stopper) = &*running() {
        stopper.stop();
    }
}

/// Whether nothing is to begin any more.
pub(crate) fn is_stopped() -> bool {
    ENDED.load(Ordering::Acquire)
}

fn running() -> MutexGuard<'static, Option<Stopper>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Draws how far the slowest node has come, where standard error is a terminal.
fn draw(bar: &ProgressBar, progress: &[Arc<Progress>], over: &AtomicBool) {
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {eta} left") {
        bar.set_style(style);
    }
    while !over.load(Ordering::Acquire) {
        bar.set_position(slowest(progress));
        std::thread::park_timeout(REDRAW);
    }
    bar.finish_and_clear();
}

/// Says in lines of JSON how far the slowest node that reads a file has come, how long that file is,
/// and how far what is heard.
fn tell_lines(
    Act(act, of): Act,
    (progress, reached): (&[Arc<Progress>], &Reached),
    over: &AtomicBool,
) {
    let mut told = None;
    while !over.load(Ordering::Acquire) {
        let now = (slowest(progress), reached());
        if told != Some(now) {
            told = Some(now);
            let known = progress.iter().filter_map(|progress| progress.get());
            let length = known.map(|(_, total)| total as f64 / 1e9).reduce(f64::max);
            let (done, reached) = (now.0 as f64 / 1000.0, now.1);
            tell_reader(&json!({
                "act": act, "of": of, "done": done, "length": length, "reached": reached,
            }));
        }
        std::thread::park_timeout(REDRAW);
    }
}

/// Says something to the program that reads [`Showing::Lines`]; one that has gone is told nothing.
pub(crate) fn tell_reader(line: &Value) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// How far the slowest node has come, in thousandths.
fn slowest(progress: &[Arc<Progress>]) -> u64 {
    let known = progress.iter().filter_map(|progress| progress.get());
    let slowest = known.map(|(done, total)| done * 1000 / total).min();
    slowest.unwrap_or(0)
}
