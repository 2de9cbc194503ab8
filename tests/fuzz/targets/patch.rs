//! A patch, read and checked against all built-in nodes. What follows a zero byte is a value given
//! on the command line.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use score_engine::{Override, Registry, Settings, Source, check};

static REGISTRY: LazyLock<Registry> = LazyLock::new(score_nodes::registry);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (text, given) = text.split_once('\0').unwrap_or((text, ""));
    let source = Source::text("fuzz.ron", text, PathBuf::from("nowhere"));
    let _ = source.nodes();
    let overrides: Vec<Override> = Override::parse(given).into_iter().collect();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let settings = Settings::default().with_folder("models", models);
    if let Err(mistakes) = check(&source, &overrides, &REGISTRY, &settings) {
        let _ = mistakes.to_string();
    }
});
