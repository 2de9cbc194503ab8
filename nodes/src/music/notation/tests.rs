//! What is written is read back, note for note, by a reader of its own.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use roxmltree::{Document, Node, ParsingOptions};
use score_engine::harness::Harness;
use score_engine::{
    Event, Key, Metre, Note, Payload, PortType, Swing, SwingNotes, Time, Transport,
};
use serde_json::{Value, json};

use super::grid::{Played, Triplets, written};
use super::sheet_music::SheetMusic;
use super::spelling::{self, Spelt};
use super::values::{Bars, value};
use crate::chords::Chords;

/// Begin and length in quarter notes, and MIDI pitch.
type Heard = (f64, f64, u8);

/// A part as it is read.
#[derive(Debug, Default)]
struct Read {
    name: String,
    /// In order.
    notes: Vec<Heard>,
    clefs: Vec<String>,
    /// Chord symbols with their places.
    chords: Vec<(f64, String)>,
    marks: Vec<(f64, String)>,
    fifths: Vec<i32>,
    /// The pitches that have a sign in front.
    signs: Vec<(u8, String)>,
}

fn number(node: Node<'_, '_>, name: &str) -> f64 {
    let node = node.children().find(|child| child.has_tag_name(name));
    let text = node.and_then(|node| node.text().map(str::to_owned));
    text.map_or(0.0, |text| text.parse().unwrap())
}

/// Reads a file as a notation program does.
fn read(path: &Path) -> Vec<Read> {
    let xml = std::fs::read_to_string(path).unwrap();
    read_text(&xml)
}

fn read_text(xml: &str) -> Vec<Read> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(xml, options).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("version"), Some("4.0"));
    let list = root
        .children()
        .find(|node| node.has_tag_name("part-list"))
        .unwrap();
    let listed = list
        .children()
        .filter(|node| node.has_tag_name("score-part"));
    let parts = root.children().filter(|node| node.has_tag_name("part"));
    let mut all = Vec::new();
    let mut counts = Vec::new();
    for (listed, part) in listed.zip(parts) {
        assert_eq!(listed.attribute("id"), part.attribute("id"));
        let mut drums = BTreeMap::new();
        for drum in listed
            .children()
            .filter(|node| node.has_tag_name("midi-instrument"))
        {
            drums.insert(
                drum.attribute("id").unwrap(),
                number(drum, "midi-unpitched") as u8,
            );
        }
        let name = listed
            .children()
            .find(|node| node.has_tag_name("part-name"))
            .unwrap();
        let mut read = Read {
            name: name.text().unwrap().to_owned(),
            ..Read::default()
        };
        counts.push(measures(part, &drums, &mut read));
        all.push(read);
    }
    assert!(
        counts.windows(2).all(|pair| pair[0] == pair[1]),
        "{counts:?}"
    );
    all
}

/// Reads the bars of a part; how many there are.
fn measures(part: Node<'_, '_>, drums: &BTreeMap<&str, u8>, read: &mut Read) -> usize {
    let mut divisions = 0.0;
    let mut bar_length = 0.0;
    let mut begins = 0.0;
    // Notes that are tied on, by voice and pitch.
    let mut tied: BTreeMap<(String, u8), usize> = BTreeMap::new();
    let mut count = 0;
    for measure in part.children().filter(|node| node.has_tag_name("measure")) {
        count += 1;
        let (mut at, mut last, mut furthest) = (begins, begins, begins);
        for item in measure.children().filter(Node::is_element) {
            let length = number(item, "duration") / f64::max(divisions, 1.0);
            let offset = number(item, "offset") / f64::max(divisions, 1.0);
            match item.tag_name().name() {
                "attributes" => {
                    if has(item, "divisions") {
                        divisions = number(item, "divisions");
                    }
                    for time in item.children().filter(|node| node.has_tag_name("time")) {
                        bar_length = number(time, "beats") * 4.0 / number(time, "beat-type");
                    }
                    for key in item.children().filter(|node| node.has_tag_name("key")) {
                        read.fifths.push(number(key, "fifths") as i32);
                    }
                    for clef in item.children().filter(|node| node.has_tag_name("clef")) {
                        let sign = clef.children().find(|node| node.has_tag_name("sign"));
                        read.clefs.push(sign.unwrap().text().unwrap().to_owned());
                    }
                }
                "backup" => at -= length,
                "forward" => at += length,
                "harmony" => read.chords.push((at + offset, symbol(item))),
                "direction" => {
                    let mark = item
                        .descendants()
                        .find(|node| node.has_tag_name("rehearsal"));
                    let mark = mark.and_then(|node| node.text());
                    read.marks
                        .extend(mark.map(|mark| (at + offset, mark.to_owned())));
                }
                "note" => {
                    let start = if has(item, "chord") { last } else { at };
                    last = start;
                    at = start + length;
                    note(item, (start, length), drums, &mut tied, read);
                }
                _ => {}
            }
            furthest = f64::max(furthest, at);
        }
        // Every bar is as long as its metre says.
        assert!((furthest - begins - bar_length).abs() < 1e-9, "bar {count}");
        begins = furthest;
    }
    assert!(tied.is_empty(), "{tied:?}");
    read.notes.sort_by(|a, b| a.partial_cmp(b).unwrap());
    count
}

