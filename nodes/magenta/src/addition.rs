//! Adds a model to a folder of models: its files first, then its entry in the manifest.

use std::path::Path;

use ron::ser::PrettyConfig;
use score_engine::NodeError;

use score_nodes::model::{Manifest, Model};
use score_nodes::output;

/// A manifest without models.
const EMPTY: &str = "Manifest(\n    format: 1,\n    models: {\n    },\n)\n";

/// Requires that `name` can be the name of a new model in `folder`.
///
/// # Errors
/// It has letters that it must not have, or is taken, or the manifest of the folder is broken.
pub(super) fn require_free(folder: &Path, name: &str) -> Result<(), NodeError> {
    let fitting = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if name.is_empty() || name.len() > 64 || name.starts_with('-') || !name.chars().all(fitting) {
        return Err(
            NodeError::input(format!("`{name}` cannot be the name of a model"))
                .help("a name has up to 64 letters from a to z, digits, - and _"),
        );
    }
    let listed = Manifest::parse(&text(folder)?, folder)?
        .models
        .contains_key(name);
    if listed || folder.join(name).exists() {
        let what = if listed {
            "a model"
        } else {
            "a file or folder"
        };
        return Err(NodeError::input(format!(
            "`{}` has {what} `{name}` already",
            folder.display()
        ))
        .help("choose another name"));
    }
    Ok(())
}

/// Writes `files` (name, bytes) into the folder `name` in `folder` and adds `model` to the
/// manifest. `test` tries the new manifest once the files are there: where it refuses, all are
/// removed again.
///
/// # Errors
/// Something cannot be written, or `test` refuses.
pub(super) fn add(
    folder: &Path,
    name: &str,
    model: &Model,
    files: &[(String, Vec<u8>)],
    test: impl FnOnce(&Manifest) -> Result<(), NodeError>,
) -> Result<(), NodeError> {
    let refused = |error: std::io::Error| {
        let why = format!(
            "no model can be written into `{}`: {error}",
            folder.display()
        );
        NodeError::new(score_engine::NodeErrorKind::Output, why).source(error)
    };
    std::fs::create_dir_all(folder).map_err(refused)?;
    let growing = tempfile::Builder::new()
        .prefix(".score-")
        .suffix(".partial")
        .tempdir_in(folder)
        .map_err(refused)?;
    let files_folder = growing.path().join(name);
    std::fs::create_dir(&files_folder).map_err(refused)?;
    for (file, bytes) in files {
        std::fs::write(files_folder.join(file), bytes).map_err(refused)?;
    }
    let text = extended(&text(folder)?, folder, name, model)?;
    test(&Manifest::parse(&text, growing.path())?)?;

    let path = folder.join("manifest.ron");
    let own = folder.join(name);
    std::fs::rename(&files_folder, &own).map_err(refused)?;
    output::replace(&path, text.as_bytes()).map_err(|error| {
        // Nobody knows of the files yet; that they cannot be removed changes nothing.
        let _ = std::fs::remove_dir_all(&own);
        refused(error)
    })
}

/// The text of the manifest in `folder`; of none, where there is none yet.
fn text(folder: &Path) -> Result<String, NodeError> {
    let path = folder.join("manifest.ron");
    if !path.exists() {
        return Ok(EMPTY.to_owned());
    }
    std::fs::read_to_string(&path).map_err(|error| {
        NodeError::model(format!("`{}` cannot be read: {error}", path.display())).source(error)
    })
}

/// The text of a manifest with one model more. What people wrote into it stays, where that is
/// possible.
fn extended(text: &str, folder: &Path, name: &str, model: &Model) -> Result<String, NodeError> {
    let failed = |error: ron::Error| NodeError::internal(format!("the manifest: {error}"));
    let pretty = || PrettyConfig::new().struct_names(true);
    let mut wanted = Manifest::parse(text, folder)?;
    wanted.models.insert(name.to_owned(), model.clone());
    let entry = ron::ser::to_string_pretty(model, pretty()).map_err(failed)?;
    let entry = entry.replace('\n', "\n        ");
    // The map of models is most likely the last thing in it.
    if let Some((before, after)) = text.rsplit_once('}') {
        let before = before.trim_end();
        let comma = if before.ends_with([',', '{']) {
            ""
        } else {
            ","
        };
        let text = format!("{before}{comma}\n        \"{name}\": {entry},\n    }}{after}");
        if Manifest::parse(&text, folder).is_ok_and(|found| found.models == wanted.models) {
            return Ok(text);
        }
    }
    ron::ser::to_string_pretty(&wanted, pretty()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use score_nodes::model::Task;

    fn model() -> Model {
        Model {
            task: Task::Music,
            summary: "a \"quoted\" one".to_owned(),
            latent: 4,
            licence: "MIT".to_owned(),
            card: PathBuf::from("new/CARD.md"),
            files: BTreeMap::new(),
            music: None,
            picture: None,
            names: None,
            golden: PathBuf::from("new/golden.json"),
        }
    }

    #[test]
    fn a_manifest_keeps_its_comments_when_a_model_is_added() {
        let text = "Manifest(format: 1, models: {\n    // mine\n})";
        let folder = Path::new("");
        let once = extended(text, folder, "new", &model()).unwrap();
        assert!(once.contains("// mine"), "{once}");
        let twice = extended(&once, folder, "newer", &model()).unwrap();
        let manifest = Manifest::parse(&twice, folder).unwrap();
        assert_eq!(manifest.models["newer"], model());
        assert_eq!(manifest.models.len(), 2);
    }

    #[test]
    fn a_manifest_that_ends_otherwise_is_rewritten() {
        let text = "Manifest(models: {}, format: 1) // } done";
        let text = extended(text, Path::new(""), "new", &model()).unwrap();
        let manifest = Manifest::parse(&text, Path::new("")).unwrap();
        assert_eq!(manifest.models["new"], model());
    }

    #[test]
    fn a_name_that_is_taken_or_leads_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("taken")).unwrap();
        for name in ["taken", "", "../up", "a/b", ".", "-x", "ü"] {
            assert!(require_free(folder.path(), name).is_err(), "{name}");
        }
        require_free(folder.path(), "google-mel_2").unwrap();
    }

    #[test]
    fn what_fails_its_test_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let files = [("a.onnx".to_owned(), vec![1])];
        let refuse = |_: &Manifest| Err(NodeError::model("no"));
        add(folder.path(), "new", &model(), &files, refuse).unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        add(folder.path(), "new", &model(), &files, |_| Ok(())).unwrap();
        assert!(folder.path().join("new/a.onnx").is_file());
        assert_eq!(Manifest::load(folder.path()).unwrap().models.len(), 1);
    }
}
