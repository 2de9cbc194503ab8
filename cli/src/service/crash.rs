//! A report of each panic, in a file: nothing is sent anywhere.

use std::backtrace::Backtrace;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use humantime::format_rfc3339_seconds;
use score_engine::node_at_work;

/// Reports that one run writes, at most: a node that panics does so again.
const MOST: usize = 10;

/// Reports of all runs that are kept in a folder, the newest.
const KEPT: usize = 20;

/// What a report begins with, and what its second line does.
const FIRST: &str = "at: ";
const SECOND: &str = "version: ";

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
            remove_oldest(&folder, KEPT - 1);
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
    let (thread, node) = (std::thread::current(), node_at_work());
    let lines = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("system", std::env::consts::OS),
        ("machine", std::env::consts::ARCH),
        ("patch", patch),
        // Threads that a node has started itself do not know whose they are.
        ("node", node.as_deref().unwrap_or("unknown")),
        ("thread", thread.name().unwrap_or("unknown")),
    ];
    let at = format_rfc3339_seconds(SystemTime::now());
    let _ = writeln!(text, "{FIRST}{at}");
    for (name, value) in lines {
        let _ = writeln!(text, "{name}: {value}");
    }
    let _ = writeln!(text, "\n{message}\n\n{backtrace}");
    text
}

/// Removes the oldest reports in a folder but so many, and nothing else.
fn remove_oldest(folder: &Path, most: usize) {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut reports: Vec<(SystemTime, PathBuf)> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_name))
        .map(|entry| entry.path())
        .filter(|path| is_report(path))
        .filter_map(|path| {
            let written = path.symlink_metadata().and_then(|file| file.modified());
            Some((written.ok()?, path))
        })
        .collect();
    reports.sort_unstable();
    let beyond = reports.len().saturating_sub(most);
    for (_, path) in reports.into_iter().take(beyond) {
        // If it cannot be removed, it stays.
        let _ = std::fs::remove_file(path);
    }
}

/// Whether a file of this name may be a report: `crash-4711-0.txt`.
fn is_name(name: &str) -> bool {
    let numbers = name
        .strip_prefix("crash-")
        .and_then(|name| name.strip_suffix(".txt"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers
        .and_then(|numbers| numbers.split_once('-'))
        .is_some_and(|(process, number)| is_number(process) && is_number(number))
}

/// Whether a file begins as a report does.
fn is_report(path: &Path) -> bool {
    let is_file = path.symlink_metadata().is_ok_and(|file| file.is_file());
    let mut beginning = Vec::new();
    let read = match is_file {
        true => File::open(path).and_then(|file| file.take(200).read_to_end(&mut beginning)),
        false => Ok(0),
    };
    if read.is_err() {
        return false;
    }
    let beginning = String::from_utf8_lossy(&beginning);
    let mut lines = beginning.lines();
    let mut begins = |with: &str| lines.next().is_some_and(|line| line.starts_with(with));
    begins(FIRST) && begins(SECOND)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_reports_are_kept_and_no_other_file_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for number in 0..30 {
            let path = at(&format!("crash-{}-0.txt", 4_000 - number));
            std::fs::write(&path, report("show.ron", "it is broken", "nowhere")).unwrap();
            let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + number);
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(written).unwrap();
        }
        let others = [
            "crash-1-1.txt",
            "crash-site-2.txt",
            "run.state",
            "crash-2.txt",
        ];
        for name in others {
            std::fs::write(at(name), "at: the sea\nversions differ").unwrap();
        }
        remove_oldest(folder.path(), KEPT - 1);
        let is_there = |number: u32| at(&format!("crash-{number}-0.txt")).exists();
        let left: Vec<u32> = (3_900..=4_000).filter(|number| is_there(*number)).collect();
        assert_eq!(left, (3_971..=3_989).collect::<Vec<u32>>());
        assert!(others.iter().all(|name| at(name).exists()));
    }

    #[test]
    fn a_report_says_what_crashed_and_where() {
        let text = report("show.ron", "it is broken", "nowhere");
        let has = |line: &str| text.lines().any(|found| found == line);
        assert!(has("patch: show.ron") && has("node: unknown"), "{text}");
        assert!(
            has(&format!("version: {}", env!("CARGO_PKG_VERSION"))),
            "{text}"
        );
        assert!(text.ends_with("it is broken\n\nnowhere\n"), "{text}");
    }
}
