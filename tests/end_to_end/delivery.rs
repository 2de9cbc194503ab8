//! What a film is delivered with: mix and film alike in loudness, stems, one .mid, sheet music, the
//! picture of the run.

use std::path::Path;

use score_test_support::{ffmpeg, names, program, score, text, write_scale};

const PATCH: &str = r#"Patch(
    format: 1,
    transport: (tempo: 120, key: "C major"),
    nodes: {
        "film":   video_file(path: "film.mp4", width: 32, height: 32, rate: 8),
        "cuts":   cut_detector(),
        "tune":   midi_input_file(path: "scale.mid"),
        "low":    midi_input_file(path: "scale.mid"),
        "lead":   synth(voice: glass),
        "deep":   synth(voice: bass),
        "mix":    mixer(gains: [0, -6], pans: [-0.3, 0.3]),
        "sound":  audio_file(path: "a.wav", loudness: -16, bits: 24),
        "movie":  video_mux(film: "film.mp4", path: "a.mp4", loudness: -16),
        "notes":  midi_file(path: "a.mid", programs: [73, 33]),
        "sheet":  sheet_music(path: "a.musicxml"),
        "roll":   piano_roll(path: "a.png"),
    },
    wires: [
        "film -> cuts",
        "tune -> lead -> mix -> sound",
        "low -> deep -> mix",
        "mix -> movie",
        "tune -> notes",
        "low -> notes",
        "cuts.cut -> notes.events",
        "tune -> sheet",
        "low -> sheet",
        "tune -> roll",
        "low -> roll",
        "film -> roll.frames",
        "cuts.cut -> roll.events",
    ],
)"#;

/// The patch, and the film and tune that it names.
fn write_inputs(folder: &Path) {
    ffmpeg(
        folder,
        "-f lavfi -i testsrc2=rate=8:duration=2:size=32x32 film.mp4",
    );
    write_scale(&folder.join("scale.mid"));
    std::fs::write(folder.join("own.ron"), PATCH).unwrap();
}

/// The integrated loudness that ffmpeg's own meter finds, in LUFS.
fn loudness(folder: &Path, name: &str) -> f64 {
    let output = std::process::Command::new("ffmpeg")
        .current_dir(folder)
        .args(["-nostdin", "-hide_banner", "-i", name])
        .args(["-af", "ebur128", "-f", "null", "-"])
        .output()
        .unwrap();
    let said = text(&output.stderr);
    let summary = said.split("Summary:").nth(1).unwrap();
    let figure = summary.split("I:").nth(1).unwrap().trim();
    figure.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_film_comes_with_mix_stems_notes_sheet_and_picture() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_inputs(folder);
    let arguments = [
        "film", "film.mp4", "--patch", "own.ron", "--out", "out", "--stems",
    ];
    let output = score(folder, &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    // Again, in place of what is its own.
    let output = score(folder, &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut written: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    written.sort();
    let wanted = [
        "out-stem-deep.wav",
        "out-stem-lead.wav",
        "out.mid",
        "out.mp4",
        "out.musicxml",
        "out.png",
        "out.wav",
    ];
    assert_eq!(written, wanted);
    for name in wanted {
        assert!(names(folder).contains(&name.to_owned()), "{name}");
    }
    for name in ["out.wav", "out.mp4"] {
        let loudness = loudness(folder, name);
        assert!((loudness + 16.0).abs() < 0.5, "{name}: {loudness} LUFS");
    }
    let sheet = std::fs::read_to_string(folder.join("out.musicxml")).unwrap();
    assert!(sheet.contains("<part-name>tune</part-name>") && sheet.contains("<fifths>0</fifths>"));
}

#[test]
fn stems_of_a_patch_without_a_mixer_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("film.mp4"), "x").unwrap();
    let patch = r#"Patch(format: 1, nodes: {"film": video_file(path: "film.mp4")}, wires: [])"#;
    std::fs::write(folder.join("own.ron"), patch).unwrap();
    let arguments = ["film", "film.mp4", "--patch", "own.ron", "--stems"];
    let output = score(folder, &arguments);
    assert!(!output.status.success());
    assert!(
        text(&output.stderr).contains("has no mixer"),
        "{}",
        text(&output.stderr)
    );
}

/// Programs in LilyPond's place, which make a page of what they read.
#[cfg(unix)]
fn engravers(folder: &Path) -> std::ffi::OsString {
    use std::os::unix::fs::PermissionsExt;
    let programs = folder.join("programs");
    std::fs::create_dir(&programs).unwrap();
    let write = |name: &str, script: &str| {
        let path = programs.join(name);
        std::fs::write(&path, format!("#!/bin/sh\nset -e\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    write(
        "musicxml2ly",
        r#"grep -q score-partwise "$3"; cp "$3" "$2""#,
    );
    write(
        "lilypond",
        r#"{ echo %PDF-1.4; grep -c '<note' "$4"; echo %%EOF; } > "$3.pdf""#,
    );
    let mut path = programs.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    path
}

#[cfg(unix)]
#[test]
fn sheet_music_is_drawn_where_there_is_an_engraver() {
    let folder = tempfile::tempdir().unwrap();
    let path = engravers(folder.path());
    let folder = folder.path();
    write_inputs(folder);
    let film = [
        "film", "film.mp4", "--patch", "own.ron", "--out", "out", "--pdf",
    ];
    // Twice: the second time in place of its own.
    for _ in 0..2 {
        let drawn = program(folder, &film).env("PATH", &path).output().unwrap();
        assert!(drawn.status.success(), "{}", text(&drawn.stderr));
    }
    let pdf = std::fs::read(folder.join("out.pdf")).unwrap();
    let pdf = text(&pdf);
    let notes: u32 = pdf.lines().nth(1).unwrap().parse().unwrap();
    assert!(notes >= 8, "{pdf}");
    assert!(pdf.ends_with('\n') && pdf.contains("SCORE! {"), "{pdf}");
}

#[test]
fn without_an_engraver_it_is_said_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(
        folder.join("own.ron"),
        r#"Patch(
            format: 1,
            nodes: {
                "tune":  midi_input_file(path: "scale.mid"),
                "sheet": sheet_music(path: "a.musicxml", page: "a.pdf"),
            },
            wires: ["tune -> sheet"],
        )"#,
    )
    .unwrap();
    write_scale(&folder.join("scale.mid"));
    let drawn = program(folder, &["render", "own.ron"])
        .env("PATH", folder.join("nowhere"))
        .output()
        .unwrap();
    assert_eq!(drawn.status.code(), Some(1));
    let said = text(&drawn.stderr);
    assert!(said.contains("`sudo apt install lilypond`"), "{said}");
    assert!(!folder.join("a.musicxml").exists());
}
