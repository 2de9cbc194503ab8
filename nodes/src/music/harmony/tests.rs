//! The nodes in renders and in live runs.

use std::sync::Arc;

use score_engine::harness::{Harness, Outputs};
use score_engine::{Event, Key, KeyChoice, Metre, Mode, Payload, PortType, Time, Transport};
use serde_json::json;

use super::Chord;
use super::harmony_node::Harmony;
use crate::chords::Chords;
use crate::testing::{at, require_alike, settings, turns, write_tune};

/// The code of a scene's bar.
fn code(scene: usize, bar: usize) -> Arc<[f32]> {
    (0..64)
        .map(|n| ((n * (scene + 1) + 7 * bar) as f32 * 0.7).sin() * 1.4)
        .collect()
}

fn in_d_minor() -> Transport {
    Transport {
        key: Some(KeyChoice::Of(Key {
            tonic: 2,
            mode: Mode::Minor,
        })),
        seed: 5,
        ..Transport::default()
    }
}

/// A harmony for scenes with their numbers of bars, of two seconds each. Each bar has a code, and
/// each scene begins with a cut.
fn film(scenes: &[(usize, usize)], params: serde_json::Value) -> (Harness<Harmony>, Time) {
    let (mut codes, mut cuts, mut begin) = (Vec::new(), Vec::new(), 0.0);
    for (scene, bars) in scenes {
        if begin > 0.0 {
            let event = Event {
                name: "cut".to_owned(),
                strength: 1.0,
            };
            cuts.push((at(begin), Payload::Event(Arc::new(event))));
        }
        for bar in 0..*bars {
            codes.push((at(begin), Payload::Latent(code(*scene, bar))));
            begin += 2.0;
        }
    }
    let end = at(begin);
    let harness = Harness::<Harmony>::new(params)
        .settings(settings())
        .transport(in_d_minor())
        .feed("latent", PortType::Latent(Some(64)), codes, end)
        .feed("cut", PortType::Event, cuts, end);
    (harness, end)
}

/// Since when which chord sounds.
fn chords(outputs: &Outputs) -> Vec<(f64, Chords)> {
    let packets = outputs.packets("chords").iter();
    packets
        .map(|packet| (packet.time.seconds(), Chords::of(packet).unwrap()))
        .collect()
}

fn names(chords: &[(f64, Chords)]) -> Vec<String> {
    let name = |(_, chords): &(f64, Chords)| chords.chord.map_or(String::new(), |c| c.to_string());
    chords.iter().map(name).collect()
}

#[test]
fn every_half_bar_has_a_chord_and_one_seed_gives_the_same_chords() {
    let (harness, end) = film(&[(0, 8), (1, 8)], json!({}));
    let outputs = harness.run().unwrap();
    let found = chords(&outputs);
    let times: Vec<f64> = found.iter().map(|(time, _)| *time).collect();
    assert_eq!(times, (0..32).map(f64::from).collect::<Vec<_>>());
    assert_eq!(outputs.end("chords"), Some(end));
    assert!(found.iter().all(|(_, chords)| chords.chord.is_some()));
    assert!(
        found
            .iter()
            .all(|(_, chords)| chords.key.to_string() == "D minor")
    );
    let (again, _) = film(&[(0, 8), (1, 8)], json!({}));
    assert_eq!(names(&chords(&again.run().unwrap())), names(&found));
}

#[test]
fn the_next_chord_is_the_one_that_was_announced() {
    let (harness, _) = film(&[(0, 8), (1, 8)], json!({}));
    let found = chords(&harness.run().unwrap());
    let mut told = 0;
    for (index, (_, chords)) in found.iter().enumerate() {
        if let Some((next, ahead)) = chords.next {
            // A step is eight sixteenths.
            let later = &found[index + ahead as usize / 8].1;
            assert_eq!(later.chord, Some(next));
            assert!(later.fresh);
            told += 1;
        }
    }
    assert!(told > 16, "{told}");
}

#[test]
fn phrases_close_on_the_tonic_before_a_cut_that_is_far_enough_and_at_the_end() {
    let (harness, _) = film(&[(0, 12), (1, 2), (2, 10)], json!({ "cadence": 8 }));
    let found = chords(&harness.run().unwrap());
    let closes: Vec<(f64, String, bool)> = found
        .iter()
        .filter(|(_, chords)| chords.close == Some(0))
        .map(|(time, chords)| (*time, chords.chord.unwrap().to_string(), chords.last))
        .collect();
    // The last bar line a half bar before the first cut at 24 s, and the last of all; the second
    // cut comes too soon.
    let wanted = [
        (22.0, "Dm".to_owned(), false),
        (46.0, "Dm".to_owned(), true),
    ];
    assert_eq!(closes, wanted);
    let before = &found[20].1;
    assert_eq!(before.close, Some(16));
}

