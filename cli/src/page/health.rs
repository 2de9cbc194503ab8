//! How a run is, for those who never open an editor: a word, figures for Prometheus, and JSON.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use score_engine::{NodeState, Status};
use serde_json::{Value, json};

use super::hub::Hub;
use crate::status::{dropouts, latency, line};

/// A status that is older is no status: the run's main loop publishes one a second.
const STALE: Duration = Duration::from_secs(10);

/// How a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Playing,
    /// All is well, and nothing is heard: the music may rest.
    Silent,
    /// Something is not there, such as a camera.
    Waiting,
    /// A node failed or hangs, or nothing is reported any more.
    Failing,
}

impl Health {
    fn word(self) -> &'static str {
        match self {
            Health::Playing => "playing",
            Health::Silent => "silent",
            Health::Waiting => "waiting",
            Health::Failing => "failing",
        }
    }

    fn code(self) -> StatusCode {
        match self {
            Health::Playing | Health::Silent => StatusCode::OK,
            Health::Waiting | Health::Failing => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// How the run is, and why.
fn of(status: Option<&(SystemTime, Status)>, silence: Option<Duration>) -> (Health, Vec<String>) {
    let Some((at, status)) = status else {
        let why = "nothing plays yet: the patch is still being built";
        return (Health::Waiting, vec![why.to_owned()]);
    };
    let age = at.elapsed().unwrap_or_default();
    if age > STALE {
        let why = format!("nothing was reported for {} s", age.as_secs());
        return (Health::Failing, vec![why]);
    }
    let (mut failing, mut waiting) = (Vec::new(), Vec::new());
    for node in &status.nodes {
        let id = &node.id;
        let error = || node.last_error.clone().unwrap_or_default();
        match (node.state, &node.waiting) {
            _ if node.hangs.is_some() => {
                let seconds = node.hangs.unwrap_or_default();
                failing.push(format!("{id} hangs for {seconds:.0} s"));
            }
            (NodeState::Failed, _) => failing.push(format!("{id} has failed: {}", error())),
            (NodeState::Restarting, _) => failing.push(format!("{id} restarts: {}", error())),
            (_, Some(wait)) => {
                let (reason, seconds) = (&wait.reason, wait.seconds);
                waiting.push(format!("{id} waits for {seconds:.0} s: {reason}"));
            }
            (NodeState::Preparing, _) => waiting.push(format!("{id} is being built")),
            _ => {}
        }
    }
    let health = match () {
        () if !failing.is_empty() => Health::Failing,
        () if !waiting.is_empty() => Health::Waiting,
        () if silence.is_some() => Health::Silent,
        () => Health::Playing,
    };
    let silent = silence.map(|silence| format!("silent for {} s", silence.as_secs()));
    let why = failing.into_iter().chain(waiting).chain(silent);
    (health, why.collect())
}

/// A word and a code, then the reasons, one line each.
pub(super) fn health(hub: &Hub) -> Response {
    let silence = hub.silence();
    let (health, why) = of(hub.published.status().as_deref(), silence);
    let mut text = format!("{}\n", health.word());
    for line in why {
        // One line each, whatever a message holds.
        let _ = writeln!(text, "{}", line.replace(char::is_control, " "));
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (health.code(), kind, text).into_response()
}

/// The status as `score status --json` prints it, with the word of its health.
pub(super) fn status(hub: &Hub) -> String {
    let published = hub.published.status();
    let (health, why) = of(published.as_deref(), hub.silence());
    let mut status = (published.as_deref())
        .and_then(|(at, status)| line(status, std::path::Path::new(&hub.name), *at).ok())
        .unwrap_or_else(|| json!({}));
    status["health"] = health.word().into();
    status["why"] = Value::from(why);
    status["held"] = hub.steering.held().len().into();
    status.to_string()
}

/// The figures in Prometheus' text format 0.0.4.
pub(super) fn metrics(hub: &Hub, pages: usize) -> Response {
    let published = hub.published.status();
    let silence = hub.silence();
    let (health, _) = of(published.as_deref(), silence);
    let mut text = Figures::default();
    let version = env!("CARGO_PKG_VERSION");
    let labels = [("version", version), ("patch", &hub.name)];
    text.gauge(
        "score_info",
        "The program and its patch.",
        [(&labels[..], 1.0)],
    );
    let up = hub.since.elapsed().as_secs_f64();
    text.gauge(
        "score_up_seconds",
        "Time since the run began.",
        [(&[][..], up)],
    );
    let all = [
        Health::Playing,
        Health::Silent,
        Health::Waiting,
        Health::Failing,
    ];
    let states = all.map(|state| ([("state", state.word())], f64::from(state == health)));
    let states = states.iter().map(|(labels, is_so)| (&labels[..], *is_so));
    text.gauge("score_health", "How the run is: 1 for what it is.", states);
    let silence = silence.unwrap_or_default().as_secs_f64();
    text.gauge(
        "score_silent_seconds",
        "How long nothing was heard.",
        [(&[][..], silence)],
    );
    text.gauge(
        "score_pages",
        "Pages that are open.",
        [(&[][..], pages as f64)],
    );
    if let Some((at, status)) = published.as_deref() {
        let age = at.elapsed().unwrap_or_default().as_secs_f64();
        text.gauge(
            "score_status_age_seconds",
            "Age of these figures.",
            [(&[][..], age)],
        );
        run(&mut text, status);
        nodes(&mut text, status);
        wires(&mut text, status);
    }
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (kind, text.0).into_response()
}

fn run(text: &mut Figures, status: &Status) {
    let one = |value: f64| [(&[][..], value)];
    text.gauge(
        "score_revision",
        "Revision of the patch that plays.",
        one(status.revision as f64),
    );
    text.gauge(
        "score_clock_seconds",
        "Time on the run's clock.",
        one(status.time),
    );
    let steered = f64::from(status.steered);
    text.gauge(
        "score_sound_device",
        "Whether a sound device leads the clock.",
        one(steered),
    );
    let dropouts = dropouts(status) as f64;
    text.counter(
        "score_dropouts_total",
        "How often a sound device had nothing to play.",
        one(dropouts),
    );
    if let Some(latency) = latency(status) {
        text.gauge(
            "score_latency_seconds",
            "From a picture to the sound that stems from it.",
            one(latency),
        );
    }
}

fn nodes(text: &mut Figures, status: &Status) {
    let labels: Vec<_> = (status.nodes.iter())
        .map(|node| [("node", node.id.as_str()), ("kind", node.kind.as_str())])
        .collect();
    let each = |value: fn(&score_engine::NodeStatus) -> f64| {
        let values = status.nodes.iter().map(value);
        labels.iter().map(|labels| &labels[..]).zip(values)
    };
    let is_well = |node: &score_engine::NodeStatus| {
        let runs = matches!(node.state, NodeState::Running | NodeState::Ended);
        f64::from(runs && node.hangs.is_none() && node.waiting.is_none())
    };
    text.gauge(
        "score_node_up",
        "Whether a node runs and waits for nothing that is not there.",
        each(is_well),
    );
    text.gauge(
        "score_node_load_ratio",
        "Share of the time that a node's calls take.",
        each(|node| node.load),
    );
    text.gauge(
        "score_node_call_p95_seconds",
        "What 95 of 100 calls of a node stay below.",
        each(|node| node.p95),
    );
    text.counter(
        "score_node_failures_total",
        "How often a node has failed.",
        each(|node| node.failures as f64),
    );
    let counters: Vec<_> = (status.nodes.iter())
        .flat_map(|node| {
            let counters = node.counters.iter();
            counters.map(|(name, value)| {
                (
                    [("node", node.id.as_str()), ("figure", *name)],
                    *value as f64,
                )
            })
        })
        .collect();
    let counters = counters.iter().map(|(labels, value)| (&labels[..], *value));
    text.gauge("score_node_figure", "A node's own figures.", counters);
}

fn wires(text: &mut Figures, status: &Status) {
    let labels: Vec<_> = (status.wires.iter())
        .map(|wire| [("wire", wire.name.as_str())])
        .collect();
    let each = |value: fn(&score_engine::WireStatus) -> f64| {
        let values = status.wires.iter().map(value);
        labels.iter().map(|labels| &labels[..]).zip(values)
    };
    text.counter(
        "score_wire_sent_total",
        "Packets that entered a wire.",
        each(|wire| wire.sent as f64),
    );
    text.counter(
        "score_wire_dropped_total",
        "Packets that a wire dropped.",
        each(|wire| wire.dropped as f64),
    );
    text.gauge(
        "score_wire_waiting",
        "Packets that wait in a wire.",
        each(|wire| wire.depth as f64),
    );
}

/// Prometheus' text format.
#[derive(Default)]
struct Figures(String);

impl Figures {
    fn gauge<'a>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'a [(&'a str, &'a str)], f64)>,
    ) {
        self.write("gauge", name, help, values);
    }

    fn counter<'a>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'a [(&'a str, &'a str)], f64)>,
    ) {
        self.write("counter", name, help, values);
    }

    fn write<'a>(
        &mut self,
        kind: &str,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'a [(&'a str, &'a str)], f64)>,
    ) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let labels: Vec<String> = (labels.iter())
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            let _ = match labels.is_empty() {
                true => writeln!(self.0, "{name} {value}"),
                false => writeln!(self.0, "{name}{{{}}} {value}", labels.join(",")),
            };
        }
    }
}

