//! What is said where a program or a library is missing: the command that installs it.

use std::path::Path;

use score_test_support::{graphs, names, program, text, write_scale};

/// What the program says, on one line each, when it fails without writing anything.
fn complaint(folder: &Path, arguments: &[&str], environment: (&str, &Path)) -> String {
    let before = names(folder);
    let output = program(folder, arguments)
        .env(environment.0, environment.1)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(names(folder), before, "{arguments:?}");
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 2, "{arguments:?}: {said}");
    assert!(said.starts_with("error: "), "{arguments:?}: {said}");
    assert!(said.contains("\n  help: "), "{arguments:?}: {said}");
    said
}

#[test]
fn without_ffmpeg_a_patch_and_a_film_say_how_to_install_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_scale(&folder.join("scale.mid"));
    // Never looked into: the program that would is not there.
    std::fs::write(folder.join("film.mp4"), "").unwrap();
    let patch = graphs().join("film_with_midi.ron");
    let patch = patch.to_str().unwrap();
    let nowhere = folder.join("nowhere");
    let tune = ["--set", "tune.path=scale.mid"];
    let film = ["film", "film.mp4", "--patch", patch];
    let mut render = vec!["render", patch];
    for param in [
        "film.path=film.mp4",
        "movie.film=film.mp4",
        "movie.path=out.mp4",
        "roll.path=out.png",
    ] {
        render.extend(["--set", param]);
    }
    for command in [&film[..], &render] {
        let said = complaint(folder, &[command, &tune].concat(), ("PATH", &nowhere));
        assert!(said.contains("the program ff"), "{said}");
        assert!(said.contains("`sudo apt install ffmpeg`"), "{said}");
    }
}

#[test]
fn without_onnx_runtime_every_command_that_runs_a_model_says_how_to_fetch_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_scale(&folder.join("scale.mid"));
    let walk = graphs().join("random_walk.ron");
    for command in [
        &["models", "verify"][..],
        &["models", "verify", "melody"],
        &["sample"],
        &["interpolate", "scale.mid", "scale.mid"],
        &[
            "render",
            walk.to_str().unwrap(),
            "--set",
            "sound.path=a.wav",
        ],
    ] {
        let said = complaint(
            folder,
            command,
            ("ORT_DYLIB_PATH", Path::new("/nonexistent")),
        );
        assert!(said.contains("ONNX Runtime"), "{said}");
        assert!(said.contains("run `make runtime`"), "{said}");
    }
}

#[test]
fn what_only_reads_the_manifest_needs_no_onnx_runtime() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&["models", "list"][..], &["models", "info", "melody"]] {
        let output = program(folder.path(), command)
            .env("ORT_DYLIB_PATH", "/nonexistent")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}
