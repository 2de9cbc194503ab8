//! Recordings of a harness and of live runs.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use midly::{MetaMessage, Smf, TrackEventKind};
use score_engine::harness::Harness;
use score_engine::{
    AudioBlock, Event, Live, LiveOptions, Note, Payload, PortType, Settings, Source, Time, check,
};

use serde_json::{Value, json};

use super::recording::lay;
use super::*;
use crate::audio::sound_writer::SoundWriter;
use crate::output::{Claim, Owner};
use crate::testing::write_tune;

fn block(time: f64, value: f32) -> (Time, Payload) {
    let block = AudioBlock {
        rate: 48_000,
        channels: 1,
        samples: vec![value; 4800],
    };
    (Time::from_seconds(time), Payload::Audio(Arc::new(block)))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn sound_notes_and_controls_lie_at_their_times_in_files_of_one_name() {
    let folder = tempfile::tempdir().unwrap();
    let end = Time::from_seconds(1.0);
    let note = Note::On {
        channel: 0,
        pitch: 60,
        velocity: 1.0,
    };
    let cut = Event {
        name: "cut".to_owned(),
        strength: 0.5,
    };
    let at = |seconds: f64, payload| vec![(Time::from_seconds(seconds), payload)];
    Harness::<Recorder>::new(json!({ "path": folder.path().join("take.wav") }))
        .feed(
            "sound",
            PortType::Audio,
            vec![block(0.2, 0.5), block(0.5, -0.5)],
            end,
        )
        .feed(
            "notes",
            PortType::Notes,
            at(0.5, Payload::Notes([note].into())),
            end,
        )
        .feed(
            "controls",
            PortType::Control,
            at(0.25, Payload::Control(0.75)),
            end,
        )
        .feed(
            "events",
            PortType::Event,
            at(0.75, Payload::Event(Arc::new(cut))),
            end,
        )
        .run()
        .unwrap();
    assert_eq!(names(folder.path()), ["take.jsonl", "take.mid", "take.wav"]);
    let samples: Vec<i16> = hound::WavReader::open(folder.path().join("take.wav"))
        .unwrap()
        .samples()
        .map(Result::unwrap)
        .collect();
    assert_eq!(samples.len(), 28_800);
    let at = |seconds: f64| samples[(seconds * 48_000.0) as usize];
    assert_eq!(
        [at(0.1), at(0.21), at(0.4), at(0.51)],
        [0, 16_384, 0, -16_384]
    );

    let bytes = std::fs::read(folder.path().join("take.mid")).unwrap();
    // The note, its end at the end of the run, the track's name, its program and its end.
    assert_eq!(Smf::parse(&bytes).unwrap().tracks[1].len(), 5);

    let log = std::fs::read_to_string(folder.path().join("take.jsonl")).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["transport"]["tempo"], 120.0);
    assert_eq!(lines[0]["score"]["node"], "node");
    assert_eq!(
        lines[1],
        json!({ "time": 0.25, "control": 0, "value": 0.75 })
    );
    assert_eq!(lines[2]["name"], "cut");
    assert_eq!(lines[3], json!({ "end": 1.0 }));
}

#[test]
fn a_take_of_very_many_notes_has_further_files_of_them_and_the_log_says_when_each_begins() {
    let folder = tempfile::tempdir().unwrap();
    // Strokes and ends in turn, every 5 ms.
    let notes = (0..1_500).map(|number| {
        let (channel, pitch) = (0, 60);
        let note = match number % 2 {
            0 => Note::On {
                channel,
                pitch,
                velocity: 0.5,
            },
            _ => Note::Off { channel, pitch },
        };
        let time = Time::from_nanos(number * 5_000_000);
        (time, Payload::Notes([note].into()))
    });
    Harness::<Recorder>::new(json!({ "path": folder.path().join("take.wav") }))
        .feed(
            "notes",
            PortType::Notes,
            notes.collect(),
            Time::from_seconds(7.5),
        )
        .play_live()
        .unwrap();
    assert_eq!(
        names(folder.path()),
        ["take-part-2.mid", "take.jsonl", "take.mid"]
    );
    let strokes = |name: &str| {
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        let smf = Smf::parse(&bytes).unwrap();
        let events = smf.tracks.iter().flatten();
        let strokes = events.filter(|event| {
            let message = match event.kind {
                TrackEventKind::Midi { message, .. } => Some(message),
                _ => None,
            };
            matches!(message, Some(midly::MidiMessage::NoteOn { .. }))
        });
        strokes.count()
    };
    assert_eq!(
        (strokes("take.mid"), strokes("take-part-2.mid")),
        (500, 250)
    );
    let log = std::fs::read_to_string(folder.path().join("take.jsonl")).unwrap();
    let begins = (log.lines())
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|line| line["notes"] == "take-part-2.mid");
    let seconds = begins.unwrap()["time"].as_f64().unwrap();
    assert!((4.9..5.1).contains(&seconds), "{seconds}");
}

