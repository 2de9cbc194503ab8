//! Takes an item out of a list or a map, with its comma and its line, and leaves every comment.

use std::ops::Range;

use super::pen::Pen;
use crate::patch::tree::Tree;

impl Pen<'_> {
    /// Removes number `index` of the `items` that stand between the brackets of `within`.
    pub(super) fn remove_item(&mut self, within: &Tree, items: &[Range<usize>], index: usize) {
        self.remove_items(within, items, |other| other == index);
    }

    /// Removes those of the `items` between the brackets of `within` whose numbers are gone.
    pub(super) fn remove_items(
        &mut self,
        within: &Tree,
        items: &[Range<usize>],
        is_gone: impl Fn(usize) -> bool,
    ) {
        let close = within.spot.end - 1;
        for (index, item) in items.iter().enumerate() {
            if !is_gone(index) {
                continue;
            }
            let next = items.get(index + 1).map_or(close, |next| next.start);
            let comma = self.find(',', item.end..next);
            self.remove_with_comma(item.clone(), comma);
            // What is last now has no comma behind it where what was last had none.
            let kept = (0..index).rev().find(|before| !is_gone(*before));
            let kept = kept.and_then(|kept| items.get(kept).zip(items.get(kept + 1)));
            if comma.is_none()
                && let Some((kept, gone)) = kept
                && let Some(comma) = self.find(',', kept.end..gone.start)
            {
                let gap = self.behind_spaces(comma + 1);
                let end = if gap == gone.start { gap } else { comma + 1 };
                self.edits.push((comma..end, String::new()));
            }
        }
    }

    /// Removes an item and the comma behind it.
    fn remove_with_comma(&mut self, item: Range<usize>, comma: Option<usize>) {
        let end = comma.map_or(item.end, |comma| comma + 1);
        let is_bare = self.comments_in(item.start..end).is_empty();
        match is_bare.then(|| self.whole_lines(item.start..end)).flatten() {
            Some(lines) => self.edits.push((lines, String::new())),
            None => {
                self.replace_by_comments(item);
                if let Some(comma) = comma {
                    self.edits
                        .push((comma..self.behind_spaces(comma + 1), String::new()));
                }
            }
        }
    }

    /// The lines of a stretch that has them for itself.
    fn whole_lines(&self, of: Range<usize>) -> Option<Range<usize>> {
        let start = self.text[..of.start].rfind('\n')? + 1;
        let end = of.end + self.text[of.end..].find('\n')? + 1;
        let is_alone = self.text[start..of.start].trim().is_empty()
            && self.text[of.end..end].trim().is_empty();
        is_alone.then_some(start..end)
    }

    /// Leaves of a stretch nothing but the comments in it.
    fn replace_by_comments(&mut self, of: Range<usize>) {
        let comments: Vec<String> = (self.comments_in(of.clone()).iter())
            .map(|comment| {
                let text = self.text[comment.range()].trim_end();
                match text.starts_with("//") {
                    true => format!("{text}\n"),
                    false => format!("{text} "),
                }
            })
            .collect();
        self.edits.push((of, comments.concat()));
    }

    /// Behind the spaces that stand at a place.
    fn behind_spaces(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.len() - rest.trim_start_matches([' ', '\t']).len()
    }
}
