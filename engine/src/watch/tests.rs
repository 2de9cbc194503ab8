use super::*;

/// How long a saving may take to be reported.
const WITHIN: Duration = Duration::from_secs(20);

/// A folder, by its own name.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}

/// Waits until `file` is reported, and what follows closely is over.
fn heard(watch: &Watch, file: &Path) {
    loop {
        let saved = watch.saved().recv_timeout(WITHIN).unwrap();
        if saved.contains(file) {
            break;
        }
    }
    while watch.saved().recv_timeout(TOGETHER * 5).is_ok() {}
}

#[test]
fn a_file_is_seen_however_it_is_saved_and_its_neighbours_are_not() {
    let (_kept, folder) = folder();
    let (patch, other) = (folder.join("patch.ron"), folder.join("other.ron"));
    std::fs::write(&patch, "1").unwrap();
    for polls in [false, true] {
        let watch = Watch::new(polls).unwrap();
        assert!(watch.set([patch.clone()].into()).is_empty());
        let save_in_place = |text: &str| std::fs::write(&patch, text).unwrap();
        let save_by_renaming = |text: &str| {
            std::fs::write(folder.join("patch.ron~"), text).unwrap();
            std::fs::rename(folder.join("patch.ron~"), &patch).unwrap();
        };
        // Twice: a watch that was lost with the file would not see the second.
        type Way<'a> = (&'a dyn Fn(&str), &'a str);
        let ways: [Way<'_>; 3] = [
            (&save_in_place, "2"),
            (&save_by_renaming, "3"),
            (&save_by_renaming, "4"),
        ];
        for (save, text) in ways {
            std::fs::write(&other, "9").unwrap();
            save(text);
            let saved = watch.saved().recv_timeout(WITHIN).unwrap();
            assert_eq!(saved, [patch.clone()].into());
            while watch.saved().recv_timeout(TOGETHER * 5).is_ok() {}
        }
        std::fs::remove_file(&patch).unwrap();
        heard(&watch, &patch);
        save_in_place("1");
        heard(&watch, &patch);
    }
}

#[cfg(unix)]
#[test]
fn a_file_behind_links_is_seen_whichever_of_them_is_exchanged() {
    use std::os::unix::fs::symlink;
    let (_kept, folder) = folder();
    let at = |name: &str| folder.join(name);
    for release in ["r1", "r2", "r3"] {
        std::fs::create_dir(at(release)).unwrap();
        std::fs::write(at(release).join("show.ron"), release).unwrap();
    }
    symlink("r1", at("current")).unwrap();
    symlink("current/show.ron", at("show.ron")).unwrap();
    let exchange = |target: &str, link: &str| {
        symlink(target, at("new")).unwrap();
        std::fs::rename(at("new"), at(link)).unwrap();
    };
    let name = at("show.ron");
    let watch = Watch::new(false).unwrap();
    let files: BTreeSet<PathBuf> = [name.clone()].into();
    assert!(watch.set(files.clone()).is_empty());
    // In place, by another file in its place, by either link.
    let ways: [&dyn Fn(); 5] = [
        &|| std::fs::write(at("r1/show.ron"), "1, anew").unwrap(),
        &|| {
            std::fs::write(at("r1/new"), "1, once more").unwrap();
            std::fs::rename(at("r1/new"), at("r1/show.ron")).unwrap();
        },
        &|| exchange("r2", "current"),
        &|| std::fs::write(at("r2/show.ron"), "2, anew").unwrap(),
        &|| exchange("r3/show.ron", "show.ron"),
    ];
    for way in ways {
        way();
        heard(&watch, &name);
        watch.set(files.clone());
    }
    // A folder that is exchanged as a whole gives no notice at its file.
    std::fs::create_dir(at("r4")).unwrap();
    std::fs::write(at("r4/show.ron"), "4").unwrap();
    std::fs::rename(at("r3"), at("old")).unwrap();
    std::fs::rename(at("r4"), at("r3")).unwrap();
    heard(&watch, &name);
    watch.set(files.clone());
    std::fs::write(at("r3/show.ron"), "4, anew").unwrap();
    heard(&watch, &name);
}

#[test]
fn what_is_saved_before_it_is_watched_again_is_seen() {
    let (_kept, folder) = folder();
    let patch = folder.join("later/patch.ron");
    let watch = Watch::new(false).unwrap();
    let files: BTreeSet<PathBuf> = [patch.clone()].into();
    // A folder that is not there is no news.
    assert_eq!(watch.set(files.clone()), []);
    std::fs::create_dir(folder.join("later")).unwrap();
    std::fs::write(&patch, "1").unwrap();
    watch.set(files);
    heard(&watch, &patch);
}

#[test]
fn a_file_that_is_only_touched_is_not_saved_where_it_is_read() {
    let (_kept, folder) = folder();
    let patch = folder.join("patch.ron");
    std::fs::write(&patch, "1").unwrap();
    let before = Mark::of(&patch, true);
    let hour = std::time::SystemTime::now() + Duration::from_secs(3600);
    std::fs::File::options()
        .write(true)
        .open(&patch)
        .unwrap()
        .set_modified(hour)
        .unwrap();
    assert_eq!(Mark::of(&patch, true), before);
    // An edit of the same length, within the clock's step, is one.
    let stamped = std::fs::metadata(&patch).unwrap().modified().unwrap();
    std::fs::write(&patch, "2").unwrap();
    std::fs::File::options()
        .write(true)
        .open(&patch)
        .unwrap()
        .set_modified(stamped)
        .unwrap();
    assert_ne!(Mark::of(&patch, true), before);
}
