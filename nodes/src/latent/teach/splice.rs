//! Changes the text of a file of examples, and leaves all else in it as its reader wrote it.

use std::ops::Range;

use super::example::{self, Example, quoted};

/// What stands in the text, but for spaces and comments.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mark {
    Open(u8),
    Close,
    Comma,
    Colon,
    /// A name, a number or a text.
    Word,
}

/// A mark and its place.
type Found = (Mark, Range<usize>);

/// Where the list of examples stands.
struct Layout {
    /// Where it ends: its bracket.
    close: usize,
    items: Vec<Item>,
}

/// Where an example stands.
struct Item {
    /// From its first sign to its last.
    range: Range<usize>,
    /// The comma behind it.
    comma: Option<usize>,
}

/// The text with `example` added as the last; `None`: the text has no list of examples.
pub(super) fn add(text: &str, example: &Example) -> Option<String> {
    let layout = layout(text)?;
    let written = example::written(example);
    let mut new = text.to_owned();
    let line = text.get(..layout.close)?.rfind('\n').map_or(0, |at| at + 1);
    let is_alone = text.get(line..layout.close)?.trim().is_empty();
    match is_alone && line > 0 {
        true => new.insert_str(line, &format!("{written},\n")),
        false => new.insert_str(layout.close, &format!("\n{written},\n    ")),
    }
    if let Some(last) = layout.items.last()
        && last.comma.is_none()
    {
        new.insert(last.range.end, ',');
    }
    Some(new)
}

/// The text without the example at `index`, and with its comment; `None`: there is none.
pub(super) fn remove(text: &str, index: usize) -> Option<String> {
    let layout = layout(text)?;
    let item = layout.items.get(index)?;
    let (mut from, mut to) = (item.range.start, item.range.end);
    let mut new = text.to_owned();
    if let Some(comma) = item.comma {
        // A comment may stand between.
        new.replace_range(comma..=comma, "");
        if text.get(to..comma)?.trim().is_empty() {
            to = comma;
        }
    }
    let line = new.get(..from)?.rfind('\n').map_or(0, |at| at + 1);
    let end = { new.get(to..)? }
        .find('\n')
        .map_or(new.len(), |at| to + at + 1);
    let is_alone = new.get(line..from)?.trim().is_empty() && new.get(to..end)?.trim().is_empty();
    if is_alone && line > 0 {
        (from, to) = (line, end);
    }
    new.replace_range(from..to, "");
    Some(new)
}

/// The text with the weight of the example at `index`.
pub(super) fn weigh(text: &str, index: usize, weight: f32) -> Option<String> {
    set(text, index, "weight", &weight.to_string())
}

/// The text with the name of the example at `index`.
pub(super) fn name(text: &str, index: usize, name: &str) -> Option<String> {
    set(text, index, "name", &quoted(name))
}

/// The text with another value of a field of the example at `index`.
fn set(text: &str, index: usize, field: &str, value: &str) -> Option<String> {
    let item = layout(text)?.items.into_iter().nth(index)?.range;
    let marks = marks(text.get(item.clone())?)?;
    let mut new = text.to_owned();
    let mut depth = 0_usize;
    for (at, (mark, place)) in marks.iter().enumerate() {
        match mark {
            Mark::Open(_) => depth += 1,
            Mark::Close => depth = depth.saturating_sub(1),
            Mark::Word if depth == 1 => {
                let is_field = text.get(item.start + place.start..item.start + place.end)?;
                let follows = marks.get(at + 1).map(|(mark, _)| *mark);
                if is_field == field && follows == Some(Mark::Colon) {
                    // A weight and a name are one word.
                    let (mark, place) = marks.get(at + 2)?;
                    if *mark != Mark::Word {
                        return None;
                    }
                    let range = item.start + place.start..item.start + place.end;
                    new.replace_range(range, value);
                    return Some(new);
                }
            }
            _ => {}
        }
    }
    // It is not there: behind the first bracket.
    let (mark, place) = marks.first()?;
    (*mark == Mark::Open(b'(')).then_some(())?;
    new.insert_str(item.start + place.end, &format!("{field}: {value}, "));
    Some(new)
}

