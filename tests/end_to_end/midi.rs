//! MIDI files as they are found: damaged ones are played as far as they can be, and what is lost is
//! told.

use std::path::Path;

use score_test_support::{onsets, score, text};

/// The files of `data/midi`, what is told of them, and how many notes begin.
const FILES: [(&str, &str, usize); 5] = [
    (
        "cut.mid",
        "track 2, byte 310: the track breaks off at byte 310 of 621",
        30,
    ),
    ("hands.mid", "", 2),
    ("pedal.mid", "", 4),
    (
        "sys_f8.mid",
        "track 1, byte 32: a message about the whole system (F8)",
        2,
    ),
    (
        "track_too_long.mid",
        "track 1, byte 18: the track says that it has 23 bytes, but there are 17",
        4,
    ),
];

fn folder_with(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/end_to_end/data/midi");
    std::fs::copy(data.join(name), folder.path().join("in.mid")).unwrap();
    let patch = r#"Patch(
        format: 1,
        nodes: {
            "tune": midi_input_file(path: "in.mid"),
            "notes": midi_file(path: "out.mid"),
        },
        wires: ["tune -> notes"],
    )"#;
    std::fs::write(folder.path().join("p.ron"), patch).unwrap();
    folder
}

#[test]
fn a_damaged_midi_file_plays_what_is_found_and_warns_of_the_rest() {
    for (name, told, notes) in FILES {
        let folder = folder_with(name);
        for command in ["check", "render"] {
            let output = score(folder.path(), &[command, "p.ron"]);
            let errors = text(&output.stderr);
            assert!(output.status.success(), "{name}: {errors}");
            assert_eq!(
                errors.contains("warning: p.ron:4:"),
                !told.is_empty(),
                "{errors}"
            );
            assert!(errors.contains(told), "{name}: {errors}");
        }
        assert_eq!(
            onsets(&folder.path().join("out.mid")).len(),
            notes,
            "{name}"
        );
    }
}

#[test]
fn strict_refuses_a_damaged_midi_file_before_anything_runs() {
    for (name, told, _) in FILES {
        let folder = folder_with(name);
        for command in ["check", "render", "run"] {
            // A sound file would play for ever.
            if command == "run" && told.is_empty() {
                continue;
            }
            let output = score(folder.path(), &[command, "p.ron", "--strict"]);
            let errors = text(&output.stderr);
            assert_eq!(output.status.success(), told.is_empty(), "{name}: {errors}");
            assert!(errors.contains(told), "{name}: {errors}");
        }
        let is_written = folder.path().join("out.mid").exists();
        assert_eq!(is_written, told.is_empty(), "{name}");
    }
}

#[test]
fn check_tells_warnings_as_json_too() {
    let folder = folder_with("sys_f8.mid");
    let output = score(folder.path(), &["check", "p.ron", "--json"]);
    assert!(output.status.success());
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["diagnostics"], serde_json::json!([]));
    assert_eq!(told["warnings"][0]["place"]["line"], 4);
}

#[test]
fn what_a_synth_cannot_play_is_told_once_by_a_render() {
    let folder = tempfile::tempdir().unwrap();
    let track = [
        &[
            0, 0xE0, 0, 0x60, 0, 0xB0, 1, 90, 0, 0x90, 60, 80, 96, 0x80, 60, 0,
        ][..],
        &[0, 0xE0, 0, 0x50, 0, 0xFF, 0x2F, 0],
    ];
    let track = track.concat();
    let mut bytes = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0".to_vec();
    bytes.push(track.len() as u8);
    bytes.extend(track);
    std::fs::write(folder.path().join("in.mid"), bytes).unwrap();
    let patch = r#"Patch(
        format: 1,
        nodes: {
            "tune": midi_input_file(path: "in.mid"),
            "harp": synth(voice: pluck),
            "sound": audio_file(path: "out.wav"),
        },
        wires: ["tune -> harp -> sound"],
    )"#;
    std::fs::write(folder.path().join("p.ron"), patch).unwrap();
    let output = score(folder.path(), &["render", "p.ron"]);
    let errors = text(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let told = "`harp` with its built-in voice does not play modulation, pitch bend";
    assert_eq!(errors.matches(told).count(), 1, "{errors}");
    let quiet = score(folder.path(), &["render", "p.ron", "--quiet"]);
    assert_eq!(text(&quiet.stderr), "");
}

#[test]
fn a_pad_on_written_chords_plays_for_as_long_as_the_tune_lasts() {
    let folder = folder_with("pedal.mid");
    let patch = r#"Patch(
        format: 1,
        nodes: {
            "tune":   midi_input_file(path: "in.mid"),
            "chords": chords_in(chords: "| Am | F |"),
            "pad":    chord_pad(),
            "notes":  midi_file(path: "out.mid"),
        },
        wires: ["tune -> notes", "chords -> pad -> notes"],
    )"#;
    std::fs::write(folder.path().join("p.ron"), patch).unwrap();
    let output = score(folder.path(), &["render", "p.ron"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(onsets(&folder.path().join("out.mid")).len() > 4 + 2);
}

#[test]
fn a_hold_that_a_wire_shortens_takes_back_no_promise() {
    let folder = tempfile::tempdir().unwrap();
    let patch = r#"Patch(
        format: 1,
        nodes: {
            "low":   threshold(hold: 0.1),
            "wave":  lfo(shape: square, every: 0.3, duration: 4),
            "turn":  lfo(shape: random, every: 0.05, duration: 4),
            "hit":   accent(),
            "notes": midi_file(path: "out.mid"),
        },
        wires: [
            "wave -> low.value", ("turn -> low.hold", range(from: 0.0, to: 0.5)),
            "low.fall -> hit -> notes",
        ],
    )"#;
    std::fs::write(folder.path().join("p.ron"), patch).unwrap();
    let output = score(folder.path(), &["render", "p.ron"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!onsets(&folder.path().join("out.mid")).is_empty());
}
