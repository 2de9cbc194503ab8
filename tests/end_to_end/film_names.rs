//! `score film` and the names of files.

use std::path::Path;
use std::process::{Command, Output};

use score_test_support::{graphs, names, score, text, write_scale};

/// A small film with the name `film`, and a scale to put under it.
fn write_film(folder: &Path, film: &str) {
    write_scale(&folder.join("scale.mid"));
    let done = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", "lavfi"])
        .args(["-i", "testsrc2=size=64x64:rate=8:duration=1"])
        .arg(folder.join(film))
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
}

/// Scores a film with the scale: the names matter here, not the models.
fn film(folder: &Path, arguments: &[&str]) -> Output {
    let patch = graphs().join("film_with_midi.ron");
    let patch = ["--patch", patch.to_str().unwrap()];
    let tune = ["--set", "tune.path=scale.mid"];
    score(folder, &[&["film"], &patch[..], &tune, arguments].concat())
}

#[test]
fn a_film_whose_name_begins_like_an_option_is_a_film_after_two_dashes_or_with_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder, "-film.mp4");
    for named in [&["--", "-film.mp4"][..], &["./-film.mp4"]] {
        let output = film(folder, named);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "-film-scored.mp4\n-film-scored.png\n");
        for written in text(&output.stdout).lines() {
            std::fs::remove_file(folder.join(written)).unwrap();
        }
        assert_eq!(names(folder), ["-film.mp4", "scale.mid"]);
    }
    let output = film(folder, &["-film.mp4"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("'-- -"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_quiet_film_says_nothing_but_errors() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder, "film.mp4");
    let output = film(folder, &["film.mp4", "--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    assert!(names(folder).contains(&"film-scored.mp4".to_owned()));
    let output = film(folder, &["film.mp4", "-q", "--out", "nowhere/out"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("there is no folder `nowhere`"));
}

#[test]
fn names_that_cannot_be_written_are_told_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("taken.png")).unwrap();
    std::fs::write(folder.join("film.mp4"), "not looked into yet").unwrap();
    for (out, wanted) in [
        ("nowhere/out", "there is no folder `nowhere`"),
        ("taken", "`taken.png` cannot be written: it is a folder"),
        ("film", "`film.mp4` would overwrite the film"),
        ("./film", "`./film.mp4` would overwrite the film"),
    ] {
        let output = film(folder, &["film.mp4", "--out", out]);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(
            said.starts_with("error: ") && said.contains(wanted),
            "{said}"
        );
        assert_eq!(names(folder), ["film.mp4", "taken.png"]);
    }
}
