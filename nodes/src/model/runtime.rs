//! Finds and loads ONNX Runtime, once a process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use score_engine::NodeError;

/// Names under which the dynamic linker may know the library.
const SYSTEM_NAMES: [&str; 4] = [
    "libonnxruntime.so.1",
    "libonnxruntime.so",
    "libonnxruntime.dylib",
    "onnxruntime.dll",
];

static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// The process's one environment of ONNX Runtime. A failure is not remembered: the library may be
/// installed while an installation runs.
pub(super) fn environment() -> Result<Environment, NodeError> {
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = environment.as_ref() {
        return Ok(environment.clone());
    }
    let loaded = load()?;
    *environment = Some(loaded.clone());
    Ok(loaded)
}

fn load() -> Result<Environment, NodeError> {
    let mut reason = None;
    for candidate in candidates() {
        match ort::init_from(&candidate) {
            Ok(builder) => {
                return builder.with_telemetry(false).build().map_err(|error| {
                    NodeError::model(format!(
                        "ONNX Runtime (`{}`) does not start: {error}",
                        candidate.display()
                    ))
                });
            }
            Err(error) => {
                // The first reason is about the place that the user is most likely to have meant.
                reason.get_or_insert_with(|| format!("`{}`: {error}", candidate.display()));
            }
        }
    }
    let reason = reason.map_or(String::new(), |reason| format!(" ({reason})"));
    Err(NodeError::missing(
        format!("ONNX Runtime, which runs the models, cannot be loaded{reason}"),
        "run `make runtime`, which fetches it into the folder `runtime`, or set ORT_DYLIB_PATH to \
         your libonnxruntime.so",
    ))
}

/// Where the library may be, in order. A path in ORT_DYLIB_PATH is the only one when it is set:
/// whoever set it means that one and no other.
fn candidates() -> Vec<PathBuf> {
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
        return vec![PathBuf::from(path)];
    }
    let program = std::env::current_exe().ok();
    let current = std::env::current_dir().ok();
    let mut found = Vec::new();
    if let Some(folder) = program.as_deref().and_then(Path::parent) {
        found.extend(libraries(folder));
    }
    for start in [program.as_deref(), current.as_deref()]
        .into_iter()
        .flatten()
    {
        for folder in start.ancestors() {
            found.extend(libraries(&folder.join("runtime")));
        }
    }
    found.extend(SYSTEM_NAMES.iter().map(PathBuf::from));
    found
}

fn libraries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or("");
            name.starts_with("libonnxruntime.so")
                || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
                || name == "onnxruntime.dll"
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_versioned_library_in_a_folder_is_found_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "libonnxruntime.so.1.2.3",
            "libonnxruntime_providers_shared.so",
            "readme",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(
            libraries(folder.path()),
            [folder.path().join("libonnxruntime.so.1.2.3")]
        );
    }
}
