//! Where the sockets of runs lie: in a folder that only their user can enter.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{DirBuilder, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, geteuid, test_kill_process};

use crate::connect;

/// The environment variable that names the folder.
const FOLDER_VARIABLE: &str = "SCORE_RUNTIME_DIR";

/// How the name of the socket ends at which a run is steered.
pub const CONTROL: &str = "sock";

/// Others of the group or of the whole machine may do something with a file.
const OTHERS: u32 = 0o077;
/// They may write.
const OTHERS_WRITE: u32 = 0o022;
/// In the folder, only the owner of a file can remove or rename it.
const STICKY: u32 = 0o1000;

/// The folders in which a run may have its socket, the best first: only the one in
/// SCORE_RUNTIME_DIR, if that is set; else one in the folder that the system gives each logged-in
/// user, then one in the folder for temporary files.
#[must_use]
pub fn to_make() -> Vec<PathBuf> {
    let named = |name| std::env::var_os(name).map(PathBuf::from);
    match named(FOLDER_VARIABLE) {
        Some(folder) if !folder.as_os_str().is_empty() => {
            vec![std::path::absolute(&folder).unwrap_or(folder)]
        }
        _ => usual(named("XDG_RUNTIME_DIR"), &std::env::temp_dir()),
    }
}

fn usual(of_user: Option<PathBuf>, for_temporary: &Path) -> Vec<PathBuf> {
    let of_user = of_user.filter(|folder| folder.is_absolute());
    let of_user = of_user.map(|folder| folder.join("score"));
    let temporary = temporary(for_temporary);
    of_user.into_iter().chain([temporary]).collect()
}

/// The folders in which runs of this user may have their sockets: a run may have been started with
/// other environment variables, by cron or as a service.
#[must_use]
pub fn to_look_in() -> Vec<PathBuf> {
    let mut folders = to_make();
    if std::env::var_os(FOLDER_VARIABLE).is_some_and(|named| !named.is_empty()) {
        return folders;
    }
    folders.push(PathBuf::from(format!("/run/user/{}/score", user())));
    folders.push(temporary(Path::new("/tmp")));
    each_once(folders)
}

/// The folders, each by the first of its names: where /var/run is a link to /run, a run would be
/// found twice.
fn each_once(mut folders: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    folders.retain(|folder| seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.clone())));
    folders
}

fn temporary(folder: &Path) -> PathBuf {
    folder.join(format!("score-{}", user()))
}

fn user() -> u32 {
    geteuid().as_raw()
}

/// Makes the folder, if it is not there.
///
/// # Errors
/// It cannot be made, or others could reach what lies in it; in words.
pub fn make(folder: &Path) -> Result<(), String> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(format!("`{}` cannot be made ({error})", folder.display()))
        }
        _ => require_own(folder),
    }
}

/// Requires that nobody else can enter or replace `folder`.
///
/// # Errors
/// Somebody else could; in words.
pub fn require_own(folder: &Path) -> Result<(), String> {
    let name = folder.display();
    let found = folder.symlink_metadata();
    let found = found.map_err(|error| format!("`{name}` cannot be looked at ({error})"))?;
    if found.is_symlink() {
        return Err(format!("`{name}` is a link"));
    }
    if !found.is_dir() {
        return Err(format!("`{name}` is not a folder"));
    }
    if found.uid() != user() {
        return Err(format!("`{name}` belongs to another user"));
    }
    if found.mode() & OTHERS != 0 {
        return Err(format!("others can enter `{name}`; run chmod 700 on it"));
    }
    let above = folder.parent().map(Path::metadata);
    match above {
        Some(Ok(above)) if is_kept(&above) => Ok(()),
        _ => Err(format!("others can replace `{name}`")),
    }
}

/// Whether nobody else can rename what is in the folder.
fn is_kept(above: &Metadata) -> bool {
    above.mode() & OTHERS_WRITE == 0 || above.mode() & STICKY != 0
}

/// The sockets that lie in a folder and whose names end so, with the processes in their names.
#[must_use]
pub fn sockets_in(folder: &Path, ending: &str) -> Vec<(u32, PathBuf)> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| Some((process_of(&entry.path(), ending)?, entry.path())))
        .collect();
    found.sort();
    found
}

/// The process in a socket's name.
fn process_of(path: &Path, ending: &str) -> Option<u32> {
    let is_socket = path.extension().is_some_and(|found| found == ending);
    let stem = path.file_stem().filter(|_| is_socket)?.to_str()?;
    let (process, _) = stem.split_once('-').unwrap_or((stem, ""));
    process.parse().ok()
}

