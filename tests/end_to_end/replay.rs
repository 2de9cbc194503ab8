//! What a live run has recorded is played again by the real program.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use score_test_support::{Talking, names, program, score, text, write_small_film};

/// How long a machine that does much else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A film that loops as a camera would, a walk over what moves in it, and a recorder of all. `gain`
/// is what an edit changes.
fn patch(gain: i32) -> String {
    format!(
        r#"Patch(
    format: 1,
    transport: (tempo: 120, seed: 3),
    nodes: {{
        "camera": video_file(path: "film.mp4", width: 32, height: 24, loop: true),
        "motion": motion(),
        "hits":   cut_detector(),
        "walk":   scale_walk(freedom: 0.6, threshold: 0),
        "wave":   lfo(rate: 1),
        "loose":  humanise(),
        "piano":  synth(voice: electric_piano),
        "hum":    tone(gain: -30),
        "mix":    mixer(gains: [{gain}, -6]),
        "take":   recorder(path: "take.wav"),
    }},
    wires: [
        "camera -> motion -> take.controls",
        "camera -> hits",
        "hits.cut -> take.events",
        "camera -> take.pictures",
        "wave -> walk -> loose -> piano -> mix -> take.sound",
        "hum -> mix",
        "loose -> take.notes",
    ],
)"#
    )
}

/// Another patch, with a camera.
const OTHER: &str = r#"Patch(
    format: 1,
    nodes: {
        "camera": camera(width: 32, height: 24),
        "motion": motion(),
        "walk":   scale_walk(threshold: 0),
        "bell":   synth(voice: glass),
        "out":    audio_out(),
        "wire":   midi_out(port: "nowhere"),
        "notes":  midi_file(path: "other.mid"),
    },
    wires: ["camera -> motion -> walk -> bell -> out", "walk -> wire", "walk -> notes"],
)"#;

fn record(folder: &Path) {
    write_small_film(folder);
    std::fs::write(folder.join("show.ron"), patch(-3)).unwrap();
    let mut run = program(folder, &["run", "show.ron", "--quiet"]);
    let mut run = Talking::start(run.env("SCORE_RUNTIME_DIR", folder.join("sockets")));
    run.until("plays");
    let set = |value: &str| {
        let arguments = ["set", value, "--glide", "0.5"];
        let mut command = program(folder, &arguments);
        let done = command
            .env("SCORE_RUNTIME_DIR", folder.join("sockets"))
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
    };
    set("loose.timing=0.05");
    set("piano.gain=-9");
    std::thread::sleep(Duration::from_secs(2));
    std::fs::write(folder.join("show.ron"), patch(-9)).unwrap();
    run.until("the edit plays");
    set("transport.tempo=90");
    std::thread::sleep(Duration::from_secs(2));
    run.signal("INT");
    assert!(run.wait(PATIENCE).success());
}

fn told(done: &Output) -> Value {
    assert!(
        done.status.success(),
        "{}\n{}",
        text(&done.stdout),
        text(&done.stderr)
    );
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn a_take_gives_its_notes_to_the_byte_its_sound_and_its_pictures_to_another_patch() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    record(folder);
    for name in [
        "take.wav",
        "take.mid",
        "take.jsonl",
        "take.trace",
        "take.mkv",
    ] {
        let length = folder.join(name).metadata().map_or(0, |file| file.len());
        assert!(length > 100, "{name}: {length}, {:?}", names(folder));
    }

    let again = told(&score(folder, &["replay", "take.wav", "--json"]));
    assert_eq!(again["same"], true, "{again:#}");
    assert!(again["notes"].as_u64() > Some(4), "{again:#}");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(read("take.mid") == read("take-replayed.mid"));

    let bounced = told(&score(folder, &["bounce", "take", "--json"]));
    let recorded = hound::WavReader::open(folder.join("take.wav")).unwrap();
    let sound = hound::WavReader::open(folder.join("take-bounced.wav")).unwrap();
    let lengths = [recorded.duration(), sound.duration()].map(f64::from);
    assert!((lengths[0] - lengths[1]).abs() < 48_000.0, "{lengths:?}");
    assert_eq!(
        bounced["notes"].as_array().map(Vec::len),
        Some(0),
        "{bounced:#}"
    );
    for part in ["piano", "hum"] {
        let stem = hound::WavReader::open(folder.join(format!("take-bounced-stem-{part}.wav")));
        let peak = (stem.unwrap().samples::<f32>())
            .fold(0.0, |peak: f32, sample| peak.max(sample.unwrap().abs()));
        assert!(peak > 0.001, "{part}: {peak}");
    }

    let began = Instant::now();
    let live = score(folder, &["replay", "take.wav", "--live", "--quiet"]);
    assert!(live.status.success(), "{}", text(&live.stderr));
    // It is played in real time, up to its end.
    assert!(began.elapsed().as_secs_f64() >= lengths[0] / 48_000.0 - 0.5);

    std::fs::write(folder.join("other.ron"), OTHER).unwrap();
    let other = told(&score(
        folder,
        &[
            "replay",
            "take.wav",
            "--patch",
            "other.ron",
            "--out",
            "other",
            "--json",
        ],
    ));
    assert!(
        folder.join("other.wav").exists() && folder.join("other.mid").exists(),
        "{other:#}"
    );
}

#[test]
fn what_is_no_take_is_told_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for command in ["replay", "bounce"] {
        let done = score(folder, &[command, "none.wav"]);
        assert_eq!(done.status.code(), Some(1));
        let said = text(&done.stderr);
        assert!(
            said.contains("no take") && said.contains("recorder"),
            "{said}"
        );
    }
    std::fs::write(folder.join("odd.jsonl"), "what is this\n").unwrap();
    let said = text(&score(folder, &["replay", "odd.jsonl"]).stderr);
    assert!(said.contains("not the log of a take"), "{said}");
}