/// Where the examples stand: in the first list inside of round brackets.
fn layout(text: &str) -> Option<Layout> {
    let mut stack: Vec<u8> = Vec::new();
    let mut items: Vec<Item> = Vec::new();
    let mut current: Option<Range<usize>> = None;
    for (mark, place) in marks(text)? {
        let is_in_list = stack.as_slice() == b"([";
        match mark {
            Mark::Comma if is_in_list => {
                let range = current.take()?;
                items.push(Item {
                    range,
                    comma: Some(place.start),
                });
                continue;
            }
            Mark::Close if is_in_list => {
                if let Some(range) = current {
                    items.push(Item { range, comma: None });
                }
                return Some(Layout {
                    close: place.start,
                    items,
                });
            }
            _ => {}
        }
        if stack.starts_with(b"([") {
            current = match current {
                Some(range) => Some(range.start..place.end),
                None => Some(place.clone()),
            };
        }
        match mark {
            Mark::Open(bracket) => stack.push(bracket),
            Mark::Close => {
                stack.pop()?;
            }
            _ => {}
        }
    }
    None
}

/// All marks of a text; `None`: a text in quotes or a comment does not end.
fn marks(text: &str) -> Option<Vec<Found>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = bytes.get(at..)?;
        let mut mark = |mark: Mark, length: usize| {
            found.push((mark, at..at + length));
            at + length
        };
        at = match byte {
            b'/' if rest.starts_with(b"//") => {
                let length = rest.iter().position(|byte| *byte == b'\n');
                at + length.unwrap_or(rest.len())
            }
            b'/' if rest.starts_with(b"/*") => at + comment(rest)?,
            b'(' | b'[' | b'{' => mark(Mark::Open(*byte), 1),
            b')' | b']' | b'}' => mark(Mark::Close, 1),
            b',' => mark(Mark::Comma, 1),
            b':' => mark(Mark::Colon, 1),
            b'"' => mark(Mark::Word, string(rest)?),
            b'r' if raw(rest).is_some() => mark(Mark::Word, raw(rest)??),
            byte if byte.is_ascii_whitespace() => at + 1,
            _ => {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/()[]{},:\"".contains(byte);
                let length = rest.iter().position(ends).unwrap_or(rest.len());
                mark(Mark::Word, length.max(1))
            }
        };
    }
    Some(found)
}

