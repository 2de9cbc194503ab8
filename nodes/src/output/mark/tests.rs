//! Marks in files of every format.

use std::path::{Path, PathBuf};

use super::*;
use crate::testing::ffmpeg;

fn owner(node: &str) -> Owner {
    super::super::Outputs::of_built_in("film").owner(node)
}

fn open(path: &Path) -> File {
    File::options().read(true).write(true).open(path).unwrap()
}

/// What a file says of itself.
#[derive(Debug, PartialEq)]
enum Reading {
    None,
    Marked { mark: Mark, is_whole: bool },
}

fn read(file: &mut File) -> io::Result<Reading> {
    Ok(match find(file)? {
        None => Reading::None,
        Some(found) => Reading::Marked {
            is_whole: found.is_whole(file)?,
            mark: found.mark,
        },
    })
}

/// A small file of each format, made by ffmpeg or here.
fn files(folder: &Path) -> Vec<PathBuf> {
    let lavfi = "-f lavfi -i testsrc2=size=32x32:rate=8:duration=1 -f lavfi -i sine=duration=1";
    for name in [
        "a.mp4", "a.mov", "a.mkv", "a.webm", "a.avi", "a.wav", "a.flac", "a.png", "a.jpg",
    ] {
        let rest = match name {
            "a.png" | "a.jpg" => "-map 0:v -frames:v 1",
            "a.wav" | "a.flac" => "-map 1:a",
            _ => "",
        };
        let arguments = format!("{lavfi} {rest} {name}");
        ffmpeg(folder, &arguments.split_whitespace().collect::<Vec<_>>());
    }
    std::fs::write(folder.join("a.html"), "<!DOCTYPE html>\n<p>-->\n").unwrap();
    let sheet = "<?xml version=\"1.0\"?>\n<score-partwise version=\"4.0\"/>\n";
    std::fs::write(folder.join("a.musicxml"), sheet).unwrap();
    std::fs::write(folder.join("a.pdf"), "%PDF-1.4\n1 0 obj\n%%EOF\n").unwrap();
    std::fs::write(folder.join("a.txt"), "# bar 1, 0:00.0\n| Am | F |\n").unwrap();
    let track =
        b"MThd\0\0\0\x06\0\x01\0\x01\x01\xe0MTrk\0\0\0\x0c\0\x90\x3c\x40\x60\x80\x3c\0\0\xff\x2f\0";
    std::fs::write(folder.join("a.mid"), track).unwrap();
    let mut names: Vec<PathBuf> = (std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    names
}

#[test]
fn every_format_holds_a_mark_and_any_change_to_the_file_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    for path in files(folder.path()) {
        let name = path.display();
        let before = std::fs::read(&path).unwrap();
        assert_eq!(read(&mut open(&path)).unwrap(), Reading::None, "{name}");
        assert!(
            put(&mut open(&path), &owner("sound"), true).unwrap(),
            "{name}"
        );
        let Reading::Marked { mark, is_whole } = read(&mut open(&path)).unwrap() else {
            panic!("{name} has no mark");
        };
        assert!(is_whole, "{name}");
        assert_eq!(mark.id, owner("sound").id());
        assert_ne!(mark.id, owner("other").id());
        assert_eq!((mark.patch.as_str(), mark.node.as_str()), ("film", "sound"));
        let hash = hexadecimal(&Sha256::digest(&before));
        assert_eq!(mark.sha256, Some(hash), "{name}");

        let marked = std::fs::read(&path).unwrap();
        for at in [marked.len() / 3, marked.len() / 2, marked.len() - 1] {
            let mut changed = marked.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            let is_own = matches!(
                read(&mut open(&path)),
                Ok(Reading::Marked { is_whole: true, mark: ref found }) if *found == mark
            );
            assert!(!is_own, "{name}: byte {at}");
        }
        std::fs::write(&path, [marked.as_slice(), b"more"].concat()).unwrap();
        let reading = read(&mut open(&path));
        let is_own = matches!(reading, Ok(Reading::Marked { is_whole: true, .. }));
        assert!(!is_own, "{name}");
        std::fs::write(&path, &marked[..marked.len() - 1]).unwrap();
        let reading = read(&mut open(&path));
        let is_own = matches!(reading, Ok(Reading::Marked { is_whole: true, .. }));
        assert!(!is_own, "{name}");
    }
}

