//! The `score` program with the built-in nodes.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    share_one_heap();
    score::run(&score_nodes::registry())
}

/// Has all threads take memory from one heap. glibc gives each of some first threads a heap of its
/// own, up to eight a core, and what the loading of a model leaves free in one is of no use to the
/// others: 12 MB of a live run's 98 (`docs/performance.md`, "Cost and soak", which also has what
/// edits cost with it).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn share_one_heap() {
    // SAFETY: no other thread runs yet. Where it is refused, all works the same.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}
