//! The whole node, in a render and live.

use std::path::Path;
use std::sync::Arc;

use score_engine::harness::{Harness, Outputs};
use score_engine::{Payload, PortType, Time, Value};
use serde_json::json;

use super::example::tests::of;
use super::example::{Example, FILE};
use super::shelf::{Edit, Shelf};
use super::*;
use crate::testing::{alike, at, events, told};

const DARK: [f32; 3] = [-3.0, 0.0, 0.0];
const BRIGHT: [f32; 3] = [3.0, 0.0, 0.0];
const STRANGE: [f32; 3] = [0.0, 30.0, 0.0];

/// Codes at 10 a second, each shown for so many seconds.
fn shown(codes: &[(f64, [f32; 3])]) -> Vec<(Time, Payload)> {
    let mut shown = Vec::new();
    let mut begin = 0;
    for (seconds, code) in codes {
        let end = begin + (seconds * 10.0).round() as i64;
        for tenth in begin..end {
            let code: &[f32] = code;
            shown.push((
                Time::from_nanos(tenth * 100_000_000),
                Payload::Latent(code.into()),
            ));
        }
        begin = end;
    }
    shown
}

fn harness(folder: &Path, params: Value, codes: &[(f64, [f32; 3])]) -> Harness<Teach> {
    let mut all = json!({ "folder": folder.display().to_string() });
    for (name, value) in params.as_object().unwrap() {
        all[name] = value.clone();
    }
    let end = codes.iter().map(|(seconds, _)| seconds).sum();
    Harness::new(all).feed("latent", PortType::Latent(Some(3)), shown(codes), at(end))
}

/// The examples that lie in a folder.
fn lying(folder: &Path) -> Vec<Example> {
    Shelf::open(folder, 3).unwrap().examples().to_vec()
}

/// Teaches a knob to be 0 in the dark and 1 in the light.
fn teach(folder: &Path) {
    let mut shelf = Shelf::open(folder, 3).unwrap();
    for (a, code) in [(0.0, DARK), (1.0, BRIGHT)] {
        shelf.edit(Edit::Add(Box::new(of(0, a, code)))).unwrap();
    }
}

/// What left an output at a time, in seconds.
fn heard(outputs: &Outputs, name: &str, seconds: f64) -> Option<f32> {
    let until = (seconds * 1000.0).round() as i64;
    let told = told(outputs, name);
    { told.iter() }
        .rfind(|(time, _)| *time <= until)
        .map(|(_, value)| *value)
}

#[test]
fn what_was_taught_plays_the_same_in_a_render_and_live() {
    let folder = tempfile::tempdir().unwrap();
    teach(folder.path());
    let codes = [(1.0, DARK), (1.0, BRIGHT), (1.0, STRANGE), (1.0, DARK)];
    let outputs = alike(|| harness(folder.path(), json!({ "b": 0.25 }), &codes));
    assert_eq!(told(&outputs, "a").len(), 40);
    assert!(heard(&outputs, "a", 0.5).unwrap() < 0.1);
    assert!(heard(&outputs, "a", 1.5).unwrap() > 0.9);
    // Not known: it stays.
    assert_eq!(heard(&outputs, "a", 2.5), heard(&outputs, "a", 1.5));
    assert!(heard(&outputs, "known", 2.5).unwrap() < 0.05);
    assert!(heard(&outputs, "known", 1.5).unwrap() > 0.9);
    assert!(heard(&outputs, "a", 3.5).unwrap() < 0.1);
    // Nothing was taught of it, and the patch sets it.
    assert_eq!(heard(&outputs, "b", 3.5), Some(0.25));
    assert_eq!(told(&outputs, "c"), []);
    assert!(
        heard(&outputs, "error", 0.0).unwrap() > 0.8,
        "two opposites"
    );
}

#[test]
fn with_unknown_at_1_every_picture_is_guessed() {
    let folder = tempfile::tempdir().unwrap();
    teach(folder.path());
    let codes = [(1.0, BRIGHT), (1.0, STRANGE)];
    let outputs = harness(folder.path(), json!({ "unknown": 1 }), &codes)
        .run()
        .unwrap();
    let strange = heard(&outputs, "a", 1.5).unwrap();
    assert!((strange - 0.5).abs() < 0.05, "the mean: {strange}");
}

