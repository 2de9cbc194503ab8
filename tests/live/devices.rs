//! Devices that are missing are told plainly and never stop a run that does not need them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use score_test_support::jack::{Jack, Running};
use score_test_support::{program, text};

fn write(folder: &Path, speaker: &str) {
    let patch = format!(
        r#"Patch(format: 1, nodes: {{ "tone": tone(), "speaker": {speaker} }}, wires: ["tone -> speaker"])"#
    );
    std::fs::write(folder.join("tone.ron"), patch).unwrap();
}

/// The program where no sound server runs.
fn alone(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program(folder, arguments);
    command.env("JACK_DEFAULT_SERVER", "no-such-server");
    command
}

#[test]
fn a_run_without_its_device_goes_on_and_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), r#"audio_out(device: "JACK")"#);
    let mut run = Running::start(&mut alone(folder.path(), &["run", "tone.ron"]));
    std::thread::sleep(Duration::from_millis(1500));
    assert!(run.0.try_wait().unwrap().is_none());
    run.drain();
}

#[test]
fn a_device_that_is_required_and_missing_refuses_the_run() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        r#"audio_out(device: "JACK", required: true)"#,
    );
    let output = alone(folder.path(), &["run", "tone.ron"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("the sound output `JACK` is not there"),
        "{said}"
    );
    assert!(said.contains("score devices"), "{said}");
}

#[test]
fn a_render_says_what_to_do_instead_of_playing() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "audio_out()");
    let arguments = ["render", "tone.ron", "--set", "tone.length=1"];
    let output = alone(folder.path(), &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("score run"));
}

#[test]
fn one_device_is_not_given_to_two_nodes() {
    let folder = tempfile::tempdir().unwrap();
    let patch = r#"Patch(format: 1, nodes: { "tone": tone(), "a": audio_out(device: "JACK"),
        "b": audio_out(device: "jack") }, wires: ["tone -> a", "tone -> b"])"#;
    std::fs::write(folder.path().join("two.ron"), patch).unwrap();
    let output = alone(folder.path(), &["check", "two.ron"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("both want the sound output `jack`"), "{said}");
}

#[test]
fn devices_are_listed_where_there_are_none_and_where_a_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let output = alone(folder.path(), &["devices"]).output().unwrap();
    assert!(output.status.success());
    assert!(text(&output.stdout).contains("no JACK sound here"));
    assert!(text(&output.stderr).is_empty(), "{}", text(&output.stderr));

    let Some(jack) = Jack::start(1024) else {
        return;
    };
    let output = jack.score(folder.path(), &["devices"]).output().unwrap();
    assert!(text(&output.stdout).contains(r#"device: "JACK""#));
    let output = jack
        .score(folder.path(), &["devices", "--json"])
        .output()
        .unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let systems = listed["sound_outputs"].as_array().unwrap();
    let jack = systems
        .iter()
        .find(|group| group["system"] == "JACK")
        .unwrap();
    assert_eq!(jack["is_there"], true);
    assert_eq!(jack["devices"][0]["name"], "JACK");
}
