//! The folder of models, and the commands about it.

use crate::support::{graphs, house, program, score, text};

#[test]
fn a_folder_of_models_that_is_given_comes_before_the_one_in_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let walk = graphs().join("random_walk.ron");
    let walk = walk.to_str().unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    for arguments in [
        ["--models", "empty", "check", walk],
        ["check", walk, "--models", "empty"],
    ] {
        let output = score(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(
            said.contains("`empty` is no folder of models: it has no manifest.ron"),
            "{said}"
        );
        assert!(said.contains("--models FOLDER"), "{said}");
    }
    let output = program(folder.path(), &["check", walk, "--models"])
        .arg(house().join("models"))
        .env("SCORE_MODELS", "empty")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}
