//! A patch from a stranger fills neither the memory nor the terminal nor the log.

use std::path::Path;
use std::process::{Command, Output};

use score_test_support::{program, score, text};

/// Memory that the program may have where a limit is tested, in kilobytes. Reserved, not used:
/// threads' stacks and the program itself count.
#[cfg(unix)]
const MEMORY: u32 = 3_000_000;

/// Runs the program with little memory, and for a minute at most.
#[cfg(unix)]
fn bounded(folder: &Path, arguments: &[&str]) -> Output {
    let unbounded = program(folder, arguments);
    let mut shell = Command::new("sh");
    shell
        .current_dir(folder)
        .args([
            "-c",
            &format!(r#"ulimit -v {MEMORY}; exec timeout 60 "$0" "$@""#),
        ])
        .arg(unbounded.get_program())
        .args(arguments);
    for (name, value) in unbounded.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.output().unwrap()
}

/// 744 bytes that would be 8 GB.
fn nested() -> String {
    let lets: Vec<String> = (0..9)
        .map(|n| match n {
            0 => "a0: [1, 2]".to_owned(),
            n => format!("a{n}: [{}]", vec![format!("use(a{})", n - 1); 8].join(",")),
        })
        .collect();
    format!(
        r#"Patch(format: 1, let: ({}), nodes: {{"mix": mixer(pans: use(a8))}})"#,
        lets.join(", ")
    )
}

#[cfg(unix)]
#[test]
fn small_patches_do_not_fill_the_memory_or_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let nested = nested();
    assert!(nested.len() < 1_000, "{}", nested.len());
    let in_one_line = format!(
        "Patch(format: 1, nodes: {{{}}})",
        (0..4_000)
            .map(|n| format!(r#""{n}": no(x: 1..2)"#))
            .collect::<Vec<_>>()
            .join(",")
    );
    let includes = |many: usize, part: &str| {
        let parts: Vec<String> = (0..many)
            .map(|n| format!(r#""{n}": (patch: "{part}")"#))
            .collect();
        format!("Patch(format: 1, include: {{{}}})", parts.join(","))
    };
    let part = format!(
        r#"Patch(format: 1, nodes: {{"mix": mixer(pans: [{}])}})"#,
        "0,".repeat(100_000)
    );
    std::fs::write(folder.path().join("part.ron"), part).unwrap();
    let small = r#"Patch(format: 1, nodes: {"a": tone()})"#;
    std::fs::write(folder.path().join("small.ron"), small).unwrap();
    for (name, patch, wanted) in [
        ("nested", nested, "values"),
        ("in_one_line", in_one_line, " more"),
        ("deep", "[".repeat(3_000_000), "more than 64 brackets"),
        (
            "values",
            format!("[{}]", "1,".repeat(1_900_000)),
            "more than 200000 values",
        ),
        (
            "includes",
            includes(10_000, "small.ron"),
            "more than 256 included patches",
        ),
        (
            "often",
            includes(250, "part.ron"),
            "more than 200000 values",
        ),
        ("zeros", "\0".repeat(4 << 20), "expected a value"),
    ] {
        let file = format!("{name}.ron");
        std::fs::write(folder.path().join(&file), patch).unwrap();
        for command in ["check", "graph"] {
            let done = bounded(folder.path(), &[command, &file]);
            let told = text(&done.stderr);
            assert_eq!(
                done.status.code(),
                Some(1),
                "{command} {name}: {}",
                &told[..told.len().min(2_000)]
            );
            assert!(told.contains(wanted), "{name}: {told}");
            assert!(told.len() < 200_000, "{name}: {} bytes", told.len());
            assert!(!told.contains('\0'), "{name}");
        }
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_no_patch_and_nothing_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.ron");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let long = std::fs::File::create(folder.path().join("long.ron")).unwrap();
    long.set_len(1 << 40).unwrap();
    for (patch, wanted) in [
        (
            "pipe.ron",
            "`pipe.ron` is not a patch: it is a pipe or a device, not a file",
        ),
        (
            "/dev/zero",
            "`/dev/zero` is not a patch: it is a pipe or a device, not a file",
        ),
        (".", "`.` is not a patch: it is a folder"),
        (
            "long.ron",
            "`long.ron` is not a patch: it is longer than 4 MB",
        ),
        ("none.ron", "there is no patch `none.ron`"),
    ] {
        for command in ["check", "graph", "run", "render", "fmt"] {
            let done = bounded(folder.path(), &[command, patch]);
            let told = text(&done.stderr);
            assert_eq!(done.status.code(), Some(1), "{command} {patch}: {told}");
            assert!(told.contains(wanted), "{command} {patch}: {told}");
            assert!(!told.contains("mistake"), "{command} {patch}: {told}");
        }
    }
}

#[test]
fn escape_sequences_of_patches_and_names_are_shown_and_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let text_of = "Patch(format: 1, nodes: {\"a\u{1b}[2J\": tone(gain: \"\u{1b}]0;x\u{7}\")}, wires: [\"\u{9b}2J -> a\"])";
    let name = "evil\u{1b}[31m.ron";
    let files: &[&str] = if cfg!(unix) {
        &["p.ron", name]
    } else {
        &["p.ron"]
    };
    for file in files {
        std::fs::write(folder.path().join(file), text_of).unwrap();
        for arguments in [
            &["check", file][..],
            &["run", file],
            &["fmt", "--check", file],
        ] {
            let done = score(folder.path(), arguments);
            let told = text(&done.stderr);
            let odd: Vec<char> = told
                .chars()
                .filter(|c| c.is_control() && *c != '\n')
                .collect();
            assert_eq!(odd, [], "{arguments:?}: {told:?}");
            if arguments[0] == "check" {
                assert!(told.contains("\\u{1b}[2J"), "{told}");
            }
        }
    }
}

/// A part's name in a MIDI file, as a terminal gets it.
#[cfg(target_os = "linux")]
#[test]
fn escape_sequences_of_a_midi_file_are_not_sent_to_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let song = folder.path().join("song.mid");
    score_test_support::write_scale(&song);
    let mut bytes = std::fs::read(&song).unwrap();
    let name = b"\x00\xff\x03\x06a\x1b[2Jb";
    // Behind the heads of the file and of its one track.
    bytes.splice(22..22, name.iter().copied());
    let length = u32::from_be_bytes(bytes[18..22].try_into().unwrap()) + name.len() as u32;
    bytes[18..22].copy_from_slice(&length.to_be_bytes());
    std::fs::write(&song, bytes).unwrap();
    let unbounded = program(folder.path(), &[]);
    let typed = format!(
        "'{}' eval harmony song.mid",
        unbounded.get_program().display()
    );
    // `script` gives the program a terminal.
    let mut terminal = Command::new("script");
    terminal.current_dir(folder.path());
    terminal.args(["--quiet", "--return", "--command", &typed, "/dev/null"]);
    let done = terminal.output().unwrap();
    let told = text(&done.stdout);
    assert!(told.contains("a\\u{1b}[2Jb"), "{told:?}");
    assert!(!told.contains("\u{1b}[2J"), "{told:?}");
}

#[cfg(unix)]
#[test]
fn fmt_does_not_write_through_a_planted_link() {
    let folder = tempfile::tempdir().unwrap();
    let (patch, other) = (folder.path().join("p.ron"), folder.path().join("precious"));
    std::fs::write(&patch, r#"Patch(format:1,nodes:{"a":tone()})"#).unwrap();
    std::fs::write(&other, "precious").unwrap();
    std::os::unix::fs::symlink(&other, folder.path().join("p.ron.partial")).unwrap();
    let done = score(folder.path(), &["fmt", "p.ron"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "precious");
    assert!(
        std::fs::read_to_string(&patch)
            .unwrap()
            .contains(r#""a": tone()"#)
    );
    let left = score_test_support::names(folder.path());
    assert_eq!(left, ["p.ron", "p.ron.partial", "precious"]);
}

#[cfg(unix)]
#[test]
fn a_file_beyond_the_systems_limit_is_an_error_and_no_sudden_end() {
    let folder = tempfile::tempdir().unwrap();
    let patch = r#"Patch(format: 1, nodes: {"a": tone(length: 30), "s": audio_file(path: "a.wav")}, wires: ["a -> s"])"#;
    std::fs::write(folder.path().join("p.ron"), patch).unwrap();
    let unbounded = program(folder.path(), &[]);
    let mut shell = Command::new("sh");
    shell
        .current_dir(folder.path())
        .args(["-c", r#"ulimit -f 200; exec "$0" render p.ron --quiet"#])
        .arg(unbounded.get_program());
    let done = shell.output().unwrap();
    let told = text(&done.stderr);
    // Not a signal's end: that has no code.
    assert_eq!(done.status.code(), Some(1), "{told}");
    assert!(
        told.contains("a.wav") || told.contains("too large"),
        "{told}"
    );
}
