//! The program's side: finds plugins, loads them, and runs their nodes.

mod beside;
mod consent;
mod file;
mod folders;
mod found;
mod inspect;
mod library;
mod node;
mod registry;

use std::path::Path;

pub use consent::Consents;
pub use found::{FoundLibrary, Trust};
pub use library::LoadError;
pub use registry::{PluginRegistry, to_type};

/// A plugin in a file, as its bytes tell it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The sha256 of the bytes.
    pub sha256: String,
    /// The plugin's name, where the library tells it.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its kinds; none where the library has no manifest.
    pub kinds: Option<Vec<String>>,
}

/// Looks at the library at `path` without loading it.
///
/// # Errors
/// It cannot be read, or is not a plugin that this program could load.
pub fn look_at(path: &Path) -> Result<Candidate, LoadError> {
    let bytes = library::read(path)?;
    let inspected = inspect::inspect(&bytes)?;
    Ok(Candidate {
        sha256: consent::sha256(&bytes),
        name: inspected.name,
        version: inspected.version,
        kinds: inspected.kinds,
    })
}
