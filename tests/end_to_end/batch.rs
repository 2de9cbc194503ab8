//! `score batch`: many films, many workers, and what goes wrong with either.
#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use score_test_support::{ffmpeg, names, probe, program, score, text};
use serde_json::Value;

/// Notes of a film without any model: quick.
const PATCH: &str = r#"Patch(
    format: 1,
    transport: (seed: 3),
    nodes: {
        "film":   video_file(path: "film.mp4", width: 16, height: 16),
        "motion": motion(),
        "tune":   scale_walk(),
        "notes":  midi_file(path: "film.mid"),
    },
    wires: ["film -> motion -> tune.density", "tune -> notes"],
)"#;

/// A patch and so many films of a second, each another one.
fn write_films(folder: &Path, count: usize) {
    std::fs::write(folder.join("patch.ron"), PATCH).unwrap();
    std::fs::create_dir(folder.join("films")).unwrap();
    for number in 0..count {
        ffmpeg(
            &folder.join("films"),
            &format!(
                "-f lavfi -i testsrc2=size=64x64:rate=8:duration=1.{number} -metadata title=Film-{number} \
                 -metadata copyright=CC0 f{number}.mp4"
            ),
        );
    }
}

const COMMAND: [&str; 6] = ["batch", "films", "--out", "out", "--patch", "patch.ron"];

fn batch(folder: &Path, more: &[&str]) -> Output {
    score(folder, &[&COMMAND[..], more].concat())
}

/// A worker that runs on.
fn worker(folder: &Path, more: &[&str]) -> Child {
    let mut command = program(folder, &[&COMMAND[..], more].concat());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn report(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("out/report.json")).unwrap()).unwrap()
}

/// The films of a report with what became of each.
fn films(report: &Value) -> BTreeMap<String, String> {
    let films = report["films"].as_array().unwrap();
    let word = |film: &Value, name: &str| film[name].as_str().unwrap_or_default().to_owned();
    let told: BTreeMap<String, String> = films
        .iter()
        .map(|film| {
            let class = word(film, "class");
            let status = word(film, "status");
            (
                word(film, "film"),
                if class.is_empty() { status } else { class },
            )
        })
        .collect();
    assert_eq!(told.len(), films.len(), "a film stands twice in the report");
    told
}

/// Every folder of results, by its file: two are the same only if it was written once.
fn results(folder: &Path) -> BTreeMap<String, u64> {
    let results = folder.join("out/results");
    let inode = |name: &String| {
        results
            .join(name)
            .join("result.json")
            .metadata()
            .unwrap()
            .ino()
    };
    // There is no folder before the first worker has made it.
    let all = if results.exists() {
        names(&results)
    } else {
        Vec::new()
    };
    all.into_iter()
        .map(|name| (name.clone(), inode(&name)))
        .collect()
}

/// A program called `name` before all others of that name, as a script; `PATH` with it.
fn script(folder: &Path, name: &str, lines: &str) -> std::ffi::OsString {
    let place = folder.join("bin");
    std::fs::create_dir_all(&place).unwrap();
    let path = place.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let before = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(place).chain(std::env::split_paths(&before));
    std::env::join_paths(all).unwrap()
}

/// Where a program lies.
fn found(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    // Fails where the program has ended meanwhile.
    let _ = Command::new("kill")
        .args(["-s", name, &id])
        .stderr(Stdio::null())
        .status();
}

