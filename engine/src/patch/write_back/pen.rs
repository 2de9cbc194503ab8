//! Changes a text piece by piece, so that every comment stays.

use std::ops::Range;
use std::path::Path;

use serde_json::Value;

use super::literal::Literal;
use crate::param::ParamType;
use crate::patch::params::value_of_type;
use crate::patch::tree::{Shape, Spot, Tree};

/// A text and what is changed in it.
pub(super) struct Pen<'a> {
    pub(super) text: &'a str,
    /// Where comments stand, in the order of the text.
    comments: &'a [Spot],
    /// How its lines end.
    line_end: &'static str,
    /// What stands in the place of what; none overlap.
    pub(super) edits: Vec<(Range<usize>, String)>,
}

/// Items in brackets.
struct InBrackets<'t> {
    /// Behind the opening bracket.
    open: usize,
    /// Before the closing one.
    close: usize,
    /// Where the last item, or the one that something is to follow, begins and ends.
    last: Option<(&'t Spot, &'t Spot)>,
}

impl<'a> Pen<'a> {
    pub(super) fn new(text: &'a str, comments: &'a [Spot]) -> Self {
        Pen {
            text,
            comments,
            line_end: if text.contains("\r\n") { "\r\n" } else { "\n" },
            edits: Vec::new(),
        }
    }

    /// The text with all changes.
    pub(super) fn finish(mut self) -> String {
        // At one place, what came first stands first.
        self.edits
            .sort_by_key(|(range, _)| (range.start, range.end));
        let mut text = String::with_capacity(self.text.len() + 64);
        let mut at = 0;
        for (range, new) in &self.edits {
            text.push_str(self.text.get(at..range.start).unwrap_or_default());
            text.push_str(new);
            at = at.max(range.end);
        }
        text.push_str(self.text.get(at..).unwrap_or_default());
        text
    }

    /// Makes `tree` the literal, whose value is `wanted`. Of a list only those items change that
    /// are others.
    pub(super) fn put(
        &mut self,
        tree: &Tree,
        param_type: &ParamType,
        literal: &Literal,
        wanted: &Value,
        folder: &Path,
    ) {
        if value_of_type(param_type, tree, |_| folder).as_ref() == Some(wanted) {
            return;
        }
        let (Literal::List(new), ParamType::List(item), Value::Array(wanted)) =
            (literal, param_type, wanted)
        else {
            return self.replace(tree.spot, &literal.to_string());
        };
        let old = match &tree.shape {
            Shape::List(items) => items,
            // Round brackets with nothing in them are not a list.
            Shape::Tuple(None, items) if !new.is_empty() => items,
            _ => return self.replace(tree.spot, &literal.to_string()),
        };
        for ((tree, literal), wanted) in old.iter().zip(new).zip(wanted) {
            self.put(tree, item, literal, wanted, folder);
        }
        let brackets = InBrackets {
            open: tree.spot.start + 1,
            close: tree.spot.end - 1,
            last: old.last().map(|last| (&last.spot, &last.spot)),
        };
        if let Some(more) = new.get(old.len()..) {
            let more: Vec<String> = more.iter().map(Literal::to_string).collect();
            self.add(&brackets, &more);
        }
        if let Some(gone) = old.get(new.len()..) {
            let kept = new.len().checked_sub(1).and_then(|last| old.get(last));
            self.remove(&brackets, kept, gone);
        }
    }

    /// Adds fields behind those that a node has.
    pub(super) fn add_fields(&mut self, node: &Tree, fields: &[String]) {
        let Shape::Struct(_, old) = &node.shape else {
            let end = node.spot.end;
            return self
                .edits
                .push((end..end, format!("({})", fields.join(", "))));
        };
        let last = old.last();
        let brackets = self.brackets(node, last.map(|(name, tree)| (&name.spot, &tree.spot)));
        self.add(&brackets, fields);
    }

    /// Adds a section to a patch, behind its format.
    pub(super) fn add_section(&mut self, patch: &Tree, section: &str) {
        let Shape::Struct(_, fields) = &patch.shape else {
            return;
        };
        let format = fields.iter().find(|(name, _)| name.text == "format");
        let before = format.or(fields.last());
        let brackets = self.brackets(patch, before.map(|(name, tree)| (&name.spot, &tree.spot)));
        self.add(&brackets, &[section.to_owned()]);
    }

