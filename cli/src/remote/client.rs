//! Finds the chosen run, and sends it requests.

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use humantime::format_duration;
use score_link::folder::{self, CONTROL};
use serde_json::Value;

use super::line::{Line, Lines, write};
use super::protocol::{
    About, MAX_ANSWER, MAX_REQUEST, Refusal, Request, read_answer, too_long, write_request,
};

/// How long runs may take to say which they are.
const HELLO_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a run may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client waits until it tries again with a run that has too many.
const BUSY_DELAY: Duration = Duration::from_millis(20);

/// Sockets that are looked at.
const MAX_SOCKETS: usize = 256;

/// A run that can be asked.
pub(crate) struct Connection {
    stream: UnixStream,
    /// Which run it is.
    pub(crate) about: About,
}

/// A run that was found.
enum Found {
    Run(Connection),
    /// A process that has a socket and does not answer, or not so that it can be understood.
    Silent(u32, Refusal),
}

/// Connects to the run that `which` names, by its patch or its process, or to the only one.
///
/// # Errors
/// There is none, or more than one.
pub(crate) fn connect(which: Option<&str>) -> Result<Connection, Refusal> {
    chosen(find(which), which)
}

/// The run that is meant. Of a process that does not answer it is not known which patch it plays:
/// without `which` it may be the one.
fn chosen(found: Vec<Found>, which: Option<&str>) -> Result<Connection, Refusal> {
    let mut list = Vec::new();
    let (mut runs, mut silent) = (Vec::new(), Vec::new());
    for found in found {
        match found {
            Found::Run(run) if which.is_none_or(|which| is_meant(&run.about, which)) => {
                list.push(line(&run.about));
                runs.push(run);
            }
            Found::Run(_) => {}
            Found::Silent(process, why) => {
                if which.is_none() {
                    list.push(format!("{process}  {}", why.message));
                }
                silent.push((process, why));
            }
        }
    }
    if list.len() > 1 {
        let message = format!("{} runs play:\n  {}", list.len(), list.join("\n  "));
        let help = "choose one with --run PID, or --run PATCH";
        return Err(Refusal::new("several_runs", message).help(help));
    }
    match (runs.pop(), silent.into_iter().next(), which) {
        (Some(run), ..) => Ok(run),
        (None, None, _) => Err(no_run(which)),
        (None, Some((process, why)), Some(which)) if which != process.to_string() => Err(Refusal {
            message: format!("no run that answers plays {which}; {}", why.message),
            ..why
        }),
        (None, Some((_, why)), _) => Err(why),
    }
}

/// A run in a list.
fn line(about: &About) -> String {
    let long = format_duration(Duration::from_secs(about.seconds.max(0.0) as u64));
    let (pid, patch, since) = (about.pid, &about.patch, &about.since);
    format!("{pid}  {patch}  since {since} ({long})")
}

fn no_run(which: Option<&str>) -> Refusal {
    let message = match which {
        Some(which) => format!("no `score run` of yours plays {which}"),
        None => "no `score run` of yours is playing on this machine".to_owned(),
    };
    // One may play whose folder is not closed to others: it has no socket then.
    let folders = folder::to_look_in().into_iter();
    let open = folders
        .filter(|folder| folder.exists())
        .find_map(|folder| folder::require_own(&folder).err());
    let help = match open {
        Some(why) => format!("{why}, and start the run again: it could open no socket there"),
        None => {
            "start one with score run PATCH, without --no-remote and as the same user".to_owned()
        }
    };
    Refusal::new("no_run", message).help(help)
}

/// Whether a run is the one that somebody calls `which`.
fn is_meant(about: &About, which: &str) -> bool {
    let path = Path::new(&about.path);
    let is_name = path.file_name().is_some_and(|name| name == which)
        || path.file_stem().is_some_and(|stem| stem == which);
    let is_path = || {
        let same = |a: &Path, b: &Path| a == b || a.canonicalize().ok() == b.canonicalize().ok();
        std::path::absolute(which).is_ok_and(|which| which.exists() && same(&which, path))
    };
    about.pid.to_string() == which || about.patch == which || is_name || is_path()
}