#[test]
fn a_marked_file_is_read_as_before_by_ffmpeg_and_midly() {
    let folder = tempfile::tempdir().unwrap();
    for path in files(folder.path()) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let decoded = || match name.as_str() {
            "a.txt" | "a.pdf" => Vec::new(),
            "a.html" | "a.musicxml" => {
                let text = std::fs::read_to_string(&path).unwrap();
                let comments = text.matches("<!--").count();
                assert!(text.matches("--").count() <= 2 * comments + 1, "{text}");
                Vec::new()
            }
            "a.mid" => {
                let bytes = std::fs::read(&path).unwrap();
                let smf = midly::Smf::parse(&bytes).unwrap();
                let events = smf.tracks[0].iter();
                let notes = events.filter(|event| {
                    !matches!(
                        event.kind,
                        midly::TrackEventKind::Meta(midly::MetaMessage::Text(_))
                    )
                });
                format!("{:?}", notes.collect::<Vec<_>>()).into_bytes()
            }
            // Its own remarks would be among the errors, which `ffmpeg` here does not let pass.
            _ => ffmpeg(
                folder.path(),
                &[
                    "-err_detect",
                    "explode",
                    "-i",
                    &name,
                    "-map",
                    "0",
                    "-f",
                    "framemd5",
                    "-",
                ],
            ),
        };
        let before = decoded();
        assert!(put(&mut open(&path), &owner(r#"a--"node" — <é> 🎵"#), true).unwrap());
        assert_eq!(decoded(), before, "{name}");
        let Reading::Marked { mark, is_whole } = read(&mut open(&path)).unwrap() else {
            panic!("{name} has no mark");
        };
        assert!(is_whole);
        assert_eq!(mark.node, r#"a--"node" — <é> 🎵"#);
    }
}

#[test]
fn tags_that_a_flac_has_stay_and_one_without_room_gets_no_mark() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.flac");
    let source = "-f lavfi -i sine=duration=1 -metadata title=Sine a.flac";
    ffmpeg(
        folder.path(),
        &source.split_whitespace().collect::<Vec<_>>(),
    );
    assert!(put(&mut open(&path), &owner("sound"), true).unwrap());
    let ask = ["-i", "a.flac", "-f", "ffmetadata", "-"];
    let tags = String::from_utf8(ffmpeg(folder.path(), &ask)).unwrap();
    assert!(tags.contains("Sine") && tags.contains("SCORE! "), "{tags}");
    // Stream information alone.
    let mut bytes = b"fLaC\x80\0\0\x22".to_vec();
    bytes.extend([0; 34]);
    std::fs::write(&path, &bytes).unwrap();
    assert!(!put(&mut open(&path), &owner("sound"), true).unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn what_is_no_known_format_or_breaks_off_is_read_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    for path in files(folder.path()) {
        put(&mut open(&path), &owner("sound"), true).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let lengths = (0..64).chain(bytes.len().saturating_sub(40)..bytes.len());
        for length in lengths.filter(|length| *length <= bytes.len()) {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let reading = read(&mut open(&path));
            let is_own = matches!(reading, Ok(Reading::Marked { is_whole: true, .. }));
            assert!(
                !is_own || length == bytes.len(),
                "{}: {length}",
                path.display()
            );
        }
    }
    let path = folder.path().join("text");
    std::fs::write(&path, "SCORE! {}").unwrap();
    assert!(!put(&mut open(&path), &owner("sound"), true).unwrap());
    assert_eq!(read(&mut open(&path)).unwrap(), Reading::None);
}

#[test]
fn a_long_name_is_shortened_and_two_that_begin_alike_stay_two() {
    let names = ["x".repeat(300) + "1", "x".repeat(300) + "2"];
    let [one, two] = names.map(|name| Mark::new(&owner(&name), None));
    assert_ne!(one.id, two.id);
    assert!(one.text().unwrap().len() < 600);
    let emoji = Mark::new(&owner(&"🎵".repeat(300)), Some("0".repeat(64)));
    assert!(emoji.text().unwrap().len() <= LONGEST);
    assert_eq!(Mark::parse(emoji.text().unwrap().as_bytes()), Some(emoji));
}
