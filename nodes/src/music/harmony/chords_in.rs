//! Plays the chords that somebody wrote down, or follows those that somebody plays.

use std::sync::Arc;

use score_engine::{
    Build, Check, Custom, Descriptor, Flow, InputPort, Io, Key, KeyChoice, Mode, Node, NodeError,
    Note, OutputPort, Params, Processor, Time, Transport,
};

use super::super::pulse::AHEAD;
use super::chord::Chord;
use super::lead_sheet::{Spans, read};
use super::played_chords::PlayedChords;
use super::steps::Steps;
use crate::chords::Chords;
use crate::shared::key;

pub(super) const NOTES: InputPort<Note> =
    InputPort::new(0, "notes", "chords that somebody plays, in place of a text").optional();
pub(super) const CHORDS: OutputPort<Custom<Chords>> = Chords::output(0, "chords", "the chords");

/// A sixteenth before a chord sounds it is sent, live.
const EARLY: u64 = 1;

/// `chords_in`.
#[derive(Clone, Params)]
pub(crate) struct ChordsIn {
    /// the symbols, with spaces between them
    #[param(live, default = "")]
    chords: String,
    /// how long a chord lasts where there are no bar lines
    #[param(
        live, range = 0.25..=64.0, span = 1.0..=8.0, log, unit = "quarter notes", default = 4.0
    )]
    each: f64,
}

impl Node for ChordsIn {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "music",
            "chords_in",
            "Takes chords that you write down or play",
        )
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
            "**Written down**, they are played again and again: symbols as lead sheets have \
             them, such as `C`, `Am`, `F#m7`, `Bbmaj7`, `G7`, `Dsus4`, `Bdim`, `Em7b5`; `N.C.` \
             is no chord. Chords with more tones are taken as the nearest of these, and a bass \
             behind a slash is left out. With bar lines (`| Am | F G |`) the chords of a bar \
             share it; without, each lasts `each` quarter notes. A `/` or `.` is one more beat \
             of the same chord (`| Am / / G |`), `%` alone in a bar the bar before once more, \
             and `|: Am | F :| x3` is played three times (without a number twice). What stands \
             behind a `#` up to the line's end, and between square brackets, is a comment. \
             Chords change on sixteenths. A new text counts from the next sixteenth on, at the \
             place where the music is.\n\n\
             **Played**: with `notes` wired the chord is the one that is nearest to the keys \
             that are down, on any channel but percussion's, 30 ms after the first of them; of \
             several that are as near the one on the lowest tone. Three tones make a chord, or \
             two of which one is doubled. A chord holds until the next is played.\n\n\
             The key is the transport's. Without one there, or with `\"auto\"`, it is the one \
             that the chords fit best; of chords that are played those of late.",
        )
        .input(NOTES)
        .output(CHORDS)
        .in_bars()
        .urgent()
        .endless()
    }

    fn check(&self, check: &mut Check<'_>) {
        let bar = check.transport.sixteenths_per_bar();
        let is_played = check.input_type(NOTES).is_some();
        match read(&self.chords, bar, 4) {
            _ if is_played && self.chords.trim().is_empty() => {}
            Ok(_) if is_played => {
                let help = "leave `chords` out, or the wire into `notes`";
                check.refuse(
                    "chords",
                    "chords are both written down and played",
                    Some(help.to_owned()),
                );
            }
            Ok(_) => {}
            Err(why) if self.chords.trim().is_empty() => {
                let help = "write `chords`, such as \"| Am | F | C | G |\", or wire who plays them \
                    into `notes`";
                check.refuse("chords", why.message, Some(help.to_owned()));
            }
            Err(why) => check.refuse("chords", why.message, why.help),
        }
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        if build.is_wired(NOTES) {
            let played = PlayedChords::new(build.transport.key, build.transport.seed);
            return Ok(Box::new(played));
        }
        let (spans, key) = self.laid_out(build.transport)?;
        Ok(Box::new(WrittenChords {
            ends: build.ends,
            steps: Steps::new(build.transport),
            key,
            spans,
            next: 0,
            sent: 0,
            told: None,
            again: false,
        }))
    }
}

impl ChordsIn {
    /// The chords of the text, and the key that they are in.
    fn laid_out(&self, transport: &Transport) -> Result<(Spans, Key), NodeError> {
        let each = (self.each * 4.0).round().max(1.0) as u64;
        let spans = read(&self.chords, transport.sixteenths_per_bar(), each)?;
        let key = match transport.key {
            Some(KeyChoice::Of(key)) => key,
            choice => fitting(&heard(&spans)).unwrap_or_else(|| {
                choice
                    .unwrap_or(KeyChoice::Auto)
                    .key(transport.seed, Mode::Major)
            }),
        };
        Ok((spans, key))
    }
}

/// The chords, and how far they have been played.
struct WrittenChords {
    /// Whether the run ends: each chord is sent as soon as it is read. Else by the clock.
    ends: bool,
    steps: Steps,
    key: Key,
    spans: Spans,
    /// The sixteenth, counted from the start, from which nothing was sent yet.
    next: u64,
    /// The sixteenth from which the last chord was sent.
    sent: u64,
    /// That chord, `Some(None)` for none.
    told: Option<Option<Chord>>,
    /// Whether the chord that sounds is to be sent once more: the key or the text is another.
    again: bool,
}

