//! What is told of a patch and its revisions.

use std::path::PathBuf;
use std::time::Duration;

use score_engine::{FileRole, Graph, Revision, patch_hash};
use serde_json::Value;

/// The files that a patch writes.
pub(super) fn written(graph: &Graph) -> Vec<PathBuf> {
    let files = graph.files().filter(|file| file.role == FileRole::Write);
    files.map(|file| file.path).collect()
}

/// The device of the first `audio_out` of a patch, where it names one.
pub(super) fn device(graph: &Graph) -> Option<String> {
    let id = graph
        .node_ids()
        .find(|id| graph.kind(id) == Some("audio_out"))?;
    Some(graph.value(id, "device")?.as_str()?.to_owned())
}

/// What the nodes of a patch have for any of the parameters `names`: `eye: eye, tune: melody`.
pub(super) fn used(graph: &Graph, names: &[&str]) -> String {
    let graph = graph.json();
    let nodes = graph["nodes"].as_array().into_iter().flatten();
    let found = nodes.filter_map(|node| {
        let value = names.iter().find_map(|name| node["values"].get(name))?;
        let value = match value {
            Value::String(name) => name,
            Value::Null => "the system's own",
            // The number of a network's port names no device.
            _ => return None,
        };
        Some(format!("{}: {value}", node["id"].as_str()?))
    });
    found.collect::<Vec<_>>().join(", ")
}

pub(super) fn tell(revision: &Revision, took: Duration) {
    let parts = [
        ("began", &revision.begun),
        ("got new values", &revision.set),
        ("went", &revision.gone),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(what, ids)| format!("{what}: {}", ids.join(", ")))
        .collect();
    // Of another tempo or preset no node has to be named.
    let parts: String = parts.iter().map(|part| format!("; {part}")).collect();
    tracing::info!(
        revision = revision.number,
        hash = short_hash(revision),
        milliseconds = took.as_millis() as u64,
        generations = generations(revision),
        "the edit plays{parts}",
    );
}

/// What tells the patch's text from others, short enough to be read.
pub(super) fn short_hash(revision: &Revision) -> String {
    patch_hash(&revision.patch).chars().take(12).collect()
}

/// The generations of the nodes that began, in their order: `7, 8`.
pub(super) fn generations(revision: &Revision) -> String {
    let numbers: Vec<String> = revision.generations.iter().map(u64::to_string).collect();
    numbers.join(", ")
}
