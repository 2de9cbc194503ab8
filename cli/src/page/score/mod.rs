//! The score strip: the last minutes of what plays, as notes, chords, cuts, bars and stills, and of
//! what the picture shows in words. It is kept while a page shows it, so that a page that opens late
//! has it too.

mod history;
mod sources;
mod stills;

use axum::body::Bytes;
use score_engine::{LiveTap, Seen, Status, Steering};
use score_nodes::Chords;
use serde_json::{Value, json};

use self::history::{History, What};
use self::sources::{Output, Sources};
use self::stills::Stills;
use super::plan::rounded;
use super::shape::Shapes;

/// How far back it reaches, in seconds.
pub(super) const LASTS: f64 = 300.0;

/// Looks a second at each output.
const RATE: f64 = 10.0;

/// Looks a second at all words together.
const WORD_RATE: f64 = 5.0;

/// Cuts that are closer to each other, in seconds, are one that several nodes report.
const SAME_CUT: f64 = 0.1;

/// What plays, for as long as it is remembered.
#[derive(Default)]
pub(super) struct Score {
    /// Pages that show it.
    watchers: usize,
    /// What is looked at, while any does.
    taps: Option<Taps>,
    history: History,
    stills: Stills,
    chord: String,
    bar: Option<u64>,
    cut: f64,
    /// When words were looked at last.
    words_at: f64,
}

/// What a page knows of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cursor {
    entry: u64,
    /// How often the names of the parts had changed.
    parts: u64,
    /// The same of the words.
    words: u64,
    still: u32,
    /// The still that it wants large.
    wanted: Option<u32>,
    begun: bool,
}

impl Cursor {
    /// The page wants to see a still large.
    pub(super) fn want(&mut self, still: u32) {
        self.wanted = Some(still);
    }
}

/// The outputs that are looked at.
struct Taps {
    revision: u64,
    notes: Vec<(u16, LiveTap)>,
    chords: Option<LiveTap>,
    cuts: Vec<LiveTap>,
    /// With the node that sends it.
    picture: Option<(String, LiveTap)>,
    words: Vec<(u16, LiveTap)>,
}

impl Score {
    /// One more page shows it.
    pub(super) fn watch(&mut self) {
        self.watchers += 1;
    }

    /// One page fewer shows it.
    pub(super) fn unwatch(&mut self) {
        self.watchers = self.watchers.saturating_sub(1);
    }

    /// Looks at what plays, at `now` on the run's clock in seconds, if a page shows it.
    pub(super) fn look(
        &mut self,
        steering: &Steering,
        (status, shapes): (&Status, &Shapes),
        now: f64,
    ) {
        self.history.forget(now);
        self.stills.forget(now);
        if self.watchers == 0 {
            if self.taps.take().is_some() {
                self.history.add(now, What::Pause);
            }
            return;
        }
        if self.taps.as_ref().map(|taps| taps.revision) != Some(status.revision) {
            self.begin(steering, status, now);
        }
        let Some(taps) = &mut self.taps else { return };
        let mut cuts: Vec<f64> = Vec::new();
        for tap in &mut taps.cuts {
            if let Some(Seen::Events(events)) = tap.look(0) {
                cuts.extend(events.iter().map(|event| event.time));
            }
        }
        let mut cut = false;
        for time in cuts {
            if (time - self.cut).abs() > SAME_CUT {
                (self.cut, cut) = (time, true);
                self.history.add(time, What::Cut);
            }
        }
        for (part, tap) in &mut taps.notes {
            let Some(Seen::Notes(notes)) = tap.look(0) else {
                continue;
            };
            for note in notes {
                self.history.add(note.time, What::Note(*part, note));
            }
        }
        if let Some((time, chords)) = taps.chords.as_mut().and_then(LiveTap::newest::<Chords>) {
            let name = chords.chord.map(|chord| chord.to_string());
            let name = name.unwrap_or_default();
            if name != self.chord {
                self.chord.clone_from(&name);
                self.history.add(time, What::Chord(name));
            }
        }
        if let Some((node, tap)) = taps
            .picture
            .as_mut()
            .filter(|_| self.stills.is_due(now, cut))
            && let Some(Seen::Picture(picture)) = tap.look(stills::WIDTH)
        {
            let number = self.stills.keep(now, &picture, shapes.of(node));
            self.history.add(now, What::Still(number));
        }
        self.look_at_words(now);
        self.look_at_bar(steering, now);
    }

    /// Notes how probable words are, of those that were told since the last look.
    fn look_at_words(&mut self, now: f64) {
        if !self.words_are_due(now) {
            return;
        }
        let Some(taps) = &mut self.taps else { return };
        let told = taps.words.iter_mut().filter_map(|(word, tap)| {
            let Some(Seen::Control(value)) = tap.look(0) else {
                return None;
            };
            // No row shows more.
            Some((*word, (value * 100.0).round() / 100.0))
        });
        let told: Vec<(u16, f32)> = told.collect();
        if !told.is_empty() {
            self.history.add(now, What::Words(told));
        }
    }

