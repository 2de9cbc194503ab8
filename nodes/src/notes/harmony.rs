//! The key and the chord that notes follow: the transport's key, or chords that come along a wire.

use std::collections::VecDeque;

use score_engine::{Key, Mode, Time, Transport};

use crate::chords::Chords;
use crate::music;

/// Chords that were told ahead of their time are kept up to so many.
const MOST: usize = 64;

/// The key and the chord that hold.
#[derive(Debug)]
pub(super) struct Harmony {
    /// The transport's key, else C major.
    key: Key,
    /// Chords that came before their time.
    coming: VecDeque<(Time, Chords)>,
    now: Option<Chords>,
}

impl Harmony {
    pub(super) fn new(transport: &Transport) -> Self {
        Harmony {
            key: key_of(transport),
            coming: VecDeque::new(),
            now: None,
        }
    }

    /// The music goes on by another transport.
    pub(super) fn retime(&mut self, transport: &Transport) {
        self.key = key_of(transport);
    }

    /// Takes in the chords that hold from `time` on.
    pub(super) fn hear(&mut self, time: Time, chords: Chords) {
        let place = self.coming.partition_point(|(since, _)| *since <= time);
        self.coming.insert(place, (time, chords));
        if self.coming.len() > MOST
            && let Some((_, chords)) = self.coming.pop_front()
        {
            self.now = Some(chords);
        }
    }

    /// Goes on to `time`.
    pub(super) fn go_to(&mut self, time: Time) {
        let holds = |coming: &VecDeque<(Time, Chords)>| {
            let next = coming.front();
            next.is_some_and(|(since, _)| *since <= time)
        };
        while holds(&self.coming)
            && let Some((_, chords)) = self.coming.pop_front()
        {
            self.now = Some(chords);
        }
    }

    /// The key that holds: the chords', where some came, else the transport's.
    pub(super) fn key(&self) -> Key {
        self.now.map_or(self.key, |chords| chords.key)
    }

    /// The chord that sounds.
    pub(super) fn chord(&self) -> Option<music::Chord> {
        self.now?.chord
    }
}

fn key_of(transport: &Transport) -> Key {
    let choice = transport.key;
    choice.map_or(Key::default(), |choice| {
        choice.key(transport.seed, Mode::Major)
    })
}
