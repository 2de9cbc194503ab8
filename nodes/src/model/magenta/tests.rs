//! Checkpoints of random weights in each layout, imported and compared with the reference; and broken ones.

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
use crate::model::{Data, Session};
use crate::music::Melody;

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
    /// In files of so many bytes; with numbers of so many bits, 32 for plain ones.
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

/// The largest difference between what an ONNX file gave and what it should.
fn apart(came: &[f32], wanted: &[f64]) -> f64 {
    assert_eq!(came.len(), wanted.len());
    came.iter()
        .zip(wanted)
        .map(|(a, b)| (f64::from(*a) - b).abs())
        .fold(0.0, f64::max)
}

fn run(session: &mut Session, inputs: &[(&str, &[f32])], outputs: &[&str]) -> Vec<Vec<f32>> {
    let shapes: Vec<[usize; 2]> = inputs.iter().map(|(_, values)| [1, values.len()]).collect();
    let given: Vec<_> = inputs
        .iter()
        .zip(&shapes)
        .map(|((name, values), shape)| (*name, &shape[..], Data::F32(values)))
        .collect();
    let came = session.run(&given, outputs).unwrap();
    came.into_iter().map(|tensor| tensor.values).collect()
}

/// Imports what was written and compares 32 steps and a code with the reference on the tensors as they were written.
fn compare(sizes: Sizes, layout: Layout) {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("models"));
    std::fs::create_dir(&from).unwrap();
    let weights = write(&from, random(sizes), sizes, layout);
    let imported = import(request(&from, &to)).unwrap();
    assert!(imported.largest_difference.unwrap() < 1e-4);
    assert_eq!(imported.without_encoder, None);

    let manifest = Manifest::load(&to).unwrap();
    let model = manifest.model("new", Task::Music).unwrap();
    let code: Vec<f32> = (0..sizes.latent).map(|n| n as f32 * 0.7 - 1.0).collect();
    let exact: Vec<f64> = code.iter().map(|value| f64::from(*value)).collect();
    let mut start = manifest.open(model, "start").unwrap();
    let mut step = manifest.open(model, "step").unwrap();
    let began = run(&mut start, &[("latent", &code)], &["condition", "state"]);
    let (condition, mut state) = (&began[0], began[1].clone());
    let mut wanted = reference::start(&weights, &exact, sizes.cells);
    let mut token = sizes.tokens;
    let mut played = Vec::new();
    for number in 0..32 {
        let logits = reference::step(
            &weights,
            &exact,
            ((number > 0).then_some(token), sizes.tokens),
            &mut wanted,
        );
        let width = [1, state.len()];
        let came = step
            .run(
                &[
                    ("condition", &[1, condition.len()], Data::F32(condition)),
                    ("token", &[1], Data::I64(&[token as i64])),
                    ("state", &width, Data::F32(&state)),
                ],
                &["logits", "state_out"],
            )
            .unwrap();
        assert!(apart(&came[0].values, &logits) < 1e-4, "step {number}");
        state.clone_from(&came[1].values);
        let best = |a: &usize, b: &usize| logits[*a].total_cmp(&logits[*b]);
        token = (0..logits.len()).max_by(best).unwrap();
        played.push(token as i64);
    }

    let settings = Settings::default().with_folder("models", &to);
    let mut melody = Melody::load(&settings, "new").unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    assert_eq!(melody.decode(&code, 0.0, &mut rng).unwrap(), played);
    let tokens: Vec<usize> = (0..32).map(|n| n * 37 % sizes.tokens).collect();
    let (units, depth) = sizes.encoder.unwrap();
    let wanted = reference::encode(&weights, &tokens, (units, depth, sizes.tokens));
    let given: Vec<i64> = tokens.iter().map(|token| *token as i64).collect();
    assert!(apart(&melody.encode(&given).unwrap(), &wanted) < 1e-4);
}

#[test]
fn melodies_with_a_file_for_each_tensor_compute_what_their_weights_say() {
    compare(MELODY, Layout::Singles);
}

#[test]
fn melodies_in_shards_that_cut_through_tensors_compute_what_their_weights_say() {
    compare(MELODY, Layout::Shards(1001, 32));
}

#[test]
fn quantised_melodies_compute_what_their_rounded_weights_say() {
    compare(MELODY, Layout::Shards(usize::MAX, 8));
    compare(MELODY, Layout::Shards(333, 16));
}

#[test]
fn drums_compute_what_their_weights_say_read_as_hits_or_as_tokens() {
    compare(DRUMS, Layout::Shards(4096, 8));
    let as_tokens = Sizes {
        encoder: Some((5, 512)),
        ..DRUMS
    };
    compare(as_tokens, Layout::Singles);
}

