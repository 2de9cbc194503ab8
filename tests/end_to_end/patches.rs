//! Patches: rendered, checked, drawn, and their reference.

use std::path::Path;
use std::process::{Output, Stdio};

use score_test_support::{graphs, names, program, score, text, write_scale};

fn play(folder: &Path, name: &str) -> Output {
    let patch = graphs().join("play_midi.ron");
    let (sound, notes) = (
        format!("sound.path={name}.wav"),
        format!("notes.path={name}.mid"),
    );
    let patch = patch.to_str().unwrap();
    score(
        folder,
        &[
            "render",
            patch,
            "--set",
            "tune.path=scale.mid",
            "--set",
            &sound,
            "--set",
            &notes,
        ],
    )
}

#[test]
fn rendering_twice_gives_the_same_bytes_and_the_right_length() {
    let folder = tempfile::tempdir().unwrap();
    write_scale(&folder.path().join("scale.mid"));
    for name in ["one", "two"] {
        let output = play(folder.path(), name);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("one.wav"), read("two.wav"));
    assert_eq!(read("one.mid"), read("two.mid"));
    let mut wav = hound::WavReader::open(folder.path().join("one.wav")).unwrap();
    assert_eq!(wav.duration(), 4 * 48_000);
    let samples: Vec<i16> = wav.samples::<i16>().map(Result::unwrap).collect();
    // Every half second a note begins: it is louder just after than just before.
    let level = |seconds: f64| {
        let start = (seconds * 48_000.0) as usize * 2;
        samples[start..start + 2_400]
            .iter()
            .map(|sample| f64::from(*sample).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    for onset in 1..8 {
        let onset = f64::from(onset) / 2.0;
        assert!(
            level(onset + 0.01) > level(onset - 0.06),
            "the note at {onset} s"
        );
    }
}

#[test]
fn a_patch_with_five_mistakes_prints_five_diagnostics_in_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let patch = r#"Patch(
    format: 1,
    nodes: {
        "film":  video_fil(path: "a.mp4"),
        "calm":  latent_smooth(half_live: 0.5),
        "map":   latent_map(whiten: sometimes),
        "piano": synth(gain: 40),
    },
    wires: ["calm -> map", "map -> violin"],
)
"#;
    std::fs::write(folder.path().join("wrong.ron"), patch).unwrap();
    let output = score(folder.path(), &["check", "wrong.ron"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    for place in [
        "wrong.ron:4:18:",
        "wrong.ron:5:32:",
        "wrong.ron:6:37:",
        "wrong.ron:7:30:",
        "wrong.ron:9:36:",
    ] {
        assert!(said.contains(place), "{place} in\n{said}");
    }
    assert_eq!(said.matches("wrong.ron:").count(), 5, "{said}");
    assert!(
        said.contains("did you mean `video_file`?") && said.contains("did you mean `half_life`?"),
        "{said}"
    );
    let output = score(folder.path(), &["check", "--json", "wrong.ron"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["diagnostics"].as_array().unwrap().len(), 5);
    assert_eq!(json["diagnostics"][0]["place"]["column"], 18);
}

#[test]
fn a_refused_run_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scale.mid"), "once upon a time").unwrap();
    let output = play(folder.path(), "out");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("`tune` (midi_input_file)"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(names(folder.path()), ["scale.mid"]);
}

#[test]
fn a_missing_folder_to_write_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_scale(&folder.path().join("scale.mid"));
    let output = play(folder.path(), "nowhere/out");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("nowhere/out") && said.contains("help: check that the folder exists"),
        "{said}"
    );
}

#[test]
fn a_patch_that_is_not_utf8_is_told_where() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("latin.ron"), b"Patch(\n  // caf\xe9\n)").unwrap();
    let output = score(folder.path(), &["check", "latin.ron"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).starts_with("latin.ron:2:9: this is not UTF-8 text"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn the_node_reference_in_the_book_is_what_the_program_prints() {
    let output = score(Path::new("."), &["nodes", "--markdown"]);
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/nodes.md");
    let written = std::fs::read_to_string(book).unwrap();
    assert!(
        text(&output.stdout) == written,
        "run `make docs` to write docs/nodes.md anew"
    );
}

#[test]
fn a_graph_shows_every_node_and_wire() {
    let folder = tempfile::tempdir().unwrap();
    write_scale(&folder.path().join("scale.mid"));
    let patch = graphs().join("play_midi.ron");
    for (format, wires) in [("mermaid", "-- Notes -->"), ("dot", r#"label = "Notes""#)] {
        let output = score(
            folder.path(),
            &[
                "graph",
                "--format",
                format,
                patch.to_str().unwrap(),
                "--set",
                "tune.path=scale.mid",
            ],
        );
        let drawing = text(&output.stdout);
        assert_eq!(drawing.matches(wires).count(), 2, "{drawing}");
    }
}

#[test]
fn every_kind_has_an_example_in_the_reference_that_uses_it() {
    let kinds = text(&score(Path::new("."), &["nodes"]).stdout);
    let kinds: Vec<&str> = kinds
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(kinds.len() >= 34, "{kinds:?}");
    for kind in kinds {
        let told = text(&score(Path::new("."), &["nodes", kind]).stdout);
        let example = told
            .split_once("```ron\n")
            .map_or("", |(_, example)| example);
        assert!(example.contains(&format!(" {kind}(")), "{kind}: {told}");
    }
}

#[test]
fn whoever_has_read_enough_of_what_is_printed_hears_of_no_error() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["nodes", "--markdown"][..],
        &["completions", "bash"],
        &["man"],
    ] {
        let mut command = program(folder.path(), arguments);
        let printing = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut printing = printing.unwrap();
        drop(printing.stdout.take());
        let output = printing.wait_with_output().unwrap();
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
        assert!(output.status.success());
    }
}
