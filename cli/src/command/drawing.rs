//! What the commands share that draw melodies.

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::arguments::Drawing;
use crate::failure::Failure;
use crate::terminal::{out, tell};

/// Random seeds stay below this, so that they are easy to type.
const SEEDS: u64 = 1_000_000;

/// The seed that was given, or a random one.
pub(super) fn seed(arguments: &Drawing) -> u64 {
    // The standard library's source of randomness, which it keeps for its hash maps.
    arguments
        .seed
        .unwrap_or_else(|| RandomState::new().hash_one(0) % SEEDS)
}

/// Prints what was written, and the seed.
pub(super) fn report(
    arguments: &Drawing,
    written: &Path,
    melodies: usize,
    seed: Option<u64>,
) -> Result<(), Failure> {
    let mut out = out();
    if arguments.json {
        let written = [written.to_string_lossy()];
        let report = json!({ "written": written, "melodies": melodies, "seed": seed });
        writeln!(out, "{report:#}")?;
    } else if !arguments.quiet {
        writeln!(out, "{}", written.display())?;
        if let Some(seed) = seed.filter(|_| arguments.seed.is_none()) {
            tell(format_args!("drawn with --seed {seed}"));
        }
    }
    Ok(())
}