fn has(node: Node<'_, '_>, name: &str) -> bool {
    node.children().any(|child| child.has_tag_name(name))
}

fn symbol(harmony: Node<'_, '_>) -> String {
    let find = |name| harmony.descendants().find(|node| node.has_tag_name(name));
    let kind = find("kind").unwrap();
    let sign = kind.attribute("text").unwrap();
    if kind.text() == Some("none") {
        return sign.to_owned();
    }
    let step = find("root-step").unwrap().text().unwrap();
    let alter = match find("root-alter").and_then(|node| node.text()) {
        Some("1") => "#",
        Some("-1") => "b",
        _ => "",
    };
    format!("{step}{alter}{sign}")
}

fn note(
    item: Node<'_, '_>,
    (start, length): (f64, f64),
    drums: &BTreeMap<&str, u8>,
    tied: &mut BTreeMap<(String, u8), usize>,
    read: &mut Read,
) {
    let find = |name| {
        item.children()
            .find(|node: &Node<'_, '_>| node.has_tag_name(name))
    };
    let pitch = if let Some(pitch) = find("pitch") {
        let step = pitch.children().find(|node| node.has_tag_name("step"));
        let class = match step.unwrap().text().unwrap() {
            "C" => 0,
            "D" => 2,
            "E" => 4,
            "F" => 5,
            "G" => 7,
            "A" => 9,
            _ => 11,
        };
        let octave = number(pitch, "octave") as i32;
        (class + 12 * (octave + 1) + number(pitch, "alter") as i32) as u8
    } else if let Some(instrument) = find("instrument") {
        drums[instrument.attribute("id").unwrap()] - 1
    } else {
        assert!(find("rest").is_some());
        return;
    };
    let voice = find("voice").unwrap().text().unwrap().to_owned();
    let ties: Vec<&str> = (item.children())
        .filter(|node| node.has_tag_name("tie"))
        .filter_map(|node| node.attribute("type"))
        .collect();
    if let Some(sign) = find("accidental") {
        read.signs.push((pitch, sign.text().unwrap().to_owned()));
    }
    let index = match tied.remove(&(voice.clone(), pitch)) {
        Some(index) if ties.contains(&"stop") => {
            read.notes[index].1 += length;
            index
        }
        _ => {
            assert!(!ties.contains(&"stop"));
            read.notes.push((start, length, pitch));
            read.notes.len() - 1
        }
    };
    if ties.contains(&"start") {
        tied.insert((voice, pitch), index);
    }
    // A value, with its dots and its three in the time of two, is as long as the duration says.
    let kind = find("type").unwrap().text().unwrap();
    let base = match kind {
        "whole" => 4.0,
        "half" => 2.0,
        "quarter" => 1.0,
        "eighth" => 0.5,
        _ => 0.25,
    };
    let dots = item
        .children()
        .filter(|node| node.has_tag_name("dot"))
        .count();
    let dotted = base * if dots == 1 { 1.5 } else { 1.0 };
    let third = if find("time-modification").is_some() {
        2.0 / 3.0
    } else {
        1.0
    };
    assert!(
        (dotted * third - length).abs() < 1e-9,
        "{kind} {dots} {length}"
    );
}

/// What the beams of every note do, in the order of the file; notes without any are left out.
fn beams(path: &Path) -> Vec<String> {
    let xml = std::fs::read_to_string(path).unwrap();
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(&xml, options).unwrap();
    let notes = document
        .descendants()
        .filter(|node| node.has_tag_name("note"));
    notes
        .map(|note| {
            let beams = note.children().filter(|node| node.has_tag_name("beam"));
            beams
                .filter_map(|beam| beam.text())
                .collect::<Vec<_>>()
                .join(", ")
        })
        .filter(|beams| !beams.is_empty())
        .collect()
}