    /// Adds a section to a patch, behind all others.
    pub(super) fn add_last_section(&mut self, patch: &Tree, section: &str) {
        if let Shape::Struct(_, fields) = &patch.shape {
            let last = fields.last();
            let brackets = self.brackets(patch, last.map(|(name, tree)| (&name.spot, &tree.spot)));
            self.add(&brackets, &[section.to_owned()]);
        }
    }

    /// Adds a section to a patch, behind the one of this name; behind all others, if it has none.
    pub(super) fn add_section_behind(&mut self, patch: &Tree, name: &str, section: &str) {
        let Shape::Struct(_, fields) = &patch.shape else {
            return;
        };
        let before = fields.iter().find(|(field, _)| field.text == name);
        let before = before.or(fields.last());
        let brackets = self.brackets(patch, before.map(|(name, tree)| (&name.spot, &tree.spot)));
        self.add(&brackets, &[section.to_owned()]);
    }

    /// Adds an item to a list, behind those that it has.
    pub(super) fn add_item(&mut self, list: &Tree, items: &[Tree], item: &str) {
        let brackets = InBrackets {
            open: list.spot.start + 1,
            close: list.spot.end - 1,
            last: items.last().map(|last| (&last.spot, &last.spot)),
        };
        self.add(&brackets, &[item.to_owned()]);
    }

    /// Adds an entry to a map, behind those that it has.
    pub(super) fn add_entry(&mut self, map: &Tree, entries: &[(Tree, Tree)], entry: &str) {
        self.add_entries(map, entries, &[entry.to_owned()]);
    }

    /// Adds entries to a map, behind those that it has.
    pub(super) fn add_entries(&mut self, map: &Tree, entries: &[(Tree, Tree)], new: &[String]) {
        let last = entries.last();
        let brackets = InBrackets {
            open: map.spot.start + 1,
            close: map.spot.end - 1,
            last: last.map(|(key, tree)| (&key.spot, &tree.spot)),
        };
        self.add(&brackets, new);
    }

    /// The brackets of a struct, in which something is to follow `last`.
    fn brackets<'t>(&self, tree: &Tree, last: Option<(&'t Spot, &'t Spot)>) -> InBrackets<'t> {
        let name = match &tree.shape {
            Shape::Struct(Some(name), _) => name.spot.end,
            _ => tree.spot.start,
        };
        let close = tree.spot.end - 1;
        // The bracket that opens it is the first that is in no comment.
        let open = self.find('(', name..close);
        InBrackets {
            open: open.map_or(close, |bracket| bracket + 1),
            close,
            last,
        }
    }

    /// Puts `text` in the place of a value; comments within that stand behind it.
    pub(super) fn replace(&mut self, spot: Spot, text: &str) {
        let mut text = text.to_owned();
        for comment in self.comments_in(spot.range()) {
            text.push(' ');
            text.push_str(self.text[comment.range()].trim_end());
            if self.is_line(comment) {
                text.push_str(&self.new_line(spot.start));
            }
        }
        self.edits.push((spot.range(), text));
    }

    /// Adds items behind the last, on lines of their own where that is on one.
    fn add(&mut self, brackets: &InBrackets<'_>, new: &[String]) {
        if new.is_empty() {
            return;
        }
        let Some((first, last)) = brackets.last else {
            return self.add_first(brackets, new);
        };
        let (start, end) = (first.start, last.end);
        let comma = self.find(',', end..brackets.close);
        let own_line = self.text[..start]
            .trim_end_matches([' ', '\t'])
            .ends_with('\n');
        if !own_line {
            let at = self.behind_comments(end, false);
            return self.edits.push((at..at, format!(", {}", new.join(", "))));
        }
        if comma.is_none() {
            self.edits.push((end..end, ",".to_owned()));
        }
        let line = self.new_line(start);
        let mut text = new
            .iter()
            .map(|item| format!("{line}{item}"))
            .collect::<Vec<_>>()
            .join(",");
        if comma.is_some() {
            text.push(',');
        }
        let at = self.behind_comments(comma.map_or(end, |comma| comma + 1), true);
        self.edits.push((at..at, text));
    }

