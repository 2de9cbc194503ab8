//! A program that does one thing for one film: it may crash or hang without harm to the worker.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::signals::ENDS_WITH_STARTER;

/// What small questions to a film may take: a file on a slow disk answers late.
pub(super) const SHORT: Duration = Duration::from_secs(120);

/// For what nobody stops.
pub(super) static NEVER: AtomicBool = AtomicBool::new(false);

/// How often a program that runs is looked at; its end is noticed at once.
const LOOK: Duration = Duration::from_millis(50);

/// How long a program has to end by itself, and the last words of one that has ended to arrive:
/// what it has started may hold its pipes.
const GRACE: Duration = Duration::from_secs(3);

/// What is kept of what a program prints, and of what it says on standard error.
const MOST_PRINTED: u64 = 4 << 20;
const MOST_SAID: usize = 4 << 10;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// By itself, with this code.
    Exit(i32),
    /// By this signal, which nobody here sent.
    Signal(i32),
    /// It had taken too long.
    TimedOut,
    /// Because the batch is ended.
    Stopped,
}

/// A program that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) how: How,
    pub(super) printed: Vec<u8>,
    /// The end of what it said on standard error.
    pub(super) stderr: Vec<u8>,
}

impl Ended {
    /// What it said last.
    pub(super) fn said(&self) -> String {
        let said = String::from_utf8_lossy(&self.stderr);
        let line = said.lines().rev().find(|line| !line.trim().is_empty());
        line.map_or_else(|| format!("{:?}", self.how), |line| line.trim().to_owned())
    }
}

/// Runs a program to its end, `limit` at most, or until `stop`. It gets nothing to read, and ends
/// with this program whatever happens to that.
///
/// # Errors
/// It cannot be started.
pub(super) fn run(command: &mut Command, limit: Duration, stop: &AtomicBool) -> io::Result<Ended> {
    run_for(command, limit, || limit, stop)
}

/// The same, where `limit` says how long it may take in all: it is asked once it has taken longer
/// than `least`, which it may.
///
/// # Errors
/// It cannot be started.
pub(super) fn run_for(
    command: &mut Command,
    least: Duration,
    limit: impl FnOnce() -> Duration,
    stop: &AtomicBool,
) -> io::Result<Ended> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.env(ENDS_WITH_STARTER, std::process::id().to_string());
    // A Ctrl-C is meant for the batch, which ends its programs itself: they and what they started.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let [printed, stderr] = match heard(&mut child) {
        Ok(heard) => heard,
        Err(why) => {
            // Nobody would hear it.
            end(&mut child)?;
            return Err(why);
        }
    };
    let (how, printed) = wait(&mut child, &printed, (begun, least, limit), stop)?;
    Ok(Ended {
        how,
        printed,
        stderr: stderr.recv_timeout(GRACE).unwrap_or_default(),
    })
}

/// Has threads read what a program prints and what it says on standard error; each comes once it is
/// over.
fn heard(child: &mut Child) -> io::Result<[Receiver<Vec<u8>>; 2]> {
    let thread = std::thread::Builder::new;
    let (told, printed) = channel();
    if let Some(mut stdout) = child.stdout.take() {
        thread().spawn(move || {
            let mut kept = Vec::new();
            let _ = stdout.by_ref().take(MOST_PRINTED).read_to_end(&mut kept);
            let _ = io::copy(&mut stdout, &mut io::sink());
            let _ = told.send(kept);
        })?;
    }
    let (told, stderr) = channel();
    if let Some(stderr) = child.stderr.take() {
        thread().spawn(move || told.send(tail(stderr)))?;
    }
    Ok([printed, stderr])
}

/// Waits for the end of a program, and for what it prints.
fn wait(
    child: &mut Child,
    over: &Receiver<Vec<u8>>,
    (begun, least, limit): (Instant, Duration, impl FnOnce() -> Duration),
    stop: &AtomicBool,
) -> io::Result<(How, Vec<u8>)> {
    let mut printed = None;
    let (mut until, mut limit) = (begun + least, Some(limit));
    loop {
        if let Some(status) = child.try_wait()? {
            let printed = printed.or_else(|| over.recv_timeout(GRACE).ok());
            return Ok((how(status), printed.unwrap_or_default()));
        }
        if Instant::now() >= until
            && let Some(limit) = limit.take()
        {
            until = begun + limit().max(least);
        }
        let reason = match () {
            () if stop.load(Ordering::Acquire) => Some(How::Stopped),
            () if Instant::now() >= until => Some(How::TimedOut),
            () => None,
        };
        if let Some(reason) = reason {
            end(child)?;
            let printed = printed.or_else(|| over.recv_timeout(GRACE).ok());
            return Ok((reason, printed.unwrap_or_default()));
        }
        // Once it has closed its output it is about to end.
        if printed.is_some() {
            std::thread::sleep(Duration::from_millis(1));
        } else {
            printed = match over.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) => None,
                closed => Some(closed.unwrap_or_default()),
            };
        }
    }
}

