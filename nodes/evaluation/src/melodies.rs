//! How good a melody model is: what it makes of tunes, and what it makes of codes that nobody
//! encoded.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use score_engine::NodeError;

use super::tunes::{Divergences, Manners, Rebuilt, rebuilt};
use score_nodes::music::{Melody, sample, sheet};

/// A melody of fewer notes says little.
const FEWEST_NOTES: usize = 4;

/// How freely samples are drawn, as pictures' music is by default.
const TEMPERATURE: f32 = 0.5;

/// What is found of a model.
#[derive(Clone, Debug, Serialize)]
pub struct MelodyReport {
    /// MIDI files that were read.
    pub files: usize,
    /// Files that have no melody that can be used.
    pub without_melody: usize,
    /// Different melodies among them.
    pub melodies: usize,
    /// Those that the model was asked to rebuild.
    pub rebuilt: usize,
    /// Each next token from the right ones before; `None` for a model that cannot encode.
    pub teacher_forced: Option<Rebuilt>,
    /// From the code alone, the likeliest token each time.
    pub greedy: Option<Rebuilt>,
    /// Samples drawn from N(0, I) at temperature 0.5.
    pub samples: usize,
    /// How many of them are different.
    pub different: usize,
    /// How unlike the tunes the samples are.
    pub divergences: Divergences,
    /// The samples' mean share of notes in their best major scale.
    pub scale_share: f64,
    /// The tunes'.
    pub scale_share_of_tunes: f64,
}

/// Melodies of as many bars as the model knows, from every bar on, of all MIDI files in `folder`
/// and below; each once, in a fixed order. With the number of files, and of those without one.
///
/// # Errors
/// The folder cannot be read, or there is no melody in it.
pub fn read(folder: &Path, melody: &Melody) -> Result<Tunes, NodeError> {
    let mut files = Vec::new();
    find(folder, &mut files)?;
    files.sort();
    let (mut found, mut without) = (BTreeSet::new(), 0);
    for file in &files {
        // One broken file among thousands is no reason to measure nothing; it is counted.
        let melodies = sheet::windows(file, melody.layout()).unwrap_or_default();
        let mut any = false;
        for tune in melodies {
            if tune.iter().filter(|token| **token > 1).count() >= FEWEST_NOTES {
                any = true;
                found.insert(tune);
            }
        }
        without += usize::from(!any);
    }
    if found.is_empty() {
        let why = format!("there is no melody in `{}`", folder.display());
        return Err(NodeError::input(why).help(
            "give a folder of MIDI files (.mid) in 4/4 with at least two bars of a tune; drums do \
             not count",
        ));
    }
    Ok(Tunes {
        files: files.len(),
        without,
        melodies: found.into_iter().collect(),
    })
}

/// Melodies to measure a model with.
#[derive(Clone, Debug)]
pub struct Tunes {
    files: usize,
    without: usize,
    melodies: Vec<Vec<i64>>,
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), NodeError> {
    let refuse = |error: std::io::Error| {
        NodeError::input(format!("`{}` cannot be read: {error}", folder.display()))
            .help("give a folder of MIDI files")
            .source(error)
    };
    for entry in std::fs::read_dir(folder).map_err(refuse)? {
        let entry = entry.map_err(refuse)?;
        let path = entry.path();
        // Links are not followed: they could lead round in a circle.
        if entry.file_type().map_err(refuse)?.is_dir() {
            find(&path, files)?;
        } else if path
            .extension()
            .and_then(|ending| ending.to_str())
            .is_some_and(|ending| ["mid", "midi"].contains(&ending.to_lowercase().as_str()))
        {
            files.push(path);
        }
    }
    Ok(())
}

/// Measures the model. It rebuilds at most `most` of the melodies, evenly chosen; the samples are
/// compared with those.
///
/// # Errors
/// The model fails.
pub fn evaluate(
    melody: &mut Melody,
    tunes: &Tunes,
    most: usize,
    samples: usize,
    seed: u64,
) -> Result<MelodyReport, NodeError> {
    let all = tunes.melodies.len();
    let count = all.min(most.max(1));
    let chosen: Vec<Vec<i64>> = (0..count)
        .filter_map(|index| tunes.melodies.get(index * all / count).cloned())
        .collect();
    let (mut forced, mut greedy) = (Vec::new(), Vec::new());
    if melody.encodes() {
        for tune in &chosen {
            let code = melody.encode(tune)?;
            forced.push(melody.forced(&code, tune)?);
            greedy.push(melody.likeliest(&code)?);
        }
    }
    let drawn = sample(melody, samples, TEMPERATURE, seed)?;
    let layout = melody.layout();
    let (of_tunes, of_samples) = (Manners::of(&chosen, layout), Manners::of(&drawn, layout));
    let encodes = !forced.is_empty();
    Ok(MelodyReport {
        files: tunes.files,
        without_melody: tunes.without,
        melodies: all,
        rebuilt: forced.len(),
        teacher_forced: encodes.then(|| rebuilt(&chosen, &forced)),
        greedy: encodes.then(|| rebuilt(&chosen, &greedy)),
        samples,
        divergences: of_samples.divergences(&of_tunes),
        scale_share: of_samples.scale_share(),
        scale_share_of_tunes: of_tunes.scale_share(),
        different: drawn.into_iter().collect::<BTreeSet<_>>().len(),
    })
}
