//! The chords under a user's own theme: those that its notes fit, as likely as may be, the same
//! whenever it comes.

use score_engine::Key;

use super::chord::{Chord, NO_CHORD};
use crate::music::theme::{Statements, Theme};

/// How much likelier, as a logit, a chord is that has all tones of the theme than one that has
/// none.
const FITS: f32 = 9.0;

/// How much likelier one is whose root is the lowest note that the file has there.
const ROOT: f32 = 2.5;

/// A theme, where it is played, and its chords as far as they are decided.
pub(super) struct ThemeChords {
    theme: Theme,
    statements: Statements,
    /// The chord of each step of the theme, key-relative.
    chords: Vec<Option<i64>>,
}

impl ThemeChords {
    pub(super) fn new(theme: Theme, statements: Statements) -> Self {
        ThemeChords {
            theme,
            statements,
            chords: Vec::new(),
        }
    }

    /// The key that the theme is written in.
    pub(super) fn key(&self) -> Key {
        self.theme.key
    }

    /// The phrases that have the theme, where they are named.
    pub(super) fn belong_to(&mut self, scene: Option<&str>) {
        self.statements.belong_to(scene);
    }

    /// Goes on in steps of `to` sixteenths in place of `from`, in bars of `bar`: what was decided
    /// stays where it is.
    pub(super) fn retime(&mut self, (from, to): (u64, u64), bar: u64) {
        self.statements.retime(bar);
        if from == to {
            return;
        }
        let places = 0..self.theme.length() as u64 / to.max(1);
        let chord = |step: u64| self.chord(usize::try_from(step * to / from.max(1)).ok()?);
        self.chords = places.map(chord).collect();
    }

    /// A phrase begins; with which sixteenth, is returned.
    pub(super) fn hear(&mut self, name: &str, place: u64) -> u64 {
        self.statements.hear(name, place)
    }

    /// The step of the theme that begins at sixteenth `place`, of `length` sixteenths; `None` where
    /// the theme is not played, or is over.
    pub(super) fn step(&mut self, place: u64, length: u64) -> Option<usize> {
        let here = self.statements.at(place)?;
        let length = usize::try_from(length).ok()?.max(1);
        (here.step < self.theme.length()).then_some(here.step / length)
    }

    /// The chord of step `step`, once it is decided.
    pub(super) fn chord(&self, step: usize) -> Option<i64> {
        self.chords.get(step).copied().flatten()
    }

    /// The chord of step `step` is `token` from now on.
    pub(super) fn keep(&mut self, step: usize, token: i64) {
        if self.chords.len() <= step {
            self.chords.resize(step + 1, None);
        }
        self.chords[step].get_or_insert(token);
    }

    /// How much likelier each chord, a key-relative token, is under the theme's notes in step
    /// `step` of `length` sixteenths, as logits.
    pub(super) fn bias(&self, step: usize, length: u64, key: Key) -> Vec<f32> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (from, to) = (
            step.saturating_mul(length),
            (step + 1).saturating_mul(length),
        );
        let classes = self.theme.classes(from, to);
        let moved = self.theme.shift_to(key);
        let there = |class: u8| (i32::from(class) + moved).rem_euclid(12) as u8;
        let bass = self.theme.bass(from, to).map(there);
        (0..NO_CHORD)
            .map(|token| {
                let Some(chord) = Chord::of_token(token, key) else {
                    return 0.0;
                };
                let heard = (0..12).zip(classes);
                let fits: f64 = heard
                    .filter(|(class, _)| chord.holds(there(*class)))
                    .map(|(_, weight)| weight)
                    .sum();
                let root = if bass == Some(chord.root) { ROOT } else { 0.0 };
                FITS * fits as f32 + root
            })
            .collect()
    }
}