    /// Whether it is time for another look at the words.
    fn words_are_due(&mut self, now: f64) -> bool {
        let is_due = (now - self.words_at).abs() >= 1.0 / WORD_RATE;
        if is_due {
            self.words_at = now;
        }
        is_due
    }

    /// Another patch plays, or somebody looks again.
    fn begin(&mut self, steering: &Steering, status: &Status, now: f64) {
        // Ends of notes may be missed meanwhile.
        self.history.add(now, What::Begin);
        let sources = Sources::of(&steering.nodes(), status);
        let tap = |output: &Output| steering.tap(&output.node, &output.port, RATE).ok();
        let plays = |name: &str| sources.notes.iter().any(|(known, _)| known == name);
        self.history.free_parts(plays);
        let notes = sources.notes.iter().filter_map(|(name, output)| {
            let tap = tap(output)?;
            Some((self.history.part(name)?, tap))
        });
        let notes = notes.collect();
        let tells = |name: &str| sources.words.iter().any(|(known, _)| known == name);
        self.history.free_words(tells);
        let words = sources.words.iter().filter_map(|(name, output)| {
            let tap = tap(output)?;
            Some((self.history.word(name)?, tap))
        });
        let words = words.collect();
        (self.chord, self.bar) = (String::new(), None);
        self.taps = Some(Taps {
            revision: status.revision,
            notes,
            chords: sources.chords.as_ref().and_then(tap),
            cuts: sources.cuts.iter().filter_map(tap).collect(),
            picture: sources
                .picture
                .as_ref()
                .and_then(|output| Some((output.node.clone(), tap(output)?))),
            words,
        });
    }

    /// Notes when a bar has begun.
    fn look_at_bar(&mut self, steering: &Steering, now: f64) {
        let (beat, bar) = steering.beat();
        let is_new = self.bar.replace(bar) != Some(bar);
        let transport = steering.transport();
        if !is_new || transport.stands {
            return;
        }
        let per_bar = transport.sixteenths_per_bar() as f64 / 4.0;
        let since = (beat - bar as f64 * per_bar).clamp(0.0, per_bar);
        let since = since * 60.0 / transport.tempo.max(1.0);
        self.history.add(now - since, What::Bar(bar));
    }

    /// What a page has yet to be told, and the stills that come with it.
    pub(super) fn news(&self, known: &mut Cursor, now: f64) -> (Value, Vec<Bytes>) {
        let history = &self.history;
        let is_fresh = !std::mem::replace(&mut known.begun, true);
        let entries: Vec<Value> = history.since(known.entry).map(history::shown).collect();
        let mut news = json!({ "now": now, "entries": entries });
        if is_fresh {
            (news["fresh"], news["lasts"]) = (true.into(), LASTS.into());
        }
        let (parts, words) = (history.parts(), history.words());
        if is_fresh || known.parts != parts.changes() {
            news["parts"] = json!(parts.names());
        }
        if is_fresh || known.words != words.changes() {
            news["words"] = json!(words.names());
        }
        let mut pictures = self.stills.since(known.still);
        if let Some(wanted) = known.wanted.take() {
            pictures.extend(self.stills.large(wanted));
        }
        known.entry = history.next();
        (known.parts, known.words) = (parts.changes(), words.changes());
        known.still = self.stills.next();
        (rounded(news), pictures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_looked_at_five_times_a_second_at_most_however_often_the_page_looks() {
        let mut score = Score::default();
        for ticks in [15_u32, 25, 60] {
            let looks = (1..=10 * ticks).map(|tick| 1e3 + f64::from(tick) / f64::from(ticks));
            let due = looks.filter(|now| score.words_are_due(*now)).count();
            assert!((30..=50).contains(&due), "{ticks} a second: {due}");
        }
    }

    #[test]
    fn a_page_is_told_each_word_once_and_one_that_opens_late_all_that_is_remembered() {
        let mut score = Score::default();
        let history = &mut score.history;
        let numbers = ["rain", "person"].map(|name| history.word(name));
        assert_eq!(numbers, [Some(0), Some(1)]);
        history.add(1.0, What::Words(vec![(0, 0.97), (1, 0.02)]));
        let mut early = Cursor::default();
        let (news, _) = score.news(&mut early, 1.0);
        assert_eq!(news["words"], json!(["rain", "person"]));
        let first = json!([1.0, "words", [[0, 0.97], [1, 0.02]]]);
        assert_eq!(news["entries"], json!([first]));

        score.history.add(1.2, What::Words(vec![(1, 0.5)]));
        let second = json!([1.2, "words", [[1, 0.5]]]);
        let (news, _) = score.news(&mut early, 1.2);
        assert_eq!(news["entries"], json!([second]));
        assert!(news["words"].is_null(), "the names are as they were");
        assert_eq!(score.news(&mut early, 1.3).0["entries"], json!([]));

        let (news, _) = score.news(&mut Cursor::default(), 1.3);
        assert_eq!(news["entries"], json!([first, second]));
        assert_eq!(news["words"], json!(["rain", "person"]));
        assert!(score.history.word("snow").is_some());
        let (news, _) = score.news(&mut early, 1.4);
        assert_eq!(news["words"], json!(["rain", "person", "snow"]));
    }
}
