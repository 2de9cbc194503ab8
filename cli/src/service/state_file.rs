//! A small file that survives a power cut: either the old content is there or the new.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use score_engine::patch_hash;
use score_nodes::output::folder_of;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the first line begins with; the checksum of the rest follows.
pub(super) const MARK: &str = "score-state 1 ";

/// A longer file is none of these, in bytes.
const MOST: u64 = 16 << 20;

/// Reads what was written. One that is damaged is set aside, under a name that is logged, and
/// counts as missing, as one that cannot be read does.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let text = match path.metadata() {
        Ok(file) if file.is_file() && file.len() <= MOST => std::fs::read(path),
        Ok(_) => Err(io::ErrorKind::InvalidData.into()),
        Err(error) => Err(error),
    };
    let damaged = match text {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => error.to_string(),
        Ok(bytes) => match content(&bytes) {
            Some(content) => return Some(content),
            None => "its checksum is another".to_owned(),
        },
    };
    match set_aside(path) {
        Ok(aside) => tracing::warn!(
            "`{}` is damaged ({damaged}) and is kept as `{}`; what it knew is forgotten",
            path.display(),
            aside.display()
        ),
        Err(error) => {
            tracing::warn!("`{}` is damaged ({damaged}; {error})", path.display());
        }
    }
    None
}

fn content<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (sum, content) = text.strip_prefix(MARK)?.split_once('\n')?;
    (sum == patch_hash(content)).then(|| serde_json::from_str(content).ok())?
}

/// Renames what lies at `path` to the first free `NAME.damaged`, `NAME.damaged-2`…
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let mut name = path.to_owned().into_os_string();
    name.push(".damaged");
    let mut aside = PathBuf::from(name);
    for number in 2..100 {
        if !aside.exists() {
            break;
        }
        aside.set_extension(format!("damaged-{number}"));
    }
    std::fs::rename(path, &aside)?;
    Ok(aside)
}

/// Writes `content` beside its place, has it put on the disk, and then in its place.
///
/// # Errors
/// The disk is full or gone; what was there stays.
pub(crate) fn write<T: Serialize>(path: &Path, content: &T) -> io::Result<()> {
    let content = serde_json::to_string(content)?;
    let next = next(path);
    let written = write_whole(&next, &content).and_then(|()| std::fs::rename(&next, path));
    if written.is_err() {
        // It is only in the way.
        let _ = std::fs::remove_file(&next);
    }
    written?;
    // The name is on the disk once its folder is.
    File::open(folder_of(path))?.sync_all()
}

/// Where a file is written until it is whole.
pub(super) fn next(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".next");
    path.with_file_name(name)
}

fn write_whole(next: &Path, content: &str) -> io::Result<()> {
    let mut file = File::create(next)?;
    write!(file, "{MARK}{}\n{content}", patch_hash(content))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.state");
        assert_eq!(read::<Vec<u32>>(&path), None);
        for numbers in [vec![1], vec![], vec![1, 2, 3]] {
            write(&path, &numbers).unwrap();
            assert_eq!(read(&path), Some(numbers));
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_file_is_set_aside_wherever_the_damage_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.state");
        write(&path, &"a text that is kept").unwrap();
        let whole = std::fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(read::<String>(&path), None, "byte {place}");
            assert!(!path.exists());
        }
        for end in 0..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            assert_eq!(read::<String>(&path), None, "{end} bytes");
        }
        assert!(folder.path().join("run.state.damaged").exists());
        assert!(folder.path().join("run.state.damaged-2").exists());
    }

    #[test]
    fn where_nothing_can_be_written_the_old_content_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.state");
        write(&path, &1).unwrap();
        std::fs::create_dir(folder.path().join(".run.state.next")).unwrap();
        assert!(write(&path, &2).is_err());
        assert_eq!(read(&path), Some(1));
    }
}
