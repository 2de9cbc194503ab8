//! What was rendered: the files of each result, and what the page is told of it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::order::Values;
use crate::command::film::for_page::{PREVIEW, SCORE};

/// Results that are held, of all films; the oldest goes first.
const MOST: usize = 8;

/// What a file is, by the ending of its name: a word for the page, and its type for browsers.
const KINDS: [(&str, &str, &str); 10] = [
    ("mp4", "film", "video/mp4"),
    ("mov", "film", "video/quicktime"),
    ("mkv", "film", "video/x-matroska"),
    ("webm", "film", "video/webm"),
    ("wav", "sound", "audio/wav"),
    ("mid", "notes", "audio/midi"),
    (
        "musicxml",
        "sheet",
        "application/vnd.recordare.musicxml+xml",
    ),
    ("pdf", "pages", "application/pdf"),
    ("png", "picture", "image/png"),
    ("html", "report", "application/octet-stream"),
];

/// A file of a result.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) path: PathBuf,
    /// What it is called.
    pub(super) name: String,
    /// What it is: `film`, `sound`, `stem`, `notes`, `sheet`, `pages`, `picture`, `report`, `other`.
    pub(super) what: &'static str,
    /// Its type for browsers.
    pub(super) kind: &'static str,
    bytes: u64,
}

impl Written {
    fn at(path: &Path) -> Option<Self> {
        let bytes = path.metadata().ok()?.len();
        let name = path.file_name()?.to_string_lossy().into_owned();
        let ending = path.extension().unwrap_or_default();
        let known = KINDS.iter().find(|(known, ..)| ending == *known);
        let (what, kind) = match known {
            Some(("wav", _, kind)) if name.contains("-stem-") => ("stem", *kind),
            Some((_, what, kind)) => (*what, *kind),
            None => ("other", "application/octet-stream"),
        };
        Some(Written {
            path: path.to_owned(),
            name,
            what,
            kind,
            bytes,
        })
    }
}

/// Whether the music was measured.
#[derive(Clone, Debug, Default)]
pub(super) enum Measured {
    #[default]
    No,
    Waits,
    Is(Value),
    Failed(String),
}

/// What a render has made.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) id: usize,
    pub(super) film: usize,
    pub(super) values: Values,
    pub(super) folder: PathBuf,
    pub(super) files: Vec<Written>,
    /// What the page plays.
    pub(super) plays: Option<(PathBuf, &'static str)>,
    /// How long it took, in seconds.
    seconds: f64,
    /// What is to be known of it.
    notes: Vec<String>,
    /// Where it was kept.
    pub(super) kept: Option<Vec<String>>,
    pub(super) measured: Measured,
}

impl Made {
    /// What a render that ended well says of itself; its files lie in `folder`.
    pub(super) fn of(
        film: usize,
        values: Values,
        folder: &Path,
        printed: &Value,
        seconds: f64,
    ) -> Self {
        let list = |name: &str| printed[name].as_array().into_iter().flatten();
        let texts = |name: &str| list(name).filter_map(Value::as_str);
        let here = std::env::current_dir().unwrap_or_default();
        let paths = texts("written").map(|path| here.join(path));
        // What a patch writes elsewhere is not handed out.
        let own = paths.filter(|path| path.starts_with(folder));
        let files: Vec<Written> = own.filter_map(|path| Written::at(&path)).collect();
        let preview = folder.join(PREVIEW);
        let of_kind = |what: &str| {
            let found = files.iter().find(|file| file.what == what);
            found.map(|file| (file.path.clone(), file.kind))
        };
        let plays = match preview.is_file() {
            true => Some((preview, "video/mp4")),
            false => of_kind("film").or_else(|| of_kind("sound")),
        };
        Made {
            id: 0,
            film,
            values,
            folder: folder.to_owned(),
            files,
            plays,
            seconds,
            notes: texts("notes").map(str::to_owned).collect(),
            kept: None,
            measured: Measured::No,
        }
    }

