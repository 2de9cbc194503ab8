//! Cues of the patch that plays are called while it plays on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use score_engine::{NodeState, SteeringErrorKind};

use super::kinds::{gaps, heard, noted};
use super::presets::{random_below, shown};
use super::{END, edit, generation, start, until};

const NODES: &str = r#""s": slider(name: "cued", place: 0.25), "n": notebook(name: "cued"), "h": hum(level: 0.5), "e": ear(name: "cued"), "p": palette()"#;
const WIRES: &str = r#""s -> n", "h -> e""#;

/// Nodes that note what they hear under `name`, and behind them cues.
fn with_cues(name: &str, cues: &str) -> String {
    let nodes = NODES.replace("cued", name);
    // What stands behind it closes the map of the presets.
    format!("{nodes}}}, cues: [{cues}], presets: {{")
}

#[test]
fn a_thousand_cues_at_random_end_exactly_where_they_say_and_restart_nobody() {
    let starts = ["now", "beat", "now", "now"];
    let curves = ["linear", "smooth", "3", "0.5"];
    let cues = (0..12_usize).map(|n| {
        let place = n as f64 / 11.0;
        let more = match n % 3 {
            0 => format!(r#""p.title": "{n}", "p.mute": [{}, 1]"#, n % 8),
            1 => format!(r#""p.loud": {}, "transport.tempo": {}"#, n > 5, 300 + 7 * n),
            _ => format!(r#""h.level": {}"#, place / 2.0 + 0.25),
        };
        let time = [0.0, 0.001, 0.02, 0.05][n % 4];
        let (start, curve) = (starts[n % 4], curves[n / 3]);
        format!(
            r#"(name: "{n}", set: {{"s.place": {place}, {more}}}, time: {time}, start: {start}, curve: {curve}), "#
        )
    });
    let cues: String = cues.collect();
    let mut live = start(&with_cues("cued", &cues), WIRES);
    until("it plays", || {
        noted("cued").len() > 5 && !heard("cued").is_empty()
    });
    let ids = ["s", "n", "h", "e", "p"];
    let before = ids.map(|id| generation(&mut live, id));
    let steering = live.steering();
    let all = steering.show().cues.clone();
    assert_eq!(all.len(), 12);
    let mut random = random_below(11);
    let mut wanted = BTreeMap::new();
    for n in 1..=1_000 {
        let mut chosen = random(all.len());
        // Those that wait for their beat are called seldom: a beat is long.
        if starts[chosen % 4] == "beat" && random(4) != 0 {
            chosen += 1;
        }
        let cue = &all[chosen];
        steering.cue(&cue.name).unwrap();
        // One that waits for its beat is replaced by the next, unless it starts before.
        let waits = steering.cue_status().unwrap().waiting.is_some();
        if waits && n % 50 != 0 {
            until("it has started", || {
                steering.cue_status().unwrap().waiting.is_none()
            });
        }
        for value in &cue.values {
            wanted.insert(
                (value.node.clone(), value.param.clone()),
                value.value.clone(),
            );
        }
        if n % 50 == 0 {
            until("every value is exactly what was called last", || {
                shown(&live) == wanted
            });
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(ids.map(|id| generation(&mut live, id)), before);
    let status = live.status();
    for node in &status.nodes {
        let id = &node.id;
        assert_eq!((node.failures, node.state), (0, NodeState::Running), "{id}");
    }
    assert!(status.cue.unwrap().current.is_some());
    assert_eq!(gaps("cued"), 0);
    assert!(live.drain(END).is_empty());
}

#[test]
fn cues_follow_each_other_by_themselves_through_an_edit() {
    let three = r#"(name: "one", set: {"s.place": 0.5}, time: 0.2, then: follow),
        (name: "two", set: {"s.place": 0.75}, then: wait(3)), (name: "three", set: {"s.place": 1})"#;
    let mut live = start(&with_cues("followed", three), WIRES);
    let steering = live.steering();
    let begun = Instant::now();
    assert_eq!(steering.go().as_deref(), Ok("one"));
    until("the second follows", || {
        steering.cue_status().unwrap().current.as_deref() == Some("two")
    });
    let longer = format!("{three}, (name: \"four\", set: {{\"s.place\": 0}})");
    edit(&mut live, &with_cues("followed", &longer), WIRES);
    let place = ("s".to_owned(), "place".to_owned());
    until("the third comes", || {
        shown(&live).get(&place) == Some(&1.0.into())
    });
    assert!(begun.elapsed() >= Duration::from_millis(3200));
    assert_eq!(steering.go().as_deref(), Ok("four"));
    let twice = steering.go().unwrap_err();
    assert_eq!(twice.kind, SteeringErrorKind::TooSoon);
    assert!(live.drain(END).is_empty());
}
