//! What happens in a year happens here in seconds: nothing grows.

use std::path::PathBuf;

use super::*;

/// Restarts that are looked at.
const RESTARTS: u64 = 10_000;

/// What the process has: threads, open files, kilobytes of memory.
fn possessions() -> Option<[u64; 3]> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let figure = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let files = PathBuf::from("/proc/self/fd").read_dir().ok()?.count() as u64;
    Some([figure("Threads:")?, files, figure("VmRSS:")?])
}

/// Run alone (`--exact`), since the other tests of this program have threads and memory too:
/// `cargo test --test live -- --ignored --exact years::ten_thousand_restarts_leave_nothing_behind`.
#[test]
#[ignore = "it counts threads and memory, which other tests beside it have too; 30 s"]
fn ten_thousand_restarts_leave_nothing_behind() {
    let options = LiveOptions {
        restart: RestartPolicy {
            first: Duration::ZERO,
            longest: Duration::ZERO,
            most: usize::MAX,
            window: Duration::from_millis(1),
        },
        ..LiveOptions::default()
    };
    // A light node on a shared thread, and one on a thread of its own.
    let graph = graph(
        r#""n": press(pitch: 50), "f": frail(fails_after: 1), "a": hum(), "w": write(name: "years", fails: true)"#,
        r#"~"n -> f", ~"a -> w""#,
    );
    let (mut live, _) = Live::start(graph, &Settings::default(), options).unwrap();
    let failures = |live: &mut Live| {
        let status = live.status();
        let of = |id: &str| {
            status
                .nodes
                .iter()
                .find(|node| node.id == id)
                .unwrap()
                .failures
        };
        (of("f"), of("w"))
    };
    let wait = |live: &mut Live, count: u64| {
        let started = Instant::now();
        while failures(live).0 < count {
            assert!(
                started.elapsed() < Duration::from_secs(300),
                "{:?}",
                failures(live)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait(&mut live, RESTARTS / 10);
    let Some(before) = possessions() else {
        eprintln!("skipped: this system has no /proc");
        return;
    };
    wait(&mut live, RESTARTS + RESTARTS / 10);
    let after = possessions().unwrap();
    let counts = failures(&mut live);
    println!("restarts {counts:?}: threads, files, kB before {before:?}, after {after:?}");
    assert_eq!(before[..2], after[..2], "threads or files have grown");
    assert!(after[2] < before[2] + 2_000, "memory has grown");
    live.drain(END);
}
