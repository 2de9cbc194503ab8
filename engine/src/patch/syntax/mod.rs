//! Reads RON into a tree in which every part knows its place, and goes on after a mistake.
//!
//! The `ron` crate stops at the first mistake and forgets where values stood, so the outline
//! (brackets, commas, names) is read here; what a literal means is left to `ron`.

mod brackets;
mod numbers;
mod quotes;
mod settle;
#[cfg(test)]
mod tests;

use std::ops::Range;

use self::brackets::comment_length;
use self::quotes::{line_end, lost_opening, may_follow, near_line_end, raw_end, text_end};
use self::settle::{FoundMistake, Sort};
use crate::limits::{MAX_BRACKETS, MAX_VALUES};
use crate::patch::tree::{Mistake, Name, Shape, Spot, Tree};

/// Mistakes after which a text is not read any further.
const MAX_FOUND: usize = 10_000;

/// What was read from a text.
pub(crate) struct Parsed {
    pub(crate) tree: Tree,
    /// The syntax errors that are reported.
    pub(crate) mistakes: Vec<Mistake>,
    /// How many more there are.
    pub(crate) untold: usize,
    /// Whether the tree cannot be what was meant, because a bracket is missing: nothing in it is
    /// worth checking.
    pub(crate) unbalanced: bool,
    /// Stretches in which what was read is a guess, so that further mistakes in them are none.
    pub(crate) guessed: Vec<Range<usize>>,
    /// Where comments stand, in the order of the text.
    pub(crate) comments: Vec<Spot>,
}

/// Reads a whole file; `source` is the number that its places get.
pub(crate) fn parse(source: usize, text: &str) -> Parsed {
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return empty(source);
    }
    parse_from(source, text, 0)
}

/// Reads the one value that `text` has from the byte `at` on.
pub(crate) fn parse_from(source: usize, text: &str, at: usize) -> Parsed {
    let mut parser = Parser {
        source,
        text,
        at,
        depth: 0,
        values: 0,
        in_key: false,
        gave_up: false,
        unclosed: usize::MAX,
        found: Vec::new(),
        guessed: Vec::new(),
        comments: Vec::new(),
    };
    parser.skip_attributes();
    let tree = parser.value();
    parser.skip_space();
    if parser.at < text.len() {
        let stray = parser.spot(parser.at, parser.at + 1);
        let message = match &tree.shape {
            Shape::Word(word) if at == 0 => format!("expected `(` behind `{word}`"),
            _ => "nothing may follow the patch's closing bracket".to_owned(),
        };
        parser.complain(stray, Sort::Order, message);
    }
    settle::settle(parser, tree, at)
}

/// What an empty file is.
fn empty(source: usize) -> Parsed {
    let spot = Spot {
        source,
        start: 0,
        end: 0,
    };
    Parsed {
        tree: Tree {
            spot,
            shape: Shape::Broken,
        },
        mistakes: vec![Mistake {
            spot,
            message: "the file is empty".to_owned(),
        }],
        untold: 0,
        unbalanced: false,
        guessed: Vec::new(),
        comments: Vec::new(),
    }
}

struct Parser<'a> {
    source: usize,
    text: &'a str,
    at: usize,
    depth: usize,
    values: usize,
    /// Whether the key of an entry is read.
    in_key: bool,
    /// Whether a limit was met, and the rest is not read.
    gave_up: bool,
    /// See [`raw_end`].
    unclosed: usize,
    found: Vec<FoundMistake>,
    guessed: Vec<Range<usize>>,
    comments: Vec<Spot>,
}

