//! What `score run` tells: its log and its status, an object a line each.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// An entry of the log and its wall time, in seconds since 1970.
#[derive(Clone)]
pub struct Entry {
    pub wall: f64,
    pub value: Value,
}

impl Entry {
    pub fn message(&self) -> &str {
        self.value["message"].as_str().unwrap_or_default()
    }

    /// A number of the entry.
    pub fn number(&self, name: &str) -> f64 {
        self.value[name].as_f64().unwrap_or(f64::NAN)
    }

    /// Whether it tells that an edit was taken over.
    pub fn is_edit(&self) -> bool {
        self.message().starts_with("the edit plays")
    }

    /// The nodes of an edit that `began`, `got new values` or `went`, in the patch's order.
    pub fn nodes(&self, what: &str) -> Vec<&str> {
        let parts = self.message().split("; ");
        parts
            .filter_map(|part| part.strip_prefix(what)?.strip_prefix(": "))
            .flat_map(|ids| ids.split(", "))
            .collect()
    }
}

/// The status: the whole lines of the file; a last one that is still being written is left out.
pub fn statuses(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// A log that is read while it grows.
pub struct Log {
    path: PathBuf,
    read: u64,
    pub entries: Vec<Entry>,
}

impl Log {
    pub fn new(path: PathBuf) -> Self {
        Log {
            path,
            read: 0,
            entries: Vec::new(),
        }
    }

    /// Reads what was added, in whole lines.
    pub fn read(&mut self) -> &[Entry] {
        let mut text = Vec::new();
        if let Ok(mut file) = File::open(&self.path) {
            file.seek(SeekFrom::Start(self.read)).unwrap();
            file.read_to_end(&mut text).unwrap();
        }
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        self.read += whole as u64;
        let values = text[..whole]
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        self.entries.extend(values.filter_map(|value| {
            let wall = seconds(value["timestamp"].as_str()?)?;
            Some(Entry { wall, value })
        }));
        &self.entries
    }
}

/// `2026-11-24T10:58:27.123456Z` in seconds since 1970.
fn seconds(text: &str) -> Option<f64> {
    let (date, time) = text.trim_end_matches('Z').split_once('T')?;
    let mut date = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.split(':').map(|part| part.parse::<f64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    // Days since 1970 in the Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date
    // Algorithms").
    let shifted = if month > 2 { year } else { year - 1 };
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days as f64 * 86_400.0 + hour * 3_600.0 + minute * 60.0 + second)
}

#[test]
fn a_timestamp_is_read_as_seconds() {
    assert_eq!(
        seconds("2026-11-24T10:58:27.500000Z"),
        Some(1_795_517_907.5)
    );
}
