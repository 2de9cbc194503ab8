//! How long `score film` takes against decoding alone, and how much memory it needs for long films.
//!
//!     cargo bench --package score --bench film [-- FILM]
//!
//! Without a film it takes the one that `make demo` makes. `score film` and `ffmpeg -i FILM -f null
//! -` take turns. The long films are the same one again and again, copied together by ffmpeg.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    clippy::print_stdout
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use score_test_support::{house, program};

const ROUNDS: usize = 7;

fn main() {
    // Cargo hands `--bench` on; everything else that is no option is the film.
    let named = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let film = named.map_or_else(|| house().join("demo/film.mp4"), PathBuf::from);
    assert!(
        film.is_file(),
        "there is no film at {}; `make demo` makes one",
        film.display()
    );
    let film = film.canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let seconds = duration(&film);
    println!("{}: {seconds:.1} s", film.display());

    let (mut scoring, mut decoding) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let scored = score(&film, folder.path()).0;
        let decoded = timed(
            Command::new("ffmpeg")
                .args(["-v", "error", "-nostdin", "-i"])
                .arg(&film)
                .args(["-f", "null", "-"]),
        )
        .0;
        // The first round fills the disk's cache and is not counted.
        if round > 0 {
            scoring.push(scored);
            decoding.push(decoded);
        }
    }
    let (scored, decoded) = (median(&mut scoring), median(&mut decoding));
    println!(
        "score film: {:.2} s, {:.1} times real time",
        scored.as_secs_f64(),
        seconds / scored.as_secs_f64()
    );
    println!(
        "decoding alone: {:.2} s; ratio {:.2}",
        decoded.as_secs_f64(),
        scored.as_secs_f64() / decoded.as_secs_f64()
    );

    for minutes in [1.0, 30.0] {
        let long = folder.path().join(format!("{minutes}.mp4"));
        let loops = (minutes * 60.0 / seconds).ceil();
        let mut join = Command::new("ffmpeg");
        join.args([
            "-v",
            "error",
            "-nostdin",
            "-y",
            "-stream_loop",
            &loops.to_string(),
            "-i",
        ]);
        join.arg(&film)
            .args(["-t", &(minutes * 60.0).to_string(), "-c", "copy"])
            .arg(&long);
        timed(&mut join);
        let (time, memory) = score(&long, folder.path());
        println!(
            "{minutes} min: {:.1} s, peak memory of score {:.1} MB",
            time.as_secs_f64(),
            memory as f64 / 1000.0
        );
    }
}

/// Scores a film; the time it took, and the most memory that score held, in kB.
fn score(film: &Path, folder: &Path) -> (Duration, u64) {
    timed(program(folder, &["film", "--quiet"]).arg(film))
}

/// Runs a program to its end; the time it took, and the most memory it held, in kB.
fn timed(command: &mut Command) -> (Duration, u64) {
    let begin = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        // The kernel keeps the peak itself; the last look sees almost all of it.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
        most = most.max(peak.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(ended.success());
    (begin.elapsed(), most)
}

fn duration(film: &Path) -> f64 {
    let said = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-show_entries",
            "format=duration",
            "-of",
            "csv=p=0",
        ])
        .arg(film)
        .output()
        .unwrap();
    String::from_utf8_lossy(&said.stdout)
        .trim()
        .parse()
        .unwrap()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}