/// Asks a program to end, so that it ends what it has started; then ends it and all of that.
fn end(child: &mut Child) -> io::Result<()> {
    let started = family::of(child.id());
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process, kill_process_group};
        if let Some(id) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            // Each fails only when the program is gone.
            let _ = kill_process(id, Signal::TERM);
            let until = Instant::now() + GRACE;
            while Instant::now() < until && child.try_wait()?.is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
            if child.try_wait()?.is_none() {
                let _ = kill_process_group(id, Signal::KILL);
            }
        }
    }
    let _ = child.kill();
    child.wait()?;
    // ffmpeg is in a group of its own, and one that hangs notices nothing.
    started.iter().for_each(family::end);
    Ok(())
}

fn how(status: ExitStatus) -> How {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return How::Signal(signal);
    }
    How::Exit(status.code().unwrap_or(1))
}

/// The end of all that is said.
fn tail(mut says: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = says.read(&mut piece) {
        kept.extend_from_slice(&piece[..read]);
        let too_many = kept.len().saturating_sub(MOST_SAID);
        kept.drain(..too_many);
    }
    kept
}

/// What a program has started, and that in turn.
#[cfg(target_os = "linux")]
mod family {
    use rustix::process::{Pid, Signal, kill_process};

    /// A process, and when it began: another that has its number later began later.
    pub(super) type Member = (u32, String);

    /// The processes that `parent` and they themselves have started, as far as the system tells.
    pub(super) fn of(parent: u32) -> Vec<Member> {
        let mut members = Vec::new();
        let mut parents = vec![parent];
        while let Some(parent) = parents.pop() {
            let threads = std::fs::read_dir(format!("/proc/{parent}/task"));
            for thread in threads.into_iter().flatten().flatten() {
                let children = std::fs::read_to_string(thread.path().join("children"));
                let children = children.unwrap_or_default();
                for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
                    if let Some(begun) = begun(child) {
                        members.push((child, begun));
                        parents.push(child);
                    }
                }
            }
        }
        members
    }

    /// Ends a process, if it is still the same.
    pub(super) fn end((id, was): &Member) {
        let pid = i32::try_from(*id).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| begun(*id).as_ref() == Some(was)) {
            // Fails when it is gone.
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// When a process began, in ticks since the system did: the 22nd field of its `stat` (proc(5)),
    /// the 20th after its name in brackets.
    fn begun(id: u32) -> Option<String> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let (_, after) = stat.rsplit_once(") ")?;
        after.split(' ').nth(19).map(str::to_owned)
    }
}

/// Elsewhere what hangs is left to the system.
#[cfg(not(target_os = "linux"))]
mod family {
    pub(super) fn of(_: u32) -> Vec<()> {
        Vec::new()
    }

    pub(super) fn end(_: &()) {}
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn sh(script: &str, seconds: f64) -> Ended {
        let limit = Duration::from_secs_f64(seconds);
        run(Command::new("sh").args(["-c", script]), limit, &NEVER).unwrap()
    }

    #[test]
    fn a_program_ends_in_one_of_its_ways_and_is_never_waited_for_in_vain() {
        let good = sh("echo out; echo why >&2; exit 3", 60.0);
        assert_eq!((good.how, good.said().as_str()), (How::Exit(3), "why"));
        assert_eq!(good.printed, b"out\n");
        assert_eq!(sh("kill -SEGV $$", 60.0).how, How::Signal(11));
        // What it has started holds the pipes too.
        let begun = Instant::now();
        assert_eq!(sh("sleep 600 & sleep 600", 0.2).how, How::TimedOut);
        assert_eq!(sh("sleep 9 & exit 0", 60.0).how, How::Exit(0));
        assert_eq!(
            sh("exec >&- 2>&-; sleep 0.1; exit 4", 60.0).how,
            How::Exit(4)
        );
        assert!(begun.elapsed() < Duration::from_secs(60));
        // It does not outlive it in a group of its own either.
        let apart = "setsid sh -c 'echo $$; exec sleep 600' & wait";
        let apart = sh(apart, 1.0);
        let id = String::from_utf8(apart.printed).unwrap();
        assert_eq!(apart.how, How::TimedOut);
        // A process that has ended has no folder any more.
        let folder = format!("/proc/{}/cwd", id.trim());
        let begun = Instant::now();
        while cfg!(target_os = "linux") && std::path::Path::new(&folder).exists() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{id} goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
        let stop = AtomicBool::new(true);
        let stopped = run(Command::new("sleep").arg("600"), SHORT, &stop).unwrap();
        assert_eq!(stopped.how, How::Stopped);
        // How long it may take is asked only of one that takes longer than the least time.
        let mut quick = Command::new("true");
        let ended = run_for(&mut quick, SHORT, || panic!("it was asked"), &NEVER).unwrap();
        assert_eq!(ended.how, How::Exit(0));
        let slow = |script: &str, limit: u64| {
            let (least, limit) = (Duration::from_millis(50), Duration::from_secs(limit));
            let mut slow = Command::new("sh");
            slow.args(["-c", script]);
            run_for(&mut slow, least, || limit, &NEVER).unwrap().how
        };
        assert_eq!(slow("sleep 0.3; exit 5", 600), How::Exit(5));
        assert_eq!(slow("sleep 600", 0), How::TimedOut);
        let much = sh("yes | head -c 9000000; yes no | head -c 90000 >&2", 60.0);
        assert_eq!(much.printed.len() as u64, MOST_PRINTED);
        assert_eq!(much.stderr.len(), MOST_SAID);
    }
}
