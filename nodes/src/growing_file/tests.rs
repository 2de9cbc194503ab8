//! Files that grow, and what is found of them.

use std::path::Path;

use super::*;
use crate::output::Owner;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn claim(path: &Path) -> Claim {
    Claim::numbered(path, Owner::program("test"))
}

fn begin(path: &Path) -> GrowingFile {
    GrowingFile::create(claim(path)).unwrap().unwrap()
}

#[test]
fn a_file_that_is_dropped_is_kept_and_an_empty_one_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    drop(begin(&path));
    assert!(names(folder.path()).is_empty());
    let mut file = begin(&path);
    assert!(grows(&path));
    file.handle().unwrap().write_all(b"line\n").unwrap();
    file.commit().unwrap();
    begin(&path)
        .handle()
        .unwrap()
        .write_all(b"second\n")
        .unwrap();
    assert_eq!(names(folder.path()), ["a-2.jsonl", "a.jsonl"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"line\n");
}

#[test]
fn two_runs_never_write_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let mut first = begin(&path);
    assert!(GrowingFile::create(claim(&path)).unwrap().is_none());
    first.replace(b"first").unwrap();
    // A file that is being written is not taken for one that was left behind, replaced or not.
    recover(&path);
    assert_eq!(names(folder.path()), [".a.wav.partial"]);
    // A name that was taken meanwhile is not taken away.
    std::fs::write(&path, "other").unwrap();
    first.commit().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"other");
    assert_eq!(
        std::fs::read(folder.path().join("a-2.wav")).unwrap(),
        b"first"
    );
    assert_eq!(names(folder.path()), ["a-2.wav", "a.wav"]);
}

#[test]
fn what_a_dead_run_left_is_kept_under_a_clear_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, content) in [
        (".take.jsonl.partial", "{}\n{\"half"),
        (".take-2.mid.partial", "notes"),
        (".take-2.mid.next", "half"),
        (".take-2-part-2.mid.partial", "more notes"),
        (".take-2.jsonl.partial", r#"{"half"#),
        (".take-recovered.mid", "not ours"),
        (".other.jsonl.partial", "{}\n"),
        ("take-recovered.jsonl", "of before"),
    ] {
        std::fs::write(at(name), content).unwrap();
    }
    recover(&at("take.wav"));
    assert_eq!(
        names(folder.path()),
        [
            ".other.jsonl.partial",
            ".take-recovered.mid",
            "take-2-part-2-recovered.mid",
            "take-2-recovered.mid",
            "take-recovered-2.jsonl",
            "take-recovered.jsonl",
        ]
    );
    assert_eq!(
        std::fs::read(at("take-recovered-2.jsonl")).unwrap(),
        b"{}\n"
    );
}

#[test]
fn the_files_of_a_take_that_is_recovered_keep_one_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Of two takes of before, one had no notes, and the other nothing else.
    for name in ["take-recovered.jsonl", "take-recovered-2.mid"] {
        std::fs::write(at(name), "of before").unwrap();
    }
    for ending in ["jsonl", "mid", "trace", "mkv"] {
        std::fs::write(at(&format!(".take.{ending}.partial")), "{}\n").unwrap();
    }
    recover(&at("take.wav"));
    assert_eq!(
        names(folder.path()),
        [
            "take-recovered-2.mid",
            "take-recovered-3.jsonl",
            "take-recovered-3.mid",
            "take-recovered-3.mkv",
            "take-recovered-3.trace",
            "take-recovered.jsonl",
        ]
    );
}
