//! Why a film failed, by class, and whether trying it again can help.

use std::io::{self, ErrorKind};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::child::{Ended, How};
use crate::failure::Failure;

/// Workers that ended while they were at a film, before it is taken for the one that ends them.
const MOST_LOST: u32 = 20;

/// What systems say of a folder on a server or a disk that does not answer, or not now.
const GONE: [&str; 7] = [
    "Input/output error",
    "Remote I/O error",
    "Host is down",
    "No route to host",
    "Connection timed out",
    "Read-only file system",
    "Resource temporarily unavailable",
];

/// Why a film failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Class {
    /// There is no such file, or it may not be read.
    Missing,
    /// What is in the file is no film, or damaged.
    Unreadable,
    /// This ffmpeg does not know its codec.
    NoCodec,
    /// The program crashed.
    Crashed,
    /// Somebody killed the program: the system, mostly, when the memory is full.
    Killed,
    /// It took too long.
    OutOfTime,
    /// The workers that were at it have all ended.
    Abandoned,
    /// Where its results go lies something else.
    Occupied,
    /// Something else, which the program said.
    Failed,
}

impl Class {
    /// The word in reports.
    pub(super) fn word(self) -> &'static str {
        match self {
            Class::Missing => "missing",
            Class::Unreadable => "unreadable",
            Class::NoCodec => "no_codec",
            Class::Crashed => "crashed",
            Class::Killed => "killed",
            Class::OutOfTime => "out_of_time",
            Class::Abandoned => "abandoned",
            Class::Occupied => "occupied",
            Class::Failed => "failed",
        }
    }

    /// Whether it may go well the next time: whatever depends on more than the film.
    fn is_by_chance(self) -> bool {
        matches!(self, Class::Crashed | Class::Killed | Class::OutOfTime)
    }

    /// Whether it is told to other workers: what any of them sees for itself is not.
    pub(super) fn is_noted(self) -> bool {
        !matches!(self, Class::Missing | Class::Occupied)
    }

    /// Whether it may have come of a film that could not be read just then.
    pub(super) fn is_of_reading(self) -> bool {
        matches!(self, Class::Unreadable | Class::Failed)
    }
}

/// Whether an error comes of what may be otherwise another time: a server that does not answer, a
/// file that was replaced while it was open, a machine that has no room.
pub(super) fn is_temporary(why: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        // These have no kind of their own.
        let temporary = [
            Errno::IO,
            Errno::HOSTDOWN,
            Errno::SHUTDOWN,
            Errno::NOLCK,
            Errno::NFILE,
            Errno::MFILE,
            #[cfg(target_os = "linux")]
            Errno::REMOTEIO,
        ];
        if Errno::from_io_error(why).is_some_and(|why| temporary.contains(&why)) {
            return true;
        }
    }
    matches!(
        why.kind(),
        ErrorKind::StaleNetworkFileHandle
            | ErrorKind::TimedOut
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::NotConnected
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ResourceBusy
            | ErrorKind::WouldBlock
            | ErrorKind::Interrupted
            | ErrorKind::OutOfMemory
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            // A disk that failed while films were scored is read-only from then on.
            | ErrorKind::ReadOnlyFilesystem
    )
}

/// Why no film can be scored: for the reason that the system gives, which may be gone another time.
/// A disk that is read-only from the start does not get better by itself.
pub(super) fn refusal(why: &io::Error, message: String) -> Failure {
    match is_temporary(why) && why.kind() != ErrorKind::ReadOnlyFilesystem {
        true => Failure::Films {
            failed: 0,
            left: 0,
            why: Some(message),
        },
        false => Failure::Message(message),
    }
}

/// A film that failed once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) class: Class,
    pub(super) reason: String,
}

impl Failed {
    pub(super) fn new(class: Class, reason: impl Into<String>) -> Self {
        Failed {
            class,
            reason: reason.into(),
        }
    }
}

