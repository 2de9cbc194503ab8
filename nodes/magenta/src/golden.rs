//! Known inputs and outputs of an imported model, for `score models verify`: computed in double
//! precision from the tensors, not by what is verified.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use score_engine::NodeError;
use serde_json::{Value, json};

use super::network::Network;
use super::reference::{self, State};
use super::weights::Weights;
use crate::onnx_writer::Place;
use score_nodes::model::Music;

/// The largest difference allowed, as a share of the largest number of an output (or of 1).
const TOLERANCE: f64 = 1e-4;

/// Steps before the one that is written down, so that the state has gone some way.
const STEPS_BEFORE: usize = 5;

/// The text of golden.json for a model whose files have the outputs `places`.
///
/// # Errors
/// The reference gave another number of outputs than the files have: a mistake of this program.
pub(super) fn text(
    weights: &Weights,
    network: &Network<'_>,
    music: &Music,
    places: &BTreeMap<String, Vec<Place>>,
) -> Result<String, NodeError> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    // Rounded first, since the files are given 32 bits.
    let code: Vec<f64> = (0..network.latent)
        .map(|_| StandardNormal.sample(&mut rng))
        .map(|value: f32| f64::from(value))
        .collect();
    let units: Vec<usize> = network
        .cells
        .iter()
        .map(super::network::Layer::units)
        .collect();
    let condition = reference::condition(weights, &code, music.tokens);
    let mut state = reference::start(weights, &code, &units);
    let mut files = BTreeMap::new();
    let latent = json!({ "latent": floats(&code) });
    let outputs = vec![condition.clone(), joined(&state)];
    files.insert("start", (latent, outputs));

    let mut token = None;
    for _ in 0..STEPS_BEFORE {
        let logits = reference::step(weights, &code, (token, music.tokens), &mut state);
        let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
        token = best;
    }
    // As with the code: the state goes in with 32 bits.
    for (c, h) in &mut state {
        for value in c.iter_mut().chain(h) {
            *value = f64::from(*value as f32);
        }
    }
    let inputs = json!({
        "condition": floats(&condition),
        "token": { "shape": [1], "int64": [token.unwrap_or(music.tokens)] },
        "state": floats(&joined(&state)),
    });
    let logits = reference::step(weights, &code, (token, music.tokens), &mut state);
    files.insert("step", (inputs, vec![logits, joined(&state)]));

    if let Ok(encoder) = &network.encoder {
        let melody: Vec<usize> = (0..music.steps)
            .map(|_| {
                let uniform: f64 = StandardUniform.sample(&mut rng);
                (uniform * music.tokens as f64) as usize % music.tokens.max(1)
            })
            .collect();
        let inputs = json!({ "tokens": { "shape": [1, melody.len()], "int64": melody } });
        let sizes = (encoder.forward.units(), encoder.depth, music.tokens);
        let code = reference::encode(weights, &melody, sizes);
        files.insert("encoder", (inputs, vec![code]));
    }

    let mut cases = serde_json::Map::new();
    for (role, (inputs, outputs)) in files {
        let names = places.get(role).map_or(&[][..], Vec::as_slice);
        if names.len() != outputs.len() {
            return Err(NodeError::internal(format!("`{role}` has other outputs")));
        }
        let most = outputs
            .iter()
            .flatten()
            .fold(1.0_f64, |most, value| most.max(value.abs()));
        let outputs: serde_json::Map<String, Value> = names
            .iter()
            .zip(&outputs)
            .map(|(place, values)| (place.name.to_owned(), floats(values)))
            .collect();
        let case = json!({ "inputs": inputs, "outputs": outputs, "tolerance": most * TOLERANCE });
        cases.insert(role.to_owned(), case);
    }
    Ok(json!({ "files": cases }).to_string())
}

fn floats(values: &[f64]) -> Value {
    let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
    json!({ "shape": [1, values.len()], "float32": values })
}

/// The state of all cells as one row.
fn joined(state: &[State]) -> Vec<f64> {
    state
        .iter()
        .flat_map(|(c, h)| c.iter().chain(h).copied())
        .collect()
}
