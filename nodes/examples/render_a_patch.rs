//! The library as a library: reads a patch, checks it, renders it, as `score render` does.
//!
//!     cargo run --package score-nodes --example render_a_patch -- graphs/random_walk.ron

use std::{error::Error, path::Path};

use score_engine::{Report, Run, Settings, Source, check};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("which patch?")?;
    let report = render(Path::new(&path), Path::new("models"))?;
    println!("{} nodes have run", report.nodes.len());
    Ok(())
}

/// Renders the patch in a file.
///
/// # Errors
/// The patch is wrong, or a node fails.
pub fn render(patch: &Path, models: &Path) -> Result<Report, Box<dyn Error>> {
    let settings = Settings::default().with_folder("models", models);
    let patch = Source::read(patch)?;
    let graph = check(&patch, &[], &score_nodes::registry(), &settings)?;
    Ok(Run::start(graph, &settings)?.wait()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PATCH: &str = r#"
        Patch(
            format: 1,
            nodes: {
                "tone":  tone(length: seconds(0.5)),
                "sound": audio_file(path: "tone.wav"),
            },
            wires: ["tone -> sound"],
        )
    "#;

    #[test]
    fn a_patch_is_rendered_into_its_own_folder() {
        let folder = tempfile::tempdir().unwrap();
        let patch = folder.path().join("tone.ron");
        std::fs::write(&patch, PATCH).unwrap();
        let report = render(&patch, Path::new("models")).unwrap();
        assert_eq!(report.nodes.len(), 2);
        assert!(folder.path().join("tone.wav").metadata().unwrap().len() > 24_000 * 2);
    }

    #[test]
    fn a_mistake_is_an_error_that_says_what_was_meant() {
        let folder = tempfile::tempdir().unwrap();
        let patch = folder.path().join("tone.ron");
        std::fs::write(&patch, PATCH.replace("audio_file", "audio_fil")).unwrap();
        let wrong = render(&patch, Path::new("models")).unwrap_err().to_string();
        assert!(wrong.contains("did you mean `audio_file`?"), "{wrong}");
    }
}
