//! The notes of a run, to be drawn: in a fixed room, however long the run is.

use std::collections::BTreeMap;

use score_engine::{Note, Time};

/// A part, a channel and a pitch.
type Key = (usize, u8, u8);

/// A note from where it begins to where it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct DrawnNote {
    pub(super) part: usize,
    pub(super) channel: u8,
    pub(super) pitch: u8,
    pub(super) velocity: f32,
    pub(super) start: Time,
    pub(super) end: Time,
}

impl DrawnNote {
    fn key(&self) -> Key {
        (self.part, self.channel, self.pitch)
    }
}

/// The notes so far. Where they are too many, those of one key that lie close together become one,
/// as they would in the picture.
pub(super) struct DrawnNotes {
    ended: Vec<DrawnNote>,
    /// When each note began that sounds, and how hard.
    sounding: BTreeMap<Key, (Time, f32)>,
    most: usize,
    /// Notes of one key with no more than this between them are one.
    gap: Time,
}

/// The gap with which notes are joined the first time: a thousandth of a second.
const FIRST_GAP: Time = Time::from_nanos(1_000_000);

impl DrawnNotes {
    /// Keeps at most `most` notes that have ended, or one of each key where those are more.
    pub(super) fn new(most: usize) -> Self {
        DrawnNotes {
            ended: Vec::new(),
            sounding: BTreeMap::new(),
            most: most.max(2),
            gap: Time::ZERO,
        }
    }

    /// A note of `part` begins or ends at `time`. One that sounds already ends where it begins
    /// again.
    pub(super) fn hear(&mut self, part: usize, time: Time, note: Note) {
        let key = (part, note.channel(), note.pitch());
        if let Some(begun) = self.sounding.remove(&key) {
            self.ended.push(drawn(key, begun, time));
            if self.ended.len() >= self.most {
                self.thin();
            }
        }
        if let Note::On { velocity, .. } = note {
            self.sounding.insert(key, (time, velocity));
        }
    }

    /// All notes, by where they begin; what sounds ends at `end`. What lies over what in a picture
    /// does not depend on the order in which parts were heard.
    pub(super) fn until(&self, end: Time) -> Vec<DrawnNote> {
        let sounding = self.sounding.iter();
        let sounding = sounding.map(|(key, begun)| drawn(*key, *begun, end));
        let mut all: Vec<DrawnNote> = self.ended.iter().copied().chain(sounding).collect();
        all.sort_by_key(|note| (note.start, note.key()));
        all
    }

    /// Joins notes until there is room for as many again: as far apart as they were joined before,
    /// and further only where that is not enough.
    fn thin(&mut self) {
        self.ended.sort_by_key(|note| (note.key(), note.start));
        loop {
            let gap = self.gap;
            self.ended.dedup_by(|next, before| {
                let joins = next.key() == before.key() && next.start - before.end <= gap;
                if joins {
                    before.end = before.end.max(next.end);
                    before.velocity = before.velocity.max(next.velocity);
                }
                joins
            });
            if self.ended.len() <= self.most / 2 || gap == Time::MAX {
                return;
            }
            self.gap = (gap + gap).max(FIRST_GAP);
        }
    }
}

fn drawn((part, channel, pitch): Key, (start, velocity): (Time, f32), end: Time) -> DrawnNote {
    DrawnNote {
        part,
        channel,
        pitch,
        velocity,
        start,
        end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u32) -> Time {
        Time::from_seconds(f64::from(seconds))
    }

    #[test]
    fn a_note_that_begins_again_ends_and_what_sounds_at_the_end_ends_there() {
        let mut notes = DrawnNotes::new(100);
        let (channel, pitch) = (0, 60);
        let on = |velocity| Note::On {
            channel,
            pitch,
            velocity,
        };
        notes.hear(0, at(0), on(0.5));
        notes.hear(1, at(1), on(0.7));
        notes.hear(0, at(2), on(0.9));
        let drawn: Vec<_> = (notes.until(at(5)).iter())
            .map(|note| (note.part, note.start, note.end, note.velocity))
            .collect();
        let wanted = [
            (0, at(0), at(2), 0.5),
            (1, at(1), at(5), 0.7),
            (0, at(2), at(5), 0.9),
        ];
        assert_eq!(drawn, wanted);
    }

    #[test]
    fn notes_of_a_long_run_take_a_fixed_room_and_lie_where_they_sounded() {
        let mut notes = DrawnNotes::new(64);
        for second in 0..20_000 {
            // An hour of one key, then an hour of another, and so on, a note every second.
            let (channel, pitch) = (0, 60 + (second / 3_600) as u8);
            let velocity = 0.5;
            let on = Note::On {
                channel,
                pitch,
                velocity,
            };
            notes.hear(0, at(second), on);
            notes.hear(
                0,
                at(second) + Time::from_nanos(500),
                Note::Off { channel, pitch },
            );
            assert!(notes.ended.len() < 64);
        }
        // No further apart than it takes.
        assert!(notes.gap <= at(2));
        let drawn = notes.until(at(20_000));
        for note in drawn {
            let hour = u32::from(note.pitch - 60);
            assert!(note.start >= at(hour * 3_600) && note.end <= at((hour + 1) * 3_600));
        }
    }
}
