//! Which bracket is missing in a text whose brackets do not match.

use super::quotes::{raw_end, text_end};

/// Brackets within brackets that are followed; the reader of values gives up long before.
const MAX_OPEN: usize = 1_000;

/// The bracket that is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Culprit {
    /// The bracket at this place is never closed with this one.
    Unclosed(usize, char),
    /// The closing bracket at this place closes nothing.
    Unopened(usize),
}

/// A bracket that is open.
#[derive(Clone, Copy)]
struct Open {
    at: usize,
    close: char,
    /// The line that it is in, and how far that is indented.
    line: usize,
    indent: usize,
}

/// A bracket of a text.
struct Bracket {
    at: usize,
    shape: char,
    line: usize,
    indent: usize,
    /// Whether nothing stands before it in its line.
    is_first: bool,
}

/// The bracket that is to blame where those of `text`, from the byte `from` on, do not match.
pub(super) fn culprit(text: &str, from: usize) -> Option<Culprit> {
    let mut open: Vec<Open> = Vec::new();
    for bracket in Brackets::new(text, from) {
        match closing_of(bracket.shape) {
            Some(close) if open.len() < MAX_OPEN => open.push(bracket.opened(close)),
            Some(_) => return None,
            None if open.pop().is_some_and(|last| last.close == bracket.shape) => {}
            None => return blame(text, from),
        }
    }
    if open.is_empty() {
        None
    } else {
        blame(text, from)
    }
}

/// The brackets that are open at the byte `until`, the innermost last, by their places.
pub(super) fn open_at(text: &str, from: usize, until: usize) -> Vec<usize> {
    let mut open: Vec<Open> = Vec::new();
    for bracket in Brackets::new(text, from).take_while(|bracket| bracket.at < until) {
        match closing_of(bracket.shape) {
            Some(close) if open.len() < MAX_OPEN => open.push(bracket.opened(close)),
            Some(_) => break,
            None => {
                if open.last().is_some_and(|last| last.close == bracket.shape) {
                    open.pop();
                }
            }
        }
    }
    open.into_iter().map(|open| open.at).collect()
}

/// Finds the one to blame by how the lines are indented: a closing bracket that begins a line
/// belongs to what begins with the same indentation.
fn blame(text: &str, from: usize) -> Option<Culprit> {
    let mut open: Vec<Open> = Vec::new();
    let unclosed = |open: &Open| Some(Culprit::Unclosed(open.at, open.close));
    for bracket in Brackets::new(text, from) {
        if let Some(close) = closing_of(bracket.shape) {
            if open.len() == MAX_OPEN {
                return None;
            }
            open.push(bracket.opened(close));
            continue;
        }
        let fits = |open: &Open| open.close == bracket.shape;
        let Some(last) = open.last() else {
            return Some(Culprit::Unopened(bracket.at));
        };
        let elsewhere =
            bracket.is_first && last.indent != bracket.indent && last.line != bracket.line;
        if fits(last) && elsewhere {
            let same = |open: &Open| fits(open) && open.indent == bracket.indent;
            if let Some(outer) = open.iter().rposition(same)
                && let Some(above) = open.get(outer + 1)
            {
                return unclosed(above);
            }
        }
        if fits(last) {
            open.pop();
            continue;
        }
        let outer = open.iter().rposition(fits);
        return match outer.and_then(|outer| Some((&open[outer], open.get(outer + 1)?))) {
            Some((outer, above)) if bracket.is_first || outer.line == bracket.line => {
                unclosed(above)
            }
            _ => Some(Culprit::Unopened(bracket.at)),
        };
    }
    open.last().and_then(unclosed)
}

impl Bracket {
    fn opened(&self, close: char) -> Open {
        Open {
            at: self.at,
            close,
            line: self.line,
            indent: self.indent,
        }
    }
}

/// How far a line is indented.
fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

fn closing_of(open: char) -> Option<char> {
    match open {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        _ => None,
    }
}

/// The brackets of a text, less those in texts and comments.
struct Brackets<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    line_start: usize,
    indent: usize,
    /// See [`raw_end`].
    unclosed: usize,
}

impl<'a> Brackets<'a> {
    fn new(text: &'a str, from: usize) -> Self {
        Brackets {
            text,
            at: from,
            line: 0,
            line_start: from,
            indent: indent_of(&text[from..]),
            unclosed: usize::MAX,
        }
    }

    /// Goes on to `end`, and counts the lines on the way.
    fn skip_to(&mut self, end: usize) {
        let skipped = &self.text[self.at..end];
        if let Some(last) = skipped.rfind('\n') {
            self.line += skipped.matches('\n').count();
            self.line_start = self.at + last + 1;
            self.indent = indent_of(&self.text[self.line_start..]);
        }
        self.at = end;
    }

    fn bracket(&self, shape: char) -> Bracket {
        Bracket {
            at: self.at,
            shape,
            line: self.line,
            indent: self.indent,
            is_first: self.line_start + self.indent == self.at,
        }
    }
}

impl Iterator for Brackets<'_> {
    type Item = Bracket;

    fn next(&mut self) -> Option<Bracket> {
        loop {
            let rest = &self.text[self.at..];
            let next = rest.find(['(', ')', '[', ']', '{', '}', '"', '/', 'r'])?;
            self.skip_to(self.at + next);
            let rest = &self.text[self.at..];
            let first = rest.chars().next()?;
            let follows_word =
                self.text[..self.at].ends_with(|c: char| c == '_' || c.is_alphanumeric());
            let end = match first {
                '"' => text_end(self.text, self.at, false).end,
                '/' if rest.starts_with("//") => self.at + rest.find('\n').unwrap_or(rest.len()),
                '/' if rest.starts_with("/*") => self.at + comment_length(rest),
                'r' if !follows_word && (rest.starts_with("r\"") || rest.starts_with("r#")) => {
                    raw_end(self.text, self.at, &mut self.unclosed).end
                }
                '/' | 'r' => self.at + 1,
                bracket => {
                    let found = self.bracket(bracket);
                    self.at += 1;
                    return Some(found);
                }
            };
            self.skip_to(end.max(self.at + 1));
        }
    }
}

/// The length of the block comment that `text` begins with; they nest.
pub(super) fn comment_length(text: &str) -> usize {
    let mut open = 0usize;
    let mut at = 0;
    while let Some(next) = text[at..].find(['/', '*']) {
        at += next;
        if text[at..].starts_with("/*") {
            open += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            open = open.saturating_sub(1);
            at += 2;
            if open == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}
