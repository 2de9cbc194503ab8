//! The films that a page may name: by their numbers, never by a path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How films' names end.
const FILMS: [&str; 18] = [
    "3gp", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "ogv",
    "ts", "vob", "webm", "wmv", "y4m",
];

/// Folders below the first that are looked into.
const DEPTH: usize = 6;

/// Files and folders that are looked at, and films and patches that are found, at most.
const MOST_LOOKED_AT: usize = 20_000;
const MOST_FOUND: usize = 1_000;

/// The films of a page. A film has the same number as long as the page is there.
pub(super) struct Table {
    /// The folder that no film lies outside of; `None`: there is the one film alone.
    folder: Option<PathBuf>,
    films: Mutex<Films>,
}

#[derive(Default)]
struct Films {
    paths: Vec<PathBuf>,
    numbers: BTreeMap<PathBuf, usize>,
}

/// What lies below a folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Films, by their number and their name from the folder.
    pub(super) films: Vec<(usize, String)>,
    /// Patches, by their path and their name from the folder.
    pub(super) patches: Vec<(PathBuf, String)>,
    /// Whether there was more than is looked at.
    pub(super) is_cut: bool,
}

impl Table {
    /// Of one film.
    pub(super) fn of_film(film: &Path) -> Self {
        let table = Table {
            folder: None,
            films: Mutex::default(),
        };
        table.number(film.to_owned());
        table
    }

    /// Of the films below a folder.
    ///
    /// # Errors
    /// It cannot be found.
    pub(super) fn of_folder(folder: &Path) -> std::io::Result<Self> {
        Ok(Table {
            folder: Some(folder.canonicalize()?),
            films: Mutex::default(),
        })
    }

    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The film of this number, where it still lies where it may.
    pub(super) fn film(&self, number: usize) -> Option<PathBuf> {
        let path = self.lock().paths.get(number).cloned()?;
        match &self.folder {
            None => Some(path),
            Some(folder) => is_within(folder, &path).then_some(path),
        }
    }

    /// What a film is called.
    pub(super) fn name(&self, number: usize) -> Option<String> {
        let path = self.lock().paths.get(number).cloned()?;
        Some(path.file_name()?.to_string_lossy().into_owned())
    }

    /// Looks for films and patches. Waits for the disk.
    pub(super) fn look(&self) -> Found {
        let mut found = Found::default();
        let Some(folder) = &self.folder else {
            return found;
        };
        let mut budget = MOST_LOOKED_AT;
        self.look_into(folder, folder, DEPTH, &mut budget, &mut found);
        found.films.sort_by(|one, other| one.1.cmp(&other.1));
        found.patches.sort_by(|one, other| one.1.cmp(&other.1));
        found
    }

    fn look_into(
        &self,
        folder: &Path,
        within: &Path,
        depth: usize,
        budget: &mut usize,
        found: &mut Found,
    ) {
        let entries = std::fs::read_dir(within).into_iter().flatten().flatten();
        for entry in entries {
            if *budget == 0 || found.films.len() + found.patches.len() >= MOST_FOUND {
                found.is_cut = true;
                return;
            }
            *budget -= 1;
            let path = entry.path();
            let name = entry.file_name();
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            // A link to a folder is not followed: it may lead out, or round.
            if kind.is_dir() {
                if depth > 0 {
                    self.look_into(folder, &path, depth - 1, budget, found);
                }
                continue;
            }
            let ending = path
                .extension()
                .map(|end| end.to_string_lossy().to_lowercase());
            let ending = ending.unwrap_or_default();
            let (is_film, is_patch) = (FILMS.contains(&&*ending), ending == "ron");
            if !(is_film || is_patch) || !is_within(folder, &path) {
                continue;
            }
            let shown = path.strip_prefix(folder).unwrap_or(&path);
            let shown = shown.to_string_lossy().into_owned();
            match is_film {
                true => found.films.push((self.number(path), shown)),
                false => found.patches.push((path, shown)),
            }
        }
    }

    /// The number of a film, which it keeps.
    fn number(&self, path: PathBuf) -> usize {
        let mut films = self.lock();
        if let Some(number) = films.numbers.get(&path) {
            return *number;
        }
        let number = films.paths.len();
        films.paths.push(path.clone());
        films.numbers.insert(path, number);
        number
    }

    fn lock(&self) -> MutexGuard<'_, Films> {
        self.films.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `path` is a file that lies within `folder`, wherever links lead.
fn is_within(folder: &Path, path: &Path) -> bool {
    path.canonicalize()
        .is_ok_and(|real| real.starts_with(folder) && real.is_file())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in ["in/deep", "in/.hidden", "out"] {
            std::fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        for path in [
            "in/b.MP4",
            "in/deep/a.mkv",
            "in/.hidden/h.mp4",
            "in/note.txt",
            "in/show.ron",
            "out/secret.mp4",
        ] {
            std::fs::write(folder.path().join(path), "").unwrap();
        }
        folder
    }

    fn names(found: &Found) -> Vec<&str> {
        found.films.iter().map(|(_, name)| name.as_str()).collect()
    }

    #[test]
    fn films_have_numbers_that_stay_and_nothing_else_has_one() {
        let folder = tree();
        let table = Table::of_folder(&folder.path().join("in")).unwrap();
        assert!(table.film(0).is_none());
        let found = table.look();
        assert_eq!(names(&found), ["b.MP4", "deep/a.mkv"]);
        assert_eq!(found.patches[0].1, "show.ron");
        let number = found.films[1].0;
        std::fs::write(folder.path().join("in/a.avi"), "").unwrap();
        let again = table.look();
        assert_eq!(names(&again), ["a.avi", "b.MP4", "deep/a.mkv"]);
        assert_eq!(again.films[2].0, number);
        assert!(table.film(number).unwrap().ends_with("deep/a.mkv"));
        assert!(table.film(3).is_none() && table.film(usize::MAX).is_none());
        std::fs::remove_file(folder.path().join("in/deep/a.mkv")).unwrap();
        assert!(table.film(number).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_are_not_followed() {
        use std::os::unix::fs::symlink;
        let folder = tree();
        let (inside, out) = (folder.path().join("in"), folder.path().join("out"));
        symlink(out.join("secret.mp4"), inside.join("c.mp4")).unwrap();
        symlink(&out, inside.join("way")).unwrap();
        symlink(&inside, inside.join("round")).unwrap();
        symlink(inside.join("b.MP4"), inside.join("d.mp4")).unwrap();
        let table = Table::of_folder(&inside).unwrap();
        let found = table.look();
        assert_eq!(names(&found), ["b.MP4", "d.mp4", "deep/a.mkv"]);
        // One that is exchanged for a link afterwards is none any more.
        let number = found.films[0].0;
        std::fs::remove_file(inside.join("b.MP4")).unwrap();
        symlink(out.join("secret.mp4"), inside.join("b.MP4")).unwrap();
        assert!(table.film(number).is_none());
    }
}
