//! The run's own texts: the patch and what it includes. Requests name them by their numbers and
//! nothing else.

use std::path::{Path, PathBuf};

use score_engine::Source;

/// Texts that may be edited. A number stays that of its file.
#[derive(Clone, Default)]
pub(super) struct OwnTexts {
    files: Vec<OwnText>,
}

/// One of them.
#[derive(Clone)]
pub(super) struct OwnText {
    /// The file, by the one name of the several that it may have.
    pub(super) path: PathBuf,
    /// What it is called in the page.
    pub(super) name: String,
}

impl OwnTexts {
    /// Looks again which there are, from the file of the patch. What was there at the first look is
    /// the artist's, whatever it is; later, when a page may have written what is included, only
    /// patches come to it.
    pub(super) fn refresh(&mut self, patch: &Path) {
        let is_first = self.files.is_empty();
        let path = canonical(patch);
        if is_first {
            let name = patch.file_name().unwrap_or_default();
            self.files.push(OwnText {
                path: path.clone(),
                name: name.to_string_lossy().into_owned(),
            });
        }
        let Ok(source) = Source::read(patch) else {
            return;
        };
        for included in source.included() {
            let part = canonical(&included);
            let Ok(text) = Source::read(&part) else {
                continue;
            };
            if self.number(&part).is_none() && (is_first || text.is_patch()) {
                let below = path
                    .parent()
                    .and_then(|folder| part.strip_prefix(folder).ok());
                let name = below.unwrap_or(&part).display().to_string();
                self.files.push(OwnText { path: part, name });
            }
        }
    }

    /// The text with this number.
    pub(super) fn get(&self, number: usize) -> Option<&OwnText> {
        self.files.get(number)
    }

    /// All of them, with their numbers.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, &OwnText)> {
        self.files.iter().enumerate()
    }

    /// The number of a file.
    pub(super) fn number(&self, path: &Path) -> Option<usize> {
        self.files.iter().position(|own| own.path == path)
    }
}

/// A file, by the one name of the several that it may have; as it is, where there is none.
pub(super) fn canonical(path: &Path) -> PathBuf {
    let absolute = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.canonicalize().unwrap_or_else(|_| absolute())
}
