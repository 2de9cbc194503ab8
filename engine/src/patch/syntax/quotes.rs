//! Where texts end, also those whose quote is missing.

/// Bytes of a line that are looked at for a quote: a line that holds a million texts is not looked
/// through for each.
const MAX_LINE_READ: usize = 400;

/// Where a text ends that begins with a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextEnd {
    /// Behind the closing quote, or where the text is taken to end that has none.
    pub(super) end: usize,
    pub(super) closed: bool,
}

/// The end of the text whose opening quote stands at `start`.
///
/// A quote that is missing makes the next one, which opens another text, close this. So a text
/// counts as closed only where something follows that can stand behind a text. One without its
/// quote ends within its line, so that the lines below are read as they are meant.
pub(super) fn text_end(text: &str, start: usize, is_key: bool) -> TextEnd {
    let line_end = near_line_end(text, start);
    if let Some(close) = closing(text, start) {
        let end = close + 1;
        let in_pairs = || close < line_end && quotes(&text[start..line_end]).is_multiple_of(2);
        if may_follow(text, end) || in_pairs() {
            return TextEnd { end, closed: true };
        }
    }
    let rest = &text[start + 1..line_end];
    let length = match rest.find('"') {
        Some(next) => named(&rest[..next]),
        None if is_key => named(rest),
        None => without_closers(rest),
    };
    TextEnd {
        end: start + 1 + length,
        closed: false,
    }
}

/// The end of the raw text that begins at `start` with `r"` or `r#`. `unclosed` is kept from text
/// to text: texts with that many `#` are not closed anywhere below, which is not looked for again.
pub(super) fn raw_end(text: &str, start: usize, unclosed: &mut usize) -> TextEnd {
    let hashes = text[start + 1..].bytes().take_while(|c| *c == b'#').count();
    let closing = format!("\"{}", "#".repeat(hashes));
    let body = start + 1 + hashes + 1;
    let rest = text.get(body..).filter(|_| hashes < *unclosed);
    let found = rest.and_then(|rest| rest.find(&closing));
    if found.is_none() {
        *unclosed = hashes.min(*unclosed);
    }
    match found {
        Some(length) => TextEnd {
            end: body + length + closing.len(),
            closed: true,
        },
        None => TextEnd {
            end: line_end(text, start),
            closed: false,
        },
    }
}

/// Where the text begins and ends that has no opening quote and should begin at `start`: its
/// closing quote stands in the same line. `None` where no quote is missing there.
pub(super) fn lost_opening(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..near_line_end(text, start)];
    let quote = start + rest.find('"')?;
    let is_odd = !quotes(rest).is_multiple_of(2);
    (is_odd && may_follow(text, quote + 1)).then_some(quote)
}

/// The end of the line that `at` is in.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end)
}

/// The end of the line that `at` is in, or of what is looked at of a very long one.
pub(super) fn near_line_end(text: &str, at: usize) -> usize {
    let mut most = text.len().min(at + MAX_LINE_READ);
    while !text.is_char_boundary(most) {
        most -= 1;
    }
    text[at..most].find('\n').map_or(most, |end| at + end)
}

/// Whether what stands at `at` can stand behind a value: the end of an item, of its line, or a
/// comment.
pub(super) fn may_follow(text: &str, at: usize) -> bool {
    let rest = text[at..].trim_start_matches([' ', '\t', '\r']);
    rest.is_empty() || rest.starts_with(['\n', ',', ':', ')', ']', '}', '/'])
}

/// The closing quote of a text.
fn closing(text: &str, start: usize) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(start + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// How many quotes stand in `line`.
fn quotes(line: &str) -> usize {
    let mut escaped = false;
    let mut count = 0;
    for byte in line.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => count += 1,
            _ => {}
        }
    }
    count
}

/// The length of what can be a name or a path at the start of `rest`.
fn named(rest: &str) -> usize {
    let end = rest.find([':', ',', ')', ']', '}']).unwrap_or(rest.len());
    rest[..end].trim_end().len()
}

/// The length of `rest` without the comment, the comma and the closing brackets that stand behind a
/// text in a line.
fn without_closers(rest: &str) -> usize {
    let mut text = rest.split(" //").next().unwrap_or_default();
    loop {
        text = text.trim_end();
        let Some(last) = text.chars().next_back() else {
            return 0;
        };
        let belongs_outside = match last {
            ',' => true,
            ')' => excess(text, '(', ')'),
            ']' => excess(text, '[', ']'),
            '}' => excess(text, '{', '}'),
            _ => false,
        };
        if !belongs_outside {
            return text.len();
        }
        text = &text[..text.len() - 1];
    }
}

/// Whether more brackets are closed in `text` than opened.
fn excess(text: &str, open: char, close: char) -> bool {
    text.matches(close).count() > text.matches(open).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is taken for the text that begins at the first quote of `line`, and whether it was
    /// closed.
    fn taken(text: &str, is_key: bool) -> (&str, bool) {
        let start = text.find('"').unwrap();
        let TextEnd { end, closed } = text_end(text, start, is_key);
        (&text[start + 1..end - usize::from(closed)], closed)
    }

    #[test]
    fn a_text_without_its_closing_quote_ends_where_it_is_meant_to() {
        for (text, is_key, wanted) in [
            ("path: \"film.mp4),\n \"eye\": x()", false, "film.mp4"),
            (
                "path: \"http://host/a.m3u8),\n \"b\": x()",
                false,
                "http://host/a.m3u8",
            ),
            ("[\"a -> b -> c,\n \"b -> d\"]", false, "a -> b -> c"),
            ("(\"a -> b, block(4)),\n", false, "a -> b, block(4)"),
            ("\"film: video_file(path: \"x.mp4\"),\n", true, "film"),
            ("\"eye: frame_encoder(size: 3),\n", true, "eye"),
            ("path: \"a(1).wav), // the best\n", false, "a(1).wav"),
            ("\"", false, ""),
        ] {
            assert_eq!(taken(text, is_key), (wanted, false), "{text}");
        }
    }

    #[test]
    fn a_text_with_its_quotes_is_closed_however_long_it_is() {
        for (text, wanted) in [
            ("\"film\": x(path: \"y\"),", "film"),
            ("\"film\": x(path: \"y),", "film"),
            ("say(\"one\ntwo\"),", "one\ntwo"),
            ("\"a \\\" b\",", "a \\\" b"),
            ("\"a\" \"b\"", "a"),
        ] {
            assert_eq!(taken(text, false), (wanted, true), "{text}");
        }
    }
}
