//! What the status and the log of a live run tell of it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use score_test_support::{program, score, text, write_scale};

const PATIENCE: Duration = Duration::from_secs(60);

/// A run with its log and status in files; ended with this value.
struct Running(Child);

impl Running {
    fn start(folder: &Path) -> Self {
        let arguments = [
            "run",
            "patch.ron",
            "--quiet",
            "--log-file",
            "log.txt",
            "--log-format",
            "json",
            "--status-json",
            "status.jsonl",
        ];
        let mut command = program(folder, &arguments);
        Running(command.stderr(Stdio::null()).spawn().unwrap())
    }

    /// Ends it as Ctrl-C does.
    fn end(mut self) {
        let kill = ["-c", r#"kill -INT "$0""#, &self.0.id().to_string()];
        Command::new("sh").args(kill).status().unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines of a file of JSON that are whole.
fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines();
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Waits for a line that is as `wanted` says.
fn until(path: &Path, wanted: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        if let Some(line) = lines(path).into_iter().find(|line| wanted(line)) {
            return line;
        }
        assert!(started.elapsed() < PATIENCE, "{:#?}", lines(path));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A camera that is nowhere.
const CAMERA: &str = r#"Patch(format: 1, nodes: {"camera": camera(device: "/dev/no-such-camera"),
    "light": brightness(), "tune": midi_input_file(path: "song.mid"), "notes": midi_file(path: "out.mid")},
    wires: ["camera -> light", "tune -> notes"])"#;

#[test]
fn a_camera_that_is_missing_is_waited_for_with_the_reason_and_since_when() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_scale(&folder.join("song.mid"));
    std::fs::write(folder.join("patch.ron"), CAMERA).unwrap();
    let running = Running::start(folder);
    let id = running.0.id();
    let is_known = |line: &Value| line["nodes"][0]["last_error"].is_string();
    let line = until(&folder.join("status.jsonl"), is_known);
    let camera = &line["nodes"][0];
    assert_eq!(
        (&camera["id"], &camera["state"]),
        (&"camera".into(), &"waiting".into())
    );
    let reason = camera["waiting"]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("the camera `/dev/no-such-camera`: "),
        "{reason}"
    );
    assert_eq!(camera["last_error"], reason);
    assert!(camera["waiting"]["since"].as_str().unwrap() <= line["at"].as_str().unwrap());
    assert_eq!(line["nodes"][1]["state"], "running");
    assert_eq!(line["pid"], id);
    assert_eq!(
        (&line["patch"], &line["revision"]),
        (&"patch.ron".into(), &1.into())
    );
    assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));

    // A second run of the same files is refused, and leaves the first alone.
    for option in ["--log-file", "--status-json"] {
        let file = if option == "--log-file" {
            "log.txt"
        } else {
            "status.jsonl"
        };
        let refused = score(folder, &["run", "patch.ron", "--quiet", option, file]);
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1));
        assert!(told.contains("another run writes into it"), "{told}");
    }

    let both = ["--log-file", "both.txt", "--status-json", "./both.txt"];
    let refused = score(folder, &[&["run", "patch.ron"], &both[..]].concat());
    assert_eq!(refused.status.code(), Some(1));
    let told = text(&refused.stderr);
    assert!(
        told.contains("`both.txt` cannot be both the log and the status"),
        "{told}"
    );
    assert!(!folder.join("both.txt").exists());

    running.end();
    let log = lines(&folder.join("log.txt"));
    let (first, last) = (log.first().unwrap(), log.last().unwrap());
    assert_eq!(first["message"], "starts");
    assert_eq!(
        (&first["patch"], &first["pid"]),
        (&"patch.ron".into(), &id.into())
    );
    assert_eq!(first["version"], env!("CARGO_PKG_VERSION"));
    let plays = log.iter().find(|line| line["message"] == "plays").unwrap();
    assert_eq!(plays["devices"], "camera: /dev/no-such-camera");
    let ends = last["message"].as_str().unwrap();
    assert!(
        ends.starts_with("ends: ") && last["seconds"].is_u64(),
        "{last}"
    );
}

#[test]
fn what_keeps_a_run_from_starting_is_in_its_log_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(
        folder.join("patch.ron"),
        r#"Patch(format: 1, nodes: {"a": synt()})"#,
    )
    .unwrap();
    let refused = score(
        folder,
        &["run", "patch.ron", "--quiet", "--log-file", "log.txt"],
    );
    assert_eq!(refused.status.code(), Some(1));
    let log = std::fs::read_to_string(folder.join("log.txt")).unwrap();
    for wanted in [
        "starts",
        "ends: patch.ron:1:",
        "there is no node kind `synt`",
    ] {
        assert!(log.contains(wanted), "{wanted} is not in:\n{log}");
    }
    assert!(text(&refused.stderr).contains("there is no node kind `synt`"));
}