#[test]
fn a_mood_holds_from_its_time_on_and_until_the_next() {
    let moods = |levels: &[(f64, f32)]| {
        let (harness, end) = film(&[(0, 16)], json!({ "cadence": 0 }));
        let moods = levels
            .iter()
            .map(|(time, level)| (at(*time), Payload::Control(*level)));
        let harness = harness.feed("rate", PortType::Control, moods.collect(), end);
        names(&chords(&harness.run().unwrap()))
    };
    let changes = |names: &[String]| names.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let (calm, turned) = (moods(&[(0.0, 0.0)]), moods(&[(0.0, 0.0), (16.0, 1.0)]));
    // The second mood is not heard before its time, and is after it.
    assert_eq!(calm[..16], turned[..16]);
    assert!(
        changes(&turned[16..]) > changes(&calm[16..]),
        "{calm:?} {turned:?}"
    );
}

#[test]
fn a_bar_whose_code_returns_brings_its_chords_back() {
    let (harness, _) = film(&[(0, 6), (1, 6), (0, 6), (2, 6)], json!({ "cadence": 0 }));
    let found = names(&chords(&harness.run().unwrap()));
    assert_eq!(found[..12], found[24..36]);
    assert_ne!(found[..12], found[12..24]);
}

#[test]
fn live_a_chord_leaves_a_sixteenth_early_and_changes_on_the_beat_after_a_cut() {
    let codes = (0..8).map(|bar| {
        let time = at(f64::from(bar) * 2.0);
        (time, time, Payload::Latent(code(bar as usize, 0)))
    });
    let event = Payload::Event(Arc::new(Event {
        name: "cut".to_owned(),
        strength: 1.0,
    }));
    let outputs = Harness::<Harmony>::new(json!({ "cadence": 0 }))
        .settings(settings())
        .transport(in_d_minor())
        .feed_live(
            "latent",
            PortType::Latent(Some(64)),
            codes.collect(),
            at(16.0),
        )
        .feed_live(
            "cut",
            PortType::Event,
            vec![(at(5.1), at(5.1), event)],
            at(16.0),
        )
        .play_live()
        .unwrap();
    let found = chords(&outputs);
    for ((time, _), sent) in found.iter().zip(outputs.sent("chords")).skip(1) {
        let ahead = time - sent.seconds();
        assert!((0.12..0.16).contains(&ahead), "{time}: {ahead} s ahead");
    }
    let answered = found.iter().position(|(time, _)| (time - 5.5).abs() < 1e-6);
    let answered = answered.expect("a chord on the beat after the cut");
    assert_ne!(found[answered].1.chord, found[answered - 1].1.chord);
}