/// What went wrong with a program.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// With this film.
    Film(Failed),
    /// With this machine or the folder: no film would go well, and another time this one does.
    Surroundings(String),
    /// The batch is being ended.
    Stopped,
}

/// What went wrong with `score film`, which ended so; `None`: nothing.
pub(super) fn fault(ended: &Ended, limit: f64) -> Option<Fault> {
    let film = |class, reason: String| Some(Fault::Film(Failed::new(class, reason)));
    match ended.how {
        How::Exit(0) => None,
        How::Stopped => Some(Fault::Stopped),
        How::TimedOut => film(
            Class::OutOfTime,
            format!("it was not done after {limit:.0} s"),
        ),
        How::Signal(15 | 2 | 1) => Some(Fault::Stopped),
        How::Signal(9) => film(
            Class::Killed,
            "the program was killed; the memory may have been full".to_owned(),
        ),
        How::Signal(signal) => film(
            Class::Crashed,
            format!("the program crashed (signal {signal})"),
        ),
        How::Exit(code) => Some(said(ended, code)),
    }
}

fn said(ended: &Ended, code: i32) -> Fault {
    let printed: Value = serde_json::from_slice(&ended.printed).unwrap_or(Value::Null);
    let error = &printed["error"];
    let Some(message) = error["message"].as_str() else {
        let reason = format!("the program ended with {code}: {}", ended.said());
        return Fault::Film(Failed::new(Class::Crashed, reason));
    };
    of_message(message, error["kind"].as_str().unwrap_or_default())
}

/// What went wrong, by what is said of it and the kind of the error.
pub(super) fn of_message(message: &str, kind: &str) -> Fault {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&[
        "No space left on device",
        "Disk quota exceeded",
        "os error 28)",
        "os error 122)",
    ]) {
        return Fault::Surroundings(format!("the disk is full ({message})"));
    }
    let is_here = has(&[
        "Too many open files",
        "Stale file handle",
        "Transport endpoint",
        // Of ffmpeg, which every film needs.
        "cannot be started",
    ]);
    // What is written goes to the folder of all films.
    let is_there = kind == "output" && has(&GONE);
    if is_here || is_there || kind == "missing" {
        return Fault::Surroundings(message.to_owned());
    }
    let class = match kind {
        _ if has(&["codec that this ffmpeg does not know", "Decoder not found"])
            || (has(&["ecoder"]) && has(&["not found"])) =>
        {
            Class::NoCodec
        }
        // ffmpeg ended without a word, which it does only by a signal.
        _ if has(&["no reason given"]) => Class::Crashed,
        "input" => Class::Unreadable,
        "stopped" => return Fault::Stopped,
        "internal" => Class::Crashed,
        _ => Class::Failed,
    };
    Fault::Film(Failed::new(class, message))
}

