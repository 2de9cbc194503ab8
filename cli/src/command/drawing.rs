//! What the commands share that draw music and pictures.

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::Path;

use score_engine::{NodeError, Transport};
use score_nodes::drawing::square;
use score_nodes::music::{KeyAndChords, MusicModel};
use score_nodes::output::Claim;
use serde_json::{Value, json};

use crate::arguments::{Drawing, KeyAndChordsOptions};
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

/// Which model makes music, and which draws pictures, where none is named.
pub(super) const MUSIC: &str = "melody";
pub(super) const PICTURES: &str = "eye";

/// The model that was named, or the usual one.
pub(super) fn model<'a>(arguments: &'a Drawing, usual: &'a str) -> &'a str {
    arguments.model.as_deref().unwrap_or(usual)
}

/// What music is played in and on, as it was given.
pub(super) fn key_and_chords(arguments: &KeyAndChordsOptions) -> KeyAndChords {
    KeyAndChords {
        key: arguments.key,
        chords: arguments.chords.clone(),
    }
}

/// Writes pieces as notes, or as a picture where the claimed name ends as a picture's does.
pub(super) fn write_music(
    claim: Claim,
    pieces: &[Vec<i64>],
    model: &MusicModel,
    transport: &Transport,
) -> Result<(), NodeError> {
    if is_picture(claim.path()) {
        model.draw(claim, pieces, square(pieces.len()))
    } else {
        model.write(claim, pieces, transport)
    }
}

/// Whether the name of a file ends as a picture's does that is written here.
fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let known = ["png", "jpg", "jpeg"];
    ending.is_some_and(|ending| known.iter().any(|one| ending.eq_ignore_ascii_case(one)))
}

/// Prints what was written, how many pieces or pictures (`what`) are in it, their chords where they
/// have some, and the seed.
pub(super) fn report(
    arguments: &Drawing,
    written: &Path,
    (what, count): (&str, usize),
    chords: &[String],
    seed: Option<u64>,
) -> Result<(), Failure> {
    let mut out = out();
    if arguments.json {
        let written = [written.to_string_lossy()];
        let mut report = json!({ "written": written, "seed": seed });
        if let Value::Object(report) = &mut report {
            report.insert(what.to_owned(), count.into());
            if !chords.is_empty() {
                report.insert("chords".to_owned(), json!(chords));
            }
        }
        writeln!(out, "{report:#}")?;
    } else if !arguments.quiet {
        writeln!(out, "{}", written.display())?;
        for chords in chords {
            writeln!(out, "{chords}")?;
        }
        if let Some(seed) = seed.filter(|_| arguments.seed.is_none()) {
            tell(format_args!("drawn with --seed {seed}"));
        }
    }
    Ok(())
}
