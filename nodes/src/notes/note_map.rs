//! Which notes sound at an output, and on whose behalf, so that each of them ends.

use std::collections::BTreeMap;

use score_engine::{Note, Time};

use super::{Key, off, velocity};

/// The notes that sound, by who began them: a key of the input, or a stroke of the node's own.
///
/// A note that is begun while it sounds ends first, and then sounds until the last of those ends
/// that began it: what is sent of a key is always on, off, on, off.
#[derive(Debug)]
pub(super) struct NoteMap<O> {
    /// What each owner has begun.
    begun: BTreeMap<O, Vec<Key>>,
    sounding: BTreeMap<Key, Sound>,
}

/// A note that sounds.
#[derive(Debug)]
struct Sound {
    /// How many have begun it and not ended it.
    owners: usize,
    /// When it was struck last.
    since: Time,
}

impl<O> Default for NoteMap<O> {
    fn default() -> Self {
        NoteMap {
            begun: BTreeMap::new(),
            sounding: BTreeMap::new(),
        }
    }
}

impl<O: Ord> NoteMap<O> {
    /// Begins `notes`, each with its velocity, at `time` for `owner`, whose earlier ones end.
    pub(super) fn begin(
        &mut self,
        owner: O,
        notes: &[(Key, f32)],
        time: Time,
        sent: &mut Vec<Note>,
    ) {
        self.end(&owner, sent);
        let mut begun = Vec::with_capacity(notes.len());
        for (key, force) in notes {
            if begun.contains(key) {
                continue;
            }
            begun.push(*key);
            let sound = (self.sounding.entry(*key)).or_insert(Sound {
                owners: 0,
                since: time,
            });
            if sound.owners > 0 {
                sent.push(off(*key));
            }
            sound.owners += 1;
            sound.since = time;
            sent.push(Note::On {
                channel: key.0,
                pitch: key.1,
                velocity: velocity(*force),
            });
        }
        if !begun.is_empty() {
            self.begun.insert(owner, begun);
        }
    }

    /// Ends what `owner` has begun, as far as nobody else has it sound.
    pub(super) fn end(&mut self, owner: &O, sent: &mut Vec<Note>) {
        for key in self.begun.remove(owner).into_iter().flatten() {
            let Some(sound) = self.sounding.get_mut(&key) else {
                continue;
            };
            sound.owners = sound.owners.saturating_sub(1);
            if sound.owners == 0 {
                self.sounding.remove(&key);
                sent.push(off(key));
            }
        }
    }

    /// When the latest was struck of what `owner` has begun, and of `other` where it sounds.
    pub(super) fn struck(&self, owner: &O, other: Option<Key>) -> Option<Time> {
        let begun = self.begun.get(owner).into_iter().flatten().copied();
        let sounding = begun.chain(other).filter_map(|key| self.sounding.get(&key));
        sounding.map(|sound| sound.since).max()
    }

    /// Whether nothing sounds.
    pub(super) fn is_empty(&self) -> bool {
        self.sounding.is_empty()
    }

    /// Ends all that sounds at `time`; what is struck only later, then.
    pub(super) fn end_all(&mut self, time: Time) -> BTreeMap<Time, Vec<Note>> {
        self.begun.clear();
        let mut ends: BTreeMap<Time, Vec<Note>> = BTreeMap::new();
        for (key, sound) in std::mem::take(&mut self.sounding) {
            ends.entry(sound.since.max(time))
                .or_default()
                .push(off(key));
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Time {
        Time::from_seconds(seconds)
    }

    fn on(pitch: u8) -> Note {
        Note::On {
            channel: 0,
            pitch,
            velocity: 0.5,
        }
    }

    fn end(pitch: u8) -> Note {
        off((0, pitch))
    }

    #[test]
    fn a_note_of_two_owners_is_struck_twice_and_ends_with_the_last() {
        let mut map = NoteMap::default();
        let mut sent = Vec::new();
        map.begin(1, &[((0, 60), 0.5), ((0, 64), 0.5)], at(0.0), &mut sent);
        map.begin(2, &[((0, 64), 0.5), ((0, 64), 0.5)], at(1.0), &mut sent);
        map.end(&1, &mut sent);
        map.end(&1, &mut sent);
        map.end(&2, &mut sent);
        let wanted = [on(60), on(64), end(64), on(64), end(60), end(64)];
        assert_eq!(sent, wanted);
        assert!(map.is_empty());
    }

    #[test]
    fn an_owner_that_begins_again_ends_what_it_had() {
        let mut map = NoteMap::default();
        let mut sent = Vec::new();
        map.begin((), &[((0, 60), 0.5)], at(0.0), &mut sent);
        map.begin((), &[((0, 60), f32::NAN)], at(1.0), &mut sent);
        map.begin((), &[], at(2.0), &mut sent);
        assert_eq!(sent, [on(60), end(60), on(60), end(60)]);
        assert!(map.is_empty());
    }

    #[test]
    fn all_end_at_once_and_none_before_it_begins() {
        let mut map = NoteMap::default();
        map.begin(1, &[((0, 60), 0.5)], at(1.0), &mut Vec::new());
        map.begin(2, &[((0, 64), 0.5)], at(3.0), &mut Vec::new());
        let ends: Vec<_> = map.end_all(at(2.0)).into_iter().collect();
        assert_eq!(ends, [(at(2.0), vec![end(60)]), (at(3.0), vec![end(64)])]);
        assert!(map.end_all(at(4.0)).is_empty());
    }
}
