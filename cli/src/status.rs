//! Shows what a live run does: a table on the terminal, or one line of JSON per second.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_millis;
use score_engine::{CueStatus, NodeState, NodeStatus, StandingIn, Status, WireStatus};
use serde_json::{Value, json};

use crate::background_queue::BackgroundQueue;
use crate::failure::Failure;
use crate::log;
use crate::terminal::shown_json;

/// Megabytes that a file of status lines may have.
const MAX_MEGABYTES: u64 = 20;

/// Lines that may wait for a slow reader.
const QUEUE_LENGTH: usize = 16;

/// How long the end of the run waits for a slow reader.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(200);

/// Writes lines of JSON, on its own thread.
pub(crate) struct StatusWriter {
    target: Arc<Mutex<Target>>,
    queue: BackgroundQueue,
}

/// Where lines go.
struct Target {
    out: Box<dyn Write + Send>,
    /// Whether a line is written whole or not at all.
    is_whole: bool,
    /// Lines that could not be written since the last that was; `None`: nobody reads any more.
    lost: Option<u64>,
}

impl Target {
    fn new(out: impl Write + Send + 'static, is_whole: bool) -> Self {
        Target {
            out: Box::new(out),
            is_whole,
            lost: Some(0),
        }
    }

    fn write(&mut self, line: &str) {
        let Some(lost) = self.lost else { return };
        // Half a line ends before the next one begins.
        let end = if lost > 0 && !self.is_whole { "\n" } else { "" };
        let line = format!("{end}{line}");
        let written = self.out.write_all(line.as_bytes());
        match written.and_then(|()| self.out.flush()) {
            Ok(()) if lost > 0 => {
                tracing::info!("the status is written again; lines lost: {lost}");
                self.lost = Some(0);
            }
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                tracing::warn!("the status can no longer be written ({error})");
                self.lost = None;
            }
            Err(error) => {
                if lost == 0 {
                    tracing::warn!("the status cannot be written now ({error})");
                }
                self.lost = Some(lost + 1);
            }
        }
    }
}

impl StatusWriter {
    /// `-` is standard output, all else a file.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let target = match path == Path::new("-") {
            true => Target::new(std::io::stdout(), false),
            false => Target::new(log::open(path, MAX_MEGABYTES)?, true),
        };
        Ok(StatusWriter {
            target: Arc::new(Mutex::new(target)),
            queue: BackgroundQueue::start("status", QUEUE_LENGTH),
        })
    }

    /// Queues a line about the run of `patch`. If the reader is too slow, the line is dropped, and
    /// the next one says how many were.
    pub(crate) fn write(&self, status: &Status, patch: &Path) {
        let Ok(mut line) = line(status, patch, SystemTime::now()) else {
            return;
        };
        line["missed_lines"] = self.queue.missed().into();
        let line = format!("{}\n", shown_json(&line.to_string()));
        let target = self.target.clone();
        self.queue.push(move || {
            target
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .write(&line);
        });
    }
}

impl Drop for StatusWriter {
    fn drop(&mut self) {
        self.queue.finish(FLUSH_TIMEOUT);
    }
}

/// A status as a line of JSON, with its wall-clock time, and the process, version and patch that it
/// belongs to.
pub(crate) fn line(
    status: &Status,
    patch: &Path,
    now: SystemTime,
) -> Result<Value, serde_json::Error> {
    let mut line = json!({
        "at": format_rfc3339_millis(now).to_string(),
        "pid": std::process::id(),
        "version": env!("CARGO_PKG_VERSION"),
        // `json!` panics on a path that is not UTF-8.
        "patch": patch.to_string_lossy(),
    });
    if let (Value::Object(line), Value::Object(status)) = (&mut line, serde_json::to_value(status)?)
    {
        line.extend(status);
    }
    for (node, told) in status.nodes.iter().zip(0..) {
        if let Some(waiting) = &node.waiting {
            let long = Duration::try_from_secs_f64(waiting.seconds).unwrap_or_default();
            let since = now.checked_sub(long).unwrap_or(now);
            line["nodes"][told]["waiting"]["since"] =
                format_rfc3339_millis(since).to_string().into();
        }
    }
    line["latency"] = latency(status).into();
    line["dropouts"] = dropouts(status).into();
    Ok(line)
}

