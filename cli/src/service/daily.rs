//! A line a day for the log: how the run has been.

use std::time::{Duration, Instant};

use score_engine::Status;

use crate::status::{dropouts, latency};

/// Latencies are counted in classes of an eighth of an octave, from a tenth of a millisecond to a
/// minute.
const CLASSES: usize = 160;
const CLASSES_PER_OCTAVE: f64 = 8.0;
const SHORTEST: f64 = 1e-4;

/// What is counted from one line to the next.
pub(super) struct Daily {
    every: Duration,
    began: Instant,
    since: Instant,
    /// The sums at the last line.
    dropouts: u64,
    restarts: u64,
    latencies: [u64; CLASSES],
}

impl Daily {
    /// Begins `now`; there is a line every so often.
    pub(super) fn new(every: Duration, now: Instant) -> Self {
        Daily {
            every,
            began: now,
            since: now,
            dropouts: 0,
            restarts: 0,
            latencies: [0; CLASSES],
        }
    }

    /// Takes the status of this moment; gives the line, if it is time for one. `memory` gives the
    /// bytes that the program has.
    pub(super) fn look(
        &mut self,
        status: &Status,
        now: Instant,
        memory: impl FnOnce() -> Option<u64>,
    ) -> Option<String> {
        if let Some(latency) = latency(status) {
            self.latencies[class(latency)] += 1;
        }
        if now.saturating_duration_since(self.since) < self.every {
            return None;
        }
        self.since = now;
        let failures: u64 = status.nodes.iter().map(|node| node.failures).sum();
        // A node that was taken out takes its count with it.
        let dropped = dropouts(status).saturating_sub(self.dropouts);
        let restarts = failures.saturating_sub(self.restarts);
        (self.dropouts, self.restarts) = (dropouts(status), failures);
        let hours = now.saturating_duration_since(self.began).as_secs() / 3600;
        let mut line = format!("has run for {} days and {} h", hours / 24, hours % 24);
        line += &format!(
            "; since the last such line: {dropped} dropouts, {restarts} restarts of nodes"
        );
        if let Some(p95) = p95(&std::mem::replace(&mut self.latencies, [0; CLASSES])) {
            line += &format!(", p95 from picture to sound {:.0} ms", p95 * 1e3);
        }
        let loudest = status
            .nodes
            .iter()
            .filter_map(|node| node.counters.get("loudest_millionths"));
        if let Some(loudest) = loudest.max().filter(|loudest| **loudest > 0) {
            let level = 20.0 * (*loudest as f64 * 1e-6).log10();
            line += &format!("; loudest so far {level:.1} dB");
        }
        if let Some(bytes) = memory() {
            line += &format!("; {} MB of memory", bytes / 1_000_000);
        }
        Some(line)
    }
}

/// The class of a latency in seconds.
fn class(latency: f64) -> usize {
    let octaves = (latency / SHORTEST).max(1.0).log2();
    ((octaves * CLASSES_PER_OCTAVE) as usize).min(CLASSES - 1)
}

/// What 95 of 100 stayed below, to an eighth of an octave.
fn p95(latencies: &[u64; CLASSES]) -> Option<f64> {
    let all: u64 = latencies.iter().sum();
    let mut left = all - all / 20;
    let class = latencies.iter().position(|count| {
        left = left.saturating_sub(*count);
        left == 0
    })?;
    (all > 0).then(|| SHORTEST * ((class + 1) as f64 / CLASSES_PER_OCTAVE).exp2())
}

/// The bytes that this program has in memory.
pub(super) fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::super::tests::status;
    use super::*;

    #[test]
    fn a_line_a_day_says_what_happened_since_the_last() {
        let start = Instant::now();
        let day = Duration::from_secs(86_400);
        let mut daily = Daily::new(day, start);
        let mut now = status();
        let mut lines = Vec::new();
        for second in 0..=2 * 86_400u64 {
            // 1 in 25 pictures takes long, which p95 does not see.
            now.wires[1].age = if second % 25 == 0 { 0.5 } else { 0.080 };
            if second == 1000 {
                now.nodes[2].counters.insert("dropouts", 3);
                now.nodes[2].counters.insert("loudest_millionths", 501_187);
                now.nodes[0].failures = 2;
            }
            if second == 100_000 {
                now.nodes[2].counters.insert("dropouts", 4);
            }
            let at = start + Duration::from_secs(second);
            lines.extend(daily.look(&now, at, || Some(98_000_000)));
        }
        let [first, second] = &lines[..] else {
            panic!("{lines:#?}")
        };
        assert!(first.starts_with("has run for 1 days and 0 h; "), "{first}");
        assert!(first.contains("3 dropouts, 2 restarts of nodes"), "{first}");
        assert!(
            first.contains("loudest so far -6.0 dB; 98 MB of memory"),
            "{first}"
        );
        assert!(second.contains("2 days and 0 h"), "{second}");
        assert!(second.contains("1 dropouts, 0 restarts"), "{second}");
        let p95 = first
            .split("sound ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        let p95: f64 = p95.unwrap().parse().unwrap();
        assert!((80.0..=88.0).contains(&p95), "{first}");
    }

    #[test]
    fn a_run_without_a_sound_device_has_no_latency() {
        let mut daily = Daily::new(Duration::ZERO, Instant::now());
        let mut now = status();
        now.steered = false;
        let line = daily.look(&now, Instant::now(), || None).unwrap();
        assert!(!line.contains("p95") && !line.contains("memory"), "{line}");
        assert!(memory().is_none_or(|bytes| bytes > 1_000_000));
    }
}
