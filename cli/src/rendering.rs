//! Runs a checked patch to its end, with a bar that shows how far it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use score_engine::{Graph, Progress, Report, Run, Settings, Stopper};
use score_nodes::fit_cuts::{Fit, fit_cuts};

use crate::failure::Failure;
use crate::log;
use crate::signals::on_end;
use crate::terminal::tell;

/// How often the bar is redrawn.
const REDRAW: Duration = Duration::from_millis(100);

/// What was performed.
pub(crate) struct Rendered {
    pub(crate) report: Report,
    /// Tempi that were chosen, where bars were fitted to a film's cuts.
    pub(crate) fit: Option<Fit>,
}

/// Runs `graph` to its end; Ctrl-C stops it. Where its transport wants that, its bars are fitted to
/// the film's cuts.
pub(crate) fn render(graph: Graph, settings: &Settings, quiet: bool) -> Result<Rendered, Failure> {
    if graph.transport().follow.is_some() && !quiet {
        let tempo = graph.transport().tempo;
        tell(format_args!(
            "a render has no clock to follow: the tempo is {tempo} throughout"
        ));
    }
    if !graph.transport().fit_cuts {
        let report = play(graph, settings, quiet)?;
        return Ok(Rendered { report, fit: None });
    }
    let transport = graph.transport().clone();
    let (first, second) = match graph.in_two_acts() {
        Ok(acts) => acts,
        Err(graph) => {
            let report = play(*graph, settings, quiet)?;
            return Ok(Rendered { report, fit: None });
        }
    };
    let mut report = play(first, settings, quiet)?;
    let fit = fit_cuts(&second.cuts(), transport.tempo, transport.metre);
    let graph = second.begin(fit.as_ref().map(|fit| fit.tempi.clone()));
    let then = play(graph, settings, quiet)?;
    report.nodes.extend(then.nodes);
    report.wires.extend(then.wires);
    Ok(Rendered { report, fit })
}

/// Runs `graph` to its end; Ctrl-C stops it.
fn play(graph: Graph, settings: &Settings, quiet: bool) -> Result<Report, Failure> {
    let bar = ProgressBar::new(1000);
    if !quiet {
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
    let drawing = (!quiet).then(|| {
        let over = over.clone();
        std::thread::spawn(move || draw(&bar, &progress, &over))
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
    on_end(|| {
        ENDED.store(true, Ordering::Release);
        if let Some(stopper) = &*running() {
            stopper.stop();
        }
    });
    // One that came between two runs has stopped the one before.
    if ENDED.load(Ordering::Acquire)
        && let Some(stopper) = &*running()
    {
        stopper.stop();
    }
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
        let slowest = progress
            .iter()
            .filter_map(|progress| progress.get())
            .map(|(done, total)| done * 1000 / total)
            .min();
        bar.set_position(slowest.unwrap_or(0));
        std::thread::park_timeout(REDRAW);
    }
    bar.finish_and_clear();
}
