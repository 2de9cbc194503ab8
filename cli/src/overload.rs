//! Warns when the machine does not keep up: once, then at growing intervals, with the node that
//! costs most.

use std::time::{Duration, Instant};

use score_engine::{NodeStatus, Status};

/// Counters of sound that came too late.
const LATE: [&str; 2] = ["dropouts", "late_blocks"];

/// Between the first warning and the second; each further one waits twice as long.
const FIRST_INTERVAL: Duration = Duration::from_secs(10);

/// The longest that a machine that goes on like this is kept silent about.
const LONGEST_INTERVAL: Duration = Duration::from_secs(3600);

/// A node that works for more than this share of the time does not keep up, however much it is
/// given.
const FULL: f64 = 0.95;

/// This many checks in a row: opening a file may take a moment.
const LOOKS: u32 = 5;

/// What was seen of a run so far.
#[derive(Debug)]
pub(crate) struct Overload {
    late: u64,
    /// What came too late since the last warning.
    untold: u64,
    full: u32,
    interval: Duration,
    told: Option<Instant>,
}

impl Overload {
    /// Nothing was seen yet.
    pub(crate) fn new() -> Self {
        Overload {
            late: 0,
            untold: 0,
            full: 0,
            interval: FIRST_INTERVAL,
            told: None,
        }
    }

    /// Checks a status, once a second; gives the warning that is due `now`.
    pub(crate) fn check(&mut self, status: &Status, now: Instant) -> Option<String> {
        let late = late(status);
        // A node that an edit has rebuilt counts from 0.
        self.untold += late.saturating_sub(self.late);
        self.late = late;
        let costliest = costliest(status)?;
        self.full = match costliest.load > FULL {
            true => self.full + 1,
            false => 0,
        };
        if self.untold == 0 && self.full < LOOKS {
            return None;
        }
        if let Some(told) = self.told {
            if now.duration_since(told) < self.interval {
                return None;
            }
            // A calm of twice the interval begins from the start.
            self.interval = match now.duration_since(told) > self.interval * 3 {
                true => FIRST_INTERVAL,
                false => (self.interval * 2).min(LONGEST_INTERVAL),
            };
        }
        self.told = Some(now);
        let what = match std::mem::take(&mut self.untold) {
            0 => "the machine does not keep up".to_owned(),
            1 => "sound came too late once".to_owned(),
            times => format!("sound came too late {times} times"),
        };
        Some(format!(
            "{what}; `{}` ({}) costs most: {:.0} % of a core; give it less to do, or see docs/faults.md",
            costliest.id,
            costliest.kind,
            costliest.load * 100.0
        ))
    }
}

fn late(status: &Status) -> u64 {
    let counters = status.nodes.iter().map(|node| &node.counters);
    let figures = counters.flat_map(|counters| LATE.iter().filter_map(|name| counters.get(name)));
    figures.sum()
}

fn costliest(status: &Status) -> Option<&NodeStatus> {
    let nodes = status.nodes.iter();
    nodes.max_by(|one, other| one.load.total_cmp(&other.load))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::testing::node_status;

    fn status(dropouts: u64, load: f64) -> Status {
        let node = |id: &str, load, counters| NodeStatus {
            load,
            counters,
            ..node_status(id, "kind")
        };
        Status {
            revision: 1,
            time: 0.0,
            steered: true,
            nodes: vec![
                node("eye", load, BTreeMap::new()),
                node("sound", 0.1, BTreeMap::from([("dropouts", dropouts)])),
            ],
            ..Status::default()
        }
    }

    #[test]
    fn late_sound_is_told_once_and_then_seldom_with_the_costliest_node() {
        let mut overload = Overload::new();
        let began = Instant::now();
        let mut told = Vec::new();
        // An hour in which sound drops out every second.
        for second in 0..3600 {
            let status = status(second, 0.7);
            let now = began + Duration::from_secs(second);
            told.extend(overload.check(&status, now).map(|line| (second, line)));
        }
        let first = "sound came too late once; `eye` (kind) costs most: 70 % of a core";
        assert!(told[0].1.starts_with(first), "{told:?}");
        assert!(
            told[1].1.starts_with("sound came too late 10 times"),
            "{told:?}"
        );
        let seconds: Vec<u64> = told.iter().map(|(second, _)| *second).collect();
        assert_eq!(seconds, [1, 11, 31, 71, 151, 311, 631, 1271, 2551]);
    }

    #[test]
    fn a_node_that_is_always_at_work_is_told_and_a_short_one_is_not() {
        let mut overload = Overload::new();
        let now = Instant::now();
        for load in [0.99, 0.99, 0.2, 0.99, 0.99, 0.99, 0.99] {
            assert_eq!(overload.check(&status(0, load), now), None);
        }
        let told = overload.check(&status(0, 0.99), now).unwrap();
        assert!(
            told.starts_with("the machine does not keep up; `eye`"),
            "{told}"
        );
    }

    #[test]
    fn what_is_well_is_not_told() {
        let mut overload = Overload::new();
        let began = Instant::now();
        for second in 0..100 {
            let now = began + Duration::from_secs(second);
            assert_eq!(overload.check(&status(0, 0.5), now), None);
        }
    }
}
