//! Words of an artist's own that lie in folders, as `score tag --new` leaves them there.

use std::path::{Path, PathBuf};

use score_nodes::model::Manifest;
use score_nodes::names::Names;

/// Files of one folder that are looked at, at most.
const MOST_LOOKED_AT: usize = 1_000;

/// Files with words that count, at most.
const MOST: usize = 64;

/// The words in the files of `folders` that were taught with the encoder of the model called
/// `model` as it is now. Nobody has named these files: what is anything else is passed over.
pub(crate) fn own_words(folders: &[PathBuf], manifest: &Manifest, model: &str) -> Vec<Names> {
    let Ok(found) = manifest.find(model) else {
        return Vec::new();
    };
    let read = |path: PathBuf| {
        let names = Names::read(&path).ok()?;
        let is_of = names.require(found.latent, &path).is_ok() && names.is_of(manifest, model);
        is_of.then_some(names)
    };
    let files = folders.iter().flat_map(|folder| files(folder));
    files.filter_map(read).take(MOST).collect()
}

/// The files of a folder that are named like one with words, by their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        // A link is not followed: it may lead out of the folder.
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "ron"))
        .take(MOST_LOOKED_AT)
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use score_nodes::names::teach;

    use super::*;

    const MODEL: &str = "eye";

    fn manifest() -> Manifest {
        Manifest::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"))).unwrap()
    }

    /// A word, taught with latents of `dimension` components.
    fn word(name: &str, dimension: usize, encoder: Option<String>) -> String {
        let heap = |at: f32| vec![vec![at; dimension]; 10];
        let mut names = teach(name, &heap(1.0), &heap(-1.0)).unwrap().names;
        names.encoder = encoder;
        names.text().unwrap()
    }

    fn found(folders: &[&Path]) -> Vec<String> {
        let folders: Vec<PathBuf> = folders.iter().map(|folder| folder.to_path_buf()).collect();
        let words = own_words(&folders, &manifest(), MODEL);
        let names = words.iter().flat_map(|words| words.names.keys().cloned());
        names.collect()
    }

    #[test]
    fn every_word_that_lies_there_is_found_and_nothing_else_is_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let manifest = manifest();
        let model = manifest.find(MODEL).unwrap();
        let (dimension, now) = (model.latent, model.files[Names::ENCODER].sha256.clone());
        put("snow.ron", &word("snow", dimension, None));
        put("rain.ron", &word("rain", dimension, Some(now)));
        put("old.ron", &word("old", dimension, Some("0".repeat(64))));
        put("other.ron", &word("other", dimension + 1, None));
        put("show.ron", "Patch(format: 1)");
        put("fog.txt", &word("fog", dimension, None));
        std::fs::create_dir(folder.path().join("folder.ron")).unwrap();
        assert_eq!(found(&[folder.path()]), ["rain", "snow"]);
        assert_eq!(found(&[&folder.path().join("none")]), [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_words_elsewhere_is_not_followed() {
        let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = out.path().join("rain.ron");
        let dimension = manifest().find(MODEL).unwrap().latent;
        std::fs::write(&secret, word("rain", dimension, None)).unwrap();
        std::os::unix::fs::symlink(&secret, folder.path().join("rain.ron")).unwrap();
        assert_eq!(found(&[folder.path()]), [""; 0]);
        assert_eq!(found(&[folder.path(), out.path()]), ["rain"]);
    }
}