/// Writes a good checkpoint, has it broken by `spoil`, and imports it: what is said, with nothing left behind.
fn said(sizes: Sizes, layout: Layout, spoil: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("models"));
    std::fs::create_dir(&from).unwrap();
    write(&from, random(sizes), sizes, layout);
    spoil(&from);
    let error = import(request(&from, &to)).unwrap_err();
    assert!(!to.exists());
    error.to_string()
}

/// Changes the JSON file `name` in `folder`.
fn edit(folder: &Path, name: &str, change: impl FnOnce(&mut Value)) {
    let path = folder.join(name);
    let mut value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
}

const SHARDED: Layout = Layout::Shards(1000, 32);
const MANIFEST: &str = "weights_manifest.json";

#[test]
fn a_truncated_file_of_weights_is_named() {
    let cut = |name: &'static str| {
        move |folder: &Path| {
            let path = folder.join(name);
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        }
    };
    let told = said(MELODY, SHARDED, cut("group1-shard0"));
    assert!(told.contains("5 too few"), "{told}");
    let told = said(
        MELODY,
        Layout::Singles,
        cut("decoder_output_projection_bias"),
    );
    assert!(told.contains("has 35 bytes, but"), "{told}");
    let told = said(MELODY, SHARDED, |folder| {
        std::fs::remove_file(folder.join("group1-shard1")).unwrap();
    });
    assert!(told.contains("group1-shard1` cannot be read"), "{told}");
    let told = said(MELODY, SHARDED, |folder| {
        edit(folder, MANIFEST, |manifest| {
            manifest[0]["weights"].as_array_mut().unwrap().pop();
        });
    });
    assert!(told.contains("too many"), "{told}");
}

#[test]
fn a_file_outside_the_folder_is_never_read() {
    for path in ["../secret", "/etc/hostname", "a/../../b", "."] {
        let told = said(MELODY, SHARDED, |folder| {
            edit(folder, MANIFEST, |manifest| {
                manifest[0]["paths"][0] = json!(path)
            });
        });
        assert!(told.contains("lies outside its folder"), "{path}: {told}");
        let told = said(MELODY, Layout::Singles, |folder| {
            edit(folder, "manifest.json", |manifest| {
                manifest["encoder/mu/bias"]["filename"] = json!(path);
            });
        });
        assert!(told.contains("lies outside its folder"), "{path}: {told}");
    }
}

#[test]
fn shapes_that_do_not_fit_or_have_no_end_are_refused() {
    let huge = json!([u64::MAX, 2]);
    let told = said(MELODY, SHARDED, |folder| {
        edit(folder, MANIFEST, |manifest| {
            manifest[0]["weights"][1]["shape"] = huge
        });
    });
    assert!(told.contains("is too large"), "{told}");
    let wrong = [
        (
            "decoder/output_projection/kernel",
            json!([10, 5]),
            "where [5] is wanted",
        ),
        (
            "decoder/output_projection/kernel",
            json!([50]),
            "rows and columns are wanted",
        ),
        (
            "decoder/multi_rnn_cell/cell_0/lstm_cell/bias",
            json!([4, 6]),
            "where [24] is wanted",
        ),
        ("encoder/mu/kernel", json!([4, 14]), "where [14] is wanted"),
        ("encoder/mu/kernel", json!([0, 4]), "has 224 bytes, but"),
        ("encoder/mu/bias", json!([-1]), "invalid value"),
    ];
    for (tensor, shape, wanted) in wrong {
        let told = said(MELODY, Layout::Singles, |folder| {
            edit(folder, "manifest.json", |manifest| {
                manifest[tensor]["shape"] = shape
            });
        });
        assert!(told.contains(wanted), "{tensor}: {told}");
    }
    let told = said(DRUMS, SHARDED, |folder| {
        edit(folder, "config.json", |config| {
            config["dataConverter"] = converter(MELODY)
        });
    });
    assert!(told.contains("where 17 are wanted"), "{told}");
}

#[test]
fn a_missing_tensor_of_the_decoder_is_named_and_of_the_encoder_is_done_without() {
    let told = said(MELODY, SHARDED, |folder| {
        edit(folder, MANIFEST, |manifest| {
            for entry in manifest[0]["weights"].as_array_mut().unwrap() {
                if entry["name"] == "decoder/z_to_initial_state/bias" {
                    entry["name"] = json!("decoder/conductor/bias");
                }
            }
        });
    });
    assert!(
        told.contains("no tensor `decoder/z_to_initial_state/bias`"),
        "{told}"
    );

    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("models"));
    std::fs::create_dir(&from).unwrap();
    write(&from, random(MELODY), MELODY, Layout::Singles);
    let absent = "encoder/cell_0/bidirectional_rnn/fw/multi_rnn_cell/cell_0/lstm_cell/kernel";
    std::fs::remove_file(from.join(absent.replace('/', "_"))).unwrap();
    let imported = import(request(&from, &to)).unwrap();
    let why = imported.without_encoder.unwrap();
    assert!(why.contains(absent) && !why.contains("bw"), "{why}");
    assert_eq!(imported.model.files.len(), 2);
    let settings = Settings::default().with_folder("models", &to);
    let error = Melody::load(&settings, "new")
        .unwrap()
        .encode(&[0; 32])
        .unwrap_err();
    assert!(error.to_string().contains("no encoder"), "{error}");
    // The name is taken now.
    let error = import(request(&from, &to)).unwrap_err();
    assert!(error.to_string().contains("`new` already"), "{error}");
}

