//! The node in renders and in live runs.

use std::sync::Arc;

use score_engine::harness::{Harness, Outputs};
use score_engine::{Event, Metre, Payload, PortType, Transport};
use serde_json::json;

use super::planner_node::Planner;
use crate::testing::{at, settings, turns};

/// The picture's code of a scene.
fn look(scene: usize) -> Arc<[f32]> {
    (0..64)
        .map(|n| ((n * (scene + 1)) as f32 * 0.7).sin() * 1.4)
        .collect()
}

/// Scenes with their lengths in seconds, each with a cut or without, eight pictures a second.
fn film(scenes: &[(usize, f64)], cuts: bool) -> (Harness<Planner>, f64) {
    film_in_phrases(scenes, cuts, 0)
}

/// The same, for music in phrases of `phrase` bars.
fn film_in_phrases(scenes: &[(usize, f64)], cuts: bool, phrase: u64) -> (Harness<Planner>, f64) {
    let (mut codes, mut told, mut begin) = (Vec::new(), Vec::new(), 0.0);
    for (scene, seconds) in scenes {
        if begin > 0.0 {
            let event = Event {
                name: "cut".to_owned(),
                strength: 1.0,
            };
            told.push((at(begin), Payload::Event(Arc::new(event))));
        }
        let pictures = (0..(seconds * 8.0) as u32).map(|n| begin + f64::from(n) / 8.0);
        codes.extend(pictures.map(|time| (at(time), Payload::Latent(look(*scene)))));
        begin += seconds;
    }
    let harness = Harness::<Planner>::new(json!({ "phrase": phrase }))
        .settings(settings())
        .feed("latent", PortType::Latent(Some(64)), codes, at(begin));
    let harness = if cuts {
        harness.feed("cut", PortType::Event, told, at(begin))
    } else {
        harness
    };
    (harness, begin)
}

/// When codes hold from, and they themselves.
fn planned(outputs: &Outputs) -> Vec<(f64, Vec<f32>)> {
    let packets = outputs.packets("latent").iter();
    packets
        .map(|packet| (packet.time.seconds(), packet.latent().unwrap().to_vec()))
        .collect()
}

fn times(planned: &[(f64, Vec<f32>)]) -> Vec<f64> {
    planned.iter().map(|(time, _)| *time).collect()
}

#[test]
fn every_bar_gets_a_code_and_a_scene_that_returns_gets_those_of_its_theme() {
    // Bars of two seconds.
    let (harness, end) = film(&[(0, 8.0), (1, 6.0), (0, 6.0)], false);
    let outputs = harness.run().unwrap();
    let codes = planned(&outputs);
    assert_eq!(
        times(&codes),
        (0..10).map(|bar| f64::from(bar) * 2.0).collect::<Vec<_>>()
    );
    assert_eq!(outputs.end("latent"), Some(at(end)));
    for bar in 0..3 {
        assert_eq!(codes[7 + bar].1, codes[bar].1);
    }
    assert_ne!(codes[4].1, codes[0].1);
}

#[test]
fn a_cut_gets_the_new_scenes_code_at_once_which_holds_for_half_a_bar_at_least() {
    // Cuts early in the second bar and late in the third.
    let (harness, _) = film(&[(0, 2.5), (1, 3.0), (2, 4.5)], true);
    let found = planned(&harness.run().unwrap());
    assert_eq!(times(&found), [0.0, 2.0, 2.5, 4.0, 5.5, 8.0]);
    // The code that holds at the end of the first scene's bar is the first scene's.
    assert_ne!(found[1].1, found[2].1);
}

#[test]
fn live_a_bars_code_leaves_just_before_the_bar_and_a_cuts_with_its_picture() {
    let (harness, _) = film(&[(0, 2.5), (1, 3.0), (2, 4.5)], true);
    let outputs = harness.play_live().unwrap();
    let found = planned(&outputs);
    // The first picture's code comes when the bar has begun; the bar at the end is planned, and
    // never comes.
    assert_eq!(times(&found), [0.0, 2.0, 2.5, 4.0, 5.5, 8.0, 10.0]);
    let sent = outputs.sent("latent");
    for (number, (time, _)) in found.iter().enumerate() {
        let ahead = time - sent[number].seconds();
        let wanted = if [1, 3, 5, 6].contains(&number) {
            0.03
        } else {
            0.0
        };
        assert!((ahead - wanted).abs() < 1e-6, "{number}: {ahead} s ahead");
    }
}

