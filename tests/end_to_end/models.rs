//! The folder of models, and the commands about it.

use score_nodes::model::Manifest;

use score_test_support::{copy_models, graphs, house, program, score, text};

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
            said.contains("`empty` is not a folder of models: it has no manifest.ron"),
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

#[test]
fn every_model_of_the_manifest_is_listed_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = Manifest::load(&house().join("models")).unwrap();
    let listed = text(&score(folder.path(), &["models", "list"]).stdout);
    let output = score(folder.path(), &["models", "list", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed.lines().count(), manifest.models.len());
    for (index, (name, model)) in manifest.models.iter().enumerate() {
        let line = listed.lines().nth(index).unwrap();
        assert!(line.starts_with(name.as_str()), "{line}");
        assert!(line.ends_with(&model.summary), "{line}");
        assert!(line.contains(&model.licence), "{line}");
        let listed = &json["models"][index];
        assert_eq!(listed["name"], name.as_str());
        assert_eq!(listed["latent"], model.latent);
        assert_eq!(listed["bytes"], model.bytes());

        let told = text(&score(folder.path(), &["models", "info", name]).stdout);
        for file in model.files.values() {
            assert!(told.contains(&file.sha256), "{told}");
        }
        let card = std::fs::read_to_string(manifest.folder().join(&model.card)).unwrap();
        assert!(
            told.ends_with(&format!("\n{}\n", card.trim_end())),
            "{told}"
        );
        let output = score(folder.path(), &["models", "info", "--json", name]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["card"], card);
        assert_eq!(json["manifest"]["latent"], model.latent);
    }
}

#[test]
fn the_models_that_ship_compute_what_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let output = score(folder.path(), &["models", "verify"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(
        said.contains("melody: fine: 3 files, largest difference "),
        "{said}"
    );
    let output = score(folder.path(), &["models", "verify", "--json", "melody"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["models"].as_array().unwrap().len(), 1);
    assert_eq!(json["models"][0]["fine"], true);
    assert_eq!(json["models"][0]["files"], 3);
}

#[test]
fn a_model_with_a_changed_byte_is_wrong_and_a_name_that_is_not_there_is_answered_with_those_that_are()
 {
    let folder = tempfile::tempdir().unwrap();
    copy_models(folder.path());
    let step = folder.path().join("models/melody/step.onnx");
    let mut bytes = std::fs::read(&step).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&step, bytes).unwrap();
    let given = ["--models", "models", "models", "verify"];

    let output = score(folder.path(), &given);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("error: melody: ") && said.contains("another checksum"),
        "{said}"
    );
    assert!(!text(&output.stdout).contains("melody"));

    let output = score(folder.path(), &[&given[..], &["--json", "melody"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["models"][0]["fine"], false);

    for command in ["verify", "info"] {
        let output = score(folder.path(), &["models", command, "melodie"]);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(
            said.contains("no model `melodie`") && said.contains("melody"),
            "{said}"
        );
    }
}
