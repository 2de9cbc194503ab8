//! Writes each sound that comes into the mixer to a file of its own: what it is in the sum.

use std::path::{Path, PathBuf};

use score_engine::{AudioBlock, Build, InputPort, NodeError};

use super::super::sound_writer::SoundWriter;
use crate::output::Claim;

/// The files of the stems at `path`, one for each of `sources`: `film-stem.wav` becomes
/// `film-stem-lead.wav`, after the node that the sound comes from.
#[must_use]
pub fn stem_files(path: &Path, sources: &[String]) -> Vec<PathBuf> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut names: Vec<String> = Vec::with_capacity(sources.len());
    for source in sources {
        let plain = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
        let source: String = (source.chars())
            .map(|letter| if plain(letter) { letter } else { '_' })
            .collect();
        // Two wires may come from one node.
        let twins = names.iter().filter(|name| **name == source).count();
        names.push(match twins {
            0 => source,
            twins => format!("{source}-{}", twins + 1),
        });
    }
    let file = |name: &String| path.with_file_name(format!("{stem}-{name}.wav"));
    names.iter().map(file).collect()
}

/// The stems of a render.
pub(super) struct Stems {
    files: Vec<SoundWriter>,
    rate: u32,
    /// What each wire brought to the block, interleaved stereo.
    pub(super) blocks: Vec<Vec<f32>>,
}

impl Stems {
    /// Begins the files at `path` for all that comes into `input`.
    ///
    /// # Errors
    /// One cannot be made.
    pub(super) fn begin(
        path: &Path,
        build: &Build<'_>,
        input: InputPort<AudioBlock>,
    ) -> Result<Self, NodeError> {
        let source = |wire| match build.source(input, wire) {
            Some(source) => source.to_owned(),
            None => (wire + 1).to_string(),
        };
        let sources: Vec<String> = (0..build.wires(input)).map(source).collect();
        let files = stem_files(path, &sources);
        let files = (files.iter()).map(|file| SoundWriter::exact(Claim::of(file, build)?));
        Ok(Stems {
            files: files.collect::<Result<_, _>>()?,
            rate: build.transport.sample_rate,
            blocks: vec![Vec::new(); sources.len()],
        })
    }

    /// Writes the block, each frame with the level of the sum.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn write(&mut self, gains: &[f32]) -> Result<(), NodeError> {
        for (file, block) in self.files.iter_mut().zip(&mut self.blocks) {
            for (frame, gain) in block.chunks_exact_mut(2).zip(gains) {
                frame.iter_mut().for_each(|sample| *sample *= gain);
            }
            file.append(self.rate, 2, block)?;
            block.clear();
        }
        Ok(())
    }

    /// Writes the files, not yet under their final names.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn finish(&mut self) -> Result<(), NodeError> {
        self.files.iter_mut().try_for_each(SoundWriter::finish)
    }

    /// Gives the files their final names.
    ///
    /// # Errors
    /// One cannot be put in its place.
    pub(super) fn commit(&mut self) -> Result<(), NodeError> {
        self.files.iter_mut().try_for_each(SoundWriter::commit)
    }
}