fn until(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "{what} does not come"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_film_is_scored_once_and_the_same_command_does_nothing_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_films(folder, 2);
    std::fs::create_dir(folder.join("films/more")).unwrap();
    std::fs::rename(
        folder.join("films/f1.mp4"),
        folder.join("films/more/f1.mp4"),
    )
    .unwrap();
    std::fs::write(folder.join("films/bad.mp4"), "no film").unwrap();
    std::fs::write(folder.join("films/notes.txt"), "no film either").unwrap();
    ffmpeg(
        &folder.join("films"),
        "-f lavfi -i sine=duration=1 sound.mp4",
    );
    let done = batch(folder, &[]);
    assert_eq!(done.status.code(), Some(65), "{}", text(&done.stderr));
    assert!(
        text(&done.stderr).contains("2 films failed"),
        "{}",
        text(&done.stderr)
    );
    let report = report(folder);
    let expected = [
        ("bad.mp4", "unreadable"),
        ("f0.mp4", "done"),
        ("more/f1.mp4", "done"),
        ("sound.mp4", "unreadable"),
    ];
    let expected = expected.map(|(name, state)| (name.to_owned(), state.to_owned()));
    assert_eq!(films(&report), BTreeMap::from(expected));
    let first = &report["films"][1];
    assert_eq!(first["title"], "Film-0");
    assert_eq!(first["licence"], "CC0");
    assert_eq!(first["files"], serde_json::json!(["f0.mid"]));
    assert!(
        report["films"][3]["reason"]
            .as_str()
            .unwrap()
            .contains("only sound")
    );
    let place = folder.join("out").join(first["results"].as_str().unwrap());
    assert_eq!(names(&place), ["f0.mid", "result.json", "still.jpg"]);
    assert_eq!(
        probe(&place, "-show_entries stream=width still.jpg"),
        "192\n"
    );
    let page = std::fs::read_to_string(folder.join("out/report.html")).unwrap();
    assert!(page.contains("data:image/jpeg;base64,/9j/") && page.contains("<path d=\"M"));
    assert!(page.contains("Film-0") && page.contains("unreadable") && page.contains("0:01"));
    let table = std::fs::read_to_string(folder.join("out/report.csv")).unwrap();
    assert_eq!(table.lines().count(), 5);
    assert!(table.contains("f0.mp4,done,,,results/"));

    // A renamed film is the same film; nothing is done again, whoever asks.
    std::fs::rename(folder.join("films/f0.mp4"), folder.join("films/g0.mp4")).unwrap();
    let before = results(folder);
    let again = batch(folder, &["--json"]);
    assert_eq!(again.status.code(), Some(65));
    assert_eq!(results(folder), before);
    let told: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(films(&told)["g0.mp4"], "done");

    // Another seed or another patch is another job.
    for (more, count) in [
        (&["--seed", "4"][..], 4),
        (&["--set", "tune.octaves=3"][..], 6),
    ] {
        assert_eq!(batch(folder, more).status.code(), Some(65));
        assert_eq!(results(folder).len(), count);
    }
    std::fs::write(
        folder.join("patch.ron"),
        PATCH.replace("seed: 3", "seed: 5"),
    )
    .unwrap();
    let looked = batch(folder, &["--report-only"]);
    assert_eq!(looked.status.code(), Some(75));
    assert_eq!(results(folder).len(), 6);
    assert!(before.keys().all(|job| results(folder).contains_key(job)));
    assert_eq!(names(&folder.join("out/.batch/work")), [""; 0]);
}

#[test]
fn workers_that_are_killed_at_random_lose_nothing_and_do_nothing_twice() {
    const FILMS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_films(folder, FILMS);
    let start = || worker(folder, &["--lease", "1"]);
    let mut workers: Vec<Child> = (0..3).map(|_| start()).collect();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let (mut random, mut kills) = (12345_u32, 0);
    let begun = Instant::now();
    while !workers.is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(300),
            "it does not end"
        );
        std::thread::sleep(Duration::from_millis(150));
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if kills < 12 {
            let victim = (random >> 16) as usize % workers.len();
            workers[victim].kill().unwrap();
            workers[victim].wait().unwrap();
            workers[victim] = start();
            kills += 1;
        }
        workers.retain_mut(|worker| match worker.try_wait().unwrap() {
            Some(ended) => {
                assert_eq!(ended.code(), Some(0));
                false
            }
            None => true,
        });
        // What is in place once stays as it is, and is whole.
        for (job, inode) in results(folder) {
            assert_eq!(*seen.entry(job).or_insert(inode), inode);
        }
    }
    assert_eq!(kills, 12);
    let report = report(folder);
    let told = films(&report);
    assert_eq!(told.len(), FILMS);
    assert!(told.values().all(|state| state == "done"), "{told:?}");
    assert_eq!(results(folder).len(), FILMS);
    for film in report["films"].as_array().unwrap() {
        let place = folder.join("out").join(film["results"].as_str().unwrap());
        let notes = place.join(film["files"][0].as_str().unwrap());
        midly::Smf::parse(&std::fs::read(notes).unwrap()).unwrap();
        assert!(place.join("still.jpg").metadata().unwrap().len() > 0);
    }
    assert_eq!(names(&folder.join("out/.batch/work")), [""; 0]);
}

