//! Which files a folder or a pattern names, and in which order.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// Endings of the files of a folder that are taken for pictures.
const ENDINGS: [&str; 9] = [
    "bmp", "gif", "jpeg", "jpg", "png", "ppm", "tif", "tiff", "webp",
];

/// A folder, or those of its files whose names fit a pattern.
#[derive(Clone, Debug)]
pub(super) struct Gallery {
    folder: PathBuf,
    /// `*` stands for any characters, `?` for one.
    pattern: Option<String>,
}

impl Gallery {
    /// What `path` names: a folder, or files where its last part is a pattern.
    pub(super) fn of(path: &Path) -> Self {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        match name.filter(|name| name.contains(['*', '?'])) {
            Some(pattern) => Gallery {
                folder: path.parent().unwrap_or(Path::new(".")).to_owned(),
                pattern: Some(pattern),
            },
            None => Gallery {
                folder: path.to_owned(),
                pattern: None,
            },
        }
    }

    /// The files that are there now, numbers in their names in the order of numbers: `2.png` before
    /// `10.png`.
    ///
    /// # Errors
    /// The folder cannot be read, or nothing in it fits; the text says which.
    pub(super) fn files(&self) -> Result<Vec<PathBuf>, String> {
        let folder = self.folder.display();
        let entries = std::fs::read_dir(&self.folder)
            .map_err(|error| format!("the folder `{folder}` cannot be read ({error})"))?;
        let mut names: Vec<(String, PathBuf)> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_string_lossy().into_owned();
                (self.takes(&name) && path.is_file()).then_some((name, path))
            })
            .collect();
        names.sort_by(|(one, one_path), (other, other_path)| {
            natural(one, other).then_with(|| one_path.cmp(other_path))
        });
        if names.is_empty() {
            let what = match &self.pattern {
                Some(pattern) => format!("no file in `{folder}` is called `{pattern}`"),
                None => format!("there is no picture in the folder `{folder}`"),
            };
            return Err(what);
        }
        Ok(names.into_iter().map(|(_, path)| path).collect())
    }

    fn takes(&self, name: &str) -> bool {
        if name.starts_with('.') {
            return false;
        }
        match &self.pattern {
            Some(pattern) => fits(pattern, name),
            None => {
                let ending = name
                    .rsplit_once('.')
                    .map(|(_, ending)| ending.to_lowercase());
                ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
            }
        }
    }
}

/// Whether `name` is what `pattern` stands for.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut of) = (0, 0);
    // The last `*`, and how much of the name it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while of < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, of));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[of] => {
                at += 1;
                of += 1;
            }
            _ => match &mut star {
                Some((place, until)) => {
                    *until += 1;
                    at = *place + 1;
                    of = *until;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// The order of names in which numbers count as numbers.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let digits = |text: &str| {
            let end = text.find(|c: char| !c.is_ascii_digit());
            end.unwrap_or(text.len())
        };
        let (these, those) = (digits(one), digits(other));
        if these > 0 && those > 0 {
            let number = |text: &str, end: usize| text[..end].trim_start_matches('0').to_owned();
            let (this, that) = (number(one, these), number(other, those));
            let order = this.len().cmp(&that.len()).then_with(|| this.cmp(&that));
            // 1 before 01.
            let order = order.then_with(|| these.cmp(&those));
            if order != Ordering::Equal {
                return order;
            }
            (one, other) = (&one[these..], &other[those..]);
            continue;
        }
        let (mut rest, mut others) = (one.chars(), other.chars());
        match (rest.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (this, that) if this != that => return this.cmp(&that),
            _ => (one, other) = (rest.as_str(), others.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_come_in_the_order_of_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "shot10.png",
            "shot2.PNG",
            "shot01.jpg",
            "shot1.jpg",
            "notes.txt",
            ".hidden.png",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("folder.png")).unwrap();
        let names = |path: &Path| -> Vec<String> {
            let files = Gallery::of(path).files().unwrap();
            let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
            files.iter().map(name).collect()
        };
        let all = ["shot1.jpg", "shot01.jpg", "shot2.PNG", "shot10.png"];
        assert_eq!(names(folder.path()), all);
        assert_eq!(
            names(&folder.path().join("shot?.*")),
            ["shot1.jpg", "shot2.PNG"]
        );
        let none = Gallery::of(&folder.path().join("*.webp"))
            .files()
            .unwrap_err();
        assert!(none.contains("`*.webp`"), "{none}");
        let gone = Gallery::of(&folder.path().join("gone"))
            .files()
            .unwrap_err();
        assert!(gone.contains("cannot be read"), "{gone}");
    }

    #[test]
    fn a_pattern_stands_for_what_it_says() {
        for (pattern, name, wanted) in [
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?", "", false),
            ("ü?.png", "üa.png", true),
            ("**x", "xxx", true),
            ("a", "ab", false),
        ] {
            assert_eq!(fits(pattern, name), wanted, "{pattern} {name}");
        }
    }

    #[test]
    fn the_order_is_total_also_for_huge_numbers_and_no_letters() {
        let huge = "9".repeat(400);
        assert_eq!(natural(&huge, "10"), Ordering::Greater);
        assert_eq!(natural("", "a"), Ordering::Less);
        assert_eq!(natural("ä1", "ä1"), Ordering::Equal);
    }
}
