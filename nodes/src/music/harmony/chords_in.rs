//! Plays the chords that somebody wrote down.

use score_engine::{
    Build, Check, Descriptor, Flow, Io, Key, KeyChoice, Mode, Node, NodeError, Param, Port,
    Processor, Time, Value,
};
use serde::Deserialize;

use super::super::stepping::AHEAD;
use super::chord::{Chord, NotAChord};
use super::steps::Steps;
use crate::chords::Chords;
use crate::evaluation::key;
use crate::live;

const CHORDS: usize = 0;

/// Chords in a text, at most.
const MOST: usize = 10_000;

/// A sixteenth before a chord sounds it is sent, live.
const EARLY: u64 = 1;

/// `chords_in`.
#[derive(Deserialize)]
pub(crate) struct ChordsIn {
    chords: String,
    each: f64,
}

impl Node for ChordsIn {
    fn descriptor() -> Descriptor {
        Descriptor::new("music", "chords_in", "Plays chords that are written down, again and again")
            .example(
                r#"transport: (tempo: 90, key: "A minor"),
                nodes: {
                    "codes": latent_random(dimension: 64),
                    "chords": chords_in(chords: "| Am | F | C | G E7 |"),
                    "tune": stream_decoder(),
                    "notes": midi_file(path: "tune.mid"),
                },
                wires: ["codes -> tune -> notes", "chords -> tune"]"#,
            )
            .details(
                "Symbols as lead sheets have them: `C`, `Am`, `F#m7`, `Bbmaj7`, `G7`, `Dsus4`, `Bdim`, `Em7b5`; `%` is the \
                 chord before once more, `N.C.` none. Chords with more tones are taken as the nearest of these, and a \
                 bass behind a slash is left out. With bar lines (`| Am | F G |`) the chords of a bar share it; without, \
                 each lasts `each` quarter notes. Chords change on sixteenths. After the last comes the first.\n\n\
                 The key is the transport's; without one there it is the one that the chords fit best. A new text is \
                 taken over where the music is.",
            )
            .output(Port::new("chords", Chords::port_type(), "the chords"))
            .param(Param::text("chords", "the symbols, with spaces between them").live())
            .param(Param::number("each", (0.25, 64.0), "how long a chord lasts where there are no bar lines").unit("quarter notes").default(4.0).live())
            .in_bars()
            .urgent()
            .endless()
    }

