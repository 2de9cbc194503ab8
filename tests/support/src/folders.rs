//! What lies in the project and in the folders of tests.

use std::path::{Path, PathBuf};

use score_nodes::model::Manifest;

/// The folder of the whole project.
pub fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The patches that ship.
pub fn graphs() -> PathBuf {
    house().join("graphs")
}

/// Copies the patches that ship, and their parts, into `folder`.
pub fn unpack_graphs(folder: &Path) {
    for part in ["", "parts"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
        for name in patches_in(&graphs().join(part)) {
            std::fs::copy(
                graphs().join(part).join(&name),
                folder.join(part).join(&name),
            )
            .unwrap();
        }
    }
}

/// The names of the patches that lie in `folder`, in order.
pub fn patches_in(folder: &Path) -> Vec<String> {
    let mut names = names(folder);
    names.retain(|name| name.ends_with(".ron"));
    names
}

/// The names of what lies in `folder`, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Copies the models that ship into `folder`/models.
pub fn copy_models(folder: &Path) {
    let from = house().join("models");
    let manifest = Manifest::load(&from).unwrap();
    let copy = |file: &Path| {
        let to = folder.join("models").join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from.join(file), to).unwrap();
    };
    copy(Path::new("manifest.ron"));
    for model in manifest.models.values() {
        copy(&model.card);
        copy(&model.golden);
        model.files.values().for_each(|file| copy(&file.path));
        model.names.iter().for_each(|file| copy(&file.path));
    }
}
