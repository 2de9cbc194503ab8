//! What the system says of a process. Linux only.

use std::path::{Path, PathBuf};

/// A process by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    fn path(self, of: &str) -> PathBuf {
        Path::new("/proc").join(self.0.to_string()).join(of)
    }

    fn read(self, of: &str) -> String {
        std::fs::read_to_string(self.path(of)).unwrap_or_default()
    }

    /// The words of `stat` after the name: the state first.
    fn stat(self) -> Vec<String> {
        let text = self.read("stat");
        let after = text.rsplit_once(')').map_or("", |(_, after)| after);
        after.split_whitespace().map(str::to_owned).collect()
    }

    fn stat_number(self, place: usize) -> u64 {
        let stat = self.stat();
        stat.get(place)
            .and_then(|word| word.parse().ok())
            .unwrap_or(0)
    }

    /// Its children by this name.
    pub fn children(self, name: &str) -> Vec<Process> {
        let entries = std::fs::read_dir("/proc").unwrap();
        let numbers = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers
            .map(Process)
            .filter(|child| child.stat_number(1) == u64::from(self.0))
            .filter(|child| child.read("comm").trim() == name)
            .collect()
    }

    /// Processor time in seconds that it and its ended children have taken.
    pub fn processor_time(self) -> f64 {
        // Linux counts in hundredths of a second.
        let ticks: u64 = (11..15).map(|place| self.stat_number(place)).sum();
        ticks as f64 / 100.0
    }

    /// Megabytes of memory: its own, and its share of what it shares.
    pub fn memory(self) -> f64 {
        let text = self.read("smaps_rollup");
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kilobytes =
            line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok());
        kilobytes.unwrap_or(0.0) / 1e3
    }

    /// How many threads it has.
    pub fn threads(self) -> u64 {
        self.stat_number(17)
    }

    /// How many files it has open.
    pub fn files(self) -> usize {
        std::fs::read_dir(self.path("fd")).map_or(0, Iterator::count)
    }

    /// Ends it without a warning.
    pub fn kill(self) {
        // The shell has its own `kill`; the program of that name is not on every computer.
        std::process::Command::new("sh")
            .args(["-c", r#"kill -KILL "$0""#, &self.0.to_string()])
            .status()
            .unwrap();
    }
}
