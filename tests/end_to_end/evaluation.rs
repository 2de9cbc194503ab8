//! `score eval`: music that follows is told from music that does not.

use std::path::Path;

use score_test_support::{ffmpeg, graphs, names, score, text, write_film, write_scale};

/// What `score eval` prints as JSON.
fn found(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let output = score(folder, &[&["eval"], arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn figures(report: &serde_json::Value) -> Vec<(String, Option<f64>)> {
    let figures = report["found"]["figures"].as_array().unwrap();
    figures
        .iter()
        .map(|figure| {
            let name = figure["name"].as_str().unwrap().to_owned();
            (name, figure["p"].as_f64())
        })
        .collect()
}

#[test]
fn a_frozen_film_shows_nothing_driven() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    ffmpeg(
        folder,
        "-f lavfi -i mandelbrot=size=320x180:rate=1:start_scale=0.4 -frames:v 1 still.png",
    );
    ffmpeg(
        folder,
        "-loop 1 -framerate 25 -i still.png -t 40 -c:v libx264 -preset ultrafast -pix_fmt yuv420p film.mp4",
    );
    let report = found(folder, &["film", "film.mp4", "-q"]);
    for (name, p) in figures(&report) {
        assert_eq!(p, None, "{name}");
    }
    assert_eq!(names(folder), ["film.mp4", "still.png"]);
}

/// A film of scenes of 4.6 s between three looks, for 60 s, begun `from` scenes later and gone
/// round.
fn write_scenes(folder: &Path, name: &str, from: usize) {
    let looks = [
        "testsrc2=size=160x90:rate=25",
        "mandelbrot=size=160x90:rate=25:start_scale=0.4",
        "gradients=size=160x90:rate=25:seed=5:speed=0.02",
    ];
    let order = [0, 1, 2, 1, 0, 2, 0, 1, 0, 2, 1, 2, 0];
    let inputs: String = (0..order.len())
        .map(|index| {
            let look = looks[order[(index + from) % order.len()]];
            format!("-f lavfi -t 4.6 -i {look} ")
        })
        .collect();
    let joined: String = (0..order.len())
        .map(|index| format!("[{index}:v]setsar=1,format=yuv420p[v{index}];"))
        .collect();
    let names: String = (0..order.len())
        .map(|index| format!("[v{index}]"))
        .collect();
    ffmpeg(
        folder,
        &format!(
            "{inputs} -filter_complex {joined}{names}concat=n={}[v] -map [v] -c:v libx264 -threads 1 -preset ultrafast {name}",
            order.len()
        ),
    );
}

#[test]
fn the_music_of_strong_scenes_follows_and_that_of_the_film_begun_elsewhere_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_scenes(folder, "film.mp4", 0);
    write_scenes(folder, "shifted.mp4", 5);
    // One melody, which nothing but the pictures leads.
    let classic = graphs().join("classic.ron");
    let classic = classic.to_str().unwrap();
    let report = ["--report", "report.html", "--patch", classic];
    let arguments = [&["film", "film.mp4", "-q"][..], &report].concat();
    let report = found(folder, &arguments);
    let mantel = figures(&report).swap_remove(0);
    assert_eq!(mantel.0, "partial_mantel");
    assert!(mantel.1.unwrap() < 0.01, "{mantel:?}");
    // The way back: the model that plays the tune reads it.
    let read = &report["found"]["read"];
    assert_eq!(read["node"], "tune");
    assert_eq!(read["model"], "melody");
    assert!(read["bars"].as_u64().unwrap() > 20, "{read}");
    let back = figures(&report).split_off(9);
    let names: Vec<&str> = back.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["round_trip", "scene_place"]);
    assert!(back.iter().all(|(_, p)| p.is_some()), "{back:?}");
    assert_eq!(report["found"]["cuts"].as_array().unwrap().len(), 12);
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("data:image/png;base64,") && !page.contains("<script"));
    // Nothing that is printed depends on chance.
    assert_eq!(found(folder, &arguments), report);

    let shifted = ["film", "shifted.mp4", "--out", "other", "-q"];
    let done = score(folder, &[&shifted[..], &["--patch", classic]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let patch = r#"Patch(
        format: 1,
        nodes: {"tune": midi_input_file(path: "other.mid"), "notes": midi_file(path: "out.mid")},
        wires: ["tune -> notes"],
    )"#;
    std::fs::write(folder.join("other.ron"), patch).unwrap();
    let report = found(folder, &["film", "film.mp4", "-q", "--patch", "other.ron"]);
    let chance = figures(&report);
    // A file's notes come from no latents.
    assert_eq!(report["found"]["read"], serde_json::Value::Null);
    assert!(chance[9..].iter().all(|(_, p)| p.is_none()), "{chance:?}");
    // The codes' distances are what the music is made of; of the other figures one may be lucky.
    assert!(chance[0].1.is_none_or(|p| p > 0.01), "{chance:?}");
    let lucky = chance.iter().filter(|(_, p)| p.is_some_and(|p| p <= 0.01));
    assert!(lucky.count() <= 1, "{chance:?}");
    assert!(!folder.join("out.mid").exists());
}