#[test]
fn in_a_render_a_wire_into_a_parameter_counts_from_its_own_time_on() {
    let drawn = |temperature: &str, wires: &str| -> Vec<Option<Chord>> {
        let codes = "latent_random(dimension: 64, every: 1, duration: 4)";
        let nodes = format!(
            r#""codes": {codes}, "turn": steps(), "chords": harmony(cadence: 0{temperature}),"#
        );
        let wires = format!(r#""codes -> chords", {wires}"#);
        let packets = crate::testing::rendered(&nodes, &wires, ("chords", "chords"));
        (packets.iter())
            .map(|packet| Chords::of(packet).unwrap().chord)
            .collect()
    };
    // Nothing is drawn while the wire says 0, and freely afterwards.
    let cold = drawn(", temperature: 0", "");
    let steered = drawn("", r#""turn -> chords.temperature","#);
    assert_eq!(cold.len(), 4);
    assert_eq!(steered[..2], cold[..2]);
}

/// Four bars of a tune in C, in sixteenths.
const TUNE: [(u64, u64, u8); 14] = [
    (0, 4, 60),
    (4, 4, 64),
    (8, 8, 67),
    (16, 4, 69),
    (20, 4, 72),
    (24, 8, 69),
    (32, 4, 67),
    (36, 4, 65),
    (40, 4, 64),
    (44, 4, 62),
    (48, 4, 59),
    (52, 4, 62),
    (56, 4, 60),
    (60, 4, 60),
];

/// The film with the tune as its theme, in phrases of four bars with these names, in the
/// transport's key.
fn with_theme(phrases: &[&str], key: &str, live: bool) -> Vec<(f64, Chords)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mid");
    write_tune(&path, &TUNE);
    let transport = Transport {
        key: Some(key.parse().unwrap()),
        seed: 5,
        ..Transport::default()
    };
    let end = at(8.0 * phrases.len() as f64);
    let events = (0..).zip(phrases).map(|(number, name)| {
        let event = Event {
            name: (*name).to_owned(),
            strength: 1.0,
        };
        (at(8.0 * f64::from(number)), Payload::Event(Arc::new(event)))
    });
    // No two bars have one code: chords return because the theme does.
    let codes = (0..4 * phrases.len()).map(|bar| {
        let time = at(2.0 * bar as f64);
        (time, Payload::Latent(code(0, bar)))
    });
    let harness = Harness::<Harmony>::new(json!({ "theme": path }))
        .settings(settings())
        .transport(transport);
    let latent = PortType::Latent(Some(64));
    let outputs = if live {
        // As `planner` sends them.
        let early = |(time, payload): (Time, Payload)| (time - at(0.03), time, payload);
        harness
            .feed_live("latent", latent, codes.map(early).collect(), end)
            .feed_live("phrase", PortType::Event, events.map(early).collect(), end)
            .play_live()
            .unwrap()
    } else {
        harness
            .feed("latent", latent, codes.collect(), end)
            .feed("phrase", PortType::Event, events.collect(), end)
            .run()
            .unwrap()
    };
    chords(&outputs)
}

/// The chord that sounds in the half bar after `time`: what was sent last.
fn sounding(found: &[(f64, Chords)], time: f64) -> Chords {
    let told = found.iter().rfind(|(since, _)| *since <= time + 1e-6);
    told.unwrap().1
}

/// The share of the tune, by time, that lies in the chords from `begin` on, moved by `moved`
/// semitones.
fn inside(found: &[(f64, Chords)], begin: f64, moved: i32) -> f64 {
    let (mut held, mut whole) = (0, 0);
    for (start, length, pitch) in TUNE {
        for place in start..start + length {
            let chords = sounding(found, begin + place as f64 / 8.0);
            let class = (i32::from(pitch) + moved).rem_euclid(12) as u8;
            held += i32::from(chords.chord.unwrap().holds(class));
            whole += 1;
        }
    }
    f64::from(held) / f64::from(whole)
}

#[test]
fn chords_fit_the_theme_and_are_the_same_whenever_it_comes() {
    let found = with_theme(&["A", "B", "A", "B"], "auto", false);
    assert_eq!(found[0].1.key.to_string(), "C major");
    let share = inside(&found, 0.0, 0);
    assert!(share >= 0.75, "{share}");
    let names = names(&found);
    assert_eq!(names[..8], names[16..24]);
    assert_ne!(names[..8], names[8..16]);
    // In a key that was chosen they are that key's, and fit the theme as it is moved there.
    let found = with_theme(&["A", "B"], "D", false);
    assert_eq!(found[0].1.key.to_string(), "D major");
    let share = inside(&found, 0.0, 2);
    assert!(share >= 0.75, "{share}");
}

#[test]
fn live_chords_fit_the_theme_from_its_first_beat_on() {
    let found = with_theme(&["A", "B", "A", "B"], "auto", true);
    for begin in [2.0, 16.0] {
        // The first phrase begins with the first code, which is a little late for its first bar.
        let names: Vec<String> = (0..6)
            .map(|half| sounding(&found, begin + f64::from(half)))
            .map(|chords| chords.chord.unwrap().to_string())
            .collect();
        assert_eq!(names.len(), 6);
    }
    let share = inside(&found, 16.0, 0);
    assert!(share >= 0.75, "{share}");
}

/// Sixteen seconds of one code, live.
fn of_one_code(transport: Transport) -> Harness<Harmony> {
    let codes = vec![(at(0.0), at(0.0), Payload::Latent(code(0, 0)))];
    Harness::<Harmony>::new(json!({}))
        .settings(settings())
        .transport(transport)
        .feed_live("latent", PortType::Latent(Some(64)), codes, at(16.0))
}

/// The chords as their keys have them.
fn degrees(found: &[(f64, Chords)]) -> Vec<i64> {
    found
        .iter()
        .map(|(_, chords)| chords.chord.unwrap().token(chords.key))
        .collect()
}

#[test]
fn a_tempo_that_changes_all_the_time_changes_no_chord() {
    let steady = in_d_minor();
    let plain = chords(&of_one_code(steady.clone()).play_live().unwrap());
    let harness = (turns(16.0, &steady).into_iter())
        .fold(of_one_code(steady), |harness, (time, transport)| {
            harness.retime(time, transport)
        });
    let turned = chords(&harness.play_live().unwrap());
    require_alike(&names(&turned), &names(&plain));
}

#[test]
fn in_a_new_key_the_chords_go_on_as_they_would_have_in_the_old() {
    let plain = chords(&of_one_code(in_d_minor()).play_live().unwrap());
    let in_g_minor = Transport {
        key: Some("G minor".parse().unwrap()),
        ..in_d_minor()
    };
    let harness = of_one_code(in_d_minor()).retime(at(7.7), in_g_minor);
    let turned = chords(&harness.play_live().unwrap());
    require_alike(&degrees(&turned), &degrees(&plain));
    for (time, chords) in &turned {
        let wanted = if *time < 7.9 { "D minor" } else { "G minor" };
        assert_eq!(chords.key.to_string(), wanted, "{time}");
    }
}

#[test]
fn in_a_new_metre_chords_change_where_its_bars_begin() {
    let in_three = Transport {
        metre: Metre(3, 4),
        ..in_d_minor()
    };
    let harness = of_one_code(in_d_minor()).retime(at(5.2), in_three);
    let found = chords(&harness.play_live().unwrap());
    let late: Vec<f64> = (found.iter().map(|(time, _)| *time))
        .filter(|time| *time > 5.2)
        .collect();
    // Bars of a second and a half, counted from the start.
    let bars = (4..11).map(|bar| f64::from(bar) * 1.5);
    assert_eq!(late, bars.collect::<Vec<_>>());
}
