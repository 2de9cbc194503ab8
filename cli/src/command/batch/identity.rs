//! Which film it is: the hash of what is in the file, which the workers tell each other, so that
//! not each of them reads each film for it.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use score_nodes::output::replace;
use score_nodes::sha256;
use serde_json::{Value, json};

use super::collection::Film;
use super::share::{Share, read_json};

/// The digits of a film's hash that name its results: two of a million films have the same ones
/// with a probability of 3 in 100 million.
const DIGITS: usize = 16;

/// A film's file as it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// SHA-256 of the file, in small hexadecimal.
    pub(super) sha256: String,
    pub(super) state: State,
}

/// What the system knows of a file, which changes with what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) bytes: u64,
    /// Nanoseconds since 1970 by the clock of whoever wrote it; it is only compared with itself.
    modified: u128,
    /// What tells it from other files of this length and time.
    entry: String,
}

impl State {
    /// The state of the file at `path`.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Self::by(&std::fs::metadata(path)?, path)
    }

    fn by(about: &Metadata, path: &Path) -> io::Result<Self> {
        if !about.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let modified = about.modified().ok();
        let since = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        Ok(State {
            bytes: about.len(),
            modified: since.map_or(0, |since| since.as_nanos()),
            entry: entry(about, path),
        })
    }

    fn json(&self) -> Value {
        let modified = self.modified.to_string();
        json!({ "bytes": self.bytes, "modified": modified, "entry": self.entry })
    }
}

/// The file's number, and when its entry was changed, which no program sets back. Both are the
/// server's: every machine that has a shared folder sees the same, wherever it has it.
#[cfg(unix)]
fn entry(about: &Metadata, _: &Path) -> String {
    use std::os::unix::fs::MetadataExt;
    format!("{} {}.{}", about.ino(), about.ctime(), about.ctime_nsec())
}

/// Where the file is.
#[cfg(not(unix))]
fn entry(_: &Metadata, path: &Path) -> String {
    path.display().to_string()
}

impl Identity {
    /// Of the film, by what another worker has told or by reading it all; `None`: nobody has read
    /// it, and it is not to be read now. What it is called plays no part.
    pub(super) fn of(film: &Film, share: &Share, read: bool) -> io::Result<Option<Self>> {
        let state = State::of(&film.path)?;
        if let Some(sha256) = told(&state, share) {
            return Ok(Some(Identity { sha256, state }));
        }
        if !read {
            return Ok(None);
        }
        let identity = Self::read(&film.path)?;
        let state = &identity.state;
        // The name is for people.
        let telling =
            json!({ "film": film.name, "state": state.json(), "sha256": identity.sha256 });
        // Where it cannot be told, others read the film themselves.
        let _ = replace(&place(state, share), telling.to_string().as_bytes());
        Ok(Some(identity))
    }

    /// Of the film at `path`, by reading it all.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let state = State::by(&file.metadata()?, path)?;
        let (sha256, bytes) = sha256::of_all(&mut file)?;
        if bytes != state.bytes || State::of(path)? != state {
            let why = "it is still being written";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
        }
        Ok(Identity { sha256, state })
    }

    /// Whether the film at `path` is still this one. One that was only moved or touched is.
    pub(super) fn is_of(&self, path: &Path) -> bool {
        self.still_at(path).unwrap_or(false)
    }

    /// Whether what lies at `path` is still this file. One that was only touched is.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn still_at(&self, path: &Path) -> io::Result<bool> {
        if State::of(path)? == self.state {
            return Ok(true);
        }
        // A network file system may only have given it another number.
        Ok(Self::read(path)?.sha256 == self.sha256)
    }

    /// The name of the job that makes this film's music by the recipe whose hash is `recipe`.
    pub(super) fn job(&self, recipe: &str) -> String {
        format!("{}-{recipe}", &self.sha256[..DIGITS])
    }
}

/// Where the hash of a file in this state is told.
fn place(state: &State, share: &Share) -> std::path::PathBuf {
    let name = &sha256::of(state.json().to_string().as_bytes())[..32];
    share.hidden("films").join(format!("{name}.json"))
}

/// What was told of the hash of a file in this state.
fn told(state: &State, share: &Share) -> Option<String> {
    let known = read_json(&place(state, share)).ok()??;
    let sha256 = known["sha256"].as_str().filter(|text| is_hash(text))?;
    (known["state"] == state.json()).then(|| sha256.to_owned())
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_is_read_once_for_all_and_again_when_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let share = Share::open(&folder.path().join("out")).unwrap();
        let other = Share::open(&folder.path().join("out")).unwrap();
        let path = folder.path().join("a.mp4");
        std::fs::write(&path, "film").unwrap();
        let film = Film {
            name: "a.mp4".to_owned(),
            path: path.clone(),
        };
        assert_eq!(Identity::of(&film, &share, false).unwrap(), None);
        let first = Identity::of(&film, &share, true).unwrap().unwrap();
        assert_eq!(first.sha256, sha256::of(b"film"));
        // Whoever names it otherwise need not read it again.
        let named = Film {
            name: "../films/a.mp4".to_owned(),
            path: path.clone(),
        };
        assert_eq!(
            Identity::of(&named, &other, false).unwrap(),
            Some(first.clone())
        );
        std::fs::write(&path, "other").unwrap();
        assert_eq!(Identity::of(&film, &other, false).unwrap(), None);
        let second = Identity::of(&film, &other, true).unwrap().unwrap();
        assert_ne!(second.job("r"), first.job("r"));
        assert!(!first.is_of(&path) && second.is_of(&path));
        assert!(!first.still_at(&path).unwrap());
        assert!(first.still_at(&folder.path().join("none")).is_err());
        let moved = folder.path().join("b.mp4");
        std::fs::rename(&path, &moved).unwrap();
        assert!(second.is_of(&moved) && !second.is_of(&path));
        assert!(Identity::of(&film, &share, true).is_err());
    }

    #[test]
    fn films_of_one_name_length_and_time_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let share = Share::open(&folder.path().join("out")).unwrap();
        let time = UNIX_EPOCH + std::time::Duration::from_secs(1_000);
        let identities = ["one", "two"].map(|contents| {
            let path = folder.path().join(contents).join("a.mp4");
            std::fs::create_dir(path.parent().unwrap()).unwrap();
            std::fs::write(&path, contents).unwrap();
            let file = File::options().append(true).open(&path).unwrap();
            file.set_modified(time).unwrap();
            let name = "a.mp4".to_owned();
            let identity = Identity::of(&Film { name, path }, &share, true);
            identity.unwrap().unwrap().sha256
        });
        assert_eq!(identities, [sha256::of(b"one"), sha256::of(b"two")]);
    }
}
