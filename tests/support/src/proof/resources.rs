//! What the live patch that ships costs, and whether that grows.

use std::time::{Duration, Instant};

use super::trouble::Trouble;
use super::{patches, process::Process};
use crate::cuts_film as film;
use crate::ffmpeg;
use crate::jack::Jack;
use crate::listener::wall;
use crate::player::{PATCH, Player, dropouts};
use crate::witness::Witness;

/// When all is loaded and a film that is kept has been read once.
const SETTLED: Duration = Duration::from_secs(25);

/// Starts the shipped patch on a server of its own.
fn start(folder: &std::path::Path, patch: &str) -> Option<(Jack, Player)> {
    let jack = Jack::start(256)?;
    film::write(folder);
    for (name, size) in [("large.mp4", "1280x720"), ("short.mp4", "160x90")] {
        let source = format!("-f lavfi -i testsrc2=rate=25:duration=20:size={size}");
        ffmpeg(
            folder,
            &format!("{source} -c:v libx264 -preset ultrafast {name}"),
        );
    }
    let player = Player::start(&jack, folder, patch);
    Some((jack, player))
}

/// Prints what the shipped patch takes over `seconds`: with a film of 160 × 90, and with one of
/// 1280 × 720, both of which have too many pictures to be kept, so that they are decoded all the
/// time, as a camera's are; and with one that is kept.
pub fn print_idle(seconds: f64) {
    println!("a film of 160 × 90:");
    print_cost(seconds, &patches::shipped("live"));
    println!("a film of 1280 × 720:");
    let decoded = r#"large.mp4", width: 160, height: 160"#;
    print_cost(
        seconds,
        &patches::shipped("live").replace(r#"cuts.mp4""#, decoded),
    );
    println!("a film of 160 × 90 and 20 s, kept in memory:");
    print_cost(
        seconds,
        &patches::shipped("live").replace("cuts.mp4", "short.mp4"),
    );
}

/// Prints the share of a core and the memory that the program and its decoder take over `seconds`.
fn print_cost(seconds: f64, patch: &str) {
    let folder = tempfile::tempdir().unwrap();
    let Some((_jack, player)) = start(folder.path(), patch) else {
        return;
    };
    std::thread::sleep(SETTLED);
    let score = Process(player.program.0.id());
    // Once they have ended, their time counts among the program's.
    let taken = || {
        let decoders = score.children("ffmpeg");
        let decoders: f64 = decoders.iter().map(|child| child.processor_time()).sum();
        score.processor_time() + decoders
    };
    let (before, started) = (taken(), Instant::now());
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let (after, passed) = (taken(), started.elapsed().as_secs_f64());
    println!(
        "  graphs/live.ron at 25 pictures a second, over {passed:.0} s: {:.1} % of a core, ffmpeg's work included",
        (after - before) / passed * 100.0
    );
    let decoders = score.children("ffmpeg");
    let decoders = decoders.iter().fold(0.0, |all, child| all + child.memory());
    println!(
        "  memory: score {:.1} MB, ffmpeg {decoders:.1} MB; {} threads, {} files",
        score.memory(),
        score.threads(),
        score.files()
    );
    for node in player.statuses().last().unwrap()["nodes"]
        .as_array()
        .unwrap()
    {
        println!(
            "    {:<8} {:>6.1} calls/s, p95 {:.2} ms, load {:.1} %",
            node["id"].as_str().unwrap(),
            node["rate"].as_f64().unwrap(),
            node["p95"].as_f64().unwrap() * 1e3,
            node["load"].as_f64().unwrap() * 100.0
        );
    }
    player.drain();
}

/// The straight line through points at equal distances: its slope, and the slope's standard error.
///
/// What memory differs by from the line stays for many points, so that neighbours tell little new:
/// they count as fewer points, as many as would be independent (Santer and others, "Statistical
/// significance of trends and trend differences in layer-average atmospheric temperature time
/// series", 2000, from the correlation of neighbours).
pub fn slope(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let both: f64 = points
        .iter()
        .map(|point| (point.0 - x) * (point.1 - y))
        .sum();
    let slope = both / spread;
    let off: Vec<f64> = points
        .iter()
        .map(|point| point.1 - y - slope * (point.0 - x))
        .collect();
    let squares: f64 = off.iter().map(|off| off * off).sum();
    let neighbours: f64 = off.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let alike = if squares > 0.0 {
        (neighbours / squares).max(0.0)
    } else {
        0.0
    };
    // At least three: two points are always on a line.
    let independent = (count * (1.0 - alike) / (1.0 + alike)).max(3.0);
    (slope, (squares / (independent - 2.0) / spread).sqrt())
}

/// Plays the shipped patch for `minutes`, edits it every ten seconds, and prints how memory,
/// threads and files go.
pub fn print_soak(minutes: f64) {
    let folder = tempfile::tempdir().unwrap();
    let Some((_jack, player)) = start(folder.path(), &patches::shipped("live")) else {
        return;
    };
    let patch = patches::shipped("live");
    let (mild, wild) = ("temperature: 0.5", "temperature: 0.9");
    assert!(patch.contains(mild));
    let score = Process(player.program.0.id());
    let witness = Witness::start(&folder.path().join("witness"));
    let (started, began) = (Instant::now(), wall());
    let mut memory = Vec::new();
    let (mut threads, mut files) = (Vec::new(), Vec::new());
    let (mut turn, mut known) = (0u32, 0);
    while started.elapsed().as_secs_f64() < minutes * 60.0 {
        std::thread::sleep(Duration::from_secs(10));
        turn += 1;
        // What is read and opened in the first half minute stays.
        if turn > 3 {
            memory.push((started.elapsed().as_secs_f64() / 3600.0, score.memory()));
            threads.push(score.threads());
            files.push(score.files());
        }
        let broken = dropouts(&player.statuses());
        if broken > known {
            let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
            println!(
                "after {} s: {} more dropouts, load {}",
                turn * 10,
                broken - known,
                load.trim()
            );
            known = broken;
        }
        // By turns a live value, a node that begins anew, and back.
        let text = match turn % 4 {
            1 => patch.replace(mild, wild),
            3 => patch.replace("voice: electric_piano", "voice: marimba"),
            _ => patch.clone(),
        };
        std::fs::write(folder.path().join("new"), text).unwrap();
        std::fs::rename(folder.path().join("new"), folder.path().join(PATCH)).unwrap();
    }
    let (grows, error) = slope(&memory);
    let (later, later_error) = slope(&memory[memory.len() / 2..]);
    let range = |values: &[u64]| (values.iter().min().copied(), values.iter().max().copied());
    let files: Vec<u64> = files.into_iter().map(|count| count as u64).collect();
    let statuses = player.statuses();
    let last = statuses.last().unwrap();
    println!(
        "{minutes} minutes, {} revisions: memory {:.1} MB at first, {:.1} MB at last, {grows:+.2} ± {error:.2} MB an hour, \
         in the second half {later:+.2} ± {later_error:.2}",
        last["revision"],
        memory.first().unwrap().1,
        memory.last().unwrap().1
    );
    println!(
        "threads {:?}, files {:?}, {} dropouts",
        range(&threads),
        range(&files),
        dropouts(&statuses)
    );
    let (log, _) = player.drain();
    let trouble = Trouble::new(&[], witness.map(Witness::end));
    println!(
        "{}; away from that {} dropouts",
        trouble.describe(began, wall()),
        trouble.dropouts_elsewhere(dropouts(&statuses), &log)
    );
}

#[test]
fn a_slopes_error_is_larger_where_neighbours_are_alike() {
    let line = |off: fn(i32) -> f64| -> Vec<(f64, f64)> {
        let points = 0..200;
        points
            .map(|index| (f64::from(index), 0.5 * f64::from(index) + off(index)))
            .collect()
    };
    let (straight, none) = slope(&line(|_| 0.0));
    assert!((straight - 0.5).abs() < 1e-9 && none < 1e-9);
    // The same values, each time from one to the next, or twenty of each together.
    let (_, hasty) = slope(&line(|index| f64::from(index % 2)));
    let (_, slow) = slope(&line(|index| f64::from(index / 20 % 2)));
    assert!(hasty > 0.0 && slow > 2.0 * hasty, "{hasty} {slow}");
}
