//! Colours in what is said.

use std::path::Path;

use score_test_support::{program, score, text};

/// What the program says of a patch with a mistake that has a place and advice.
fn said(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let patch = r#"Patch(format: 1, nodes: {"piano": sinth()}, wires: [])"#;
    std::fs::write(folder.join("wrong.ron"), patch).unwrap();
    let mut command = program(folder, &["render", "wrong.ron"]);
    command.args(arguments).envs(environment.iter().copied());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    text(&output.stderr)
}

#[test]
fn colours_go_into_a_pipe_only_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let plain = said(folder.path(), &[], &[]);
    assert!(!plain.contains('\x1b'), "{plain}");
    assert!(plain.starts_with("wrong.ron:1:35: "), "{plain}");
    assert_eq!(plain, said(folder.path(), &["--color", "never"], &[]));

    let coloured = said(folder.path(), &["--color", "always"], &[]);
    let (bold, red, red_bold, cyan) = ("\x1b[1m", "\x1b[31m", "\x1b[1m\x1b[31m", "\x1b[36m");
    for part in [
        format!("{bold}wrong.ron:1:35:"),
        format!("{red_bold}there is no"),
        format!("{red}    "),
        format!("{cyan}help: did you mean `synth`?"),
    ] {
        assert!(coloured.contains(&part), "{part:?} in {coloured:?}");
    }
}

#[test]
fn what_is_asked_for_in_vain_has_a_red_heading() {
    let folder = tempfile::tempdir().unwrap();
    let output = score(folder.path(), &["--color=always", "nodes", "sinth"]);
    let said = text(&output.stderr);
    assert!(
        said.starts_with("\x1b[1m\x1b[31merror:\x1b[0m "),
        "{said:?}"
    );
}

#[test]
fn an_explicit_wish_for_colours_comes_before_no_color_and_no_color_before_auto() {
    let folder = tempfile::tempdir().unwrap();
    let auto = ["--color", "auto"];
    // CLICOLOR_FORCE makes of the pipe what a terminal is to `auto`.
    let forced = |no_color| said(folder.path(), &auto, &[("CLICOLOR_FORCE", "1"), no_color]);
    assert!(forced(("NO_COLOR", "")).contains('\x1b'));
    assert!(!forced(("NO_COLOR", "1")).contains('\x1b'));
    let always = said(folder.path(), &["--color", "always"], &[("NO_COLOR", "1")]);
    assert!(always.contains('\x1b'));
}
