//! Watches whether the machine itself stands still, so that what breaks then is not put down to
//! `score`.
//!
//! A thread that only sleeps a millisecond at a time, with a higher real-time priority than
//! everything that plays, wakes late only where nobody could have played: where a virtual machine's
//! host took its processors away, or the kernel did not let go of them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::helper;
use crate::jack::{Running, signal};
use crate::listener::wall;

/// The folder for what is seen, in the environment of the watching program.
const FOLDER: &str = "SCORE_WITNESS";

/// The file for what is seen.
const SEEN: &str = "standstills";

/// Above JACK's, which are 20 and less.
const PRIORITY: &str = "90";

/// The length of a sleep.
const SLEEP: Duration = Duration::from_millis(1);

/// How late a waking counts: less than half a period of 256 frames.
const LATE: Duration = Duration::from_millis(2);

/// How long the witness may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// A time in which the machine stood still, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standstill {
    pub from: f64,
    pub to: f64,
}

/// Watches, if this program was started for that, until its standard input ends.
pub fn watch_if_asked() -> bool {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return false;
    };
    let mut seen = std::fs::File::create(Path::new(&folder).join(SEEN)).unwrap();
    let over = helper::asked_to_end();
    while !over.load(Ordering::Acquire) {
        let (from, slept) = (wall(), Instant::now());
        std::thread::sleep(SLEEP);
        if slept.elapsed() > SLEEP + LATE {
            writeln!(seen, "{from:.6} {:.6}", wall()).unwrap();
        }
    }
    true
}

/// The watching program.
pub struct Witness {
    program: Running,
    folder: PathBuf,
}

impl Witness {
    /// Begins to watch; what is seen goes into `folder`. `None`, and a line that says so, where no
    /// program may have such a priority.
    pub fn start(folder: &Path) -> Option<Self> {
        let is_allowed = Command::new("chrt")
            .args(["-f", PRIORITY, "true"])
            .output()
            .is_ok_and(|output| output.status.success());
        if !is_allowed {
            eprintln!("no real-time priority here: whether the machine stands still is not seen");
            return None;
        }
        let mut command = Command::new("chrt");
        command.args(["-f", PRIORITY]).arg(helper::this_program());
        helper::prepare(&mut command, "proofs::watches", FOLDER, folder);
        Some(Witness {
            program: Running::start(&mut command),
            folder: folder.to_owned(),
        })
    }

    /// Stops the watching program for a while, once it watches, as if the machine stood still.
    pub fn stand_still(&self, duration: Duration) {
        let started = Instant::now();
        while !self.folder.join(SEEN).exists() {
            assert!(started.elapsed() < PATIENCE, "the witness does not begin");
            std::thread::sleep(SLEEP);
        }
        signal(&self.program.0, "STOP");
        std::thread::sleep(duration);
        signal(&self.program.0, "CONT");
    }

    /// Ends watching; what was seen.
    pub fn end(mut self) -> Vec<Standstill> {
        drop(self.program.0.stdin.take());
        self.program.0.wait().unwrap();
        let text = std::fs::read_to_string(self.folder.join(SEEN)).unwrap_or_default();
        let read = |line: &str| {
            let (from, to) = line.split_once(' ')?;
            Some(Standstill {
                from: from.parse().ok()?,
                to: to.parse().ok()?,
            })
        };
        text.lines().filter_map(read).collect()
    }
}
