//! What a thousand nodes for numbers cost that play live.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use score_engine::{Live, LiveOptions, Settings, Source, check};

use super::process::Process;

/// Nodes that take numbers and give numbers, in chains as long as an artist's.
const NODES: usize = 1_000;
const CHAIN: [&str; 4] = [
    "curve(exponent: 2)",
    r#"expression(formula: "a * 0.8 + 0.1")"#,
    "combine()",
    "threshold(level: 0.5)",
];

/// Chains that one source feeds, 25 times a second.
const CHAINS_A_SOURCE: usize = 25;

/// How long the run has to settle, and how long it is looked at.
const SETTLED: Duration = Duration::from_secs(5);
const SECONDS: f64 = 20.0;

/// A patch of so many such nodes.
fn patch(nodes: usize) -> String {
    let chains = nodes / CHAIN.len();
    let (mut declared, mut wires) = (String::new(), String::new());
    for source in 0..chains.div_ceil(CHAINS_A_SOURCE).max(1) {
        let every = 1.0 + source as f64 / 10.0;
        let _ = writeln!(
            declared,
            r#""lfo{source}": lfo(every: {every:.1}, updates: 25),"#
        );
    }
    for chain in 0..chains {
        let mut path = format!("lfo{}", chain / CHAINS_A_SOURCE);
        for (place, kind) in CHAIN.iter().enumerate() {
            let _ = writeln!(declared, r#""n{chain}_{place}": {kind},"#);
            let _ = write!(path, " -> n{chain}_{place}");
        }
        let _ = writeln!(wires, r#""{path}","#);
    }
    format!("Patch(format: 1, nodes: {{{declared}}}, wires: [{wires}])")
}

/// Plays so many nodes, as many of which share a thread as `options` say: the share of a core,
/// megabytes, threads, and packets a second on all wires.
fn played(nodes: usize, options: LiveOptions) -> (f64, f64, u64, f64) {
    let settings = Settings::default();
    let source = Source::text("palette.ron", &patch(nodes), PathBuf::new());
    let graph = check(&source, &[], &score_nodes::registry(), &settings).unwrap();
    let (mut live, _) = Live::start(graph, &settings, options).unwrap();
    std::thread::sleep(SETTLED);
    let this = Process(std::process::id());
    let sent = |live: &mut Live| -> u64 { live.status().wires.iter().map(|wire| wire.sent).sum() };
    let (known, before, started) = (sent(&mut live), this.processor_time(), Instant::now());
    std::thread::sleep(Duration::from_secs_f64(SECONDS));
    let (taken, passed) = (
        this.processor_time() - before,
        started.elapsed().as_secs_f64(),
    );
    let figures = (
        taken / passed,
        this.memory(),
        this.threads(),
        (sent(&mut live) - known) as f64 / passed,
    );
    live.drain(Duration::from_secs(2));
    figures
}

/// Prints what a thousand of them cost, what that is more than for a few, and what it would be if
/// each had a thread of its own.
pub fn print_palette() {
    let together = LiveOptions::default();
    let alone = LiveOptions {
        light_nodes_per_thread: 0,
        ..together
    };
    let (few, many) = (played(CHAIN.len(), together), played(NODES, together));
    for (what, (share, memory, threads, packets)) in [
        (format!("{} nodes", CHAIN.len()), few),
        (format!("{NODES} nodes"), many),
        (
            format!("{NODES} nodes, a thread each"),
            played(NODES, alone),
        ),
    ] {
        println!(
            "{what}, 25 numbers a second each: {:.1} % of a core, {memory:.1} MB, {threads} threads, {packets:.0} packets a second",
            share * 100.0
        );
    }
    let more = (NODES - CHAIN.len()) as f64;
    println!(
        "a node more: {:.3} % of a core, {:.0} kB",
        (many.0 - few.0) * 100.0 / more,
        (many.1 - few.1) * 1e3 / more
    );
}
