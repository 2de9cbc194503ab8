//! Other programs on this computer.

use std::path::Path;

/// Whether a program of this name lies where the system looks for programs.
pub(crate) fn is_installed(program: &str) -> bool {
    let ending = std::env::consts::EXE_SUFFIX;
    let lies_in = |folder: &Path| folder.join(format!("{program}{ending}")).is_file();
    std::env::var_os("PATH")
        .is_some_and(|folders| std::env::split_paths(&folders).any(|folder| lies_in(&folder)))
}