#[test]
fn short_notes_are_joined_by_beams_within_their_beat() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.musicxml");
    let transport = Transport::default();
    // An eighth alone behind a rest; an eighth and two sixteenths; a dotted eighth and a sixteenth;
    // a quarter.
    let notes = [
        (0.5, 0.5),
        (1.0, 0.5),
        (1.5, 0.25),
        (1.75, 0.25),
        (2.0, 0.75),
        (2.75, 0.25),
        (3.0, 1.0),
    ];
    let notes = notes.map(|(start, length)| (start, length, 64));
    let packets = packets(&notes, 0, &transport, 0.0);
    Harness::<SheetMusic>::new(json!({ "path": path }))
        .feed("notes", PortType::Notes, packets, transport.beats(4.0))
        .run()
        .unwrap();
    let wanted = [
        "begin",
        "continue, begin",
        "end, end",
        "begin",
        "end, backward hook",
    ];
    assert_eq!(beams(&path), wanted);
}

/// Notes as packets at `transport`, each late by up to `late` of a sixteenth.
fn packets(notes: &[Heard], channel: u8, transport: &Transport, late: f64) -> Vec<(Time, Payload)> {
    let mut acts: Vec<(Time, bool, u8)> = Vec::new();
    for (number, (start, length, pitch)) in notes.iter().enumerate() {
        let late = late * 0.25 * [0.0, 1.0, 0.4, 0.7][number % 4];
        acts.push((transport.beats(start + late), true, *pitch));
        acts.push((transport.beats(start + length - 0.02), false, *pitch));
    }
    acts.sort_by_key(|(time, on, _)| (*time, *on));
    (acts.into_iter())
        .map(|(time, on, pitch)| {
            let note = if on {
                Note::On {
                    channel,
                    pitch,
                    velocity: 0.7,
                }
            } else {
                Note::Off { channel, pitch }
            };
            (time, Payload::Notes([note].into()))
        })
        .collect()
}

fn chord(symbol: &str, key: Key) -> Payload {
    Chords {
        key,
        chord: symbol.parse().ok(),
        fresh: true,
        next: None,
        close: None,
        last: false,
    }
    .payload()
}

fn sheet(transport: &Transport, params: Value, parts: &[(u8, &[Heard])], end: f64) -> Vec<Read> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.musicxml");
    let mut all = json!({ "path": path });
    for (name, value) in params.as_object().unwrap() {
        all[name] = value.clone();
    }
    let end = transport.beats(end);
    let mut harness = Harness::<SheetMusic>::new(all).transport(transport.clone());
    for (channel, notes) in parts {
        let packets = packets(notes, *channel, transport, 0.35);
        harness = harness.feed("notes", PortType::Notes, packets, end);
    }
    harness.run().unwrap();
    read(&path)
}

#[test]
fn every_note_of_every_part_is_read_back_where_it_was_meant() {
    // A melody over bar lines, with sixteenths and sixteenths' rests; two hands; drums.
    let melody = [
        (0.0, 1.0, 69),
        (1.0, 0.25, 71),
        (1.25, 0.75, 72),
        (2.5, 0.5, 68),
        (3.0, 2.5, 76),
        (6.75, 2.25, 74),
        (9.0, 3.0, 70),
    ];
    let piano = [
        (0.0, 4.0, 45),
        (0.0, 2.0, 60),
        (0.0, 2.0, 64),
        (1.0, 1.0, 69),
        (2.0, 2.0, 62),
        (4.0, 8.0, 41),
        (4.5, 1.5, 65),
        (4.5, 1.5, 69),
    ];
    let bass = [(0.0, 1.5, 33), (1.5, 2.5, 40), (4.0, 4.0, 29)];
    let drums = [
        (0.0, 0.25, 36),
        (0.0, 0.25, 42),
        (0.5, 0.25, 42),
        (1.0, 0.25, 38),
    ];
    let transport = Transport {
        tempo: 97.0,
        key: Some("A minor".parse().unwrap()),
        ..Transport::default()
    };
    let names = json!({ "names": ["Melody & more\u{ffff}"], "title": "<Tune>" });
    let parts: [(u8, &[Heard]); 4] = [(0, &melody), (0, &piano), (0, &bass), (9, &drums)];
    let read = sheet(&transport, names, &parts, 12.0);
    assert_eq!(read[0].notes, melody);
    assert_eq!(read[0].name, "Melody & more");
    assert_eq!(read[0].clefs, ["G"]);
    // G♯, the leading tone, and B♭ have signs in A minor.
    let signs = [(68, "sharp".to_owned()), (70, "flat".to_owned())];
    assert_eq!(read[0].signs, signs);
    let mut sorted = piano;
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!(read[1].notes, sorted);
    assert_eq!(read[1].clefs, ["G", "F"]);
    assert_eq!(
        (&read[2].notes[..], &read[2].clefs[..]),
        (&bass[..], &["F".to_owned()][..])
    );
    let struck: Vec<(f64, u8)> = read[3]
        .notes
        .iter()
        .map(|(at, _, key)| (*at, *key))
        .collect();
    assert_eq!(struck, [(0.0, 36), (0.0, 42), (0.5, 42), (1.0, 38)]);
    assert_eq!(
        (read[3].name.as_str(), &read[3].clefs[..]),
        ("part 4", &["percussion".to_owned()][..])
    );
}

