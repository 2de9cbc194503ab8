//! Chords as lead sheets write them: bars, slashes, repeats and comments.

use score_engine::{NodeError, note_at};

use super::chord::{Chord, NotAChord};

/// Chords in a text, at most; repeats count.
const MOST: usize = 10_000;

/// How often a passage may be repeated.
const MOST_REPEATS: u64 = 100;

/// Why a text holds no chords.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl From<Unreadable> for NodeError {
    fn from(why: Unreadable) -> Self {
        let error = NodeError::input(why.message);
        match why.help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

/// A chord as a lead sheet writes it.
pub(in crate::music) fn symbol(chord: Option<Chord>) -> String {
    chord.map_or_else(|| "N.C.".to_owned(), |chord| chord.to_string())
}

/// Chords with their lengths in sixteenths; `None` is no chord.
pub(super) type Spans = Vec<(Option<Chord>, u64)>;

/// Reads a text of chords, in bars of `bar` sixteenths, each of `each` sixteenths where there are
/// no bar lines.
pub(super) fn read(text: &str, bar: u64, each: u64) -> Result<Spans, Unreadable> {
    let text = without_comments(text);
    let mut reading = Reading {
        bar,
        each,
        has_bars: text.contains('|'),
        spans: Vec::new(),
        before: None,
        last_bar: Vec::new(),
        number: 1,
        repeat: 0,
    };
    reading.read(&text)?;
    if reading.spans.is_empty() {
        return Err(wrong("there is no chord in it".to_owned()));
    }
    Ok(reading.spans)
}

fn wrong(message: String) -> Unreadable {
    let help = "write chords such as \"Am F C G\", or \"| Am | F G |\" with bar lines";
    Unreadable {
        message,
        help: Some(help.to_owned()),
    }
}

/// The text without what stands behind a `#` that begins a word, up to the line's end, and without
/// names of sections in square brackets.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let mut before = ' ';
        let mut in_name = false;
        for letter in line.chars() {
            match letter {
                '#' if before.is_whitespace() && !in_name => break,
                '[' => in_name = true,
                ']' => in_name = false,
                letter if !in_name => kept.push(letter),
                _ => {}
            }
            before = letter;
        }
        kept.push('\n');
    }
    kept
}

/// A text as far as it was read.
struct Reading {
    bar: u64,
    each: u64,
    has_bars: bool,
    spans: Spans,
    before: Option<Chord>,
    /// The bar before, for `%` alone in a bar.
    last_bar: Spans,
    /// The number of the bar, or of the chord where there are no bars.
    number: usize,
    /// Where in the spans the passage begins that `:|` repeats.
    repeat: usize,
}

impl Reading {
    fn read(&mut self, text: &str) -> Result<(), Unreadable> {
        let mut pieces = text.split('|').peekable();
        while let Some(piece) = pieces.next() {
            // A colon alone between two lines ends what stands before it, if anything does.
            let only_ends = piece.trim() == ":" && self.spans.len() > self.repeat;
            let (opens, piece) = match piece.trim_start().strip_prefix(':') {
                Some(rest) if !only_ends => (true, rest),
                _ => (false, piece),
            };
            if opens {
                self.repeat = self.spans.len();
            }
            // A count such as x3 stands behind the bar line of the repeat, which was read with the
            // piece before.
            let (closes, piece) = match piece.trim_end().strip_suffix(':') {
                Some(rest) => (true, rest),
                None => (false, piece),
            };
            self.bar(piece)?;
            if closes {
                let times = match pieces.peek_mut() {
                    Some(next) => count(next),
                    None => 2,
                };
                self.repeat(times)?;
            }
            if self.spans.len() > MOST {
                return Err(wrong(format!(
                    "{} chords are more than {MOST}",
                    self.spans.len()
                )));
            }
        }
        Ok(())
    }

