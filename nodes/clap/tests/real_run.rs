//! The plug-in in a DAW of the tests' own, with a real `score run`: in real time, so that it is asked
//! for.
//!
//!     cargo build --workspace --locked
//!     MINUTES=10 cargo test -p score-clap --locked --test real_run -- --ignored --nocapture
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod dice;
mod host;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dice::Dice;
use host::{BLOCK, Daw, GRID, RATE, in_own_folder};

/// How long the run may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// A note on each sixteenth.
const PATCH: &str = r#"Patch(
    format: 1,
    transport: (tempo: 120, follow: daw, when_lost: stop),
    nodes: {
        "full": lfo(low: 1, high: 1),
        "tune": scale_walk(freedom: 0, hold: 0.05),
        "daw":  daw_out(),
    },
    wires: ["full -> tune.density", "tune -> daw"],
)"#;

/// A run, ended with this value, and its folder, which goes with it.
struct Run {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Run {
    fn start() -> Self {
        let this = std::env::current_exe().unwrap();
        let program = this.ancestors().nth(2).unwrap().join("score");
        assert!(program.exists(), "{} is not built", program.display());
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("daw.ron"), PATCH).unwrap();
        let child = Command::new(program)
            .args(["run", "daw.ron"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Run {
            child,
            _folder: folder,
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody does something to the DAW every few seconds.
fn touch(daw: &mut Daw, wanted: &mut f64, dice: &mut Dice) {
    let places = [0.0, 4.0, 7.0, 16.5, 32.0];
    match dice.roll() * 1_000.0 {
        0.0..1.0 => daw.stop(),
        1.0..3.0 => daw.locate(places[(dice.roll() * 5.0) as usize]),
        3.0..6.0 => *wanted = 70.0 + dice.roll() * 90.0,
        6.0..7.0 => (daw.tempo, *wanted) = (100.0, 100.0),
        7.0..9.0 => {
            let begin = daw.beat.floor();
            let length = [2.0, 4.0, 8.0, 3.0][(dice.roll() * 4.0) as usize];
            daw.loops = Some((begin, begin + length));
        }
        9.0..10.0 => daw.loops = None,
        _ => {}
    }
    if !daw.plays && dice.roll() < 0.02 {
        daw.start(daw.beat);
    }
    daw.tempo += (*wanted - daw.tempo).clamp(-0.1, 0.1);
}

/// Sixteenths that the playhead has passed.
fn passed(daw: &Daw, from: u64) -> usize {
    let mut passed = 0;
    for pair in daw.segments.windows(2) {
        let (segment, end) = (pair[0], pair[1].frame);
        let near = if segment.jumps { 2e-3 } else { 1e-6 };
        let first = (segment.beat / GRID - near).ceil();
        let last = segment.beat + (end - segment.frame) as f64 / RATE * segment.tempo / 60.0;
        if segment.plays && segment.frame >= from {
            passed += ((last - 1e-6) / GRID - first).ceil().max(0.0) as usize;
        }
    }
    passed
}

#[test]
#[ignore = "minutes in real time, and it needs the program; MINUTES says how many"]
fn every_note_of_a_real_run_sounds_within_a_block_of_its_place() {
    in_own_folder(
        "every_note_of_a_real_run_sounds_within_a_block_of_its_place",
        || {
            let minutes = std::env::var("MINUTES").ok();
            let minutes: f64 = minutes.map_or(10.0, |minutes| minutes.parse().unwrap());
            let _run = Run::start();
            let mut daw = Daw::new();
            let started = Instant::now();
            while daw.state != 1 {
                assert!(started.elapsed() < PATIENCE, "the run is not found");
                daw.block();
            }
            let (mut dice, mut wanted) = (Dice(7), 120.0);
            let from = daw.frame;
            daw.start(0.0);
            while ((daw.frame - from) as f64) < minutes * 60.0 * RATE {
                touch(&mut daw, &mut wanted, &mut dice);
                daw.block();
            }
            daw.stop();
            (0..20).for_each(|_| daw.block());
            assert!(daw.sounding.is_empty(), "notes hang");

            let (mut count, mut away, mut worst) = (0, 0, 0.0_f64);
            let grid = |frame: u64| {
                let beat = daw.beat_at(frame)?;
                let at = daw.segments.partition_point(|it| it.frame <= frame);
                let tempo = daw.segments[at - 1].tempo;
                let off = (beat - (beat / GRID).round() * GRID).abs();
                Some(off * 60.0 / tempo * RATE)
            };
            for heard in daw.heard.iter().filter(|heard| heard.is_on) {
                count += 1;
                let off = grid(heard.frame).unwrap_or(f64::INFINITY);
                worst = worst.max(off);
                if off > f64::from(BLOCK) {
                    away += 1;
                    eprintln!("{heard:?} is {off:.0} frames away");
                }
            }
            let passed = passed(&daw, from);
            eprintln!(
                "{minutes} minutes, {} starts and jumps: {count} notes of {passed} sixteenths, \
                 {away} more than a block away, at most {worst:.1} frames; late: {}",
                daw.jumps, daw.was_late
            );
            assert_eq!(away, 0);
            // What lies exactly where the playhead jumps to is past when the run hears of the jump.
            let lost = passed.saturating_sub(count);
            let few = passed / 200;
            assert!(lost <= daw.jumps as usize + few, "{lost} notes are lost");
        },
    );
}
