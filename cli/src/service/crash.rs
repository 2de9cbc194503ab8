//! A report of each panic, in a file: nothing is sent anywhere.

use std::backtrace::Backtrace;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use humantime::format_rfc3339_seconds;

/// Reports that one run writes, at most: a node that panics does so again.
const MOST: usize = 10;

/// Has each panic of this program's threads reported, in a file in `folder`, beside what is printed
/// of it anyway. What plays is called `patch`.
pub(crate) fn report_to(folder: PathBuf, patch: &Path) {
    let patch = patch.display().to_string();
    let written = AtomicUsize::new(0);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        let number = written.fetch_add(1, Ordering::Relaxed);
        if number < MOST {
            let backtrace = Backtrace::force_capture().to_string();
            let text = report(&patch, &info.to_string(), &backtrace);
            let path = folder.join(format!("crash-{}-{number}.txt", std::process::id()));
            // If it cannot be written, what is printed is all that there is.
            let made = std::fs::create_dir_all(&folder);
            // One of an earlier process with this number stays.
            let file = made.and_then(|()| File::create_new(&path));
            if file
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .is_ok()
            {
                tracing::error!(
                    "a report of the crash lies at `{}`; nothing is sent",
                    path.display()
                );
            }
        }
    }));
}

/// What a report says.
fn report(patch: &str, message: &str, backtrace: &str) -> String {
    let mut text = String::new();
    let thread = std::thread::current();
    let lines = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("system", std::env::consts::OS),
        ("machine", std::env::consts::ARCH),
        ("patch", patch),
        // A node's thread has its id; light nodes share one.
        ("thread", thread.name().unwrap_or("unknown")),
    ];
    let _ = writeln!(text, "at: {}", format_rfc3339_seconds(SystemTime::now()));
    for (name, value) in lines {
        let _ = writeln!(text, "{name}: {value}");
    }
    let _ = writeln!(text, "\n{message}\n\n{backtrace}");
    text
}
