//! Sees whether what should move in a run moves: its clock, the sound device's calls, the pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use score_engine::{NodeState, NodeStatus, Status};

/// Pictures may come in steps of any length: they stand still only once they are this many times
/// later than the longest step so far.
const STEPS: u32 = 4;

/// The kinds whose pictures come in steps for as long as they play. Those of others, such as a
/// picture that is shown at an event, may rest.
const STEADY: [&str; 4] = ["camera", "screen", "video_file", "video_stream"];

/// What moves in a run, and when it last has.
pub(super) struct Pulse {
    patience: Duration,
    moving: BTreeMap<What, Moving>,
}

/// Something that moves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Clock,
    /// The calls of the sound device that this node plays on.
    Sound(String),
    /// The pictures of this node.
    Pictures(String),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Clock => f.write_str("the clock"),
            What::Sound(id) => write!(f, "the sound device of `{id}`"),
            What::Pictures(id) => write!(f, "the picture of `{id}`"),
        }
    }
}

/// How something counts up.
struct Moving {
    count: u64,
    /// When it counted up, or said why it does not.
    at: Instant,
    /// The longest time between two of its counts.
    longest: Duration,
    /// How often it has counted up.
    steps: u64,
}

impl Pulse {
    pub(super) fn new(patience: Duration) -> Self {
        Pulse {
            patience,
            moving: BTreeMap::new(),
        }
    }

    /// Looks at the run `now`: at its nodes that bring pictures in steadily, its sound devices, and whether
    /// any node hangs that does not wait for a disk. Gives what has stood still for longer than the
    /// patience and does not say why.
    pub(super) fn look(
        &mut self,
        status: &Status,
        (sources, writers): (&[&str], &[&str]),
        now: Instant,
    ) -> Option<String> {
        let clock = (status.time.max(0.0) * 1e6) as u64;
        let mut looks = vec![(What::Clock, clock, false)];
        let mut hangs = None;
        for node in &status.nodes {
            let id = &node.id;
            if node.kind == "audio_out" {
                let calls = node.counters.get("callbacks").copied().unwrap_or_default();
                looks.push((What::Sound(id.clone()), calls, is_excused(node)));
            }
            if sources.contains(&id.as_str()) && STEADY.contains(&node.kind.as_str()) {
                let wires = status.wires.iter().filter(|wire| wire.from.node == *id);
                let sent = wires.map(|wire| wire.sent).sum();
                looks.push((What::Pictures(id.clone()), sent, is_excused(node)));
            }
            let seconds = node.hangs.unwrap_or_default();
            if seconds > self.patience.as_secs_f64() && !writers.contains(&id.as_str()) {
                hangs = Some(format!("`{id}` hangs for {seconds:.0} s"));
            }
        }
        let seen: BTreeSet<What> = looks.iter().map(|(what, ..)| what.clone()).collect();
        self.moving.retain(|what, _| seen.contains(what));
        let looks = looks.into_iter();
        let stands: Vec<String> = looks
            .filter_map(|(what, count, is_excused)| self.see(what, count, is_excused, now))
            .collect();
        stands.into_iter().next().or(hangs)
    }

    /// Looks at one thing that counts up; gives a line if it should and does not.
    fn see(&mut self, what: What, count: u64, is_excused: bool, now: Instant) -> Option<String> {
        let moving = (self.moving.entry(what.clone())).or_insert(Moving {
            count,
            at: now,
            longest: Duration::ZERO,
            steps: 0,
        });
        let since = now.saturating_duration_since(moving.at);
        if count != moving.count || is_excused {
            if count != moving.count && !is_excused {
                moving.steps += 1;
                moving.longest = moving.longest.max(since);
            }
            (moving.count, moving.at) = (count, now);
            return None;
        }
        let (is_known, longest) = match what {
            // What has never come in steps need not: one picture, or an event that shows one.
            What::Pictures(_) => (moving.steps > 1, moving.longest * STEPS),
            What::Clock | What::Sound(_) => (true, Duration::ZERO),
        };
        let seconds = since.as_secs();
        let stands = is_known && since > longest.max(self.patience);
        stands.then(|| format!("{what} stands still for {seconds} s"))
    }
}

/// Whether a node says that it does not run just now.
fn is_excused(node: &NodeStatus) -> bool {
    node.waiting.is_some() || node.state != NodeState::Running
}
