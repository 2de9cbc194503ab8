//! Where a theme is played: with every phrase of its scene.

use std::collections::VecDeque;

/// Every third time that the theme comes, its bars end otherwise than they did, so that what
/// returns also varies.
const VARIED: u32 = 3;

/// Sixteenths of a bar that varies which are as they were: it is known by its beginning.
const KNOWN: usize = 8;

/// A place in the theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Here {
    /// The sixteenth, counted from the theme's beginning.
    pub(crate) step: usize,
    /// Whether the music is the theme's there, note for note; elsewhere it is the theme's bar
    /// played otherwise.
    pub(crate) is_known: bool,
}

/// The phrases so far that are not over, and which of them are the theme's.
pub(crate) struct Statements {
    /// The name of the phrases that the theme belongs to; `None`: that of the first.
    name: Option<String>,
    /// Whether anything says where phrases begin. If not, the theme comes once, with the first bar.
    has_phrases: bool,
    /// Sixteenths in a bar.
    bar: u64,
    /// From which sixteenth on, counted from the start: a statement of the theme, by its number
    /// from 1, or something else.
    phrases: VecDeque<(u64, Option<u32>)>,
    /// How often the theme came.
    times: u32,
}

impl Statements {
    pub(crate) fn new(name: Option<String>, has_phrases: bool, bar: u64) -> Self {
        Statements {
            name,
            has_phrases,
            bar: bar.max(1),
            phrases: VecDeque::new(),
            times: 0,
        }
    }

    /// The theme belongs to the phrases of this name from now on, where one is given.
    pub(crate) fn belong_to(&mut self, name: Option<&str>) {
        if let Some(name) = name
            && self.name.as_deref() != Some(name)
        {
            self.name = Some(name.to_owned());
        }
    }

    /// Goes on in bars of `bar` sixteenths.
    pub(crate) fn retime(&mut self, bar: u64) {
        self.bar = bar.max(1);
    }

    /// A phrase called `name` begins at sixteenth `place`: with the bar that begins there or after
    /// it, which is returned.
    pub(crate) fn hear(&mut self, name: &str, place: u64) -> u64 {
        let begins = place.div_ceil(self.bar) * self.bar;
        let is_own = self.name.get_or_insert_with(|| name.to_owned()) == name;
        self.times += u32::from(is_own);
        self.phrases.retain(|(since, _)| *since < begins);
        self.phrases
            .push_back((begins, is_own.then_some(self.times)));
        begins
    }

    /// Where in the theme, or behind it in its phrase, sixteenth `place` lies; `None` in other
    /// phrases. What is asked for never goes back by more than a phrase.
    pub(crate) fn at(&mut self, place: u64) -> Option<Here> {
        if !self.has_phrases && self.phrases.is_empty() {
            self.hear("", place);
        }
        let now = self.phrases.partition_point(|(since, _)| *since <= place);
        let (since, times) = *self.phrases.get(now.checked_sub(1)?)?;
        // The phrase before is kept: chords are decided ahead of notes.
        self.phrases.drain(..now.saturating_sub(2));
        let step = usize::try_from(place - since).ok()?;
        let in_bar = step % usize::try_from(self.bar).ok()?;
        Some(Here {
            step,
            is_known: !times?.is_multiple_of(VARIED) || in_bar < KNOWN,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_theme_is_the_first_phrases_and_every_third_time_its_bars_end_otherwise() {
        let mut statements = Statements::new(None, true, 16);
        assert_eq!(statements.at(0), None);
        let phrases = ["B", "A", "B", "B'", "B", "B"];
        for (number, name) in (0..).zip(phrases) {
            assert_eq!(statements.hear(name, number * 64), number * 64);
        }
        let known =
            |place: u64, step: usize, is_known: bool| (place, Some(Here { step, is_known }));
        let wanted = [
            known(0, 0, true),
            known(63, 63, true),
            (64, None),
            known(129, 1, true),
            (200, None),
            known(256 + 7, 7, true),
            known(256 + 8, 8, false),
            known(256 + 16, 16, true),
            known(320 + 8, 8, true),
        ];
        for (place, here) in wanted {
            assert_eq!(statements.at(place), here, "{place}");
        }
    }

    #[test]
    fn a_phrase_that_begins_within_a_bar_has_the_theme_from_the_next_bar_on() {
        let mut statements = Statements::new(Some("A".to_owned()), true, 12);
        assert_eq!(statements.hear("A", 5), 12);
        assert_eq!(statements.at(11), None);
        assert_eq!(statements.at(12).map(|here| here.step), Some(0));
        // Of two phrases that begin with one bar the later holds.
        statements.hear("B", 9);
        assert_eq!(statements.at(12), None);
    }

    #[test]
    fn the_theme_goes_over_to_the_phrases_that_are_named_and_keeps_count() {
        let mut statements = Statements::new(None, true, 16);
        statements.hear("A", 0);
        assert!(statements.at(8).is_some());
        statements.belong_to(Some("B"));
        // The phrase that plays is the theme's; the next of its name is not.
        assert!(statements.at(9).is_some());
        statements.hear("A", 64);
        assert_eq!(statements.at(64), None);
        statements.hear("B", 128);
        assert!(statements.at(128).is_some());
        // Where none is named, it stays where it is.
        statements.belong_to(None);
        statements.hear("B", 192);
        assert!(statements.at(192).is_some_and(|here| here.is_known));
    }

    #[test]
    fn without_phrases_the_theme_comes_once_with_the_first_bar() {
        let mut statements = Statements::new(None, false, 16);
        assert_eq!(statements.at(3), None);
        assert_eq!(statements.at(16).map(|here| here.step), Some(0));
        assert_eq!(statements.at(1600).map(|here| here.step), Some(1584));
    }

    #[test]
    fn however_long_the_music_is_only_the_last_phrases_are_remembered() {
        let mut statements = Statements::new(None, true, 16);
        for number in 0..1000 {
            statements.hear(if number % 2 == 0 { "A" } else { "B" }, number * 128);
            assert_eq!(statements.at(number * 128 + 127).is_some(), number % 2 == 0);
        }
        assert!(statements.phrases.len() < 4);
    }
}
