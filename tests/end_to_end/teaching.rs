//! A run is taught from outside, and its examples are a file to be edited.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use score_test_support::{Talking, program, text};

/// How long a machine that does much else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A patch that needs no device and no model: what is shown is where a knob is.
const SHOW: &str = r#"Patch(
    format: 1,
    nodes: {
        "light":  knob(value: 0),
        "code":   latent_from_controls(dimension: 4),
        "taught": teach(folder: "taught"),
    },
    wires: ["light -> code -> taught"],
)
"#;

fn score(folder: &Path, arguments: &[&str]) -> String {
    let mut command = program(folder, arguments);
    let done = command
        .env("SCORE_RUNTIME_DIR", folder.join("sockets"))
        .output();
    let done = done.unwrap();
    assert!(
        done.status.success(),
        "{arguments:?}: {}",
        text(&done.stderr)
    );
    text(&done.stdout)
}

/// What the node counts.
fn figures(folder: &Path) -> Value {
    let status: Value = serde_json::from_str(&score(folder, &["status", "--json"])).unwrap();
    let mut nodes = status["nodes"].as_array().unwrap().iter();
    nodes.find(|node| node["id"] == "taught").unwrap()["counters"].clone()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn examples_are_taught_from_outside_edited_in_their_file_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("show.ron"), SHOW).unwrap();
    let mut run = program(folder, &["run", "--quiet", "show.ron"]);
    let playing = Talking::start(run.env("SCORE_RUNTIME_DIR", folder.join("sockets")));
    playing.until("plays");
    let examples = |count: u64| {
        until(&format!("{count} examples"), || {
            figures(folder)["examples"] == count
        });
    };
    until("it can be reached", || {
        folder
            .join("sockets")
            .read_dir()
            .is_ok_and(|mut sockets| sockets.next().is_some())
    });
    until("a picture is seen", || {
        let status: Value = serde_json::from_str(&score(folder, &["status", "--json"])).unwrap();
        let mut wires = status["wires"].as_array().unwrap().iter();
        wires.any(|wire| wire["to"]["node"] == "taught" && wire["received"].as_u64() >= Some(2))
    });
    // Nobody has taught anything, so that the hand's value is all there is.
    score(folder, &["set", "taught.a=0.25", "taught.record=true"]);
    examples(1);
    score(folder, &["set", "light.value=1", "taught.record=false"]);
    until("the knob is in a hand", || {
        score(folder, &["set", "taught.a=0.5"]);
        score(folder, &["set", "taught.a=0.75"]);
        figures(folder)["knobs_in_hand"] == 1
    });
    score(folder, &["set", "taught.record=true"]);
    examples(2);
    until("the hand is let go", || {
        figures(folder)["knobs_in_hand"] == 0
    });

    let file = folder.join("taught/examples.ron");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written.contains("\"a\": 0.25") && written.contains("\"a\": 0.75"),
        "{written}"
    );
    let mine = written.replacen("weight: 1", "weight: 0 /* too dark */", 1);
    std::fs::write(&file, &mine).unwrap();
    examples(1);
    score(folder, &["set", "taught.undo=true"]);
    examples(0);
    let left = std::fs::read_to_string(&file).unwrap();
    assert!(
        left.contains("weight: 0 /* too dark */") && !left.contains("0.75"),
        "{left}"
    );

    let mut wrong = program(folder, &["set", "taught.edit=forget 1"]);
    let wrong = wrong
        .env("SCORE_RUNTIME_DIR", folder.join("sockets"))
        .output()
        .unwrap();
    assert!(!wrong.status.success());
    assert!(
        text(&wrong.stderr).contains("forget 1"),
        "{}",
        text(&wrong.stderr)
    );
}
