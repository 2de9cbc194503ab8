//! A user's own theme as the player plays it: in the music's key and register, and as the model's
//! tokens.

use std::ops::RangeInclusive;

use score_engine::{Key, Transport};

use super::super::theme::{Statements, Theme};
use super::super::tokens::Step;
use crate::model::Music;

/// Octaves up or down that a theme is tried in.
const OCTAVES: i32 = 8;

/// What is played at a sixteenth where the theme's scene plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThemeStep {
    /// This step of the theme.
    Said(Step),
    /// What the model says; but the theme's last note is over.
    Over,
    /// What the model says, though the music was here before.
    Otherwise,
}

/// A theme, where it is played, and where it lies.
pub(super) struct OwnTheme {
    theme: Theme,
    statements: Statements,
    layout: Music,
    /// By how many semitones the theme is moved in a key, within pitches.
    moved: Option<(Option<Key>, RangeInclusive<u8>, i32)>,
    /// The sixteenth behind the theme's last, counted from the start.
    over: Option<u64>,
}

impl OwnTheme {
    pub(super) fn new((theme, statements): (Theme, Statements), layout: Music) -> Self {
        OwnTheme {
            theme,
            statements,
            layout,
            moved: None,
            over: None,
        }
    }

    /// The key that it is written in.
    pub(super) fn key(&self) -> Key {
        self.theme.key
    }

    /// Goes on by another transport, with the phrases that have the theme, where they are named.
    pub(super) fn retime(&mut self, transport: &Transport, scene: Option<&str>) {
        self.statements.retime(transport.sixteenths_per_bar());
        self.statements.belong_to(scene);
    }

    /// A phrase called `name` begins at sixteenth `place`, counted from the start. How many of the
    /// theme's bars the phrase before had no room for, if it was the theme's.
    pub(super) fn hear(&mut self, name: &str, place: u64) -> Option<usize> {
        let before = place
            .checked_sub(1)
            .and_then(|last| self.statements.at(last));
        self.statements.hear(name, place);
        let heard = before?.step + 1;
        let left = self.theme.length().checked_sub(heard)?;
        (left > 0).then_some(left)
    }

    /// What is played at sixteenth `place`, where the theme's scene plays, in `key` and within
    /// `range`.
    pub(super) fn at(
        &mut self,
        place: u64,
        key: Option<Key>,
        range: &RangeInclusive<u8>,
    ) -> Option<ThemeStep> {
        let over = (self.over.take() == Some(place)).then_some(ThemeStep::Over);
        let Some(here) = self.statements.at(place) else {
            return over;
        };
        let Some(step) = self.theme.at(here.step) else {
            return over;
        };
        if !here.is_known {
            return Some(ThemeStep::Otherwise);
        }
        if here.step + 1 == self.theme.length() {
            self.over = Some(place + 1);
        }
        let Step::On(pitch) = step else {
            return Some(ThemeStep::Said(step));
        };
        let pitch = i32::from(pitch) + self.moved(key, range);
        Some(ThemeStep::Said(Step::On(self.within(pitch))))
    }

    /// The semitones to the key, the short way, and octaves until as much of the theme as can be
    /// lies in the range.
    fn moved(&mut self, key: Option<Key>, range: &RangeInclusive<u8>) -> i32 {
        if let Some((of, within, moved)) = &self.moved
            && (*of, within) == (key, range)
        {
            return *moved;
        }
        let shift = key.map_or(0, |key| self.theme.shift_to(key));
        let outside = |octave: i32| {
            let pitches = self.theme.pitches();
            let moved = pitches.map(|pitch| i32::from(pitch) + shift + 12 * octave);
            let range = i32::from(*range.start())..=i32::from(*range.end());
            moved.filter(|pitch| !range.contains(pitch)).count()
        };
        let octaves = -OCTAVES..=OCTAVES;
        let best = octaves.min_by_key(|octave| (outside(*octave), octave.abs()));
        let moved = shift + 12 * best.unwrap_or(0);
        self.moved = Some((key, range.clone(), moved));
        moved
    }

    /// The same tone in an octave that the model knows.
    fn within(&self, pitch: i32) -> u8 {
        let lowest = i32::from(self.layout.lowest_pitch);
        let highest = lowest + self.layout.tokens as i32 - 3;
        let pitch = match pitch {
            _ if pitch < lowest => pitch + (lowest - pitch + 11) / 12 * 12,
            _ if pitch > highest => pitch - (pitch - highest + 11) / 12 * 12,
            _ => pitch,
        };
        u8::try_from(pitch).unwrap_or(self.layout.lowest_pitch)
    }
}
