//! Imports music models that were published for Magenta.js: MusicVAE with a flat LSTM decoder, for
//! melodies or drums.
//!
//! What is read is described in TensorFlow.js' `io/types.ts` (the manifest, the shards, the
//! quantisation) and in Magenta.js' `music_vae/model.ts` (the names of tensors, the cells), and in
//! Roberts et al. 2018 (MusicVAE).
#![forbid(unsafe_code)]

mod addition;
mod card;
mod coding;
mod converter;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod golden;
mod graphs;
mod network;
mod onnx_writer;
mod reference;
#[cfg(test)]
mod tests;
mod weights;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use score_engine::{NodeError, NodeErrorKind};
use sha2::{Digest, Sha256};

use network::Network;
use onnx_writer::{Graph, Place};
use score_nodes::model::{File, Manifest, Model, Music, Task, verify};
use weights::Weights;

/// What is imported, and where to.
#[derive(Clone, Copy, Debug)]
pub struct Import<'a> {
    /// The folder of the checkpoint.
    pub checkpoint: &'a Path,
    /// The name that patches will use.
    pub name: &'a str,
    /// The folder of models that it becomes one of; made if it is not there.
    pub to: &'a Path,
    /// The licence of its weights, where the checkpoint does not say it.
    pub licence: Option<&'a str>,
}

/// A model that was imported.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What the manifest says of it.
    pub model: Model,
    /// Why it has no encoder, where it has none.
    pub without_encoder: Option<String>,
    /// The largest difference between what the ONNX files compute and what the tensors say in
    /// double precision; `None` where ONNX Runtime is missing.
    pub largest_difference: Option<f32>,
}

/// Imports a checkpoint: writes its ONNX files and adds it to the manifest. Either all of it is
/// done or nothing.
///
/// # Errors
/// The name is taken or none, the checkpoint is broken or of a sort that cannot be played, or
/// nothing can be written.
pub fn import(import: Import<'_>) -> Result<Imported, NodeError> {
    let Import {
        checkpoint,
        name,
        to,
        licence,
    } = import;
    addition::require_free(to, name)?;
    let music = converter::read(checkpoint)?;
    let weights = Weights::read(checkpoint)?;
    let network = Network::of(&weights, &music)?;

    let mut written = Written::new(name);
    written.graph("start", graphs::start(&network, &music));
    written.graph("step", graphs::step(&network, &music));
    if let Ok(encoder) = &network.encoder {
        let graph = graphs::encoder(encoder, network.latent, &music);
        written.graph("encoder", graph);
    }
    let golden = golden::text(&weights, &network, &music, &written.places)?;
    written
        .files
        .push(("golden.json".to_owned(), golden.into_bytes()));
    let own = checkpoint.join("LICENSE");
    let own = own.is_file().then(|| weights::text(&own)).transpose()?;
    let licence = licence.map_or_else(|| card::licence(own.as_deref()), str::to_owned);
    if let Some(text) = own {
        written
            .files
            .push(("LICENSE".to_owned(), text.into_bytes()));
    }
    let without_encoder = network.encoder.as_ref().err().cloned();
    let model = Model {
        task: Task::Music,
        summary: card::summary(&music),
        latent: network.latent,
        licence,
        card: Path::new(name).join("CARD.md"),
        files: written.listed,
        music: Some(music),
        picture: None,
        names: None,
        golden: Path::new(name).join("golden.json"),
    };
    let card = card::text(name, &model, &weights, &network);
    written
        .files
        .push(("CARD.md".to_owned(), card.into_bytes()));
    let mut largest_difference = None;
    addition::add(to, name, &model, &written.files, |manifest: &Manifest| {
        match verify(manifest, name) {
            Ok(agreement) => largest_difference = Some(agreement.largest_difference),
            Err(error) if error.kind() == NodeErrorKind::Missing => {}
            Err(error) => return Err(error),
        }
        Ok(())
    })?;
    Ok(Imported {
        model,
        without_encoder,
        largest_difference,
    })
}

/// The files of a model, and what the manifest says of the ONNX files among them.
struct Written<'a> {
    name: &'a str,
    files: Vec<(String, Vec<u8>)>,
    listed: BTreeMap<String, File>,
    /// The outputs of each ONNX file.
    places: BTreeMap<String, Vec<Place>>,
}

impl<'a> Written<'a> {
    fn new(name: &'a str) -> Self {
        Written {
            name,
            files: Vec::new(),
            listed: BTreeMap::new(),
            places: BTreeMap::new(),
        }
    }

    fn graph(&mut self, role: &str, graph: Graph) {
        let (bytes, inputs, outputs) = graph.finish();
        let file = format!("{role}.onnx");
        let forms = |places: &[Place]| {
            let form = |place: &Place| (place.name.to_owned(), place.form());
            places.iter().map(form).collect()
        };
        let sha256 = Sha256::digest(&bytes)
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let entry = File {
            path: PathBuf::from(self.name).join(&file),
            sha256,
            bytes: bytes.len() as u64,
            inputs: forms(&inputs),
            outputs: forms(&outputs),
        };
        self.listed.insert(role.to_owned(), entry);
        self.places.insert(role.to_owned(), outputs);
        self.files.push((file, bytes));
    }
}

/// Reads the checkpoint in `folder`, writes its graphs, and throws them away; whether all of it
/// went well.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn try_checkpoint(folder: &Path) -> bool {
    let (Ok(music), Ok(weights)) = (converter::read(folder), Weights::read(folder)) else {
        return false;
    };
    let Ok(network) = Network::of(&weights, &music) else {
        return false;
    };
    let _ = graphs::start(&network, &music).finish();
    let _ = graphs::step(&network, &music).finish();
    if let Ok(encoder) = &network.encoder {
        let _ = graphs::encoder(encoder, network.latent, &music).finish();
    }
    true
}

/// How many bars a melody of `music` has.
fn bars(music: &Music) -> usize {
    music.steps / music.steps_per_bar.max(1)
}