#[test]
fn music_that_swings_is_written_straight_with_a_mark() {
    let written: Vec<Heard> = (0..14)
        .map(|n| (f64::from(n) * 0.5, 0.5, 60 + n as u8))
        .chain([(7.0, 0.25, 60), (7.25, 0.5, 62), (7.75, 0.25, 64)])
        .collect();
    for (share, of, said) in [
        (0.5, SwingNotes::Eighths, None),
        (0.62, SwingNotes::Eighths, Some("13 8 eighth")),
        (2.0 / 3.0, SwingNotes::Eighths, Some("2 1 eighth")),
        (0.7, SwingNotes::Sixteenths, Some("7 3 16th")),
    ] {
        let transport = Transport {
            swing: Swing { share, of },
            ..Transport::default()
        };
        let mut acts: Vec<(Time, bool, u8)> = Vec::new();
        for (start, length, pitch) in &written {
            // A little late, and not to the end.
            acts.push((transport.time_at(start + 0.03), true, *pitch));
            acts.push((transport.time_at(start + length - 0.02), false, *pitch));
        }
        acts.sort();
        let notes = acts.into_iter().map(|(time, begins, pitch)| {
            let note = match begins {
                true => Note::On {
                    channel: 0,
                    pitch,
                    velocity: 0.5,
                },
                false => Note::Off { channel: 0, pitch },
            };
            (time, Payload::Notes([note].into()))
        });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.musicxml");
        Harness::<SheetMusic>::new(json!({ "path": path }))
            .transport(transport.clone())
            .feed(
                "notes",
                PortType::Notes,
                notes.collect(),
                transport.beats(8.0),
            )
            .run()
            .unwrap();
        assert_eq!(read(&path)[0].notes, written, "{share}");
        let xml = std::fs::read_to_string(&path).unwrap();
        let document = Document::parse_with_options(
            &xml,
            ParsingOptions {
                allow_dtd: true,
                ..ParsingOptions::default()
            },
        )
        .unwrap();
        let mark = document
            .descendants()
            .find(|node| node.has_tag_name("swing"));
        let mark = mark.map(|mark| {
            let texts = mark.children().filter_map(|child| child.text());
            texts
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        });
        assert_eq!(mark.as_deref(), said);
        assert_eq!(xml.contains("<words>Swing"), said.is_some());
    }
}

#[test]
fn the_lead_sheet_has_the_chords_the_key_and_the_scenes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.musicxml");
    let transport = Transport {
        metre: Metre(3, 4),
        ..Transport::default()
    };
    let beat = |beat: f64| transport.beats(beat);
    let (minor, major): (Key, Key) = ("G# minor".parse().unwrap(), "Eb".parse().unwrap());
    let chords = vec![
        (beat(0.0), chord("G#m", minor)),
        (beat(2.0), chord("D#7", minor)),
        (beat(3.0), chord("D#7", minor)),
        (beat(4.0), chord("", minor)),
        (beat(6.0), chord("Ebmaj7", major)),
    ];
    let cut = Event {
        name: "cut".to_owned(),
        strength: 1.0,
    };
    let notes = packets(&[(0.0, 3.0, 68), (3.0, 1.0, 67)], 0, &transport, 0.0);
    Harness::<SheetMusic>::new(json!({ "path": path }))
        .transport(transport.clone())
        .feed("notes", PortType::Notes, notes, beat(9.0))
        .feed("chords", Chords::port_type(), chords, beat(9.0))
        .feed(
            "events",
            PortType::Event,
            vec![(beat(3.5), Payload::Event(cut.into()))],
            beat(9.0),
        )
        .run()
        .unwrap();
    let read = &read(&path)[0];
    let symbols = [(0.0, "G#m"), (2.0, "D#7"), (4.0, "N.C."), (6.0, "Ebmaj7")];
    assert_eq!(
        read.chords,
        symbols.map(|(at, symbol)| (at, symbol.to_owned()))
    );
    assert_eq!(read.fifths, [5, -3]);
    assert_eq!(read.marks, [(3.5, "2".to_owned())]);
    // In G♯ minor the leading tone is an F with two sharps.
    assert_eq!(read.notes[1], (3.0, 1.0, 67));
    assert_eq!(read.signs, [(67, "double-sharp".to_owned())]);
}

