//! Gives results the names that `score film` would give them, all with the same number where a name
//! is taken: nothing that lies there is replaced.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Names that are tried.
const MOST_NUMBERS: u32 = 10_000;

/// Copies `files` to where `name` is, without an ending, that all their names begin with: to
/// `NAME.mid`, or `NAME-2.mid` where one of those names is taken. Gives what was written.
///
/// # Errors
/// The folder cannot be written to, or the disk is full; then nothing was written.
pub(super) fn keep(files: &[&Path], name: &Path) -> io::Result<Vec<PathBuf>> {
    let (folder, begins) = (
        name.parent().unwrap_or(Path::new("")),
        name.file_name().unwrap_or_default().to_string_lossy(),
    );
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    // What stands behind the name: `.mid`, `-stem-lead.wav`.
    let ends = files.iter().map(|file| {
        let own = file.file_name().unwrap_or_default().to_string_lossy();
        let end = own.strip_prefix(&*begins).unwrap_or(&own);
        end.to_owned()
    });
    let ends: Vec<String> = ends.collect();
    let mut copies = Vec::new();
    for file in files {
        let mut copy = copy_in(folder)?;
        io::copy(&mut File::open(file)?, &mut copy)?;
        copy.as_file().sync_all()?;
        copies.push(copy);
    }
    for number in 1..MOST_NUMBERS {
        let begins = match number {
            1 => begins.to_string(),
            more => format!("{begins}-{more}"),
        };
        let names: Vec<PathBuf> = ends
            .iter()
            .map(|end| folder.join(format!("{begins}{end}")))
            .collect();
        if names.iter().any(|name| name.symlink_metadata().is_ok()) {
            continue;
        }
        match named(copies, &names)? {
            Ok(()) => {
                let tidy = |name: PathBuf| match name.strip_prefix(".") {
                    Ok(tidy) => tidy.to_owned(),
                    Err(_) => name,
                };
                return Ok(names.into_iter().map(tidy).collect());
            }
            Err(back) => copies = back,
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// Gives the copies these names; gives the copies back if one was taken meanwhile.
fn named(
    copies: Vec<NamedTempFile>,
    names: &[PathBuf],
) -> io::Result<Result<(), Vec<NamedTempFile>>> {
    let mut copies = copies.into_iter();
    for (at, name) in names.iter().enumerate() {
        let Some(copy) = copies.next() else { break };
        let Err(failed) = copy.persist_noclobber(name) else {
            continue;
        };
        // Those that have their names go back to be copies.
        let mut back = Vec::new();
        for name in &names[..at] {
            let path = tempfile::TempPath::try_from_path(name)?;
            back.push(NamedTempFile::from_parts(File::open(name)?, path));
        }
        if failed.error.kind() != ErrorKind::AlreadyExists {
            return Err(failed.error);
        }
        back.push(failed.file);
        back.extend(copies);
        return Ok(Err(back));
    }
    Ok(Ok(()))
}

/// A copy that is a file like any other of the user's once it has its name.
fn copy_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut copy = tempfile::Builder::new();
    copy.prefix(".score-").suffix(".partial");
    // The user's umask takes from it what others may not.
    #[cfg(unix)]
    copy.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    copy.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn results_get_the_next_number_together_and_replace_nothing() {
        let (made, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let files = ["a-scored.mid", "a-scored-stem-lead.wav"].map(|name| made.path().join(name));
        for file in &files {
            std::fs::write(file, "new").unwrap();
        }
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let name = kept.path().join("a-scored");
        std::fs::write(kept.path().join("a-scored.mid"), "old").unwrap();
        for number in [2, 3] {
            let written = keep(&files, &name).unwrap();
            let wanted = [
                format!("a-scored-{number}.mid"),
                format!("a-scored-{number}-stem-lead.wav"),
            ];
            assert_eq!(written, wanted.map(|name| kept.path().join(name)));
            assert_eq!(std::fs::read_to_string(&written[0]).unwrap(), "new");
        }
        let old = std::fs::read_to_string(kept.path().join("a-scored.mid")).unwrap();
        assert_eq!(old, "old");
        // No copy is left, and none where it cannot be done.
        assert_eq!(std::fs::read_dir(kept.path()).unwrap().count(), 5);
        let gone = [files[0], Path::new("/no/file")];
        assert!(keep(&gone, &name).is_err());
        assert_eq!(std::fs::read_dir(kept.path()).unwrap().count(), 5);
    }
}
