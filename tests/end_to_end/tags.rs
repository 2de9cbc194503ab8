//! `score tag`: films in words, and words of one's own.

use std::path::Path;

use score_test_support::{ffmpeg, names, score, text, write_film};

/// A folder of ten pictures, each a moment of a source of ffmpeg's.
fn write_pictures(folder: &Path, name: &str, source: &str) {
    std::fs::create_dir(folder.join(name)).unwrap();
    ffmpeg(
        folder,
        &format!("-f lavfi -i {source}=size=128x96:rate=2 -frames:v 10 {name}/%02d.png"),
    );
}

#[test]
fn a_word_is_taught_by_two_folders_and_then_told_of_a_film_and_played_by_a_patch() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // The film shows four seconds of each, and then of something else.
    write_film(folder);
    write_pictures(folder, "bars", "testsrc2");
    write_pictures(folder, "curves", "mandelbrot");
    let taught = score(folder, &["tag", "--new", "bars", "bars", "curves"]);
    assert!(taught.status.success(), "{}", text(&taught.stderr));
    assert!(
        text(&taught.stdout).contains("20 of 20"),
        "{}",
        text(&taught.stdout)
    );

    let output = score(
        folder,
        &[
            "tag", "film.mp4", "--own", "bars.ron", "--out", "film.csv", "--json",
        ],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let timeline = &found["timeline"];
    let track = |name: &str| -> Vec<f64> {
        let tracks = timeline["tracks"].as_array().unwrap();
        let track = tracks.iter().find(|track| track["name"] == name).unwrap();
        let values = track["values"].as_array().unwrap().iter();
        values.map(|value| value.as_f64().unwrap()).collect()
    };
    let bars = track("bars");
    assert!(bars[4] > 0.5 && bars[24] < 0.5, "{bars:?}");
    for name in ["bright", "person", "moving"] {
        assert_eq!(track(name).len(), bars.len());
    }
    assert!(!timeline["shots"].as_array().unwrap().is_empty());
    let csv = std::fs::read_to_string(folder.join("film.csv")).unwrap();
    assert!(
        csv.starts_with("seconds,scene,bars,animal,"),
        "{}",
        &csv[..80]
    );
    assert_eq!(csv.lines().count(), bars.len() + 1);

    let patch = r#"Patch(
        format: 1,
        nodes: {
            "film": video_file(path: "film.mp4", width: 64, height: 64, rate: 4),
            "eye": frame_encoder(),
            "bars": tags(own: "bars.ron"),
            "walk": scale_walk(),
            "notes": midi_file(path: "film.mid"),
        },
        wires: ["film -> eye -> bars -> walk.density", "walk -> notes"],
    )"#;
    std::fs::write(folder.join("bars-play.ron"), patch).unwrap();
    let output = score(folder, &["render", "bars-play.ron", "-q"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_word_that_is_worth_nothing_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_pictures(folder, "one", "mandelbrot");
    write_pictures(folder, "other", "mandelbrot");
    let before = names(folder);
    let refused = score(folder, &["tag", "--new", "same", "one", "other"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(
        said.contains("`same` was not written") && said.contains("--anyway"),
        "{said}"
    );
    assert_eq!(names(folder), before);
    let written = score(
        folder,
        &["tag", "--new", "same", "one", "other", "--anyway"],
    );
    assert!(written.status.success(), "{}", text(&written.stderr));
    assert!(
        text(&written.stderr).contains("worth nothing"),
        "{}",
        text(&written.stderr)
    );
}

#[test]
fn what_cannot_be_tagged_or_taught_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("empty")).unwrap();
    for (arguments, said) in [
        (&["tag", "none.mp4"][..], "`none.mp4` does not exist"),
        (
            &["tag", "--new", "rain", "empty", "empty"],
            "has no pictures",
        ),
        (&["tag", "--new", "rain", "empty"], "two folders"),
        (
            &["tag", "--new", "a/b", "empty", "empty"],
            "cannot be a word",
        ),
        (&["tag", "empty", "empty"], "--new WORD"),
    ] {
        let output = score(folder, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(
            text(&output.stderr).contains(said),
            "{}",
            text(&output.stderr)
        );
    }
}