    /// Plays what stands since the last `|:` `times` times in all.
    fn repeat(&mut self, times: u64) -> Result<(), Unreadable> {
        if times > MOST_REPEATS {
            return Err(wrong(format!(
                "{}: {times} times are more than {MOST_REPEATS}",
                self.place(0)
            )));
        }
        let passage = self.spans[self.repeat..].to_vec();
        for _ in 1..times {
            self.spans.extend_from_slice(&passage);
            if self.spans.len() > MOST {
                break;
            }
        }
        self.repeat = self.spans.len();
        Ok(())
    }

    /// Where `number` chords on from here is.
    fn place(&self, number: usize) -> String {
        match self.has_bars {
            true => format!("bar {}", self.number),
            false => format!("chord {}", self.number + number),
        }
    }

    /// Reads a bar, or where there are none the whole text.
    fn bar(&mut self, text: &str) -> Result<(), Unreadable> {
        let words: Vec<&str> = (text.split_whitespace())
            .filter(|word| *word != "-")
            .collect();
        let count = words.len() as u64;
        if count == 0 {
            return Ok(());
        }
        if self.has_bars && count > self.bar {
            let bar = self.bar;
            return Err(wrong(format!(
                "{}: a bar of {bar} sixteenths has {count} chords",
                self.place(0)
            )));
        }
        if self.has_bars && words == ["%"] && !self.last_bar.is_empty() {
            self.spans.extend_from_slice(&self.last_bar);
            self.number += 1;
            return Ok(());
        }
        let begin = self.spans.len();
        for (number, word) in (0..).zip(words) {
            // Shared so that the bar is full.
            let length = match self.has_bars {
                true => (number + 1) * self.bar / count - number * self.bar / count,
                false => self.each,
            };
            let length = length.max(1);
            // A slash or a dot is one more beat of the same chord.
            if matches!(word, "/" | ".") {
                match self.spans[begin..].last_mut() {
                    Some((_, long)) => *long += length,
                    None => self.spans.push((self.before, length)),
                }
                continue;
            }
            self.before = match word {
                "%" => self.before,
                "N.C." | "NC" | "n.c." => None,
                symbol => Some(symbol.parse().map_err(|_: NotAChord| {
                    unknown(symbol, &self.place(usize::try_from(number).unwrap_or(0)))
                })?),
            };
            self.spans.push((self.before, length));
        }
        self.last_bar = self.spans[begin..].to_vec();
        self.number += if self.has_bars {
            1
        } else {
            self.spans.len() - begin
        };
        Ok(())
    }
}

/// Takes a count such as `x3` or `3x` from the beginning of the text behind a repeat; twice where
/// there is none.
fn count(text: &mut &str) -> u64 {
    let behind = text.trim_start();
    let word = behind.split_whitespace().next().unwrap_or_default();
    let number = word.strip_prefix('x').or_else(|| word.strip_suffix('x'));
    match number.and_then(|number| number.parse().ok()) {
        Some(times) => {
            *text = &behind[word.len()..];
            times
        }
        None => 2,
    }
}

/// The message for what is not a chord, with one that is nearly so written.
fn unknown(symbol: &str, place: &str) -> Unreadable {
    let message = format!("{place}: `{symbol}` is not a chord");
    let looks = "chords look like C, Am, F#m7, Bbmaj7, G7, Dsus4, Bdim, Em7b5";
    let help = match near(symbol) {
        Some(guess) => format!("did you mean `{guess}`? {looks}"),
        None => looks.to_owned(),
    };
    Unreadable {
        message,
        help: Some(help),
    }
}

