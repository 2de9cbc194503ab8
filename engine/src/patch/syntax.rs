//! Reads RON into a tree in which every part knows its place, and goes on after a mistake.
//!
//! The `ron` crate stops at the first mistake and forgets where values stood, so the outline (brackets,
//! commas, names) is read here; what a literal means is left to `ron`.

use crate::patch::tree::{Mistake, Name, Shape, Spot, Tree};

/// Brackets within brackets that are followed; deeper ones are refused rather than overflow the stack.
const MAX_DEPTH: usize = 64;

/// What was read from a text.
pub(crate) struct Parsed {
    pub(crate) tree: Tree,
    pub(crate) mistakes: Vec<Mistake>,
    /// Where comments stand, in the order of the text.
    pub(crate) comments: Vec<Spot>,
}

/// Reads a whole file; `source` is the number that its places get.
pub(crate) fn parse(source: usize, text: &str) -> Parsed {
    parse_from(source, text, 0)
}

/// Reads the one value that `text` has from the byte `at` on.
pub(crate) fn parse_from(source: usize, text: &str, at: usize) -> Parsed {
    let mut parser = Parser {
        source,
        text,
        at,
        depth: 0,
        mistakes: Vec::new(),
        comments: Vec::new(),
    };
    parser.skip_attributes();
    let tree = parser.value();
    parser.skip_space();
    if parser.at < text.len() {
        let stray = parser.spot(parser.at, parser.at + 1);
        parser.complain(stray, "nothing may follow the patch's closing bracket");
    }
    Parsed {
        tree,
        mistakes: parser.mistakes,
        comments: parser.comments,
    }
}