    /// Adds items where there are none.
    fn add_first(&mut self, brackets: &InBrackets<'_>, new: &[String]) {
        let within = brackets.open..brackets.close;
        let Some(last) = self.comments_in(within.clone()).last().copied() else {
            return self.edits.push((within, new.join(", ")));
        };
        let at = self.comment_end(&last);
        let gap = match self.is_line(&last) {
            true => self.new_line(last.start),
            false => " ".to_owned(),
        };
        self.edits
            .push((at..at, format!("{gap}{}", new.join(", "))));
    }

    /// Removes the items that are `gone`, which stand behind the one that is `kept`, and none of
    /// their comments.
    fn remove(&mut self, brackets: &InBrackets<'_>, kept: Option<&Tree>, gone: &[Tree]) {
        let start = kept.map_or(brackets.open, |kept| kept.spot.end);
        let end = gone.last().map_or(start, |last| last.spot.end);
        if self.comments_in(start..brackets.close).is_empty() {
            // A comma behind the last item stays where one is left.
            let end = kept.map_or(brackets.close, |_| end);
            return self.edits.push((start..end, String::new()));
        }
        let mut keep_comma = kept.is_some();
        let mut at = start;
        while at < brackets.close {
            if let Some(comment) = self.comment_at(at) {
                at = comment.end;
                continue;
            }
            let Some(c) = self.text[at..].chars().next() else {
                return;
            };
            let next = at + c.len_utf8();
            let is_kept = c.is_whitespace() || (c == ',' && std::mem::take(&mut keep_comma));
            if !is_kept {
                self.edits.push((at..next, String::new()));
            }
            at = next;
        }
    }

    /// Where `wanted` stands first in a stretch that has nothing but space and comments before it.
    pub(super) fn find(&self, wanted: char, range: Range<usize>) -> Option<usize> {
        let mut at = range.start;
        while at < range.end {
            if let Some(comment) = self.comment_at(at) {
                at = comment.end;
                continue;
            }
            let c = self.text[at..].chars().next()?;
            if c == wanted {
                return Some(at);
            }
            at += c.len_utf8();
        }
        None
    }

    /// The end of the comments that follow `at` in its line; those that end with the line count
    /// where it may.
    fn behind_comments(&self, at: usize, may_end_line: bool) -> usize {
        let (mut end, mut next) = (at, at);
        loop {
            let rest = &self.text[next..];
            next += rest.len() - rest.trim_start_matches([' ', '\t']).len();
            let Some(comment) = self.comment_at(next) else {
                return end;
            };
            if self.is_line(&comment) {
                return if may_end_line {
                    self.comment_end(&comment)
                } else {
                    end
                };
            }
            (end, next) = (comment.end, comment.end);
        }
    }

    fn comment_at(&self, at: usize) -> Option<Spot> {
        let found = self
            .comments
            .binary_search_by_key(&at, |comment| comment.start);
        self.comments.get(found.ok()?).copied()
    }

    pub(super) fn comments_in(&self, range: Range<usize>) -> &'a [Spot] {
        let from = self
            .comments
            .partition_point(|comment| comment.start < range.start);
        let to = self
            .comments
            .partition_point(|comment| comment.start < range.end);
        self.comments.get(from..to).unwrap_or_default()
    }

    /// Whether a comment ends with its line.
    fn is_line(&self, comment: &Spot) -> bool {
        self.text[comment.range()].starts_with("//")
    }

    /// The end of a comment, before what ends its line.
    fn comment_end(&self, comment: &Spot) -> usize {
        match self.is_line(comment) && self.text[comment.range()].ends_with('\r') {
            true => comment.end - 1,
            false => comment.end,
        }
    }

    /// The end of a line as the text has it, and the white space with which the line begins that
    /// `at` is in.
    fn new_line(&self, at: usize) -> String {
        let line = &self.text[self.text[..at].rfind('\n').map_or(0, |end| end + 1)..at];
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        format!("{}{}", self.line_end, &line[..indent])
    }
}
