//! What is wrong with a patch, and where.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// One mistake in a patch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where; `None` where no place in the file is to blame.
    pub place: Option<Place>,
}

/// A stretch of one line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as the user named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The first character, from 1.
    pub column: usize,
    /// How many characters, at least 1.
    pub length: u32,
    /// The line; of a long one what stands around the place, with `…` where something was left
    /// out.
    pub line_text: String,
    /// How many characters of [`Place::line_text`] stand before the place.
    pub indent: u32,
}

/// Characters of a line that are shown.
const MAX_LINE: usize = 160;

/// Characters of a long line that are shown before the place.
const BEFORE: usize = 60;

impl Place {
    /// The place of the bytes `span` in `text`, cut at the end of its first line.
    pub(crate) fn of(file: &str, text: &str, span: &Range<usize>) -> Self {
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end.max(start));
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..]
            .find('\n')
            .map_or(text.len(), |newline| start + newline);
        let before = text[line_start..start].chars().count();
        let line = text[line_start..line_end].trim_end_matches('\r');
        let (line_text, indent) = excerpt(line, before);
        let length = text[start..end.min(line_end).max(start)].chars().count();
        Place {
            file: file.to_owned(),
            line: text[..start].matches('\n').count() + 1,
            column: before + 1,
            length: u32::try_from(length.max(1)).unwrap_or(u32::MAX),
            line_text,
            indent: u32::try_from(indent).unwrap_or(u32::MAX),
        }
    }

    /// What stands below [`Place::line_text`]: carets under the place.
    #[must_use]
    pub fn pointer(&self) -> String {
        let shown = self.line_text.chars().count();
        let (indent, length) = (self.indent as usize, self.length as usize);
        let carets = length.min(shown.saturating_sub(indent).max(1));
        let mut pointer = String::new();
        for c in self.line_text.chars().take(indent) {
            // Tabs stay tabs, so that the caret stands below what it means; what is shown escaped
            // is longer.
            let gap = if c == '\t' { '\t' } else { ' ' };
            pointer.extend(std::iter::repeat_n(gap, shown_width(c)));
        }
        pointer.extend(std::iter::repeat_n('^', carets));
        pointer
    }
}

/// A line, or what stands in a long one around the character `at`; and where that is then.
fn excerpt(line: &str, at: usize) -> (String, usize) {
    if line.len() <= MAX_LINE || line.chars().count() <= MAX_LINE {
        return (line.to_owned(), at);
    }
    let skipped = at.saturating_sub(BEFORE);
    let mut rest = line.chars().skip(skipped);
    let mut text = String::new();
    if skipped > 0 {
        text.push('…');
    }
    text.extend(rest.by_ref().take(MAX_LINE));
    if rest.next().is_some() {
        text.push('…');
    }
    (text, at - skipped + usize::from(skipped > 0))
}

/// `text` with what would steer a terminal shown and not sent: `\u{1b}` for an escape. New lines
/// and tabs stay.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Whether a character controls a terminal, or the direction in which text is read, and does not
/// end a line.
#[must_use]
pub fn steers(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many characters stand for `c` where it is [`shown`].
fn shown_width(c: char) -> usize {
    if steers(c) {
        c.escape_unicode().count()
    } else {
        1
    }
}

/// `text`, or of a long one its beginning and its end.
pub(crate) fn shortened(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let head = floor_boundary(&text, most * 2 / 3);
    let tail = floor_boundary(&text, text.len() - most / 3);
    format!("{}…{}", &text[..head], &text[tail..])
}

fn floor_boundary(text: &str, mut index: usize) -> usize {
    index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = shown(&self.message);
        if let Some(place) = &self.place {
            let file = shown(&place.file);
            writeln!(f, "{file}:{}:{}: {message}", place.line, place.column)?;
            writeln!(f, "  {}", shown(&place.line_text))?;
            write!(f, "  {}", place.pointer())?;
        } else {
            write!(f, "{message}")?;
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {}", shown(help)),
            None => Ok(()),
        }
    }
}

/// What is wrong with a patch, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Diagnostics {
    /// The mistakes, at most [`MAX_MISTAKES`](crate::limits::MAX_MISTAKES) of them: the first of
    /// the file.
    pub mistakes: Vec<Diagnostic>,
    /// How many more there are.
    #[serde(skip)]
    pub untold: usize,
}

