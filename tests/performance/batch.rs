//! Whether `score batch` loses films, what it costs beside a plain loop, and what a second worker
//! brings.
//!
//!     cargo bench --package score --bench batch -- killed [FILMS] [WORKERS]
//!     cargo bench --package score --bench batch -- cost [FILMS]
//!     cargo bench --package score --bench batch -- workers [FILMS]
//!
//! The films are made by ffmpeg. `killed` plays notes without models, so that many films are soon
//! done; the other two score films as `score film` does.
#![cfg_attr(not(unix), allow(unused))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    clippy::print_stdout
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use score_test_support::{ffmpeg, names, program};
use serde_json::Value;

/// Notes of a film without any model.
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

/// Rounds of each side, in turns.
const ROUNDS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let number = |at: usize, usual: usize| {
        arguments
            .get(at)
            .map_or(usual, |word| word.parse().expect("a number"))
    };
    match arguments.first().map(String::as_str) {
        Some("killed") => killed(number(1, 500), number(2, 20)),
        Some("cost") => cost(number(1, 6)),
        Some("workers") => workers(number(1, 12)),
        _ => println!("one of: killed [FILMS] [WORKERS], cost [FILMS], workers [FILMS]"),
    }
}

/// So many films, each another one, of `seconds` and a little more.
fn write_films(folder: &Path, count: usize, seconds: usize, size: &str) {
    std::fs::create_dir(folder.join("films")).unwrap();
    for number in 0..count {
        let arguments = format!(
            "-f lavfi -i testsrc2=size={size}:rate=25:duration={seconds}.{:03} -pix_fmt yuv420p -c:v libx264 \
             -preset ultrafast -metadata title=Film-{number} f{number:04}.mp4",
            number % 1000,
        );
        ffmpeg(&folder.join("films"), &arguments);
    }
}

fn killed(count: usize, workers: usize) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("patch.ron"), PATCH).unwrap();
    write_films(folder, count, 1, "64x64");
    let command = [
        "batch",
        "films",
        "--out",
        "out",
        "--patch",
        "patch.ron",
        "--lease",
        "10",
    ];
    let start = || -> Child {
        let mut command = program(folder, &command);
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let begun = Instant::now();
    let mut running: Vec<Child> = (0..workers).map(|_| start()).collect();
    let mut first: BTreeMap<String, u64> = BTreeMap::new();
    let (mut random, mut kills, mut ended) = (7_u32, 0, 0);
    let results = folder.join("out/results");
    let done = || std::fs::read_dir(&results).map_or(0, Iterator::count);
    let mut said = Instant::now();
    while ended < workers {
        std::thread::sleep(Duration::from_millis(400));
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let victim = (random >> 16) as usize % workers;
        // Until nearly all is done, one after another is killed and another comes.
        if done() + workers < count {
            if running[victim].try_wait().unwrap().is_none() {
                running[victim].kill().unwrap();
                running[victim].wait().unwrap();
                kills += 1;
            }
            running[victim] = start();
        }
        ended = 0;
        for worker in &mut running {
            if let Some(status) = worker.try_wait().unwrap() {
                assert_eq!(status.code(), Some(0), "a worker ended badly");
                ended += 1;
            }
        }
        let there = if results.exists() {
            names(&results)
        } else {
            Vec::new()
        };
        for name in there {
            let inode = inode(&results.join(&name).join("result.json"));
            let before = *first.entry(name.clone()).or_insert(inode);
            assert_eq!(before, inode, "{name} was published twice");
        }
        if said.elapsed() > Duration::from_secs(30) {
            said = Instant::now();
            println!(
                "{} of {count} done, {kills} killed, {:.0} s",
                done(),
                begun.elapsed().as_secs_f64()
            );
        }
    }
    let report = std::fs::read(folder.join("out/report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let films = report["films"].as_array().unwrap();
    let mut seen = BTreeMap::new();
    let mut terms = 0;
    for film in films {
        *seen
            .entry(film["film"].as_str().unwrap().to_owned())
            .or_insert(0) += 1;
        assert_eq!(film["status"], "done", "{film}");
        let place = folder.join("out").join(film["results"].as_str().unwrap());
        let notes = std::fs::read(place.join(film["files"][0].as_str().unwrap())).unwrap();
        midly::Smf::parse(&notes).expect("a file is half-written");
        terms += film["term"].as_u64().unwrap() - 1;
    }
    assert_eq!(seen.len(), count, "films are lost");
    assert!(seen.values().all(|times| *times == 1), "films stand twice");
    assert_eq!(names(&results).len(), count);
    assert_eq!(names(&folder.join("out/.batch/work")), [""; 0]);
    println!(
        "{count} films, {workers} workers at a time, {kills} killed: every film once in the report, none lost, none \
         half; {terms} taken over; {:.0} s",
        begun.elapsed().as_secs_f64()
    );
}

#[cfg(unix)]
fn inode(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&path.metadata().unwrap())
}
#[cfg(not(unix))]
fn inode(_: &Path) -> u64 {
    0
}

/// What a run took: by the clock, and of all processors, that of its children too.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    cpu: f64,
}

