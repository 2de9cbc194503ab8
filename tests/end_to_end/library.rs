//! The patches that come along: every one is fine, and those that render make music.

use std::path::Path;

use crate::support::{graphs, onsets, score, text, write_film, write_scale};

/// All patches in a folder with the film and the tune that they name.
fn unpacked() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_film(folder.path());
    write_scale(&folder.path().join("song.mid"));
    for entry in std::fs::read_dir(graphs()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

/// The loudest sample of a sound file.
fn peak(path: &Path) -> i32 {
    let mut sound = hound::WavReader::open(path).unwrap();
    let samples = sound.samples::<i32>().map(|sample| sample.unwrap().abs());
    samples.max().unwrap_or(0)
}

#[test]
fn every_patch_that_comes_along_is_fine() {
    let folder = unpacked();
    let mut names: Vec<String> = std::fs::read_dir(graphs())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 15);
    let mut arguments = vec!["check"];
    arguments.extend(names.iter().map(String::as_str));
    let checked = score(folder.path(), &arguments);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    assert_eq!(text(&checked.stdout).lines().count(), names.len());
}

#[test]
fn patches_for_a_film_give_it_music() {
    let folder = unpacked();
    for name in ["shuffled", "factors", "layers", "stream"] {
        let patch = format!("{name}.ron");
        let made = score(
            folder.path(),
            &["film", "film.mp4", "--patch", &patch, "--out", name, "-q"],
        );
        assert!(made.status.success(), "{name}: {}", text(&made.stderr));
        assert!(
            peak(&folder.path().join(format!("{name}.wav"))) > 1_000,
            "{name}"
        );
        assert!(folder.path().join(format!("{name}.mp4")).exists());
    }
    assert_ne!(
        std::fs::read(folder.path().join("shuffled.wav")).unwrap(),
        std::fs::read(folder.path().join("factors.wav")).unwrap()
    );
}

#[test]
fn a_dialogue_and_a_way_between_melodies_are_rendered() {
    let folder = unpacked();
    for (patch, notes, sound) in [
        ("two_films.ron", "dialogue.mid", "dialogue.wav"),
        ("interpolation.ron", "way.mid", "way.wav"),
    ] {
        let made = score(folder.path(), &["render", patch, "-q"]);
        assert!(made.status.success(), "{patch}: {}", text(&made.stderr));
        assert!(onsets(&folder.path().join(notes)).len() > 4, "{patch}");
        assert!(peak(&folder.path().join(sound)) > 1_000, "{patch}");
    }
}
