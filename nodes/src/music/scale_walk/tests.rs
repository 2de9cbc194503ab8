//! The node in renders and in live runs.

use std::sync::Arc;

use score_engine::harness::{Harness, Outputs};
use score_engine::{Event, Key, KeyChoice, Note, Payload, PortType, Transport};
use serde_json::{Value, json};

use super::super::pulse::AHEAD;
use super::ScaleWalk;
use super::scale::{Scale, ladder};
use crate::testing::{
    at, pitches, require_alike, require_on_sixteenths, require_one_at_a_time, turns,
};

fn event(strength: f32) -> Payload {
    Payload::Event(Arc::new(Event {
        name: "cut".to_owned(),
        strength,
    }))
}

/// Eight seconds, four bars at 120 a minute, of these densities from these times on.
fn played(params: Value, densities: &[(f64, f32)], accents: &[(f64, f32)]) -> Outputs {
    let densities = densities
        .iter()
        .map(|(time, density)| (at(*time), Payload::Control(*density)));
    let accents = accents
        .iter()
        .map(|(time, strength)| (at(*time), event(*strength)));
    Harness::<ScaleWalk>::new(params)
        .feed("density", PortType::Control, densities.collect(), at(8.0))
        .feed("accent", PortType::Event, accents.collect(), at(8.0))
        .run()
        .unwrap()
}

/// The sixteenth, key and velocity of every note; requires that each ends before the next begins,
/// and the last.
fn begun(outputs: &Outputs) -> Vec<(u64, u8, f32)> {
    require_one_at_a_time(outputs);
    let mut begun = Vec::new();
    for packet in outputs.packets("notes") {
        let sixteenth = (packet.time.seconds() * 8.0).round() as u64;
        for note in packet.notes().unwrap().iter() {
            if let Note::On {
                pitch, velocity, ..
            } = *note
            {
                begun.push((sixteenth, pitch, velocity));
            }
        }
    }
    begun
}

fn places(outputs: &Outputs) -> Vec<u64> {
    begun(outputs).iter().map(|(place, _, _)| *place).collect()
}

#[test]
fn density_fills_the_bar_from_its_strong_places_to_its_weak_ones() {
    let strict = json!({ "freedom": 0 });
    let count = |density| played(strict.clone(), &[(0.0, density)], &[]);
    assert_eq!(places(&count(0.1)), [0, 16, 32, 48]);
    assert_eq!(places(&count(0.3)).len(), 16);
    assert_eq!(places(&count(0.5)).len(), 32);
    assert_eq!(places(&count(1.0)).len(), 64);
}

#[test]
fn with_freedom_more_density_is_still_more_notes() {
    let counts: Vec<usize> = [0.1, 0.3, 0.5, 0.7, 0.9]
        .map(|density| places(&played(json!({}), &[(0.0, density)], &[])).len())
        .into();
    assert!(
        counts.windows(2).all(|pair| pair[0] < pair[1]),
        "{counts:?}"
    );
}

#[test]
fn what_does_not_move_is_silent_and_so_is_what_is_no_number() {
    let silent = |density| places(&played(json!({}), &[(0.0, density)], &[]));
    assert_eq!(silent(0.0), [0; 0]);
    assert_eq!(silent(0.02), [0; 0]);
    assert_eq!(silent(f32::NAN), [0; 0]);
    let woken = played(
        json!({ "freedom": 0 }),
        &[(0.0, 0.0), (4.0, 0.3), (6.0, 0.0)],
        &[],
    );
    assert_eq!(places(&woken), [32, 36, 40, 44]);
    // The last note sounds for a second, and not until the end.
    let last = woken.packets("notes").last().unwrap();
    assert_eq!(last.time, at(6.5));
}

#[test]
fn an_accent_sounds_at_the_next_sixteenth_on_the_tonic_as_hard_as_it_is_strong() {
    let outputs = played(
        json!({ "velocity": 0.4 }),
        &[(0.0, 0.0)],
        &[(1.01, 1.0), (3.0, 0.5)],
    );
    let heard = begun(&outputs);
    let told: Vec<(u64, i32)> = heard
        .iter()
        .map(|(place, _, velocity)| (*place, (velocity * 100.0).round() as i32))
        .collect();
    assert_eq!(told, [(9, 100), (24, 70)]);
    assert!(
        heard.iter().all(|(_, pitch, _)| pitch % 12 == 57 % 12),
        "{heard:?}"
    );
}