#[test]
fn a_worker_that_slept_past_its_lease_publishes_nothing_and_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_films(folder, 1);
    let mut sleeper = worker(folder, &["--lease", "1"]);
    let jobs = folder.join("out/.batch/jobs");
    let lease = |term: u32| {
        let jobs = std::fs::read_dir(&jobs).into_iter().flatten().flatten();
        jobs.map(|job| job.path())
            .any(|job| job.join(format!("lease-{term}")).exists())
    };
    until("a lease", || lease(1));
    signal(&sleeper, "STOP");
    let done = batch(folder, &["--lease", "1"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert_eq!(report(folder)["films"][0]["term"], 2);
    let before = results(folder);
    signal(&sleeper, "CONT");
    assert_eq!(sleeper.wait().unwrap().code(), Some(0));
    assert_eq!(results(folder), before);
    assert_eq!(report(folder)["films"][0]["term"], 2);
    assert_eq!(names(&folder.join("out/.batch/work")), [""; 0]);
}

#[test]
fn a_crash_and_a_hang_are_one_films_failure_and_are_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_films(folder, 3);
    let films_of = folder.join("films");
    std::fs::rename(films_of.join("f0.mp4"), films_of.join("crash.mp4")).unwrap();
    std::fs::rename(films_of.join("f1.mp4"), films_of.join("hang.mp4")).unwrap();
    let real = found("ffmpeg").unwrap();
    let lines = format!(
        "case \"$*\" in *still.jpg*) ;; *crash.mp4*) kill -ABRT $PPID; exit 1;; *hang.mp4*) exec sleep 100;; esac\n\
         exec {} \"$@\"",
        real.display()
    );
    let path = script(folder, "ffmpeg", &lines);
    let run = |seconds: &str, more: &[&str]| {
        let limits = [
            "--tries",
            "2",
            "--time-limit",
            "0.01",
            "--least-time",
            seconds,
        ];
        let arguments = [&COMMAND[..], &limits, more].concat();
        program(folder, &arguments)
            .env("PATH", &path)
            .output()
            .unwrap()
    };
    // Two tries of what hangs take twice as long; the film that is well must be done within it.
    let done = run("8", &[]);
    assert_eq!(done.status.code(), Some(65), "{}", text(&done.stderr));
    let told = films(&report(folder));
    assert_eq!(
        (
            told["crash.mp4"].as_str(),
            told["hang.mp4"].as_str(),
            told["f2.mp4"].as_str()
        ),
        ("crashed", "out_of_time", "done")
    );
    let reason = |film: usize| {
        let report = report(folder);
        report["films"][film]["reason"].as_str().unwrap().to_owned()
    };
    assert!(reason(0).contains("signal 6") && reason(2).contains("8 s"));
    let tries = || {
        let all = std::fs::read_dir(folder.join("out/.batch/jobs")).unwrap();
        let failed = |job: &Path| {
            names(job)
                .iter()
                .filter(|name| name.starts_with("failed-"))
                .count()
        };
        all.map(|job| failed(&job.unwrap().path())).sum::<usize>()
    };
    assert_eq!(tries(), 4);
    // Once the cause is gone they are tried again if that is asked for, and not before.
    std::fs::remove_file(folder.join("bin/ffmpeg")).unwrap();
    assert_eq!(run("60", &[]).status.code(), Some(65));
    assert_eq!(run("60", &["--retry-failed"]).status.code(), Some(0));
    assert!(films(&report(folder)).values().all(|state| state == "done"));
}

