//! `score run`

mod keeper;
mod loader;
#[cfg(feature = "page")]
mod page;
mod playing;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, select_biased};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use score_engine::{Graph, NodeError, Settings, Watch};
use score_nodes::device::Desk;

use self::loader::{Checked, Given, Loader, Unloaded};
use self::playing::Playing;
use crate::arguments::Run;
use crate::failure::Failure;
use crate::folders::state_of;
use crate::kinds::Kinds;
use crate::log;
#[cfg(feature = "osc")]
use crate::osc::OscServer;
use crate::ownership::{Ownership, confirmed, shown};
use crate::remote::{Published, Remote, Server};
use crate::service::crash;
use crate::service::ending::Ending;
use crate::service::kept::Kept;
use crate::signals::end_of_run;
use crate::status::{StatusWriter, table};
use crate::terminal::tell;

/// How long the music may take to end. Files may take longer: the run waits for them.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(900);

/// Why a run ends that a signal ends.
const STOPPED: &str = "stopped by Ctrl-C or a signal";

pub(crate) fn run(
    arguments: &Run,
    kinds: Kinds<'static>,
    settings: &Settings,
) -> Result<(), Failure> {
    require_apart(arguments)?;
    let proven_after = Duration::from_secs(arguments.proven_after);
    let kept = arguments.keep_alive.then(|| Kept::new(proven_after));
    let mut kept = match kept {
        None => None,
        Some(Some(kept)) => Some(kept),
        Some(None) => return keeper::keep_alive(arguments),
    };
    let instead = kept.as_ref().and_then(|kept| {
        let patch = std::path::absolute(&arguments.patch).unwrap_or_default();
        kept.instead(patch.parent().unwrap_or(&patch))
    });
    let bar = bar(arguments);
    let stop = end_of_run();
    let mut unseen = None;
    let watch = match arguments.no_reload || instead.is_some() {
        true => None,
        false => Watch::new(arguments.poll)
            .map_err(|error| unseen = Some(error))
            .ok(),
    };
    let ownership = Ownership::of_file(&arguments.patch, &arguments.consent);
    let settings = &ownership.settings(settings);
    let loader = Loader::new(Given {
        patch: arguments.patch.clone(),
        overrides: match &kept {
            Some(kept) => kept.values(&arguments.overrides.set),
            None => arguments.overrides.set.clone(),
        },
        instead,
        settings: settings.clone(),
        ownership,
        kinds: kinds.into(),
        watch,
    });
    let (format, most) = (arguments.log_format, arguments.log_size);
    let log = match log::start(format, arguments.log_file.as_deref(), most, &bar) {
        // Music that nobody stands beside does not wait for the file that tells of it.
        Err(why) if arguments.keep_alive => {
            let log = log::start(format, None, most, &bar)?;
            tracing::error!("{why}; what happens is told here instead");
            log
        }
        started => started?,
    };
    loader.kinds().say_by(|line| tracing::warn!("{line}"));
    if let Some(folder) = state_of(&arguments.patch) {
        crash::report_to(arguments.state.clone().unwrap_or(folder), &arguments.patch);
    }
    if let Some(kept) = &kept {
        kept.keep_takes();
    }
    let started = Instant::now();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        patch = %arguments.patch.display(),
        "starts"
    );
    let played = play(
        arguments,
        settings,
        (loader, &mut kept),
        unseen,
        &stop,
        (&log, &bar),
    );
    log.clear(&bar);
    let seconds = started.elapsed().as_secs();
    match &played {
        Ok(why) => tracing::info!(seconds, "ends: {why}"),
        // On a terminal the program prints it itself.
        Err(why) if log::is_apart(arguments.log_format, arguments.log_file.as_deref()) => {
            tracing::error!(seconds, "ends: {}", plain(why));
        }
        Err(_) => {}
    }
    if let (Some(kept), Err(why)) = (&mut kept, &played) {
        kept.ends(&plain(why));
    }
    played.map(|_| ())
}

/// Refuses one file for the log and the status.
fn require_apart(arguments: &Run) -> Result<(), Failure> {
    let absolute = |path: &Option<PathBuf>| std::path::absolute(path.as_ref()?).ok();
    match (
        absolute(&arguments.log_file),
        absolute(&arguments.status_json),
    ) {
        (Some(log), Some(status)) if log == status => {
            let why = format!(
                "`{}` cannot be both the log and the status",
                shown(&log).display()
            );
            let help = "give --log-file and --status-json different names";
            Err(NodeError::input(why).help(help).into())
        }
        _ => Ok(()),
    }
}

