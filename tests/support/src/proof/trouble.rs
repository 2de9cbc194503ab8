//! When the computer itself was in trouble, so that what broke then is counted apart.

use crate::journal::Entry;
use crate::witness::Standstill;

/// Seconds before and after a trouble in which what breaks may stem from it. The server tells of a
/// missed period after it, on a thread without real-time priority; what plays begins anew within
/// some blocks.
const NEAR: f64 = 0.1;

/// Seconds between two looks of `audio_out` at its dropouts.
const LOOK: f64 = 0.1;

/// Times in which the sound server missed a period, or in which the whole machine stood still.
pub struct Trouble {
    /// From and until, in seconds since 1970, in order and apart from each other.
    spans: Vec<(f64, f64)>,
    /// The standstills, where they were watched.
    standstills: Option<Vec<Standstill>>,
}

impl Trouble {
    /// From the times of the server's overruns and what a witness saw.
    pub fn new(overruns: &[f64], standstills: Option<Vec<Standstill>>) -> Self {
        let overruns = overruns.iter().map(|wall| (*wall, *wall));
        let stands = standstills.iter().flatten();
        let stands = stands.map(|standstill| (standstill.from, standstill.to));
        let mut all: Vec<(f64, f64)> = overruns
            .chain(stands)
            .map(|(from, to)| (from - NEAR, to + NEAR))
            .collect();
        all.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut spans: Vec<(f64, f64)> = Vec::new();
        for (from, to) in all {
            match spans.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => spans.push((from, to)),
            }
        }
        Trouble { spans, standstills }
    }

    /// Whether any of the time from `from` to `to` lies in or near a trouble.
    pub fn is_near(&self, from: f64, to: f64) -> bool {
        let number = self.spans.partition_point(|span| span.1 < from);
        self.spans.get(number).is_some_and(|span| span.0 <= to)
    }

    /// The share of the time from `from` to `to` that lies in or near troubles.
    fn share(&self, from: f64, to: f64) -> f64 {
        let inside = |span: &(f64, f64)| (span.1.min(to) - span.0.max(from)).max(0.0);
        self.spans
            .iter()
            .map(inside)
            .fold(0.0, |all, one| all + one)
            / (to - from)
    }

    /// How many of `all` dropouts are near no trouble: those of which the player's log does not
    /// tell that they are.
    pub fn dropouts_elsewhere(&self, all: u64, log: &[Entry]) -> u64 {
        let mut known = 0;
        let mut near = 0;
        for entry in log {
            let Some(dropouts) = entry.value["dropouts"].as_u64() else {
                continue;
            };
            // An output that begins anew counts anew.
            let more = match dropouts > known {
                true => dropouts - known,
                false => dropouts,
            };
            known = dropouts;
            if self.is_near(entry.wall - LOOK, entry.wall) {
                near += more;
            }
        }
        all.saturating_sub(near)
    }

    /// In words, of the time from `from` to `to`.
    pub fn describe(&self, from: f64, to: f64) -> String {
        let Some(standstills) = &self.standstills else {
            return "whether the machine stood still was not watched".to_owned();
        };
        let lengths = standstills
            .iter()
            .map(|standstill| standstill.to - standstill.from);
        format!(
            "the machine stood still {} times, at most {:.1} ms; {:.2} % of the time within {NEAR} s of a trouble",
            standstills.len(),
            lengths.fold(0.0, f64::max) * 1e3,
            self.share(from, to) * 100.0
        )
    }
}

#[test]
fn what_breaks_near_a_trouble_is_told_from_what_breaks_elsewhere() {
    let stood = Standstill {
        from: 20.0,
        to: 21.0,
    };
    let trouble = Trouble::new(&[10.0, 10.15, 20.5], Some(vec![stood]));
    assert!(
        trouble.is_near(10.2, 10.2) && trouble.is_near(19.0, 30.0) && trouble.is_near(20.4, 20.4)
    );
    assert!(
        !trouble.is_near(9.0, 9.8) && !trouble.is_near(10.3, 19.8) && !trouble.is_near(21.2, 22.0)
    );
    assert!((trouble.share(0.0, 100.0) - 0.0155).abs() < 1e-9);
    let told = |wall: f64, dropouts: u64| Entry {
        wall,
        value: serde_json::json!({ "dropouts": dropouts }),
    };
    let log = [told(10.3, 2), told(15.0, 5), told(20.9, 6)];
    assert_eq!(trouble.dropouts_elsewhere(6, &log), 3);
    assert_eq!(trouble.dropouts_elsewhere(6, &[]), 6);
}
