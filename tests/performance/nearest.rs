//! How long the nearest of many stills takes to find.
//!
//!     cargo bench --package score-nodes --bench nearest -- 100000
//!
//! The number is how many stills the index has, each a latent of 64 components. At most 5 ms for
//! 100,000 is the aim.
#![allow(missing_docs, clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use score_nodes::stills::Codes;

/// Components of a latent.
const DIMENSION: usize = 64;

/// Latents that are looked for.
const LOOKS: usize = 200;

fn main() {
    // cargo itself hands on `--bench`.
    let stills = std::env::args().find_map(|argument| argument.parse().ok());
    let stills: usize = stills.unwrap_or(100_000);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut code = || -> Vec<f32> {
        let components = StandardNormal.sample_iter(&mut rng);
        components.take(DIMENSION).collect()
    };
    let mut codes = Codes::new(DIMENSION);
    codes.reserve(stills);
    for _ in 0..stills {
        codes.push(&code());
    }
    let mut took: Vec<Duration> = (0..LOOKS)
        .map(|_| {
            let wanted = code();
            let began = Instant::now();
            black_box(codes.nearest(black_box(&wanted)));
            began.elapsed()
        })
        .collect();
    took.sort();
    let at = |share: f64| {
        let place = (share * (took.len() - 1) as f64).round() as usize;
        took.get(place)
            .map_or(0.0, |took| took.as_secs_f64() * 1000.0)
    };
    println!(
        "{stills} stills of {DIMENSION} numbers: median {:.2} ms, 95 % below {:.2} ms, longest {:.2} ms",
        at(0.5),
        at(0.95),
        at(1.0)
    );
}