/// The runs of this user; if `which` is the process of one, that one. All are asked at the same
/// time, each on its own thread.
fn find(which: Option<&str>) -> Vec<Found> {
    let folders = folder::to_look_in().into_iter();
    let folders = folders.filter(|folder| folder::require_own(folder).is_ok());
    let mut sockets: Vec<_> = folders
        .flat_map(|folder| folder::sockets_in(&folder, CONTROL))
        .take(MAX_SOCKETS)
        .collect();
    // Then no other needs to be asked.
    let is_meant = |process: &u32| which.is_some_and(|which| which == process.to_string());
    if sockets.iter().any(|(process, _)| is_meant(process)) {
        sockets.retain(|(process, _)| is_meant(process));
    }
    let (tell, told) = mpsc::channel();
    let deadline = Instant::now() + HELLO_TIMEOUT;
    let mut waiting = Vec::new();
    for (process, path) in sockets {
        let tell = tell.clone();
        let asked = std::thread::Builder::new().spawn(move || {
            // It may come too late.
            let _ = tell.send((process, look(process, &path, deadline)));
        });
        if asked.is_ok() {
            waiting.push(process);
        }
    }
    drop(tell);
    let mut all = Vec::new();
    while let Ok((process, found)) =
        told.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    {
        if let Some(at) = waiting.iter().position(|waiting| *waiting == process) {
            waiting.swap_remove(at);
        }
        all.extend(found);
    }
    // A stopped process accepts no client.
    let silent = |process| Found::Silent(process, does_not_answer(process));
    all.extend(waiting.into_iter().map(silent));
    all.sort_by_key(|found| match found {
        Found::Run(run) => run.about.pid,
        Found::Silent(process, _) => *process,
    });
    all
}

/// Asks which run has this socket. `None`: it is stale, and is removed.
fn look(process: u32, path: &PathBuf, deadline: Instant) -> Option<Found> {
    loop {
        let connected = UnixStream::connect(path);
        folder::remove_stale(path, &connected);
        let stream = connected.ok()?;
        let silent = |why| Some(Found::Silent(process, why));
        match exchange(&stream, &Request::Hello, deadline) {
            Ok(Ok(about)) => {
                return match serde_json::from_value(about) {
                    Ok(about) => Some(Found::Run(Connection { stream, about })),
                    Err(_) => silent(does_not_answer(process)),
                };
            }
            Ok(Err(refusals)) => {
                let is_busy = refusals.iter().any(|refusal| refusal.kind == "busy");
                if !is_busy || Instant::now() + BUSY_DELAY >= deadline {
                    let why = refusals.into_iter().next();
                    return silent(why.unwrap_or_else(|| does_not_answer(process)));
                }
                std::thread::sleep(BUSY_DELAY);
            }
            Err(Failed::Read(why)) => return silent(why),
            // It has just ended.
            Err(Failed::Socket(error)) if error.kind() == ErrorKind::UnexpectedEof => return None,
            Err(Failed::Socket(_)) => return silent(does_not_answer(process)),
        }
    }
}

fn does_not_answer(process: u32) -> Refusal {
    let message = format!("process {process} plays and does not answer");
    let help = format!("it may be stopped: continue it with kill -CONT {process}, or end it");
    Refusal::new("silent", message).help(help)
}

/// Why a run could not be asked.
enum Failed {
    Socket(io::Error),
    Read(Refusal),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Failed::Socket(error)
    }
}

fn exchange(
    stream: &UnixStream,
    request: &Request,
    deadline: Instant,
) -> Result<Result<Value, Vec<Refusal>>, Failed> {
    let line = write_request(request);
    if line.len() > MAX_REQUEST {
        return Ok(Err(vec![too_long()]));
    }
    match write(stream, &line, deadline) {
        // One that is busy says so and closes, before it has read anything.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        written => written?,
    }
    match Lines::new(stream, MAX_ANSWER).next(deadline)? {
        Line::Whole(line) => read_answer(&line).map_err(Failed::Read),
        Line::TooLong => Err(io::Error::from(ErrorKind::InvalidData).into()),
        Line::End => Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
    }
}

impl Connection {
    /// Asks the run.
    ///
    /// # Errors
    /// It refuses, or does not answer.
    pub(crate) fn ask(&self, request: &Request) -> Result<Value, Vec<Refusal>> {
        match exchange(&self.stream, request, Instant::now() + ANSWER_TIMEOUT) {
            Ok(answer) => answer,
            Err(Failed::Read(why)) => Err(vec![why]),
            Err(Failed::Socket(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                let message = format!("process {} has just ended", self.about.pid);
                Err(vec![Refusal::new("no_run", message)])
            }
            Err(Failed::Socket(_)) => Err(vec![does_not_answer(self.about.pid)]),
        }
    }
}
