//! The node in renders and in live runs. What is asserted holds for any weights of the model.

use std::sync::Arc;

use score_engine::harness::{Harness, Outputs};
use score_engine::{Event, Key, Metre, Note, Packet, Payload, PortType, Transport};
use serde_json::{Value, json};

use super::stream_decoder::StreamDecoder;
use crate::chords::Chords;
use crate::controls::Controls;
use crate::testing::{
    at, begun, pitches, require_alike, require_one_at_a_time, settings, turns, write_tune,
};

/// The sixteenth is an eighth of a second, at 120 quarter notes a minute.
const SIXTEENTH: f64 = 0.125;

/// How long before its own time a packet comes, live: as what stands before the decoder sends it.
const EARLY: f64 = 0.02;

/// A code of 64 components, another for each number.
fn code(number: f32) -> Payload {
    let angles = (0..64).map(|n| n as f32 * number);
    Payload::Latent(angles.map(|angle| angle.cos() + angle.sin()).collect())
}

fn event(strength: f32) -> Payload {
    Payload::Event(Arc::new(Event {
        name: "cut".to_owned(),
        strength,
    }))
}

/// An input, and what comes along its wire when.
type Wire = (&'static str, PortType, Vec<(f64, Payload)>);

/// A note that begins: its sixteenth, and its pitch.
type Begun = (i64, u8);

/// Eight seconds of music: four bars.
#[derive(Clone)]
struct Piece {
    params: Value,
    codes: Vec<(f64, f32)>,
    /// Each input, with times and contents.
    wires: Vec<Wire>,
    /// A knob that is turned, and when, live.
    turned: Option<(f64, &'static str, Value)>,
}

const LENGTH: f64 = 8.0;

impl Piece {
    fn new() -> Self {
        Piece {
            params: json!({}),
            codes: vec![(0.0, 1.0), (2.0, -1.0), (4.0, 0.5), (6.0, 1.0)],
            wires: Vec::new(),
            turned: None,
        }
    }

    fn wire(mut self, input: &'static str, port: PortType, packets: Vec<(f64, Payload)>) -> Self {
        self.wires.push((input, port, packets));
        self
    }

    fn cut(self, time: f64) -> Self {
        self.wire("cut", PortType::Event, vec![(time, event(1.0))])
    }

    fn control(self, input: &'static str, values: &[(f64, f32)]) -> Self {
        let values = values.iter();
        let packets = values.map(|(time, value)| (*time, Payload::Control(*value)));
        self.wire(input, PortType::Control, packets.collect())
    }

    fn harness(&self, early: f64) -> Harness<StreamDecoder> {
        let codes = self.codes.iter();
        let codes = codes.map(|(time, value)| (at(time - early), at(*time), code(*value)));
        let start = Harness::<StreamDecoder>::new(self.params.clone())
            .settings(settings())
            .feed_live(
                "latent",
                PortType::Latent(Some(64)),
                codes.collect(),
                at(LENGTH),
            );
        let wires = self.wires.iter().cloned();
        wires.fold(start, |harness, (input, port, packets)| {
            let packets = packets.into_iter();
            let packets = packets.map(|(time, payload)| (at(time - early), at(time), payload));
            harness.feed_live(input, port, packets.collect(), at(LENGTH))
        })
    }

    fn render(&self) -> Outputs {
        self.harness(0.0).run().unwrap()
    }

    fn live(&self) -> Outputs {
        let harness = self.harness(EARLY);
        match &self.turned {
            Some((time, name, value)) => harness.set_live(at(*time), name, value.clone()),
            None => harness,
        }
        .play_live()
        .unwrap()
    }
}

/// The notes before sixteenth `place`, and those from there on.
fn parted(notes: &[Begun], place: i64) -> (&[Begun], &[Begun]) {
    notes.split_at(notes.partition_point(|(at, _)| *at < place))
}

/// Requires that two pieces are the same before sixteenth `place`, and other from there on.
#[track_caller]
fn assert_part(one: &[Begun], other: &[Begun], place: i64) {
    let (one, other) = (parted(one, place), parted(other, place));
    assert_eq!(one.0, other.0, "before sixteenth {place}");
    assert_ne!(one.1, other.1, "from sixteenth {place} on");
}

#[test]
fn a_render_is_the_same_each_time_with_one_note_at_a_time() {
    let outputs = Piece::new().cut(3.1).render();
    assert!(begun(&outputs).len() > 8, "{:?}", begun(&outputs));
    assert_eq!(begun(&outputs), begun(&Piece::new().cut(3.1).render()));
    assert_eq!(outputs.end("notes"), Some(at(LENGTH)));
    let late = |packet: &Packet| packet.time > at(LENGTH);
    assert!(!outputs.packets("notes").iter().any(late));
    require_one_at_a_time(&outputs);
}

#[test]
fn a_cut_begins_a_note_at_the_next_sixteenth_and_changes_nothing_before() {
    let plain = begun(
        &Piece::new()
            .wire("cut", PortType::Event, Vec::new())
            .render(),
    );
    for place in [17, 22, 27, 31, 32] {
        let time = (f64::from(place) - 0.6) * SIXTEENTH;
        let mut piece = Piece::new().cut(time);
        // The cut's own scene has another code.
        piece.codes.push((time, -2.0));
        piece.codes.sort_by(|one, other| one.0.total_cmp(&other.0));
        for notes in [begun(&piece.render()), begun(&piece.live())] {
            assert_part(&plain, &notes, i64::from(place));
            let (_, after) = parted(&notes, i64::from(place));
            assert_eq!(after.first().map(|note| note.0), Some(i64::from(place)));
        }
    }
}

#[test]
fn a_live_run_plays_what_a_render_plays_where_everything_comes_in_time() {
    let controls = Controls {
        onset: Some(1.0),
        novelty: Some(0.9),
        ..Controls::default()
    };
    let mut piece = Piece::new()
        .cut(2.7)
        .control("density_ahead", &[(1.0, 0.9), (5.0, 0.1)])
        .wire(
            "controls",
            Controls::port_type(),
            vec![(4.3, controls.payload())],
        );
    piece.codes.insert(2, (2.7, 2.0));
    let (rendered, live) = (begun(&piece.render()), begun(&piece.live()));
    assert!(rendered.len() > 8);
    // Live, the sixteenth that begins at the end is decided just before it.
    assert_eq!(rendered, parted(&live, 64).0);
}

#[test]
fn what_is_asked_for_counts_from_the_next_sixteenth_on() {
    let free = begun(&Piece::new().render());
    // An input that never says anything asks for nothing.
    let silent = begun(&Piece::new().control("density_ahead", &[]).render());
    assert_eq!(free, silent);
    for input in ["density_ahead", "register_ahead", "novelty", "contour"] {
        let asked = [0.0, 1.0].map(|value| {
            let piece = Piece::new().control(input, &[(3.9, value)]);
            begun(&piece.render())
        });
        assert_part(&asked[0], &asked[1], 32);
        assert_eq!(parted(&asked[0], 32).0, parted(&free, 32).0);
    }
    let onset = vec![(3.9, event(1.0))];
    let asked = Piece::new().wire("onset", PortType::Event, onset);
    assert_eq!(parted(&begun(&asked.render()), 32).0, parted(&free, 32).0);
}

#[test]
fn more_notes_are_played_where_more_are_asked_for() {
    let notes = |value: f32| {
        let piece = Piece::new().control("density_ahead", &[(0.0, value)]);
        begun(&piece.render()).len()
    };
    assert!(notes(0.9) > notes(0.05), "{} {}", notes(0.9), notes(0.05));
}

#[test]
fn a_knob_stands_in_for_the_code_until_it_is_let_go() {
    let register = |value: Option<f64>| {
        let mut piece = Piece::new();
        piece.params = json!({ "register": value });
        begun(&piece.render())
    };
    let mean = |notes: &[Begun]| {
        let sum: f64 = notes.iter().map(|note| f64::from(note.1)).sum();
        sum / notes.len().max(1) as f64
    };
    let (low, high) = (register(Some(-2.0)), register(Some(2.0)));
    assert!(mean(&high) > mean(&low) + 6.0, "{low:?} {high:?}");
    // Turned while it plays.
    let mut piece = Piece::new();
    let before = begun(&piece.live());
    piece.turned = Some((4.3 - EARLY, "register", json!(2.5)));
    assert_part(&before, &begun(&piece.live()), 35);
    piece.params = json!({ "register": 2.5 });
    piece.turned = Some((0.0, "register", Value::Null));
    assert_eq!(begun(&piece.live()), before);
}

#[test]
fn live_a_note_leaves_just_before_its_sixteenth_and_lies_on_it() {
    let outputs = Piece::new().live();
    let packets = outputs.packets("notes");
    assert!(packets.len() > 8);
    let last = packets.len() - 1;
    for (packet, sent) in packets[..last].iter().zip(outputs.sent("notes")) {
        let ahead = (packet.time - *sent).seconds();
        assert!((0.0..=0.0081).contains(&ahead), "{ahead} s ahead");
        let sixteenth = packet.time.seconds() / SIXTEENTH;
        assert!((sixteenth - sixteenth.round()).abs() < 1e-6);
    }
}

#[test]
fn live_a_bar_keeps_its_code_and_a_late_code_of_a_scene_counts_at_once() {
    // Within a bar another code changes nothing until the next.
    let plain = begun(&Piece::new().live());
    let mut piece = Piece::new();
    piece.codes.insert(1, (0.9, -2.0));
    piece.codes[2].0 = 2.5;
    assert_part(&plain, &begun(&piece.live()), 16);
    // Two sixteenths after the cut its code comes: until there, all is as without it.
    let late = |value: f32| {
        let mut piece = Piece::new().cut(2.7);
        piece.codes.insert(2, (2.96, value));
        begun(&piece.live())
    };
    assert_part(&late(2.0), &late(-2.0), 24);
}

#[test]
fn bars_of_every_length_are_played_to_their_last_sixteenth() {
    for metre in [(3, 4), (5, 4), (7, 8)] {
        let transport = Transport {
            metre: Metre(metre.0, metre.1),
            ..Transport::default()
        };
        let bar = transport.sixteenths_per_bar();
        let lasts: Vec<u64> = (1..=64 / bar).map(|number| number * bar - 1).collect();
        let cuts = lasts.iter();
        let cuts = cuts.map(|last| (transport.sixteenth(*last).seconds(), event(1.0)));
        let piece = Piece::new().wire("cut", PortType::Event, cuts.collect());
        let outputs = piece
            .harness(0.0)
            .transport(transport.clone())
            .run()
            .unwrap();
        let notes = begun(&outputs);
        for last in lasts {
            let is_there = notes.iter().any(|(place, _)| *place == last as i64);
            assert!(is_there, "{metre:?}: {last} in {notes:?}");
        }
    }
}

#[test]
fn in_a_key_every_note_lies_in_its_scale_and_without_one_not() {
    let key: Key = "D minor".parse().unwrap();
    let transport = Transport {
        key: Some(score_engine::KeyChoice::Of(key)),
        ..Transport::default()
    };
    let hot = || Piece::new().harness(2.0);
    let inside = |outputs: &Outputs| -> Vec<bool> {
        let notes = begun(outputs).into_iter();
        notes
            .map(|(_, pitch)| key.holds(i32::from(pitch)))
            .collect()
    };
    let held = inside(&hot().transport(transport).run().unwrap());
    assert!(
        held.len() > 8 && held.iter().all(|inside| *inside),
        "{held:?}"
    );
    assert!(inside(&hot().run().unwrap()).contains(&false));
}

/// A bar and a half of a tune in C, in sixteenths.
const TUNE: [(u64, u64, u8); 5] = [(0, 4, 60), (4, 2, 64), (6, 6, 67), (12, 4, 72), (16, 8, 71)];

/// The piece with a theme, in a key, with phrases that begin at these seconds.
fn with_theme(
    notes: &[(u64, u64, u8)],
    phrases: &[(f64, &str)],
    params: Value,
    live: bool,
) -> Outputs {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mid");
    write_tune(&path, notes);
    let mut piece = Piece::new();
    piece.params = params;
    piece.params["theme"] = json!(path);
    if !phrases.is_empty() {
        let phrases = phrases.iter().map(|(time, name)| {
            let event = Event {
                name: (*name).to_owned(),
                strength: 1.0,
            };
            (*time, Payload::Event(Arc::new(event)))
        });
        piece = piece.wire("phrase", PortType::Event, phrases.collect());
    }
    if live { piece.live() } else { piece.render() }
}

/// The notes that begin from sixteenth `from` on and before `to`, as places from there.
fn between(outputs: &Outputs, from: i64, to: i64) -> Vec<Begun> {
    let notes = begun(outputs).into_iter();
    notes
        .filter(|(place, _)| (from..to).contains(place))
        .map(|(place, pitch)| (place - from, pitch))
        .collect()
}

/// The theme's own notes up to sixteenth `to`, moved.
fn tune(to: i64, moved: i16) -> Vec<Begun> {
    let notes = TUNE.iter().map(|(start, _, pitch)| {
        let pitch = i16::from(*pitch) + moved;
        (*start as i64, u8::try_from(pitch).unwrap())
    });
    notes.filter(|(place, _)| *place < to).collect()
}

#[test]
fn a_theme_is_played_note_for_note_and_ends_where_it_ends() {
    for live in [false, true] {
        let outputs = with_theme(&TUNE, &[], json!({}), live);
        require_one_at_a_time(&outputs);
        assert_eq!(between(&outputs, 0, 32), tune(32, 0), "live: {live}");
        let ends = outputs.packets("notes").iter().any(|packet| {
            let notes = packet.notes().unwrap();
            let is_end = |note: &Note| matches!(note, Note::Off { pitch: 71, .. });
            (packet.time.seconds() - 3.0).abs() < 1e-6 && notes.iter().any(is_end)
        });
        assert!(ends, "the last note is eight sixteenths long");
        // Then the music goes on.
        assert!(between(&outputs, 32, 64).len() > 2);
    }
}

#[test]
fn a_theme_returns_with_its_scene_and_belongs_to_the_one_that_is_named() {
    let phrases = [(0.0, "A"), (2.0, "B"), (4.0, "A"), (6.0, "B")];
    for live in [false, true] {
        let outputs = with_theme(&TUNE, &phrases, json!({}), live);
        assert_eq!(between(&outputs, 0, 16), tune(16, 0), "live: {live}");
        assert_eq!(between(&outputs, 32, 48), tune(16, 0), "live: {live}");
        assert_ne!(between(&outputs, 16, 32), tune(16, 0));
        let named = json!({ "theme_scene": "B" });
        let outputs = with_theme(&TUNE, &phrases, named, live);
        assert_ne!(between(&outputs, 0, 16), tune(16, 0));
        assert_eq!(between(&outputs, 16, 32), tune(16, 0), "live: {live}");
        assert_eq!(between(&outputs, 48, 64), tune(16, 0), "live: {live}");
    }
}

#[test]
fn the_third_time_the_bars_of_a_theme_begin_as_they_did_and_end_otherwise() {
    let phrases = [(0.0, "A"), (2.0, "A"), (4.0, "A"), (6.0, "A")];
    let outputs = with_theme(&TUNE, &phrases, json!({}), false);
    for from in [0, 16, 48] {
        assert_eq!(between(&outputs, from, from + 16), tune(16, 0));
    }
    assert_eq!(between(&outputs, 32, 40), tune(8, 0));
    assert_ne!(between(&outputs, 32, 48), tune(16, 0));
}

#[test]
fn a_cut_does_not_break_into_a_theme() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mid");
    write_tune(&path, &TUNE);
    let mut piece = Piece::new().cut(0.9);
    piece.params = json!({ "theme": path });
    for outputs in [piece.render(), piece.live()] {
        assert_eq!(between(&outputs, 0, 32), tune(32, 0));
        require_one_at_a_time(&outputs);
    }
}

#[test]
fn a_theme_is_moved_to_the_key_and_into_the_register() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mid");
    write_tune(&path, &TUNE);
    let played = |key: &str, lowest: u8, highest: u8| {
        let mut piece = Piece::new();
        piece.params = json!({
            "theme": path, "model": "lead_transformer", "lowest": lowest, "highest": highest,
        });
        let transport = Transport {
            key: Some(key.parse().unwrap()),
            ..Transport::default()
        };
        let outputs = piece.harness(0.0).transport(transport).run().unwrap();
        between(&outputs, 0, 32)
    };
    assert_eq!(played("auto", 60, 81), tune(32, 0));
    assert_eq!(played("D", 60, 81), tune(32, 2));
    // B minor has the notes of D.
    assert_eq!(played("B minor", 36, 60), tune(32, 2 - 24));
    assert_eq!(played("F#", 70, 90), tune(32, 6 + 12));
    // A twelfth has no room for it: it stays whole.
    assert_eq!(played("C", 64, 76).len(), TUNE.len());
}