#[test]
fn the_walk_keeps_to_its_scale_its_range_and_its_step() {
    let params = json!({ "scale": "minor", "tonic": 50, "octaves": 1, "step": 1 });
    let heard = begun(&played(params, &[(0.0, 1.0)], &[]));
    let ladder = ladder(Scale::Minor, 50, 1);
    let degrees: Vec<usize> = heard
        .iter()
        .map(|(_, pitch, _)| ladder.iter().position(|key| key == pitch).unwrap())
        .collect();
    assert!(
        degrees
            .windows(2)
            .all(|pair| pair[0].abs_diff(pair[1]) <= 1),
        "{degrees:?}"
    );
    let reached: std::collections::BTreeSet<&usize> = degrees.iter().collect();
    assert!(reached.len() > 3, "{degrees:?}");
}

#[test]
fn the_walk_obeys_the_transports_key_and_without_one_plays_as_before() {
    let heard = |key: Option<&str>, params: Value| {
        let transport = Transport {
            key: key.map(|key| key.parse().unwrap()),
            ..Default::default()
        };
        let outputs = Harness::<ScaleWalk>::new(params)
            .transport(transport)
            .feed(
                "density",
                PortType::Control,
                vec![(at(0.0), Payload::Control(1.0))],
                at(8.0),
            )
            .feed(
                "accent",
                PortType::Event,
                vec![(at(3.0), event(1.0))],
                at(8.0),
            )
            .run()
            .unwrap();
        begun(&outputs)
    };
    let key: Key = "Eb minor".parse().unwrap();
    let moved = heard(Some("Eb minor"), json!({}));
    assert!(
        moved
            .iter()
            .all(|(_, pitch, _)| key.holds(i32::from(*pitch)))
    );
    // The accent is on the tonic.
    let accent = moved.iter().find(|(place, ..)| *place == 24).unwrap();
    assert_eq!(accent.1 % 12, 3);
    let free = heard(None, json!({}));
    let ladder = ladder(Scale::Pentatonic, 57, 2);
    assert!(free.iter().all(|(_, pitch, _)| ladder.contains(pitch)));
    // The same walk, a step of the ladder for a step.
    assert_eq!(free.len(), moved.len());
}

#[test]
fn live_notes_lie_on_sixteenths_and_leave_just_before_them() {
    let densities = (0..100).map(|n| {
        let time = at(f64::from(n) / 25.0);
        (time, time, Payload::Control(0.9))
    });
    let outputs = Harness::<ScaleWalk>::new(json!({}))
        .feed_live("density", PortType::Control, densities.collect(), at(4.0))
        .set_live(at(2.0), "scale", "chromatic")
        .play_live()
        .unwrap();
    assert!(begun(&outputs).len() > 16);
    require_on_sixteenths(&outputs, AHEAD);
}

/// Eight seconds of one density, live.
fn of_one_density(params: Value) -> Harness<ScaleWalk> {
    let density = vec![(at(0.0), at(0.0), Payload::Control(0.6))];
    Harness::<ScaleWalk>::new(params).feed_live("density", PortType::Control, density, at(8.0))
}

#[test]
fn a_tempo_that_changes_all_the_time_changes_no_step_of_the_walk() {
    let steady = Transport::default();
    let plain = of_one_density(json!({})).play_live().unwrap();
    let harness = (turns(8.0, &steady).into_iter())
        .fold(of_one_density(json!({})), |harness, (time, transport)| {
            harness.retime(time, transport)
        });
    let turned = harness.play_live().unwrap();
    require_one_at_a_time(&turned);
    require_alike(&pitches(&turned), &pitches(&plain));
}

#[test]
fn a_new_key_holds_for_the_next_note() {
    let key: Key = "Eb minor".parse().unwrap();
    let transport = Transport {
        key: Some(KeyChoice::Of(key)),
        ..Transport::default()
    };
    let outputs = of_one_density(json!({}))
        .retime(at(4.05), transport)
        .play_live()
        .unwrap();
    let late = begun(&outputs);
    let mut late = late.iter().filter(|(place, ..)| *place > 33);
    assert!(late.all(|(_, pitch, _)| key.holds(i32::from(*pitch))));
}

#[test]
fn a_note_that_is_held_for_beats_ends_at_its_beat_at_a_new_tempo() {
    let params = json!({ "hold": { "beats": 4 }, "freedom": 0 });
    let density = vec![
        (at(0.0), at(0.0), Payload::Control(0.1)),
        (at(0.1), at(0.1), Payload::Control(0.0)),
    ];
    let transport = Transport {
        tempo: 240.0,
        ..Transport::default()
    };
    let outputs = Harness::<ScaleWalk>::new(params)
        .feed_live("density", PortType::Control, density, at(8.0))
        .retime(at(1.0), transport)
        .play_live()
        .unwrap();
    // Two beats in the first second, and two more in the next half.
    let last = outputs.packets("notes").last().unwrap();
    assert_eq!(last.time, at(1.5));
}
