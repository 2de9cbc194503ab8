//! What a run may replace, where it may write, and what is told of it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use score_test_support::{
    Talking, graphs, names, program, score, text, write_scale, write_small_film,
};

/// A quarter of a second of a tone.
const TONE: &str = r#"Patch(
    format: 1,
    nodes: {
        "tone":  tone(length: seconds(0.25)),
        "sound": audio_file(path: "tone.wav"),
    },
    wires: ["tone -> sound"],
)
"#;

fn write_tone(folder: &Path) {
    std::fs::write(folder.join("tone.ron"), TONE).unwrap();
}

#[track_caller]
fn require_done(output: &Output) {
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// Requires that a command fails and says so.
#[track_caller]
fn require_refused(output: &Output, wanted: &[&str]) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for wanted in wanted {
        assert!(said.contains(wanted), "{wanted} is not in:\n{said}");
    }
}

/// Changes a byte in the middle of a file.
fn change(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// Writes a film of a second, and scores it with a scale.
fn film(folder: &Path, arguments: &[&str]) -> Output {
    if !folder.join("film.mp4").exists() {
        write_scale(&folder.join("scale.mid"));
        write_small_film(folder);
    }
    let patch = graphs().join("film_with_midi.ron");
    let given = [
        "film",
        "film.mp4",
        "--set",
        "tune.path=scale.mid",
        "--patch",
    ];
    let patch = [patch.to_str().unwrap()];
    score(folder, &[&given[..], &patch, arguments].concat())
}

#[test]
fn a_film_is_scored_again_without_a_question_until_what_was_written_changes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for _ in 0..2 {
        require_done(&film(folder, &[]));
    }
    let written = ["film-scored.mp4", "film-scored.png"];
    assert_eq!(
        names(folder),
        [
            "film-scored.mp4",
            "film-scored.png",
            "film.mp4",
            "scale.mid"
        ]
    );
    for name in written {
        change(&folder.join(name));
        let before = std::fs::read(folder.join(name)).unwrap();
        require_refused(&film(folder, &[]), &[name, "it has changed", "--overwrite"]);
        assert_eq!(std::fs::read(folder.join(name)).unwrap(), before);
        require_done(&film(folder, &["--overwrite"]));
    }
    require_done(&film(folder, &[]));
}

#[test]
fn what_a_patch_did_not_write_is_not_replaced_and_nothing_is_rendered_before() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_tone(folder);
    std::fs::write(folder.join("tone.wav"), "a recording of before").unwrap();
    // An hour of sound would take longer than this test.
    let long = ["render", "tone.ron", "--set", "tone.length=3600"];
    require_refused(
        &score(folder, &long),
        &["`sound` would replace `tone.wav`", "no mark"],
    );
    assert_eq!(
        std::fs::read(folder.join("tone.wav")).unwrap(),
        b"a recording of before"
    );
    require_done(&score(folder, &["render", "tone.ron", "--overwrite"]));
    // Another patch, the same node.
    std::fs::copy(folder.join("tone.ron"), folder.join("other.ron")).unwrap();
    let other = score(folder, &["render", "other.ron"]);
    require_refused(&other, &["`sound` of tone.ron wrote it"]);
    // Another node, the same patch.
    std::fs::write(folder.join("tone.ron"), TONE.replace("sound", "noise")).unwrap();
    require_refused(
        &score(folder, &["render", "tone.ron"]),
        &["`noise` would replace `tone.wav`: `sound` of tone.ron wrote it"],
    );
    // Another patch of the same name, or the same in another place.
    std::fs::create_dir(folder.join("moved")).unwrap();
    let moved = TONE.replace("tone.wav", "../tone.wav");
    std::fs::write(folder.join("moved/tone.ron"), moved).unwrap();
    let moved = ["render", "moved/tone.ron", "--write-to", "."];
    require_refused(&score(folder, &moved), &["before it was moved"]);
    // A link to the patch is the patch.
    std::fs::write(folder.join("tone.ron"), TONE).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("tone.ron", folder.join("link.ron")).unwrap();
        require_done(&score(folder, &["render", "link.ron"]));
    }
}

#[test]
fn what_a_node_reads_is_not_overwritten_whatever_consent_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_tone(folder);
    require_done(&score(folder, &["render", "tone.ron"]));
    let same = TONE
        .replace(
            "tone(length: seconds(0.25))",
            r#"audio_input_file(path: "tone.wav")"#,
        )
        .replace(
            r#"audio_file(path: "tone.wav")"#,
            r#"audio_file(path: "./tone.wav")"#,
        );
    std::fs::write(folder.join("same.ron"), same).unwrap();
    let done = score(folder, &["render", "same.ron", "--overwrite"]);
    require_refused(&done, &["`tone` reads it"]);
}

