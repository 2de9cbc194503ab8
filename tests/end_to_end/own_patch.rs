//! A patch of one's own: begun with a copy, checked at every save.

use std::io::Write;
use std::process::Stdio;

use score_test_support::{Talking, graphs, names, program, score, text};

#[test]
fn a_new_patch_is_a_copy_with_its_comments_and_never_takes_another_ones_place() {
    let folder = tempfile::tempdir().unwrap();
    let done = score(folder.path(), &["new", "mine", "--from", "random_walk"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let mine = std::fs::read(folder.path().join("mine.ron")).unwrap();
    let original = std::fs::read_to_string(graphs().join("random_walk.ron")).unwrap();
    // Only that its head names the new file, so that what stands there can be typed.
    assert!(original.contains(" graphs/random_walk.ron"));
    let expected = original.replace("graphs/random_walk.ron", "mine.ron");
    assert_eq!(text(&mine), expected);
    let checked = score(folder.path(), &["check", "mine.ron"]);
    assert!(checked.status.success(), "{}", text(&checked.stderr));

    let again = score(folder.path(), &["new", "mine.ron", "--from", "film"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("already"));
    assert_eq!(std::fs::read(folder.path().join("mine.ron")).unwrap(), mine);

    let copy = score(folder.path(), &["new", "copy", "--from", "mine.ron"]);
    assert!(copy.status.success(), "{}", text(&copy.stderr));
    assert_eq!(std::fs::read(folder.path().join("copy.ron")).unwrap(), mine);
}

#[test]
fn a_patch_that_is_called_like_a_built_in_one_is_a_copy_of_that() {
    let folder = tempfile::tempdir().unwrap();
    for (name, kind) in [("taught", "teach("), ("something", "stream_decoder(")] {
        let done = score(folder.path(), &["new", name]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        let patch = std::fs::read_to_string(folder.path().join(name).with_extension("ron"));
        assert!(patch.unwrap().contains(kind), "{name}");
    }
}

#[test]
fn what_there_is_to_begin_with_is_listed_and_named_when_asked_for_in_vain() {
    let folder = tempfile::tempdir().unwrap();
    let listed = text(&score(folder.path(), &["new"]).stdout);
    assert!(
        listed.lines().any(|line| line.starts_with("film ")),
        "{listed}"
    );
    let vain = score(folder.path(), &["new", "mine", "--from", "flim"]);
    assert_eq!(vain.status.code(), Some(1));
    let told = text(&vain.stderr);
    assert!(
        told.contains("`flim`") && told.contains("random_walk"),
        "{told}"
    );
    assert!(!folder.path().join("mine.ron").exists());
}

#[test]
fn a_watched_patch_is_checked_again_at_every_save() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.ron");
    let made = score(folder.path(), &["new", "mine", "--from", "random_walk"]);
    assert!(made.status.success());
    let watching = Talking::start(&mut program(
        folder.path(),
        &["check", "--watch", "mine.ron"],
    ));
    let until = |wanted: &str| watching.until(wanted);
    until("mine.ron: fine");
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, good.replacen("temperature:", "temperatur:", 1)).unwrap();
    until("temperatur");
    std::fs::write(&path, &good).unwrap();
    until("mine.ron: fine");
}

#[test]
fn a_patch_is_set_in_place_or_through_a_pipe_and_only_where_it_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.ron");
    let wild = r#"// Mine.
Patch(format:1,nodes:{"a":tone(),// loud
"longer":mixer()},wires:["a -> longer"])"#;
    std::fs::write(&path, wild).unwrap();
    std::fs::write(folder.path().join("wrong.ron"), "Patch(format: 1..2)").unwrap();
    let looked = score(folder.path(), &["fmt", "--check", "mine.ron"]);
    assert_eq!(looked.status.code(), Some(1));
    assert_eq!(text(&looked.stdout), "mine.ron\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), wild);
    let done = score(folder.path(), &["fmt", "mine.ron", "wrong.ron"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        text(&done.stderr).contains("wrong.ron:1:15"),
        "{}",
        text(&done.stderr)
    );
    let set = std::fs::read_to_string(&path).unwrap();
    assert!(
        set.contains("        \"a\":      tone(), // loud\n"),
        "{set}"
    );
    let again = score(folder.path(), &["fmt", "--check", "mine.ron"]);
    assert!(again.status.success());
    let mut piped = program(folder.path(), &["fmt", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    piped
        .stdin
        .take()
        .unwrap()
        .write_all(wild.as_bytes())
        .unwrap();
    assert_eq!(text(&piped.wait_with_output().unwrap().stdout), set);
    assert_eq!(names(folder.path()), ["mine.ron", "wrong.ron"]);
}

#[cfg(unix)]
#[test]
fn fmt_leaves_a_read_only_patch_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.ron");
    let wild = r#"Patch(format:1,nodes:{"a":tone()})"#;
    std::fs::write(&path, wild).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o444)).unwrap();
    let done = score(folder.path(), &["fmt", "mine.ron"]);
    assert_eq!(done.status.code(), Some(1));
    let told = text(&done.stderr);
    assert!(
        told.starts_with("error: `mine.ron` is read-only\n  help: "),
        "{told}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), wild);
    assert_eq!(names(folder.path()), ["mine.ron"]);
}

#[test]
fn snippets_have_every_kind_with_what_must_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let printed = score(folder.path(), &["nodes", "--snippets"]);
    let snippets: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    let kinds = score(folder.path(), &["nodes"]);
    for kind in text(&kinds.stdout)
        .lines()
        .filter_map(|line| line.split(' ').next())
    {
        let snippet = &snippets[kind];
        assert_eq!(snippet["prefix"], kind);
        assert!(
            snippet["body"][0]
                .as_str()
                .unwrap()
                .contains(&format!("{kind}(")),
            "{snippet}"
        );
    }
    let film = snippets["video_file"]["body"][0].as_str().unwrap();
    assert_eq!(
        film,
        r#""${1:video_file}": video_file(path: "${2:path}"$0),"#
    );
}