#[test]
fn a_live_run_keeps_earlier_takes_and_writes_down_the_patch_and_its_edits() {
    let folder = tempfile::tempdir().unwrap();
    let registry = crate::registry();
    let graph = |level: i32| {
        let text = format!(
            r#"Patch(format: 1, nodes: {{"a": tone(gain: {level}), "r": recorder(path: "take.wav")}}, wires: ["a -> r"])"#
        );
        let source = Source::text("p.ron", &text, folder.path().to_owned());
        check(&source, &[], &registry, &Settings::default()).unwrap()
    };
    for take in ["take", "take-2"] {
        let (mut live, _) =
            Live::start(graph(-20), &Settings::default(), LiveOptions::default()).unwrap();
        live.replace(graph(-30), &BTreeSet::new()).unwrap().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert!(live.drain(Duration::from_secs(10)).is_empty());
        let log = std::fs::read_to_string(folder.path().join(take).with_extension("jsonl"));
        let log = log.unwrap();
        let patches: Vec<String> = log
            .lines()
            .filter_map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                Some(line["revision"]["patch"].as_str()?.to_owned())
            })
            .collect();
        assert_eq!(patches.len(), 2, "{log}");
        assert!(patches[0].contains("-20") && patches[1].contains("-30"));
        assert!(folder.path().join(take).with_extension("wav").exists());
    }
}

#[test]
fn only_what_is_wired_is_written() {
    let folder = tempfile::tempdir().unwrap();
    Harness::<Recorder>::new(json!({ "path": folder.path().join("take.wav") }))
        .feed(
            "sound",
            PortType::Audio,
            vec![block(0.0, 0.5)],
            Time::from_seconds(0.1),
        )
        .run()
        .unwrap();
    assert_eq!(names(folder.path()), ["take.wav"]);
}

#[test]
fn a_block_that_comes_twice_is_heard_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.wav");
    let claim = Claim::new(&path, Owner::program("test"), false).unwrap();
    let mut sound = SoundWriter::offline(claim, 1.0).unwrap();
    for (time, payload) in [block(0.0, 0.5), block(0.0, 0.1), block(0.05, 0.25)] {
        if let Payload::Audio(block) = payload {
            lay(&mut sound, time, &block).unwrap();
        }
    }
    assert_eq!(sound.frames(), 7_200);
}