#[test]
fn triplets_are_written_where_they_are_wanted_and_heard() {
    let third = 1.0 / 3.0;
    let played = [
        (0.0, 0.35),
        (third, 0.35),
        (2.0 * third, 0.3),
        (1.0, 0.5),
        (1.5, 1.0 + third),
    ];
    let played = played.map(|(start, length)| (start, length, 64));
    let transport = Transport::default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.musicxml");
    let notes = packets(&played, 0, &transport, 0.0);
    let params = json!({ "path": path, "triplets": true });
    Harness::<SheetMusic>::new(params)
        .feed("notes", PortType::Notes, notes, transport.beats(4.0))
        .run()
        .unwrap();
    let read = read(&path);
    let thirds: Vec<(f64, f64)> = (read[0].notes.iter())
        .map(|(at, length, _)| ((at * 12.0).round(), (length * 12.0).round()))
        .collect();
    assert_eq!(
        thirds,
        [
            (0.0, 4.0),
            (4.0, 4.0),
            (8.0, 4.0),
            (12.0, 6.0),
            (18.0, 15.0)
        ]
    );
}

#[test]
fn a_sheet_without_notes_is_one_of_rests_and_an_ending_that_is_none_is_refused() {
    let read = sheet(&Transport::default(), json!({}), &[(0, &[])], 7.9);
    assert!(read[0].notes.is_empty() && read.len() == 1);
    let refused = Harness::<SheetMusic>::new(json!({ "path": "a.pdf" }))
        .feed("notes", PortType::Notes, Vec::new(), Time::ZERO)
        .run()
        .unwrap_err();
    assert!(
        refused.to_string().contains("no ending of sheet music"),
        "{refused}"
    );
}

#[test]
fn pitches_are_spelt_by_their_key() {
    let name = |pitch, fifths| {
        let Spelt {
            letter,
            alter,
            octave,
        } = spelling::pitch(pitch, fifths);
        format!("{letter}{alter}{octave}")
    };
    for (pitch, fifths, wanted) in [
        (60, 0, "C04"),
        (66, 0, "F14"),
        (70, 0, "B-14"),
        (66, -5, "G-14"),
        (59, -6, "C-14"),
        (60, 7, "B13"),
        (65, 6, "E14"),
    ] {
        assert_eq!(name(pitch, fifths), wanted);
    }
    for fifths in -6..=6 {
        for pitch in 12..120u8 {
            let Spelt { letter, alter, .. } = spelling::pitch(pitch, fifths);
            let class = match letter {
                'C' => 0,
                'D' => 2,
                'E' => 4,
                'F' => 5,
                'G' => 7,
                'A' => 9,
                _ => 11,
            };
            assert_eq!((class + alter).rem_euclid(12), i32::from(pitch % 12));
        }
        // A signature of n sharps alters n letters.
        let altered: i32 = "CDEFGAB"
            .chars()
            .map(|letter| spelling::signed(letter, fifths))
            .sum();
        assert_eq!(altered, i32::from(fifths));
    }
}