#[test]
fn a_wire_counts_from_its_own_time_on_in_a_render_with_phrases() {
    let planned = |amount: &str, wires: &str| -> Vec<Vec<f32>> {
        let codes = "latent_random(dimension: 64, every: 1, duration: 4)";
        let plan = format!("planner(phrase: 4, temperature: 0{amount})");
        let nodes = format!(r#""codes": {codes}, "turn": steps(), "plan": {plan},"#);
        let wires = format!(r#""codes -> plan.latent", {wires}"#);
        let packets = crate::testing::rendered(&nodes, &wires, ("plan", "latent"));
        let codes = packets.iter();
        codes
            .map(|packet| packet.latent().unwrap().to_vec())
            .collect()
    };
    // The model alone, and from the second bar on the picture alone.
    let model = planned(", amount: 0", "");
    let steered = planned("", r#""turn -> plan.amount","#);
    assert_eq!(model.len(), 2);
    assert_eq!(steered[0], model[0]);
    assert_ne!(steered[1], model[1]);
}

/// When packets left the output `port`.
fn told(outputs: &Outputs, port: &str) -> Vec<f64> {
    let packets = outputs.packets(port).iter();
    packets.map(|packet| packet.time.seconds()).collect()
}

/// Three scenes, the third of which is the first again; bars of two seconds.
const RETURNING: [(usize, f64); 3] = [(0, 8.0), (1, 8.0), (0, 8.0)];

#[test]
fn in_phrases_a_theme_returns_whole_with_its_scene_and_so_does_the_scenes_code() {
    let (harness, _) = film_in_phrases(&RETURNING, true, 4);
    let outputs = harness.run().unwrap();
    let bars = planned(&outputs);
    assert_eq!(bars.len(), 12);
    assert_eq!(told(&outputs, "phrase"), [0.0, 8.0, 16.0]);
    for bar in 0..4 {
        assert_eq!(bars[bar].1, bars[bar + 8].1);
        assert_ne!(bars[bar].1, bars[bar + 4].1);
    }
    let scenes: Vec<&[f32]> = (outputs.packets("scene").iter())
        .map(|packet| &**packet.latent().unwrap())
        .collect();
    assert_eq!(told(&outputs, "scene"), [0.0, 8.0, 16.0]);
    assert_eq!(scenes[0], scenes[2]);
    assert_ne!(scenes[0], scenes[1]);
}

#[test]
fn live_too_a_phrase_returns_with_its_scene_and_a_cut_tells_the_scene_at_once() {
    let (harness, _) = film_in_phrases(&RETURNING, true, 4);
    let outputs = harness.play_live().unwrap();
    let bars = planned(&outputs);
    let phrases = told(&outputs, "phrase");
    assert_eq!(phrases[..3], [0.0, 8.0, 16.0]);
    // The picture that a phrase begins with is the one before its bar line, so that the scene is
    // heard a phrase later.
    assert_eq!(bars[0].1, bars[4].1);
    assert_eq!(told(&outputs, "scene"), [0.0, 8.0, 16.0]);
}

#[test]
fn a_film_of_one_picture_has_a_plan() {
    let (harness, _) = film_in_phrases(&[(0, 0.125)], false, 8);
    let outputs = harness.run().unwrap();
    assert_eq!(planned(&outputs).len(), 1);
    assert_eq!(told(&outputs, "phrase"), [0.0]);
}

/// A film live, at tempi that change all the time or in a metre that changes.
fn retimed(scenes: &[(usize, f64)], phrase: u64, metre: Option<f64>) -> Vec<(f64, Vec<f32>)> {
    let (harness, end) = film_in_phrases(scenes, false, phrase);
    let steady = Transport::default();
    let harness = match metre {
        Some(time) => harness.retime(
            at(time),
            Transport {
                metre: Metre(3, 4),
                ..steady
            },
        ),
        None => (turns(end, &steady).into_iter()).fold(harness, |harness, (time, transport)| {
            harness.retime(time, transport)
        }),
    };
    planned(&harness.play_live().unwrap())
}

#[test]
fn a_scene_that_returns_has_its_theme_however_the_tempo_changes() {
    let codes = retimed(&[(0, 20.0), (1, 20.0), (0, 20.0)], 0, None);
    let first: Vec<&Vec<f32>> = codes.iter().map(|(_, code)| code).take(4).collect();
    let again = codes.iter().position(|(time, _)| *time >= 40.0).unwrap();
    // The bar in which the scene returns may have been planned before it did.
    let again = (again..again + 2).find(|bar| codes[*bar].1 == *first[0]);
    let again = again.expect("the theme returns");
    for (bar, code) in first.into_iter().enumerate() {
        assert_eq!(codes[again + bar].1, *code, "bar {bar}");
    }
}

#[test]
fn a_phrase_goes_on_where_it_is_when_the_metre_changes() {
    // Phrases of four bars; the metre changes in the third bar of the second phrase, which is the
    // first once more.
    let codes = retimed(&[(0, 40.0)], 4, Some(13.0));
    let bars: Vec<&Vec<f32>> = codes.iter().map(|(_, code)| code).collect();
    assert_eq!(bars[4..8], bars[..4]);
    // The third of three stands against it.
    assert_ne!(bars[8..12], bars[..4]);
    assert_eq!(bars[12..16], bars[..4]);
    let late: Vec<f64> = codes
        .iter()
        .map(|(time, _)| *time)
        .filter(|time| *time > 13.0)
        .collect();
    assert!(
        late.iter()
            .all(|time| (time / 1.5 - (time / 1.5).round()).abs() < 1e-6),
        "{late:?}"
    );
}

#[test]
fn phrases_may_begin_and_end_while_it_plays() {
    let (harness, _) = film_in_phrases(&[(0, 32.0)], false, 0);
    let harness = harness
        .set_live(at(7.0), "phrase", 2)
        .set_live(at(19.0), "phrase", 0);
    let outputs = harness.play_live().unwrap();
    let phrases = outputs.packets("phrase").iter();
    let begun: Vec<f64> = phrases.map(|packet| packet.time.seconds()).collect();
    assert_eq!(begun, [8.0, 12.0, 16.0]);
    let bars = (0..=16).map(|bar| f64::from(bar) * 2.0);
    assert_eq!(times(&planned(&outputs)), bars.collect::<Vec<_>>());
}
