//! What the sampler promises, offline and live.

use std::path::Path;
use std::time::{Duration, Instant};

use score_engine::harness::{Harness, Outputs};
use score_engine::{ChannelChange, Payload, Performance, PortType};
use serde_json::{Value, json};

use super::super::test_sound::{at, channel, largest_step, tone};
use super::*;

/// Writes samples of one channel as a file of this rate.
fn write(path: &Path, rate: u32, samples: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples
        .iter()
        .for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
}

/// A folder of sounds, each a constant level for a number of frames.
fn folder(sounds: &[(&str, f32, usize)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, level, frames) in sounds {
        write(&folder.path().join(name), 48_000, &vec![*level; *frames]);
    }
    folder
}

fn on(pitch: u8, velocity: f32) -> Note {
    Note::On {
        channel: 0,
        pitch,
        velocity,
    }
}

fn off(pitch: u8) -> Note {
    Note::Off { channel: 0, pitch }
}

/// Notes at frames.
fn notes(notes: &[(u64, Note)]) -> Vec<(Time, Payload)> {
    let packets = notes.iter().map(|(frame, note)| {
        let time = Time::from_samples(*frame, 48_000);
        (time, Payload::Notes(vec![*note].into()))
    });
    packets.collect()
}

fn harness(folder: &Path, mut params: Value, played: &[(u64, Note)]) -> Harness<Sampler> {
    params["folder"] = json!(folder);
    if params["gain"].is_null() {
        params["gain"] = json!(0);
    }
    Harness::new(params).feed("notes", PortType::Notes, notes(played), at(2.0))
}

fn run(folder: &Path, params: Value, played: &[(u64, Note)]) -> Outputs {
    harness(folder, params, played).run().unwrap()
}

/// The level in the middle of each second tenth of a second, in hundredths.
fn levels(outputs: &Outputs, count: usize) -> Vec<i32> {
    let heard = channel(outputs, 0);
    (0..count)
        .map(|n| (heard[n * 9_600 + 2_400] * 100.0).round() as i32)
        .collect()
}

#[test]
fn a_sound_at_its_own_key_is_its_file_sample_by_sample() {
    let folder = tempfile::tempdir().unwrap();
    let mut sound = tone(330.0, 0.5, 4_800);
    sound[4_700..].fill(0.0);
    write(&folder.path().join("bell_c4.wav"), 48_000, &sound);
    let params = json!({ "one_shot": true });
    let outputs = run(
        folder.path(),
        params,
        &[(1_000, on(60, 1.0)), (1_100, off(60))],
    );
    let heard = channel(&outputs, 0);
    assert_eq!(heard.len(), 96_000);
    assert!(heard[..1_000].iter().all(|sample| *sample == 0.0));
    assert_eq!(heard[1_000..5_800], sound);
    assert_eq!(channel(&outputs, 1), heard);
    assert!(heard[5_800..].iter().all(|sample| *sample == 0.0));
}

#[test]
fn other_keys_transpose_it_and_another_rate_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let samples: Vec<f32> = (0..44_100)
        .map(|n| 0.5 * (std::f32::consts::TAU * 441.0 * n as f32 / 44_100.0).sin())
        .collect();
    write(&folder.path().join("tone_60.wav"), 44_100, &samples);
    for (pitch, wanted) in [(60, 441.0), (72, 882.0), (53, 294.33), (48, 220.5)] {
        let outputs = run(folder.path(), json!({}), &[(0, on(pitch, 1.0))]);
        let heard = &channel(&outputs, 0)[2_400..21_600];
        let rises = heard
            .windows(2)
            .filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0);
        let found = rises.count() as f32 / 0.4;
        assert!((found - wanted).abs() < 3.0, "{pitch}: {found} Hz");
    }
    let outputs = run(folder.path(), json!({ "reach": 5 }), &[(0, on(66, 1.0))]);
    assert!(channel(&outputs, 0).iter().all(|sample| *sample == 0.0));
}