struct Parser<'a> {
    source: usize,
    text: &'a str,
    at: usize,
    depth: usize,
    mistakes: Vec<Mistake>,
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

    fn complain(&mut self, spot: Spot, message: impl Into<String>) {
        self.mistakes.push(Mistake {
            spot,
            message: message.into(),
        });
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
        let mut open = 0usize;
        while self.at < self.text.len() {
            if self.starts_with("/*") {
                open += 1;
                self.at += 2;
            } else if self.starts_with("*/") {
                open -= 1;
                self.at += 2;
                if open == 0 {
                    return;
                }
            } else {
                self.bump();
            }
        }
        self.complain(
            self.spot(start, start + 2),
            "this comment is never closed with `*/`",
        );
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
        let shape = if self.depth > MAX_DEPTH {
            self.complain(
                self.spot(start, start + 1),
                format!("more than {MAX_DEPTH} brackets within each other"),
            );
            self.at = self.text.len();
            Shape::Broken
        } else {
            match self.peek() {
                Some('"') => self.string(),
                Some('r') if self.starts_with("r\"") || self.starts_with("r#") => self.raw_string(),
                Some('[') => Shape::List(self.items(']', Self::value)),
                Some('{') => Shape::Map(self.items('}', Self::entry)),
                Some('(') => self.parenthesised(None),
                Some(c) if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => self.number(),
                Some(c) if c == '_' || c.is_alphabetic() => self.word(),
                Some(c) => {
                    self.complain(
                        self.spot(start, start + c.len_utf8()),
                        format!("expected a value, found `{c}`"),
                    );
                    self.recover();
                    Shape::Broken
                }
                None => {
                    self.complain(
                        self.spot(start, start),
                        "the file ends where a value should be",
                    );
                    Shape::Broken
                }
            }
        };
        self.depth -= 1;
        Tree {
            spot: self.spot(start, self.at),
            shape,
        }
    }

    fn word(&mut self) -> Shape {
        let name = self.name();
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

    fn number(&mut self) -> Shape {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+'))
        {
            self.bump();
        }
        let literal = &self.text[start..self.at];
        if let Ok(integer) = ron::from_str::<i64>(literal) {
            return Shape::Integer(integer);
        }
        match ron::from_str::<f64>(literal) {
            Ok(number) if number.is_finite() => Shape::Number(number),
            _ => {
                self.complain(
                    self.spot(start, self.at),
                    format!("`{literal}` is not a number"),
                );
                Shape::Broken
            }
        }
    }

    fn string(&mut self) -> Shape {
        let start = self.at;
        self.bump();
        loop {
            match self.peek() {
                Some('\\') => {
                    self.bump();
                    self.bump();
                }
                Some('"') => {
                    self.bump();
                    return self.text_literal(start);
                }
                Some(_) => self.bump(),
                None => return self.unclosed_string(start),
            }
        }
    }

    fn raw_string(&mut self) -> Shape {
        let start = self.at;
        let hashes = self.text[start + 1..]
            .chars()
            .take_while(|c| *c == '#')
            .count();
        let closing = format!("\"{}", "#".repeat(hashes));
        let body = start + 1 + hashes + 1;
        match self.text.get(body..).and_then(|rest| rest.find(&closing)) {
            Some(length) => {
                self.at = body + length + closing.len();
                self.text_literal(start)
            }
            None => self.unclosed_string(start),
        }
    }

    fn text_literal(&mut self, start: usize) -> Shape {
        match ron::from_str::<String>(&self.text[start..self.at]) {
            Ok(text) => Shape::Text(text),
            Err(error) => {
                self.complain(
                    self.spot(start, self.at),
                    format!("this text cannot be read: {}", error.code),
                );
                Shape::Broken
            }
        }
    }

    /// A text without its closing quote ends with its line, so that the lines below are still looked at.
    fn unclosed_string(&mut self, start: usize) -> Shape {
        self.at = self.text[start..]
            .find('\n')
            .map_or(self.text.len(), |newline| start + newline);
        self.complain(
            self.spot(start, start + 1),
            "this text is never closed with `\"`",
        );
        Shape::Broken
    }

    fn entry(&mut self) -> (Tree, Tree) {
        let key = self.value();
        self.skip_space();
        if self.peek() == Some(':') {
            self.bump();
        } else {
            self.complain(self.spot(self.at, self.at + 1), "expected `:` and a value");
        }
        (key, self.value())
    }

    fn field(&mut self) -> (Name, Tree) {
        self.skip_space();
        let name = self.name();
        self.skip_space();
        if name.text.is_empty() || self.peek() != Some(':') {
            let spot = if name.text.is_empty() {
                self.spot(self.at, self.at + 1)
            } else {
                name.spot
            };
            self.complain(spot, "expected `name: value`");
            self.recover();
            return (
                name,
                Tree {
                    spot: self.spot(self.at, self.at),
                    shape: Shape::Broken,
                },
            );
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
                    self.complain(
                        self.spot(open, open + 1),
                        format!("this bracket is never closed with `{close}`"),
                    );
                    return items;
                }
                Some(c) if matches!(c, ')' | ']' | '}') => {
                    self.complain(
                        self.spot(self.at, self.at + 1),
                        format!("expected `{close}`, found `{c}`"),
                    );
                    // The bracket belongs to something further out; leave it there, unless nothing is.
                    if self.depth <= 1 {
                        self.bump();
                    }
                    return items;
                }
                Some(_) => {}
            }
            let before = self.at;
            items.push(item(self));
            self.skip_space();
            match self.peek() {
                Some(',') => self.bump(),
                Some(')' | ']' | '}') | None => {}
                Some(_) => {
                    self.complain(
                        self.spot(self.at, self.at + 1),
                        "expected `,` between two items",
                    );
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn several_mistakes_are_all_found() {
        let Parsed { mistakes, .. } = parse(
            0,
            "Patch(\n a: ,\n b: 1..2,\n c: \"ok\",\n d: \"open\n e: [1, 2\n)",
        );
        assert!(mistakes.len() >= 4, "{mistakes:?}");
    }

    #[test]
    fn comments_may_stand_anywhere() {
        let Parsed {
            tree,
            mistakes,
            comments,
        } = parse(
            0,
            "/* a /* nested */ */ P( // b\n x /* c */ : /* d */ 1, /* e */ ) // f",
        );
        assert_eq!(mistakes, []);
        assert!(matches!(tree.shape, Shape::Struct(_, fields) if fields.len() == 1));
        assert_eq!(comments.len(), 6);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_or_hang(text in "\\PC{0,200}") {
            let _ = parse(0, &text);
        }

        #[test]
        fn no_mix_of_brackets_makes_the_parser_panic_or_hang(text in "[\\[\\](){}\",:a1\\n/*#r-]{0,80}") {
            let _ = parse(0, &text);
        }

        #[test]
        fn what_ron_reads_is_read_without_complaint(numbers in proptest::collection::vec(-1e6f64..1e6, 0..5), text in "[a-z \\\\\"\\n]{0,12}") {
            #[derive(serde::Serialize)]
            struct Sample { numbers: Vec<f64>, text: String, nested: Option<(i64, bool)> }
            let sample = Sample { numbers, text: text.clone(), nested: None };
            let written = ron::ser::to_string_pretty(&sample, ron::ser::PrettyConfig::default()).unwrap();
            let Parsed { tree, mistakes, .. } = parse(0, &written);
            prop_assert_eq!(mistakes, vec![]);
            let Shape::Struct(_, fields) = tree.shape else { panic!("not a struct: {written}") };
            prop_assert_eq!(&fields[1].1.shape, &Shape::Text(text));
        }
    }
}
