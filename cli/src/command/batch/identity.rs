//! Which film it is: the hash of what is in the file, which the workers tell each other, so that
//! each film is read for it only once.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::collection::Film;
use super::share::{Share, hex, read_json, replace};

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

/// A file's length and time, which change with what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) bytes: u64,
    /// Nanoseconds since 1970 by the clock of whoever wrote it; it is only compared with itself.
    modified: u128,
}

impl State {
    /// The state of the file at `path`.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let about = std::fs::metadata(path)?;
        if !about.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let modified = about.modified().ok();
        let since = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        Ok(State {
            bytes: about.len(),
            modified: since.map_or(0, |since| since.as_nanos()),
        })
    }

    fn json(self) -> Value {
        json!({ "bytes": self.bytes, "modified": self.modified.to_string() })
    }
}

impl Identity {
    /// Of the film, by what another worker has told or by reading it all; `None`: nobody has read
    /// it, and it is not to be read now.
    pub(super) fn of(film: &Film, share: &Share, read: bool) -> io::Result<Option<Self>> {
        let state = State::of(&film.path)?;
        let told = share
            .hidden("films")
            .join(format!("{}.json", &hash(film.name.as_bytes())[..32]));
        let known = read_json(&told).ok().flatten();
        if let Some(known) = known.filter(|known| known["state"] == state.json())
            && let Some(sha256) = known["sha256"].as_str().filter(|sha256| is_hash(sha256))
        {
            return Ok(Some(Identity {
                sha256: sha256.to_owned(),
                state,
            }));
        }
        if !read {
            return Ok(None);
        }
        let sha256 = hash_of_file(&film.path)?;
        if State::of(&film.path)? != state {
            return Err(io::Error::other("it is still being written"));
        }
        let telling = json!({ "film": film.name, "state": state.json(), "sha256": sha256 });
        // Where it cannot be told, others read the film themselves.
        let _ = replace(&told, &share.worker, telling.to_string().as_bytes());
        Ok(Some(Identity { sha256, state }))
    }

    /// The name of the job that makes this film's music by the recipe whose hash is `recipe`.
    pub(super) fn job(&self, recipe: &str) -> String {
        format!("{}-{recipe}", &self.sha256[..DIGITS])
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The SHA-256 of bytes, in small hexadecimal.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The SHA-256 of a file, which may be larger than the memory.
pub(super) fn hash_of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 18];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(read) => hash.update(&piece[..read]),
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
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
        assert_eq!(first.sha256, hash(b"film"));
        assert_eq!(
            Identity::of(&film, &other, false).unwrap(),
            Some(first.clone())
        );
        std::fs::write(&path, "other").unwrap();
        assert_eq!(Identity::of(&film, &other, false).unwrap(), None);
        let second = Identity::of(&film, &other, true).unwrap().unwrap();
        assert_ne!(second.job("r"), first.job("r"));
        assert!(
            Identity::of(
                &Film {
                    path: folder.path().join("b"),
                    ..film
                },
                &share,
                true
            )
            .is_err()
        );
    }
}
