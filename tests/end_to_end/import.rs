//! A checkpoint of Magenta becomes a model that every command and node can use.

use std::path::Path;

use midly::{MidiMessage, Smf, TrackEventKind};
use score_nodes::model::Manifest;
use serde_json::{Value, json};

use score_test_support::{copy_models, names, score, text, write_scale};

const CELL: &str = "multi_rnn_cell/cell_0/lstm_cell";

/// Writes a checkpoint whose weights all are zero, but for the logit of `token`, one of `tokens`:
/// it plays that at every step, whatever the code.
fn write_checkpoint(folder: &Path, converter: &Value, tokens: usize, token: usize) {
    std::fs::create_dir(folder).unwrap();
    let encoder = |direction| format!("encoder/cell_0/bidirectional_rnn/{direction}/{CELL}");
    let depth = if tokens == 512 { 10 } else { tokens };
    let layers = [
        (format!("decoder/{CELL}"), tokens + 2 + 3, 12),
        ("decoder/output_projection".to_owned(), 3, tokens),
        ("decoder/z_to_initial_state".to_owned(), 2, 6),
        (encoder("fw"), depth + 4, 16),
        (encoder("bw"), depth + 4, 16),
        ("encoder/mu".to_owned(), 8, 2),
    ];
    let (mut bytes, mut entries) = (Vec::new(), Vec::new());
    for (name, rows, columns) in layers {
        for (part, shape) in [("kernel", vec![rows, columns]), ("bias", vec![columns])] {
            let name = format!("{name}/{part}");
            for place in 0..shape.iter().product::<usize>() {
                let chosen = name == "decoder/output_projection/bias" && place == token;
                let value: f32 = if chosen { 9.0 } else { 0.0 };
                bytes.extend(value.to_le_bytes());
            }
            entries.push(json!({ "name": name, "shape": shape, "dtype": "float32" }));
        }
    }
    let config = json!({ "type": "MusicVAE", "dataConverter": converter }).to_string();
    let manifest = json!([{ "paths": ["group1-shard1of1"], "weights": entries }]).to_string();
    std::fs::write(folder.join("config.json"), config).unwrap();
    std::fs::write(folder.join("weights_manifest.json"), manifest).unwrap();
    std::fs::write(folder.join("group1-shard1of1"), bytes).unwrap();
    std::fs::write(folder.join("LICENSE"), "Apache License\nVersion 2.0").unwrap();
}

/// Channel and key of each note that begins.
fn begun(path: &Path) -> Vec<(u8, u8)> {
    let bytes = std::fs::read(path).unwrap();
    let smf = Smf::parse(&bytes).unwrap();
    let events = smf.tracks.iter().flatten();
    events
        .filter_map(|event| match event.kind {
            TrackEventKind::Midi {
                channel,
                message: MidiMessage::NoteOn { key, vel },
            } if vel.as_int() > 0 => Some((channel.as_int(), key.as_int())),
            _ => None,
        })
        .collect()
}

/// Runs the program in `folder` and requires that all goes well; what it printed.
fn done(folder: &Path, arguments: &str) -> String {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let output = score(folder, &arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

#[test]
fn an_imported_melody_model_is_listed_verified_sampled_interpolated_and_played() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    copy_models(folder.path());
    let limits = json!({ "numSteps": 32, "minPitch": 60, "maxPitch": 72 });
    let converter = json!({ "type": "MelodyConverter", "args": limits });
    write_checkpoint(&at("checkpoint"), &converter, 15, 6);
    let told = done(
        folder.path(),
        "--models models models import checkpoint --name plain",
    );
    assert!(told.contains("plain: 2-bar melodies"), "{told}");
    assert!(
        told.contains("its output is what its tensors say"),
        "{told}"
    );

    // Those that were there still are, and the new one with them.
    let manifest = Manifest::load(&at("models")).unwrap();
    assert_eq!(
        manifest.models.len(),
        Manifest::load(&score_test_support::house().join("models"))
            .unwrap()
            .models
            .len()
            + 1
    );
    assert_eq!(manifest.models["plain"].licence, "Apache-2.0");
    assert_eq!(
        names(&at("models/plain")),
        [
            "CARD.md",
            "LICENSE",
            "encoder.onnx",
            "golden.json",
            "start.onnx",
            "step.onnx"
        ]
    );
    let told = done(folder.path(), "--models models models verify plain melody");
    assert!(told.contains("plain: fine: 3 files"), "{told}");
    assert!(done(folder.path(), "--models models models info plain").contains("Magenta"));

    done(
        folder.path(),
        "--models models sample --model plain --temperature 0 --count 2",
    );
    assert_eq!(begun(&at("sample.mid")), [(0, 64); 64]);
    write_scale(&at("scale.mid"));
    done(
        folder.path(),
        "--models models interpolate scale.mid scale.mid --model plain --steps 3",
    );
    assert_eq!(begun(&at("interpolate.mid")), [(0, 64); 96]);
    let patch = r#"Patch(format: 1, nodes: {
        "walk": latent_random(dimension: 2, duration: 4.0),
        "tune": music_decoder(model: "plain", temperature: 0.0),
        "notes": midi_file(path: "walk.mid"),
    }, wires: ["walk -> tune -> notes"])"#;
    std::fs::write(at("walk.ron"), patch).unwrap();
    done(folder.path(), "--models models render walk.ron --quiet");
    assert_eq!(begun(&at("walk.mid")), [(0, 64); 32]);

    let again = [
        "--models",
        "models",
        "models",
        "import",
        "checkpoint",
        "--name",
        "melody",
    ];
    let before = std::fs::read(at("models/manifest.ron")).unwrap();
    let output = score(folder.path(), &again);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("`melody` already") && said.contains("another name"),
        "{said}"
    );
    assert_eq!(std::fs::read(at("models/manifest.ron")).unwrap(), before);
}

#[test]
fn an_imported_drum_model_strikes_drums_on_their_channel() {
    let folder = tempfile::tempdir().unwrap();
    let converter = json!({ "type": "DrumsConverter", "args": { "numSteps": 32 } });
    // Bass drum and closed hi-hat.
    write_checkpoint(&folder.path().join("checkpoint"), &converter, 512, 5);
    let told = done(
        folder.path(),
        "models import checkpoint --name beat --to mine --json",
    );
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["without_encoder"], Value::Null);
    assert_eq!(told["manifest"]["music"]["drums"], true);
    done(
        folder.path(),
        "--models mine sample --model beat --temperature 0",
    );
    let beat: Vec<(u8, u8)> = [(9, 36), (9, 42)].repeat(32);
    assert_eq!(begun(&folder.path().join("sample.mid")), beat);
    done(
        folder.path(),
        "--models mine interpolate sample.mid sample.mid --model beat --steps 2",
    );
    assert_eq!(begun(&folder.path().join("interpolate.mid")).len(), 128);
}

#[test]
fn a_broken_checkpoint_is_told_in_words_and_leaves_no_model() {
    let folder = tempfile::tempdir().unwrap();
    let converter = json!({ "type": "DrumsConverter", "args": { "numSteps": 32 } });
    let checkpoint = folder.path().join("checkpoint");
    write_checkpoint(&checkpoint, &converter, 512, 5);
    std::fs::write(checkpoint.join("group1-shard1of1"), [0; 100]).unwrap();
    for from in ["checkpoint", "nowhere"] {
        let output = score(
            folder.path(),
            &["models", "import", from, "--name", "beat", "--to", "mine"],
        );
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.starts_with("error: ") && said.contains(from), "{said}");
    }
    assert_eq!(names(folder.path()), ["checkpoint"]);
}