impl Diagnostics {
    /// How many mistakes there are, listed or not.
    #[must_use]
    pub fn count(&self) -> usize {
        self.mistakes.len() + self.untold
    }

    /// `and 9,950 more`, where not all are listed.
    #[must_use]
    pub fn and_more(&self) -> Option<String> {
        (self.untold > 0).then(|| format!("and {} more", grouped(self.untold)))
    }
}

impl From<Vec<Diagnostic>> for Diagnostics {
    fn from(mistakes: Vec<Diagnostic>) -> Self {
        Diagnostics {
            mistakes,
            untold: 0,
        }
    }
}

/// A number with commas between its thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.mistakes.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        match self.and_more() {
            Some(more) => write!(f, "\n{more}"),
            None => Ok(()),
        }
    }
}

/// Names longer than this are not compared: nobody mistypes them, and comparing takes the square of
/// the length.
const MAX_NAME: usize = 64;

/// The name among `names` that `typed` was probably meant to be.
pub fn did_you_mean<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if typed.len() > MAX_NAME {
        return None;
    }
    names
        .into_iter()
        .filter(|name| name.len() <= MAX_NAME)
        .map(|name| (strsim::jaro_winkler(typed, name), name))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_from_one() {
        let place = Place::of("p.ron", "é\n\"üb\": x(", &(9..10));
        assert_eq!((place.line, place.column, place.length), (2, 6, 1));
        assert_eq!(place.line_text, "\"üb\": x(");
    }

    #[test]
    fn carets_stand_below_the_place_past_tabs() {
        let place = Place::of("p.ron", "\té: bad", &(5..8));
        assert_eq!(place.pointer(), "\t   ^^^");
    }

    #[test]
    fn of_a_long_line_only_what_stands_around_the_place_is_shown() {
        let text = format!("{}bad{}", "é".repeat(5_000), "x".repeat(5_000));
        let place = Place::of("p.ron", &text, &(10_000..10_003));
        assert_eq!((place.column, place.length), (5_001, 3));
        assert_eq!(place.line_text.chars().count(), MAX_LINE + 2);
        let at: Vec<usize> = (place.pointer().char_indices())
            .filter(|(_, c)| *c == '^')
            .map(|(at, _)| at)
            .collect();
        let under: String = at
            .iter()
            .filter_map(|at| place.line_text.chars().nth(*at))
            .collect();
        assert_eq!(under, "bad");
        // A place as long as its line points no further than what is shown.
        let whole = Place::of("p.ron", &text, &(0..text.len()));
        assert!(whole.pointer().len() <= MAX_LINE + 1);
    }

    #[test]
    fn what_would_steer_a_terminal_is_shown() {
        assert_eq!(shown("a\u{1b}[2Jb\tc\nd"), "a\\u{1b}[2Jb\tc\nd");
        assert_eq!(shown("\u{9b}\u{202e}\r"), "\\u{9b}\\u{202e}\\u{d}");
        assert!(matches!(shown("Ünüm"), Cow::Borrowed(_)));
        let text = "\u{1b}]0;x\u{7}: bad";
        let at = text.find("bad").unwrap();
        let place = Place::of("p.ron", text, &(at..at + 3));
        let column = shown(&place.line_text).find("bad").unwrap();
        assert_eq!(place.pointer().find('^').unwrap(), column);
    }

    #[test]
    fn mistakes_that_are_not_told_are_counted() {
        let one = Diagnostic {
            message: "bad".to_owned(),
            help: None,
            place: None,
        };
        let mut all = Diagnostics::from(vec![one]);
        assert_eq!(all.to_string(), "bad");
        all.untold = 9_950;
        assert_eq!(all.to_string(), "bad\nand 9,950 more");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn a_slip_of_the_finger_is_guessed() {
        assert_eq!(
            did_you_mean("latent_smoth", ["synth", "latent_smooth"]).unwrap(),
            "did you mean `latent_smooth`?"
        );
        assert_eq!(did_you_mean("zebra", ["synth", "latent_smooth"]), None);
    }
}
