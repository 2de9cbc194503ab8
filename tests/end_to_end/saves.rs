//! What is saved while a patch plays is heard, wherever it lies; or it is said why not.

use std::path::Path;
use std::time::{Duration, Instant};

use score_test_support::{Talking, copy_models, program};

/// A patch that needs no device and writes nothing.
const HUM: &str = r#"Patch(
    format: 1,
    nodes: {
        "hum": tone(gain: -30),
    },
)
"#;

/// The same patch with another level.
fn hum(gain: i32) -> String {
    HUM.replace("-30", &gain.to_string())
}

fn playing(folder: &Path, arguments: &[&str]) -> Talking {
    let run: Vec<&str> = ["run", "show.ron", "--quiet"]
        .iter()
        .chain(arguments)
        .copied()
        .collect();
    let playing = Talking::start(&mut program(folder, &run));
    playing.until("plays");
    playing
}

#[cfg(unix)]
#[test]
fn an_edit_behind_links_is_heard_whichever_of_them_is_exchanged() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let release = |name: &str, gain: i32| {
        std::fs::create_dir(at(name)).unwrap();
        std::fs::write(at(name).join("show.ron"), hum(gain)).unwrap();
    };
    let exchange = |target: &str, link: &str| {
        symlink(target, at("new")).unwrap();
        std::fs::rename(at("new"), at(link)).unwrap();
    };
    release("r1", -30);
    symlink("r1", at("current")).unwrap();
    symlink("current/show.ron", at("show.ron")).unwrap();
    let playing = playing(folder.path(), &[]);
    // The target in place, replaced, the link of a release, a ConfigMap's folder.
    std::fs::write(at("r1/show.ron"), hum(-31)).unwrap();
    playing.until("the edit plays; got new values: hum");
    std::fs::write(at("r1/new"), hum(-32)).unwrap();
    std::fs::rename(at("r1/new"), at("r1/show.ron")).unwrap();
    playing.until("the edit plays; got new values: hum");
    release("r2", -33);
    exchange("r2", "current");
    playing.until("the edit plays; got new values: hum");
    release("..1", -34);
    release("..2", -35);
    symlink("..1", at("..data")).unwrap();
    exchange("..data/show.ron", "show.ron");
    playing.until("the edit plays; got new values: hum");
    exchange("..2", "..data");
    playing.until("the edit plays; got new values: hum");
}

#[test]
fn with_poll_an_edit_is_heard_where_no_notice_comes() {
    let folder = tempfile::tempdir().unwrap();
    let patch = folder.path().join("show.ron");
    std::fs::write(&patch, HUM).unwrap();
    let playing = playing(folder.path(), &["--poll"]);
    std::fs::write(&patch, hum(-31)).unwrap();
    playing.until("the edit plays; got new values: hum");
    std::fs::write(folder.path().join("new"), hum(-32)).unwrap();
    std::fs::rename(folder.path().join("new"), &patch).unwrap();
    playing.until("the edit plays; got new values: hum");
}

#[test]
fn an_edit_of_what_was_typed_is_told_and_what_it_takes_away_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let patch = folder.path().join("show.ron");
    std::fs::write(&patch, HUM).unwrap();
    let playing = playing(folder.path(), &["--set", "hum.gain=-20"]);
    std::fs::write(&patch, hum(-31)).unwrap();
    playing.until("show.ron now says -31, which is not heard: --set hum.gain=-20 overrides it");
    std::fs::write(&patch, HUM.replace(r#""hum""#, r#""other""#)).unwrap();
    playing.until("--set hum.gain=-20 has nothing to set any more: there is no node `hum`");
    playing.until("the edit plays; began: other; went: hum");
    // A patch that begins so is refused.
    let wrong = Talking::start(&mut program(
        folder.path(),
        &["run", "show.ron", "--set", "hum.gain=-20", "--quiet"],
    ));
    wrong.until("--set hum.gain=-20: there is no node `hum`");
}

#[test]
fn a_patch_that_is_deleted_is_gone_and_plays_on_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let patch = folder.path().join("show.ron");
    std::fs::write(&patch, HUM).unwrap();
    let playing = playing(folder.path(), &[]);
    std::fs::remove_file(&patch).unwrap();
    playing.until("show.ron is gone; revision 1 keeps playing");
    std::fs::write(&patch, HUM).unwrap();
    playing.until("show.ron is back, with nothing changed");
    std::fs::write(&patch, hum(-31)).unwrap();
    playing.until("the edit plays; got new values: hum");
}

/// A model of 64 GB whose checksum takes minutes, as a file on a network share can.
fn write_slow_model(folder: &Path) {
    copy_models(folder);
    let manifest = std::fs::read_to_string(folder.join("models/manifest.ron")).unwrap();
    let file = manifest
        .split('"')
        .find(|word| word.ends_with("eye/encoder.onnx"))
        .unwrap();
    let model = std::fs::File::create(folder.join("models").join(file)).unwrap();
    model.set_len(64 << 30).unwrap();
}

#[test]
fn a_file_that_does_not_answer_holds_up_neither_signals_nor_edits() {
    let folder = tempfile::tempdir().unwrap();
    let patch = folder.path().join("show.ron");
    write_slow_model(folder.path());
    std::fs::write(&patch, HUM).unwrap();
    let run = |file: &str| {
        let mut run = program(
            folder.path(),
            &["run", file, "--quiet", "--status-json", "-"],
        );
        run.env("SCORE_MODELS", folder.path().join("models"));
        Talking::start(&mut run)
    };
    let playing = run("show.ron");
    playing.until("plays");
    let slow = HUM.replace(
        "    },\n)",
        r#"        "eye": frame_encoder(model: "eye"),
        "cam": camera(),
    },
    wires: ["cam -> eye"],
)"#,
    );
    assert_ne!(slow, HUM);
    std::fs::write(&patch, &slow).unwrap();
    playing.until("`eye` (frame_encoder) is not ready after");
    // The status goes on, and a newer edit does not wait.
    playing.until(r#""revision":1"#);
    playing.until(r#""revision":1"#);
    std::fs::write(&patch, hum(-31)).unwrap();
    playing.until("the edit plays; got new values: hum");
    std::fs::write(&patch, &slow).unwrap();
    playing.until("revision 2 keeps playing");
    ends_soon(playing);
    // Nor does a run that has not begun yet.
    std::fs::write(folder.path().join("slow.ron"), &slow).unwrap();
    let waiting = run("slow.ron");
    waiting.until("nothing plays yet");
    ends_soon(waiting);
}

/// Sends SIGTERM, and wants the end within what a busy machine needs, far from what the file would
/// take.
fn ends_soon(mut playing: Talking) {
    let asked = Instant::now();
    playing.signal("TERM");
    playing.wait(Duration::from_secs(10));
    assert!(asked.elapsed() < Duration::from_secs(10));
}

#[cfg(unix)]
#[test]
fn signals_that_would_kill_end_the_run_well() {
    let folder = tempfile::tempdir().unwrap();
    let text = HUM.replace(
        "    },\n)",
        r#"        "take": recorder(path: "take.wav"),
    },
    wires: ["hum -> take"],
)"#,
    );
    std::fs::write(folder.path().join("show.ron"), text).unwrap();
    for signal in ["USR1", "USR2", "HUP"] {
        let mut playing = playing(folder.path(), &[]);
        playing.signal(signal);
        let status = playing.wait(Duration::from_secs(30));
        assert!(status.success(), "{signal}: {status}");
    }
}
