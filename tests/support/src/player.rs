//! `score run`, with its log and its status kept.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::jack::{Jack, Running};
use crate::journal::{self, Entry, Log};
use crate::remote::Remote;

/// The patch that a player plays.
pub const PATCH: &str = "patch.ron";

/// A patch that plays.
pub struct Player {
    pub program: Running,
    pub folder: PathBuf,
    log: Log,
}

impl Player {
    /// Plays `patch` in `folder` on `jack`'s server, and waits until its sound is there.
    pub fn start(jack: &Jack, folder: &Path, patch: &str) -> Self {
        Self::start_with(jack, folder, patch, &[])
    }

    /// As [`Player::start`], with more words on the command line.
    pub fn start_with(jack: &Jack, folder: &Path, patch: &str, more: &[&str]) -> Self {
        std::fs::write(folder.join(PATCH), patch).unwrap();
        let arguments = [
            "run",
            PATCH,
            "--quiet",
            "--status-json",
            "status.jsonl",
            "--log-format",
            "json",
            "--log-file",
            "log.jsonl",
            "--log-size",
            "1000",
        ];
        let mut command = jack.score(folder, &arguments);
        command.args(more);
        command
            .env("RUST_LOG", "info,score_nodes=trace,jack=off")
            .env("SCORE_RUNTIME_DIR", folder.join("steered"))
            .env("XDG_CONFIG_HOME", folder.join("config"))
            .stdout(Stdio::null());
        let player = Player {
            program: Running::start(&mut command),
            folder: folder.to_owned(),
            log: Log::new(folder.join("log.jsonl")),
        };
        jack.until_port("score_out:out_1");
        player
    }

    /// What was logged so far.
    pub fn log(&mut self) -> &[Entry] {
        self.log.read()
    }

    pub fn statuses(&self) -> Vec<Value> {
        journal::statuses(&self.folder.join("status.jsonl"))
    }

    /// Waits for an entry that `wanted` chooses, written after `since`.
    pub fn until(
        &mut self,
        since: f64,
        within: Duration,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Option<Entry> {
        let started = Instant::now();
        loop {
            let log = self.log.read();
            let new = log.partition_point(|entry| entry.wall < since);
            if let Some(found) = log[new..].iter().find(|entry| wanted(entry)) {
                return Some(found.clone());
            }
            if started.elapsed() > within {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A way to steer it.
    pub fn remote(&self) -> Remote {
        let folder = self.folder.join("steered");
        let socket = folder.join(format!("{}.sock", self.program.0.id()));
        Remote::new(&socket)
    }

    /// Ends the run as Ctrl-C does; its log and its status.
    pub fn drain(self) -> (Vec<Entry>, Vec<Value>) {
        let Player {
            program,
            folder,
            mut log,
        } = self;
        program.drain();
        log.read();
        (log.entries, journal::statuses(&folder.join("status.jsonl")))
    }
}

/// How often sound broke off between two looks at the status.
pub fn dropouts(statuses: &[Value]) -> u64 {
    let count = |status: Option<&Value>| status.and_then(|status| status["dropouts"].as_u64());
    count(statuses.last()).unwrap_or(0)
}
