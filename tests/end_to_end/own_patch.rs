//! A patch of one's own: begun with a copy, checked at every save.

use crate::support::{Talking, graphs, program, score, text};

#[test]
fn a_new_patch_is_a_copy_with_its_comments_and_never_takes_another_ones_place() {
    let folder = tempfile::tempdir().unwrap();
    let done = score(folder.path(), &["new", "mine", "--from", "random_walk"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let mine = std::fs::read(folder.path().join("mine.ron")).unwrap();
    assert_eq!(
        mine,
        std::fs::read(graphs().join("random_walk.ron")).unwrap()
    );
    let checked = score(folder.path(), &["check", "mine.ron"]);
    assert!(checked.status.success(), "{}", text(&checked.stderr));

    let again = score(folder.path(), &["new", "mine.ron", "--from", "film"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("already"));
    assert_eq!(std::fs::read(folder.path().join("mine.ron")).unwrap(), mine);

    let copy = score(folder.path(), &["new", "copy", "--from", "mine.ron"]);
    assert!(copy.status.success(), "{}", text(&copy.stderr));
    assert_eq!(std::fs::read(folder.path().join("copy.ron")).unwrap(), mine);
}

#[test]
fn what_there_is_to_begin_with_is_listed_and_named_when_asked_for_in_vain() {
    let folder = tempfile::tempdir().unwrap();
    let listed = text(&score(folder.path(), &["new"]).stdout);
    assert!(
        listed.lines().any(|line| line.starts_with("film ")),
        "{listed}"
    );
    let vain = score(folder.path(), &["new", "mine", "--from", "flim"]);
    assert_eq!(vain.status.code(), Some(1));
    let told = text(&vain.stderr);
    assert!(
        told.contains("`flim`") && told.contains("random_walk"),
        "{told}"
    );
    assert!(!folder.path().join("mine.ron").exists());
}

#[test]
fn a_watched_patch_is_checked_again_at_every_save() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.ron");
    let made = score(folder.path(), &["new", "mine", "--from", "random_walk"]);
    assert!(made.status.success());
    let watching = Talking::start(&mut program(
        folder.path(),
        &["check", "--watch", "mine.ron"],
    ));
    let until = |wanted: &str| watching.until(wanted);
    until("mine.ron: fine");
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, good.replacen("temperature:", "temperatur:", 1)).unwrap();
    until("temperatur");
    std::fs::write(&path, &good).unwrap();
    until("mine.ron: fine");
}
