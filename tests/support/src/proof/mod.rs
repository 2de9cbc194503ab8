//! Measures what a live run promises. The tests ask for a part of it within generous limits; the
//! measuring program prints all.

pub mod cuts;
pub mod edits;
pub mod faults;
pub mod osc;
pub mod pages;
pub mod palette;
pub mod patches;
pub mod process;
pub mod resources;
pub mod steering;
pub mod taps;
pub mod trouble;

use std::fmt;

/// Durations in seconds, in order.
pub struct Figures(Vec<f64>);

impl Figures {
    pub fn new(mut durations: Vec<f64>) -> Self {
        durations.sort_by(f64::total_cmp);
        Figures(durations)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// What `share` of them do not exceed.
    pub fn at(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1) as f64;
        let place = (last * share).ceil() as usize;
        self.0.get(place).copied().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |share| self.at(share) * 1e3;
        write!(
            to,
            "p50 {:.1} ms, p95 {:.1} ms, most {:.1} ms, of {}",
            milliseconds(0.5),
            milliseconds(0.95),
            milliseconds(1.0),
            self.count()
        )
    }
}