impl WrittenChords {
    /// The chord that sounds at sixteenth `place`: where in the list it stands, and how far it has
    /// come.
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

    /// The chord from sixteenth `next` on, and when that begins; the next one is what follows it.
    fn advance(&mut self) -> (Time, Chords) {
        let place = self.next;
        let (index, gone) = self.at(place);
        let (chord, length) = self.spans[index];
        let left = length - gone;
        let (next, _) = self.spans[(index + 1) % self.spans.len()];
        let chords = Chords {
            key: self.key,
            chord,
            fresh: gone == 0 || self.told != Some(chord),
            next: next
                .filter(|next| Some(*next) != chord)
                .and_then(|next| Some((next, u32::try_from(left).ok()?))),
            close: None,
            last: false,
        };
        self.told = Some(chord);
        self.sent = place;
        self.next += left;
        (self.steps.sixteenth(place), chords)
    }

    /// Goes on by the clock: what has passed is left out, and what sounds is sent once more where
    /// it has changed.
    fn go_on(&mut self, now: Time) {
        let now = self.steps.sixteenth_from(now);
        if self.told.is_none() || self.next < now {
            self.next = now;
        }
        if std::mem::take(&mut self.again) {
            self.next = self.next.min(now.max(self.sent));
        }
    }

    /// When the next chord is to be sent, live: a sixteenth ahead, and as long before that as a
    /// melody decides its notes.
    fn due(&self) -> Time {
        let eve = self.next.saturating_sub(EARLY);
        self.steps.sixteenth(eve) - Time::from_seconds(2.0 * AHEAD)
    }
}

impl Processor<ChordsIn> for WrittenChords {
    fn process(&mut self, _params: &ChordsIn, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        if self.ends {
            // A source without an end: the run ends when the others do.
            let (time, chords) = self.advance();
            io.send_captured_now(CHORDS, time, Arc::new(chords))?;
            return Ok(Flow::Continue);
        }
        self.go_on(io.now());
        while self.due() <= io.now() {
            let (time, chords) = self.advance();
            io.send_captured_now(CHORDS, time, Arc::new(chords))?;
        }
        Ok(Flow::WakeAt(self.due()))
    }

    fn changed(&mut self, params: &ChordsIn, transport: &Transport) -> Result<(), NodeError> {
        let (spans, key) = params.laid_out(transport)?;
        self.again |= key != self.key || spans != self.spans;
        (self.spans, self.key) = (spans, key);
        self.steps = Steps::new(transport);
        Ok(())
    }
}

/// The key that fits best what was heard of each pitch class.
pub(crate) fn fitting(classes: &[f64; 12]) -> Option<Key> {
    key::key(classes).map(Key::from)
}

/// How much the chords have of each pitch class; the root is heard most.
pub(super) fn heard(spans: &Spans) -> [f64; 12] {
    let mut classes = [0.0; 12];
    for (chord, length) in spans {
        for class in chord
            .iter()
            .flat_map(|chord| chord.classes().chain([chord.root]))
        {
            classes[usize::from(class)] += *length as f64;
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chord of sixteen bars live, at 120 quarter notes a minute, where at three seconds the text
    /// becomes `text`: since when which chord sounds, and whether it is struck.
    fn played(text: &str) -> Vec<(f64, String, bool)> {
        let transport = Transport::default();
        let params = |text: &str| ChordsIn {
            chords: text.to_owned(),
            each: 64.0,
        };
        let (spans, key) = params("Am").laid_out(&transport).unwrap();
        let mut written = WrittenChords {
            ends: false,
            steps: Steps::new(&transport),
            key,
            spans,
            next: 0,
            sent: 0,
            told: None,
            again: false,
        };
        let mut found = Vec::new();
        for hundredth in 0..500 {
            let now = Time::from_seconds(f64::from(hundredth) / 100.0);
            if hundredth == 300 {
                written.changed(&params(text), &transport).unwrap();
            }
            written.go_on(now);
            while written.due() <= now {
                let (time, chords) = written.advance();
                let name = chords
                    .chord
                    .map_or("-".to_owned(), |chord| chord.to_string());
                found.push((time.seconds(), name, chords.fresh));
            }
        }
        found
    }

    #[test]
    fn a_new_text_counts_from_the_next_sixteenth_on_and_the_same_changes_nothing() {
        let am = || (0.0, "Am".to_owned(), true);
        assert_eq!(played("Am"), [am()]);
        assert_eq!(played("F"), [am(), (3.0, "F".to_owned(), true)]);
        // Bars of two seconds: the music is in the second, which is half over.
        let turned = [
            am(),
            (3.0, "C".to_owned(), true),
            (4.0, "Am".to_owned(), true),
        ];
        assert_eq!(played("| Am | G C |"), turned);
    }

    #[test]
    fn a_text_that_cannot_be_read_is_refused_with_advice_while_it_plays_too() {
        let params = ChordsIn {
            chords: "Hm".to_owned(),
            each: 4.0,
        };
        let error = params.laid_out(&Transport::default()).unwrap_err();
        assert!(error.advice().is_some_and(|advice| advice.contains("`Bm`")));
    }
}
