//! Which of the mistakes that were found are reported: a missing quote or bracket is reported once,
//! at its own place, and what follows from it is not.

use super::brackets::{Culprit, culprit, open_at};
use super::quotes::{line_end, near_line_end};
use super::{Parsed, Parser};
use crate::limits::MAX_MISTAKES;
use crate::patch::tree::{Mistake, Tree};

/// A mistake as it was found.
pub(super) struct FoundMistake {
    pub(super) sort: Sort,
    pub(super) mistake: Mistake,
}

/// What can be wrong with the writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// One value, whatever stands around it.
    Value,
    /// A quote is missing; the rest of the line is a guess.
    Quote,
    /// Something stands where it cannot, which a missing bracket brings about as well.
    Order,
    /// A bracket is open at the end; which one is to blame is another question.
    Open,
}

/// What was read, with the mistakes that are reported.
pub(super) fn settle(parser: Parser<'_>, tree: Tree, from: usize) -> Parsed {
    let Parser {
        text,
        source,
        mut found,
        guessed,
        comments,
        gave_up,
        ..
    } = parser;
    // Where nothing is out of order every bracket has its other.
    let is_odd = !gave_up
        && found
            .iter()
            .any(|found| matches!(found.sort, Sort::Order | Sort::Open));
    let unmatched = is_odd.then(|| culprit(text, from)).flatten();
    let missing = unmatched.filter(|_| !quote_is_to_blame(text, &found));
    let spot = |start: usize| crate::patch::tree::Spot {
        source,
        start,
        end: start + 1,
    };
    let quote_broke_it = missing.is_none() && unmatched.is_some();
    if quote_broke_it {
        let first = found.iter().find(|found| found.sort == Sort::Quote);
        let first = first.map_or(0, |found| found.mistake.spot.start);
        found.retain(|found| match found.sort {
            Sort::Open => false,
            Sort::Order => found.mistake.spot.start < first,
            Sort::Value | Sort::Quote => true,
        });
    }
    let first_order = (found.iter())
        .filter(|found| found.sort == Sort::Order)
        .map(|found| found.mistake.spot.start)
        .min();
    let blamed = match missing {
        None => None,
        Some(Culprit::Unclosed(open, close)) => {
            let open = inner_of_line(text, from, open, first_order);
            let close = closing_of(text, open).unwrap_or(close);
            Some((open, format!("this bracket is never closed with `{close}`")))
        }
        Some(Culprit::Unopened(close)) => match first_order.filter(|first| *first <= close) {
            Some(first) if open_colon(text, first).is_some() => {
                let message = "expected an opening bracket behind this `:`";
                open_colon(text, first).map(|colon| (colon, message.to_owned()))
            }
            // The first thing that is out of order stands where the bracket is missing.
            Some(first) => {
                let told = (found.iter())
                    .find(|found| found.mistake.spot.start == first && found.sort == Sort::Order);
                told.map(|found| (first, found.mistake.message.clone()))
            }
            None => Some((close, "nothing opens this bracket".to_owned())),
        },
    };
    if let Some((place, message)) = blamed {
        // What is odd in the same line comes of it as well.
        let line = text[..place].rfind('\n').map_or(0, |end| end + 1);
        found.retain(|found| match found.sort {
            Sort::Open => false,
            Sort::Quote => true,
            Sort::Order | Sort::Value => found.mistake.spot.start < line,
        });
        found.push(FoundMistake {
            sort: Sort::Order,
            mistake: Mistake {
                spot: spot(place),
                message,
            },
        });
        found.sort_by_key(|found| found.mistake.spot);
    }
    let untold = found.len().saturating_sub(MAX_MISTAKES);
    found.truncate(MAX_MISTAKES);
    Parsed {
        tree,
        mistakes: found.into_iter().map(|found| found.mistake).collect(),
        untold,
        unbalanced: missing.is_some() || quote_broke_it || gave_up,
        guessed,
        comments,
    }
}

/// Whether brackets may only seem not to match because a quote is missing in their line.
fn quote_is_to_blame(text: &str, found: &[FoundMistake]) -> bool {
    let quotes = found.iter().filter(|found| found.sort == Sort::Quote);
    quotes.map(|found| found.mistake.spot.start).any(|start| {
        text[start..near_line_end(text, start)].contains(['(', ')', '[', ']', '{', '}'])
    })
}

/// The bracket to blame in the line of the one at `open`: a closing one behind an inner bracket is
/// taken for the inner's, so that the outer seems to miss its own. `odd` is the first place at
/// which something is out of order.
fn inner_of_line(text: &str, from: usize, open: usize, odd: Option<usize>) -> usize {
    let end = line_end(text, open);
    let Some(odd) = odd.filter(|odd| (open..end).contains(odd)) else {
        return open;
    };
    open_at(text, from, odd)
        .into_iter()
        .rfind(|inner| *inner > open)
        .unwrap_or(open)
}

/// The colon at the end of one of the few lines above `at`: what begins below it lacks its bracket.
fn open_colon(text: &str, at: usize) -> Option<usize> {
    let above = &text[..at];
    let mut end = above.rfind('\n')?;
    for _ in 0..3 {
        let start = above[..end].rfind('\n').map_or(0, |line| line + 1);
        let line = above[start..end].trim_end();
        if line.ends_with(':') {
            return Some(start + line.len() - 1);
        }
        end = start.checked_sub(1)?;
    }
    None
}

fn closing_of(text: &str, open: usize) -> Option<char> {
    match text[open..].chars().next()? {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        _ => None,
    }
}
