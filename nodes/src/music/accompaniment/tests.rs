//! The nodes in renders, and the texture against its reference.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use score_engine::harness::{Harness, Outputs};
use score_engine::{Key, Mode, Node, Note, Payload, PortType, Time, Transport};
use serde::Deserialize;
use serde_json::json;

use super::accompaniment_node::Accompaniment;
use super::bass_line::BassLine;
use super::chord_pad::ChordPad;
use super::sounding::Sounding;
use super::texture::{Place, Texture};
use crate::chords::Chords;
use crate::music::{Chord, NO_CHORD};
use crate::testing::{at, pitches, require_alike, settings, turns};

/// A piece of `models/texture/golden_play.json`, written by `models/training/texture/export.py`:
/// what the model strikes at temperature 0.
#[derive(Deserialize)]
struct Piece {
    metre: i64,
    mode: i64,
    shift: i32,
    chords: Vec<i64>,
    latent: Vec<Vec<f32>>,
    bass: Vec<usize>,
    slots: Vec<Vec<usize>>,
}

#[derive(Deserialize)]
struct Golden {
    pieces: Vec<Piece>,
}

/// The key in which music that C major or A minor has is `shift` semitones higher.
fn key(mode: i64, shift: i32) -> Key {
    let (mode, home) = if mode == 0 {
        (Mode::Major, 0)
    } else {
        (Mode::Minor, 9)
    };
    Key {
        tonic: (home + shift).rem_euclid(12) as u8,
        mode,
    }
}

/// Sixteenths until the next change, and the chord after it.
fn next(tokens: &[i64], step: usize, key: Key) -> Option<(Chord, u32)> {
    let here = tokens[step];
    let ahead = tokens[step..].iter().position(|token| *token != here)?;
    Some((Chord::of_token(tokens[step + ahead], key)?, ahead as u32))
}

#[test]
fn the_model_strikes_what_its_reference_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/texture/golden_play.json");
    let golden: Golden = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(golden.pieces.len() > 2);
    for (number, piece) in golden.pieces.iter().enumerate() {
        let key = key(piece.mode, piece.shift);
        let mut texture = Texture::load(&settings(), "texture").unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let pair = if piece.metre == 0 { 32 } else { 24 };
        for step in 0..piece.chords.len() {
            if step % pair == 0 {
                texture.begin(&piece.latent[step / pair]).unwrap();
            }
            let chords = Chords {
                key,
                chord: Chord::of_token(piece.chords[step], key),
                fresh: step == 0 || piece.chords[step] != piece.chords[step - 1],
                next: next(&piece.chords, step, key),
                close: None,
                last: false,
            };
            let place = Place {
                phase: (step % pair) as u64,
                metre: piece.metre,
            };
            let struck = texture
                .go_on(place, &chords, &[None; 3], (0.0, &mut rng))
                .unwrap();
            let silent = piece.chords[step] >= NO_CHORD;
            let (bass, slots) = if silent {
                (0, Vec::new())
            } else {
                (piece.bass[step], piece.slots[step].clone())
            };
            assert_eq!(
                (struck.bass, &struck.slots),
                (bass, &slots),
                "piece {number}, step {step}"
            );
        }
    }
}

/// Chords of a bar each, two seconds; with the last the piece closes.
fn progression(names: &[&str]) -> (Vec<(Time, Payload)>, Time) {
    let chords: Vec<Chord> = names.iter().map(|name| name.parse().unwrap()).collect();
    let end = chords.len();
    let packets = (0..end).map(|bar| {
        let next = chords.get(bar + 1).map(|next| (*next, 16));
        let packet = Chords {
            key: Key::default(),
            chord: Some(chords[bar]),
            fresh: true,
            next,
            close: (bar + 4 >= end).then(|| 16 * (end - 1 - bar) as u32),
            last: bar + 4 >= end,
        };
        (at(2.0 * bar as f64), packet.payload())
    });
    (packets.collect(), at(2.0 * end as f64))
}

const SONG: [&str; 9] = ["C", "Am", "F", "G7", "C", "Am", "Dm", "G7", "C"];

/// The notes that sound: beginning and end in seconds, and pitch.
fn notes(outputs: &Outputs) -> Vec<(f64, f64, u8)> {
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for packet in outputs.packets("notes") {
        let now = packet.time.seconds();
        for note in packet.notes().unwrap().iter() {
            match *note {
                Note::On { pitch, .. } => open.push((now, pitch)),
                Note::Off { pitch, .. } => {
                    let place = open.iter().position(|(_, other)| *other == pitch);
                    let (start, pitch) = open.remove(place.expect("it sounds"));
                    found.push((start, now, pitch));
                }
                #[allow(unreachable_patterns, reason = "other messages are not played here")]
                _ => {}
            }
        }
    }
    assert_eq!(open, []);
    found.sort_by(|one, other| one.0.total_cmp(&other.0));
    found
}

