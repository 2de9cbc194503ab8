//! The list of a folder's sounds, `sounds.ron`, where their names do not say enough.

use std::io::ErrorKind;
use std::path::{Component, Path};

use ron::extensions::Extensions;
use score_engine::NodeError;
use serde::Deserialize;

use crate::plain_file;

/// What the list is called.
pub(super) const NAME: &str = "sounds.ron";

/// The longest list, in bytes.
const LONGEST: u64 = 4 << 20;

/// The list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sounds {
    sounds: Vec<Entry>,
}

/// A sound in the list; what it leaves out is as if the name said nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// The file, from the folder on.
    pub(super) file: String,
    /// Its key: a number.
    #[serde(default)]
    pub(super) key: Option<u8>,
    /// The lowest and the highest key that it plays.
    #[serde(default)]
    pub(super) keys: Option<(u8, u8)>,
    /// The highest velocity that it is for.
    #[serde(default)]
    pub(super) velocity: Option<u8>,
    /// Its turn among sounds that are for the same.
    #[serde(default)]
    pub(super) round_robin: Option<u32>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// In dB.
    #[serde(default)]
    pub(super) gain: f32,
    /// Whether it plays to its end.
    #[serde(default)]
    pub(super) one_shot: Option<bool>,
}

/// The list in `folder`; `None`: there is none.
///
/// # Errors
/// It cannot be read, has a mistake, or names a file outside of the folder.
pub(super) fn read(folder: &Path) -> Result<Option<Vec<Entry>>, NodeError> {
    let path = folder.join(NAME);
    let refuse = |why: String| {
        let help = r#"its form is (sounds: [(file: "rain.wav", key: 60, tags: ["soft"])])"#;
        NodeError::input(format!("`{}` {why}", path.display())).help(help)
    };
    let text = match plain_file::read_text(&path, LONGEST) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == ErrorKind::FileTooLarge => {
            return Err(refuse("is too long for a list of sounds".to_owned()));
        }
        Err(error) => return Err(refuse(format!("cannot be read ({error})"))),
    };
    let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
    let list: Sounds = options
        .from_str(&text)
        .map_err(|error| refuse(format!("has a mistake at {error}")))?;
    for entry in &list.sounds {
        let parts = Path::new(&entry.file).components();
        let is_within =
            !entry.file.is_empty() && { parts }.all(|part| matches!(part, Component::Normal(_)));
        if !is_within {
            let why = format!("names `{}`, which does not lie in its folder", entry.file);
            return Err(refuse(why));
        }
        let keys = [
            entry.key.unwrap_or(0),
            entry.keys.map_or(0, |keys| keys.0.max(keys.1)),
        ];
        if keys.iter().any(|key| *key > 127) {
            return Err(refuse(format!("gives `{}` a key above 127", entry.file)));
        }
        if !entry.gain.is_finite() || entry.gain.abs() > 60.0 {
            return Err(refuse(format!(
                "gives `{}` a gain beyond 60 dB",
                entry.file
            )));
        }
    }
    Ok(Some(list.sounds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Option<Vec<Entry>>, NodeError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), text).unwrap();
        read(folder.path())
    }

    #[test]
    fn a_list_says_what_names_do_not() {
        let text = r#"(sounds: [
            (file: "a.wav"),
            (file: "far/b.wav", key: 60, keys: (48, 72), velocity: 90, round_robin: 2, tags: ["soft"], gain: -3, one_shot: true),
        ])"#;
        let list = read_text(text).unwrap().unwrap();
        assert_eq!((list.len(), list[0].key), (2, None));
        let second = &list[1];
        assert_eq!((second.keys, second.one_shot), (Some((48, 72)), Some(true)));
        assert_eq!((second.gain, second.tags[0].as_str()), (-3.0, "soft"));
    }

    #[test]
    fn a_mistake_is_refused_with_its_place() {
        for (text, wanted) in [
            ("(sounds: [(fil: \"a.wav\")])", "1:"),
            ("", "has a mistake"),
            (
                "(sounds: [(file: \"../a.wav\")])",
                "does not lie in its folder",
            ),
            (
                "(sounds: [(file: \"/a.wav\")])",
                "does not lie in its folder",
            ),
            ("(sounds: [(file: \"a.wav\", key: 200)])", "above 127"),
            ("(sounds: [(file: \"a.wav\", gain: inf)])", "gain"),
        ] {
            let error = read_text(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        assert!(read(Path::new("/nowhere")).unwrap().is_none());
    }
}
