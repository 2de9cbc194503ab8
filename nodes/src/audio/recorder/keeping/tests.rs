use proptest::prelude::*;

use super::*;
use crate::output::write;

fn at(days: f64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs_f64((20_000.0 + days) * DAY)
}

fn kept(name: &str, days: f64, bytes: u64) -> Kept {
    Kept {
        files: vec![PathBuf::from(name)],
        bytes,
        written: at(days),
    }
}

fn names(takes: Vec<Kept>) -> Vec<String> {
    let name = |take: Kept| take.files[0].display().to_string();
    takes.into_iter().map(name).collect()
}

#[test]
fn the_oldest_go_by_days_or_by_bytes_and_the_newest_stays() {
    let takes = || vec![kept("c", 3.0, 10), kept("a", 1.0, 10), kept("b", 2.0, 10)];
    let beyond = |days, bytes, now| names(doomed(takes(), Limits { days, bytes }, at(now)));
    assert_eq!(beyond(Some(2.5), None, 4.0), ["a"]);
    assert_eq!(beyond(Some(2.5), None, 400.0), ["a", "b"]);
    assert_eq!(beyond(None, Some(20), 4.0), ["a"]);
    assert_eq!(beyond(None, Some(0), 4.0), ["a", "b"]);
    assert_eq!(beyond(Some(1.5), Some(20), 4.0), ["a", "b"]);
    assert_eq!(beyond(None, None, 4.0), [""; 0]);
    // A clock that was set back makes nothing old.
    assert_eq!(beyond(Some(0.5), None, 0.0), [""; 0]);
}

#[test]
fn only_names_that_a_recorder_gives_are_its_takes() {
    let take = |name| take_of(name, Path::new("/srv/take.wav"));
    assert_eq!(take("take.wav"), Some("take"));
    assert_eq!(take("take-2.mid"), Some("take-2"));
    assert_eq!(take("take-2-part-3.mid"), Some("take-2"));
    assert_eq!(take("take-part.mid"), Some("take"));
    assert_eq!(take("take-recovered.jsonl"), Some("take-recovered"));
    assert_eq!(take("take-2-recovered-3.trace"), Some("take-2-recovered-3"));
    for other in [
        "take-best.wav",
        "take.flac",
        "take2.wav",
        "my take.wav",
        "take-2.txt",
        "take-part-x.mid",
        ".take.wav",
        "take--2.wav",
    ] {
        assert_eq!(take(other), None, "{other}");
    }
}

/// A folder with takes of these owners, and a file of somebody else.
fn folder(own: &Owner, other: &Owner) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let log = |name: &str, owner: &Owner| {
        let mark = Claim::numbered(&at(name), owner.clone()).line();
        let line = serde_json::json!({ "format": 1, "score": mark });
        std::fs::write(at(name), format!("{line}\n")).unwrap();
    };
    let midi = |name: &str, owner: &Owner| {
        let track = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0";
        write(Claim::numbered(&at(name), owner.clone()), track).unwrap();
    };
    for number in ["", "-2", "-3", "-4"] {
        log(&format!("take{number}.jsonl"), own);
        midi(&format!("take{number}.mid"), own);
        std::fs::write(at(&format!("take{number}.trace")), "trace").unwrap();
    }
    // Another patch's, one that somebody else has put a file to, and one without any mark.
    log("take-5.jsonl", other);
    log("take-6.jsonl", own);
    std::fs::write(at("take-6.wav"), "a cut of my own").unwrap();
    std::fs::write(at("take-7.wav"), "mine").unwrap();
    std::fs::write(at("take-8.trace"), "alone").unwrap();
    std::fs::write(at("take-2-remix.wav"), "mine").unwrap();
    std::fs::write(at("notes.txt"), "mine").unwrap();
    // One that grows.
    log("take-9.jsonl", own);
    std::fs::write(at(".take-9.wav.partial"), "grows").unwrap();
    folder
}

fn listed(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn nothing_is_removed_that_the_recorder_did_not_write() {
    let (own, other) = (Owner::program("own"), Owner::program("other"));
    let folder = folder(&own, &other);
    let path = folder.path().join("take.wav");
    let limits = Limits {
        days: Some(0.0),
        bytes: Some(0),
    };
    let before = listed(folder.path());
    let later = SystemTime::now() + Duration::from_secs(86_400);
    assert_eq!(
        remove_oldest(&path, &own, limits, later),
        3,
        "all but the newest of four"
    );
    let after = listed(folder.path());
    let gone: Vec<&String> = before.iter().filter(|name| !after.contains(name)).collect();
    assert_eq!(gone.len(), 9, "{gone:?}");
    let is_own = |name: &&String| {
        ["take.", "take-2.", "take-3.", "take-4."]
            .iter()
            .any(|own| name.starts_with(own))
    };
    assert!(gone.iter().all(is_own), "{gone:?}");
}

#[test]
fn only_what_a_recorder_may_remove_counts_as_its_own() {
    let (own, other) = (Owner::program("own"), Owner::program("other"));
    let folder = folder(&own, &other);
    let path = folder.path().join("take.wav");
    let of = |name: &str| path.with_file_name(name).metadata().unwrap().len();
    let takes = ["take", "take-2", "take-3", "take-4"];
    let files = takes.iter().flat_map(|take| {
        let endings = ["jsonl", "mid", "trace"];
        endings.map(|ending| of(&format!("{take}.{ending}")))
    });
    assert_eq!(bytes_of_takes(&path, &own), files.sum::<u64>());
    assert_eq!(bytes_of_takes(&path, &other), of("take-5.jsonl"));
}

proptest! {
    /// Whatever there is, what goes is older than all that stays, and the limit of bytes is kept.
    #[test]
    fn what_goes_is_the_oldest(
        takes in proptest::collection::vec((0.0f64..100.0, 0u64..1000), 0..20),
        days in proptest::option::of(0.0f64..100.0),
        bytes in proptest::option::of(0u64..10_000),
    ) {
        let named = (0..).zip(&takes).map(|(number, (at, bytes)): (usize, _)| kept(&number.to_string(), *at, *bytes));
        let all: Vec<Kept> = named.collect();
        let limits = Limits { days, bytes };
        let gone = doomed(all.clone(), limits, at(100.0));
        let stays: Vec<&Kept> = all.iter().filter(|take| !gone.contains(take)).collect();
        let newest_gone = gone.iter().map(|take| take.written).max();
        let oldest_here = stays.iter().map(|take| take.written).min();
        if let (Some(gone), Some(here)) = (newest_gone, oldest_here) {
            prop_assert!(gone <= here);
        }
        prop_assert!(all.is_empty() || !stays.is_empty());
        let left: u64 = stays.iter().map(|take| take.bytes).sum();
        prop_assert!(bytes.is_none_or(|most| left <= most) || stays.len() == 1);
    }
}