#[test]
fn what_cannot_be_played_says_why() {
    let spoilt: [(&str, Value, &str); 5] = [
        (
            "/dataConverter/type",
            json!("TrioConverter"),
            "`TrioConverter` cannot be imported",
        ),
        ("/dataConverter/args/numSteps", json!(17), "multiple of 16"),
        (
            "/dataConverter/args/minPitch",
            json!(100),
            "the pitches 100 to 67",
        ),
        (
            "/dataConverter/args",
            json!({ "numSteps": 32, "stepsPerQuarter": 3 }),
            "four steps",
        ),
        ("/dataConverter", json!(5), "invalid type"),
    ];
    for (place, value, wanted) in spoilt {
        let told = said(MELODY, SHARDED, |folder| {
            edit(folder, "config.json", |config| {
                *config.pointer_mut(place).unwrap() = value
            });
        });
        assert!(told.contains(wanted), "{place}: {told}");
    }
    let told = said(MELODY, SHARDED, |folder| {
        edit(folder, "config.json", |config| {
            config["chordEncoder"] = json!("PitchChordEncoder")
        });
    });
    assert!(told.contains("more than a code"), "{told}");
    let told = said(MELODY, Layout::Shards(1000, 8), |folder| {
        edit(folder, MANIFEST, |manifest| {
            manifest[0]["weights"][1]["quantization"]["scale"] = Value::Null;
        });
    });
    assert!(told.contains("without scale or min"), "{told}");
    let told = said(MELODY, Layout::Singles, |folder| {
        let path = folder.join("encoder_mu_bias");
        std::fs::write(path, f32::NAN.to_le_bytes().repeat(4)).unwrap();
    });
    assert!(told.contains("not a number"), "{told}");
    let told = said(MELODY, SHARDED, |folder| {
        std::fs::remove_file(folder.join(MANIFEST)).unwrap();
    });
    assert!(told.contains("holds no checkpoint"), "{told}");
    let told = said(MELODY, SHARDED, |folder| {
        std::fs::remove_file(folder.join("config.json")).unwrap();
    });
    assert!(told.contains("what its tokens mean"), "{told}");
}

#[test]
fn no_damaged_byte_makes_the_reader_panic() {
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/seeds/checkpoint/sharded");
    let seed = std::fs::read(seed).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let attempt = |bytes: &[u8]| {
        let names = ["config.json", MANIFEST, "w"];
        for (name, part) in names.iter().zip(bytes.splitn(3, |byte| *byte == 0)) {
            std::fs::write(folder.path().join(name), part).unwrap();
        }
        try_checkpoint(folder.path())
    };
    assert!(attempt(&seed));
    // Digits are where sizes are; most other damage makes the JSON no JSON.
    let digits = (0..seed.len()).filter(|place| seed[*place].is_ascii_digit());
    for place in digits {
        for byte in [b'0', b'9', b'-', 0] {
            let mut bytes = seed.clone();
            bytes[place] = byte;
            attempt(&bytes);
            bytes.insert(place, b'9');
            attempt(&bytes);
        }
    }
}

/// What is wanted of the published checkpoint that `SCORE_CHECKPOINT` names, with codes fitted to melodies in the
/// file that `SCORE_FITTED` names: `[{"code": [256 numbers], "tokens": [32 tokens]}]`.
#[test]
#[ignore = "needs a published checkpoint: SCORE_CHECKPOINT and SCORE_FITTED"]
fn a_code_fitted_to_a_real_melody_decodes_to_it_exactly() {
    let checkpoint = std::env::var_os("SCORE_CHECKPOINT").unwrap();
    let fitted = std::fs::read(std::env::var_os("SCORE_FITTED").unwrap()).unwrap();
    let fitted: Vec<(Vec<f32>, Vec<i64>)> = serde_json::from_slice::<Vec<Value>>(&fitted)
        .unwrap()
        .into_iter()
        .map(|one| {
            let code = serde_json::from_value(one["code"].clone()).unwrap();
            (code, serde_json::from_value(one["tokens"].clone()).unwrap())
        })
        .collect();
    assert!(!fitted.is_empty());
    let folder = tempfile::tempdir().unwrap();
    import(request(Path::new(&checkpoint), folder.path())).unwrap();
    let settings = Settings::default().with_folder("models", folder.path());
    let mut melody = Melody::load(&settings, "new").unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for (code, tokens) in fitted {
        assert_eq!(melody.decode(&code, 0.0, &mut rng).unwrap(), tokens);
    }
}