    fn check(&self, check: &mut Check<'_>) {
        if let Err(why) = read(&self.chords, 16, 4) {
            check.refuse("chords", why.message, why.help);
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor>, NodeError> {
        let mut sheet = Sheet {
            steps: Steps::new(build.transport),
            bar: build.transport.sixteenths_per_bar(),
            choice: build.transport.key,
            seed: build.transport.seed,
            text: self.chords.clone(),
            each: self.each,
            key: Key::default(),
            spans: Vec::new(),
            next: 0,
            begun: false,
        };
        sheet.lay_out()?;
        Ok(Box::new(sheet))
    }
}

/// Why a text holds no chords.
#[derive(Debug)]
struct Unreadable {
    message: String,
    help: Option<String>,
}

/// Chords with their lengths in sixteenths; `None` is no chord.
type Spans = Vec<(Option<Chord>, u64)>;

/// Reads a text of chords, in bars of `bar` sixteenths, each of `each` sixteenths where there are no bar lines.
fn read(text: &str, bar: u64, each: u64) -> Result<Spans, Unreadable> {
    let help = "write chords such as \"Am F C G\", or \"| Am | F G |\" with bar lines";
    let wrong = |message: String| Unreadable {
        message,
        help: Some(help.to_owned()),
    };
    let mut spans: Spans = Vec::new();
    let mut before = None;
    let has_bars = text.contains('|');
    for bar_text in text.split('|') {
        let symbols: Vec<&str> = bar_text
            .split_whitespace()
            .filter(|word| *word != "-")
            .collect();
        let count = symbols.len() as u64;
        if has_bars && count > bar {
            return Err(wrong(format!(
                "a bar of {bar} sixteenths has {count} chords"
            )));
        }
        for (number, symbol) in (0..).zip(symbols) {
            let chord = match symbol {
                "%" => before,
                "N.C." | "NC" => None,
                symbol => Some(
                    symbol
                        .parse()
                        .map_err(|error: NotAChord| wrong(error.to_string()))?,
                ),
            };
            before = chord;
            let length = match has_bars {
                // Shared so that the bar is full.
                true => (number + 1) * bar / count - number * bar / count,
                false => each,
            };
            spans.push((chord, length.max(1)));
        }
    }
    if spans.is_empty() {
        return Err(wrong("there is no chord in it".to_owned()));
    }
    if spans.len() > MOST {
        return Err(wrong(format!(
            "{} chords are more than {MOST}",
            spans.len()
        )));
    }
    Ok(spans)
}

/// The chords, and how far they have been played.
struct Sheet {
    steps: Steps,
    bar: u64,
    choice: Option<KeyChoice>,
    seed: u64,
    text: String,
    each: f64,
    key: Key,
    spans: Spans,
    /// The sixteenth, counted from the start, from which nothing was sent yet.
    next: u64,
    begun: bool,
}

impl Sheet {
    /// Reads the text.
    fn lay_out(&mut self) -> Result<(), NodeError> {
        let each = (self.each * 4.0).round().max(1.0) as u64;
        self.spans =
            read(&self.text, self.bar, each).map_err(|why| NodeError::input(why.message))?;
        self.key = match self.choice {
            Some(KeyChoice::Of(key)) => key,
            choice => self.fitting().unwrap_or_else(|| {
                choice
                    .unwrap_or(KeyChoice::Auto)
                    .key(self.seed, Mode::Major)
            }),
        };
        Ok(())
    }

    /// The key that the chords fit best.
    fn fitting(&self) -> Option<Key> {
        let mut classes = [0.0; 12];
        for (chord, length) in &self.spans {
            for class in chord.iter().flat_map(|chord| chord.classes()) {
                classes[usize::from(class)] += *length as f64;
            }
            // The root is heard most.
            if let Some(chord) = chord {
                classes[usize::from(chord.root)] += *length as f64;
            }
        }
        let found = key::key(&classes)?;
        Some(Key {
            tonic: found.tonic as u8,
            mode: if found.minor {
                Mode::Minor
            } else {
                Mode::Major
            },
        })
    }

    /// The chord that sounds at sixteenth `place`: where in the list it stands, and how far it has come.
    fn at(&self, place: u64) -> (usize, u64) {
        let whole: u64 = self.spans.iter().map(|(_, length)| length).sum();
        let mut left = place % whole.max(1);
        for (index, (_, length)) in self.spans.iter().enumerate() {
            if left < *length {
                return (index, left);
            }
            left -= length;
        }
        (0, 0)
    }

    /// Sends the chord that sounds at `place`, and says how many sixteenths later the next begins.
    fn send(&mut self, io: &mut Io<'_>, place: u64) -> Result<u64, NodeError> {
        let (index, gone) = self.at(place);
        let (chord, length) = self.spans[index];
        let left = length - gone;
        let (next, _) = self.spans[(index + 1) % self.spans.len()];
        let chords = Chords {
            key: self.key,
            chord,
            fresh: gone == 0 || !self.begun,
            next: next
                .filter(|next| Some(*next) != chord)
                .and_then(|next| Some((next, u32::try_from(left).ok()?))),
            close: None,
            last: false,
        };
        self.begun = true;
        io.send_captured_now(CHORDS, self.steps.sixteenth(place), chords.payload())?;
        Ok(left)
    }
}

impl Processor for Sheet {
    fn process(&mut self, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if !io.is_live() {
            // A source without an end: the run ends when the others do.
            let left = self.send(io, self.next)?;
            self.next += left;
            return Ok(Flow::Continue);
        }
        let now = self.steps.sixteenth_from(io.now());
        if !self.begun || self.next < now {
            self.next = now;
        }
        let ahead = Time::from_seconds(2.0 * AHEAD);
        while self.steps.sixteenth(self.next.saturating_sub(EARLY)) <= io.now() + ahead {
            let left = self.send(io, self.next)?;
            self.next += left;
        }
        Ok(Flow::WakeAt(
            self.steps.sixteenth(self.next.saturating_sub(EARLY)) - ahead,
        ))
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        let old = (self.text.clone(), self.each);
        match name {
            "chords" => self.text = value.as_str().unwrap_or_default().to_owned(),
            "each" => self.each = live::number(name, value)?,
            _ => return Err(live::not_live(name)),
        }
        let laid_out = self.lay_out();
        if laid_out.is_err() {
            (self.text, self.each) = old;
        }
        laid_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &str) -> Vec<(String, u64)> {
        let found = read(text, 16, 16).unwrap();
        let name = |chord: Option<Chord>| chord.map_or("-".to_owned(), |chord| chord.to_string());
        found
            .into_iter()
            .map(|(chord, length)| (name(chord), length))
            .collect()
    }

    #[test]
    fn chords_share_their_bar_and_without_bar_lines_each_has_its_length() {
        let of = |pairs: &[(&str, u64)]| -> Vec<(String, u64)> {
            pairs
                .iter()
                .map(|(name, length)| ((*name).to_owned(), *length))
                .collect()
        };
        assert_eq!(spans("Am F"), of(&[("Am", 16), ("F", 16)]));
        assert_eq!(
            spans("| Am | F G C | % | N.C. |"),
            of(&[
                ("Am", 16),
                ("F", 5),
                ("G", 5),
                ("C", 6),
                ("C", 16),
                ("-", 16)
            ])
        );
    }

    #[test]
    fn what_is_not_a_chord_is_named() {
        for (text, word) in [("Am H", "`H`"), ("", "no chord"), ("| |", "no chord")] {
            let why = read(text, 16, 16).unwrap_err();
            assert!(why.message.contains(word), "{}", why.message);
        }
    }
}