#[test]
fn a_theme_that_is_none_is_refused_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mid");
    let said = |params: Value| {
        let mut piece = Piece::new();
        piece.params = params;
        piece.harness(0.0).run().unwrap_err().to_string()
    };
    write_tune(&path, &[]);
    assert!(said(json!({ "theme": path })).contains("has no notes for a theme"));
    std::fs::write(&path, "once upon a time").unwrap();
    assert!(said(json!({ "theme": path })).contains("not a MIDI file"));
    let missing = folder.path().join("b.mid");
    assert!(said(json!({ "theme": missing })).contains("there is no MIDI file"));
    write_tune(&path, &TUNE);
    let named = |scene: &str| said(json!({ "theme": path, "theme_scene": scene }));
    assert!(named("B").contains("nothing says where phrases begin"));
    assert!(named("second").contains("`second` is not a phrase"));
}

/// Eight seconds of one code that was there from the start, so that what is played depends on
/// places alone.
fn of_one_code(params: Value, transport: &Transport) -> Harness<StreamDecoder> {
    let piece = Piece {
        params,
        codes: vec![(0.0, 1.0)],
        ..Piece::new()
    };
    piece.harness(EARLY).transport(transport.clone())
}

#[test]
fn a_tempo_that_changes_all_the_time_changes_no_note_of_the_melody() {
    let steady = Transport::default();
    let plain = of_one_code(json!({}), &steady).play_live().unwrap();
    let harness = of_one_code(json!({}), &steady);
    let harness = (turns(LENGTH, &steady).into_iter())
        .fold(harness, |harness, (time, transport)| {
            harness.retime(time, transport)
        });
    let turned = harness.play_live().unwrap();
    require_one_at_a_time(&turned);
    require_alike(&pitches(&turned), &pitches(&plain));
    // Notes leave before they sound, whatever the tempo.
    let packets = turned.packets("notes");
    for (packet, sent) in packets[..packets.len() - 1]
        .iter()
        .zip(turned.sent("notes"))
    {
        assert!(packet.time >= *sent, "{} {sent}", packet.time);
    }
}

