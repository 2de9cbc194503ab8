//! What the tests of several nodes need.

use std::path::Path;
use std::process::Command;

use score_engine::Settings;

/// Runs ffmpeg in `folder`, mostly to make a file, whose name the arguments end with; what it printed.
pub(crate) fn ffmpeg(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .current_dir(folder)
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments)
        .output()
        .expect("ffmpeg is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// The settings of this repository: its models.
pub(crate) fn settings() -> Settings {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    Settings::default().with_folder("models", models)
}