/// The names that the socket of this process may have in `folder`, the best first. More than one
/// are needed where containers share the folder: processes of two may have one number.
pub fn names(folder: &Path, ending: &str) -> impl Iterator<Item = PathBuf> {
    let process = std::process::id();
    let (folder, ending) = (folder.to_owned(), ending.to_owned());
    let first = folder.join(format!("{process}.{ending}"));
    let more = (2..16).map(move |number| folder.join(format!("{process}-{number}.{ending}")));
    std::iter::once(first).chain(more)
}

/// Removes the sockets beside `own` that dead processes have left.
pub fn clean(own: &Path) {
    let ending = own.extension().and_then(OsStr::to_str);
    let (Some(folder), Some(ending)) = (own.parent(), ending) else {
        return;
    };
    let sockets = sockets_in(folder, ending);
    for (process, path) in sockets {
        // A process that is alive may be stopped, and would not answer.
        if path != own && is_dead(process) {
            remove_stale(&path, &connect(&path));
        }
    }
}

/// Whether no process has this number, here: in another container that shares the folder, one may.
fn is_dead(process: u32) -> bool {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    process.is_none_or(|process| test_kill_process(process) == Err(Errno::SRCH))
}

/// Removes the socket at `path` if nobody listens at it, as `connected` tells.
pub fn remove_stale(path: &Path, connected: &io::Result<UnixStream>) {
    let is_stale = |error: &io::Error| error.kind() == ErrorKind::ConnectionRefused;
    if connected.as_ref().is_err_and(is_stale) {
        // Another process may be faster.
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::{Permissions, create_dir, set_permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn open_to(folder: &Path, mode: u32) {
        set_permissions(folder, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_users_own_folder_of_the_system_comes_first() {
        let temporary = PathBuf::from(format!("/tmp/score-{}", user()));
        for (of_user, folders) in [
            (None, vec![temporary.clone()]),
            (Some("here"), vec![temporary.clone()]),
            (Some(""), vec![temporary.clone()]),
            (
                Some("/run/user/7"),
                vec![PathBuf::from("/run/user/7/score"), temporary.clone()],
            ),
        ] {
            let found = usual(of_user.map(PathBuf::from), Path::new("/tmp"));
            assert_eq!(found, folders, "{of_user:?}");
        }
    }

    #[test]
    fn a_folder_with_two_names_is_looked_in_once() {
        let above = tempfile::tempdir().unwrap();
        let [there, link] = ["there", "link"].map(|name| above.path().join(name));
        create_dir(&there).unwrap();
        symlink(&there, &link).unwrap();
        make(&there.join("score")).unwrap();
        let [one, other] = [&link, &there].map(|folder| folder.join("score"));
        let gone = above.path().join("gone");
        assert_eq!(
            each_once(vec![one.clone(), other, gone.clone(), gone.clone()]),
            [one, gone]
        );
    }

    #[test]
    fn the_folder_is_its_users_own() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("score");
        make(&folder).unwrap();
        assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o700);
        make(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_others_can_reach_or_replace_is_refused() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("score");
        create_dir(&folder).unwrap();
        open_to(&folder, 0o755);
        assert!(make(&folder).unwrap_err().contains("others can enter"));
        open_to(&folder, 0o700);
        make(&folder).unwrap();
        open_to(above.path(), 0o777);
        assert!(make(&folder).unwrap_err().contains("others can replace"));
        open_to(above.path(), 0o1777);
        make(&folder).unwrap();
    }

    #[test]
    fn a_link_a_file_and_another_users_folder_are_refused() {
        let above = tempfile::tempdir().unwrap();
        let [there, link, file] = ["there", "link", "file"].map(|name| above.path().join(name));
        make(&there).unwrap();
        symlink(&there, &link).unwrap();
        assert!(make(&link).unwrap_err().ends_with("is a link"));
        std::fs::write(&file, "").unwrap();
        assert!(make(&file).unwrap_err().ends_with("is not a folder"));
        assert!(
            make(&above.path().join("a/b"))
                .unwrap_err()
                .contains("cannot be made")
        );
        // Only root can give a folder away.
        if chown(&there, Some(user() + 1), None).is_ok() {
            assert!(
                make(&there)
                    .unwrap_err()
                    .ends_with("belongs to another user")
            );
        }
    }

    #[test]
    fn a_socket_is_known_by_its_name() {
        let process = |name: &str| process_of(Path::new(name), CONTROL);
        assert_eq!(process("/run/user/1/score/12.sock"), Some(12));
        assert_eq!(process("12-3.sock"), Some(12));
        for other in [
            ".12.new", ".12sock", "12.txt", "x.sock", "sock", "-1.sock", "",
        ] {
            assert_eq!(process(other), None, "{other}");
        }
        let own: Vec<_> = names(Path::new("a"), "daw").collect();
        assert_eq!(own.len(), 15);
        assert!(
            own.iter()
                .all(|name| process_of(name, "daw") == Some(std::process::id()))
        );
    }
}