/// Seconds from a picture to the sound that stems from it, where a sound device plays.
pub(crate) fn latency(status: &Status) -> Option<f64> {
    let devices = status.nodes.iter().filter(|node| node.kind == "audio_out");
    let arrives = devices
        .flat_map(|node| inputs(status, &node.id))
        .map(|wire| wire.age)
        .reduce(f64::max)?;
    status.steered.then_some(arrives + status.lead)
}

/// How often a sound device had nothing to play.
pub(crate) fn dropouts(status: &Status) -> u64 {
    let counters = status.nodes.iter().map(|node| &node.counters);
    counters
        .filter_map(|counters| counters.get("dropouts"))
        .sum()
}

/// The wires into a node.
fn inputs<'a>(status: &'a Status, id: &'a str) -> impl Iterator<Item = &'a WireStatus> {
    status.wires.iter().filter(move |wire| wire.to.node == id)
}

/// What plays in place of the patch, and why, where something does.
pub(crate) fn stands_in(status: &Status) -> Option<String> {
    let StandingIn { plays, why } = status.standing_in.as_ref()?;
    Some(format!("{plays} plays in place of the patch: {why}"))
}

/// That it is not heard, and until when, where its hours are over.
pub(crate) fn silent_on_purpose(status: &Status) -> Option<String> {
    let closed = status.hours.as_ref().filter(|hours| !hours.open)?;
    let until = closed.until.as_ref();
    let until = until.map_or(String::new(), |until| format!(" until {until}"));
    Some(format!("silent on purpose{until}"))
}

/// Whatever a message holds, in one line.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// A table: what is not as usual, one line per node, with what waits and what was dropped on the
/// wires into it, and one line for all.
pub(crate) fn table(status: &Status) -> String {
    let width = status
        .nodes
        .iter()
        .map(|node| node.id.chars().count())
        .max()
        .unwrap_or(0)
        .max(4);
    let mut text = String::new();
    let unusual = [stands_in(status), silent_on_purpose(status)];
    for line in unusual.into_iter().flatten() {
        let _ = writeln!(text, "{}", one_line(&line));
    }
    let _ = writeln!(
        text,
        "{:width$}  {:<11} {:>8} {:>9} {:>5} {:>6} {:>8}",
        "node", "state", "calls/s", "p95", "load", "waits", "dropped"
    );
    for node in &status.nodes {
        let (waits, dropped) = inputs(status, &node.id).fold((0, 0), |(waits, dropped), wire| {
            (waits + wire.depth, dropped + wire.dropped)
        });
        let _ = writeln!(
            text,
            "{:width$}  {:<11} {:>8.1} {:>6.2} ms {:>3.0} % {waits:>6} {dropped:>8}",
            node.id,
            state(node),
            node.rate,
            node.p95 * 1e3,
            node.load * 100.0,
        );
    }
    let minutes = status.time as u64 / 60;
    let _ = write!(
        text,
        "revision {}, {minutes}:{:02}",
        status.revision,
        status.time as u64 % 60
    );
    match latency(status) {
        Some(latency) => {
            let _ = write!(
                text,
                ", picture to sound {:.0} ms, {} dropouts",
                latency * 1e3,
                dropouts(status)
            );
        }
        None if !status.steered => text.push_str(", no sound device leads the clock"),
        None => {}
    }
    if let Some(cue) = &status.cue {
        let _ = write!(text, "\n{}", cues(cue));
    }
    text
}

/// Where the cues are, in a line.
fn cues(cue: &CueStatus) -> String {
    let mut text = match &cue.current {
        Some(name) => format!("cue {name}"),
        None => "no cue yet".to_owned(),
    };
    if cue.left > 0.0 {
        let _ = write!(text, ", {:.0} s left", cue.left.ceil());
    }
    if let (Some(name), Some(start)) = (&cue.waiting, &cue.waits_for) {
        let _ = write!(text, "; {name} waits for {start}");
    } else if let (Some(name), Some(seconds)) = (&cue.next, cue.next_in) {
        let _ = write!(text, "; {name} in {:.0} s", seconds.ceil());
    } else if let Some(name) = &cue.next {
        let _ = write!(text, "; GO: {name}");
    }
    text
}

fn state(node: &NodeStatus) -> &'static str {
    match node.state {
        _ if node.hangs.is_some() => "hangs",
        NodeState::Preparing => "preparing",
        NodeState::Running => "running",
        NodeState::Restarting => "restarting",
        NodeState::Failed => "failed",
        NodeState::Ended => "ended",
        NodeState::Waiting => "waiting",
    }
}