/// Plays the patch; gives why it has ended. `unseen` is why edits cannot be seen.
fn play(
    arguments: &Run,
    settings: &Settings,
    (mut loader, kept): (Loader, &mut Option<Kept>),
    unseen: Option<std::io::Error>,
    stop: &Receiver<()>,
    (log, bar): (&log::Log, &ProgressBar),
) -> Result<&'static str, Failure> {
    let lines = arguments.status_json.as_deref().map(StatusWriter::open);
    let lines = match lines.transpose() {
        Err(why) if arguments.keep_alive => {
            tracing::error!("{why}; it plays without a status file");
            None
        }
        opened => opened?,
    };
    let Some((Checked { graph, survey }, unwatched)) = first(&mut loader, stop)? else {
        return Ok(STOPPED);
    };
    let asked = |lines: &[String]| ask(lines.to_vec(), stop);
    loader.ownership().settle(survey, asked)?;
    warn(&graph);
    let unseen = unseen.map(|error| format!("saved changes will not be seen: {error}"));
    for line in unwatched.into_iter().chain(unseen) {
        tracing::warn!("{line}");
    }
    let published = Published::default();
    let is_kept = kept.is_some();
    let mut playing = Playing::new(arguments, settings, (loader, kept), published.clone());
    let remote = Remote::new(playing.steering(), published, &arguments.patch);
    let server = (!arguments.no_remote).then(|| Server::start(remote));
    #[cfg(feature = "osc")]
    let osc = (arguments.osc)
        .map(|address| OscServer::start(address, playing.steering(), &arguments.patch))
        .transpose()?;
    let desk = Desk::start(playing.steering());
    if let Err(error) = &desk {
        tracing::warn!("no MIDI controller is listened to: the system refuses a thread ({error})");
    }
    #[cfg(feature = "page")]
    let page = page::open(arguments, settings, &playing)?;
    playing.prepare_first(graph)?;
    let played = playing.play(stop, |status| {
        log.show(bar, table(status));
        if let Some(lines) = &lines {
            lines.write(status, &arguments.patch);
        }
    });
    log.clear(bar);
    drop(desk);
    drop(server);
    #[cfg(feature = "osc")]
    drop(osc);
    #[cfg(feature = "page")]
    drop(page);
    let (live, loader) = playing.into_parts();
    // Not before: what hangs until here is ended like a run that plays.
    let ending = Ending::begin(is_kept);
    let drained = live.drain(DRAIN_TIMEOUT);
    // Marks what plugins have written.
    loader.ownership().written();
    drop(ending);
    if !drained.left.is_empty() {
        tracing::warn!("did not end in time: {}", drained.left.join(", "));
    }
    let why = played?;
    match drained.lost.is_empty() {
        true => Ok(why),
        false => Err(Failure::Lost(drained.lost)),
    }
}

/// The patch at the start of the run, and warnings about folders that cannot be watched.
/// `None`: a signal came first.
fn first(
    loader: &mut Loader,
    stop: &Receiver<()>,
) -> Result<Option<(Checked, Vec<String>)>, Failure> {
    loader.begin_first().map_err(no_thread)?;
    let mut patience = Duration::from_secs(2);
    loop {
        select_biased! {
            recv(stop) -> _ => return Ok(None),
            recv(loader.loaded()) -> loaded => {
                let Ok(loaded) = loaded else { return Ok(None) };
                loader.is_over(loaded.number);
                return match loaded.patch {
                    Ok(checked) => Ok(Some((checked, loaded.unwatched))),
                    Err(Unloaded::Refused(why)) => Err(why),
                    Err(Unloaded::Gone) => Err(Failure::Message("the patch is gone".to_owned())),
                };
            }
            default(patience) => {
                let seconds = loader.since().map_or(0, |since| since.elapsed().as_secs());
                tell(format_args!("the patch, or a file that it names, is still being read after {seconds} s"));
                patience *= 2;
            }
        }
    }
}

/// Asks on the terminal, while a signal means no.
fn ask(lines: Vec<String>, stop: &Receiver<()>) -> Option<bool> {
    let (tell, told) = bounded(1);
    let asking = std::thread::Builder::new().name("question".to_owned());
    asking.spawn(move || tell.send(confirmed(&lines))).ok()?;
    select_biased! {
        recv(stop) -> _ => Some(false),
        recv(told) -> answer => answer.ok()?,
    }
}

/// A failure without colours.
fn plain(why: &Failure) -> String {
    match why {
        Failure::Patch(diagnostics) => diagnostics.to_string(),
        why => anstream::adapter::strip_str(&why.to_string()).to_string(),
    }
}

/// Logs what a patch warns of.
fn warn(graph: &Graph) {
    for warning in &graph.warnings().mistakes {
        tracing::warn!("{warning}");
    }
}

fn no_thread(error: std::io::Error) -> Failure {
    Failure::Run(score_engine::RunError::Thread(error))
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
