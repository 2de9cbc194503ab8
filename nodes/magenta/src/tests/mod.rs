//! Checkpoints of random weights: written in each layout, imported and compared with the reference;
//! and broken ones.

mod broken;
mod layouts;

use std::collections::BTreeMap;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use score_engine::Settings;
use serde_json::{Value, json};

use super::reference;
use super::weights::{Tensor, Weights};
use super::*;
use score_nodes::model::{Data, Session};
use score_nodes::music::Melody;

/// The sizes of a checkpoint.
#[derive(Clone, Copy)]
struct Sizes {
    tokens: usize,
    latent: usize,
    cells: &'static [usize],
    /// Units in each direction, and numbers for each token.
    encoder: Option<(usize, usize)>,
}

/// Ten tokens: hold, off, and the pitches 60 to 67.
const MELODY: Sizes = Sizes {
    tokens: 10,
    latent: 4,
    cells: &[6, 5],
    encoder: Some((7, 10)),
};

const DRUMS: Sizes = Sizes {
    tokens: 512,
    latent: 3,
    cells: &[4],
    encoder: Some((5, 10)),
};

fn converter(sizes: Sizes) -> Value {
    if sizes.tokens == 512 {
        return json!({ "type": "DrumsConverter", "args": { "numSteps": 32 } });
    }
    json!({ "type": "MelodyConverter", "args": { "minPitch": 60, "maxPitch": 67, "numSteps": 32 } })
}

/// How the tensors are written.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    Singles,
    /// In files, with the bytes of each and the bits of a number, 32 for plain ones.
    Shards(usize, u32),
}

/// Random tensors by name, large enough that every gate opens and closes.
fn random(sizes: Sizes) -> BTreeMap<String, Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut tensors = BTreeMap::new();
    let mut layer = |name: &str, rows: usize, columns: usize| {
        let shapes = [("kernel", vec![rows, columns]), ("bias", vec![columns])];
        for (part, shape) in shapes {
            let count = shape.iter().product();
            let draw = |_| -> f32 { StandardNormal.sample(&mut rng) };
            let values = (0..count).map(draw).collect();
            tensors.insert(format!("{name}/{part}"), Tensor { shape, values });
        }
    };
    let mut below = sizes.tokens + sizes.latent;
    for (number, units) in sizes.cells.iter().enumerate() {
        let name = format!("decoder/multi_rnn_cell/cell_{number}/lstm_cell");
        layer(&name, below + units, 4 * units);
        below = *units;
    }
    layer("decoder/output_projection", below, sizes.tokens);
    let state = 2 * sizes.cells.iter().sum::<usize>();
    layer("decoder/z_to_initial_state", sizes.latent, state);
    if let Some((units, depth)) = sizes.encoder {
        for direction in ["fw", "bw"] {
            let name = format!(
                "encoder/cell_0/bidirectional_rnn/{direction}/multi_rnn_cell/cell_0/lstm_cell"
            );
            layer(&name, depth + units, 4 * units);
        }
        layer("encoder/mu", 2 * units, sizes.latent);
        layer("encoder/sigma", 2 * units, sizes.latent);
    }
    tensors
}

/// Writes `tensors` into `folder`; what a reader must find there.
fn write(
    folder: &Path,
    mut tensors: BTreeMap<String, Tensor>,
    sizes: Sizes,
    layout: Layout,
) -> Weights {
    let (name, text) = match layout {
        Layout::Singles => ("converter.json", converter(sizes)),
        Layout::Shards(..) => (
            "config.json",
            json!({ "type": "MusicVAE", "dataConverter": converter(sizes) }),
        ),
    };
    std::fs::write(folder.join(name), text.to_string()).unwrap();
    let plain = |values: &[f32]| -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    };
    match layout {
        Layout::Singles => {
            let mut manifest = serde_json::Map::new();
            for (name, tensor) in &tensors {
                let file = name.replace('/', "_");
                std::fs::write(folder.join(&file), plain(&tensor.values)).unwrap();
                manifest.insert(
                    name.clone(),
                    json!({ "filename": file, "shape": tensor.shape }),
                );
            }
            std::fs::write(folder.join("manifest.json"), json!(manifest).to_string()).unwrap();
        }
        Layout::Shards(bytes_each, bits) => {
            // Training's counter, which is no layer and of another kind.
            let mut bytes = vec![0; 4];
            let mut entries = vec![json!({ "name": "global_step", "shape": [], "dtype": "int32" })];
            for (name, tensor) in &mut tensors {
                let mut entry = json!({ "name": name, "shape": tensor.shape, "dtype": "float32" });
                if bits == 32 {
                    bytes.extend(plain(&tensor.values));
                } else {
                    let least = tensor.values.iter().copied().fold(f32::MAX, f32::min);
                    let most = tensor.values.iter().copied().fold(f32::MIN, f32::max);
                    let (least, steps) = (f64::from(least), f64::from((1u32 << bits) - 1));
                    let scale = (f64::from(most) - least) / steps;
                    entry["quantization"] =
                        json!({ "dtype": format!("uint{bits}"), "scale": scale, "min": least });
                    for value in &mut tensor.values {
                        let q = ((f64::from(*value) - least) / scale).round() as u16;
                        bytes.extend(&q.to_le_bytes()[..bits as usize / 8]);
                        *value = (f64::from(q) * scale + least) as f32;
                    }
                }
                entries.push(entry);
            }
            let mut paths = Vec::new();
            for (number, part) in bytes.chunks(bytes_each).enumerate() {
                let path = format!("group1-shard{number}");
                std::fs::write(folder.join(&path), part).unwrap();
                paths.push(path);
            }
            let manifest = json!([{ "paths": paths, "weights": entries }]);
            std::fs::write(folder.join("weights_manifest.json"), manifest.to_string()).unwrap();
        }
    }
    Weights {
        tensors,
        ..Weights::default()
    }
}

fn request<'a>(checkpoint: &'a Path, to: &'a Path) -> Import<'a> {
    Import {
        checkpoint,
        name: "new",
        to,
        licence: None,
    }
}
