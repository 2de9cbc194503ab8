//! Sessions that are not in use: a node that needs one takes it, instead of reading its file again.

use super::stamp::Stamp;

/// Sessions, or what else was made of files, the longest unused first.
pub(super) struct SessionPool<T> {
    things: Vec<(Stamp, T)>,
    /// How many it keeps of one file.
    most_of_a_file: usize,
    /// How long the files of all that it keeps may be together, in bytes.
    most_bytes: u64,
}

impl<T> SessionPool<T> {
    /// An empty one, which keeps at most `most_of_a_file` of one file, and of all files together at
    /// most `most_bytes`.
    pub(super) const fn new(most_of_a_file: usize, most_bytes: u64) -> Self {
        SessionPool {
            things: Vec::new(),
            most_of_a_file,
            most_bytes,
        }
    }

    /// What was made of the file as it is now. What was made of an older version of it is dropped.
    pub(super) fn take(&mut self, stamp: &Stamp) -> Option<T> {
        self.forget_older(stamp);
        let place = self.things.iter().position(|(of, _)| of == stamp)?;
        Some(self.things.remove(place).1)
    }

    /// Keeps what was made of a file, as far as there is room; what was unused longest makes room
    /// first.
    pub(super) fn give(&mut self, stamp: Stamp, thing: T) {
        self.forget_older(&stamp);
        if self.things.iter().filter(|(of, _)| *of == stamp).count() >= self.most_of_a_file {
            return;
        }
        self.things.push((stamp, thing));
        while self.bytes() > self.most_bytes && !self.things.is_empty() {
            self.things.remove(0);
        }
    }

    fn bytes(&self) -> u64 {
        self.things.iter().map(|(stamp, _)| stamp.bytes()).sum()
    }

    fn forget_older(&mut self, stamp: &Stamp) {
        self.things
            .retain(|(of, _)| of == stamp || !of.is_of_same_path(stamp));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(folder: &tempfile::TempDir, name: &str, text: &str) -> Stamp {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Stamp::of(&path).unwrap()
    }

    #[test]
    fn what_is_given_back_is_taken_once_and_only_the_set_number_kept() {
        let folder = tempfile::tempdir().unwrap();
        let a = stamp(&folder, "a", "1234");
        let mut pool = SessionPool::new(1, 100);
        pool.give(a.clone(), 1);
        pool.give(a.clone(), 2);
        assert_eq!(pool.take(&a), Some(1));
        assert_eq!(pool.take(&a), None);
    }

    #[test]
    fn what_was_made_of_a_file_that_changed_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let mut pool = SessionPool::new(1, 100);
        pool.give(stamp(&folder, "a", "1234"), 1);
        let longer = stamp(&folder, "a", "12345");
        assert_eq!(pool.take(&longer), None);
        assert_eq!(pool.bytes(), 0);
    }

    #[test]
    fn what_was_unused_longest_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (stamp(&folder, "a", "1234"), stamp(&folder, "b", "123"));
        let huge = stamp(&folder, "huge", "123456789");
        let mut pool = SessionPool::new(1, 6);
        pool.give(a.clone(), 'a');
        pool.give(b.clone(), 'b');
        assert_eq!(pool.take(&a), None);
        assert_eq!(pool.take(&b), Some('b'));
        pool.give(huge.clone(), 'h');
        assert_eq!(pool.take(&huge), None);
    }
}