/// Plays a tone, with a recorder at `path` or without.
fn tone(folder: &Path, recorder: Option<&str>) -> score_engine::Graph {
    let (node, wires) = match recorder {
        Some(path) => (format!(r#", "r": recorder(path: "{path}")"#), r#""a -> r""#),
        None => (String::new(), ""),
    };
    let text =
        format!(r#"Patch(format: 1, nodes: {{"a": tone(gain: -20){node}}}, wires: [{wires}])"#);
    let source = Source::text("p.ron", &text, folder.to_owned());
    check(&source, &[], &crate::registry(), &Settings::default()).unwrap()
}

fn first_line(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str(text.lines().next().unwrap()).unwrap()
}

#[test]
fn a_recorder_that_an_edit_adds_begins_at_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let settings = Settings::default();
    let (mut live, _) = Live::start(tone(folder, None), &settings, LiveOptions::default()).unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    let added = live.replace(tone(folder, Some("take.wav")), &BTreeSet::new());
    assert!(added.unwrap().is_some());
    std::thread::sleep(Duration::from_millis(300));
    let seconds = live.clock().now().seconds();
    assert!(live.drain(Duration::from_secs(10)).is_empty());
    let begins = first_line(&folder.join("take.jsonl"))["begins"]
        .as_f64()
        .unwrap();
    assert!(begins >= 1.5, "{begins}");
    let wav = hound::WavReader::open(folder.join("take.wav")).unwrap();
    let length = f64::from(wav.duration()) / 48_000.0;
    assert!(length < seconds - begins + 0.5 && length > 0.1, "{length}");
    // No silence in front: the tone is heard within its first hundredth of a second.
    let first: Vec<i16> = wav.into_samples().take(480).map(Result::unwrap).collect();
    assert!(first.iter().any(|sample| sample.abs() > 500));
    let log = std::fs::read_to_string(folder.join("take.jsonl")).unwrap();
    assert!(log.contains(r#""revision":{"number":2"#), "{log}");
}

#[test]
fn a_recorder_that_begins_with_the_run_begins_at_its_zero() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let graph = tone(folder, Some("take.flac"));
    let (live, _) = Live::start(graph, &Settings::default(), LiveOptions::default()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert!(live.drain(Duration::from_secs(10)).is_empty());
    assert_eq!(first_line(&folder.join("take.jsonl"))["begins"], 0.0);
    assert_eq!(names(folder), ["take.flac", "take.jsonl"]);
}

#[test]
fn two_recorders_at_once_never_write_one_take() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let start = || {
        let graph = tone(folder, Some("take.wav"));
        Live::start(graph, &Settings::default(), LiveOptions::default())
            .unwrap()
            .0
    };
    let runs = [start(), start()];
    std::thread::sleep(Duration::from_millis(200));
    for run in runs {
        assert!(run.drain(Duration::from_secs(10)).is_empty());
    }
    assert_eq!(
        names(folder),
        ["take-2.jsonl", "take-2.wav", "take.jsonl", "take.wav"]
    );
}

#[test]
fn what_hands_steer_and_the_tempi_that_were_played_are_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_tune(&folder.join("tune.mid"), &[(0, 400, 60)]);
    let text = "Patch(format: 1, nodes: { \"a\": tone(gain: -20), \"tune\": midi_input_file(path: \"tune.mid\"), \"r\": recorder(path: \"take.wav\") }, wires: [\"a -> r.sound\", \"tune -> r.notes\"])";
    let source = Source::text("p.ron", text, folder.to_owned());
    let graph = check(&source, &[], &crate::registry(), &Settings::default()).unwrap();
    let (live, _) = Live::start(graph, &Settings::default(), LiveOptions::default()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let steering = live.steering();
    steering
        .set("a", "gain", json!(-30), Duration::ZERO)
        .unwrap();
    for tempo in [60, 90] {
        steering
            .set("transport", "tempo", json!(tempo), Duration::ZERO)
            .unwrap();
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(live.drain(Duration::from_secs(10)).is_empty());
    let log = std::fs::read_to_string(folder.join("take.jsonl")).unwrap();
    let steered: Vec<Value> = (log.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["steered"].is_object())
        .collect();
    assert_eq!(steered.len(), 3, "{log}");
    assert_eq!(steered[0]["steered"]["node"], "a");
    assert_eq!(steered[1]["steered"]["value"], 60.0);
    assert!(steered[2]["time"].as_f64().unwrap() > 0.4, "{log}");
    let bytes = std::fs::read(folder.join("take.mid")).unwrap();
    let tempi: Vec<u32> = (Smf::parse(&bytes).unwrap().tracks[0].iter())
        .filter_map(|event| match event.kind {
            TrackEventKind::Meta(MetaMessage::Tempo(tempo)) => Some(tempo.as_int()),
            _ => None,
        })
        .collect();
    assert_eq!(tempi, [500_000, 1_000_000, 666_667]);
}

#[test]
fn parts_follow_each_other_without_a_frame_between_and_each_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = r#"Patch(format: 1, nodes: {"a": tone(gain: -20, frequency: 440), "r": recorder(path: "take.wav", part: 0.001)}, wires: ["a -> r"])"#;
    let source = Source::text("p.ron", text, folder.to_owned());
    let graph = check(&source, &[], &crate::registry(), &Settings::default()).unwrap();
    let (live, _) = Live::start(graph, &Settings::default(), LiveOptions::default()).unwrap();
    let steering = live.steering();
    let gain = json!(-21);
    steering.set("a", "gain", gain, Duration::ZERO).unwrap();
    std::thread::sleep(Duration::from_millis(8_500));
    assert!(live.drain(Duration::from_secs(10)).is_empty());
    let (mut sound, mut begins) = (Vec::new(), 0.0);
    for name in ["take", "take-2", "take-3"] {
        let wav = hound::WavReader::open(folder.join(format!("{name}.wav"))).unwrap();
        let log = folder.join(format!("{name}.jsonl"));
        let told = first_line(&log)["begins"].as_f64().unwrap();
        assert!((told - begins).abs() < 1e-8, "{name}: {told} {begins}");
        begins += f64::from(wav.duration()) / 48_000.0;
        sound.extend(wav.into_samples::<i16>().map(Result::unwrap));
        // Each says which patch plays and what hands hold, so that it can be played by itself.
        let log = std::fs::read_to_string(log).unwrap();
        assert!(log.contains(r#""revision":{"number":1"#), "{name}: {log}");
        assert!(
            log.contains(r#""param":"gain","value":-21"#),
            "{name}: {log}"
        );
        assert!(
            log.trim_end().ends_with('}') && log.contains("\"end\""),
            "{name}"
        );
    }
    assert!(begins > 7.5, "{begins}");
    let steps = sound
        .windows(2)
        .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
    // At 440 Hz and -20 dB a sample is at most 0.1 x 2 pi x 440 / 48000 from the next.
    let steepest = 32_768.0 * 0.1 * std::f64::consts::TAU * 440.0 / 48_000.0;
    assert!(f64::from(steps.max().unwrap()) < steepest * 1.2);
    assert_eq!(names(folder).len(), 6, "{:?}", names(folder));
}