fn code() -> Vec<(Time, Payload)> {
    let code: Vec<f32> = (0..64).map(|n| (n as f32 * 1.7).sin() * 1.4).collect();
    vec![(at(0.0), Payload::Latent(code.into()))]
}

#[test]
fn the_accompaniment_strikes_chord_tones_and_ends_on_a_chord_that_rings() {
    let (chords, end) = progression(&SONG);
    let outputs = Harness::<Accompaniment>::new(json!({}))
        .settings(settings())
        .feed("latent", PortType::Latent(Some(64)), code(), end)
        .feed("chords", Chords::port_type(), chords, end)
        .run()
        .unwrap();
    let found = notes(&outputs);
    assert!(found.len() > 40, "{}", found.len());
    for (start, stop, pitch) in &found {
        let bar = (start / 2.0 + 1e-6) as usize;
        let chord: Chord = SONG[bar].parse().unwrap();
        assert!(chord.holds(*pitch), "{pitch} in {chord} at {start}");
        // Nothing sounds into a chord that does not hold it.
        let over = ((stop - 1e-6) / 2.0) as usize;
        assert!((bar..=over).all(|bar| SONG[bar].parse::<Chord>().unwrap().holds(*pitch)));
    }
    let last: Vec<_> = found
        .iter()
        .filter(|(_, stop, _)| *stop == end.seconds())
        .collect();
    assert!(last.len() >= 4, "{last:?}");
    assert!(
        last.iter().all(|(start, ..)| (16.0..16.1).contains(start)),
        "{last:?}"
    );
}

#[test]
fn the_bass_is_low_and_strikes_the_root_where_the_chord_changes() {
    let (chords, end) = progression(&SONG);
    let outputs = Harness::<BassLine>::new(json!({ "temperature": 0 }))
        .settings(settings())
        .feed("latent", PortType::Latent(Some(64)), code(), end)
        .feed("chords", Chords::port_type(), chords, end)
        .run()
        .unwrap();
    let found = notes(&outputs);
    assert!(found.iter().all(|(.., pitch)| (24..=48).contains(pitch)));
    let roots = (0..SONG.len()).filter(|bar| {
        let chord: Chord = SONG[*bar].parse().unwrap();
        let time = *bar as f64 * 2.0;
        found
            .iter()
            .any(|(start, _, pitch)| (time..time + 0.1).contains(start) && pitch % 12 == chord.root)
    });
    assert!(roots.count() >= 7);
}

#[test]
fn a_pad_holds_each_chord_until_the_next() {
    let (chords, end) = progression(&SONG);
    let outputs = Harness::<ChordPad>::new(json!({}))
        .feed("chords", Chords::port_type(), chords, end)
        .run()
        .unwrap();
    let found = notes(&outputs);
    for (bar, name) in SONG.iter().enumerate() {
        let middle = bar as f64 * 2.0 + 1.0;
        let sounding: Vec<u8> = found
            .iter()
            .filter(|(start, stop, _)| *start < middle && middle < *stop)
            .map(|(.., pitch)| *pitch)
            .collect();
        let chord: Chord = name.parse().unwrap();
        assert_eq!(sounding.len(), 3, "bar {bar}: {sounding:?}");
        assert!(sounding.iter().all(|pitch| chord.holds(*pitch)));
    }
}

/// The song live: each chord comes a sixteenth before its time.
fn live<N: Node>(params: serde_json::Value, with_code: bool) -> Harness<N> {
    let (chords, end) = progression(&["C"; 8]);
    let chords = chords.into_iter().take(1);
    let chords = chords
        .map(|(time, payload)| (time, time, payload))
        .collect();
    let harness = Harness::<N>::new(params).settings(settings()).feed_live(
        "chords",
        Chords::port_type(),
        chords,
        end,
    );
    if !with_code {
        return harness;
    }
    let codes = code().into_iter();
    let codes = codes.map(|(time, payload)| (time, time, payload)).collect();
    harness.feed_live("latent", PortType::Latent(Some(64)), codes, end)
}

