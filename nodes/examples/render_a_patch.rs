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
