//! What it costs to look at outputs while they play.
//!
//! Taps are the engine's own, so the patch plays in this program, started once more on the server.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use score_engine::{Live, LiveOptions, LiveTap, Settings, Source, check};

use super::{patches, process::Process};
use crate::cuts_film as film;
use crate::helper::this_program;
use crate::house;
use crate::jack::Jack;

/// The folder with the patch and its film, in the environment of the program that plays.
const FOLDER: &str = "SCORE_TAPPED";

/// Looks a second at each output, and how wide pictures are then.
const LOOKS: f64 = 25.0;
const WIDTH: u32 = 320;

/// Taps at a time.
const TAPS: usize = 20;

/// How long the run is looked at, and how long it is not.
const SECONDS: f64 = 20.0;

/// Plays and looks, if this program was started for that.
pub fn play_if_asked() -> bool {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return false;
    };
    play(PathBuf::from(folder));
    true
}

fn play(folder: PathBuf) {
    let settings = Settings::default().with_folder("models", house().join("models"));
    let text = patches::shipped("stream_live");
    let source = Source::text("patch.ron", &text, folder);
    let graph = check(&source, &[], &score_nodes::registry(), &settings).unwrap();
    let (mut live, _) = Live::start(graph, &settings, LiveOptions::default()).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    let (alone, before) = spend(&mut live, &mut []);
    let steering = live.steering();
    let outputs = [
        ("camera", "frames"),
        ("eye", "latent"),
        ("calm", "latent"),
        ("map", "latent"),
        ("tune", "notes"),
        ("piano", "sound"),
        ("cuts", "cut"),
    ];
    let mut taps: Vec<LiveTap> = (outputs.iter().cycle().take(TAPS))
        .map(|(node, output)| steering.tap(node, output, LOOKS).unwrap())
        .collect();
    let (looked_at, during) = spend(&mut live, &mut taps);
    println!(
        "{TAPS} taps, {LOOKS:.0} looks a second each: {:.2} % of a core more (of {:.2} %), {} looks saw something; dropouts {before} without, {during} with",
        (looked_at.0 - alone.0) * 100.0,
        alone.0 * 100.0,
        looked_at.1
    );
    live.drain(Duration::from_secs(2));
}

/// The share of a core that this program takes while `taps` are looked at, and how many looks saw
/// something; then how often the sound broke off.
fn spend(live: &mut Live, taps: &mut [LiveTap]) -> ((f64, usize), u64) {
    let dropouts = |live: &mut Live| -> u64 {
        let nodes = live.status().nodes;
        nodes
            .iter()
            .filter_map(|node| node.counters.get("dropouts").copied())
            .sum()
    };
    let known = dropouts(live);
    let this = Process(std::process::id());
    let (before, started) = (this.processor_time(), Instant::now());
    let mut seen = 0;
    while started.elapsed().as_secs_f64() < SECONDS {
        seen += taps.iter_mut().filter_map(|tap| tap.look(WIDTH)).count();
        std::thread::sleep(Duration::from_millis(10));
    }
    let taken = this.processor_time() - before;
    let share = taken / started.elapsed().as_secs_f64();
    ((share, seen), dropouts(live) - known)
}

/// Prints what twenty taps cost.
pub fn print_taps(period: u32) {
    let Some(jack) = Jack::start(period) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    film::write(folder.path());
    let mut command = jack.tool(this_program().to_str().unwrap());
    let status = command.env(FOLDER, folder.path()).status();
    assert!(status.is_ok_and(|status| status.success()));
}
