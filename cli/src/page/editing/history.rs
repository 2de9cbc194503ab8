//! The texts that were: those that were saved through the page, and those that played.

use std::collections::VecDeque;
use std::sync::Arc;

use score_engine::patch_hash;

/// Texts that are kept.
const MOST: usize = 50;

/// Bytes of them; the newest is kept however long it is.
const MOST_BYTES: usize = 16 << 20;

/// The last texts, the oldest first.
#[derive(Default)]
pub(super) struct History(VecDeque<Earlier>);

/// A text that stood in a file.
#[derive(Clone)]
pub(super) struct Earlier {
    /// The number of its file.
    file: usize,
    pub(super) hash: String,
    pub(super) text: Arc<str>,
}

impl History {
    /// Notes what stands in a file; nothing, if that was noted last of it.
    pub(super) fn note(&mut self, file: usize, text: &Arc<str>) {
        let hash = patch_hash(text);
        let last = self.0.iter().rfind(|earlier| earlier.file == file);
        if last.is_some_and(|last| last.hash == hash) {
            return;
        }
        self.0.push_back(Earlier {
            file,
            hash,
            text: text.clone(),
        });
        while self.0.len() > MOST || (self.0.len() > 1 && self.bytes() > MOST_BYTES) {
            self.0.pop_front();
        }
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|earlier| earlier.text.len()).sum()
    }

    /// What stood in a file before the text with this hash did, last; the newest, if no such text
    /// is known.
    pub(super) fn before(&self, file: usize, hash: &str) -> Option<Earlier> {
        let of_file = self.0.iter().filter(|earlier| earlier.file == file);
        let of_file: Vec<&Earlier> = of_file.collect();
        let at = of_file.iter().rposition(|earlier| earlier.hash == hash);
        let before = &of_file[..at.unwrap_or(of_file.len())];
        let mut before = before.iter().rev();
        before
            .find(|earlier| earlier.hash != hash)
            .map(|earlier| (*earlier).clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn note(history: &mut History, file: usize, text: &str) {
        history.note(file, &text.into());
    }

    #[test]
    fn one_goes_back_text_by_text_in_each_file() {
        let mut history = History::default();
        for text in ["one", "one", "two", "three"] {
            note(&mut history, 0, text);
            note(&mut history, 1, "other");
        }
        let before = |text: &str| {
            let found = history.before(0, &patch_hash(text));
            found.map(|earlier| earlier.text.to_string())
        };
        assert_eq!(before("three").as_deref(), Some("two"));
        assert_eq!(before("two").as_deref(), Some("one"));
        assert_eq!(before("one"), None);
        // A text that nobody has saved: what was saved last comes before it.
        assert_eq!(before("unknown").as_deref(), Some("three"));
        assert!(history.before(1, &patch_hash("other")).is_none());
    }

    #[test]
    fn only_the_last_are_kept_and_not_too_many_bytes() {
        let mut history = History::default();
        for number in 0..200 {
            note(&mut history, 0, &number.to_string());
        }
        assert_eq!(history.0.len(), MOST);
        let long = "x".repeat(MOST_BYTES);
        note(&mut history, 0, &long);
        assert_eq!(history.0.len(), 1);
        note(&mut history, 0, "short");
        assert_eq!(history.before(0, "").unwrap().text.len(), 5);
    }
}