#[test]
fn in_a_new_metre_the_melody_goes_on_and_bars_begin_where_the_metre_has_them() {
    let steady = Transport::default();
    let waltz = Transport {
        metre: Metre(3, 4),
        ..steady.clone()
    };
    let plain = of_one_code(json!({}), &steady).play_live().unwrap();
    let turned = of_one_code(json!({}), &steady)
        .retime(at(3.9), waltz)
        .play_live()
        .unwrap();
    require_one_at_a_time(&turned);
    assert!(begun(&turned).iter().any(|(place, _)| *place > 40));
    // The first beats are decided alike; from there on another metre is another place in the bar.
    let (plain, turned) = (begun(&plain), begun(&turned));
    assert_eq!(parted(&plain, 31).0, parted(&turned, 31).0);
}

#[test]
fn in_a_new_key_the_melody_goes_on_in_its_scale() {
    let in_key = |name: &str| Transport {
        key: Some(name.parse().unwrap()),
        ..Transport::default()
    };
    let outputs = of_one_code(json!({}), &in_key("C major"))
        .retime(at(3.9), in_key("F# major"))
        .play_live()
        .unwrap();
    let found = begun(&outputs);
    let (before, after) = parted(&found, 32);
    assert!(before.len() > 3 && after.len() > 3, "{found:?}");
    for (notes, name) in [(before, "C major"), (after, "F# major")] {
        let key: Key = name.parse().unwrap();
        assert!(
            notes.iter().all(|(_, pitch)| key.holds(i32::from(*pitch))),
            "{name}: {notes:?}"
        );
    }
}

