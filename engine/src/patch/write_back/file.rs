//! Replaces the file of a patch, whole or not at all, and only while it is what was seen.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};

use super::{ControllerBinding, Written, bind_controller, keep_preset, write_back};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::Settings;
use crate::patch::{Source, check};
use crate::preset::Preset;
use crate::registry::Registry;

/// Why the file of a patch was not written. It is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritten {
    /// It is no longer what was seen: somebody has saved it since.
    #[error("{0}")]
    Changed(Diagnostic),
    /// The values cannot be written into it, or there is no file that can be read.
    #[error("{0}")]
    Patch(#[from] Diagnostics),
    /// The system does not let it be written.
    #[error("{0}")]
    File(Diagnostic),
}

impl From<Unwritten> for Diagnostics {
    fn from(why: Unwritten) -> Self {
        match why {
            Unwritten::Changed(one) | Unwritten::File(one) => vec![one].into(),
            Unwritten::Patch(all) => all,
        }
    }
}

/// What tells the text of a patch from every other: its SHA-256, in small hexadecimal.
#[must_use]
pub fn patch_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"))
}

/// Writes `values` into the patch at `path`, as [`write_back`] does, and gives back what stands
/// there now. `seen` is the [`patch_hash`] of the text that the values belong to: that which plays,
/// [`crate::Graph::text`].
///
/// # Errors
/// As [`write_back`] and [`replace_patch`], or the patch could not be played any more: a node may
/// refuse a value that its declaration admits. The file is as it was.
pub fn write_back_file(
    path: &Path,
    seen: &str,
    values: &[Written],
    registry: &Registry,
    settings: &Settings,
) -> Result<String, Unwritten> {
    let written = |source: &Source| write_back(source, values, registry);
    edit_file((path, seen), written, registry, settings)
}

/// Binds a MIDI controller to a live value in the patch at `path`, as [`bind_controller`] does, and
/// gives back what stands there now. `seen` as in [`write_back_file`].
///
/// # Errors
/// As [`bind_controller`] and [`replace_patch`], or the patch could not be played any more: it may
/// have no such value. The file is as it was.
pub fn bind_controller_file(
    path: &Path,
    seen: &str,
    binding: &ControllerBinding,
    registry: &Registry,
    settings: &Settings,
) -> Result<String, Unwritten> {
    let written = |source: &Source| bind_controller(source, binding);
    edit_file((path, seen), written, registry, settings)
}

/// Puts a preset into the patch at `path`, as [`keep_preset`] does, and gives back what stands there
/// now. `replaces`: also in the place of one of its name. `seen` as in [`write_back_file`].
///
/// # Errors
/// As [`keep_preset`] and [`replace_patch`], or the patch could not be played any more: it may have
/// no such value. The file is as it was.
pub fn keep_preset_file(
    path: &Path,
    seen: &str,
    (preset, replaces): (&Preset, bool),
    registry: &Registry,
    settings: &Settings,
) -> Result<String, Unwritten> {
    let written = |source: &Source| keep_preset(source, preset, replaces, registry);
    edit_file((path, seen), written, registry, settings)
}

/// Replaces the text of the patch at `path` by what is made of it, unless that could not be played
/// any more.
fn edit_file(
    (path, seen): (&Path, &str),
    edit: impl Fn(&Source) -> Result<String, Diagnostics>,
    registry: &Registry,
    settings: &Settings,
) -> Result<String, Unwritten> {
    let source = Source::read(path)?;
    // Looked at first: what is written may not fit into another text, and that is not what is wrong
    // then.
    require_seen(path, &source.text, seen)?;
    let text = edit(&source)?;
    let mut written = source.clone();
    written.text.clone_from(&text);
    let checks = |source| check(source, &[], registry, settings).map(|_| ());
    // What is wrong already, such as a film that is not here, is no reason.
    if let Err(wrong) = checks(&written) {
        let before = checks(&source).err();
        if before.is_none_or(|before| wrong.mistakes.len() > before.mistakes.len()) {
            return Err(wrong.into());
        }
    }
    replace_patch(path, seen, &text)?;
    Ok(text)
}

/// Makes `text` the content of the patch at `path`, in one step, so that nobody ever reads half of
/// it. The new file has the permissions of the old one, and, as far as the system lets it, its
/// owner and group; a symbolic link stays, and what it leads to is replaced. A file that has the
/// text already is not touched.
///
/// `seen` is the [`patch_hash`] of what the caller believes to stand there. On Linux and macOS,
/// where file systems can exchange two files, what is replaced is looked at once more afterwards
/// and put back if it is anything else, so that an edit that is saved in the very same moment is
/// not lost.
///
/// # Errors
/// The file is no longer what was seen, is gone or no patch, is read-only, or cannot be written. It
/// is as it was; should another edit come in while one is put back, the message says where what was
/// saved lies.
pub fn replace_patch(path: &Path, seen: &str, text: &str) -> Result<(), Unwritten> {
    replace(path, seen, text, exchange)
}

