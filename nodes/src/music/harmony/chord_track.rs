//! Writes the chords of a run down as a lead sheet.

use std::path::PathBuf;

use score_engine::{
    Build, Custom, Descriptor, Flow, InputPort, Io, Key, Node, NodeError, Note, Params, Processor,
    Time, Transport,
};

use super::chord::Chord;
use super::lead_sheet::symbol;
use super::steps::Steps;
use crate::chords::Chords;
use crate::output::OutputFile;

const CHORDS: InputPort<Custom<Chords>> = Chords::input(0, "chords", "what to write");
const NOTES: InputPort<Note> = InputPort::new(1, "notes", "what the chords belong to").optional();

/// Bars in a line.
const LINE: usize = 4;

/// In a render, chords that go on for this long have no end, in seconds.
const ENDLESS: f64 = 86_400.0;

/// A sheet has at most this many bars.
const MOST_BARS: u64 = 100_000;

/// `chord_track`.
#[derive(Clone, Params)]
pub(crate) struct ChordTrack {
    /// the text to write, .txt
    #[param(
        rebuild = "its name is claimed when the node is built", writes, content = Notes,
        ending = "txt"
    )]
    path: PathBuf,
}

impl Node for ChordTrack {
    fn descriptor() -> Descriptor {
        Descriptor::of::<Self>(
            "music",
            "chord_track",
            "Writes the chords of a run down as a lead sheet",
        )
        .example(
            r#"transport: (tempo: 90, key: "A minor"),
                nodes: {
                    "tune": midi_input_file(path: "song.mid"),
                    "chords": chords_in(chords: "| Am | F | C | G E7 |"),
                    "sheet": chord_track(path: "song.txt"),
                },
                wires: ["chords -> sheet", "tune -> sheet"]"#,
        )
        .details(
            "A text with bar lines, four bars a line, a line of comment with the time and the \
             key before each, in which `/` is one more beat of the same chord. `chords_in` \
             reads it back. The sheet is as long as the notes that are wired into it, or \
             without them as the chords; those of `chords_in` alone have no end. A sheet ends \
             after 100000 bars.",
        )
        .input(CHORDS)
        .input(NOTES)
    }

    fn build(&self, build: &Build<'_>) -> Result<Box<dyn Processor<Self>>, NodeError> {
        Ok(Box::new(Tracking {
            file: OutputFile::create(&self.path, build)?,
            ends: build.ends,
            begun: build.transport.clone(),
            turns: Vec::new(),
            transport: build.transport.clone(),
            heard: Vec::new(),
            is_full: false,
        }))
    }
}

/// From here on another tempo.
struct Turn {
    /// Quarter notes from the start.
    position: f64,
    time: Time,
    /// Quarter notes a minute.
    tempo: f64,
}

/// The chords so far.
struct Tracking {
    file: OutputFile,
    /// Whether the run ends by itself, and so must the chords.
    ends: bool,
    /// The transport that it began with, the turns to other tempi, and the transport of now.
    begun: Transport,
    turns: Vec<Turn>,
    transport: Transport,
    /// From which sixteenth on which chord, in which key.
    heard: Vec<(u64, Option<Chord>, Key)>,
    /// Whether chords have come that lie behind the last bar that a sheet can have.
    is_full: bool,
}

