//! What a hop over the network adds: from patch to patch through `net_out` and `net_in` on this
//! computer, against the same messages within one patch.
//!
//!     cargo bench --package score --bench net
//!
//! An event comes in by OSC and goes out by OSC, once straight and once over the link, in turns.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    clippy::print_stdout
)]

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use score_test_support::program;

/// Events on each way.
const EVENTS: usize = 2_000;

/// A message without arguments: an event.
const EVENT: &[u8] = b"/a\0\0,\0\0\0";

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ears = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let [straight, linked] = [(); 2].map(|()| free_udp());
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let out = ears.each_ref().map(|ear| ear.local_addr().unwrap().port());
    let patches = [
        (
            "straight",
            format!(
                r#"Patch(format: 1, nodes: {{ "in": osc_in(port: {straight}, address: "/a"), "out": osc_out(port: {}, address: "/b") }}, wires: ["in.event -> out.event"])"#,
                out[0]
            ),
        ),
        (
            "sender",
            format!(
                r#"Patch(format: 1, nodes: {{ "in": osc_in(port: {linked}, address: "/a"), "out": net_out(port: {port}) }}, wires: ["in.event -> out.event"])"#
            ),
        ),
        (
            "receiver",
            format!(
                r#"Patch(format: 1, nodes: {{ "in": net_in(port: {port}), "out": osc_out(port: {}, address: "/b") }}, wires: ["in.event -> out.event"])"#,
                out[1]
            ),
        ),
    ];
    let mut running: Vec<Child> = patches
        .iter()
        .map(|(name, patch)| start(folder, name, patch))
        .collect();
    for (ear, to) in ears.iter().zip([straight, linked]) {
        ear.set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        let begun = Instant::now();
        while once(ear, to).is_none() {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "nothing comes through"
            );
        }
        // What came late of the first tries.
        while ear.recv(&mut [0; 64]).is_ok() {}
    }
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..EVENTS {
        for ((ear, to), times) in ears.iter().zip([straight, linked]).zip(&mut times) {
            times.push(once(ear, to).expect("an event is lost"));
            std::thread::sleep(Duration::from_millis(3));
        }
    }
    let [one, other] = times.map(|mut times| {
        times.sort();
        [50, 95, 99].map(|percent| times[times.len() * percent / 100].as_secs_f64() * 1e3)
    });
    for (at, percent) in ["p50", "p95", "p99"].iter().enumerate() {
        println!(
            "{percent}: within a patch {:.3} ms, over the link {:.3} ms: {:.3} ms more",
            one[at],
            other[at],
            other[at] - one[at]
        );
    }
    for run in &mut running {
        run.kill().unwrap();
        run.wait().unwrap();
    }
}

fn free_udp() -> u16 {
    UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn start(folder: &Path, name: &str, patch: &str) -> Child {
    std::fs::write(folder.join(format!("{name}.ron")), patch).unwrap();
    let mut command: Command = program(folder, &["run", &format!("{name}.ron"), "--quiet"]);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// How long an event takes there and back.
fn once(ear: &UdpSocket, to: u16) -> Option<Duration> {
    let begun = Instant::now();
    ear.send_to(EVENT, ("127.0.0.1", to)).ok()?;
    ear.recv(&mut [0; 64]).ok()?;
    Some(begun.elapsed())
}