/// By another implementation: `gaussian` and `unknown` of `models/training/eye/teaching.py`.
#[test]
fn golden_what_is_learnt_is_what_the_comparison_learns() {
    let folder = tempfile::tempdir().unwrap();
    let mut shelf = Shelf::open(folder.path(), 3).unwrap();
    for (latent, a, b) in [
        ([0.0, 0.0, 0.0], 0.0, 0.2),
        ([3.0, 0.0, 0.0], 1.0, 0.3),
        ([0.0, 3.0, 0.0], 0.5, 0.9),
        ([0.0, 0.0, 3.0], 0.25, 0.1),
        ([2.0, 2.0, 2.0], 0.75, 0.6),
        ([-2.0, 1.0, 0.0], 0.4, 0.7),
    ] {
        let mut example = of(0, a, latent);
        example.values[1] = Some(b);
        shelf.edit(Edit::Add(Box::new(example))).unwrap();
    }
    let codes = [
        [0.0; 3],
        [1.0, 1.0, 0.0],
        [2.5, 0.5, -1.0],
        [-2.0, 1.0, 0.5],
    ];
    let outputs = harness(
        folder.path(),
        json!({ "unknown": 1 }),
        &codes.map(|code| (0.1, code)),
    );
    let outputs = outputs.run().unwrap();
    for (name, wanted) in [
        (
            "a",
            [0.004_441_95, 0.332_560_05, 0.820_409_41, 0.391_699_51],
        ),
        ("b", [0.202_223_24, 0.386_483_64, 0.337_543_76, 0.664_101_5]),
        (
            "known",
            [0.970_874_71, 0.066_280_81, 0.126_166_07, 0.690_945_96],
        ),
    ] {
        let found = told(&outputs, name);
        assert_eq!(found.len(), wanted.len());
        for ((_, found), wanted) in found.iter().zip(wanted) {
            assert!(
                (f64::from(*found) - wanted).abs() < 1e-5,
                "{name}: {found} {wanted}"
            );
        }
    }
}

#[test]
fn a_turned_knob_is_heard_at_once_and_recorded_with_what_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let frame = Arc::new(Frame::rgb(2, 2, vec![90; 12]).unwrap());
    let outputs = harness(folder.path(), json!({}), &[(2.5, DARK), (1.5, BRIGHT)])
        .feed(
            "frames",
            PortType::Frame,
            vec![(at(0.1), Payload::Frame(frame))],
            at(4.0),
        )
        .set_live(at(2.05), "a", 0.75)
        .set_live(at(2.25), "record", true)
        .set_live(at(2.45), "record", false)
        .set_live(at(3.55), "b", 0.5)
        .feed("record", PortType::Event, events(&[(3.75, 1.0)]), at(4.0))
        .play_live()
        .unwrap();
    let before = told(&outputs, "a")
        .iter()
        .filter(|(time, _)| *time < 2050)
        .count();
    assert_eq!(before, 0, "nobody has said what it should be");
    assert_eq!(told(&outputs, "a")[0], (2050, 0.75));
    let examples = lying(folder.path());
    assert_eq!(examples.len(), 2);
    assert_eq!(
        (examples[0].values[0], examples[0].values[1]),
        (Some(0.75), None)
    );
    assert_eq!(examples[0].latent, DARK);
    // The knob that was left alone is taught as it played.
    assert_eq!(
        (examples[1].values[0], examples[1].values[1]),
        (Some(0.75), Some(0.5))
    );
    assert!(
        (examples[1].latent[0] - 3.0).abs() < 1e-6,
        "{:?}",
        examples[1].latent
    );
    assert_eq!(examples[0].picture.as_deref(), Some("1.png"));
    assert!(folder.path().join("1.png").is_file());
}

