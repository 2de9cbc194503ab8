//! How a run is, for those who never open an editor: a word, figures for Prometheus, and JSON.

mod metrics;
mod silence;
mod sound;

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use score_engine::{HoursStatus, NodeState, NodeValues, Status};
use serde_json::{Value, json};

use self::sound::Reason;
use super::hub::Hub;
use crate::status::{line, stands_in};

pub(super) use metrics::metrics;
pub(super) use silence::{Ears, Sound};

/// A status that is older is no status: the run's main loop publishes one a second.
const STALE: Duration = Duration::from_secs(10);

/// How a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Playing,
    /// Nothing is heard, and that is meant: the music rests, or somebody holds it back.
    SilentOnPurpose,
    /// Nothing is heard, though notes or sounds ask for it.
    SilentAndShouldNotBe,
    /// Something is not there, such as a camera.
    Waiting,
    /// A node failed or hangs, or nothing is reported any more.
    Failing,
}

impl Health {
    /// All of them.
    const ALL: [Health; 5] = [
        Health::Playing,
        Health::SilentOnPurpose,
        Health::SilentAndShouldNotBe,
        Health::Waiting,
        Health::Failing,
    ];

    fn word(self) -> &'static str {
        match self {
            Health::Playing => "playing",
            Health::SilentOnPurpose => "silent on purpose",
            Health::SilentAndShouldNotBe => "silent and should not be",
            Health::Waiting => "waiting",
            Health::Failing => "failing",
        }
    }

    fn code(self) -> StatusCode {
        match self {
            Health::Playing | Health::SilentOnPurpose => StatusCode::OK,
            Health::SilentAndShouldNotBe | Health::Waiting | Health::Failing => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

/// How the run is, and why.
fn of(status: Option<&(SystemTime, Status)>, sound: &Sound) -> (Health, Vec<String>) {
    let Some((at, status)) = status else {
        let why = "nothing plays yet: the patch is still being built";
        return (Health::Waiting, vec![why.to_owned()]);
    };
    let age = at.elapsed().unwrap_or_default();
    if age > STALE {
        let why = format!("nothing was reported for {} s", age.as_secs());
        return (Health::Failing, vec![why]);
    }
    let (mut failing, mut waiting): (Vec<String>, _) = (Vec::new(), Vec::new());
    failing.extend(stands_in(status));
    let closed = status.hours.as_ref().filter(|hours| !hours.open);
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
    let health = match sound {
        _ if !failing.is_empty() => Health::Failing,
        _ if !waiting.is_empty() => Health::Waiting,
        _ if closed.is_some() => Health::SilentOnPurpose,
        Sound::Heard => Health::Playing,
        Sound::Silent { is_meant: true, .. } => Health::SilentOnPurpose,
        Sound::Silent { .. } => Health::SilentAndShouldNotBe,
    };
    let mut why: Vec<String> = failing.into_iter().chain(waiting).collect();
    if let Some(HoursStatus { until, .. }) = closed {
        why.push(hours_are_over(until.as_deref()));
    } else if let Sound::Silent {
        lasts,
        why: reasons,
        ..
    } = sound
    {
        why.push(format!("silent for {} s", lasts.as_secs()));
        // One may stand at several nodes.
        for Reason { what, .. } in reasons {
            if !why.contains(what) {
                why.push(what.clone());
            }
        }
    }
    (health, why)
}

fn hours_are_over(until: Option<&str>) -> String {
    let until = until.map_or(String::new(), |until| format!(" until {until}"));
    format!("its hours are over: it is not heard{until}")
}

/// How the run is, and why; and what the next start would meet, though all plays on until then.
fn of_run(hub: &Hub, published: Option<&(SystemTime, Status)>) -> (Health, Vec<String>) {
    let (health, mut why) = of(published, &hub.sound());
    why.extend(hub.published.verdict().refusal.as_deref().map(refused));
    (health, why)
}

/// That the saved patch was refused, of which the first line says enough.
fn refused(why: &str) -> String {
    let first = why.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    format!("the saved patch was not taken over: {first}; after a restart it would not play")
}

/// What pages are told of the sound: whether it is heard, for how long not, and why, at the nodes.
pub(super) fn shown(ears: &Ears, status: &Status, now: f64, values: &[NodeValues]) -> Value {
    let reason =
        |reason: &Reason| json!({ "node": reason.node, "what": reason.what, "help": reason.help });
    let all = |reasons: &[Reason]| reasons.iter().map(reason).collect::<Vec<Value>>();
    let mut shown = match ears.judge(now, values) {
        _ if !ears.has_device() => json!({ "state": "none" }),
        Sound::Heard => json!({ "state": "heard", "peak": ears.peak().map(f32::round) }),
        Sound::Silent { lasts, why, .. } => {
            json!({ "state": "silent", "seconds": lasts.as_secs(), "why": all(&why) })
        }
    };
    let hours = status.hours.as_ref().filter(|hours| !hours.open);
    if let Some(HoursStatus { until, .. }) = hours {
        shown = json!({ "state": "closed", "what": hours_are_over(until.as_deref()) });
    }
    shown["levels"] = all(&ears.closed(values)).into();
    shown
}

/// A word and a code, then the reasons, one line each.
pub(super) fn health(hub: &Hub) -> Response {
    let (health, why) = of_run(hub, hub.published.status().as_deref());
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
    let (health, why) = of_run(hub, published.as_deref());
    let mut status = (published.as_deref())
        .and_then(|(at, status)| line(status, std::path::Path::new(&hub.name), *at).ok())
        .unwrap_or_else(|| json!({}));
    status["health"] = health.word().into();
    status["why"] = Value::from(why);
    status["held"] = hub.steering.held().len().into();
    status.to_string()
}

#[cfg(test)]
mod tests {

    use score_engine::{NodeStatus, StandingIn, Waiting};

    use super::*;
    use crate::testing::node_status;

    fn status(state: NodeState) -> (SystemTime, Status) {
        let node = NodeStatus {
            state,
            last_error: Some("it is\nunplugged".to_owned()),
            failures: 2,
            load: 0.25,
            ..node_status("camera", "camera")
        };
        let status = Status {
            revision: 3,
            time: 1.0,
            nodes: vec![node],
            ..Status::default()
        };
        (SystemTime::now(), status)
    }

    fn silent(is_meant: bool) -> Sound {
        Sound::Silent {
            lasts: Duration::from_secs(9),
            is_meant,
            why: vec![Reason::new(
                "piano",
                "no notes come from tune to piano".to_owned(),
                String::new(),
            )],
        }
    }

    #[test]
    fn a_saved_patch_that_was_refused_is_named_with_its_place_in_one_line() {
        let why = "show.ron:3:8: there is no kind `tune`\n  \"hum\": tune()\n         ^^^^";
        assert_eq!(
            refused(why),
            "the saved patch was not taken over: show.ron:3:8: there is no kind `tune`; after a \
             restart it would not play"
        );
        let why = "error: `take` would write `/srv/a.wav`, outside of the patch's folder\n  help";
        assert!(refused(why).contains(": `take` would write `/srv/a.wav`, outside"));
    }

    #[test]
    fn a_run_is_playing_silent_waiting_or_failing() {
        let word =
            |status: Option<&(SystemTime, Status)>, sound: &Sound| of(status, sound).0.word();
        let runs = status(NodeState::Running);
        assert_eq!(word(None, &Sound::Heard), "waiting");
        assert_eq!(word(Some(&runs), &Sound::Heard), "playing");
        assert_eq!(
            word(Some(&runs), &silent(false)),
            "silent and should not be"
        );
        let (health, why) = of(Some(&runs), &silent(true));
        assert_eq!(
            (health.word(), health.code()),
            ("silent on purpose", StatusCode::OK)
        );
        assert_eq!(why, ["silent for 9 s", "no notes come from tune to piano"]);
        assert_eq!(
            word(Some(&status(NodeState::Failed)), &silent(true)),
            "failing"
        );
        assert_eq!(
            word(Some(&status(NodeState::Restarting)), &Sound::Heard),
            "failing"
        );
        let mut closed = status(NodeState::Running);
        closed.1.hours = Some(HoursStatus {
            open: false,
            until: Some("2026-12-01T10:00:00+01:00".to_owned()),
        });
        // What leaves the nodes is not heard.
        let (health, why) = of(Some(&closed), &Sound::Heard);
        assert_eq!(health, Health::SilentOnPurpose);
        assert_eq!(
            why,
            ["its hours are over: it is not heard until 2026-12-01T10:00:00+01:00"]
        );
        closed.1.standing_in = Some(StandingIn {
            plays: "quiet".to_owned(),
            why: "it died three times in a minute".to_owned(),
        });
        let (health, why) = of(Some(&closed), &Sound::Heard);
        assert_eq!(health, Health::Failing);
        assert_eq!(
            why[0],
            "quiet plays in place of the patch: it died three times in a minute"
        );
        let mut waiting = status(NodeState::Waiting);
        waiting.1.nodes[0].waiting = Some(Waiting {
            reason: "no camera is connected".to_owned(),
            seconds: 90.0,
        });
        let (health, why) = of(Some(&waiting), &Sound::Heard);
        assert_eq!(
            (health, health.code()),
            (Health::Waiting, StatusCode::SERVICE_UNAVAILABLE)
        );
        assert_eq!(why, ["camera waits for 90 s: no camera is connected"]);
        let mut hanging = status(NodeState::Running);
        hanging.1.nodes[0].hangs = Some(4.0);
        assert_eq!(word(Some(&hanging), &Sound::Heard), "failing");
        let mut old = status(NodeState::Running);
        old.0 = SystemTime::now() - Duration::from_secs(60);
        assert_eq!(word(Some(&old), &Sound::Heard), "failing");
    }
}
