//! A page binds the MIDI controller that moves next, at JACK.

use std::process::Stdio;

use serde_json::json;

use score_test_support::Talking;
use score_test_support::fader;
use score_test_support::jack::{Jack, Running};
use score_test_support::page_client::Door;

const PATCH: &str = r#"Patch(
    format: 1,
    nodes: {
        // How loud it hums.
        "hum":     tone(gain: -30),
        "speaker": audio_out(device: "JACK"),
    },
    wires: ["hum -> speaker"],
)
"#;

/// Not a test: the program that moves a fader.
#[test]
#[ignore = "started by the others"]
fn moves() {
    fader::move_if_asked();
}

#[test]
fn the_controller_that_moves_is_written_into_the_patch_and_plays() {
    let Some(jack) = Jack::start(1024) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let patch = folder.path().join("show.ron");
    std::fs::write(&patch, PATCH).unwrap();
    let arguments = ["run", "show.ron", "--quiet", "--no-remote", "--page", "0"];
    let mut run = jack.score(folder.path(), &arguments);
    let run = Talking::start(run.env("XDG_CONFIG_HOME", folder.path().join("config")));
    let door = Door::of(&run.until("the page opens once at"));
    run.until("plays");
    let cookie = door.cookie(&door.secret);
    let (mut page, mut other) = (door.open(&cookie), door.open(&cookie));
    let learn = json!({ "learn": { "id": 7, "node": "hum", "param": "gain" } });

    // Without a port it says so; where one only plays notes it waits until it is cancelled.
    page.send(&learn);
    let none = page.until(|told| told["answer"] == 7);
    assert_eq!(none["errors"][0]["message"], "there is no MIDI input");
    let keys = ["keys", "48000", "0", "60", "1000"];
    let _keys = Running::start(jack.tool("jack_midiseq").args(keys).stdout(Stdio::null()));
    jack.until_port("keys:out");
    page.send(&learn);
    let told = page.until(|told| told["learning"].is_object());
    assert_eq!(told["learning"]["ports"], json!(["JACK: keys:out"]));
    other.send(&learn);
    let refused = other.until(|told| told["answer"] == 7);
    assert_eq!(refused["errors"][0]["kind"], "busy");
    page.send(&json!("stop_learning"));
    let stopped = page.until(|told| told["answer"] == 7);
    assert_eq!(stopped["errors"][0]["kind"], "midi");
    assert_eq!(std::fs::read_to_string(&patch).unwrap(), PATCH);

    let _fader = fader::start(&jack, folder.path(), "learn::moves");
    other.send(&learn);
    let bound = other.until(|told| told["answer"] == 7);
    let wanted = json!({ "port": "JACK: fader:out", "channel": 0, "number": fader::NUMBER });
    assert_eq!(bound["ok"], wanted, "{bound}");
    let text = std::fs::read_to_string(&patch).unwrap();
    let line = "\"hum.gain\": (port: \"JACK: fader:out\", channel: 0, number: 21)";
    assert!(
        text.contains(line) && text.contains("// How loud it hums."),
        "{text}"
    );
    // It sets the value from now on.
    page.until(|told| told["status"]["revision"] == 2);
    page.until(|told| {
        let mut values = told["values"].as_array().into_iter().flatten();
        values.any(|value| {
            value["param"] == "gain" && value["node"] == "hum" && value["source"] == "hand"
        })
    });
}
