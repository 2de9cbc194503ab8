//! A command that was asked for JSON prints JSON, whatever happens.

use std::path::Path;

use serde_json::Value;

use score_test_support::{score, text};

fn json(folder: &Path, arguments: &[&str], code: i32) -> Value {
    let output = score(folder, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    let printed = text(&output.stdout);
    serde_json::from_str(&printed)
        .unwrap_or_else(|why| panic!("{arguments:?}: {why}\n{printed}{}", text(&output.stderr)))
}

#[test]
fn an_error_of_a_command_with_json_is_json() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(
        folder.join("wrong.ron"),
        r#"Patch(format: 1, nodes: {"a": synt()})"#,
    )
    .unwrap();
    for (arguments, code, wanted) in [
        (
            &["film", "none.mp4", "--json"][..],
            1,
            "the film `none.mp4` does not exist",
        ),
        (
            &["render", "none.ron", "--json"],
            1,
            "there is no patch `none.ron`",
        ),
        (
            &["render", "wrong.ron", "--json"],
            1,
            "1 error in the patch",
        ),
        (
            &["graph", "wrong.ron", "--format", "json"],
            1,
            "1 error in the patch",
        ),
        (
            &["nodes", "synt", "--json"],
            1,
            "there is no node kind `synt`",
        ),
        (&["models", "info", "none", "--json"], 1, "none"),
        (&["interpolate", "a.mid", "b.mid", "--json"], 1, "a.mid"),
        (&["eval", "film", "none.mp4", "--json"], 1, "does not exist"),
        (&["eval", "music", "none", "--json"], 1, "none"),
        (&["sample", "--count", "0", "--json"], 2, "--count"),
        (&["film", "--json", "--frob"], 2, "--frob"),
    ] {
        let printed = json(folder, arguments, code);
        let message = printed["error"]["message"].as_str().unwrap();
        assert!(message.contains(wanted), "{arguments:?}: {message}");
        assert!(!message.contains('\x1b'), "{message}");
    }
    let printed = json(folder, &["render", "wrong.ron", "--json"], 1);
    assert_eq!(
        printed["diagnostics"][0]["message"],
        "there is no node kind `synt`"
    );
    assert_eq!(printed["diagnostics"][0]["place"]["line"], 1);
    let checked = json(folder, &["check", "wrong.ron", "--json"], 1);
    assert_eq!(checked["diagnostics"], printed["diagnostics"]);
}

#[test]
fn what_a_node_counts_is_in_the_report_of_a_render() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("sounds")).unwrap();
    let patch = r#"Patch(format: 1, nodes: {
        "beep": tone(length: 0.1),
        "file": audio_file(path: "sounds/60.wav"),
    }, wires: ["beep -> file"])"#;
    std::fs::write(folder.join("beep.ron"), patch).unwrap();
    json(folder, &["render", "beep.ron", "--json"], 0);
    let patch = r#"Patch(format: 1, nodes: {
        "tick": every(every: 0.25, duration: 1),
        "hit": accent(pitch: 100, channel: 0),
        "field": sampler(folder: "sounds", reach: 12),
        "file": audio_file(path: "hits.wav"),
    }, wires: ["tick -> hit -> field -> file"])"#;
    std::fs::write(folder.join("hits.ron"), patch).unwrap();
    let report = json(folder, &["render", "hits.ron", "--json"], 0);
    let field = &report["nodes"][2];
    assert_eq!(field["id"], "field");
    assert_eq!(field["counters"]["missing_notes"], 4, "{report:#}");
}

#[test]
fn a_patch_without_an_end_is_checked_as_one_for_live_play() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let patch = r#"Patch(format: 1, nodes: {
        "turn": lfo(),
        "tune": scale_walk(),
        "notes": midi_file(path: "a.mid"),
    }, wires: ["turn -> tune -> notes"])"#;
    std::fs::write(folder.join("a.ron"), patch).unwrap();
    let why = "`notes` would never end: all that comes into it comes from `turn`, which has no end";
    let told = text(&score(folder, &["check", "a.ron"]).stdout);
    assert_eq!(
        told,
        format!("a.ron: fine, 3 nodes; only for live play: {why}\n")
    );
    let checked = json(folder, &["check", "a.ron", "--json"], 0);
    assert_eq!(checked["live_only"][0]["why"], why);
    let ended = patch.replace("lfo()", "lfo(duration: 1)");
    std::fs::write(folder.join("a.ron"), ended).unwrap();
    let told = text(&score(folder, &["check", "a.ron"]).stdout);
    assert_eq!(told, "a.ron: fine, 3 nodes\n");
}

#[test]
fn the_node_kinds_are_listed_and_explained_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let all = json(folder.path(), &["nodes", "--json"], 0);
    let kinds = all["kinds"].as_array().unwrap();
    let synth = kinds.iter().find(|kind| kind["kind"] == "synth").unwrap();
    assert!(
        kinds.len() > 30
            && synth["params"]
                .as_array()
                .is_some_and(|params| params.len() > 3)
    );
    let one = json(folder.path(), &["nodes", "synth", "--json"], 0);
    assert_eq!(one, *synth);
}

#[test]
fn a_message_names_what_the_user_typed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("film.mp4"), "no film").unwrap();
    let told = |arguments: &[&str]| text(&score(folder, arguments).stderr);
    let tempo = told(&["film", "film.mp4", "--tempo", "1000"]);
    assert!(
        tempo.contains("--tempo 1000: ") && !tempo.contains("--set"),
        "{tempo}"
    );
    let key = told(&["film", "film.mp4", "--key", "H moll"]);
    assert!(
        key.contains(r#"--key "H moll": `H moll` is not a key"#)
            && key.contains(r#"did you mean "B minor"?"#),
        "{key}"
    );
    let missing = told(&["check", "none.ron"]);
    assert!(
        missing.contains("there is no patch `none.ron`"),
        "{missing}"
    );
    assert!(missing.contains("this patch cannot run"), "{missing}");
    let missing = told(&["render", "none.ron"]);
    assert!(!missing.contains("nothing was run"), "{missing}");
}

/// Names of files may be any bytes; what is not UTF-8 in them is replaced.
#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_are_printed_as_json_too() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use score_test_support::{Talking, house, program};

    let odd = OsStr::from_bytes(b"odd\xff");
    let shown = "odd\u{fffd}";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::os::unix::fs::symlink(house().join("models"), folder.join(odd)).unwrap();
    let printed = |arguments: &[&str], option: &str| -> Value {
        let mut command = program(folder, arguments);
        let output = command.arg(option).arg(odd).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let models = printed(&["models", "list", "--json"], "--models");
    assert_eq!(models["folder"], shown);
    let plugins = printed(&["plugins", "--json"], "--plugins");
    let first = plugins["folders"][0].as_str().unwrap();
    assert!(first.ends_with(shown), "{first}");
    let patch = folder.join(OsStr::from_bytes(b"odd\xff.ron"));
    std::fs::write(&patch, r#"Patch(format: 1, nodes: {"a": tone()})"#).unwrap();
    let mut run = program(folder, &["run", "--quiet", "--status-json", "-"]);
    let playing = Talking::start(run.arg(&patch));
    playing.until("odd\u{fffd}.ron\",\"revision\":1");
}
