//! One program that works for the page: told to end, it ends, and if it does not it is killed.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How often it is looked at whether it has ended.
const LOOK: Duration = Duration::from_millis(25);

/// How long it may take to end once it is told to.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes and lines of what it says that are kept.
const MOST_SAID: u64 = 4 << 20;
const MOST_LINES: usize = 20;

/// How it ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Well: what it printed.
    Done(Value),
    /// Not, and why; how to mend it, where that is known.
    Failed(String, Option<String>),
    /// It was told to.
    Cancelled,
}

/// Runs the program that `words` name, and gives `tell` each line of JSON that it says on its
/// standard error, until it ends or `cancel` is set.
pub(super) fn run(words: &[OsString], cancel: &AtomicBool, tell: impl Fn(Value) + Send) -> Ended {
    let failed = |error: std::io::Error| {
        Ended::Failed(format!("the program cannot be started ({error})"), None)
    };
    let mut child = match start(words) {
        Ok(child) => child,
        Err(error) => return failed(error),
    };
    let stdin = child.stdin.take();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
        return failed(std::io::ErrorKind::BrokenPipe.into());
    };
    let printed = std::thread::spawn(move || {
        let mut printed = String::new();
        let _ = stdout.take(MOST_SAID).read_to_string(&mut printed);
        printed
    });
    std::thread::scope(|scope| {
        let said = scope.spawn(move || {
            let mut said: Vec<String> = Vec::new();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                match serde_json::from_str::<Value>(&line) {
                    Ok(told) if told.is_object() => tell(told),
                    _ if said.len() < MOST_LINES => said.push(line),
                    _ => {}
                }
            }
            said
        });
        let is_good = waited(&mut child, stdin, cancel);
        let said = said.join().unwrap_or_default();
        let printed = joined(printed);
        match is_good {
            _ if cancel.load(Ordering::Acquire) => Ended::Cancelled,
            Some(true) => match serde_json::from_str(&printed) {
                Ok(printed) => Ended::Done(printed),
                Err(_) => Ended::Done(Value::Null),
            },
            _ => why(&printed, &said),
        }
    })
}

fn start(words: &[OsString]) -> std::io::Result<Child> {
    let (program, words) = words.split_first().ok_or(std::io::ErrorKind::NotFound)?;
    let mut command = Command::new(program);
    command.args(words);
    // What ends it is the end of its standard input: it notices that too if this program is killed.
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // A Ctrl-C in the terminal is meant for the page, which ends what works for it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

/// Waits until it has ended; gives whether it ended well, where that is known.
fn waited(
    child: &mut Child,
    mut stdin: Option<std::process::ChildStdin>,
    cancel: &AtomicBool,
) -> Option<bool> {
    let mut told: Option<Instant> = None;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) => {}
            Err(_) => return None,
        }
        if cancel.load(Ordering::Acquire) {
            drop(stdin.take());
            let told = told.get_or_insert_with(Instant::now);
            if told.elapsed() > PATIENCE {
                // It fails only if it has ended meanwhile.
                let _ = child.kill();
            }
        }
        std::thread::sleep(LOOK);
    }
}

fn joined(printed: JoinHandle<String>) -> String {
    printed.join().unwrap_or_default()
}

/// Why it failed, as it says itself.
fn why(printed: &str, said: &[String]) -> Ended {
    let told: Value = serde_json::from_str(printed).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let first = &told["diagnostics"][0];
    let message = text(&first["message"]).or_else(|| text(&told["error"]["message"]));
    let help = text(&first["help"]).or_else(|| text(&told["error"]["help"]));
    let last = || said.last().cloned();
    let message = message.or_else(last);
    Ended::Failed(
        message.unwrap_or_else(|| "the program ended before it was done".to_owned()),
        help,
    )
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Mutex;

    use super::*;

    fn shell(line: &str) -> Vec<OsString> {
        ["sh", "-c", line].map(Into::into).into()
    }

    #[test]
    fn what_it_says_is_told_and_what_it_prints_is_given() {
        let told = Mutex::new(Vec::new());
        let line = r#"echo '{"done":0.5}' >&2; echo a warning >&2; echo '{"written":[]}'"#;
        let ended = run(&shell(line), &AtomicBool::new(false), |line| {
            told.lock().unwrap().push(line);
        });
        assert!(matches!(ended, Ended::Done(printed) if printed["written"].is_array()));
        assert_eq!(told.into_inner().unwrap()[0]["done"], 0.5);
    }

    #[test]
    fn why_it_failed_is_what_it_says() {
        for (line, wanted) in [
            (
                r#"echo '{"error":{"message":"no film","help":"b"}}'; exit 1"#,
                "no film",
            ),
            ("echo 'error: no disk' >&2; exit 1", "error: no disk"),
            ("exit 3", "the program ended before it was done"),
        ] {
            let ended = run(&shell(line), &AtomicBool::new(false), drop);
            assert!(
                matches!(ended, Ended::Failed(why, _) if why == wanted),
                "{line}"
            );
        }
        let ended = run(&["/no/program".into()], &AtomicBool::new(false), drop);
        assert!(matches!(ended, Ended::Failed(..)));
    }

    #[test]
    fn one_that_is_cancelled_is_told_by_the_end_of_its_input() {
        let cancel = AtomicBool::new(false);
        let begun = Instant::now();
        let line = r#"echo '{"begun":true}' >&2; cat; exit 1"#;
        let ended = run(&shell(line), &cancel, |_| {
            cancel.store(true, Ordering::Release)
        });
        assert!(matches!(ended, Ended::Cancelled));
        assert!(begun.elapsed() < PATIENCE);
    }
}