/// A chord that is written nearly like `symbol`: its root in lower case or in German, one letter
/// too many, a sign in another case.
fn near(symbol: &str) -> Option<String> {
    let is_chord = |text: &String| text.parse::<Chord>().is_ok();
    let first = symbol.chars().next()?;
    let rest = &symbol[first.len_utf8()..];
    let upper = match first.to_ascii_uppercase() {
        // German and Scandinavian musicians call B by that name.
        'H' => 'B',
        letter => letter,
    };
    let rooted = format!("{upper}{rest}");
    if is_chord(&rooted) {
        return Some(rooted);
    }
    let (_, sign) = note_at(&rooted)?;
    let root = &rooted[..rooted.len() - sign.len()];
    let lower = format!("{root}{}", sign.to_lowercase());
    if is_chord(&lower) {
        return Some(lower);
    }
    // Without one of its letters; the first that is not needed.
    let letters: Vec<char> = sign.chars().collect();
    (0..letters.len())
        .rev()
        .map(|left_out| {
            let kept = letters.iter().enumerate();
            let kept = kept.filter(|(index, _)| *index != left_out);
            format!(
                "{root}{}",
                kept.map(|(_, letter)| letter).collect::<String>()
            )
        })
        .find(is_chord)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &str) -> Vec<(String, u64)> {
        let name = |chord: Option<Chord>| chord.map_or("-".to_owned(), |chord| chord.to_string());
        (read(text, 16, 16).unwrap().into_iter())
            .map(|(chord, length)| (name(chord), length))
            .collect()
    }

    fn of(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
        let owned = |(name, length): &(&str, u64)| ((*name).to_owned(), *length);
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn chords_share_their_bar_and_without_bar_lines_each_has_its_length() {
        assert_eq!(spans("Am F"), of(&[("Am", 16), ("F", 16)]));
        assert_eq!(
            spans("| Am | F G C | % | N.C. |"),
            of(&[
                ("Am", 16),
                ("F", 5),
                ("G", 5),
                ("C", 6),
                ("F", 5),
                ("G", 5),
                ("C", 6),
                ("-", 16)
            ])
        );
    }

    #[test]
    fn slashes_are_beats_and_a_bass_behind_one_is_left_out() {
        assert_eq!(
            spans("| Am / / F | / / C/E G7 |"),
            of(&[("Am", 12), ("F", 4), ("F", 8), ("C", 4), ("G7", 4)])
        );
        assert_eq!(spans("| Am . | F |"), of(&[("Am", 16), ("F", 16)]));
    }

    #[test]
    fn repeats_are_played_and_comments_and_names_of_sections_are_not() {
        let once = of(&[("Am", 16), ("F", 16)]);
        let text = "[Verse]  # slowly\n|: Am | F :|\n# and then\n| C#m |";
        assert_eq!(
            spans(text),
            [once.clone(), once.clone(), of(&[("Dbm", 16)])].concat()
        );
        assert_eq!(spans("|: Am | F :| x3 | C |").len(), 7);
        assert_eq!(spans("| Am | F :| 3x").len(), 6);
        assert_eq!(
            spans("|: Am :|: F :|"),
            of(&[("Am", 16), ("Am", 16), ("F", 16), ("F", 16)])
        );
        assert_eq!(spans("|| Am || F ||"), once);
    }

    #[test]
    fn what_is_not_a_chord_is_told_with_its_place_and_one_that_is_near() {
        for (text, message, guess) in [
            (
                "| Am | F Hm |",
                "bar 2: `Hm` is not a chord",
                "did you mean `Bm`?",
            ),
            (
                "Am F g7",
                "chord 3: `g7` is not a chord",
                "did you mean `G7`?",
            ),
            (
                "| Cmajj7 |",
                "bar 1: `Cmajj7` is not a chord",
                "did you mean `Cmaj7`?",
            ),
            (
                "| CMIN7 |",
                "bar 1: `CMIN7` is not a chord",
                "did you mean `Cmin7`?",
            ),
            ("Am 12", "chord 2: `12` is not a chord", "chords look like"),
        ] {
            let why = read(text, 16, 16).unwrap_err();
            assert_eq!(why.message, message);
            assert!(why.help.unwrap().starts_with(guess), "{text}");
        }
        for (text, word) in [
            ("", "no chord"),
            ("| |", "no chord"),
            ("# only a comment", "no chord"),
            ("|: C :| x200", "200 times are more than 100"),
            ("| C C C C C C C C C C C C C C C C C |", "has 17 chords"),
        ] {
            let why = read(text, 16, 16).unwrap_err();
            assert!(why.message.contains(word), "{}", why.message);
        }
        let text = format!("|: {} :| x99", "C | ".repeat(200));
        assert!(
            read(&text, 16, 16)
                .unwrap_err()
                .message
                .contains("more than")
        );
    }
}
