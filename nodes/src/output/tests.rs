//! Files and the names that they get.

use std::fs::{read, write as put};
use std::path::PathBuf;

use super::*;

const PAGE: &[u8] = b"<!doctype html><p>music</p>\n";

fn claim(path: &Path) -> Result<Claim, NodeError> {
    Claim::new(path, Owner::program("test"), false)
}

fn begin(path: &Path) -> OutputFile {
    OutputFile::begin(claim(path).unwrap()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = (std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_that_is_not_committed_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = begin(&folder.path().join("a.html"));
    file.write(PAGE).unwrap();
    drop(file);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn a_committed_file_stands_under_its_name_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.html");
    write(claim(&path).unwrap(), PAGE).unwrap();
    assert!(read(&path).unwrap().starts_with(PAGE));
    assert_eq!(names(folder.path()), ["a.html"]);
}

#[test]
fn a_missing_folder_is_told_with_its_path() {
    let claim = claim(Path::new("/no/such/folder/a.mid")).unwrap();
    let error = OutputFile::begin(claim).err().unwrap();
    assert!(
        error.to_string().contains("/no/such/folder/a.mid"),
        "{error}"
    );
}

#[test]
fn only_the_own_file_as_it_was_written_is_replaced_without_a_question() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.html");
    write(claim(&path).unwrap(), PAGE).unwrap();
    write(claim(&path).unwrap(), b"<!doctype html>again\n").unwrap();
    let own = read(&path).unwrap();
    let refused = |wanted: &str| {
        let error = claim(&path).err().unwrap();
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(error.advice().unwrap().contains("--overwrite"));
    };
    let other = Claim::new(&path, Owner::program("other"), false)
        .err()
        .unwrap();
    assert!(other.to_string().contains("`test` wrote it"), "{other}");
    put(
        &path,
        String::from_utf8(own).unwrap().replace("again", "gains"),
    )
    .unwrap();
    refused("it has changed");
    put(&path, "<!doctype html>of before there were marks").unwrap();
    refused("no mark");
    let consented = Claim::new(&path, Owner::program("test"), true).unwrap();
    write(consented, PAGE).unwrap();
    claim(&path).unwrap();
}

#[test]
fn a_name_that_is_taken_meanwhile_is_not_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.html");
    let (mut first, mut second) = (begin(&path), begin(&path));
    for file in [&mut first, &mut second] {
        file.write(PAGE).unwrap();
        file.commit().unwrap();
    }
    assert_eq!(names(folder.path()), ["a-2.html", "a.html"]);
    // The same where a file lay there that could have been replaced.
    let mut third = begin(&path);
    third.write(PAGE).unwrap();
    std::fs::remove_file(&path).unwrap();
    put(&path, "the user's").unwrap();
    third.commit().unwrap();
    assert_eq!(read(&path).unwrap(), b"the user's");
    assert_eq!(names(folder.path()), ["a-2.html", "a-3.html", "a.html"]);
}

#[test]
fn folders_and_devices_are_never_replaced_and_links_only_by_consent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.html");
    std::fs::create_dir(&path).unwrap();
    let consent = |path: &Path| Claim::new(path, Owner::program("test"), true);
    assert!(consent(&path).is_err());
    #[cfg(unix)]
    {
        assert!(consent(Path::new("/dev/null")).is_err());
        let (link, target): (PathBuf, PathBuf) =
            (folder.path().join("b.html"), folder.path().join("c"));
        put(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(
            claim(&link)
                .err()
                .unwrap()
                .to_string()
                .contains("it is a link")
        );
        write(consent(&link).unwrap(), PAGE).unwrap();
        assert_eq!(read(&target).unwrap(), b"precious");
        assert!(link.symlink_metadata().unwrap().is_file());
    }
}

#[test]
fn what_is_the_users_own_is_replaced_whole_and_keeps_its_permissions_and_links() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ron");
    put(&path, "old").unwrap();
    let planted = folder.path().join("a.ron.partial");
    put(&planted, "planted").unwrap();
    #[cfg(unix)]
    let path = {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let link = folder.path().join("link.ron");
        std::os::unix::fs::symlink("a.ron", &link).unwrap();
        link
    };
    replace(&path, b"new").unwrap();
    assert_eq!(read(folder.path().join("a.ron")).unwrap(), b"new");
    assert_eq!(read(&planted).unwrap(), b"planted");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert!(path.symlink_metadata().unwrap().is_symlink());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
