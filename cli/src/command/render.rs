//! `score render`

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use score_engine::{Progress, Registry, Run, Settings};

use crate::arguments::Render;
use crate::command::load;
use crate::failure::Failure;

/// How often the bar is drawn anew.
const REDRAW: Duration = Duration::from_millis(100);

pub(crate) fn run(
    arguments: &Render,
    registry: &Registry,
    settings: &Settings,
) -> Result<(), Failure> {
    let graph = load(
        &arguments.patch,
        &arguments.overrides.set,
        registry,
        settings,
    )?;
    let started = Instant::now();
    let run = Run::start(graph, settings).map_err(Failure::Run)?;
    let stopper = run.stopper();
    // A second handler cannot be set; then Ctrl-C ends the program at once, which leaves no half-written file
    // under its final name either.
    let _ = ctrlc::set_handler(move || stopper.stop());
    let progress: Vec<Arc<Progress>> = run
        .progress()
        .iter()
        .map(|(_, progress)| progress.clone())
        .collect();
    let over = Arc::new(AtomicBool::new(false));
    let drawing = (!arguments.quiet).then(|| {
        let over = over.clone();
        std::thread::spawn(move || draw(&progress, &over))
    });
    let report = run.wait();
    over.store(true, Ordering::Release);
    if let Some(drawing) = drawing {
        // A bar that could not be drawn is no reason to fail.
        let _ = drawing.join();
    }
    let report = report.map_err(Failure::Run)?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&report).unwrap_or_default();
        writeln!(std::io::stdout().lock(), "{json}")?;
    } else if !arguments.quiet {
        eprintln!("done in {:.1} s", started.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Draws how far the slowest node has come, where standard error is a terminal.
fn draw(progress: &[Arc<Progress>], over: &AtomicBool) {
    let bar = ProgressBar::new(1000);
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
        std::thread::sleep(REDRAW);
    }
    bar.finish_and_clear();
}
