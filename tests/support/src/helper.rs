//! Helpers: this program, started once more for a task of its own, until its standard input ends.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The path of this program.
pub fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// Makes `command`, which starts this program, start the helper that looks for `folder` in the
/// environment's `variable`. `test` is the name of the test that stands for it where this program
/// is a test's; a program that measures ignores it.
pub fn prepare<'a>(
    command: &'a mut Command,
    test: &str,
    variable: &str,
    folder: &Path,
) -> &'a mut Command {
    std::fs::create_dir_all(folder).unwrap();
    command
        .env(variable, folder)
        .args([test, "--exact", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// Becomes true when this program's standard input ends.
pub fn asked_to_end() -> Arc<AtomicBool> {
    let over = Arc::new(AtomicBool::new(false));
    let ended = over.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        ended.store(true, Ordering::Release);
    });
    over
}
