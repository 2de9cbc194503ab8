//! What has happened, in bounded memory.

use std::collections::VecDeque;

use score_engine::SeenNote;
use serde_json::{Value, json};

use super::LASTS;

/// Things that are remembered: 100 notes a second for five minutes with their ends, and what was told
/// of words, chords, bars and cuts meanwhile; about 3 MB.
const MOST: usize = 63_000;

/// Parts, and words, that have a number at the same time; what comes beyond them is not shown.
const MOST_NUMBERS: usize = 128;

/// Something that has happened.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// A note of a part began or ended.
    Note(u16, SeenNote),
    /// How probable words are, each by its number: those that were told anew.
    Words(Vec<(u16, f32)>),
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
    /// The number of the first entry that is remembered.
    first: u64,
    entries: VecDeque<Entry>,
    parts: Numbers,
    words: Numbers,
}

/// Names by their numbers. Each keeps its own for as long as it plays or anything is remembered of it.
#[derive(Default)]
pub(super) struct Numbers {
    /// `None`: the number is free.
    names: Vec<Option<String>>,
    /// How often those have changed.
    changes: u64,
}

impl Numbers {
    /// The number of this name; `None`: there are too many.
    fn of(&mut self, name: &str) -> Option<u16> {
        let known = |known: &Option<String>| known.as_deref() == Some(name);
        if let Some(number) = self.names.iter().position(known) {
            return u16::try_from(number).ok();
        }
        let free = self.names.iter().position(Option::is_none);
        let number = free.unwrap_or(self.names.len());
        if number >= MOST_NUMBERS {
            return None;
        }
        self.changes += 1;
        match self.names.get_mut(number) {
            Some(place) => *place = Some(name.to_owned()),
            None => self.names.push(Some(name.to_owned())),
        }
        u16::try_from(number).ok()
    }

    /// Frees the numbers of all that do not play any more and are not `remembered`.
    fn free(&mut self, remembered: impl Iterator<Item = u16>, plays: impl Fn(&str) -> bool) {
        let mut is_remembered = vec![false; self.names.len()];
        for number in remembered {
            if let Some(place) = is_remembered.get_mut(usize::from(number)) {
                *place = true;
            }
        }
        for (known, is_remembered) in self.names.iter_mut().zip(is_remembered) {
            if !is_remembered && known.as_deref().is_some_and(|name| !plays(name)) {
                *known = None;
                self.changes += 1;
            }
        }
        while self.names.pop_if(|name| name.is_none()).is_some() {}
    }

    /// The names, by their numbers.
    pub(super) fn names(&self) -> &[Option<String>] {
        &self.names
    }

    /// How often the names have changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }
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

    /// The number of the part of this name; `None`: there are too many parts.
    pub(super) fn part(&mut self, name: &str) -> Option<u16> {
        self.parts.of(name)
    }

    /// The number of this word; `None`: there are too many words.
    pub(super) fn word(&mut self, name: &str) -> Option<u16> {
        self.words.of(name)
    }

    /// Frees the numbers of parts that do not play any more, and of which nothing is remembered.
    pub(super) fn free_parts(&mut self, plays: impl Fn(&str) -> bool) {
        let remembered = self.entries.iter().filter_map(|(_, what)| match what {
            What::Note(part, _) => Some(*part),
            _ => None,
        });
        self.parts.free(remembered, plays);
    }

    /// Frees the numbers of words that nobody tells any more, and of which nothing is remembered.
    pub(super) fn free_words(&mut self, plays: impl Fn(&str) -> bool) {
        let remembered = self.entries.iter().flat_map(|(_, what)| match what {
            What::Words(words) => words.as_slice(),
            _ => &[],
        });
        self.words.free(remembered.map(|(word, _)| *word), plays);
    }

    pub(super) fn parts(&self) -> &Numbers {
        &self.parts
    }

    pub(super) fn words(&self) -> &Numbers {
        &self.words
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
        What::Words(words) => json!([time, "words", words]),
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
    fn a_part_keeps_its_number_however_many_come_and_go() {
        let mut history = History::default();
        let note = SeenNote {
            time: 1.0,
            channel: 0,
            pitch: 60,
            velocity: 0.5,
        };
        let first = ["a", "b", "a"].map(|name| history.part(name));
        assert_eq!(first, [Some(0), Some(1), Some(0)]);
        history.add(1.0, What::Note(1, note));
        // As many as a day of edits brings: what is remembered stays, and keeps its name.
        for edit in 0..1_000 {
            let name = format!("part {edit}");
            history.free_parts(|plays| plays == name);
            assert_eq!(history.part(&name), Some(0), "{edit}");
            assert_eq!(history.part("b"), Some(1));
        }
        assert_eq!(history.since(0).count(), 1, "nothing is forgotten for it");
        // Those beyond the limit have no number, rather than that of another.
        let all: Vec<_> = (0..MOST_NUMBERS + 9)
            .map(|part| history.part(&part.to_string()))
            .collect();
        assert_eq!(all.iter().flatten().count(), MOST_NUMBERS - 2);
        assert_eq!(history.part("b"), Some(1));
        let changes = history.parts().changes();
        history.forget(1_000.0);
        history.free_parts(|_| false);
        assert!(history.parts().names().is_empty() && history.parts().changes() > changes);
    }

    #[test]
    fn a_word_keeps_its_number_for_as_long_as_anything_is_remembered_of_it() {
        let mut history = History::default();
        let numbers = ["rain", "person", "rain"].map(|name| history.word(name));
        assert_eq!(numbers, [Some(0), Some(1), Some(0)]);
        assert_eq!(history.part("piano"), Some(0), "parts count for themselves");
        history.add(1.0, What::Words(vec![(0, 0.2), (1, 0.9)]));
        history.free_words(|_| false);
        assert_eq!(history.words().names().len(), 2);
        history.add(200.0, What::Words(vec![(1, 0.8)]));
        history.forget(400.0);
        history.free_words(|_| false);
        let person = Some("person".to_owned());
        assert_eq!(history.words().names(), [None, person]);
        assert_eq!(history.word("snow"), Some(0));
    }

    #[test]
    fn words_leave_the_notes_of_five_minutes_their_room() {
        let mut history = History::default();
        let note = SeenNote {
            time: 0.0,
            channel: 0,
            pitch: 60,
            velocity: 0.5,
        };
        let words: Vec<(u16, f32)> = (0..8).map(|word| (word, 0.5)).collect();
        for fifth in 0..5 * 300 {
            let time = f64::from(fifth) / 5.0;
            history.add(time, What::Words(words.clone()));
            (0..40).for_each(|_| history.add(time, What::Note(0, note)));
            history.forget(time);
        }
        let is_note = |entry: &&Entry| matches!(entry.1, What::Note(..));
        assert_eq!(history.since(0).filter(is_note).count(), 60_000);
        assert_eq!(history.since(0).count(), 61_500);
    }
}
