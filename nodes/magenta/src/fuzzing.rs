//! What `tests/fuzz` reaches, as [`score_nodes::fuzzing`]: a checkpoint that somebody else made.

/// Reads a checkpoint of Magenta: what is said of its tokens, its manifest, and the bytes of its
/// file `w`, with zero bytes between them.
pub fn checkpoint(bytes: &[u8]) {
    let Ok(folder) = tempfile::tempdir() else {
        return;
    };
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let (config, manifest, weights) = (next(), next(), next());
    let layout = if manifest.first() == Some(&b'[') {
        "weights_manifest.json"
    } else {
        "manifest.json"
    };
    for (name, bytes) in [("config.json", config), (layout, manifest), ("w", weights)] {
        if std::fs::write(folder.path().join(name), bytes).is_err() {
            return;
        }
    }
    let _ = crate::try_checkpoint(folder.path());
}
