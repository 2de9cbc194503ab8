//! What an imported model's card and its line in the manifest say.

use super::bars;
use super::network::Network;
use super::weights::Weights;
use score_nodes::model::{Model, Music};

/// One line.
pub(super) fn summary(music: &Music) -> String {
    let what = if music.drums { "drums" } else { "melodies" };
    format!("{}-bar {what}, from a checkpoint of Magenta", bars(music))
}

/// The name of the licence whose text lies beside the weights.
pub(super) fn licence(text: Option<&str>) -> String {
    let Some(text) = text else {
        return "not stated".to_owned();
    };
    if text.contains("Apache License") && text.contains("Version 2.0") {
        "Apache-2.0".to_owned()
    } else {
        "see its LICENSE".to_owned()
    }
}

/// The card.
pub(super) fn text(name: &str, model: &Model, weights: &Weights, network: &Network<'_>) -> String {
    let units: Vec<String> = network
        .cells
        .iter()
        .map(|cell| cell.units().to_string())
        .collect();
    let numbers: usize = weights
        .tensors
        .values()
        .map(|tensor| tensor.values.len())
        .sum();
    let encoder = match &network.encoder {
        Ok(encoder) => format!(
            "an LSTM of {} units in each direction",
            encoder.forward.units()
        ),
        Err(why) => format!("none: {why}"),
    };
    let quantised = if weights.quantised {
        ", some stored as small whole numbers (q · scale + min)"
    } else {
        ""
    };
    format!(
        "# {name}: {}\n\n\
         Imported by `score models import` from a checkpoint for Magenta.js (MusicVAE, Roberts et \
         al. 2018).\n\n\
         - Code: {} numbers, trained towards N(0, 1).\n\
         - Decoder: LSTM of {} units, flat; gates i, j, f, o, forget bias 1.\n\
         - Encoder: {encoder}.\n\
         - Weights: {numbers} numbers in {} tensors, layout {}{quantised}.\n\
         - Licence: {}.\n\n\
         `golden.json` was computed from the tensors in double precision, without ONNX Runtime. \
         How well the model plays was not measured here; its makers' figures are in the paper.\n",
        model.summary,
        network.latent,
        units.join(" + "),
        weights.tensors.len(),
        weights.layout,
        model.licence,
    )
}
