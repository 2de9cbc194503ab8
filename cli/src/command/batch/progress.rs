//! How far a batch is, and how long it will take.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::worker::Workshop;
use crate::terminal::tell;

/// How often it is looked at.
pub(super) const REDRAW: Duration = Duration::from_millis(500);

/// How often the results of all workers are counted, and a line is printed where there is no
/// terminal.
const COUNT: Duration = Duration::from_secs(10);
const LINE: Duration = Duration::from_secs(60);

/// Shows how far all workers are together.
pub(super) struct Progress<'a> {
    workshop: &'a Workshop<'a>,
    bar: Option<ProgressBar>,
    begun: Instant,
    /// Results at the beginning, and now, those of other workers too.
    at_first: usize,
    all: usize,
    counted: Instant,
    printed: Instant,
    /// What the last line said was done.
    said: usize,
}

impl<'a> Progress<'a> {
    pub(super) fn new(workshop: &'a Workshop<'a>, quiet: bool) -> Self {
        let now = Instant::now();
        let bar = (!quiet).then(|| ProgressBar::new(workshop.films.len() as u64));
        if let Some(bar) = &bar
            && let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos} of {len}  {msg}")
        {
            bar.set_style(style);
        }
        let mut progress = Progress {
            workshop,
            bar,
            begun: now,
            at_first: 0,
            all: 0,
            counted: now,
            printed: now,
            said: usize::MAX,
        };
        progress.count();
        progress.at_first = progress.all;
        progress
    }

    /// Counts the results of this recipe.
    fn count(&mut self) {
        let order = &self.workshop.order;
        self.all = order.share.count(&format!("-{}", order.recipe.id));
        self.counted = Instant::now();
    }

    /// Shows how far it is now.
    pub(super) fn show(&mut self) {
        let Some(bar) = self.bar.clone() else { return };
        if self.counted.elapsed() >= COUNT {
            self.count();
        }
        let tally = self.workshop.board.tally();
        let films = self.workshop.films.len();
        let done = tally.done.max(self.all.min(films - tally.failed));
        let left = films - tally.failed - done;
        let since = done.saturating_sub(self.at_first);
        let time = left_over(self.begun.elapsed(), since, left);
        let time = time.map_or(String::new(), |time| format!("{} left", words(time)));
        let failed = match tally.failed {
            0 => String::new(),
            some => format!("{some} failed  "),
        };
        if !bar.is_hidden() {
            bar.set_message(format!("{failed}{time}"));
            bar.set_position((done + tally.failed) as u64);
        } else if self.printed.elapsed() >= LINE && done != self.said {
            self.printed = Instant::now();
            self.said = done;
            tell(
                format_args!("{done} of {films} films are done  {failed}{time}")
                    .to_string()
                    .trim_end(),
            );
        }
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How long what is left will take if it goes on as it did; `None`: nothing is done yet.
fn left_over(elapsed: Duration, done: usize, left: usize) -> Option<Duration> {
    let each = elapsed.as_secs_f64() / (done > 0).then_some(done as f64)?;
    Duration::try_from_secs_f64(each * left as f64).ok()
}

/// A time in words, no more exact than a guess is.
fn words(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    match minutes {
        0 | 1 => "a minute".to_owned(),
        2..=119 => format!("{minutes} min"),
        _ if minutes < 48 * 60 => format!("{} h", minutes.div_ceil(60)),
        _ => format!("{} days", minutes.div_ceil(24 * 60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_guessed_from_what_was_done() {
        let left = |done, left| left_over(Duration::from_secs(60), done, left);
        assert_eq!(left(0, 5), None);
        assert_eq!(left(6, 60), Some(Duration::from_secs(600)));
        assert_eq!(words(Duration::from_secs(600)), "10 min");
        assert_eq!(words(Duration::from_secs(3)), "a minute");
        assert_eq!(words(Duration::from_secs(3 * 3600)), "3 h");
        assert_eq!(words(Duration::from_secs(200 * 3600)), "9 days");
    }
}
