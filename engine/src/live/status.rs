//! What a live run looks like from outside at one moment.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::following::ClockStatus;
use super::gauges::NodeState;
use super::hands::CueStatus;
use crate::hours::HoursStatus;
use crate::steering::ValueStatus;
use crate::wire::WireReport;

/// A live run at one moment. Durations are in seconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// The number of the patch's revision that runs: 1 at first, one more with each edit that was
    /// taken over.
    pub revision: u64,
    /// The time on the run's clock.
    pub time: f64,
    /// Whether a sound device leads the clock.
    pub steered: bool,
    /// How much later than its time a thing is heard on the sound device, in seconds.
    pub lead: f64,
    /// Where the patch's cues are, where it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cue: Option<CueStatus>,
    /// The clock that the run follows, where it follows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockStatus>,
    /// Whether it is heard by its opening hours, where the patch has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<HoursStatus>,
    /// What plays in place of the patch, and why, where something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing_in: Option<StandingIn>,
    /// Every node of the patch, in its order.
    pub nodes: Vec<NodeStatus>,
    /// Every wire of the patch, in its order.
    pub wires: Vec<WireStatus>,
}

/// What plays in place of a patch that cannot be kept playing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingIn {
    /// What plays: `last_good`, `quiet` or `silence`.
    pub plays: String,
    /// Why the patch itself does not.
    pub why: String,
}

/// A node of a live run at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct NodeStatus {
    /// Its id in the patch.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Its number among all nodes that this run has begun.
    pub generation: u64,
    /// What it does.
    pub state: NodeState,
    /// What it waits for, where it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// What went wrong last, which may be over.
    pub last_error: Option<String>,
    /// How long ago that was, in seconds, or since it was tried again in vain.
    #[serde(skip)]
    pub error_age: Option<f64>,
    /// How often it has failed.
    pub failures: u64,
    /// Calls a second since the last look.
    pub rate: f64,
    /// What 95 of 100 calls since the last look stayed below, in seconds.
    pub p95: f64,
    /// The share of the time since the last look that its calls took.
    pub load: f64,
    /// How long a call that is under way has taken, in seconds, where it is longer than a second:
    /// the node hangs.
    pub hangs: Option<f64>,
    /// The node's own figures.
    pub counters: BTreeMap<&'static str, u64>,
    /// Its live parameters that a wire or a hand sets, and not the patch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steered: Vec<ValueStatus>,
}

/// What a node waits for.
#[derive(Clone, Debug, Serialize)]
pub struct Waiting {
    /// What is missing, in words.
    pub reason: String,
    /// For how long, in seconds.
    pub seconds: f64,
}

/// A wire of a live run at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct WireStatus {
    /// `film.frames -> eye.frames`, to be shown; `from` and `to` say the same to programs.
    pub name: String,
    /// The output that it leaves.
    pub from: WireEnd,
    /// The input that it enters.
    pub to: WireEnd,
    /// Packets that entered it.
    pub sent: u64,
    /// Packets that its reader took.
    pub received: u64,
    /// Packets that its policy dropped.
    pub dropped: u64,
    /// Packets that wait.
    pub depth: u64,
    /// The age of the latest packet with news when its reader took it, counted from its capture,
    /// in seconds.
    pub age: f64,
}

/// One end of a wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WireEnd {
    /// The node's id in the patch.
    pub node: String,
    /// The name of its output or input.
    pub port: String,
}

impl WireStatus {
    /// What the report of the wire from `from` to `to` says.
    pub(super) fn new(report: WireReport, from: WireEnd, to: WireEnd) -> Self {
        WireStatus {
            name: report.name,
            from,
            to,
            sent: report.sent,
            received: report.received,
            dropped: report.dropped,
            depth: report.depth,
            age: report.age.as_secs_f64(),
        }
    }
}

/// A call that takes longer hangs.
pub(super) const HANGS: Duration = Duration::from_secs(1);