#[test]
fn layers_turns_and_tags_choose_the_sound() {
    let folder = folder(&[
        ("kick_60_v60_rr1.wav", 0.1, 4_800),
        ("kick_60_v60_rr2.wav", 0.2, 4_800),
        ("kick_60_v127.wav", 0.4, 4_800),
        ("snare_62.wav", 0.6, 4_800),
    ]);
    let params = json!({ "dynamics": 0, "one_shot": true, "reach": 0 });
    let played = [
        (0, on(60, 0.3)),
        (9_600, on(60, 0.3)),
        (19_200, on(60, 0.3)),
        (28_800, on(60, 0.9)),
        (38_400, on(62, 0.3)),
    ];
    let outputs = run(folder.path(), params.clone(), &played);
    assert_eq!(levels(&outputs, 5), [10, 20, 10, 40, 60]);
    let mut tagged = params;
    tagged["tags"] = json!(["snare"]);
    assert_eq!(
        levels(&run(folder.path(), tagged, &played), 5),
        [0, 0, 0, 0, 60]
    );
}

#[test]
fn the_list_says_it_in_place_of_the_names() {
    let folder = folder(&[("a.wav", 0.5, 4_800), ("b.wav", 0.8, 4_800)]);
    let list = r#"(sounds: [
        (file: "a.wav", keys: (40, 50), gain: -6.0206, tags: ["soft"]),
        (file: "b.wav", key: 60, velocity: 64),
        (file: "a.wav", key: 60, velocity: 127),
    ])"#;
    std::fs::write(folder.path().join("sounds.ron"), list).unwrap();
    let params = json!({ "dynamics": 0, "one_shot": true });
    let played = [
        (0, on(44, 1.0)),
        (9_600, on(60, 0.3)),
        (19_200, on(60, 1.0)),
        (28_800, on(30, 1.0)),
    ];
    assert_eq!(
        levels(&run(folder.path(), params, &played), 4),
        [25, 80, 50, 0]
    );
}

#[test]
fn velocity_counts_as_much_as_dynamics_say() {
    let folder = folder(&[("a_60.wav", 0.8, 9_600)]);
    for (dynamics, wanted) in [(1.0, 40), (0.5, 60), (0.0, 80)] {
        let params = json!({ "dynamics": dynamics });
        let outputs = run(folder.path(), params, &[(0, on(60, 0.5))]);
        assert!((levels(&outputs, 1)[0] - wanted).abs() <= 1);
    }
}

#[test]
fn a_key_that_comes_up_lets_its_sound_fade_and_attack_lets_it_come_in() {
    let folder = folder(&[("a_60.wav", 0.5, 90_000)]);
    let params = json!({ "attack": { "seconds": 0.1 }, "release": { "seconds": 0.2 } });
    let outputs = run(
        folder.path(),
        params,
        &[(0, on(60, 1.0)), (48_000, off(60))],
    );
    let heard = channel(&outputs, 0);
    for (frame, wanted) in [
        (2_400, 0.25),
        (10_000, 0.5),
        (47_000, 0.5),
        (52_800, 0.25),
        (58_000, 0.0),
    ] {
        assert!(
            (heard[frame] - wanted).abs() < 0.01,
            "{frame}: {}",
            heard[frame]
        );
    }
    assert!(largest_step(&heard) < 0.001);
}

#[test]
fn a_sound_that_gives_way_does_not_click_and_no_more_play_than_voices() {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder.path().join("a_60.wav"),
        48_000,
        &tone(220.0, 0.2, 96_000),
    );
    let played: Vec<(u64, Note)> = (0..40)
        .map(|n| (1_111 * n, on(50 + (n % 20) as u8, 1.0)))
        .collect();
    let outputs = run(folder.path(), json!({ "voices": 4 }), &played);
    let heard = channel(&outputs, 0);
    // A sound begins at zero; the steepest tone is 10 semitones up.
    let step = largest_step(&heard);
    assert!(step < 6.0 * 0.2 * 0.0513, "{step}");
    let peak = heard
        .iter()
        .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    assert!(peak <= 1.25, "{peak}");
}

#[test]
fn nothing_that_changes_while_it_plays_clicks_and_what_sounds_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let sound = tone(220.0, 0.5, 96_000);
    write(&folder.path().join("a_60.wav"), 48_000, &sound);
    let outputs = harness(folder.path(), json!({}), &[(0, on(60, 1.0))])
        .set_live(at(0.2), "gain", -20.0)
        .set_live(at(0.4), "tags", json!(["none"]))
        .set_live(at(0.6), "reach", 0)
        .set_live(at(0.8), "one_shot", true)
        .set_live(at(1.0), "dynamics", 0.0)
        .set_live(at(1.1), "voices", 1)
        .set_live(at(1.2), "release", json!({ "seconds": 2.0 }))
        .set_live(at(1.3), "attack", json!({ "seconds": 1.0 }))
        .set_live(at(1.4), "gain", 0.0)
        .play_live()
        .unwrap();
    let heard = channel(&outputs, 0);
    assert!(largest_step(&heard) < 1.05 * largest_step(&sound));
    assert_eq!(heard[80_000..90_000], sound[80_000..90_000]);
}