#[test]
fn a_hand_overrides_what_was_taught_until_it_lets_go() {
    let folder = tempfile::tempdir().unwrap();
    teach(folder.path());
    let outputs = harness(folder.path(), json!({}), &[(4.0, BRIGHT)])
        .set_live(at(0.55), "a", 0.125)
        .set_live(at(2.05), "a", 0.25)
        .feed("play", PortType::Event, events(&[(3.05, 1.0)]), at(4.0))
        .play_live()
        .unwrap();
    // A wire's first value comes in the first second, and is no turn.
    assert!(heard(&outputs, "a", 1.0).unwrap() > 0.9);
    assert_eq!(heard(&outputs, "a", 3.0), Some(0.25));
    assert!(heard(&outputs, "a", 3.1).unwrap() > 0.9);
    assert_eq!(lying(folder.path()).len(), 2);
}

#[test]
fn a_hand_that_is_released_while_play_is_true_leaves_the_knob_free() {
    let folder = tempfile::tempdir().unwrap();
    teach(folder.path());
    let released = |play: bool| {
        let harness = harness(folder.path(), json!({ "a": 0.5 }), &[(4.0, BRIGHT)])
            .set_live(at(1.25), "a", 0.125)
            .set_live(at(2.05), "play", play)
            .set_live(at(2.25), "a", 0.5)
            .set_live(at(2.45), "play", false);
        heard(&harness.play_live().unwrap(), "a", 3.5).unwrap()
    };
    assert!(released(true) > 0.9);
    assert!((released(false) - 0.5).abs() < 1e-6);
}

#[test]
fn examples_are_taken_back_and_deleted_while_it_plays() {
    let folder = tempfile::tempdir().unwrap();
    teach(folder.path());
    let ids = || -> Vec<u64> { lying(folder.path()).iter().map(|one| one.id).collect() };
    harness(
        folder.path(),
        json!({ "edit": "delete 2" }),
        &[(2.0, BRIGHT)],
    )
    .set_live(at(0.5), "edit", "delete 1")
    .play_live()
    .unwrap();
    assert_eq!(ids(), [2], "what the patch says from the start is not done");
    harness(folder.path(), json!({}), &[(2.0, BRIGHT)])
        .feed(
            "record",
            PortType::Event,
            events(&[(0.5, 1.0), (1.0, 1.0)]),
            at(2.0),
        )
        .set_live(at(1.5), "undo", true)
        .play_live()
        .unwrap();
    assert_eq!(ids(), [2, 3]);
    let why = harness(folder.path(), json!({}), &[(2.0, BRIGHT)])
        .set_live(at(0.5), "edit", "forget everything")
        .play_live()
        .unwrap_err();
    assert!(why.to_string().contains("forget everything"), "{why}");
    assert_eq!(ids(), [2, 3]);
}

#[test]
fn a_render_records_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("taught");
    harness(&place, json!({ "a": 0.5 }), &[(2.0, BRIGHT)])
        .feed("record", PortType::Event, events(&[(1.0, 1.0)]), at(2.0))
        .feed("undo", PortType::Event, events(&[(1.5, 1.0)]), at(2.0))
        .run()
        .unwrap();
    assert!(!place.exists());
}

#[test]
fn a_latent_that_is_not_all_numbers_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    teach(folder.path());
    let codes = [(0.5, BRIGHT), (0.5, [f32::NAN, 0.0, f32::INFINITY])];
    let outputs = alike(|| harness(folder.path(), json!({}), &codes));
    assert_eq!(heard(&outputs, "a", 1.0), heard(&outputs, "a", 0.4));
    assert!(
        told(&outputs, "a")
            .iter()
            .all(|(_, value)| value.is_finite())
    );
}

#[test]
fn a_file_with_a_mistake_and_one_of_another_model_are_refused_before_it_plays() {
    let folder = tempfile::tempdir().unwrap();
    teach(folder.path());
    let refused = |folder: &Path, port: PortType| {
        let harness = Harness::<Teach>::new(json!({ "folder": folder.display().to_string() }));
        let run = harness.feed("latent", port, Vec::new(), at(1.0)).run();
        run.unwrap_err().to_string()
    };
    let why = refused(folder.path(), PortType::Latent(Some(4)));
    assert!(why.contains("another model"), "{why}");
    std::fs::write(
        folder.path().join(FILE),
        "Examples(format: 1, examples: [(id: 1,])",
    )
    .unwrap();
    let why = refused(folder.path(), PortType::Latent(Some(3)));
    assert!(why.contains("mistake at 1:"), "{why}");
}
