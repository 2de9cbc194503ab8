//! How long the model `stream` takes for a sixteenth, and its planner for a bar, each on one core.
//!
//!     cargo bench --package score-nodes --bench stream
//!
//! A step is what `stream_decoder` does at each sixteenth: the model and the drawing of its token.
//! At most 2 ms are wanted.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout)]

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use score_engine::Settings;
use score_nodes::music::{Asked, Forecast, Stream};

/// Sixteenths of a round: 64 bars.
const STEPS: u64 = 1024;

const ROUNDS: usize = 5;

fn main() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let settings = Settings::default().with_folder("models", models);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine at the beginning: {}", load.trim());
    let mut steps = Vec::new();
    for round in 0..=ROUNDS {
        let times = played(&settings);
        // The first round warms the caches up and is not counted.
        if round > 0 {
            steps.extend(times);
        }
    }
    print("a sixteenth", &mut steps);
    print("a bar's plan", &mut planned(&settings));
}

/// What each sixteenth of a round takes.
fn played(settings: &Settings) -> Vec<Duration> {
    let mut stream = Stream::load(settings, "stream").unwrap();
    let mut strand = stream.begin();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let asked = Asked::of([None, Some(0.4), Some(0.6), None, Some(0.5), Some(0.0)]);
    (0..STEPS)
        .map(|step| {
            let code: Vec<f32> = (0..stream.dimension() as u64)
                .map(|n| ((n * (step / 16 + 1)) as f32 * 0.7).sin())
                .collect();
            let place = (step % 16, false);
            let begin = Instant::now();
            stream
                .go_on(&mut strand, place, &code, &asked, (0.7, &mut rng))
                .unwrap();
            begin.elapsed()
        })
        .collect()
}

/// What the plan of each bar takes, after as many bars as the planner looks back on.
fn planned(settings: &Settings) -> Vec<Duration> {
    let mut forecast = Forecast::load(settings, "stream").unwrap();
    let code = vec![0.5; forecast.dimension()];
    let history: VecDeque<Vec<f32>> = (0..forecast.bars()).map(|_| code.clone()).collect();
    let times = (0..STEPS / 4).map(|_| {
        let begin = Instant::now();
        forecast.next(&history).unwrap();
        begin.elapsed()
    });
    times.skip(16).collect()
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: f64| {
        let index = ((times.len() - 1) as f64 * share).round() as usize;
        times[index].as_secs_f64() * 1e3
    };
    println!(
        "{what}: p50 {:.3} ms, p95 {:.3} ms, p99 {:.3} ms, most {:.3} ms, of {}",
        at(0.5),
        at(0.95),
        at(0.99),
        at(1.0),
        times.len()
    );
}
