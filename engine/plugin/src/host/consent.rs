//! Which libraries beside patches the user has allowed: by what is in them, not by what they are
//! called.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The file in the user's configuration that remembers what is allowed.
const FILE: &str = "score/allowed-plugins";

/// What stands first in it.
const HEADING: &str = "# Plugins that `score` may load from the folder `plugins` beside a patch: sha256, then where the file was\n\
    # when it was allowed. `score plugins allow FILE` adds a line, `score plugins revoke FILE` takes it away.\n";

/// The libraries that may be loaded from beside a patch.
#[derive(Clone, Debug, Default)]
pub struct Consents {
    /// Where they are remembered; none where the user has no folder of their own.
    file: Option<PathBuf>,
    /// By sha256: where the library was when it was allowed.
    allowed: BTreeMap<String, PathBuf>,
}

impl Consents {
    /// What the user has allowed, from `$XDG_CONFIG_HOME/score/allowed-plugins`, that is
    /// `~/.config/score/…`. A file that cannot be read allows nothing.
    #[must_use]
    pub fn of_user() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let config = set("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.or_else(|| Some(PathBuf::from(set("HOME")?).join(".config")));
        config.map_or_else(Consents::default, |config| Self::load(config.join(FILE)))
    }

    /// What `file` allows.
    #[must_use]
    pub fn load(file: PathBuf) -> Self {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let lines = text.lines().filter_map(|line| {
            let (hash, path) = line.split_once("  ")?;
            is_hash(hash).then(|| (hash.to_owned(), PathBuf::from(path)))
        });
        Consents {
            allowed: lines.collect(),
            file: Some(file),
        }
    }

    /// Where they are remembered.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Whether the library with this sha256 may be loaded.
    #[must_use]
    pub fn allow(&self, hash: &str) -> bool {
        self.allowed.contains_key(hash)
    }

    /// Each sha256 that is allowed, and where the file was then.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Path)> {
        (self.allowed.iter()).map(|(hash, path)| (hash.as_str(), path.as_path()))
    }

    /// Remembers that the library with this sha256, at `path`, may be loaded. What was allowed at
    /// that path before is no longer.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&mut self, hash: &str, path: &Path) -> io::Result<()> {
        self.allowed.retain(|_, other| other != path);
        self.allowed.insert(hash.to_owned(), path.to_owned());
        self.save()
    }

    /// Forgets every library that `is_meant`, by its sha256 and its path; gives what was forgotten.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remove(
        &mut self,
        is_meant: impl Fn(&str, &Path) -> bool,
    ) -> io::Result<Vec<(String, PathBuf)>> {
        let is_gone = |hash: &String, path: &mut PathBuf| is_meant(hash, path);
        let gone: Vec<_> = self.allowed.extract_if(.., is_gone).collect();
        if !gone.is_empty() {
            self.save()?;
        }
        Ok(gone)
    }

    fn save(&self) -> io::Result<()> {
        let Some(file) = &self.file else {
            let why = "neither XDG_CONFIG_HOME nor HOME is set";
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        };
        let folder = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        // Under a name of its own until it is whole; a program that starts meanwhile reads the old
        // one.
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(HEADING.as_bytes())?;
        for (hash, path) in &self.allowed {
            // The name is only for people; a line must stay a line.
            let shown = path.display().to_string().replace(char::is_control, "?");
            writeln!(new, "{hash}  {shown}")?;
        }
        new.as_file().sync_all()?;
        new.persist(file)?;
        Ok(())
    }
}

/// Whether `text` is a sha256 as it is written.
fn is_hash(text: &str) -> bool {
    let is_digit = |letter: char| letter.is_ascii_digit() || ('a'..='f').contains(&letter);
    text.len() == 64 && text.chars().all(is_digit)
}

/// The sha256 of `bytes`, as it is written.
#[must_use]
pub(super) fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_remembered_by_its_bytes_and_can_be_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/allowed");
        let (old, new) = (sha256(b"old"), sha256(b"new"));
        let mut consents = Consents::load(file.clone());
        assert!(!consents.allow(&old));
        consents.add(&old, Path::new("/a/lib\n.so")).unwrap();
        consents.add(&sha256(b"other"), Path::new("/b.so")).unwrap();
        let mut again = Consents::load(file.clone());
        assert!(again.allow(&old) && !again.allow(&new));

        // A new build at the same place takes the place of the old one.
        again.add(&new, Path::new("/a/lib?.so")).unwrap();
        let mut again = Consents::load(file.clone());
        assert!(again.allow(&new) && !again.allow(&old));
        let gone = again.remove(|hash, _| hash == new).unwrap();
        assert_eq!(gone.len(), 1);
        let again = Consents::load(file);
        assert!(!again.allow(&new));
        assert_eq!(again.iter().count(), 1);
    }

    #[test]
    fn a_sha256_is_written_as_other_programs_write_it() {
        let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), of_nothing);
        assert!(is_hash(of_nothing) && !is_hash("e3b0") && !is_hash(&of_nothing.to_uppercase()));
    }
}
