//! What a live run records is kept, whatever becomes of the run.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use midly::Smf;
use serde_json::Value;

use score_test_support::{names, program, text, write_scale};

/// How long anything may take on a busy computer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sound that goes on, a scale of four seconds, and a recorder of both.
fn patch(ending: &str) -> String {
    format!(
        r#"Patch(
    format: 1,
    nodes: {{
        "hum":  tone(gain: -12, channels: 2),
        "tune": midi_input_file(path: "scale.mid"),
        "take": recorder(path: "take.{ending}"),
    }},
    wires: ["hum -> take.sound", "tune -> take.notes"],
)"#
    )
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Frames of stereo that the header of the WAV file at `path` names; 0 while there is none.
fn frames(path: &Path) -> u32 {
    hound::WavReader::open(path).map_or(0, |wav| wav.duration())
}

/// A program under way, ended with this value.
struct Run(Child);

impl Run {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = program(folder, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Run(command.spawn().unwrap())
    }

    fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let mut kill = Command::new("sh");
        kill.args(["-c", r#"kill -"$0" "$1""#, name, &id]);
        assert!(kill.status().unwrap().success());
    }

    /// Ends it as Ctrl-C does.
    fn interrupt(mut self) -> (ExitStatus, String) {
        self.signal("INT");
        self.wait()
    }

    fn wait(&mut self) -> (ExitStatus, String) {
        let mut status = None;
        until("the program ends", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        let mut said = String::new();
        let mut stderr = self.0.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        (status.unwrap(), said)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Samples of each channel that ffmpeg finds in a file, without a complaint.
fn decoded(folder: &Path, name: &str) -> usize {
    let done = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i", name])
        .args(["-ac", "1", "-f", "s16le", "-"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        done.status.success() && done.stderr.is_empty(),
        "{}",
        text(&done.stderr)
    );
    done.stdout.len() / 2
}

#[test]
fn a_recording_is_whole_after_ctrl_c_in_either_format() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_scale(&folder.join("scale.mid"));
    for ending in ["wav", "flac"] {
        let name = format!("{ending}.ron");
        std::fs::write(folder.join(&name), patch(ending)).unwrap();
        let run = Run::start(folder, &["run", &name, "--quiet"]);
        // The second take has a number, which its sound bears from the start.
        let is_partial = |name: &String| name.ends_with(&format!(".{ending}.partial"));
        until("sound is recorded", || {
            let partial = names(folder).into_iter().find(is_partial);
            let file = partial.and_then(|name| folder.join(name).metadata().ok());
            file.is_some_and(|file| file.len() > 30_000)
        });
        let (status, said) = run.interrupt();
        assert!(status.success(), "{said}");
    }
    for name in ["take.wav", "take-2.flac"] {
        // 30,000 bytes of 16-bit stereo are 7,500 frames.
        assert!(decoded(folder, name) >= 7_000, "{name}");
    }
    // A name belongs to all files of a take, so the second has a number.
    let expected = [
        "flac.ron",
        "scale.mid",
        "take-2.flac",
        "take-2.jsonl",
        "take-2.mid",
        "take.jsonl",
        "take.mid",
        "take.wav",
        "wav.ron",
    ];
    assert_eq!(names(folder), expected);
}

#[test]
fn a_killed_run_leaves_a_whole_take_that_the_next_start_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_scale(&folder.join("scale.mid"));
    std::fs::write(folder.join("p.ron"), patch("wav")).unwrap();
    let run = Run::start(folder, &["run", "p.ron", "--quiet"]);
    let partial = folder.join(".take.wav.partial");
    until("sound is recorded", || frames(&partial) > 60_000);
    until("notes are recorded", || {
        let notes = std::fs::read(folder.join(".take.mid.partial"));
        notes.is_ok_and(|notes| notes.len() > 60)
    });
    run.signal("KILL");
    drop(run);

    // As it lies there, before anybody has mended it.
    let whole = frames(&partial);
    let bytes = partial.metadata().unwrap().len();
    assert!(
        bytes < (u64::from(whole) + 2 * 48_000) * 4,
        "{whole} {bytes}"
    );
    assert!(decoded(folder, ".take.wav.partial") >= whole as usize);
    let notes = std::fs::read(folder.join(".take.mid.partial")).unwrap();
    Smf::parse(&notes).unwrap();

    let second = Run::start(folder, &["run", "p.ron", "--quiet"]);
    until("it is found", || folder.join("take-recovered.wav").exists());
    // The next take has the next number, so that its name tells which is the newer.
    let next = folder.join(".take-2.wav.partial");
    until("sound is recorded", || frames(&next) > 1_000);
    let (status, said) = second.interrupt();
    assert!(status.success(), "{said}");
    assert!(
        said.contains("is kept as `") && said.contains("take-recovered.wav"),
        "{said}"
    );
    let expected = [
        "p.ron",
        "scale.mid",
        "take-2.jsonl",
        "take-2.mid",
        "take-2.wav",
        "take-recovered.jsonl",
        "take-recovered.mid",
        "take-recovered.wav",
    ];
    assert_eq!(names(folder), expected);
    assert!(frames(&folder.join("take-recovered.wav")) >= whole);
    for line in std::fs::read_to_string(folder.join("take-recovered.jsonl"))
        .unwrap()
        .lines()
    {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

/// A disk of two megabytes.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, and a line that says so, where the test may not mount.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "score-test"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|done| done.status.success()) {
            return Some(SmallDisk(folder));
        }
        eprintln!("skipped: a small disk can only be mounted by root");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn on_a_full_disk_the_take_is_kept_it_is_told_and_another_begins_with_room() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let disk = disk.0.path();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let at = |name: &str| disk.join(name);
    // Three quarters of a megabyte a second.
    let patch = format!(
        r#"Patch(
    format: 1,
    nodes: {{ "hum": tone(gain: -12, channels: 8), "take": recorder(path: {:?}) }},
    wires: ["hum -> take.sound"],
)"#,
        at("take.wav")
    );
    std::fs::write(folder.join("p.ron"), patch).unwrap();
    let (log, status) = (folder.join("log.jsonl"), at("status.jsonl"));
    let mut run = Run::start(
        folder,
        &[
            "run",
            "p.ron",
            "--quiet",
            "--write-to",
            disk.to_str().unwrap(),
            "--log-format",
            "json",
            "--log-file",
            log.to_str().unwrap(),
            "--status-json",
            status.to_str().unwrap(),
        ],
    );
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    until("a take is ended by the full disk", || {
        at("take.wav").exists()
    });
    until("the log says so", || {
        read(&log).contains("cannot be written")
    });
    // Nothing is left for a while, not even for a line.
    std::fs::write(at("fill"), vec![0; 3_000_000]).unwrap_err();
    until("a line finds no room", || {
        read(&log).contains("the status cannot be written now")
    });
    let lines = read(&status).lines().count();
    let recorded = folder.join("first.wav");
    std::fs::copy(at("take.wav"), &recorded).unwrap();
    for name in ["fill", "take.wav", "take.jsonl"] {
        std::fs::remove_file(at(name)).unwrap();
    }
    until("another take grows", || {
        at(".take.wav.partial")
            .metadata()
            .is_ok_and(|file| file.len() > 200_000)
    });
    until("the status goes on", || {
        read(&status).lines().count() > lines + 1
    });
    run.signal("INT");
    let (ended, said) = run.wait();
    assert_eq!(ended.code(), Some(3), "{said}");
    assert!(
        said.contains("not everything was written by: take"),
        "{said}"
    );
    assert!(decoded(folder, "first.wav") > 48_000);
    assert!(decoded(disk, "take.wav") > 10_000);
    let log = read(&log);
    assert!(
        log.contains("runs again") && log.contains("the status is written again"),
        "{log}"
    );
    for line in log.lines().chain(read(&status).lines()) {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    assert!(!names(disk).iter().any(|name| name.starts_with('.')));
}

#[test]
fn whoever_does_not_read_the_status_holds_up_neither_edits_nor_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_scale(&folder.join("scale.mid"));
    // Many nodes, whose status fills a pipe within two seconds or three.
    let patch = |gain: i32| {
        let nodes: Vec<String> = (0..120)
            .map(|number| format!(r#""a_node_with_a_name_that_is_long_{number}": midi_input_file(path: "scale.mid")"#))
            .collect();
        let nodes = nodes.join(", ");
        format!(r#"Patch(format: 1, nodes: {{ "hum": tone(gain: {gain}), {nodes} }}, wires: [])"#)
    };
    std::fs::write(folder.join("p.ron"), patch(-20)).unwrap();
    let mut run = Run::start(
        folder,
        &[
            "run",
            "p.ron",
            "--quiet",
            "--status-json",
            "-",
            "--log-file",
            "score.log",
        ],
    );
    let log = || std::fs::read_to_string(folder.join("score.log")).unwrap_or_default();
    until("it plays", || log().contains("plays"));
    std::thread::sleep(Duration::from_secs(5));
    std::fs::write(folder.join("p.ron"), patch(-30)).unwrap();
    until("the edit is taken over", || {
        log().contains("the edit plays")
    });
    let started = Instant::now();
    run.signal("INT");
    let (status, said) = run.wait();
    assert!(status.success(), "{said}");
    assert!(started.elapsed() < Duration::from_secs(20));
    // What was read in the end are whole lines but for the last.
    let mut out = String::new();
    run.0
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    assert!(out.len() > 40_000, "the pipe was full: {}", out.len());
    let lines: Vec<&str> = out.split_inclusive('\n').collect();
    for line in lines.iter().filter(|line| line.ends_with('\n')) {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

/// The program `name` of this computer.
fn found(name: &str) -> std::path::PathBuf {
    let folders = std::env::var_os("PATH").unwrap();
    let mut places = std::env::split_paths(&folders).map(|folder| folder.join(name));
    places.find(|place| place.is_file()).unwrap()
}

#[test]
fn a_part_is_whole_and_the_next_begins_while_the_encoder_of_its_film_hangs() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    score_test_support::write_small_film(folder);
    let patch = r#"Patch(
    format: 1,
    nodes: {
        "film": video_file(path: "film.mp4", loop: true),
        "hum":  tone(gain: -30),
        "take": recorder(path: "take.wav", part: 0.001),
    },
    wires: ["film -> take.pictures", "hum -> take.sound"],
)
"#;
    std::fs::write(folder.join("show.ron"), patch).unwrap();
    // An ffmpeg that never encodes.
    let bin = folder.join("bin");
    std::fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *libx264*) exec sleep 20;; *) exec '{}' \"$@\";; esac\n",
        found("ffmpeg").display()
    );
    std::fs::write(bin.join("ffmpeg"), script).unwrap();
    std::fs::set_permissions(bin.join("ffmpeg"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let status = ["--status-json", "status.jsonl", "--no-remote"];
    let mut command = program(
        folder,
        &[&["run", "show.ron", "--quiet"], &status[..]].concat(),
    );
    command.env("PATH", format!("{}:{path}", bin.display()));
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut run = Run(command.spawn().unwrap());
    let is_there = |name: &str| folder.join(name).exists();
    until("the next part is recorded", || {
        is_there(".take-2.wav.partial")
    });
    assert!(frames(&folder.join("take.wav")) > 3 * 48_000);
    assert!(is_there("take.jsonl"));
    assert!(is_there(".take.mkv.partial"), "its film still waits");
    let lines = || std::fs::read_to_string(folder.join("status.jsonl")).unwrap_or_default();
    let before = lines().len();
    until("another status", || lines()[before..].lines().count() > 1);
    let text = lines();
    let last: Value = serde_json::from_str(text[before..].lines().next().unwrap()).unwrap();
    let mut nodes = last["nodes"].as_array().unwrap().iter();
    let take = nodes.find(|node| node["id"] == "take").unwrap();
    assert_eq!(
        (&take["failures"], &take["state"]),
        (&0.into(), &"running".into()),
        "{take}"
    );
    // The end waits for what can still be written; a second signal does not.
    run.signal("TERM");
    std::thread::sleep(Duration::from_millis(600));
    run.signal("INT");
    assert_eq!(run.wait().0.code(), Some(130));
}
