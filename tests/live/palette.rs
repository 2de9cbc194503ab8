//! Every kind plays beside sound while a wire turns each of its live parameters.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use score_test_support::jack::{Jack, Running, interrupt};
use score_test_support::journal::statuses;

use score_test_support::{ffmpeg, score, text, write_film, write_recordings, write_scale};

/// How long each kind plays. The numbers on the wires go once up and down in it.
const PLAYS: Duration = Duration::from_secs(3);

/// The parameters of a kind that a wire can turn.
fn turned(kind: &Value) -> Vec<&str> {
    let params = kind["params"].as_array().unwrap();
    let wireable = |param: &&Value| {
        let of = &param["param_type"];
        param["change"] == "Live"
            && (of == "Flag"
                || ["Number", "Integer", "Length", "Choice"]
                    .iter()
                    .any(|name| !of[name].is_null()))
    };
    params
        .iter()
        .filter(wireable)
        .map(|param| param["name"].as_str().unwrap())
        .collect()
}

/// The ids of the nodes of this kind in a patch.
fn nodes_of<'a>(patch: &'a str, kind: &str) -> Vec<&'a str> {
    let made = format!(" {kind}(");
    patch
        .lines()
        .filter(|line| line.contains(&made))
        .filter_map(|line| line.split('"').nth(1))
        .collect()
}

/// A kind's example with a tone to listen to, and a slow wave on a wire into each of its live
/// parameters.
fn rig(kind: &Value) -> String {
    // Live nothing is known of a whole film, and a file of others is not replaced.
    let example = kind["example"].as_str().unwrap();
    let example = example
        .replace("whiten: whole_film", "whiten: online")
        .replace(
            r#" midi_file(path: "tune.mid")"#,
            r#" midi_file(path: "heard.mid")"#,
        )
        .replace(
            r#"audio_file(path: "song.wav")"#,
            r#"audio_file(path: "heard.wav")"#,
        );
    let example = example.as_str();
    let name = kind["kind"].as_str().unwrap();
    let nodes = String::from(
        r#"nodes: {
        "beep": tone(gain: -40),
        "heard": audio_out(device: "JACK", latency: 4),
        "wave": lfo(shape: triangle, rate: 0.33, updates: 25),
"#,
    );
    let mut wires = String::from("wires: [\n\"beep -> heard\",\n");
    for id in nodes_of(example, name) {
        // What the example wires itself is turned already.
        let is_free = |param: &&str| !example.contains(&format!("-> {id}.{param}\""));
        for param in turned(kind).into_iter().filter(is_free) {
            let _ = writeln!(wires, r#""wave -> {id}.{param}","#);
        }
    }
    let body = example.replacen("nodes: {", &nodes, 1);
    let body = if body.contains("wires: [") {
        body.replacen("wires: [", &wires, 1)
    } else {
        format!("{body}, {wires}]")
    };
    format!("Patch(format: 1, {body})")
}

/// What the last status of a run says.
fn last_status(folder: &Path) -> Value {
    statuses(&folder.join("status.json"))
        .pop()
        .unwrap_or_default()
}

#[test]
#[ignore = "plays every kind for seconds: six minutes"]
fn every_kind_plays_without_a_dropout_while_each_of_its_live_parameters_is_turned() {
    let Some(jack) = Jack::start(256) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    write_scale(&folder.join("song.mid"));
    write_recordings(&folder.join("sounds"));
    for film in ["a.mp4", "b.mp4"] {
        std::fs::copy(folder.join("film.mp4"), folder.join(film)).unwrap();
    }
    std::fs::copy(folder.join("song.mid"), folder.join("tune.mid")).unwrap();
    std::fs::create_dir(folder.join("shots")).unwrap();
    for picture in ["photo.png", "photo.jpg", "shots/1.png"] {
        ffmpeg(folder, &format!("-i film.mp4 -frames:v 1 {picture}"));
    }
    ffmpeg(folder, "-i film.mp4 song.wav");
    let kinds = score(folder, &["nodes", "--json"]);
    let kinds: Value = serde_json::from_slice(&kinds.stdout).unwrap();
    let (mut played, mut refused, mut faults) = (0, Vec::new(), Vec::new());
    for kind in kinds["kinds"].as_array().unwrap() {
        let name = kind["kind"].as_str().unwrap();
        std::fs::write(folder.join("rig.ron"), rig(kind)).unwrap();
        let checked = score(folder, &["check", "rig.ron"]);
        if !checked.status.success() {
            refused.push(format!("{name}: {}", text(&checked.stderr)));
            continue;
        }
        let _ = std::fs::remove_file(folder.join("status.json"));
        let arguments = ["run", "rig.ron", "--status-json", "status.json", "--quiet"];
        let mut program = jack.score(folder, &arguments);
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut run = Running::start(program.stderr(log));
        std::thread::sleep(PLAYS);
        if !interrupt(&mut run.0).success() {
            let log = std::fs::read_to_string(folder.join("log")).unwrap();
            faults.push(format!("{name}: {log}"));
        }
        let status = last_status(folder);
        played += 1;
        if status["dropouts"] != 0 {
            faults.push(format!("{name}: {} dropouts", status["dropouts"]));
        }
        let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
        if nodes.is_empty() {
            faults.push(format!("{name}: no status"));
        }
        for node in nodes {
            // Nodes that lack a camera or a port of their own wait for it.
            if node["failures"] != 0 || node["state"] == "failed" {
                faults.push(format!("{name}: {} {}", node["id"], node["last_error"]));
            }
        }
        println!("{name}: {} parameters turned", turned(kind).len());
    }
    println!("{played} kinds played");
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(played > 90, "{played}");
    assert!(faults.is_empty(), "{faults:#?}");
}
