//! What is known of a library that was found.

use std::path::PathBuf;

/// Whether a library may be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It lies in a folder that the user named or owns.
    Folder,
    /// It lies beside the patch, and the user has allowed what is in it.
    Allowed,
    /// It lies beside the patch, and nobody has allowed it.
    Missing,
}

/// A library that was found.
#[derive(Clone, Debug)]
pub struct FoundLibrary {
    /// The file.
    pub path: PathBuf,
    /// Whether it may be loaded.
    pub trust: Trust,
    /// The sha256 of what is in it, where it could be read.
    pub sha256: Option<String>,
    /// The plugin's name, where it is known.
    pub name: Option<String>,
    /// The plugin's version, where it is known.
    pub version: Option<String>,
    /// The kinds that it brings; of one that is not loaded, those that its manifest names.
    pub kinds: Vec<String>,
    /// Whether the kinds are known: libraries without a manifest do not tell them before they are
    /// loaded.
    pub kinds_known: bool,
    /// Those of its kinds whose names the program's own kinds have: the library's take their place.
    /// Of a library beside a patch that is not allowed, those that the patch uses, which stay the
    /// program's own.
    pub replaces: Vec<String>,
    /// Why the file, as it is now, is not loaded. What it was before may be in use still.
    pub refused: Option<String>,
    /// Whether the file is, or once was, a plugin, and not some other library.
    pub is_plugin: bool,
    /// How often the file was tried: once, and again each time that it had changed.
    pub tries: u64,
}