impl Processor<ChordTrack> for Tracking {
    fn process(&mut self, _params: &ChordTrack, io: &mut Io<'_>) -> Result<Flow, NodeError> {
        while let Some(input) = io.take() {
            if !input.is(CHORDS) {
                continue;
            }
            if self.ends && input.packet.time.seconds() > ENDLESS {
                return Err(NodeError::input("the chords never end")
                    .help("wire the notes that they belong to into it as well"));
            }
            let chords = input.read(CHORDS)?;
            let place = Steps::new(&self.transport).sixteenth_from(input.packet.time);
            if place >= MOST_BARS * self.bar() {
                self.fill();
                continue;
            }
            let entry = (place, chords.chord, chords.key);
            match self.heard.last_mut() {
                Some(last) if last.0 == place => *last = entry,
                Some(last) if (last.1, last.2) == (entry.1, entry.2) => {}
                _ => self.heard.push(entry),
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, _params: &ChordTrack, io: &mut Io<'_>) -> Result<(), NodeError> {
        let end = io.end().unwrap_or(io.now());
        let sixteenths = Steps::new(&self.transport).sixteenth_from(end);
        let text = self.sheet(sixteenths.div_ceil(self.bar()).min(MOST_BARS));
        self.file.write(text.as_bytes())
    }

    fn commit(&mut self) -> Result<(), NodeError> {
        self.file.commit()
    }

    fn changed(&mut self, _params: &ChordTrack, transport: &Transport) -> Result<(), NodeError> {
        if transport.tempo != self.transport.tempo && !self.is_full {
            let (time, position) = transport.anchor;
            // A tempo that glides turns many times within a sixteenth.
            let is_new = |last: &Turn| position - last.position >= 0.25;
            if !self.turns.last().is_none_or(is_new) {
                self.turns.pop();
            }
            self.turns.push(Turn {
                position,
                time,
                tempo: transport.tempo,
            });
        }
        self.transport = transport.clone();
        Ok(())
    }
}

impl Tracking {
    /// The sheet is full: no more bars are added.
    fn fill(&mut self) {
        if !std::mem::replace(&mut self.is_full, true) {
            tracing::warn!("the lead sheet ends after {MOST_BARS} bars; the run goes on");
        }
    }

    /// Sixteenths in a bar: where the metre has changed, of the last.
    fn bar(&self) -> u64 {
        self.transport.sixteenths_per_bar()
    }

    /// When sixteenth `place` begins.
    fn time_of(&self, place: u64) -> Time {
        let position = place as f64 / 4.0;
        let mut turns = self.turns.iter().rev();
        match turns.find(|turn| turn.position <= position) {
            Some(turn) => {
                let beats = position - turn.position;
                turn.time + Time::from_seconds(beats * 60.0 / turn.tempo)
            }
            None => self.begun.sixteenth(place),
        }
    }

    /// The chord that sounds at sixteenth `place`, and the key.
    fn at(&self, place: u64) -> (Option<Chord>, Option<Key>) {
        let count = self.heard.partition_point(|(since, ..)| *since <= place);
        match count.checked_sub(1).map(|last| self.heard[last]) {
            Some((_, chord, key)) => (chord, Some(key)),
            None => (None, None),
        }
    }

    fn sheet(&self, bars: u64) -> String {
        let length = self.bar();
        let mut text = String::new();
        let mut number = 0;
        while number < bars {
            let seconds = self.time_of(number * length).seconds();
            let minutes = (seconds / 60.0) as u64;
            let key = self.at(number * length).1;
            let key = key.map_or(String::new(), |key| format!(", {key}"));
            let seconds = seconds - 60.0 * minutes as f64;
            text.push_str(&format!(
                "# bar {}, {minutes}:{seconds:04.1}{key}\n|",
                number + 1
            ));
            let line = number..bars.min(number + LINE as u64);
            for bar in line.clone() {
                text.push_str(&format!(" {} |", self.bar_text(bar * length)));
            }
            text.push('\n');
            number = line.end;
        }
        text
    }

    /// The bar that begins at sixteenth `first`, in as few parts of one length as its changes need.
    fn bar_text(&self, first: u64) -> String {
        let bar = self.bar();
        let beat = u64::from(16 / self.transport.metre.1.clamp(1, 16));
        let changes: Vec<u64> = (0..bar)
            .filter(|place| *place > 0 && self.at(first + place).0 != self.at(first + place - 1).0)
            .collect();
        let fits = |length: &u64| changes.iter().all(|place| place.is_multiple_of(*length));
        let halves = (bar.is_multiple_of(2)).then_some(bar / 2);
        let lengths = [Some(bar), halves, Some(beat), Some(2), Some(1)];
        let divides = |length: &u64| *length > 0 && bar.is_multiple_of(*length);
        let length = (lengths.into_iter().flatten())
            .filter(divides)
            .find(fits)
            .unwrap_or(1);
        let parts = (0..bar / length).map(|part| {
            let chord = self.at(first + part * length).0;
            match part.checked_sub(1) {
                Some(before) if self.at(first + before * length).0 == chord => "/".to_owned(),
                _ => symbol(chord),
            }
        });
        parts.collect::<Vec<String>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use score_engine::harness::Harness;
    use score_engine::{Payload, PortType, Time, Transport};
    use serde_json::json;

    use super::super::lead_sheet;
    use super::*;

    /// What is written of these chords, each from a sixteenth on, at 120 a minute and `bars` bars
    /// long.
    fn written(chords: &[(u64, &str)], bars: u64) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let transport = Transport::default();
        let packets = chords.iter().map(|(place, name)| {
            let chords = Chords {
                key: "A minor".parse().unwrap(),
                chord: name.parse().ok(),
                fresh: true,
                next: None,
                close: None,
                last: false,
            };
            (transport.sixteenth(*place), chords.payload())
        });
        let end = transport.sixteenth(bars * 16);
        let notes: Vec<(Time, Payload)> = Vec::new();
        Harness::<ChordTrack>::new(json!({ "path": path }))
            .feed("chords", Chords::port_type(), packets.collect(), end)
            .feed("notes", PortType::Notes, notes, end)
            .run()
            .unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    /// The sheet without the mark in its last line.
    fn unmarked(text: &str) -> &str {
        text.split_once("# SCORE! ").unwrap().0
    }

    #[test]
    fn the_sheet_has_every_bar_and_is_read_back_by_chords_in() {
        let chords = [
            (0, "Am"),
            (16, "F"),
            (24, "G7"),
            (44, "C"),
            (64, "E7"),
            (67, "Am"),
        ];
        let text = written(&chords, 5);
        assert_eq!(
            unmarked(&text),
            "# bar 1, 0:00.0, A minor\n| Am | F G7 | G7 / / C | C |\n\
             # bar 5, 0:08.0, A minor\n| E7 / / Am / / / / / / / / / / / / |\n"
        );
        let mut place = 0;
        let mut read = Vec::new();
        for (chord, length) in lead_sheet::read(&text, 16, 16).unwrap() {
            let name = chord.unwrap().to_string();
            if read.last().is_none_or(|(_, last)| *last != name) {
                read.push((place, name));
            }
            place += length;
        }
        let wanted = chords.map(|(place, name)| (place, name.to_owned()));
        assert_eq!(read, wanted);
    }

    #[test]
    fn over_a_change_of_tempo_bars_stay_bars_and_their_times_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let chord = |name: &str| {
            let chords = Chords {
                key: "A minor".parse().unwrap(),
                chord: name.parse().ok(),
                fresh: true,
                next: None,
                close: None,
                last: false,
            };
            chords.payload()
        };
        // Four bars of two seconds, and a fifth of one.
        let heard = [(0.0, "Am"), (6.0, "F"), (8.0, "C")];
        let heard = heard.map(|(seconds, name)| {
            let time = Time::from_seconds(seconds);
            (time, time, chord(name))
        });
        let end = Time::from_seconds(9.0);
        let fast = Transport {
            tempo: 240.0,
            ..Transport::default()
        };
        Harness::<ChordTrack>::new(json!({ "path": path }))
            .feed_live("chords", Chords::port_type(), heard.into(), end)
            .retime(Time::from_seconds(7.0), Transport::default())
            .retime(Time::from_seconds(8.0), fast)
            .play_live()
            .unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            unmarked(&text),
            "# bar 1, 0:00.0, A minor\n| Am | Am | Am | F |\n# bar 5, 0:08.0, A minor\n| C |\n"
        );
    }

    /// A live run goes on for months.
    #[test]
    fn live_the_sheet_goes_on_after_a_day_up_to_the_last_bar_it_can_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        // A bar lasts two seconds: the second chord comes after a day, the third in the last bar,
        // and the last behind it.
        let last = 2.0 * (MOST_BARS - 1) as f64;
        let heard = [(0.0, "Am"), (90_000.0, "F"), (last, "C"), (last + 2.0, "G")];
        let heard = heard.map(|(seconds, name)| {
            let chords = Chords {
                key: "A minor".parse().unwrap(),
                chord: name.parse().ok(),
                fresh: true,
                next: None,
                close: None,
                last: false,
            };
            let time = Time::from_seconds(seconds);
            (time, time, chords.payload())
        });
        let end = Time::from_seconds(last + 600.0);
        Harness::<ChordTrack>::new(json!({ "path": path }))
            .feed_live("chords", Chords::port_type(), heard.into(), end)
            .play_live()
            .unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            text.lines().filter(|line| line.starts_with('|')).count(),
            25_000
        );
        assert!(text.contains("| Am | Am | Am | Am |") && text.contains("| F | F | F | C |"));
        assert!(!text.contains(" G "));
    }

    #[test]
    fn what_comes_before_the_first_chord_is_no_chord() {
        let text = written(&[(8, "Am")], 1);
        assert_eq!(unmarked(&text), "# bar 1, 0:00.0\n| N.C. Am |\n");
    }
}
