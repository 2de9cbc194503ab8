//! Good checkpoints compute what their weights say.

use super::*;

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

/// Imports what was written and compares 32 steps and a code with the reference on the tensors as
/// they were written.
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

/// What is wanted of the published checkpoint that `SCORE_CHECKPOINT` names, with codes fitted to
/// melodies in the file that `SCORE_FITTED` names: `[{"code": [256 numbers], "tokens": [32
/// tokens]}]`.
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