#[test]
fn volume_and_bend_of_the_channel_are_followed() {
    let folder = folder(&[("a_60.wav", 0.5, 48_000)]);
    let change = Performance {
        changes: vec![ChannelChange::Controller {
            channel: 0,
            number: 7,
            value: 50.0 / 127.0,
        }],
        notes: vec![on(60, 1.0)].into(),
    };
    let packets = vec![(Time::ZERO, Payload::Performance(change.into()))];
    let outputs = Harness::<Sampler>::new(json!({ "folder": folder.path(), "gain": 0 }))
        .feed("notes", PortType::Notes, packets, at(1.0))
        .run()
        .unwrap();
    assert!((channel(&outputs, 0)[10_000] - 0.125).abs() < 0.01);
}

#[test]
fn live_it_plays_what_it_plays_offline_and_counts_what_has_no_sound() {
    let folder = folder(&[("a_60.wav", 0.5, 9_600)]);
    let played = [
        (500, on(60, 1.0)),
        (20_000, on(20, 1.0)),
        (30_000, on(61, 0.7)),
    ];
    let live = harness(folder.path(), json!({}), &played)
        .play_live()
        .unwrap();
    let offline = channel(&run(folder.path(), json!({}), &played), 0);
    let heard = channel(&live, 0);
    assert_eq!(heard[..60_000], offline[..60_000]);
    assert_eq!(live.counter("missing_notes"), 1);
}

#[test]
fn a_changed_folder_is_read_again_and_unchanged_sounds_are_not() {
    let folder = folder(&[("a_60.wav", 0.5, 4_800), ("b_62.wav", 0.25, 4_800)]);
    let states = folder::states(folder.path()).unwrap();
    let kit = folder::read(folder.path(), &states, 48_000).unwrap();
    let reloading = Reloading::start(folder.path().to_owned(), states, 48_000).unwrap();
    assert!(reloading.latest().is_none());
    write(&folder.path().join("c_64.wav"), 48_000, &[0.1; 480]);
    std::fs::remove_file(folder.path().join("b_62.wav")).unwrap();
    let begun = Instant::now();
    let new = loop {
        if let Some(kit) = reloading.latest() {
            break kit;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "it is not read again"
        );
        std::thread::sleep(Duration::from_millis(50));
    };
    let sound = |kit: &kit::Kit, pitch| {
        let wish = kit::Wish {
            pitch,
            velocity: 100,
            tags: &[],
            first_key: 36,
            reach: 0,
        };
        kit.choose(wish, &mut kit::Turns::new()).cloned()
    };
    assert_eq!(new.len(), 2);
    assert!(sound(&new, 62).is_none() && sound(&new, 64).is_some());
    let (before, after) = (sound(&kit, 60).unwrap(), sound(&new, 60).unwrap());
    assert!(Arc::ptr_eq(&before.frames, &after.frames));
}

#[test]
fn a_folder_without_sounds_is_refused_and_a_damaged_sound_is_left_out() {
    let refusal = |folder: &Path| {
        let error = harness(folder, json!({}), &[]).run().unwrap_err();
        error.to_string()
    };
    let empty = tempfile::tempdir().unwrap();
    assert!(refusal(empty.path()).contains("there is no sound in"));
    assert!(refusal(&empty.path().join("none")).contains("there is no folder"));
    std::fs::write(empty.path().join("a.wav"), "no sound").unwrap();
    assert!(refusal(empty.path()).contains("there is no sound in"));
    assert!(refusal(&empty.path().join("a.wav")).contains("is not a folder"));
    write(&empty.path().join("b_60.wav"), 48_000, &[0.5; 4_800]);
    let outputs = run(empty.path(), json!({}), &[(0, on(60, 1.0))]);
    assert_eq!(levels(&outputs, 1), [50]);
}

#[test]
fn words_of_folders_are_tags() {
    let folder = folder(&[]);
    for (name, level) in [("dry", 0.2), ("wet", 0.4)] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        write(
            &folder.path().join(name).join("kick_60.wav"),
            48_000,
            &[level; 4_800],
        );
    }
    let params = json!({ "tags": ["Wet"] });
    assert_eq!(
        levels(&run(folder.path(), params, &[(0, on(60, 1.0))]), 1),
        [40]
    );
}