#[test]
fn six_scenes_of_eight_seconds_that_return_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let colours = ["0x802020", "0x206080", "0xd0d040"].repeat(2);
    let inputs = colours
        .iter()
        .map(|colour| format!("-f lavfi -t 8 -i color=c={colour}:size=160x90:rate=12 "));
    let inputs: String = inputs.collect();
    ffmpeg(
        folder,
        &format!(
            "{inputs} -filter_complex [0:v][1:v][2:v][3:v][4:v][5:v]concat=n=6[v] -map [v] -c:v libx264 -threads 1 \
             -preset ultrafast -pix_fmt yuv420p film.mp4"
        ),
    );
    let report = found(folder, &["film", "film.mp4", "-q", "--shifts", "999"]);
    assert_eq!(report["found"]["cuts"].as_array().unwrap().len(), 5);
    let figures = report["found"]["figures"].as_array().unwrap();
    for name in ["scene_contrast", "scene_recurrence"] {
        let figure = figures.iter().find(|figure| figure["name"] == name);
        let figure = figure.unwrap();
        assert_eq!(figure["more"]["scenes"], 3.0, "{figure}");
        assert!(figure["value"].as_f64().unwrap() > 0.0, "{figure}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_film(folder);
    ffmpeg(folder, "-i film.mp4 -t 6 short.mp4");
    let silent = r#"Patch(
        format: 1,
        nodes: {"tone": tone(), "sound": audio_file(path: "out.wav")},
        wires: ["tone -> sound"],
    )"#;
    std::fs::write(folder.join("silent.ron"), silent).unwrap();
    for (arguments, wanted) in [
        (&["film", "missing.mp4"][..], "does not exist"),
        (&["film", "short.mp4"], "too short"),
        (&["film", "film.mp4", "--patch", "silent.ron"], "no notes"),
        (
            &["film", "film.mp4", "--report", "none/a.html"],
            "no folder",
        ),
        (&["music", "missing"], "cannot be read"),
        (&["music", "."], "no melody"),
    ] {
        let output = score(folder, &[&["eval"], arguments].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
}

#[test]
fn a_model_is_measured_on_melodies_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("tunes")).unwrap();
    write_scale(&folder.join("tunes/scale.mid"));
    std::fs::write(folder.join("tunes/broken.mid"), "no music").unwrap();
    let sampled = score(
        folder,
        &[
            "sample",
            "--count",
            "6",
            "--seed",
            "1",
            "--out",
            "tunes/more.mid",
        ],
    );
    assert!(sampled.status.success(), "{}", text(&sampled.stderr));
    let report = found(folder, &["music", "tunes", "--samples", "40"]);
    let found = &report["found"];
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    assert_eq!(
        (number(&found["files"]), number(&found["without_melody"])),
        (3.0, 1.0)
    );
    // One of the scale, and of six melodies one from every bar on, where there are notes enough.
    assert!(
        (6.0..=12.0).contains(&number(&found["melodies"])),
        "{found}"
    );
    for share in ["tokens", "at_events", "onset_f1", "pitch_at_onset"] {
        assert!(
            number(&found["teacher_forced"][share]) > 0.7,
            "{share}: {found}"
        );
    }
    for divergence in found["divergences"].as_object().unwrap().values() {
        assert!((0.0..=1.0).contains(&number(divergence)), "{found}");
    }
}