#[test]
fn a_terminal_is_asked_and_only_a_yes_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_tone(folder);
    let wav = folder.join("tone.wav");
    for (answer, replaced) in [("n\n", false), ("\n", false), ("y\n", true)] {
        std::fs::write(&wav, "of before").unwrap();
        let inner = program(folder, &["render", "tone.ron"]);
        // A terminal of its own; the answer goes to it.
        let mut asked = Command::new("script");
        asked
            .args(["-qec", r#""$SCORE" render tone.ron"#, "/dev/null"])
            .env("SCORE", inner.get_program())
            .env("SHELL", "/bin/sh")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut asked = asked.spawn().unwrap();
        std::io::Write::write_all(&mut asked.stdin.take().unwrap(), answer.as_bytes()).unwrap();
        let output = asked.wait_with_output().unwrap();
        let said = text(&output.stdout);
        assert!(
            said.contains("would replace") && said.contains("[y/N]"),
            "{said}"
        );
        assert_eq!(output.status.success(), replaced, "{said}");
        assert_eq!(std::fs::read(&wav).unwrap().starts_with(b"RIFF"), replaced);
    }
}

#[test]
fn a_take_is_never_replaced_and_gets_the_films_name_with_all_that_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_scale(&folder.join("scale.mid"));
    write_small_film(folder);
    let patch = r#"Patch(
        format: 1,
        nodes: {
            "film":  video_file(path: "no.mp4"),
            "tune":  midi_input_file(path: "scale.mid"),
            "piano": synth(),
            "movie": video_mux(film: "no.mp4", path: "no-scored.mp4"),
            "take":  recorder(path: "precious.wav"),
            "roll":  piano_roll(path: "precious.png"),
        },
        wires: ["tune -> piano -> movie", "piano -> take.sound", "tune -> take.notes", "tune -> roll", "film -> roll"],
    )"#;
    std::fs::write(folder.join("own.ron"), patch).unwrap();
    for precious in ["precious.wav", "precious.mid", "precious.png"] {
        std::fs::write(folder.join(precious), "precious").unwrap();
    }
    let film = ["film", "film.mp4", "--patch", "own.ron", "--out", "new"];
    let first = score(folder, &film);
    require_done(&first);
    let wanted = "new.mp4\nnew-take.wav\nnew-take.mid\nnew.png\n";
    assert_eq!(text(&first.stdout), wanted);
    let take = std::fs::read(folder.join("new-take.wav")).unwrap();
    let again = score(folder, &[&film[..], &["--overwrite"]].concat());
    require_done(&again);
    assert_eq!(text(&again.stdout), wanted.replace("take.", "take-2."));
    assert_eq!(std::fs::read(folder.join("new-take.wav")).unwrap(), take);
    for precious in ["precious.wav", "precious.mid", "precious.png"] {
        assert_eq!(std::fs::read(folder.join(precious)).unwrap(), b"precious");
    }
}

#[test]
fn outside_of_the_patchs_folder_nothing_is_written_without_consent() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("patch")).unwrap();
    std::fs::create_dir(folder.join("else")).unwrap();
    let patch = TONE.replace("tone.wav", "../else/tone.wav");
    std::fs::write(folder.join("patch/tone.ron"), patch).unwrap();
    let refused = score(folder, &["render", "patch/tone.ron"]);
    require_refused(&refused, &["outside of the patch's folder", "--write-to "]);
    let played = score(folder, &["run", "patch/tone.ron", "--quiet"]);
    require_refused(&played, &["outside of the patch's folder"]);
    // A folder of the patch's that is a link leads outside too.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../else", folder.join("patch/inside")).unwrap();
        let patch = TONE.replace("tone.wav", "inside/tone.wav");
        std::fs::write(folder.join("patch/linked.ron"), patch).unwrap();
        let refused = score(folder, &["render", "patch/linked.ron"]);
        require_refused(&refused, &["outside of the patch's folder"]);
    }
    assert_eq!(names(&folder.join("else")), Vec::<String>::new());
    require_done(&score(
        folder,
        &["render", "patch/tone.ron", "--write-to", "else"],
    ));
    // What is typed is meant.
    let typed = [
        "render",
        "patch/tone.ron",
        "--set",
        "sound.path=else/typed.wav",
    ];
    let done = score(folder, &typed);
    require_done(&done);
    assert_eq!(text(&done.stdout), "else/typed.wav\n");
    assert_eq!(names(&folder.join("else")), ["tone.wav", "typed.wav"]);
}

#[test]
fn what_a_plugin_writes_gets_the_films_name_is_listed_and_is_guarded_alike() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("plugged")).unwrap();
    let library = crate::plugins::probe("probe");
    let copy = folder.join("plugged").join(library.file_name().unwrap());
    std::fs::copy(&library, copy).unwrap();
    write_small_film(folder);
    let patch = r#"Patch(
        format: 1,
        nodes: {
            "film":  video_file(path: "no.mp4"),
            "light": brightness(),
            "page":  probe_page(path: "precious.html"),
        },
        wires: ["film -> light -> page"],
    )"#;
    std::fs::write(folder.join("own.ron"), patch).unwrap();
    std::fs::write(folder.join("precious.html"), "precious").unwrap();
    let film = |more: &[&str]| {
        let film = [
            "film",
            "film.mp4",
            "--patch",
            "own.ron",
            "--plugins",
            "plugged",
        ];
        score(folder, &[&film[..], more].concat())
    };
    for _ in 0..2 {
        let done = film(&[]);
        require_done(&done);
        assert_eq!(text(&done.stdout), "film-scored.html\n");
    }
    let page = std::fs::read_to_string(folder.join("film-scored.html")).unwrap();
    assert!(
        page.contains("<p>8</p>") && page.contains("SCORE! "),
        "{page}"
    );
    assert_eq!(
        std::fs::read(folder.join("precious.html")).unwrap(),
        b"precious"
    );
    std::fs::write(
        folder.join("film-scored.html"),
        page.replace("<p>8", "<p>9"),
    )
    .unwrap();
    require_refused(&film(&[]), &["`page` would replace", "it has changed"]);
    require_done(&film(&["--overwrite"]));
}