/// Runs commands beside each other to their ends.
fn run(commands: Vec<Command>) -> Took {
    let (before, begun) = (children_cpu(), Instant::now());
    let running: Vec<Child> = commands
        .into_iter()
        .map(|mut command| command.stdout(Stdio::null()).spawn().unwrap())
        .collect();
    for mut one in running {
        assert!(one.wait().unwrap().success());
    }
    Took {
        wall: begun.elapsed().as_secs_f64(),
        cpu: children_cpu() - before,
    }
}

/// Seconds of the processors that this process's children and theirs have taken so far, once they
/// were waited for.
fn children_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after = stat.rsplit_once(") ").unwrap().1;
    let fields: Vec<&str> = after.split(' ').collect();
    // proc(5): cutime and cstime, the 16th and 17th, in ticks of a hundredth.
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(13) + ticks(14)) / 100.0
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// A worker of a collection in `out`, on one processor if it is named.
fn worker(folder: &Path, out: &str, processor: Option<usize>) -> Command {
    let plain = program(folder, &["batch", "films", "--quiet", "--out", out]);
    let Some(processor) = processor else {
        return plain;
    };
    let mut pinned = Command::new("taskset");
    pinned
        .current_dir(folder)
        .args(["-c", &processor.to_string()]);
    pinned.arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)))
    {
        pinned.env(name, value);
    }
    pinned
}

fn cost(count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_films(folder, count, 10, "640x360");
    let (mut loops, mut batches) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let out = format!("loop{round}");
        std::fs::create_dir(folder.join(&out)).unwrap();
        let score = program(folder, &[]);
        let mut plain = Command::new("sh");
        plain.current_dir(folder);
        let script = format!(
            "for film in films/*; do \"$0\" film --quiet --out {out}/$(basename \"$film\" .mp4) \"$film\" || exit 1; done"
        );
        plain.args(["-c", &script]).arg(score.get_program());
        for (name, value) in score
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)))
        {
            plain.env(name, value);
        }
        let one = run(vec![plain]);
        let other = run(vec![worker(folder, &format!("batch{round}"), None)]);
        // The first round fills the disk's cache and is not counted.
        if round > 0 {
            println!(
                "loop {:.2} s ({:.2} CPU s), batch {:.2} s ({:.2} CPU s)",
                one.wall, one.cpu, other.wall, other.cpu
            );
            loops.push(one);
            batches.push(other);
        }
    }
    let ratio = |of: fn(&Took) -> f64| {
        median(batches.iter().map(of).collect()) / median(loops.iter().map(of).collect())
    };
    println!(
        "{count} films of 10 s, medians of {ROUNDS}: {:.3} times a plain loop by the clock, {:.3} times in CPU seconds",
        ratio(|took| took.wall),
        ratio(|took| took.cpu)
    );
}

fn workers(count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_films(folder, count, 10, "640x360");
    let mut number = 0;
    let mut measured = |processors: &[Option<usize>]| {
        number += 1;
        let out = format!("out{number}");
        run(processors
            .iter()
            .map(|processor| worker(folder, &out, *processor))
            .collect())
    };
    measured(&[None]);
    let (mut one, mut two, mut one_pinned, mut two_pinned) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(measured(&[None]));
        two.push(measured(&[None, None]));
        one_pinned.push(measured(&[Some(0)]));
        two_pinned.push(measured(&[Some(0), Some(1)]));
    }
    let cpu = |of: &[Took]| median(of.iter().map(|took| took.cpu).collect()) / count as f64;
    let wall = |of: &[Took]| median(of.iter().map(|took| took.wall).collect());
    println!(
        "{count} films of 10 s, medians of {ROUNDS}\n\
         CPU seconds a film: {:.2} with one worker, {:.2} with two: {:.3} times\n\
         by the clock: {:.1} s with one, {:.1} s with two: {:.2} times as fast\n\
         pinned to a processor each: {:.1} s with one, {:.1} s with two: {:.2} times as fast",
        cpu(&one),
        cpu(&two),
        cpu(&two) / cpu(&one),
        wall(&one),
        wall(&two),
        wall(&one) / wall(&two),
        wall(&one_pinned),
        wall(&two_pinned),
        wall(&one_pinned) / wall(&two_pinned),
    );
}