#[test]
fn a_film_that_cannot_be_read_just_then_is_tried_again_by_the_next_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_films(folder, 2);
    let films_of = folder.join("films");
    // Reading it where nothing is mapped fails with an error of input and output (EIO).
    if cfg!(target_os = "linux") {
        let list = folder.join("list.txt");
        std::fs::write(&list, "films/f0.mp4\n/proc/self/mem\n").unwrap();
        let arguments = ["batch", "list.txt", "--out", "out", "--patch", "patch.ron"];
        let done = score(folder, &arguments);
        assert_eq!(done.status.code(), Some(75), "{}", text(&done.stderr));
        let report = report(folder);
        let told = films(&report);
        let states = (&told["films/f0.mp4"], &told["/proc/self/mem"]);
        assert_eq!(states, (&"done".to_owned(), &"left".to_owned()));
        let reason = report["films"][1]["reason"].as_str().unwrap();
        assert!(reason.contains("os error 5"), "{reason}");
    }
    // One that goes while it is scored is not held for damaged.
    let (film, away) = (films_of.join("f1.mp4"), folder.join("away.mp4"));
    let lines = format!(
        "case \"$*\" in *f1.mp4*) mv '{}' '{}'; echo '[error] broken' >&2; exit 1;; esac\nexec {} \"$@\"",
        film.display(),
        away.display(),
        found("ffmpeg").unwrap().display()
    );
    let path = script(folder, "ffmpeg", &lines);
    let done = program(folder, &COMMAND).env("PATH", path).output();
    assert_eq!(done.unwrap().status.code(), Some(65));
    assert_eq!(films(&report(folder))["f1.mp4"], "missing");
    std::fs::rename(&away, &film).unwrap();
    let done = batch(folder, &[]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
}

#[test]
fn what_lies_where_results_go_stops_one_film_and_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_films(folder, 2);
    assert_eq!(batch(folder, &[]).status.code(), Some(0));
    let before = report(folder);
    let place = |film: usize| {
        let results = before["films"][film]["results"].as_str().unwrap();
        folder.join("out").join(results)
    };
    std::fs::remove_file(place(0).join("result.json")).unwrap();
    std::fs::write(place(0).join("mine.txt"), "mine").unwrap();
    std::fs::remove_dir_all(place(1)).unwrap();
    let soon = ["--lease", "1"];
    let done = batch(folder, &soon);
    assert_eq!(done.status.code(), Some(65), "{}", text(&done.stderr));
    let told = films(&report(folder));
    assert_eq!(told["f0.mp4"], "occupied");
    assert_eq!(told["f1.mp4"], "done");
    assert_eq!(names(&place(0)), ["f0.mid", "mine.txt", "still.jpg"]);
    let (from, to) = (place(0), folder.join("moved"));
    std::fs::rename(from, to).unwrap();
    let done = batch(folder, &soon);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
}

#[test]
fn a_film_that_workers_were_lost_at_is_tried_again_if_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_films(folder, 1);
    assert_eq!(batch(folder, &[]).status.code(), Some(0));
    // Twenty workers have taken it and were not heard of again.
    let results = folder.join("out/results");
    let job = names(&results).remove(0);
    std::fs::remove_dir_all(results.join(&job)).unwrap();
    for term in 2..=20 {
        let lease = folder.join(format!("out/.batch/jobs/{job}/lease-{term}"));
        std::fs::write(lease, "").unwrap();
    }
    let soon = ["--lease", "1"];
    assert_eq!(batch(folder, &soon).status.code(), Some(65));
    assert_eq!(films(&report(folder))["f0.mp4"], "abandoned");
    let again = batch(folder, &[&soon[..], &["--retry-failed"]].concat());
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    assert_eq!(report(folder)["films"][0]["term"], 21);
}