#[cfg(test)]
mod tests {

    use score_engine::{HoursStatus, Waiting};

    use super::*;
    use crate::testing::node_status;

    #[test]
    fn a_table_says_first_what_stands_in_and_until_when_it_is_silent_on_purpose() {
        let mut status = Status {
            nodes: vec![node_status("glass", "synth")],
            hours: Some(HoursStatus {
                open: true,
                until: Some("2026-12-01T18:00:00+01:00".to_owned()),
            }),
            ..Status::default()
        };
        assert!(table(&status).starts_with("node "), "{}", table(&status));
        status.standing_in = Some(StandingIn {
            plays: "quiet".to_owned(),
            why: "signal 9\u{1b}[2J;\nmend it".to_owned(),
        });
        status.hours = Some(HoursStatus {
            open: false,
            until: Some("2026-12-01T10:00:00+01:00".to_owned()),
        });
        let table = table(&status);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines[..2],
            [
                "quiet plays in place of the patch: signal 9 [2J; mend it",
                "silent on purpose until 2026-12-01T10:00:00+01:00"
            ]
        );
        assert!(lines[2].starts_with("node "), "{table}");
    }

    /// Takes what it is told to, and half of what it is not.
    struct Faulty {
        errors: Vec<Option<ErrorKind>>,
        written: Arc<Mutex<String>>,
    }

    impl Write for Faulty {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let text = std::str::from_utf8(bytes).unwrap();
            let mut written = self.written.lock().unwrap();
            let Some(error) = self.errors.remove(0) else {
                written.push_str(text);
                return Ok(bytes.len());
            };
            written.push_str(&text[..text.len() / 2]);
            Err(error.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn standard_output_is_written_again_after_a_full_disk_and_not_once_nobody_reads() {
        let written = Arc::<Mutex<String>>::default();
        let full = Some(ErrorKind::StorageFull);
        let faulty = Faulty {
            errors: vec![None, full, full, None, Some(ErrorKind::BrokenPipe)],
            written: written.clone(),
        };
        let mut target = Target::new(faulty, false);
        for number in 0..7 {
            target.write(&format!("{{\"line\":{number}}}\n"));
        }
        let lines = "{\"line\":0}\n{\"lin\n{\"lin\n{\"line\":3}\n{\"lin";
        assert_eq!(*written.lock().unwrap(), lines);
    }

    #[test]
    fn a_line_says_where_the_cues_are() {
        let mut cue = CueStatus {
            next: Some("dawn".to_owned()),
            ..CueStatus::default()
        };
        assert_eq!(cues(&cue), "no cue yet; GO: dawn");
        cue.current = cue.next.replace("storm".to_owned());
        cue.left = 3.2;
        cue.next_in = Some(9.0);
        assert_eq!(cues(&cue), "cue dawn, 4 s left; storm in 9 s");
        (cue.waiting, cue.waits_for) = (Some("storm".to_owned()), Some("bar".to_owned()));
        assert_eq!(cues(&cue), "cue dawn, 4 s left; storm waits for bar");
    }

    #[test]
    fn a_line_says_whose_it_is_and_since_when_a_node_waits() {
        let node = NodeStatus {
            state: NodeState::Waiting,
            waiting: Some(Waiting {
                reason: "no camera is connected".to_owned(),
                seconds: 90.0,
            }),
            last_error: Some("no camera is connected".to_owned()),
            error_age: Some(2.0),
            ..node_status("camera", "camera")
        };
        let status = Status {
            revision: 3,
            time: 1.0,
            nodes: vec![node],
            ..Status::default()
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let line = line(&status, Path::new("show.ron"), now).unwrap();
        assert_eq!(line["at"], "2001-09-09T01:46:40.000Z");
        assert_eq!(line["pid"], std::process::id());
        assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(
            (&line["patch"], &line["revision"]),
            (&json!("show.ron"), &json!(3))
        );
        let node = &line["nodes"][0];
        assert_eq!(node["state"], "waiting");
        assert_eq!(node["waiting"]["reason"], "no camera is connected");
        assert_eq!(node["waiting"]["since"], "2001-09-09T01:45:10.000Z");
        assert_eq!(node["last_error"], "no camera is connected");
    }
}
