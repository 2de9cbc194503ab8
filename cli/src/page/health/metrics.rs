//! The figures of a run for Prometheus.

use std::fmt::Write as _;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use score_engine::{NodeState, Status};

use super::super::hub::Hub;
use super::silence::Sound;
use super::{Health, of};
use crate::status::{dropouts, latency};

/// The figures in Prometheus' text format 0.0.4.
pub(in super::super) fn metrics(hub: &Hub, pages: usize) -> Response {
    let published = hub.published.status();
    let sound = hub.sound();
    let (health, _) = of(published.as_deref(), &sound);
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
    let states = Health::ALL.map(|state| ([("state", state.word())], f64::from(state == health)));
    let states = states.iter().map(|(labels, is_so)| (&labels[..], *is_so));
    text.gauge("score_health", "How the run is: 1 for what it is.", states);
    let silence = match &sound {
        Sound::Silent { lasts, .. } => lasts.as_secs_f64(),
        Sound::Heard => 0.0,
    };
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
    use super::*;

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