#[test]
fn a_queue_learns_from_the_exit_code_whether_to_try_a_film_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_films(folder, 2);
    std::fs::write(folder.join("films/bad.mp4"), "no film").unwrap();
    let one = |film: &str, more: &[&str]| {
        let arguments = ["batch", film, "--out", "out", "--patch", "patch.ron"];
        score(folder, &[&arguments[..], more].concat())
    };
    assert_eq!(one("films/f0.mp4", &[]).status.code(), Some(0));
    let bad = one("films/bad.mp4", &[]);
    assert_eq!(bad.status.code(), Some(65));
    assert!(
        text(&bad.stderr).contains("is not a film that can be read"),
        "{}",
        text(&bad.stderr)
    );
    assert_eq!(one("films/none.mp4", &[]).status.code(), Some(1));
    assert_eq!(
        one("films/f0.mp4", &["--set", "tune.octaves=99"])
            .status
            .code(),
        Some(1)
    );
    assert_eq!(
        one("films/f0.mp4", &["--tries", "0"]).status.code(),
        Some(2)
    );
    // Somebody else is at it, for as long as it takes.
    let lines = format!(
        "case \"$*\" in *f1.mp4*) echo > '{}'; exec sleep 600;; esac\nexec {} \"$@\"",
        folder.join("begun").display(),
        found("ffmpeg").unwrap().display()
    );
    let path = script(folder, "ffmpeg", &lines);
    let mut command = program(folder, &[&COMMAND[..], &["--lease", "600"]].concat());
    command.env("PATH", path);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut holder = command.spawn().unwrap();
    let free = |film: &str| one(film, &["--no-wait", "--lease", "600"]).status.code();
    until("a decoder", || folder.join("begun").exists());
    assert_eq!(free("films/f1.mp4"), Some(75));
    assert_eq!(free("films/f0.mp4"), Some(0));
    // One that is asked to end gives back what it has, so that others need not wait.
    signal(&holder, "TERM");
    assert_eq!(holder.wait().unwrap().code(), Some(75));
    assert_eq!(free("films/f1.mp4"), Some(0));
    // One film leaves the report of a collection to whoever has the collection.
    std::fs::remove_file(folder.join("out/report.json")).ok();
    assert_eq!(one("films/f0.mp4", &[]).status.code(), Some(0));
    assert!(!folder.join("out/report.json").exists());
    assert_eq!(batch(folder, &["--report-only"]).status.code(), Some(65));
    assert_eq!(films(&report(folder)).len(), 3);
}

#[test]
fn a_full_disk_ends_the_work_and_fails_no_film() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_films(folder, 2);
    let out = folder.join("out");
    std::fs::create_dir(&out).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "none"])
        .arg(&out)
        .output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        println!("skipped: a small file system cannot be mounted here (it takes root)");
        return;
    }
    let soon = ["--lease", "2"];
    let done = batch(folder, &soon);
    std::fs::write(out.join("filler"), vec![0; 1 << 20]).ok();
    let other = ["--seed", "9", "--lease", "2"];
    let full = batch(folder, &other);
    std::fs::remove_file(out.join("filler")).unwrap();
    // Where the disk is full a lease cannot be given back; it ends by itself.
    let again = batch(folder, &other);
    let left = names(&out.join(".batch/work"));
    assert!(Command::new("umount").arg(&out).status().unwrap().success());
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert_eq!(full.status.code(), Some(75), "{}", text(&full.stderr));
    assert!(
        text(&full.stderr).contains("the disk is full"),
        "{}",
        text(&full.stderr)
    );
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    assert_eq!(left, [""; 0]);
}

/// What a script of `docs/archives.md` says, run here.
#[test]
fn gnu_parallel_scores_a_collection_film_by_film() {
    if found("parallel").is_none() {
        println!("skipped: GNU parallel is not installed (apt install parallel)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_films(folder, 3);
    let run = program(folder, &[]);
    let score = run.get_program().to_owned();
    let mut parallel = Command::new("parallel");
    parallel.current_dir(folder).env("HOME", folder);
    for (name, value) in run
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)))
    {
        parallel.env(name, value);
    }
    parallel
        .args(["--jobs", "2", "--retries", "2", "--joblog", "log"])
        .arg(score);
    parallel.args([
        "batch",
        "{}",
        "--out",
        "out",
        "--patch",
        "patch.ron",
        "--quiet",
        ":::",
    ]);
    let films_in: BTreeSet<String> = names(&folder.join("films")).into_iter().collect();
    parallel.args(films_in.iter().map(|film| format!("films/{film}")));
    let done = parallel.output().unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(batch(folder, &["--report-only"]).status.code(), Some(0));
    assert_eq!(films(&report(folder)).len(), 3);
}

/// Slurm's programs on this machine alone, ended with this value.
struct Slurm {
    folder: PathBuf,
}

