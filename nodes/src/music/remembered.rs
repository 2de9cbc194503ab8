//! What is remembered of bars that may return, in a fixed room: what was not heard for longest is
//! forgotten first.

use std::collections::BTreeMap;

/// Values by what they are known by.
pub(super) struct Remembered<K, V> {
    /// With each value when it was heard last, counted in bars.
    known: BTreeMap<K, (u64, V)>,
    most: usize,
    bars: u64,
}

impl<K: Ord + Clone, V> Remembered<K, V> {
    /// Remembers at most `most` values.
    pub(super) fn new(most: usize) -> Self {
        Remembered {
            known: BTreeMap::new(),
            most: most.max(1),
            bars: 0,
        }
    }

    /// What is remembered of `key`.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.known.get(key).map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.known.get_mut(key).map(|(_, value)| value)
    }

    /// A bar of `key` is heard: what is remembered of it, made by `make` where nothing is.
    pub(super) fn hear(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.bars += 1;
        if self.known.len() >= self.most && !self.known.contains_key(&key) {
            let oldest = self.known.iter().min_by_key(|(_, (heard, _))| *heard);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.known.remove(&oldest);
            }
        }
        let (heard, value) = self.known.entry(key).or_insert_with(|| (0, make()));
        *heard = self.bars;
        value
    }

    /// All values.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.known.values_mut().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_heard_for_longest_makes_room_for_what_is_new() {
        let mut remembered = Remembered::new(3);
        for key in ["a", "b", "c", "a", "d"] {
            remembered.hear(key, || key.to_uppercase());
        }
        let known = |key: &'static str| remembered.get(&key).map(String::as_str);
        assert_eq!(
            ["a", "b", "c", "d"].map(known),
            [Some("A"), None, Some("C"), Some("D")]
        );
        for number in 0..1000 {
            let key = ["e", "f", "g", "h"][number % 4];
            remembered.hear(key, String::new);
            assert_eq!(remembered.values_mut().count(), 3);
        }
    }
}
