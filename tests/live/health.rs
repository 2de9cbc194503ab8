//! The word of a run's health is true of what is heard: each word on a run that plays at JACK.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use score_test_support::jack::Jack;
use score_test_support::page_client::{Door, Open};
use score_test_support::{Talking, built};

/// How long a machine that does much else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A tune as dense as a knob says.
const TUNE: &str = r#"Patch(
    format: 1,
    nodes: {
        "much":    knob(value: 0),
        "tune":    scale_walk(),
        "piano":   synth(),
        "speaker": audio_out(device: "JACK"),
    },
    wires: ["much -> tune -> piano -> speaker"],
)
"#;

/// A patch that plays with a page.
struct Stage {
    door: Door,
    open: Open,
    _folder: tempfile::TempDir,
    _run: Talking,
}

impl Stage {
    fn new(jack: &Jack, patch: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("show.ron"), patch).unwrap();
        let arguments = ["run", "show.ron", "--quiet", "--no-remote", "--page", "0"];
        Self::start(&mut jack.score(folder.path(), &arguments), folder)
    }

    /// Starts the run in its folder.
    fn start(run: &mut Command, folder: tempfile::TempDir) -> Self {
        let run = Talking::start(run.env("XDG_CONFIG_HOME", folder.path().join("config")));
        let door = Door::of(&run.until("the page opens once at"));
        run.until("plays");
        let open = door.open(&door.cookie(&door.secret));
        Stage {
            door,
            open,
            _folder: folder,
            _run: run,
        }
    }

    fn set(&mut self, node: &str, param: &str, value: &str) {
        let value = json!({ "node": node, "param": param, "value": value });
        let answer = self.open.ask(&json!({ "set": { "values": [value] } }));
        assert!(answer["errors"].is_null(), "{answer}");
    }

    /// Waits for a word; gives the reasons. All that other programs are told agrees with it.
    fn until(&mut self, code: u16, word: &str) -> String {
        let begun = Instant::now();
        loop {
            let health = self.door.get("/health", "");
            let (told, why) = health.body.split_once('\n').unwrap();
            if told == word {
                assert_eq!(health.status, code, "{}", health.body);
                let metrics = self.door.get("/metrics", "").body;
                let line = format!("score_health{{state=\"{word}\"}} 1");
                // Another word may have come in between.
                if metrics.lines().any(|told| told == line) {
                    return why.to_owned();
                }
            }
            assert!(begun.elapsed() < PATIENCE, "never {word}: {}", health.body);
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn silence_is_on_purpose_where_no_notes_come_or_a_hand_holds_it_and_else_it_should_not_be() {
    let Some(jack) = Jack::start(256) else {
        return;
    };
    let mut stage = Stage::new(&jack, TUNE);
    let why = stage.until(200, "silent on purpose");
    assert!(why.contains("no notes come from tune to piano"), "{why}");
    stage.set("much", "value", "0.8");
    stage.until(200, "playing");
    // Notes come, and the level is next to nothing, which nobody has closed.
    stage.set("piano", "gain", "-59.5");
    let why = stage.until(503, "silent and should not be");
    assert!(
        why.contains("piano got ") && why.contains("sound reaches the device"),
        "{why}"
    );
    stage.set("piano", "gain", "-60");
    let why = stage.until(200, "silent on purpose");
    assert!(why.contains("a hand holds piano.gain at -60"), "{why}");
    stage.set("piano", "gain", "0");
    stage.until(200, "playing");
}

#[test]
fn a_tone_that_a_closed_gate_keeps_back_is_silent_on_purpose() {
    let Some(jack) = Jack::start(256) else {
        return;
    };
    let patch = r#"Patch(
        format: 1,
        nodes: {
            "moves": knob(value: 0), "tone": tone(gain: -20), "door": gate(), "mix": mixer(),
            "speaker": audio_out(device: "JACK"),
        },
        wires: ["moves -> door.open", "tone -> door -> mix -> speaker"],
    )"#;
    let mut stage = Stage::new(&jack, patch);
    let why = stage.until(200, "silent on purpose");
    assert!(why.contains("door lets no sound through"), "{why}");
    stage.set("moves", "value", "1");
    stage.until(200, "playing");
    stage.set("mix", "gains", "[-60]");
    let why = stage.until(200, "silent on purpose");
    assert!(why.contains("a hand holds mix.gains at -60"), "{why}");
}

#[test]
fn a_run_waits_for_what_is_not_there() {
    let Some(jack) = Jack::start(256) else {
        return;
    };
    let patch = r#"Patch(
        format: 1,
        nodes: {"mic": audio_in(device: "nowhere"), "speaker": audio_out(device: "JACK")},
        wires: ["mic -> speaker"],
    )"#;
    let mut stage = Stage::new(&jack, patch);
    let begun = Instant::now();
    // At first a node may still be built.
    while !stage.until(503, "waiting").contains("mic waits for ") {
        assert!(begun.elapsed() < PATIENCE, "it waits for something else");
    }
}

/// No file of it may grow beyond 400 kB: what writes one fails again and again.
#[test]
fn a_run_fails_where_a_node_does() {
    let folder = tempfile::tempdir().unwrap();
    let patch = r#"Patch(
        format: 1,
        nodes: {"hum": tone(), "file": audio_file(path: "hum.wav")},
        wires: ["hum -> file"],
    )"#;
    std::fs::write(folder.path().join("show.ron"), patch).unwrap();
    let score = built().join("score");
    let mut run = Command::new("sh");
    run.args(["-c", "ulimit -f 800; exec \"$0\" \"$@\""])
        .arg(score)
        .args(["run", "show.ron", "--quiet", "--no-remote", "--page", "0"])
        .current_dir(folder.path());
    let mut stage = Stage::start(&mut run, folder);
    let why = stage.until(503, "failing");
    assert!(why.contains("file restarts: "), "{why}");
}
