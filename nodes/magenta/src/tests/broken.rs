//! Broken and strange checkpoints are refused in words, with nothing left behind.

use super::*;

/// Writes a good checkpoint, has it broken by `spoil`, and imports it: what is said, with nothing
/// left behind.
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
    let seed =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds/checkpoint/sharded");
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
