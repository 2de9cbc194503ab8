//! What the speakers promise, offline and live.

use std::f32::consts::FRAC_1_SQRT_2;

use score_engine::harness::{Harness, Outputs};
use score_engine::{Payload, PortType};
use serde_json::{Value, json};

use super::super::test_sound::{at, block, blocks, channel, largest_step, sine, tone};
use super::*;

/// A stereo sound as blocks on the grid.
fn stereo_blocks(left: &[f32], right: &[f32]) -> Vec<(Time, Payload)> {
    let frames: Vec<f32> = (left.iter().zip(right))
        .flat_map(|(left, right)| [*left, *right])
        .collect();
    let blocks = frames.chunks(1_024).enumerate();
    blocks
        .map(|(number, samples)| {
            let time = Time::from_samples(number as u64 * 512, 48_000);
            (time, block(2, samples))
        })
        .collect()
}

fn speakers(params: Value, wires: &[Vec<(Time, Payload)>]) -> Outputs {
    let mut harness = Harness::<Speakers>::new(params);
    for wire in wires {
        harness = harness.feed("sounds", PortType::Audio, wire.clone(), at(0.5));
    }
    harness.run().unwrap()
}

/// The factor at which each channel plays a tone of half of full scale.
fn levels(outputs: &Outputs, channels: usize) -> Vec<f32> {
    let level = |number| {
        let heard = channel(outputs, number);
        2.0 * heard[4_800..].iter().copied().fold(0.0, f32::max)
    };
    (0..channels).map(level).collect()
}

fn near(found: &[f32], wanted: &[f32]) {
    assert_eq!(found.len(), wanted.len());
    let differ = found
        .iter()
        .zip(wanted)
        .any(|(one, other)| (one - other).abs() > 0.01);
    assert!(!differ, "{found:?}, not {wanted:?}");
}

#[test]
fn one_channel_comes_from_its_place() {
    let mono = blocks(&tone(500.0, 0.5, 24_000));
    for (place, wanted) in [
        (45.0, [0.0, 1.0, 0.0, 0.0]),
        (0.0, [0.707, 0.707, 0.0, 0.0]),
        (-135.0, [0.0, 0.0, 0.0, 1.0]),
        (180.0, [0.0, 0.0, 0.707, 0.707]),
    ] {
        let outputs = speakers(json!({ "places": [place] }), std::slice::from_ref(&mono));
        assert_eq!(outputs.packets("sound")[0].audio().unwrap().channels, 4);
        near(&levels(&outputs, 4), &wanted);
        let turned = json!({ "places": [place - 100.0], "turn": 100 });
        near(
            &levels(&speakers(turned, std::slice::from_ref(&mono)), 4),
            &wanted,
        );
    }
}

#[test]
fn left_and_right_lie_on_both_sides_of_the_place() {
    let (left, right) = (tone(500.0, 0.5, 24_000), vec![0.0; 24_000]);
    let stereo = stereo_blocks(&left, &right);
    let params = json!({ "widths": [90] });
    near(
        &levels(&speakers(params, std::slice::from_ref(&stereo)), 4),
        &[1.0, 0.0, 0.0, 0.0],
    );
    let params = json!({ "widths": [90], "places": [90] });
    near(
        &levels(&speakers(params, &[stereo]), 4),
        &[0.0, 1.0, 0.0, 0.0],
    );
}

#[test]
fn wires_are_added_with_their_gains_and_loudspeakers_have_their_trims() {
    let mono = blocks(&tone(500.0, 0.5, 24_000));
    let params = json!({
        "places": [-45, 45], "gains": [-6.0206, -12.0412], "trims": [0, 0, 0, 0], "gain": -6.0206,
    });
    let outputs = speakers(params, &[mono.clone(), mono.clone()]);
    near(&levels(&outputs, 4), &[0.25, 0.125, 0.0, 0.0]);
    let params = json!({ "speakers": 2, "spread": 1, "trims": [-6.0206] });
    near(
        &levels(&speakers(params, &[mono]), 2),
        &[FRAC_1_SQRT_2 / 2.0, FRAC_1_SQRT_2],
    );
}

#[test]
fn a_matrix_stands_in_place_of_angles() {
    let stereo = stereo_blocks(&tone(500.0, 0.5, 24_000), &tone(500.0, 0.25, 24_000));
    let mono = blocks(&tone(500.0, 0.5, 24_000));
    let params = json!({
        "speakers": 3, "angles": [-45, 45, 180], "places": [0, 180], "gains": [0, -6.0206],
        "matrix": [0.5, 0, 0.25, 0, 1, 0.5],
    });
    let outputs = speakers(params, &[stereo, mono]);
    // The second wire is beyond the matrix.
    near(&levels(&outputs, 3), &[0.5, 0.5, 1.0]);
}

#[test]
fn however_much_is_added_no_loudspeaker_passes_full_scale() {
    let loud: Vec<Vec<(Time, Payload)>> = vec![blocks(&sine(24_000)); 8];
    let outputs = speakers(json!({ "speakers": 3, "gain": 12 }), &loud);
    for number in 0..3 {
        let heard = channel(&outputs, number);
        assert!(heard.iter().all(|sample| sample.abs() <= 1.0));
    }
    assert!(levels(&outputs, 3)[0] > 1.2);
}

#[test]
fn nothing_that_changes_while_it_plays_clicks() {
    let sound = sine(144_000);
    let outputs = Harness::<Speakers>::new(json!({ "speakers": 5 }))
        .feed("sounds", PortType::Audio, blocks(&sound), at(3.0))
        .set_live(at(0.3), "places", json!([170]))
        .set_live(at(0.6), "turn", -100.0)
        .set_live(at(0.9), "spread", 1.0)
        .set_live(at(1.2), "spread", 0.0)
        .set_live(at(1.5), "angles", json!([0, 10, 20, 30, 40]))
        .set_live(at(1.8), "gains", json!([-30]))
        .set_live(at(2.1), "gains", json!([0]))
        .set_live(at(2.2), "trims", json!([-60, 0, -60]))
        .set_live(at(2.5), "matrix", json!([1, 0, 0, 1, 0]))
        .set_live(at(2.8), "gain", -60.0)
        .play_live()
        .unwrap();
    for number in 0..5 {
        let step = largest_step(&channel(&outputs, number));
        assert!(step < 1.02 * largest_step(&sound), "{number}: {step}");
    }
}

#[test]
fn live_it_does_what_it_does_offline() {
    let harness = || {
        Harness::<Speakers>::new(json!({ "speakers": 8, "places": [20, 170] }))
            .feed("sounds", PortType::Audio, blocks(&sine(24_064)), at(0.6))
            .feed(
                "sounds",
                PortType::Audio,
                blocks(&tone(300.0, 0.3, 24_064)),
                at(0.6),
            )
    };
    let (offline, live) = (harness().run().unwrap(), harness().play_live().unwrap());
    for number in 0..8 {
        let (offline, live) = (channel(&offline, number), channel(&live, number));
        assert_eq!(offline[..24_064], live[..24_064]);
    }
}

#[test]
fn what_does_not_fit_the_loudspeakers_is_refused_in_words() {
    for (params, wanted) in [
        (
            json!({ "speakers": 2, "angles": [0, 90, 180] }),
            "3 angles for 2 loudspeakers",
        ),
        (json!({ "speakers": 3, "matrix": [1, 0] }), "2 factors"),
    ] {
        let error = Harness::<Speakers>::new(params)
            .feed("sounds", PortType::Audio, Vec::new(), Time::ZERO)
            .run()
            .unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
}