impl Parser<'_> {
    fn spot(&self, start: usize, end: usize) -> Spot {
        Spot {
            source: self.source,
            start,
            end,
        }
    }

    fn complain(&mut self, spot: Spot, sort: Sort, message: impl Into<String>) {
        let is_guess = |range: &Range<usize>| range.contains(&spot.start);
        if self.gave_up || (sort != Sort::Quote && self.guessed.last().is_some_and(is_guess)) {
            return;
        }
        let message = message.into();
        let mistake = Mistake { spot, message };
        // What was looked ahead at is read again.
        if self
            .found
            .last()
            .is_some_and(|last| last.mistake == mistake)
        {
            return;
        }
        self.found.push(FoundMistake { sort, mistake });
        if self.found.len() >= MAX_FOUND {
            self.give_up();
        }
    }

    /// Reads no further.
    fn give_up(&mut self) {
        self.gave_up = true;
        self.at = self.text.len();
    }

    /// Complains of a quote that is missing at `start`; whatever is odd in its line may come of it.
    fn complain_of_quote(&mut self, start: usize, end: usize, message: &str) {
        let line = self.text[..start].rfind('\n').map_or(0, |end| end + 1);
        let line = line..near_line_end(self.text, start).max(start + 1);
        self.complain(self.spot(start, end), Sort::Quote, message);
        self.guessed.push(line);
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn starts_with(&self, prefix: &str) -> bool {
        self.text[self.at..].starts_with(prefix)
    }

    fn bump(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    /// Skips white space and comments.
    fn skip_space(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            self.at += rest.len()
                - rest
                    .trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
                    .len();
            let start = self.at;
            if self.starts_with("//") {
                self.at += self.text[self.at..]
                    .find('\n')
                    .unwrap_or(self.text.len() - self.at);
            } else if self.starts_with("/*") {
                self.skip_block_comment();
            } else {
                return;
            }
            // What was looked ahead at is read again.
            if self.comments.last().is_none_or(|last| last.end <= start) {
                self.comments.push(self.spot(start, self.at));
            }
        }
    }

    /// Block comments nest in RON.
    fn skip_block_comment(&mut self) {
        let start = self.at;
        let rest = &self.text[start..];
        let length = comment_length(rest);
        self.at += length;
        if length == rest.len() && !rest.ends_with("*/") {
            let message = "this comment is never closed with `*/`";
            self.complain(self.spot(start, start + 2), Sort::Quote, message);
            self.give_up();
        }
    }

    /// Skips `#![enable(…)]`, which changes nothing here.
    fn skip_attributes(&mut self) {
        self.skip_space();
        while self.starts_with("#!") {
            self.at += self.text[self.at..].find(']').map_or(2, |end| end + 1);
            self.skip_space();
        }
    }

    fn value(&mut self) -> Tree {
        self.skip_space();
        let start = self.at;
        self.depth += 1;
        self.values += 1;
        let is_key = std::mem::take(&mut self.in_key);
        let shape = if self.depth > MAX_BRACKETS {
            let message = format!("more than {MAX_BRACKETS} brackets within each other");
            self.refuse_all(start, message)
        } else if self.values > MAX_VALUES {
            let message = format!("the text has more than {MAX_VALUES} values");
            self.refuse_all(start, message)
        } else {
            match self.peek() {
                Some('"') => self.string(is_key),
                Some('r') if self.starts_with("r\"") || self.starts_with("r#") => self.raw_string(),
                Some('[') => Shape::List(self.items(']', Self::value)),
                Some('{') => Shape::Map(self.items('}', Self::entry)),
                Some('(') => self.parenthesised(None),
                Some(c) if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => self.number(),
                Some(c) if c == '_' || c.is_alphabetic() => self.word(),
                Some(c) => self.odd(c),
                None => {
                    let message = "the text ends where a value should be";
                    self.complain(self.spot(start, start), Sort::Order, message);
                    Shape::Broken
                }
            }
        };
        self.depth -= 1;
        Tree {
            spot: self.spot(start, self.at.max(start)),
            shape,
        }
    }

    fn refuse_all(&mut self, start: usize, message: String) -> Shape {
        self.complain(self.spot(start, start + 1), Sort::Value, message);
        self.give_up();
        Shape::Broken
    }

    /// What begins as no value does.
    fn odd(&mut self, first: char) -> Shape {
        let start = self.at;
        if let Some(text) = self.text_without_opening(start) {
            return text;
        }
        if let Some(closing) = self.single_quoted() {
            let message = "text stands in double quotes";
            self.complain(self.spot(start, closing), Sort::Value, message);
            self.at = closing;
            return Shape::Broken;
        }
        if matches!(first, '/' | '\\' | '~' | '@' | '#' | '\'') {
            return self.unquoted(start);
        }
        let message = format!("expected a value, found `{first}`");
        let spot = self.spot(start, start + first.len_utf8());
        self.complain(spot, Sort::Order, message);
        self.recover();
        Shape::Broken
    }

    /// The end of a text in single quotes that begins here.
    fn single_quoted(&self) -> Option<usize> {
        let rest = self.text[self.at..line_end(self.text, self.at)].strip_prefix('\'')?;
        Some(self.at + 1 + rest.find('\'')? + 1)
    }

    /// A text whose opening quote is missing at `start`, where that is so.
    fn text_without_opening(&mut self, start: usize) -> Option<Shape> {
        let quote = lost_opening(self.text, start)?;
        self.complain_of_quote(start, quote, "this text has no opening quote");
        self.at = quote + 1;
        Some(Shape::Text(self.text[start..quote].to_owned()))
    }

    /// A text without any quotes, from `start` to the end of its item.
    fn unquoted(&mut self, start: usize) -> Shape {
        let line = &self.text[start..line_end(self.text, start)];
        let length = line.find([',', ')', ']', '}']).unwrap_or(line.len());
        let length = line[..length]
            .split(" //")
            .next()
            .unwrap_or_default()
            .trim_end()
            .len();
        self.at = start + length.max(1);
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        self.complain(
            self.spot(start, self.at),
            Sort::Value,
            "text stands in double quotes",
        );
        Shape::Broken
    }

    fn word(&mut self) -> Shape {
        let name = self.name();
        let next = self.peek();
        if !may_follow(self.text, self.at) && next != Some('(') {
            if let Some(text) = self.text_without_opening(name.spot.start) {
                return text;
            }
            let is_path = matches!(next, Some('.' | '-' | '\\' | '@' | '~' | '#' | '%' | '&'))
                || self.text[self.at..].starts_with(" -> ");
            if is_path {
                return self.unquoted(name.spot.start);
            }
        } else if next == Some('/') && !self.starts_with("//") && !self.starts_with("/*") {
            return self.unquoted(name.spot.start);
        }
        self.skip_space();
        if self.peek() == Some('(') {
            return self.parenthesised(Some(name));
        }
        self.at = name.spot.end;
        Shape::Word(name.text)
    }

    fn name(&mut self) -> Name {
        let start = self.at;
        while self.peek().is_some_and(|c| c == '_' || c.is_alphanumeric()) {
            self.bump();
        }
        Name {
            spot: self.spot(start, self.at),
            text: self.text[start..self.at].to_owned(),
        }
    }

    fn string(&mut self, is_key: bool) -> Shape {
        let start = self.at;
        let found = text_end(self.text, start, is_key);
        self.at = found.end;
        if found.closed {
            return self.text_literal(start);
        }
        self.complain_of_quote(start, start + 1, "this text has no closing quote");
        Shape::Text(self.text[start + 1..found.end].to_owned())
    }

    fn raw_string(&mut self) -> Shape {
        let start = self.at;
        let found = raw_end(self.text, start, &mut self.unclosed);
        self.at = found.end;
        if found.closed {
            return self.text_literal(start);
        }
        self.complain_of_quote(start, start + 1, "this text has no closing quote");
        Shape::Broken
    }

    fn text_literal(&mut self, start: usize) -> Shape {
        match ron::from_str::<String>(&self.text[start..self.at]) {
            Ok(text) => Shape::Text(text),
            Err(error) => {
                let message = format!("this text cannot be read: {}", error.code);
                self.complain(self.spot(start, self.at), Sort::Value, message);
                Shape::Broken
            }
        }
    }

    fn entry(&mut self) -> (Tree, Tree) {
        self.skip_space();
        if self.skip_decimals() {
            return (self.nothing(), self.nothing());
        }
        self.in_key = true;
        let key = self.value();
        self.in_key = false;
        self.skip_space();
        if self.peek() == Some(':') {
            self.bump();
        } else {
            let spot = self.spot(self.at, self.at + 1);
            self.complain(spot, Sort::Order, "expected `:` and a value");
            // What is missing here, another value as well, was told once.
            if may_follow(self.text, self.at) {
                return (key, self.nothing());
            }
        }
        (key, self.value())
    }

    /// What stands in the place of what could not be read.
    fn nothing(&self) -> Tree {
        Tree {
            spot: self.spot(self.at, self.at),
            shape: Shape::Broken,
        }
    }

    fn field(&mut self) -> (Name, Tree) {
        self.skip_space();
        let none = Name {
            spot: self.spot(self.at, self.at),
            text: String::new(),
        };
        if self.skip_decimals() {
            return (none, self.nothing());
        }
        let name = self.name();
        self.skip_space();
        if name.text.is_empty() || self.peek() != Some(':') {
            let spot = if name.text.is_empty() {
                self.spot(self.at, self.at + 1)
            } else {
                name.spot
            };
            self.complain(spot, Sort::Order, "expected `name: value`");
            self.recover();
            return (name, self.nothing());
        }
        self.bump();
        (name, self.value())
    }

    /// `(…)`: named fields when the first thing is `name:`, else a tuple.
    fn parenthesised(&mut self, name: Option<Name>) -> Shape {
        let before = self.at;
        self.bump();
        self.skip_space();
        let first = self.name();
        self.skip_space();
        let is_struct = !first.text.is_empty() && self.peek() == Some(':');
        let is_empty = first.text.is_empty() && self.peek() == Some(')');
        self.at = before;
        if is_struct || is_empty {
            Shape::Struct(name, self.items(')', Self::field))
        } else {
            Shape::Tuple(name, self.items(')', Self::value))
        }
    }

    /// Items with commas between them up to `close`.
    fn items<T>(&mut self, close: char, item: fn(&mut Self) -> T) -> Vec<T> {
        let open = self.at;
        self.bump();
        let mut items = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                Some(c) if c == close => {
                    self.bump();
                    return items;
                }
                None => {
                    let message = format!("this bracket is never closed with `{close}`");
                    self.complain(self.spot(open, open + 1), Sort::Open, message);
                    return items;
                }
                Some(c) if matches!(c, ')' | ']' | '}') => {
                    let spot = self.spot(self.at, self.at + 1);
                    self.complain(
                        spot,
                        Sort::Order,
                        format!("expected `{close}`, found `{c}`"),
                    );
                    // The bracket belongs to something further out; leave it there, unless nothing
                    // is.
                    if self.depth <= 1 {
                        self.bump();
                    }
                    return items;
                }
                Some(_) => {}
            }
            let before = self.at;
            items.push(item(self));
            let end = self.at;
            self.skip_space();
            // The comma may have been taken into a text that has no closing quote.
            let was_guessed = (self.guessed.last())
                .is_some_and(|line| line.start <= end && end <= line.end && line.end <= self.at);
            match self.peek() {
                Some(',') => self.bump(),
                Some(')' | ']' | '}') | None => {}
                Some(_) if was_guessed => {}
                Some(_) => {
                    let spot = self.spot(self.at, self.at + 1);
                    self.complain(spot, Sort::Order, "expected `,` between two items");
                    if self.at == before {
                        self.bump();
                    }
                }
            }
        }
    }

    /// Goes on to the next comma or closing bracket of this level.
    fn recover(&mut self) {
        let mut open = 0usize;
        while let Some(c) = self.peek() {
            match c {
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' if open == 0 => return,
                ')' | ']' | '}' => open -= 1,
                ',' | '\n' if open == 0 => return,
                _ => {}
            }
            self.bump();
        }
    }
}
