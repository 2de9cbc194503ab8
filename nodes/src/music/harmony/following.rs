//! Follows the chords that come along a wire, sixteenth by sixteenth.

use std::collections::VecDeque;

use score_engine::{Key, Time};

use super::super::grid::Grid;
use crate::chords::Chords;

/// The most chords that are kept until their time comes.
const MOST: usize = 64;

/// The chords that came, by the sixteenths from which they hold.
#[derive(Default)]
pub(crate) struct Following {
    coming: VecDeque<(u64, Chords)>,
    now: Option<(u64, Chords)>,
}

impl Following {
    /// Takes in the chords from `time` on; `grid` knows where that lies.
    pub(crate) fn hear(&mut self, time: Time, chords: Chords, grid: &Grid) {
        if self.coming.len() == MOST {
            self.coming.pop_front();
        }
        self.coming.push_back((grid.sixteenth_from(time), chords));
    }

    /// The key that the chords are in, once one came.
    pub(crate) fn key(&self) -> Option<Key> {
        let (_, chords) = self.now.or(self.coming.front().copied())?;
        Some(chords.key)
    }

    /// What holds at sixteenth `place`, counted from the start, with what comes next counted from
    /// there.
    pub(crate) fn at(&mut self, place: u64) -> Option<Chords> {
        while self
            .coming
            .front()
            .is_some_and(|(since, _)| *since <= place)
        {
            self.now = self.coming.pop_front();
        }
        let (since, chords) = self.now?;
        Some(chords.after(u32::try_from(place - since).unwrap_or(u32::MAX)))
    }
}