impl Slurm {
    /// Starts them in `folder`; `None`: they are not installed, or this is not root.
    fn start(folder: &Path) -> Option<Self> {
        for program in ["munged", "slurmctld", "slurmd", "sbatch", "srun"] {
            found(program)?;
        }
        let folder = folder.join("slurm");
        for part in ["state", "spool", "munge"] {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
        let key = folder.join("munge/key");
        std::fs::write(&key, [7_u8; 1024]).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let name = text(&Command::new("hostname").arg("-s").output().unwrap().stdout);
        let (name, at) = (name.trim(), folder.display());
        // Two ports that nobody has at this moment.
        let ports = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let [controller, node] = ports.map(|port| port.local_addr().unwrap().port());
        let configuration = format!(
            "ClusterName=test\nSlurmctldHost={name}(127.0.0.1)\nSlurmctldPort={controller}\nSlurmdPort={node}\n\
             AuthType=auth/munge\nAuthInfo=socket={at}/munge/socket\nCredType=cred/munge\n\
             SlurmUser=root\nSlurmdUser=root\nStateSaveLocation={at}/state\nSlurmdSpoolDir={at}/spool\n\
             SlurmctldPidFile={at}/controller.pid\nSlurmdPidFile={at}/node.pid\n\
             SlurmctldLogFile={at}/controller.log\nSlurmdLogFile={at}/node.log\n\
             ProctrackType=proctrack/pgid\nTaskPlugin=task/none\nReturnToService=2\nMpiDefault=none\n\
             SchedulerParameters=sched_interval=1,batch_sched_delay=0\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_CPU\n\
             NodeName={name} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN\nPartitionName=all Nodes=ALL Default=YES State=UP\n"
        );
        std::fs::write(folder.join("slurm.conf"), configuration).unwrap();
        let slurm = Slurm { folder };
        let munge = slurm.folder.join("munge");
        let mut munged = Command::new("munged");
        munged.arg("--force");
        for (option, file) in [
            ("--key-file", "key"),
            ("--socket", "socket"),
            ("--pid-file", "pid"),
            ("--log-file", "log"),
            ("--seed-file", "seed"),
        ] {
            munged.arg(option).arg(munge.join(file));
        }
        let runs = |command: &mut Command| command.output().is_ok_and(|done| done.status.success());
        let all = runs(&mut munged)
            && runs(slurm.command("slurmctld").arg("-c"))
            && runs(slurm.command("slurmd").arg("-c"));
        all.then_some(slurm)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.folder.join("slurm.conf"));
        command
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for file in ["node.pid", "controller.pid", "munge/pid"] {
            if let Ok(id) = std::fs::read_to_string(self.folder.join(file)) {
                let _ = Command::new("kill").arg(id.trim()).status();
            }
        }
        // They end in their own time, and write into the folder until then.
        let begun = Instant::now();
        while self.folder.join("node.pid").exists() && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn tasks_of_slurm_share_out_a_collection() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(slurm) = Slurm::start(folder) else {
        println!(
            "skipped: Slurm's programs are not installed or cannot be started here (apt install slurm-wlm, root)"
        );
        return;
    };
    write_films(folder, 4);
    let run = program(folder, &COMMAND);
    let words: Vec<String> = run
        .get_args()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let script = format!(
        "#!/bin/sh\n#SBATCH --array=0-1 --ntasks=1 --signal=TERM@60 --output=task-%a.log\n\
         srun {} {} --quiet\necho ended with $?\n",
        run.get_program().display(),
        words.join(" ")
    );
    std::fs::write(folder.join("job.sh"), script).unwrap();
    let mut sbatch = slurm.command("sbatch");
    sbatch.current_dir(folder).args(["--wait", "job.sh"]);
    for (name, value) in run
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)))
    {
        sbatch.env(name, value);
    }
    let done = sbatch.output().unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    for task in ["task-0.log", "task-1.log"] {
        let said = std::fs::read_to_string(folder.join(task)).unwrap();
        assert_eq!(said, "ended with 0\n");
    }
    let told = films(&report(folder));
    assert_eq!(told.len(), 4);
    assert!(told.values().all(|state| state == "done"), "{told:?}");
    assert_eq!(results(folder).len(), 4);
}
