//! Values written into a patch. They follow a zero byte, each on a line of its own:
//! `node.parameter=JSON`.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use score_engine::{Registry, Source, Written, write_back};

static REGISTRY: LazyLock<Registry> = LazyLock::new(score_nodes::registry);

fn source(text: &str) -> Source {
    Source::text("fuzz.ron", text, PathBuf::from("/nowhere"))
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (text, given) = text.split_once('\0').unwrap_or((text, ""));
    let written = |(number, line): (usize, &str)| {
        let (target, value) = line.split_once('=')?;
        let (node, param) = target.rsplit_once('.')?;
        let written = Written::new(node, param, value.parse::<score_engine::Value>().ok()?);
        Some(if number % 2 == 0 {
            written
        } else {
            written.rounded()
        })
    };
    let values: Vec<Written> = given.lines().enumerate().filter_map(written).collect();
    let write = |text: &str, values: &[Written]| write_back(&source(text), values, &REGISTRY);
    if let Err(mistakes) = write(text, &values) {
        drop(mistakes.to_string());
    }
    // What goes alone goes together too, and only once.
    let goes = |value: &Written| write(text, std::slice::from_ref(value)).is_ok();
    let values: Vec<Written> = values.into_iter().filter(goes).collect();
    if let Some(first) = values.first() {
        let once = write(text, &values);
        let twice = once.as_ref().map(|once| write(once, &values));
        assert_eq!(twice, Ok(once.clone()), "{first:?}");
    }
});