/// Whether a film is given up that has failed so often in these ways, and workers that were at it
/// have ended so often; `tries`: how often something is tried that may go well.
pub(super) fn verdict<'a>(
    failures: impl DoubleEndedIterator<Item = &'a Failed> + Clone,
    lost: u32,
    tries: u32,
) -> Option<Failed> {
    let last = failures.clone().next_back();
    let given_up = failures.clone().any(|failed| !failed.class.is_by_chance())
        || failures.count() >= tries as usize;
    if given_up {
        return last.cloned();
    }
    (lost >= MOST_LOST).then(|| {
        let reason = format!("{lost} workers have ended while they were at it");
        Failed::new(Class::Abandoned, reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(how: How, printed: &str) -> Ended {
        Ended {
            how,
            printed: printed.into(),
            stderr: b"a\nlast\n\n".to_vec(),
        }
    }

    fn class(how: How, printed: &str) -> Class {
        match fault(&ended(how, printed), 5.0) {
            Some(Fault::Film(failed)) => failed.class,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_end_has_its_class() {
        assert_eq!(fault(&ended(How::Exit(0), ""), 5.0), None);
        assert_eq!(class(How::Signal(11), ""), Class::Crashed);
        assert_eq!(class(How::Signal(9), ""), Class::Killed);
        assert_eq!(class(How::TimedOut, ""), Class::OutOfTime);
        assert_eq!(class(How::Exit(101), "panicked"), Class::Crashed);
        let said = |message: &str, kind: &str| {
            format!("{{\"error\": {{\"message\": \"{message}\", \"kind\": \"{kind}\"}}}}")
        };
        let of = |message, kind| class(How::Exit(1), &said(message, kind));
        assert_eq!(of("moov atom not found", "input"), Class::Unreadable);
        assert_eq!(of("Decoder (codec av9) not found", "input"), Class::NoCodec);
        assert_eq!(of("(ffmpeg: no reason given)", "input"), Class::Crashed);
        assert_eq!(of("too quiet", "output"), Class::Failed);
        assert_eq!(of("Input/output error", "input"), Class::Unreadable);
        for (message, kind) in [
            ("x (No space left on device)", "output"),
            (
                "x cannot be written (Input/output error (os error 5))",
                "output",
            ),
            (
                "the program ffmpeg cannot be started (Resource temporarily unavailable)",
                "input",
            ),
            ("no ffmpeg", "missing"),
        ] {
            let fault = fault(&ended(How::Exit(1), &said(message, kind)), 5.0);
            assert!(matches!(fault, Some(Fault::Surroundings(_))), "{message}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_may_be_otherwise_another_time_is_told_from_what_stays() {
        use rustix::io::Errno;
        let is = |errno: Errno| is_temporary(&io::Error::from(errno));
        for errno in [
            Errno::IO,
            Errno::STALE,
            Errno::TIMEDOUT,
            Errno::HOSTDOWN,
            Errno::NOTCONN,
            Errno::NOSPC,
            Errno::DQUOT,
            Errno::MFILE,
            Errno::AGAIN,
        ] {
            assert!(is(errno), "{errno}");
        }
        for errno in [Errno::NOENT, Errno::ACCESS, Errno::ISDIR, Errno::NOTDIR] {
            assert!(!is(errno), "{errno}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_disk_that_is_read_only_from_the_start_is_not_tried_again() {
        use rustix::io::Errno;
        let refused = |errno: Errno| refusal(&io::Error::from(errno), "refused".to_owned());
        assert!(matches!(refused(Errno::ROFS), Failure::Message(_)));
        assert!(matches!(refused(Errno::IO), Failure::Films { .. }));
    }

    /// A worker meets it itself, or a program that it runs says it in the system's words.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn what_may_be_otherwise_another_time_is_the_same_in_words() {
        use rustix::io::Errno;
        for errno in [
            Errno::IO,
            Errno::REMOTEIO,
            Errno::HOSTDOWN,
            Errno::HOSTUNREACH,
            Errno::TIMEDOUT,
            Errno::ROFS,
            Errno::AGAIN,
            Errno::MFILE,
            Errno::STALE,
            Errno::NOTCONN,
            Errno::NOSPC,
            Errno::DQUOT,
        ] {
            let why = io::Error::from(errno);
            assert!(is_temporary(&why), "{why}");
            let said = of_message(&format!("x cannot be written ({why})"), "output");
            assert!(matches!(said, Fault::Surroundings(_)), "{why}");
        }
    }

    #[test]
    fn only_what_may_go_well_is_tried_again() {
        let failed = |class| Failed::new(class, "");
        let (crashed, damaged) = (
            [failed(Class::Crashed), failed(Class::Killed)],
            [failed(Class::Unreadable)],
        );
        assert_eq!(verdict(crashed.iter(), 0, 3), None);
        assert_eq!(verdict(crashed.iter(), 0, 2), Some(failed(Class::Killed)));
        assert_eq!(
            verdict(damaged.iter(), 0, 3),
            Some(failed(Class::Unreadable))
        );
        assert_eq!(verdict([].iter(), 19, 3), None);
        assert_eq!(verdict([].iter(), 20, 3).unwrap().class, Class::Abandoned);
    }
}
