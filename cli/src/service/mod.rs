//! What a run needs that nobody looks after: a service manager that is told how it is.

pub(crate) mod beat;
pub(crate) mod crash;
mod daily;
pub(crate) mod ending;
pub(crate) mod kept;
pub(crate) mod ladder;
mod notify;
mod pulse;
pub(crate) mod rooted;
pub(crate) mod state_file;
pub(crate) mod state_folder;
pub(crate) mod unit;

use std::time::{Duration, Instant};

use score_engine::{Live, NodeState, Status};

use self::daily::{Daily, memory};
use self::notify::Notify;
use self::pulse::Pulse;
use crate::status::{silent_on_purpose, stands_in};

/// The share of the time within which a run must be heard after which what stands still is reported,
/// so that the restart comes within that time.
const SHARE: f64 = 0.8;

/// How often the log has a line on how the run has been.
const DAY: Duration = Duration::from_secs(86_400);

/// How much longer the start may take, from each message on.
const START: Duration = Duration::from_secs(60);

/// How much longer the end may take, from each message on.
const STOP: Duration = Duration::from_secs(30);

/// The last message: who has sent it and does not end is killed.
const STOPPING: &str = "STOPPING=1\nSTATUS=ends";

/// The service manager, as somebody speaks to it who keeps a run alive.
pub(crate) struct Manager(Notify);

impl Manager {
    pub(crate) fn new() -> Self {
        Manager(Notify::new())
    }

    /// Within what time the service manager wants to hear again; `None`: it does not say, or there
    /// is none.
    pub(crate) fn watchdog(&self) -> Option<Duration> {
        self.0.watchdog()
    }

    /// Reports that the keeper ends.
    pub(crate) fn stopping(&mut self) {
        self.0.send(STOPPING);
    }

    /// Reports that what ends is still at it, and asks to be waited for.
    pub(crate) fn ends(&mut self) {
        let more = STOP.as_micros();
        self.0
            .send(&format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={more}"));
    }

    /// Gives nothing but a sign of life, whatever plays or ends.
    pub(crate) fn beats(&mut self) {
        self.0.send("WATCHDOG=1");
    }

    /// Reports that all is as it should be, though nothing plays just now; with a line, where there
    /// is one.
    pub(crate) fn alive(&mut self, line: &str) {
        let line = line.replace(char::is_control, " ");
        let status = if line.is_empty() {
            line
        } else {
            format!("STATUS={line}\n")
        };
        let start = START.as_micros();
        self.0
            .send(&format!("{status}EXTEND_TIMEOUT_USEC={start}\nWATCHDOG=1"));
    }
}

/// What the service manager is told of a run.
pub(crate) struct Service {
    notify: Notify,
    pulse: Pulse,
    is_ready: bool,
    /// The last line that was told.
    line: String,
    /// Whether something stands still, which was reported.
    stands: bool,
    /// Whether a keeper starts the run again, and not the service manager.
    is_kept: bool,
    daily: Daily,
}

impl Service {
    /// Where no service manager says within what time it wants to hear of the run, it is `time`.
    pub(crate) fn new(is_kept: bool, time: Duration) -> Self {
        let notify = Notify::new();
        let time = notify.watchdog().unwrap_or(time);
        Service {
            pulse: Pulse::new(time.mul_f64(SHARE)),
            notify,
            is_ready: false,
            line: String::new(),
            stands: false,
            is_kept,
            daily: Daily::new(DAY, Instant::now()),
        }
    }

    /// Looks at the run once a second, and reports it. Gives why it must be started again, if it
    /// must.
    pub(crate) fn look(&mut self, status: &Status, live: &Live, now: Instant) -> Option<String> {
        if let Some(line) = self.daily.look(status, now, memory) {
            tracing::info!("{line}");
        }
        let sources: Vec<&str> = live.picture_sources().collect();
        let writers: Vec<&str> = live.file_writers().collect();
        let stands = self.pulse.look(status, (&sources, &writers), now);
        if let Some(why) = stands {
            if !std::mem::replace(&mut self.stands, true) {
                tracing::error!("{why}: the run must be started again");
            }
            let trigger = if self.is_kept {
                ""
            } else {
                "\nWATCHDOG=trigger"
            };
            self.notify.send(&format!("STATUS={why}{trigger}"));
            return Some(why);
        }
        self.stands = false;
        let mut message = Vec::new();
        if !self.is_ready && is_ready(status, &sources) {
            self.is_ready = true;
            message.push("READY=1".to_owned());
        }
        let line = line(status);
        if line != self.line {
            message.push(format!("STATUS={line}"));
            self.line = line;
        }
        if !self.is_ready {
            // Who waits for a device, and says so, is not stuck.
            message.push(format!("EXTEND_TIMEOUT_USEC={}", START.as_micros()));
        }
        message.push("WATCHDOG=1".to_owned());
        self.notify.send(&message.join("\n"));
        None
    }

    /// Reports that the run ends; of one that is started again its keeper does.
    pub(crate) fn stopping(&mut self) {
        if !self.is_kept {
            self.notify.send(STOPPING);
        }
    }
}

/// Whether a first block sounds, or a first picture is read; where the patch has neither, whether
/// it plays.
fn is_ready(status: &Status, sources: &[&str]) -> bool {
    let outputs = || status.nodes.iter().filter(|node| node.kind == "audio_out");
    let sounds = outputs().any(|node| {
        let counts = |name: &str| node.counters.get(name).is_some_and(|count| *count > 0);
        let mut wires = status.wires.iter();
        counts("open")
            && counts("callbacks")
            && wires.any(|wire| wire.to.node == node.id && wire.received > 0)
    });
    let mut wires = status.wires.iter();
    let sees = wires.any(|wire| sources.contains(&wire.from.node.as_str()) && wire.sent > 0);
    let has_neither = sources.is_empty() && outputs().next().is_none();
    status.revision > 0 && (sounds || sees || has_neither)
}

/// How the run is, in a line that changes only when that does.
fn line(status: &Status) -> String {
    let unusual = stands_in(status).or_else(|| silent_on_purpose(status));
    let mut parts = vec![match unusual {
        Some(unusual) => unusual,
        None if status.revision > 0 => format!("plays revision {}", status.revision),
        None => "is being built".to_owned(),
    }];
    for node in &status.nodes {
        let id = &node.id;
        match (node.state, &node.waiting) {
            (_, Some(waiting)) => parts.push(format!("{id} waits: {}", waiting.reason)),
            (NodeState::Failed, _) => parts.push(format!("{id} has failed")),
            (NodeState::Restarting, _) => parts.push(format!("{id} restarts")),
            _ if node.hangs.is_some() => parts.push(format!("{id} hangs")),
            _ => {}
        }
    }
    // One line, whatever a reason holds.
    parts.join("; ").replace(char::is_control, " ")
}

#[cfg(test)]
pub(crate) mod tests;
