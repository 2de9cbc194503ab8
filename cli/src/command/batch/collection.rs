//! The films of a collection: a folder of them, a list, or one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::class::refusal;
use crate::failure::Failure;

/// The endings of files that are taken for films in a folder. A list may name any file.
const ENDINGS: [&str; 32] = [
    "3g2", "3gp", "asf", "avi", "divx", "dv", "f4v", "flv", "gif", "m1v", "m2ts", "m2v", "m4v",
    "mjpeg", "mkv", "mov", "mp2v", "mp4", "mpe", "mpeg", "mpg", "mts", "mxf", "nut", "ogm", "ogv",
    "qt", "rm", "ts", "vob", "webm", "wmv",
];

/// Folders within folders, at most.
const DEPTH: usize = 64;

/// The longest list, in bytes: a million films with long paths.
const LONGEST_LIST: u64 = 256 << 20;

/// A film of a collection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::command) struct Film {
    /// What it is called in the collection: its path in the folder, or as the list has it.
    pub(in crate::command) name: String,
    /// Where it is.
    pub(in crate::command) path: PathBuf,
}

/// Films, in the order in which they are reported.
#[derive(Debug, Default)]
pub(in crate::command) struct Collection {
    pub(in crate::command) films: Vec<Film>,
    /// Files of the folder that are not taken for films.
    pub(super) others: usize,
    /// Whether one film was named, not a collection.
    pub(super) is_one: bool,
}

impl Collection {
    /// The films that `named` leads to; what lies in `out` belongs to the results.
    pub(in crate::command) fn of(named: &Path, out: &Path) -> Result<Self, Failure> {
        let refuse = |why: String| Failure::Message(format!("`{}` {why}", named.display()));
        let unread = |why: io::Error| {
            let message = format!("`{}` cannot be read ({why})", named.display());
            refusal(&why, message)
        };
        let path =
            std::path::absolute(named).map_err(|why| refuse(format!("has no path ({why})")))?;
        let about = std::fs::metadata(&path).map_err(unread)?;
        if about.is_dir() {
            let found = Self::of_folder(&path, out).map_err(|(folder, why)| {
                let (named, folder) = (named.display(), folder.display());
                let message = format!("`{named}` cannot be read: `{folder}` ({why})");
                refusal(&why, message)
            })?;
            if found.films.is_empty() {
                let why = "has no films; a list can name files with other endings";
                return Err(refuse(why.to_owned()));
            }
            return Ok(found);
        }
        if !about.is_file() {
            return Err(refuse("is neither a folder nor a file".to_owned()));
        }
        if is_film_by_name(&path) || holds_zeros(&path) {
            return Ok(Collection {
                films: vec![Film {
                    name: name_of(&path),
                    path,
                }],
                others: 0,
                is_one: true,
            });
        }
        if about.len() > LONGEST_LIST {
            return Err(refuse("is too long for a list of films".to_owned()));
        }
        let text = std::fs::read(&path).map_err(unread)?;
        let text = String::from_utf8(text)
            .map_err(|_| refuse("is neither a film by its name nor a list in UTF-8".to_owned()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let films = Self::of_list(&text, folder);
        if films.films.is_empty() {
            return Err(refuse(
                "names no films: write the path of one on each line".to_owned(),
            ));
        }
        Ok(films)
    }

    fn of_list(text: &str, folder: &Path) -> Self {
        let mut seen = BTreeSet::new();
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let films = lines.map(|line| Film {
            name: line.to_owned(),
            path: folder.join(line),
        });
        Collection {
            films: films
                .filter(|film| seen.insert(film.path.clone()))
                .collect(),
            others: 0,
            is_one: false,
        }
    }

    /// The films in `folder`, or which folder in it cannot be read.
    fn of_folder(folder: &Path, out: &Path) -> Result<Self, (PathBuf, io::Error)> {
        let mut found = Collection::default();
        let out = out.canonicalize().ok();
        found.search(folder, folder, out.as_deref(), DEPTH)?;
        found.films.sort();
        Ok(found)
    }

    fn search(
        &mut self,
        folder: &Path,
        root: &Path,
        out: Option<&Path>,
        depth: usize,
    ) -> Result<(), (PathBuf, io::Error)> {
        if depth == 0 || (out.is_some() && folder.canonicalize().ok().as_deref() == out) {
            return Ok(());
        }
        let refuse = |why: io::Error| (folder.to_owned(), why);
        for entry in std::fs::read_dir(folder).map_err(refuse)? {
            let entry = entry.map_err(refuse)?;
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // A link to a folder might lead around in a circle; one to a film is a film.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.search(&path, root, out, depth - 1)?;
            } else if path.is_file() {
                if is_film_by_name(&path) {
                    let name = path.strip_prefix(root).unwrap_or(&path);
                    self.films.push(Film {
                        name: name.to_string_lossy().into_owned(),
                        path,
                    });
                } else {
                    self.others += 1;
                }
            }
        }
        Ok(())
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn is_film_by_name(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str);
    let ending = ending.map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// Whether a file begins with something that no text has.
fn holds_zeros(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let read = File::open(path).map(|file| file.take(4096).read_to_end(&mut beginning));
    read.is_ok() && beginning.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_films_once_each_and_not_its_results() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for name in ["b.MP4", "a/c.mkv", "a/d.txt", ".e.mp4", "out/results/f.mp4"] {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder, folder.join("a/round")).unwrap();
        let found = Collection::of(folder, &folder.join("out")).unwrap();
        let names: Vec<&str> = found.films.iter().map(|film| film.name.as_str()).collect();
        assert_eq!(names, ["a/c.mkv", "b.MP4"]);
        assert_eq!((found.others, found.is_one), (1, false));
    }

    #[test]
    fn a_list_counts_from_its_own_folder_and_a_film_is_no_list() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("films.txt");
        std::fs::write(&list, "\u{feff}# all\r\na.mp4\r\n\n  /x/b c.mov \na.mp4\n").unwrap();
        let found = Collection::of(&list, Path::new("out")).unwrap();
        let paths: Vec<&Path> = found.films.iter().map(|film| film.path.as_path()).collect();
        assert_eq!(
            paths,
            [&folder.path().join("a.mp4"), Path::new("/x/b c.mov")]
        );
        std::fs::write(&list, "# none\n").unwrap();
        assert!(Collection::of(&list, Path::new("out")).is_err());
        std::fs::write(&list, b"RIFF\0\0").unwrap();
        assert!(Collection::of(&list, Path::new("out")).unwrap().is_one);
        assert!(Collection::of(&folder.path().join("none"), Path::new("out")).is_err());
    }
}