#[test]
fn a_tempo_that_changes_all_the_time_changes_no_stroke_and_every_note_ends() {
    let steady = Transport::default();
    let plain = live::<Accompaniment>(json!({}), true).play_live().unwrap();
    let harness = (turns(16.0, &steady).into_iter()).fold(
        live::<Accompaniment>(json!({}), true),
        |harness, (time, transport)| harness.retime(time, transport),
    );
    let turned = harness.play_live().unwrap();
    require_alike(&pitches(&turned), &pitches(&plain));
    assert!(notes(&turned).iter().all(|(start, stop, _)| start <= stop));
}

#[test]
fn notes_that_sound_when_the_tempo_changes_end_at_their_position() {
    let slow = Transport {
        tempo: 60.0,
        ..Transport::default()
    };
    let mut sounding = Sounding::default();
    let mut played = Vec::new();
    sounding.begin((0, 60), 0.5, (at(0.0), at(4.0)), &mut played);
    sounding.begin((0, 64), 0.5, (at(0.0), Time::MAX), &mut played);
    // After a second, one beat, twice as fast: the three beats left last a second and a half.
    let fast = Transport {
        tempo: 120.0,
        anchor: (at(1.0), 1.0),
        ..slow.clone()
    };
    sounding.retime(&slow, &fast);
    played.clear();
    sounding.due(at(2.0), at(60.0), &mut played);
    let off = Note::Off {
        channel: 0,
        pitch: 60,
    };
    assert_eq!(played, [(at(2.5), off)]);
}

#[test]
fn the_hands_and_the_channel_are_live() {
    let outputs = live::<Accompaniment>(json!({}), true)
        .set_live(at(7.9), "bass", false)
        .set_live(at(7.9), "channel", 7)
        .play_live()
        .unwrap();
    let found = notes(&outputs);
    let plain = |bass: bool| {
        let harness = live::<Accompaniment>(json!({ "bass": bass }), true);
        notes(&harness.play_live().unwrap())
    };
    // A stroke is late, and never early; the same tones are struck with the bass or without.
    let struck = |notes: &[(f64, f64, u8)], bars: std::ops::Range<i64>| {
        let place = |start: f64| (start * 8.0 + 1e-6) as i64;
        let notes = notes
            .iter()
            .map(|(start, _, pitch)| (place(*start), *pitch));
        let mut found: Vec<(i64, u8)> = notes
            .filter(|(place, _)| bars.contains(&(place / 16)))
            .collect();
        found.sort_unstable();
        found
    };
    let (both, upper) = (plain(true), plain(false));
    assert_eq!(struck(&found, 0..3), struck(&both, 0..3));
    assert_eq!(struck(&found, 4..8), struck(&upper, 4..8));
    assert_ne!(struck(&both, 4..8), struck(&upper, 4..8));
    let mut down = std::collections::BTreeSet::new();
    for packet in outputs.packets("notes") {
        for note in packet.notes().unwrap().iter() {
            let key = (note.channel(), note.pitch());
            match note {
                Note::On { .. } => assert!(down.insert(key)),
                Note::Off { .. } => assert!(down.remove(&key)),
            }
        }
    }
    assert!(down.is_empty());
}

#[test]
fn voices_and_range_of_a_pad_are_live_while_one_chord_is_held() {
    let outputs = live::<ChordPad>(json!({ "voices": 3 }), false)
        .set_live(at(4.0), "voices", 1)
        .set_live(at(8.0), "highest", 96)
        .set_live(at(8.0), "lowest", 84)
        .play_live()
        .unwrap();
    let found = notes(&outputs);
    let sounding = |time: f64| -> Vec<u8> {
        let here = found
            .iter()
            .filter(|(start, stop, _)| *start < time && time < *stop);
        here.map(|(.., pitch)| *pitch).collect()
    };
    assert_eq!([2.0, 6.0].map(|time| sounding(time).len()), [3, 1]);
    let high = sounding(12.0);
    assert!(high.len() == 1 && high[0] >= 84, "{high:?}");
}

#[test]
fn a_pad_that_goes_to_another_channel_leaves_nothing_on_the_old() {
    let outputs = live::<ChordPad>(json!({}), false)
        .set_live(at(4.0), "channel", 9)
        .play_live()
        .unwrap();
    let mut down = std::collections::BTreeSet::new();
    for packet in outputs.packets("notes") {
        for note in packet.notes().unwrap().iter() {
            let key = (note.channel(), note.pitch());
            match note {
                Note::On { .. } => assert!(down.insert(key)),
                Note::Off { .. } => assert!(down.remove(&key)),
            }
        }
        let channels = down.iter().map(|(channel, _)| *channel);
        let channels: std::collections::BTreeSet<u8> = channels.collect();
        assert!(channels.len() < 2, "{down:?}");
    }
    assert!(down.is_empty());
}