/// Two bars, and the same again in a key and on chords a tone higher.
fn modulated(model: &str) -> Vec<Begun> {
    let chords = |key: &str, chord: &str| Chords {
        key: key.parse().unwrap(),
        chord: Some(chord.parse().unwrap()),
        fresh: true,
        next: None,
        close: None,
        last: false,
    };
    let mut piece = Piece::new().wire(
        "chords",
        Chords::port_type(),
        vec![
            (0.0, chords("C major", "C").payload()),
            (4.0, chords("D major", "D").payload()),
        ],
    );
    piece.params = json!({ "model": model });
    piece.codes = vec![(0.0, 1.0), (2.0, -1.0), (4.0, 1.0), (6.0, -1.0)];
    begun(&piece.live())
}

#[test]
fn a_bar_that_returns_in_another_key_is_played_again_in_that() {
    for model in ["lead", "stream"] {
        let found = modulated(model);
        let (found, _) = parted(&found, 64);
        let (first, again) = parted(found, 32);
        let first: Vec<Begun> = first
            .iter()
            .map(|(place, pitch)| (place + 32, pitch + 2))
            .collect();
        assert!(first.len() > 4, "{found:?}");
        assert_eq!(first, again, "{model}");
    }
}

#[test]
fn range_and_channel_are_live() {
    let key = Transport {
        key: Some("C major".parse().unwrap()),
        ..Transport::default()
    };
    let outputs = of_one_code(json!({}), &key)
        .set_live(at(3.9), "lowest", 72)
        .set_live(at(3.9), "highest", 84)
        .set_live(at(3.9), "channel", 5)
        .play_live()
        .unwrap();
    require_one_at_a_time(&outputs);
    let late = begun(&outputs);
    let (_, late) = parted(&late, 32);
    assert!(late.len() > 2);
    assert!(late.iter().all(|(_, pitch)| (72..=84).contains(pitch)));
    // Each note ends on the channel that it began on.
    let notes: Vec<Note> = (outputs.packets("notes").iter())
        .flat_map(|packet| packet.notes().unwrap().to_vec())
        .collect();
    let channels = |is_on: bool| -> Vec<u8> {
        let notes = notes.iter();
        notes
            .filter(|note| matches!(note, Note::On { .. }) == is_on)
            .map(Note::channel)
            .collect()
    };
    assert_eq!(channels(true), channels(false));
    assert!(channels(true).contains(&0) && channels(true).contains(&5));
}