/// How long the comment is that `rest` begins with; such comments lie in each other.
fn comment(rest: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        let here = rest.get(at..).filter(|here| here.len() > 1)?;
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += 1;
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// How long the text in quotes is that `rest` begins with.
fn string(rest: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match rest.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// How long the raw text, `r#"…"#`, is that `rest` begins with; the outer `None`: it begins with
/// none, the inner: it does not end.
fn raw(rest: &[u8]) -> Option<Option<usize>> {
    let after = rest.get(1..)?;
    let fences = after.iter().take_while(|byte| **byte == b'#').count();
    let text = after.get(fences..)?.strip_prefix(b"\"")?;
    let mut end = vec![b'"'];
    end.resize(fences + 1, b'#');
    let length = text.windows(end.len()).position(|part| part == end);
    Some(length.map(|length| 1 + fences + 1 + length + end.len()))
}

#[cfg(test)]
mod tests {
    use super::super::example::tests::of;
    use super::super::example::{EMPTY, read};
    use super::*;

    /// What a user may make of the file.
    const EDITED: &str = r###"#![enable(implicit_some)]
/* a comment /* in a comment */ with ] and ( */
Examples(
    format: 1, // not [2]
    examples: [
        // the first ), with a "quote
        (id: 1, name: r#"a "]" b"#, values: {"a": 0.5}, latent: [0, 1, 2]), // dark
        ( // the second
            id: 2, name: "b \" ]",
            /* weighs */ weight: 2, values: {"a": 1, "b": 0},
            latent: [3, 4, 5] ) /* the last */
        // nothing more
    ],
)
// the end ]
"###;

    fn ids(text: &str) -> Vec<u64> {
        let read = read(text, Some(3)).unwrap_or_else(|why| panic!("{why}\n{text}"));
        read.iter().map(|example| example.id).collect()
    }

    /// The comments of a text.
    fn comments(text: &str) -> Vec<&str> {
        let all = [
            "a comment /* in a comment */ with ] and (",
            "// not [2]",
            "// the first ), with a \"quote",
            "// dark",
            "/* the last */",
            "// nothing more",
            "// the end ]",
        ];
        all.into_iter().filter(|one| text.contains(one)).collect()
    }

    #[test]
    fn an_example_is_added_as_the_last_and_nothing_else_changes() {
        let new = of(9, 0.25, [7.0, 8.0, 9.0]);
        for text in [
            EDITED,
            EMPTY,
            "Examples(format: 1, examples: [])",
            "(examples: [(id: 1, values: {}, latent: [0, 1, 2])], format: 1)",
            "(examples: [ // none\n], format: 1)",
        ] {
            let before = read(text, Some(3)).unwrap();
            let text = add(text, &new).unwrap();
            let after = read(&text, Some(3)).unwrap_or_else(|why| panic!("{why}\n{text}"));
            assert_eq!(after[..before.len()], before);
            assert_eq!(after[before.len()..], *std::slice::from_ref(&new));
            let again = add(&text, &of(10, 0.0, [0.0; 3])).unwrap();
            assert_eq!(ids(&again).len(), before.len() + 2);
        }
        assert_eq!(comments(&add(EDITED, &new).unwrap()).len(), 7);
    }

    #[test]
    fn an_example_goes_and_comments_outside_of_it_stay() {
        let first = remove(EDITED, 0).unwrap();
        assert_eq!(ids(&first), [2]);
        assert_eq!(comments(&first).len(), 7);
        let second = remove(EDITED, 1).unwrap();
        assert_eq!(ids(&second), [1]);
        assert_eq!(comments(&second).len(), 7);
        assert_eq!(ids(&remove(&first, 0).unwrap()), [0_u64; 0]);
        assert_eq!(remove(EDITED, 2), None);
    }

    #[test]
    fn what_was_added_and_removed_leaves_the_text_as_it_was() {
        let new = of(9, 0.25, [7.0, 8.0, 9.0]);
        for text in [EMPTY, &add(EMPTY, &of(1, 0.5, [0.0; 3])).unwrap()] {
            let more = add(text, &new).unwrap();
            let index = ids(&more).len() - 1;
            assert_eq!(remove(&more, index).unwrap(), text);
        }
    }

    #[test]
    fn a_weight_and_a_name_are_changed_where_they_stand_or_put_in() {
        let text = weigh(EDITED, 1, 0.5).unwrap();
        assert!(text.contains("/* weighs */ weight: 0.5, values"), "{text}");
        let text = weigh(&text, 0, 0.0).unwrap();
        let text = name(&text, 0, "x \"y\"").unwrap();
        let text = name(&text, 1, "z").unwrap();
        let found = read(&text, Some(3)).unwrap();
        let told: Vec<_> = { found.iter() }
            .map(|one| (one.id, one.name.as_str(), one.weight))
            .collect();
        assert_eq!(told, [(1, "x \"y\"", 0.0), (2, "z", 0.5)]);
        assert_eq!(comments(&text).len(), 7);
    }

    #[test]
    fn what_has_no_list_or_does_not_end_is_left_alone() {
        let new = of(9, 0.25, [7.0, 8.0, 9.0]);
        for text in [
            "",
            "[",
            "(",
            "([",
            "(a: [\"",
            "(a: [/* ",
            "r#\"",
            "(a: [r#\"\"",
            ")",
            "([,])",
        ] {
            assert_eq!(add(text, &new), None, "{text}");
            assert_eq!(remove(text, 0), None, "{text}");
            assert_eq!(weigh(text, 0, 1.0), None, "{text}");
        }
    }
}
