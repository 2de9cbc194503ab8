//! What has happened, in bounded memory.

use std::collections::VecDeque;

use score_engine::SeenNote;
use serde_json::{Value, json};

use super::LASTS;

/// Things that are remembered: 100 notes a second for five minutes with their ends, about 3 MB.
const MOST: usize = 60_000;

/// Parts that have a name; with more the history begins again.
const MOST_PARTS: usize = 128;

/// Something that has happened.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// A note of a part began or ended.
    Note(u16, SeenNote),
    /// Another chord; empty: none.
    Chord(String),
    Cut,
    /// A bar, from 0.
    Bar(u64),
    /// A still, by its number.
    Still(u32),
    /// Somebody begins to look: what sounded before has ended unseen.
    Begin,
    /// Nobody looks any more.
    Pause,
}

/// What has happened, and when on the run's clock, in seconds.
pub(super) type Entry = (f64, What);

/// The last minutes.
#[derive(Default)]
pub(super) struct History {
    /// How often it has begun again.
    number: u64,
    /// The number of the first entry that is remembered.
    first: u64,
    entries: VecDeque<Entry>,
    /// The names of the parts, by their numbers.
    parts: Vec<String>,
}

impl History {
    pub(super) fn add(&mut self, time: f64, what: What) {
        if self.entries.len() >= MOST {
            self.drop_first();
        }
        self.entries.push_back((time, what));
    }

    fn drop_first(&mut self) {
        if self.entries.pop_front().is_some() {
            self.first += 1;
        }
    }

    /// Forgets what is too long ago.
    pub(super) fn forget(&mut self, now: f64) {
        while self
            .entries
            .front()
            .is_some_and(|(time, _)| *time < now - LASTS)
        {
            self.drop_first();
        }
        if self.entries.is_empty() {
            self.entries.shrink_to_fit();
        }
    }

    /// The number of the part of this name.
    pub(super) fn part(&mut self, name: &str) -> u16 {
        if let Some(known) = self.parts.iter().position(|known| known == name) {
            return known as u16;
        }
        if self.parts.len() >= MOST_PARTS {
            self.number += 1;
            self.parts.clear();
            self.first += self.entries.len() as u64;
            self.entries.clear();
        }
        self.parts.push(name.to_owned());
        (self.parts.len() - 1) as u16
    }

    pub(super) fn parts(&self) -> &[String] {
        &self.parts
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The number of the entry that comes next.
    pub(super) fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// What is remembered from entry `number` on.
    pub(super) fn since(&self, number: u64) -> impl Iterator<Item = &Entry> {
        let skipped = number.saturating_sub(self.first) as usize;
        self.entries.range(skipped.min(self.entries.len())..)
    }
}

/// An entry as pages get it: its time, a word, and what belongs to it.
pub(super) fn shown((time, what): &Entry) -> Value {
    match what {
        What::Note(part, note) => {
            json!([time, "note", part, note.channel, note.pitch, note.velocity])
        }
        What::Chord(name) => json!([time, "chord", name]),
        What::Cut => json!([time, "cut"]),
        What::Bar(bar) => json!([time, "bar", bar]),
        What::Still(number) => json!([time, "still", number]),
        What::Begin => json!([time, "begin"]),
        What::Pause => json!([time, "pause"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_minutes_are_remembered_and_never_more_than_fits() {
        let mut history = History::default();
        for second in 0..400 {
            history.add(f64::from(second), What::Cut);
            history.forget(f64::from(second));
        }
        assert_eq!(history.since(0).count(), 301);
        assert_eq!(history.since(395).count(), 5);
        assert_eq!(history.next(), 400);
        (0..MOST + 9).for_each(|_| history.add(399.0, What::Cut));
        assert_eq!(history.since(0).count(), MOST);
        history.forget(1_000.0);
        assert_eq!(
            (history.since(0).count(), history.entries.capacity()),
            (0, 0)
        );
    }

    #[test]
    fn a_part_keeps_its_number_and_too_many_begin_again() {
        let mut history = History::default();
        assert_eq!(["a", "b", "a"].map(|name| history.part(name)), [0, 1, 0]);
        history.add(1.0, What::Cut);
        let (number, next) = (history.number(), history.next());
        for part in 2..=MOST_PARTS {
            history.part(&part.to_string());
        }
        assert_eq!((history.number(), history.next()), (number + 1, next));
        assert_eq!((history.parts().len(), history.since(0).count()), (1, 0));
    }
}