proptest! {
    #[test]
    fn any_length_in_any_metre_is_made_of_values(
        metre in prop::sample::select(vec![
            (4, 4), (3, 4), (6, 8), (9, 8), (12, 8), (2, 4), (5, 4), (7, 8), (2, 2),
        ]),
        start in 0u32..60,
        length in 1u32..60,
    ) {
        let bars = Bars::new(Metre(metre.0, metre.1));
        let from = start * 3 % bars.length;
        let to = (from + length * 3).min(bars.length);
        let pieces = bars.pieces(from, to, &Triplets::default());
        prop_assert_eq!(pieces.iter().sum::<u32>(), to - from);
        let is_straight = |piece: &u32| value(*piece).is_some_and(|value| !value.is_triplet);
        prop_assert!(pieces.iter().all(is_straight));
    }

    #[test]
    fn notes_on_the_grid_stay_where_they_are(
        notes in prop::collection::vec((0u32..200, 1u32..16, 40u8..80), 1..40),
        late in 0.0f64..0.08,
    ) {
        let mut wanted: Vec<(u32, u32, u8)> = notes.iter().map(|(start, length, pitch)| {
            (start * 3, (start + length) * 3, *pitch)
        }).collect();
        // One note of a pitch at a time.
        wanted.sort_by_key(|(start, end, pitch)| (*pitch, *start, *end));
        wanted.dedup_by(|next, before| next.2 == before.2 && next.0 < before.1);
        let played: Vec<Played> = wanted.iter().map(|(start, end, pitch)| Played {
            pitch: *pitch,
            start: f64::from(*start) / 12.0 + late,
            end: f64::from(*end) / 12.0 - 0.02,
        }).collect();
        let mut found: Vec<(u32, u32, u8)> = written(&played, &Triplets::default())
            .iter()
            .map(|note| (note.start, note.end, note.pitch))
            .collect();
        found.sort_by_key(|(start, end, pitch)| (*pitch, *start, *end));
        prop_assert_eq!(found, wanted);
    }
}

#[test]
fn over_a_change_of_tempo_notes_stay_and_the_tempo_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.musicxml");
    let meant = [
        (0.0, 1.0, 60),
        (6.0, 2.0, 62),
        (8.0, 1.0, 64),
        (9.5, 0.5, 65),
    ];
    let slow = Transport {
        tempo: 60.0,
        ..Transport::default()
    };
    let played = packets(&meant, 0, &Transport::default(), 0.0);
    let played = played.into_iter().map(|(time, payload)| {
        // From four seconds on, eight beats, half as fast.
        let over = (time.seconds() - 4.0).max(0.0);
        let time = time + Time::from_seconds(over);
        (time, time, payload)
    });
    let end = Time::from_seconds(6.0);
    Harness::<SheetMusic>::new(json!({ "path": path, "title": "Slowly" }))
        .feed_live("notes", PortType::Notes, played.collect(), end)
        .retime(Time::from_seconds(4.0), slow)
        .set_live(Time::from_seconds(5.0), "title", "Slower")
        .play_live()
        .unwrap();
    let read = read(&path);
    assert_eq!(read[0].notes, meant);
    let text = std::fs::read_to_string(&path).unwrap();
    let marks: Vec<&str> = text.split("<sound tempo=\"").skip(1).collect();
    assert_eq!(marks.len(), 2);
    assert!(marks[0].starts_with("120\"") && marks[1].starts_with("60\""));
    assert!(text.contains("<work-title>Slower</work-title>"));
}

/// A live run goes on for months, and in steps of a clock the piece would be longer than can be
/// counted.
#[test]
fn a_sheet_ends_with_the_last_bar_that_it_can_have() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.musicxml");
    // A bar of one quarter lasts half a second.
    let transport = Transport {
        metre: Metre(1, 4),
        ..Transport::default()
    };
    let year = 365.0 * 86_400.0;
    let played = [(0.0, 60), (1.0, 62), (10.0 * year, 64)].map(|(seconds, pitch)| {
        let (channel, velocity) = (0, 0.5);
        let on = Note::On {
            channel,
            pitch,
            velocity,
        };
        let off = Note::Off { channel, pitch };
        let packet = |seconds: f64, note: Note| {
            let time = Time::from_seconds(seconds);
            (time, time, Payload::Notes([note].into()))
        };
        [packet(seconds, on), packet(seconds + 0.5, off)]
    });
    let played = played.into_iter().flatten().collect();
    Harness::<SheetMusic>::new(json!({ "path": path }))
        .transport(transport.clone())
        .feed_live(
            "notes",
            PortType::Notes,
            played,
            Time::from_seconds(11.0 * year),
        )
        .retime(
            Time::from_seconds(10.5 * year),
            Transport {
                tempo: 60.0,
                ..transport
            },
        )
        .play_live()
        .unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("<measure ").count(), 100_000);
    assert!(text.contains("<step>C</step>") && !text.contains("<step>E</step>"));
    assert_eq!(text.matches("<sound tempo=").count(), 1);
}