    /// The notes with their times.
    pub(super) fn score(&self) -> PathBuf {
        self.folder.join(SCORE)
    }

    /// Adds a file that was made later.
    pub(super) fn add(&mut self, path: &Path) {
        self.files.retain(|file| file.path != path);
        self.files.extend(Written::at(path));
    }

    pub(super) fn json(&self) -> Value {
        let files = self.files.iter();
        let files: Vec<Value> = files
            .map(|file| json!({ "name": file.name, "what": file.what, "bytes": file.bytes }))
            .collect();
        let is_preview = self
            .plays
            .as_ref()
            .is_some_and(|(path, _)| path.ends_with(PREVIEW));
        let has_picture = self
            .plays
            .as_ref()
            .is_some_and(|(_, kind)| kind.starts_with("video"));
        let measured = match &self.measured {
            Measured::No => json!(null),
            Measured::Waits => json!({ "waits": true }),
            Measured::Is(found) => json!({ "found": found }),
            Measured::Failed(why) => json!({ "failed": why }),
        };
        json!({
            "id": self.id,
            "values": self.values,
            "files": files,
            "plays": self.plays.is_some(),
            "picture": has_picture,
            "preview": is_preview,
            "seconds": self.seconds,
            "notes": self.notes,
            "kept": self.kept,
            "measured": measured,
        })
    }
}

/// Everything that was rendered and is still there.
#[derive(Default)]
pub(super) struct Results {
    held: Vec<Made>,
    /// How many there have been.
    count: usize,
}

impl Results {
    /// Adds one, with the next number; gives the folder of one that had to go for it.
    pub(super) fn add(&mut self, made: Made) -> Option<PathBuf> {
        let id = self.count;
        self.count += 1;
        self.held.push(Made { id, ..made });
        (self.held.len() > MOST).then(|| self.held.remove(0).folder)
    }

    pub(super) fn get(&self, id: usize) -> Option<&Made> {
        self.held.iter().find(|made| made.id == id)
    }

    pub(super) fn get_mut(&mut self, id: usize) -> Option<&mut Made> {
        self.held.iter_mut().find(|made| made.id == id)
    }

    /// Those of a film, the oldest first.
    pub(super) fn of(&self, film: usize) -> impl Iterator<Item = &Made> {
        self.held.iter().filter(move |made| made.film == film)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn made(folder: &Path) -> Made {
        let written: Vec<_> = ["a.mp4", "a.wav", "a-stem-lead.wav", "a.mid", "gone.mid"]
            .map(|name| folder.join(name))
            .into();
        for path in &written[..4] {
            std::fs::write(path, "12").unwrap();
        }
        let told = [&written[..], &["/etc/passwd".into()]].concat();
        let printed = json!({ "written": told, "notes": ["n"] });
        Made::of(0, Values::default(), folder, &printed, 1.5)
    }

    #[test]
    fn a_result_hands_out_what_lies_in_its_folder_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let first = made(folder.path());
        let whats: Vec<_> = first.files.iter().map(|file| file.what).collect();
        assert_eq!(whats, ["film", "sound", "stem", "notes"]);
        assert_eq!(first.plays.as_ref().unwrap().1, "video/mp4");
        assert_eq!(first.json()["files"][3]["bytes"], 2);
        std::fs::write(folder.path().join(PREVIEW), "1").unwrap();
        assert_eq!(made(folder.path()).json()["preview"], true);
    }

    #[test]
    fn the_oldest_result_goes_when_there_are_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = Results::default();
        for _ in 0..MOST {
            assert!(results.add(made(folder.path())).is_none());
        }
        assert!(results.add(made(folder.path())).is_some());
        assert!(results.get(0).is_none() && results.get(1).is_some());
        assert_eq!(results.of(0).count(), MOST);
        assert_eq!(results.of(1).count(), 0);
    }
}