#[test]
fn what_a_render_has_written_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_tone(folder);
    let listed = score(folder, &["render", "tone.ron"]);
    require_done(&listed);
    assert_eq!(text(&listed.stdout), "tone.wav\n");
    let json = score(folder, &["render", "tone.ron", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["written"], serde_json::json!(["tone.wav"]));
    assert!(
        score(folder, &["render", "tone.ron", "-q"])
            .stdout
            .is_empty()
    );
}

#[test]
fn a_mark_is_a_comment_that_names_the_patch_and_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_tone(folder);
    for name in ["tone.wav", "tone.flac"] {
        let path = format!("sound.path={name}");
        require_done(&score(folder, &["render", "tone.ron", "--set", &path]));
        let asked = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-show_entries",
                "format_tags=comment",
                "-of",
                "csv=p=0",
                name,
            ])
            .current_dir(folder)
            .output()
            .unwrap();
        let comment = text(&asked.stdout);
        for wanted in ["SCORE! ", "tone.ron", "sound", "sha256"] {
            assert!(comment.contains(wanted), "{name}: {comment}");
        }
        // Where the patch lies is nobody's business.
        assert!(!comment.contains(folder.to_str().unwrap()), "{comment}");
    }
}

#[test]
fn commands_without_a_patch_replace_their_own_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for _ in 0..2 {
        require_done(&score(folder, &["sample", "--seed", "1"]));
    }
    change(&folder.join("sample.mid"));
    require_refused(
        &score(folder, &["sample"]),
        &["sample.mid", "it has changed"],
    );
    require_done(&score(folder, &["sample", "--overwrite"]));
    write_scale(&folder.join("scale.mid"));
    let over = [
        "interpolate",
        "scale.mid",
        "scale.mid",
        "--out",
        "sample.mid",
    ];
    require_refused(&score(folder, &over), &["`score sample` wrote it"]);
    let over = ["sample", "--out", "scale.mid"];
    require_refused(&score(folder, &over), &["no mark"]);
}

#[test]
fn an_output_folder_that_is_not_there_is_a_warning_of_check() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(
        folder.join("tone.ron"),
        TONE.replace("tone.wav", "out/tone.wav"),
    )
    .unwrap();
    let checked = score(folder, &["check", "tone.ron"]);
    require_done(&checked);
    let said = text(&checked.stderr);
    assert!(
        said.starts_with("warning: tone.ron: `sound` writes into") && said.contains("out`"),
        "{said}"
    );
    let json = score(folder, &["check", "--json", "tone.ron"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1);
    std::fs::create_dir(folder.join("out")).unwrap();
    assert!(score(folder, &["check", "tone.ron"]).stderr.is_empty());
}

#[test]
fn an_edit_that_would_replace_what_is_not_its_own_is_refused_and_the_old_plays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_tone(folder);
    require_done(&score(folder, &["render", "tone.ron"]));
    let patch = TONE.replace("length: seconds(0.25)", "");
    std::fs::write(folder.join("tone.ron"), &patch).unwrap();
    std::fs::write(folder.join("song.wav"), "the user's").unwrap();
    let mut playing = Talking::start(&mut program(folder, &["run", "tone.ron", "--quiet"]));
    playing.until("plays");
    let save = |text: String| std::fs::write(folder.join("tone.ron"), text).unwrap();
    save(patch.replace("tone.wav", "song.wav"));
    playing.until("`sound` would replace");
    save(patch.replace("tone.wav", "other.wav"));
    playing.until("the edit plays");
    // What comes into the place of the run's own file is not the edit's doing, and stays.
    std::fs::write(folder.join("tone.wav"), "the user's").unwrap();
    save(patch.replace("tone()", "tone(frequency: 220)"));
    playing.until("the edit plays");
    playing.signal("TERM");
    playing.wait(std::time::Duration::from_secs(30));
    for kept in ["song.wav", "tone.wav"] {
        assert_eq!(std::fs::read(folder.join(kept)).unwrap(), b"the user's");
    }
    // What an edit began is the patch's own too.
    std::fs::write(
        folder.join("tone.ron"),
        TONE.replace("tone.wav", "other.wav"),
    )
    .unwrap();
    require_done(&score(folder, &["render", "tone.ron"]));
}