/// `exchange` lets two files have each other's names.
fn replace(
    path: &Path,
    seen: &str,
    text: &str,
    mut exchange: impl FnMut(&Path, &Path) -> io::Result<()>,
) -> Result<(), Unwritten> {
    let source = Source::read(path)?;
    require_seen(path, &source.text, seen)?;
    if source.text == text {
        return Ok(());
    }
    let refuse = |error: io::Error| {
        let why = format!("`{}` cannot be written ({error})", path.display());
        Unwritten::File(told(
            why,
            "check that it and its folder are yours to write, and have room",
        ))
    };
    // A link stays one: what it leads to is written.
    let target = path.canonicalize().map_err(refuse)?;
    let old = target.metadata().map_err(refuse)?;
    if old.permissions().readonly() {
        let why = format!("`{}` is read-only", path.display());
        let help = "allow it to be written, or save the patch under another name";
        return Err(Unwritten::File(told(why, help)));
    }
    let beside = beside(&target, &old, text).map_err(refuse)?;
    // Writing takes a while on a slow disk.
    require_seen(path, &Source::read(path)?.text, seen)?;
    match exchange(&beside, &target) {
        Ok(()) => {
            let holds = |seen: &str| {
                let text = std::fs::read_to_string(&beside);
                text.is_ok_and(|text| patch_hash(&text) == seen)
            };
            if !holds(seen) {
                // Put back; unless that brings what was written here, it is somebody's edit again.
                let is_back = exchange(&beside, &target).is_ok() && holds(&patch_hash(text));
                return Err(Unwritten::Changed(match is_back {
                    true => changed(path),
                    false => replaced(path, beside),
                }));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Unwritten::Changed(changed(path)));
        }
        // Not every file system can; it says so in various ways, and what is truly wrong shows
        // itself again.
        Err(_) => beside
            .persist(&target)
            .map_err(|failed| refuse(failed.error))?,
    }
    // The name counts as saved once the folder is; where folders cannot be, the system does what it
    // does.
    if let Some(folder) = target.parent() {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

/// A finished file beside `target`, with the permissions that the `old` one has.
fn beside(target: &Path, old: &Metadata, text: &str) -> io::Result<TempPath> {
    let folder = target.parent().unwrap_or(Path::new("."));
    // A name that nobody can guess, taken by making it: another's link is never written through.
    let mut beside = tempfile::Builder::new()
        .prefix(".score-")
        .suffix(".partial")
        .tempfile_in(folder)?;
    beside.write_all(text.as_bytes())?;
    keep_owner(&beside, old);
    beside.as_file().set_permissions(old.permissions())?;
    beside.as_file().sync_all()?;
    Ok(beside.into_temp_path())
}

/// Gives a file the owner and group of the `old` one, as far as that is allowed.
#[cfg(unix)]
fn keep_owner(file: &NamedTempFile, old: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let group = Some(old.gid());
    if fchown(file.as_file(), Some(old.uid()), group).is_err() {
        // Only the system's administrator gives files away; a group that one is in can have them.
        let _ = fchown(file.as_file(), None, group);
    }
}

#[cfg(not(unix))]
fn keep_owner(_file: &NamedTempFile, _old: &Metadata) {}

/// Lets two files have each other's names, in one step.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_one: &Path, _other: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What is said where a file that was not seen was replaced and lies `beside` now.
fn replaced(path: &Path, beside: TempPath) -> Diagnostic {
    let kept = beside
        .keep()
        .unwrap_or_else(|failed| PathBuf::from(&*failed.path));
    let why = format!(
        "`{}` was saved by somebody else in the same moment",
        path.display()
    );
    told(why, &format!("what they saved is `{}` now", kept.display()))
}

fn require_seen(path: &Path, text: &str, seen: &str) -> Result<(), Unwritten> {
    match patch_hash(text) == seen {
        true => Ok(()),
        false => Err(Unwritten::Changed(changed(path))),
    }
}

fn changed(path: &Path) -> Diagnostic {
    let why = format!(
        "`{}` has changed since it was read; nothing was written",
        path.display()
    );
    told(why, "look at what it says now, and write again")
}

fn told(message: String, help: &str) -> Diagnostic {
    Diagnostic {
        message,
        help: Some(help.to_owned()),
        place: None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with a patch in it.
    fn patch(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("show.ron");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_seen_is_replaced_and_nothing_is_left_beside() {
        let (folder, path) = patch("old");
        replace_patch(&path, &patch_hash("old"), "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["show.ron"]);
    }

    #[test]
    fn what_somebody_else_saved_stays() {
        let (folder, path) = patch("theirs");
        let error = replace_patch(&path, &patch_hash("old"), "mine").unwrap_err();
        assert!(matches!(error, Unwritten::Changed(_)));
        assert!(error.to_string().contains("has changed"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(names(folder.path()), ["show.ron"]);
    }

    /// Exchanges two files, but first lets something else happen, once.
    fn after(meanwhile: impl FnOnce()) -> impl FnMut(&Path, &Path) -> io::Result<()> {
        let mut meanwhile = Some(meanwhile);
        move |one, other| {
            if let Some(meanwhile) = meanwhile.take() {
                meanwhile();
            }
            exchange(one, other)
        }
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn what_is_saved_in_the_last_moment_stays() {
        let (folder, path) = patch("old");
        let renamed = after(|| {
            fs::write(folder.path().join("x"), "theirs").unwrap();
            fs::rename(folder.path().join("x"), &path).unwrap();
        });
        let error = replace(&path, &patch_hash("old"), "mine", renamed).unwrap_err();
        assert!(matches!(error, Unwritten::Changed(_)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        let in_place = after(|| fs::write(&path, "theirs again").unwrap());
        let error = replace(&path, &patch_hash("theirs"), "mine", in_place).unwrap_err();
        assert!(matches!(error, Unwritten::Changed(_)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs again");
        assert_eq!(names(folder.path()), ["show.ron"]);
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn what_cannot_be_put_back_is_kept_and_named() {
        let (folder, path) = patch("old");
        let mut first = true;
        let once = |one: &Path, other: &Path| {
            if !std::mem::take(&mut first) {
                return Err(io::ErrorKind::Unsupported.into());
            }
            fs::write(other, "theirs").unwrap();
            exchange(one, other)
        };
        let error = replace(&path, &patch_hash("old"), "mine", once).unwrap_err();
        let kept = names(folder.path())
            .into_iter()
            .find(|name| name != "show.ron")
            .unwrap();
        assert!(error.to_string().contains(&kept), "{error}");
        assert_eq!(
            fs::read_to_string(folder.path().join(kept)).unwrap(),
            "theirs"
        );
    }

    #[test]
    fn where_files_cannot_be_exchanged_one_is_renamed() {
        let (folder, path) = patch("old");
        let cannot = |_: &Path, _: &Path| Err(io::ErrorKind::Unsupported.into());
        replace(&path, &patch_hash("old"), "new", cannot).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["show.ron"]);
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn a_file_that_is_gone_is_not_made() {
        let (folder, path) = patch("old");
        fs::remove_file(&path).unwrap();
        let error = replace_patch(&path, &patch_hash("old"), "new").unwrap_err();
        assert!(error.to_string().contains("there is no patch"), "{error}");
        assert_eq!(names(folder.path()), [""; 0]);
        fs::write(&path, "old").unwrap();
        let gone = |_: &Path, other: &Path| {
            fs::remove_file(other)?;
            exchange(other, other)
        };
        let error = replace(&path, &patch_hash("old"), "new", gone).unwrap_err();
        assert!(matches!(error, Unwritten::Changed(_)));
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    #[cfg(unix)]
    fn permissions_stay_and_what_is_read_only_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, path) = patch("old");
        for mode in [0o640, 0o600, 0o755] {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            replace_patch(&path, &patch_hash("old"), "new").unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, mode);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        let error = replace_patch(&path, &patch_hash("new"), "newer").unwrap_err();
        assert!(error.to_string().contains("read-only"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    #[cfg(unix)]
    fn a_symbolic_link_stays_and_what_it_leads_to_is_replaced() {
        let (folder, path) = patch("old");
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("link.ron");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace_patch(&link, &patch_hash("old"), "new").unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(elsewhere.path()), ["link.ron"]);
        assert_eq!(names(folder.path()), ["show.ron"]);
    }

    #[test]
    fn a_file_that_has_the_text_is_not_touched() {
        let (_folder, path) = patch("old");
        let before = path.metadata().unwrap().modified().unwrap();
        replace_patch(&path, &patch_hash("old"), "old").unwrap();
        assert_eq!(path.metadata().unwrap().modified().unwrap(), before);
    }

    #[test]
    fn the_hash_is_a_sha256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(patch_hash(""), empty);
    }
}
