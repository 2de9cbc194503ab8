//! The phrases of a piece: a theme that returns with its scene, and a contrast where it would go on
//! too long.

use std::collections::BTreeMap;

/// Of four phrases of one theme in a row the third is a contrast: the old form of songs, A A B A.
const FORM: usize = 4;
const CONTRAST: usize = 2;

/// Which phrase comes: a theme's own, or its contrast.
type Name = (usize, bool);

/// The codes of the bars of every phrase, so that a phrase that returns has them again.
#[derive(Default)]
pub(super) struct Verses {
    known: BTreeMap<Name, Vec<Option<Vec<f32>>>>,
    present: Option<Name>,
    /// Phrases of the present theme in a row.
    row: usize,
}

impl Verses {
    /// What was played to `theme` is forgotten: another scene has its number now.
    pub(super) fn forget(&mut self, theme: usize) {
        self.known.retain(|(known, _), _| *known != theme);
    }

    /// A phrase of `theme` begins.
    pub(super) fn begin(&mut self, theme: usize) {
        let goes_on = self.present.is_some_and(|(before, _)| before == theme);
        self.row = if goes_on { self.row + 1 } else { 0 };
        self.present = Some((theme, self.row % FORM == CONTRAST));
    }

    /// The phrase's letter: A, B and so on for themes, with a stroke for their contrasts.
    pub(super) fn letter(&self) -> String {
        let Some((theme, contrast)) = self.present else {
            return String::new();
        };
        let letter = char::from(b'A' + (theme % 26) as u8);
        if contrast {
            format!("{letter}'")
        } else {
            letter.to_string()
        }
    }

    /// The code of bar `number` of the phrase, if that was played.
    pub(super) fn bar(&self, number: usize) -> Option<&[f32]> {
        let bars = self.known.get(&self.present?)?;
        bars.get(number)?.as_deref()
    }

    /// Bar `number` of the phrase has `code`.
    pub(super) fn keep(&mut self, number: usize, code: &[f32]) {
        let Some(present) = self.present else {
            return;
        };
        let bars = self.known.entry(present).or_default();
        if bars.len() <= number {
            bars.resize(number + 1, None);
        }
        bars[number].get_or_insert_with(|| code.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_returns_bar_for_bar_and_its_third_phrase_in_a_row_is_another() {
        let mut verses = Verses::default();
        let mut letters = Vec::new();
        let mut new = Vec::new();
        for (number, theme) in [0, 0, 0, 0, 1, 0].into_iter().enumerate() {
            verses.begin(theme);
            letters.push(verses.letter());
            new.push(verses.bar(1).is_none());
            verses.keep(1, &[number as f32]);
        }
        assert_eq!(letters, ["A", "A", "A'", "A", "B", "A"]);
        assert_eq!(new, [true, false, true, false, true, false]);
        assert_eq!(verses.bar(1), Some([0.0].as_slice()));
        assert_eq!(verses.bar(0), None);
    }
}