/// The value of a label within its quotes.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use score_engine::{NodeStatus, Waiting};

    use super::*;

    fn status(state: NodeState) -> (SystemTime, Status) {
        let node = NodeStatus {
            id: "camera".to_owned(),
            kind: "camera".to_owned(),
            generation: 1,
            state,
            waiting: None,
            last_error: Some("it is\nunplugged".to_owned()),
            failures: 2,
            rate: 0.0,
            p95: 0.0,
            load: 0.25,
            hangs: None,
            counters: BTreeMap::new(),
            steered: Vec::new(),
        };
        let status = Status {
            revision: 3,
            time: 1.0,
            steered: false,
            lead: 0.0,
            clock: None,
            cue: None,
            hours: None,
            standing_in: None,
            nodes: vec![node],
            wires: Vec::new(),
        };
        (SystemTime::now(), status)
    }

    fn word(status: Option<&(SystemTime, Status)>, silence: Option<u64>) -> &'static str {
        of(status, silence.map(Duration::from_secs)).0.word()
    }

    #[test]
    fn a_run_is_playing_silent_waiting_or_failing() {
        assert_eq!(word(None, None), "waiting");
        assert_eq!(word(Some(&status(NodeState::Running)), None), "playing");
        assert_eq!(word(Some(&status(NodeState::Running)), Some(9)), "silent");
        assert_eq!(word(Some(&status(NodeState::Failed)), Some(9)), "failing");
        assert_eq!(word(Some(&status(NodeState::Restarting)), None), "failing");
        let mut waiting = status(NodeState::Waiting);
        waiting.1.nodes[0].waiting = Some(Waiting {
            reason: "no camera is connected".to_owned(),
            seconds: 90.0,
        });
        let (health, why) = of(Some(&waiting), None);
        assert_eq!(
            (health, health.code()),
            (Health::Waiting, StatusCode::SERVICE_UNAVAILABLE)
        );
        assert_eq!(why, ["camera waits for 90 s: no camera is connected"]);
        let mut hanging = status(NodeState::Running);
        hanging.1.nodes[0].hangs = Some(4.0);
        assert_eq!(word(Some(&hanging), None), "failing");
        let mut old = status(NodeState::Running);
        old.0 = SystemTime::now() - Duration::from_secs(60);
        assert_eq!(word(Some(&old), None), "failing");
    }

    #[test]
    fn figures_are_written_as_prometheus_reads_them() {
        let mut text = Figures::default();
        let labels = [("node", "a\"b\\c\nd")];
        text.counter(
            "score_x_total",
            "What it is.",
            [(&labels[..], 2.0), (&[][..], 0.5)],
        );
        let wanted = "# HELP score_x_total What it is.\n# TYPE score_x_total counter\n\
            score_x_total{node=\"a\\\"b\\\\c\\nd\"} 2\nscore_x_total 0.5\n";
        assert_eq!(text.0, wanted);
    }
}
