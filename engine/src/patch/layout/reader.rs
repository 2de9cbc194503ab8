//! Reads a patch with its comments to the parts that they belong to.

use super::page::{Page, flat};
use super::{Comment, Group, Item, Part, TALL};
use crate::patch::tree::{Name, Shape, Spot, Tree};

/// Reads comments to the parts that they belong to.
pub(super) struct Reader<'a> {
    text: &'a str,
    comments: &'a [Spot],
    /// The end of what was read last.
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, comments: &'a [Spot]) -> Self {
        Reader {
            text,
            comments,
            at: 0,
        }
    }

    pub(super) fn patch(mut self, tree: &Tree) -> String {
        let mut above = self.head(tree.spot.start);
        let after_blank = self.blank_until(tree.spot.start) && !above.is_empty();
        let mut value = self.value(tree, &mut above);
        if let (Part::Group(group), Shape::Struct(_, fields)) = (&mut value, &tree.shape) {
            group.tall = !group.items.is_empty();
            for (item, (name, _)) in group.items.iter_mut().zip(fields) {
                if let Part::Group(section) = &mut item.value
                    && TALL.contains(&name.text.as_str())
                {
                    section.tall = !section.items.is_empty();
                    section.aligned = section.close == '}';
                }
            }
        }
        self.at = tree.spot.end;
        let below = self.comments_until(self.text.len());
        let mut page = Page::default();
        page.comments(&above, 0, true);
        if after_blank {
            page.text.push('\n');
        }
        page.part(&value, 0, 0, 0);
        page.text.push('\n');
        page.comments(&below, 0, false);
        page.text
    }

    /// What stands above the patch: comments, and attributes, which are kept word for word.
    fn head(&mut self, end: usize) -> Vec<Comment> {
        let mut above = Vec::new();
        while self.at < end {
            let next = self.comments.first().filter(|spot| spot.start < end);
            let until = next.map_or(end, |spot| spot.start);
            let attribute = self.text[self.at..until]
                .trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            if !attribute.is_empty() {
                above.push(Comment {
                    after_blank: false,
                    text: attribute.to_owned(),
                });
                let start = self.text[self.at..].find(attribute).unwrap_or(0);
                self.at += start + attribute.len();
            }
            match next {
                Some(_) => above.extend(self.comment()),
                None => break,
            }
        }
        above
    }

    /// Whether an empty line lies before `start`.
    fn blank_until(&self, start: usize) -> bool {
        let between = self.text.get(self.at..start).unwrap_or_default();
        let between =
            between.split_once(',').map_or(
                between,
                |(before, after)| {
                    if after.is_empty() { before } else { after }
                },
            );
        between.matches('\n').count() > 1
    }

    /// Reads the next comment.
    fn comment(&mut self) -> Option<Comment> {
        let (spot, rest) = self.comments.split_first()?;
        let comment = Comment {
            after_blank: self.blank_until(spot.start),
            text: self.text[spot.range()].trim_end().replace("\r\n", "\n"),
        };
        self.comments = rest;
        self.at = spot.end;
        Some(comment)
    }

    fn comments_until(&mut self, end: usize) -> Vec<Comment> {
        let mut found = Vec::new();
        while self.comments.first().is_some_and(|spot| spot.start < end) {
            found.extend(self.comment());
        }
        found
    }

    /// The comments on the line on which the reader stands, where that line ends with them; `end`
    /// is the beginning of the next item, or the closing bracket.
    fn comments_behind(&mut self, end: usize, last: bool) -> Vec<String> {
        let mut count = 0;
        let mut at = self.at;
        for spot in self.comments.iter().take_while(|spot| spot.start < end) {
            if self.text[at..spot.end].contains('\n') {
                break;
            }
            count += 1;
            at = spot.end;
        }
        let ends_line = last || self.text[at..end].contains('\n');
        if count == 0 || !ends_line {
            return Vec::new();
        }
        let behind = (0..count).filter_map(|_| self.comment());
        behind.map(|comment| comment.text).collect()
    }

    /// Reads a value; comments where none can stay go to `above`.
    fn value(&mut self, tree: &Tree, above: &mut Vec<Comment>) -> Part {
        let (name, close, count) = match &tree.shape {
            Shape::List(items) => (None, ']', items.len()),
            Shape::Tuple(name, items) => (name.as_ref(), ')', items.len()),
            Shape::Struct(name, fields) => (name.as_ref(), ')', fields.len()),
            Shape::Map(entries) => (None, '}', entries.len()),
            _ => {
                self.at = tree.spot.end;
                return Part::Atom(self.text[tree.spot.range()].replace("\r\n", "\n"));
            }
        };
        let mut open = name.map_or_else(String::new, |name| name.text.clone());
        let bracket = match close {
            ']' => '[',
            '}' => '{',
            _ => '(',
        };
        self.at = name.map_or(tree.spot.start, |name| name.spot.end);
        // Comments between a name and its bracket.
        while let Some(spot) = self.comments.first()
            && self.text[self.at..spot.start].trim().is_empty()
        {
            above.extend(self.comment());
        }
        self.at += self.text[self.at..].find(bracket).map_or(0, |at| at + 1);
        open.push(bracket);
        let end = tree.spot.end.saturating_sub(1);
        let mut items: Vec<Item> = Vec::with_capacity(count);
        let starts: Vec<usize> = match &tree.shape {
            Shape::Struct(_, fields) => fields.iter().map(|(name, _)| name.spot.start).collect(),
            Shape::Map(entries) => entries.iter().map(|(key, _)| key.spot.start).collect(),
            Shape::List(items) | Shape::Tuple(_, items) => {
                items.iter().map(|item| item.spot.start).collect()
            }
            _ => Vec::new(),
        };
        for index in 0..count {
            let next = starts.get(index + 1).copied();
            let mut item = match &tree.shape {
                Shape::Struct(_, fields) => self.field(&fields[index]),
                Shape::Map(entries) => self.entry(&entries[index]),
                Shape::List(items) | Shape::Tuple(_, items) => self.item(&items[index]),
                _ => break,
            };
            item.behind = self.comments_behind(next.unwrap_or(end), next.is_none());
            items.push(item);
        }
        let below = self.comments_until(end);
        self.at = tree.spot.end;
        Part::Group(Group {
            open,
            close,
            items,
            below,
            tall: false,
            aligned: false,
        })
    }

    fn item(&mut self, tree: &Tree) -> Item {
        let mut above = self.comments_until(tree.spot.start);
        let after_blank = self.blank_until(tree.spot.start);
        let value = self.value(tree, &mut above);
        Item {
            above,
            after_blank,
            label: String::new(),
            value,
            behind: Vec::new(),
        }
    }

    fn field(&mut self, (name, tree): &(Name, Tree)) -> Item {
        let above = self.comments_until(name.spot.start);
        let after_blank = self.blank_until(name.spot.start);
        self.at = name.spot.end;
        self.labelled(above, after_blank, name.text.clone(), tree)
    }

    fn entry(&mut self, (key, tree): &(Tree, Tree)) -> Item {
        let mut above = self.comments_until(key.spot.start);
        let after_blank = self.blank_until(key.spot.start);
        let key = flat(&self.value(key, &mut above));
        self.labelled(above, after_blank, key.unwrap_or_default(), tree)
    }

    fn labelled(
        &mut self,
        mut above: Vec<Comment>,
        after_blank: bool,
        label: String,
        tree: &Tree,
    ) -> Item {
        above.extend(self.comments_until(tree.spot.start));
        let value = self.value(tree, &mut above);
        Item {
            above,
            after_blank,
            label: format!("{label}:"),
            value,
            behind: Vec::new(),
        }
    }
}
